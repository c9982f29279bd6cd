"""The compiled fold against `core.clocks.fold`: every clock of 10,000 random tickets, allowed histories and not."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jiying.core import fold_loops, kernels
from jiying.core.calendars import LAST_INSTANT, Calendar, CalendarError, CalendarSpec, compile_calendar
from jiying.core.clocks import DictBook, Event, fold
from jiying.core.fold_kernel import STATES, FoldedClock, fold_log, fold_many, gather
from jiying.core.fold_log import WORD_BITS, Encoded, FoldLog, Pack, Terms, encode
from jiying.core.fold_loops import KIND_BITS
from jiying.core.standards import TICKET_METRICS, Facts, Rule, parse
from tests.core import clock_cases as cases
from tests.core.clock_cases import at, target

# Lunch breaks in all of them. This one has make-up days too: Saturday the 28th with its own hours, Sunday as a Monday.
MAKE_UP = compile_calendar(CalendarSpec.from_json({
    "tz": cases.ZONE, "weekly": {str(day): [[540, 720], [810, 1080]] for day in range(5)},
    "closed": {"2026-11-25": "a", "2026-11-26": "b"},
    "worked": {"2026-11-28": [[600, 690], [705, 901]], "2026-11-29": 0},
}))  # fmt: skip
# Everything at once: updates, every metric paused for something, all starts at acceptance or all at receipt, tiers and
# categories, and rows that promise less than others, so that a change of row drops clocks and brings them back.
BUSY = parse(cases.changed({
    "rows": [
        {"key": "all", "channel": "chat", "targets": {
            "accept": target(10), "first_response": target(30, calendar="work"), "update": target(45),
            "next_response": target(1, "h", "work"), "resolution": target(1, "wd", "work"),
            "resolution_total": target(2, "wd", "work")}},
        {"key": "vip", "tier": "vip", "targets": {"first_response": target(5), "resolution": target(90)}},
        {"key": "refund", "category": "order/refund", "targets": {
            "accept": target(20, calendar="work"), "update": target(2, "h", "work"),
            "resolution": target(3, "h", "work")}},
    ],
    "rules": {
        "accept": {"pauses": ["department"]},
        "first_response": {"starts": "acceptance", "pauses": ["customer"]},
        "next_response": {"pauses": ["third_party", "customer"]},
        "update": {"starts": "acceptance", "pauses": ["customer", "department"]},
        "resolution": {"starts": "acceptance", "pauses": ["customer", "third_party"]},
        "resolution_total": {"starts": "acceptance", "pauses": ["department"]},
    },
}), version=5)  # fmt: skip
EAGER = replace(BUSY, version=6, rules={
    metric: replace(rule, starts=rule.starts.replace("acceptance", "receipt")) for metric, rule in BUSY.rules.items()
})  # fmt: skip
BOOK = DictBook({**cases.BOOK.standards, 5: BUSY, 6: EAGER}, {**cases.BOOK.calendars, ("work", 3): MAKE_UP})
GAPS = (0, 0, 1, 60, 299, 300, 600, 900, 1800, 5400, 7200, 14_400, 30_000, 86_400, 400_000)
MESSAGES = (
    cases.REPLY, cases.REPLY, cases.ASKS, cases.ASKS, cases.CALL, cases.CALL_IN, cases.MISSED_CALL, cases.NOTE,
    cases.BOT, cases.AUTO,
)  # fmt: skip
PLAIN = ("accepted", "resumed", "resumed", "solved", "solved", "rejected", "confirmed", "closed", "reopened",
         "reopened", "unassigned", "unheard_of")  # fmt: skip
RARE = ("merged", "cancelled", "opened", "asked", "answered", "withdrawn", "redated", "redated", "reclassified")
CHANGES: tuple[Mapping[str, Any], ...] = (
    *({"priority": x} for x in ("P1", "P2", "P3", "P4")), *({"channel": x} for x in ("chat", "email")),
    {"tier": "vip"}, {"tier": None}, {"category": "order/refund/late"}, {"category": None, "tier": None},
)  # fmt: skip
BINDINGS: tuple[Mapping[str, Any], ...] = (
    *({"standard": x} for x in range(1, 7)), *({"calendars": {"work": x}} for x in (1, 2, 3)),
)  # fmt: skip
N_TICKETS = 10_000
NOW = at("30 17:00")


# ---------------------------------------------------------------- random tickets
def bound(chance: random.Random) -> dict[str, Any]:
    return {"24x7": 1, "work": chance.choice((1, 2, 3))}


def opening(chance: random.Random) -> dict[str, Any]:
    """Data of an opening under any standard and calendar."""
    priority, channel = chance.choice(("P1", "P2", "P3", "P4")), chance.choice(("phone", "chat", "email"))
    facts = {"tier": chance.choice((None, None, "vip")), "category": chance.choice((None, "order", "order/refund"))}
    return {**cases.opened(priority, channel, chance.choice((1, 2, 4, 5, 6))), **facts, "calendars": bound(chance)}


def asking(chance: random.Random) -> dict[str, Any]:
    """A request for another promise, whose clock is not compiled but whose versions count from then on."""
    standard = {"standard": chance.randrange(1, 7)} if chance.random() < 0.5 else {}
    metric = chance.choice(("callback", "appeal", "resolution"))
    return {"metric": metric, "target_s": 1800, "calendar": "work", "calendars": bound(chance), **standard}


def rare(chance: random.Random) -> tuple[str, Mapping[str, Any]]:
    """Steps that end a ticket or that few tickets have."""
    data: dict[str, Callable[[], Mapping[str, Any]]] = {
        "opened": lambda: opening(chance),
        "asked": lambda: asking(chance),
        "redated": lambda: chance.choice(BINDINGS),
        "reclassified": lambda: chance.choice(CHANGES),
    }
    kind = chance.choice(RARE)
    return kind, data[kind]() if kind in data else {}


def step(chance: random.Random) -> tuple[str, Mapping[str, Any]]:
    """Anything that may happen to a ticket, whether its state allows it or not."""
    pick = chance.random()
    if pick < 0.32:
        return "message", chance.choice(MESSAGES)
    if pick < 0.42:
        return chance.choice(("assigned", "transferred")), {"to": chance.choice(("li", "wang", None))}
    if pick < 0.54:
        return "held", {"reason": chance.choice(("customer", "third_party", "department", "lunch"))}
    if pick < 0.84:
        return chance.choice(PLAIN), {}
    return ("reclassified", chance.choice(CHANGES)) if pick < 0.91 else rare(chance)


def ticket(chance: random.Random) -> list[Event]:
    """An opening (rarely something before it), up to a dozen steps; a closing may be dated back, an event arrive late,
    and all are in any order."""
    told = [step(chance)] if chance.random() < 0.05 else []
    told += [("opened", opening(chance)), *(step(chance) for _ in range(chance.randrange(13)))]
    now, found = at("23 08:00") + chance.randrange(0, 600_000), []
    for number, (kind, data) in enumerate(told, 1):
        late = 0 if chance.random() < 0.95 else chance.choice(GAPS)
        if kind == "closed" and chance.random() < 0.5:
            data = {"as_of": now - chance.choice(GAPS)}
        found.append(Event(now - late, number, kind, data))
        now += chance.choice(GAPS) if chance.random() < 0.7 else chance.randrange(20_000)
    chance.shuffle(found)
    return [event for event in found if event.at <= NOW]


def tickets(n: int, seed: int) -> dict[int, list[Event]]:
    chance = random.Random(seed)
    return {number: ticket(chance) for number in range(n)}


COMMON: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("assigned", {"to": "li"}), ("assigned", {"to": "li"}), ("accepted", {}), ("message", cases.REPLY),
    ("message", cases.REPLY), ("message", cases.ASKS), ("held", {"reason": "customer"}),
    ("held", {"reason": "department"}), ("resumed", {}), ("resumed", {}), ("solved", {}),
)  # fmt: skip


def common_life(chance: random.Random) -> list[Event]:
    """What most tickets see, in nearly any order, often within one second; sometimes solved and closed."""
    n_steps = chance.randrange(9)
    steps = [chance.choice(COMMON) for _ in range(n_steps)]
    if chance.random() < 0.5:
        steps.sort(key=COMMON.index)
    steps += [(kind, {}) for kind in ("solved", "closed") if chance.random() < 0.6]
    now, found = at("23 08:00") + chance.randrange(0, 600_000), []
    for number, (kind, data) in enumerate([("opened", opening(chance)), *steps], 1):
        found.append(Event(now, number, kind, data))
        now += chance.choice(GAPS)
    return [event for event in found if event.at <= NOW]


def plain(told: Iterable[Event], book: DictBook = BOOK) -> list[FoldedClock]:
    """The fold itself, in the words of the compiled one."""
    clocks = (x for x in fold(told, book, NOW) if x.metric in TICKET_METRICS)
    return sorted(FoldedClock(*(getattr(x, name) for name in FoldedClock._fields)) for x in clocks)


# ---------------------------------------------------------------- equal to the fold
def test_every_clock_of_random_tickets_is_that_of_the_fold() -> None:
    told = tickets(N_TICKETS, 1)
    found = fold_many(told, BOOK, NOW)
    for number, history in told.items():
        assert found[number] == plain(history), (number, sorted(history))
    kinds = {(x.metric, x.state) for clocks in found.values() for x in clocks}
    assert kinds == {(metric, state) for metric in TICKET_METRICS for state in STATES} - {("next_response", "pending")}
    left = encode(told, BOOK).left
    assert 0 < len(left) < N_TICKETS / 500  # what only Python can fold is rare, so this test is about the compiled loop


@pytest.mark.parametrize("with_rows", [True, False])
def test_common_lives_that_are_folded_straight_have_the_clocks_of_the_fold(with_rows: bool) -> None:
    chance = random.Random(6)
    told = {number: common_life(chance) for number in range(4_000)}
    encoded = encode(told, BOOK, cell_of=lambda number: number)
    assert not encoded.left
    folded = fold_log(encoded.log, [None], NOW, with_rows=with_rows)
    truth = np.zeros((4, len(TICKET_METRICS), len(told)), np.int64)
    for number, history in told.items():
        for clock in plain(history):
            state = {"met": 0, "breached": 1, "cancelled": 3}.get(clock.state, 2)
            truth[state, TICKET_METRICS.index(clock.metric), number] += 1
    found = np.stack([folded.met[0], folded.breached[0], folded.open[0], folded.cancelled[0]])
    assert np.array_equal(found, truth) and (truth.sum((1, 2)) > 500).all()
    if folded.rows is not None:
        by_ticket: dict[int, list[FoldedClock]] = {number: [] for number in told}
        for _draft, number, clock in folded.rows.clocks():
            by_ticket[number].append(clock)
        assert {number: sorted(clocks) for number, clocks in by_ticket.items()} == {
            number: plain(history) for number, history in told.items()
        }


@pytest.mark.parametrize("without", [(cases.ALWAYS, cases.WORK, cases.WORK_WITH_HOLIDAY, MAKE_UP), (MAKE_UP,)])
def test_calendars_without_a_table_give_the_same(
    without: tuple[Calendar, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = kernels.direct_table
    monkeypatch.setattr(kernels, "direct_table", lambda c, first, last: None if c in without else some(c, first, last))
    told = tickets(500, 2)
    assert fold_many(told, BOOK, NOW) == {number: plain(history) for number, history in told.items()}


def test_threads_share_the_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    log = encode(tickets(500, 3), BOOK).log
    alone = fold_log(log, [None], NOW, with_rows=True)
    monkeypatch.setattr(kernels, "THREAD_WORTH", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    shared = fold_log(log, [None], NOW, with_rows=True)
    assert alone.rows is not None and shared.rows is not None
    assert shared.rows.clocks() == alone.rows.clocks()
    assert np.array_equal(shared.met, alone.met) and np.array_equal(shared.breached, alone.breached)


def under(history: list[Event], standard: int, work: int) -> list[Event]:
    """The same events, as if every binding had named these versions."""
    versions = {"standard": standard, "calendars": {"24x7": 1, "work": work}}
    binding = ("opened", "asked", "redated")
    return [x._replace(data={**x.data, **versions}) if x.kind in binding else x for x in history]


def test_c10_drafts_give_what_would_have_been_promised_under_them() -> None:
    """Several at once, each as the fold of a history that had always named it, and what really held beside them."""
    told = tickets(800, 4)
    encoded = encode(told, BOOK)
    versions = [(5, 3), (1, 2)]
    drafts = [Terms(BOOK.standard(x), {"24x7": cases.ALWAYS, "work": BOOK.calendar("work", y)}) for x, y in versions]
    rows = fold_log(encoded.log, [*drafts, None], NOW, with_rows=True).rows
    assert rows is not None
    found: dict[tuple[int, int], list[FoldedClock]] = {}
    for draft, number, clock in rows.clocks():
        found.setdefault((draft, encoded.tickets[number]), []).append(clock)
    for key in encoded.tickets:
        told_as = [under(told[key], *versions[0]), under(told[key], *versions[1]), told[key]]
        for draft, history in enumerate(told_as):
            assert sorted(found.get((draft, key), [])) == plain(history)


def test_counts_are_those_of_the_rows() -> None:
    told = tickets(400, 5)
    encoded = encode(told, BOOK, cell_of=lambda number: number % 3)
    folded = fold_log(encoded.log, [None, None], NOW, with_rows=True)
    assert folded.rows is not None
    cells = encoded.log.cells[folded.rows.ticket]
    for count, states in ((folded.met, [0]), (folded.breached, [1]), (folded.open, [2, 3, 4]), (folded.cancelled, [5])):
        truth = np.zeros_like(count)
        here = np.isin(folded.rows.state, states)
        np.add.at(truth, (folded.rows.draft[here], folded.rows.metric[here], cells[here]), 1)
        assert count.shape == (2, 6, 3) and truth.sum() > 0 and np.array_equal(count, truth)


def test_the_worked_example_of_the_docs() -> None:
    told = cases.events(
        ("23 10:00", "opened", cases.opened("P3")), ("23 10:02", "assigned", {"to": "li"}), ("23 10:08", "accepted"),
        ("23 11:00", "message", cases.REPLY), ("23 11:00", "held", {"reason": "customer"}),
        ("24 08:40", "message", cases.ASKS), ("24 08:40", "resumed"), ("24 09:30", "message", cases.REPLY),
        ("25 14:00", "solved"), ("26 09:00", "confirmed"),
    )  # fmt: skip
    found = {x.metric: x for x in fold_many({"T1": told}, cases.BOOK, at("26 09:00"))["T1"]}
    assert found["accept"][2:6] == ("met", at("23 10:02"), at("23 10:12"), at("23 10:08"))
    assert found["first_response"][2:6] == ("met", at("23 10:08"), at("24 10:38"), at("23 11:00"))
    assert found["next_response"][2:6] == ("met", at("24 08:40"), at("25 09:30"), at("24 09:30"))
    assert found["resolution"][2:6] == ("met", at("23 10:00"), at("26 17:00"), at("25 14:00"))


# ---------------------------------------------------------------- packs
def pack_of(rows: list[tuple[int, int, int, int]]) -> Pack:
    """Of (ticket, at, journal id, word)."""
    rows = sorted(rows)
    ids = sorted({row[0] for row in rows})
    firsts = [sum(row[0] < pk for row in rows) for pk in ids] + [len(rows)]
    turns = [at << WORD_BITS | word for _pk, at, _entry, word in rows]
    return Pack(*(np.array(x, np.int64) for x in (ids, firsts, turns, [row[2] for row in rows])))


@pytest.mark.parametrize("n_instants", [3, 1000])
def test_packs_are_gathered_by_instant_and_journal_id(n_instants: int) -> None:
    """Whatever packs the events of a ticket lie in; with few instants most are told from another by journal id."""
    chance = random.Random(8)
    what = np.array([9 << KIND_BITS | 1, -1, 3], np.int64)
    for n_packs in (0, 1, 2, 2, 3, 5):
        told = [
            (chance.randrange(2, 40, 2), chance.randrange(n_instants), entry, chance.randrange(3))
            for entry in range(300)
        ]
        lots = [chance.randrange(n_packs) if n_packs else -1 for _ in told]
        packs = [
            (pack_of([row for row, lot in zip(told, lots, strict=True) if lot == n]), what) for n in range(n_packs)
        ]
        ids = sorted(chance.sample(range(1, 45), 30))
        firsts, lasts, found = gather(packs, np.array(ids))
        for n, pk in enumerate(ids):
            rows = sorted(row for row, lot in zip(told, lots, strict=True) if row[0] == pk and lot >= 0)
            assert found[firsts[n] : lasts[n]].tolist() == [
                [at, what[word]] for _pk, at, _entry, word in rows if word != 1
            ]


# ---------------------------------------------------------------- what it does not take
def test_tickets_that_only_the_fold_can_fold_are_named_and_folded_there() -> None:
    first = {"metric": "callback", "target_s": 60, "calendar": "work", "calendars": cases.CALENDARS}
    told = {
        "asked first": cases.events(("23 10:00", "asked", first), ("23 10:01", "opened", cases.opened())),
        "no standard": cases.events(("23 10:00", "opened", {**cases.opened(), "standard": None})),
        "held solved": cases.events(("23 10:00", "opened", cases.opened()), ("23 10:01", "held", {"reason": "solved"})),
        "plain": cases.events(("23 10:00", "opened", cases.opened())),
    }
    encoded = encode(told, BOOK)
    assert (encoded.tickets, encoded.left) == (("plain",), ("asked first", "no standard", "held solved"))
    assert fold_many(told, BOOK, NOW) == {key: plain(history) for key, history in told.items()}


def one_log(*told: tuple[int, int, int]) -> FoldLog:
    """One ticket of (at, kind, data) under the shipped standard."""
    when, kind, data = np.array(told, np.int64).reshape(-1, 3).T
    terms = Terms(BOOK.standard(1), {"24x7": cases.ALWAYS, "work": cases.WORK})
    ticket = np.zeros(len(when), np.int32)
    cells = np.zeros(1, np.int32)
    return FoldLog(ticket, when, kind.astype(np.int8), data.astype(np.int32), cells, (Facts("chat", "P1"),), (terms,))


def test_bad_input_is_refused_before_anything_is_written() -> None:
    log = one_log((NOW - 60, fold_loops.OPENED, 0), (NOW - 30, fold_loops.HELD, 0))
    assert fold_log(log, [None], NOW).open.sum() == 4
    bad = [
        replace(log, ticket=log.ticket + 1),
        replace(log, cells=log.cells - 1),
        replace(log, kind=log.kind[:-1]),
        replace(log, at=log.at + 60),
        replace(log, at=-log.at),
        replace(log, data=log.data + 4),
        replace(log, data=log.data - 1),
        one_log((NOW, fold_loops.RECLASSIFIED, 1)),
        one_log((NOW, fold_loops.REDATED, 1)),
        one_log((NOW, fold_loops.BOUND, -1)),
    ]
    for broken in bad:
        with pytest.raises(ValueError, match=r"outside|length|out of range"):
            fold_log(broken, [None], NOW)


def test_kinds_that_are_no_event_are_passed_over() -> None:
    log = one_log((NOW - 60, -1, 9), (NOW - 60, 15, 9), (NOW - 60, fold_loops.OPENED, 0), (NOW - 50, 99, 9))
    assert fold_log(log, [None], NOW).open.sum() == 4


def test_what_comes_before_opening_a_second_opening_and_what_comes_after_the_end_do_nothing() -> None:
    """The encoder leaves these out, a log made of arrays may have them."""
    opened, other = (NOW - 900, fold_loops.OPENED, 0), (NOW - 800, fold_loops.OPENED, 0)
    before, over = (NOW - 1000, fold_loops.ACCEPTED, 0), (NOW - 700, fold_loops.CANCELLED, 0)
    after = [(NOW - 600, kind, 0) for kind in (fold_loops.REOPENED, fold_loops.WROTE, fold_loops.ANSWERED)]
    told = fold_log(one_log(before, opened, other, over, *after), [None], NOW, with_rows=True).rows
    short = fold_log(one_log(opened, over), [None], NOW, with_rows=True).rows
    assert told is not None and short is not None and told.clocks() == short.clocks() and len(told.clocks()) == 4


def test_c12_met_at_the_due_instant_and_breached_if_it_still_runs_then() -> None:
    assigned = [(NOW - 600, fold_loops.OPENED, 0), (NOW - 600, fold_loops.ASSIGNED, 1)]
    running = fold_log(one_log(*assigned), [None], NOW)
    accepted = fold_log(one_log(*assigned, (NOW, fold_loops.ACCEPTED, 0)), [None], NOW)
    assert running.breached[0, 0].tolist() == [1] and running.met[0, 0].tolist() == [0]
    assert accepted.breached[0, 0].tolist() == [0] and accepted.met[0, 0].tolist() == [1]


def test_a_calendar_that_is_not_bound_is_an_error_where_it_is_needed() -> None:
    log = one_log((NOW - 60, fold_loops.OPENED, 0))
    p1_needs_none = Terms(BOOK.standard(1), {"24x7": cases.ALWAYS})
    assert fold_log(log, [p1_needs_none], NOW).open.sum() == 4
    with pytest.raises(LookupError, match="not bound"):
        fold_log(replace(log, facts=(Facts("chat", "P3"),)), [p1_needs_none], NOW)


def test_a_reason_that_no_log_can_name_and_a_due_time_beyond_the_years_are_refused() -> None:
    log = one_log((NOW - 60, fold_loops.OPENED, 0))
    shipped = BOOK.standard(1)
    rules = {**shipped.rules, "resolution": Rule("receipt", ("lunch",))}
    with pytest.raises(ValueError, match="lunch"):
        fold_log(log, [Terms(replace(shipped, rules=rules), log.bindings[0].calendars)], NOW)
    with pytest.raises(CalendarError, match="out_of_range"):
        fold_log(replace(log, at=log.at * 0 + LAST_INSTANT - 10), [None], LAST_INSTANT)


def test_nothing_gives_nothing() -> None:
    empty: Encoded[int] = encode({}, BOOK)
    folded = fold_log(empty.log, [None], NOW, with_rows=True)
    assert folded.met.sum() == 0 and folded.rows is not None and folded.rows.clocks() == []
    assert fold_many({7: []}, BOOK, NOW) == {7: []}


def test_importing_the_modules_loads_neither_numba_nor_numpy() -> None:
    code = "import sys, jiying.core.fold_kernel; print([m for m in ('numba', 'numpy') if m in sys.modules])"
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip() == "[]"
