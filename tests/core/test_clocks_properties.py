"""Clocks on random histories, allowed and not: what must hold whatever happens (C12-C14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jiying.core.clocks import Clock, Event, Subject, fold
from tests.core.clock_cases import ASKS, AUTO, BOOK, BOT, CALENDARS, CALL_IN, MISSED_CALL, NOTE, REPLY, at

START = at("23 08:00")
GAPS = st.sampled_from((0, 1, 60, 299, 300, 600, 900, 1800, 5400, 7200, 14_400, 30_000, 86_400, 400_000)) | st.integers(
    0, 20_000
)
PRIORITY = st.sampled_from(("P1", "P2", "P3", "P4"))
CHANNEL = st.sampled_from(("phone", "chat", "email"))
OPENING = st.builds(
    lambda priority, channel, standard: {
        "channel": channel, "priority": priority, "by": "customer", "standard": standard, "calendars": CALENDARS,
    },
    PRIORITY, CHANNEL, st.sampled_from((1, 2)),
)  # fmt: skip
TO = st.builds(lambda who: {"to": who}, st.sampled_from(("li", "wang", None)))
MESSAGE = st.sampled_from((REPLY, REPLY, ASKS, ASKS, CALL_IN, MISSED_CALL, NOTE, BOT, AUTO))
REASON = st.builds(lambda reason: {"reason": reason}, st.sampled_from(("customer", "third_party", "department")))
NOTHING: st.SearchStrategy[Mapping[str, Any]] = st.just({})
STEP = st.one_of(
    st.tuples(st.just("message"), MESSAGE),
    st.tuples(st.sampled_from(("assigned", "transferred")), TO),
    st.tuples(st.just("held"), REASON),
    st.tuples(st.sampled_from(("accepted", "resumed", "resumed", "solved", "solved", "rejected")), NOTHING),
    st.tuples(st.sampled_from(("confirmed", "closed", "reopened", "unassigned", "unheard_of")), NOTHING),
)
RARE = st.tuples(st.sampled_from(("merged", "cancelled", "opened")), OPENING)
CALLBACK = {"metric": "callback", "target_s": 1800, "calendar": "work"}
PROMISE = st.one_of(
    st.tuples(st.just("asked"), st.just({**CALLBACK, "calendars": CALENDARS})),
    st.tuples(st.just("asked"), st.just({"department": "logistics", "standard": 1, "calendars": CALENDARS})),
    st.tuples(st.sampled_from(("answered", "withdrawn")), NOTHING),
)
REDATED: st.SearchStrategy[Mapping[str, Any]] = st.sampled_from((
    {"standard": 1}, {"standard": 2}, {"standard": 3}, {"calendars": {"work": 2}}, {"calendars": {"work": 1}},
))  # fmt: skip
CHANGE = st.one_of(
    st.tuples(st.just("reclassified"), st.builds(lambda x: {"priority": x}, PRIORITY)),
    st.tuples(st.just("reclassified"), st.builds(lambda x: {"channel": x}, CHANNEL)),
    st.tuples(st.just("redated"), REDATED),
)
FIXED = st.one_of(STEP, STEP, STEP, PROMISE, RARE)
ANY = st.one_of(STEP, STEP, STEP, CHANGE, PROMISE, RARE)


@st.composite
def histories(draw: st.DrawFn, step: st.SearchStrategy[tuple[str, Mapping[str, Any]]] = ANY) -> list[Event]:
    """An opening (rarely something before it), then up to a dozen steps in order of time."""
    told = draw(st.lists(step, max_size=1) if draw(st.integers(0, 9)) == 0 else st.just([]))
    told = [*told, ("opened", draw(OPENING)), *draw(st.lists(step, max_size=12))]
    now, found = START, []
    for number, (kind, data) in enumerate(told, 1):
        found.append(Event(now, number, kind, data))
        now += draw(GAPS)
    return found


def by_name(clocks: tuple[Clock, ...]) -> dict[tuple[str, int], Clock]:
    return {(x.metric, x.seq): x for x in clocks}


@given(histories(), GAPS)
@settings(max_examples=150)
def test_c12_live_prefix_by_prefix_is_the_same_as_replayed(told: list[Event], gap: int) -> None:
    live = Subject(BOOK)
    for number, event in enumerate(told, 1):
        live.apply(event)
        now = told[number].at if number < len(told) else event.at + gap
        assert live.clocks(event.at) == fold(told[:number], BOOK, event.at)
        assert live.clocks(now) == fold(told[:number], BOOK, now)


@given(histories(), st.randoms(use_true_random=False))
def test_c12_order_of_arrival_does_not_matter(told: list[Event], chance: Any) -> None:
    arrived = told[:]
    chance.shuffle(arrived)
    assert fold(arrived, BOOK, told[-1].at) == fold(told, BOOK, told[-1].at)


@given(histories(), REASON, GAPS, GAPS)
@settings(max_examples=100)
def test_c13_a_pause_never_brings_a_due_time_nearer(
    told: list[Event], reason: Mapping[str, Any], wait: int, gap: int
) -> None:
    held = Event(told[-1].at + wait, 98, "held", reason)
    resumed = Event(held.at + gap, 99, "resumed", {})
    before, after = (by_name(fold(x, BOOK, resumed.at)) for x in (told, [*told, held, resumed]))
    for name, clock in before.items():
        assert (clock.due_at or 0) <= (after[name].due_at or 0)


@given(histories(), GAPS)
@settings(max_examples=100)
def test_c5_an_added_holiday_never_brings_a_due_time_nearer(told: list[Event], gap: int) -> None:
    assume(all("calendars" not in x.data or x.kind == "opened" for x in told))
    redated = Event(told[-1].at + gap, 99, "redated", {"calendars": {"work": 2}})
    before, after = (by_name(fold(x, BOOK, redated.at)) for x in (told, [*told, redated]))
    for name, clock in before.items():
        if clock.row == after[name].row:  # a breach that it takes back gives way to the row chosen since
            assert (clock.due_at or 0) <= (after[name].due_at or 0)


@given(histories(FIXED))
@settings(max_examples=100)
def test_c5_a_calendar_with_one_more_holiday_from_the_start_never_makes_anything_due_earlier(told: list[Event]) -> None:
    with_holiday = [
        x._replace(data={**x.data, "calendars": {"24x7": 1, "work": 2}}) if "calendars" in x.data else x for x in told
    ]
    before, after = (by_name(fold(x, BOOK, told[-1].at)) for x in (told, with_holiday))
    assert before.keys() == after.keys()
    for name, clock in before.items():
        assert (clock.due_at or 0) <= (after[name].due_at or 0)


@given(histories(), st.data())
@settings(max_examples=100)
def test_c13_ended_clocks_keep_all_they_were(told: list[Event], data: st.DataObject) -> None:
    """Only total resolution may run on, and only by a reopening."""
    cut = data.draw(st.integers(1, len(told)))
    after = by_name(fold(told, BOOK, told[-1].at))
    for name, clock in by_name(fold(told[:cut], BOOK, told[cut - 1].at)).items():
        dropped = clock.state == "cancelled" and clock.target_s == 0  # another change of row may bring it back
        if not clock.open and not dropped and clock.metric != "resolution_total":
            assert after[name] == clock


@given(histories(FIXED), st.data())
@settings(max_examples=100)
def test_c14_a_breach_seen_live_stays_a_breach(told: list[Event], data: st.DataObject) -> None:
    """As long as nothing is redated or reclassified and no event is dated back."""
    cut = data.draw(st.integers(1, len(told)))
    now = told[cut].at if cut < len(told) else told[-1].at + 50_000
    after = by_name(fold(told, BOOK, told[-1].at + 50_000))
    for name, clock in by_name(fold(told[:cut], BOOK, now)).items():
        if clock.breached_at is not None and clock.breached_at < now:
            assert (after[name].state, after[name].breached_at) == ("breached", clock.breached_at)


@given(histories(), GAPS)
@settings(max_examples=150)
def test_c12_c13_c14_what_holds_for_every_clock(told: list[Event], gap: int) -> None:
    now = told[-1].at + gap
    for clock in fold(told, BOOK, now):
        verdict_follows_from_due_and_end(clock, now)
        no_breach_while_paused(clock)
        points_only_while_it_counts(clock)
        due_is_where_the_target_is_used(clock)


def verdict_follows_from_due_and_end(clock: Clock, now: int) -> None:
    assert (clock.state == "breached") == (clock.breached_at is not None)
    if clock.breached_at is not None:
        assert clock.breached_at == clock.due_at
        assert clock.ended_at is None or clock.ended_at > clock.breached_at
    if clock.state == "met":
        assert clock.ended_at is not None and clock.due_at is not None and clock.ended_at <= clock.due_at
    if clock.state == "running":
        assert clock.due_at is not None and now < clock.due_at
    assert (clock.ended_at is None) == (clock.state in ("pending", "running", "paused")) or clock.state == "breached"


def no_breach_while_paused(clock: Clock) -> None:
    assert all(b is None or a < b for a, b in clock.runs)
    if clock.breached_at is not None:
        assert any(a <= clock.breached_at and (b is None or clock.breached_at < b) for a, b in clock.runs)
    if clock.state == "paused":
        assert clock.paused_at is not None and clock.paused_reason


def points_only_while_it_counts(clock: Clock) -> None:
    if not clock.open or clock.paused_at is not None:
        assert clock.points == ()
    elif clock.due_at is not None:
        instants = {point.code: point.at for point in clock.points}
        assert instants["due"] == clock.due_at
        assert all(at <= clock.due_at for code, at in instants.items() if code.startswith("warn"))
        assert all(at > clock.due_at for code, at in instants.items() if code.startswith("late"))


def due_is_where_the_target_is_used(clock: Clock) -> None:
    """An independent reading: the open seconds of the runs up to the due instant are the target, and none is idle."""
    if clock.due_at is None or clock.started_at is None or clock.target_s == 0:
        return
    if clock.metric in ("first_response", "update") and clock.state == "breached":
        return  # perhaps due for want of acceptance: that has two parts
    calendar, due = BOOK.calendar(*clock.calendar), clock.due_at
    runs = [(a, due if b is None or b > due else b) for a, b in clock.runs if a < due]
    used = sum(calendar.between(a, b) for a, b in runs)
    if any(a == due for a, _ in clock.runs):  # all was used when a pause began: due when it ended
        assert used == clock.target_s
    elif runs and runs[-1][1] < due:  # paused, or stopped before it was due
        stopped = clock.paused_at or (clock.ended_at if clock.state == "met" else runs[-1][1]) or 0
        assert used + calendar.between(stopped, due) == clock.target_s
    elif runs:
        assert used == clock.target_s and calendar.between(due - 1, due) == 1
