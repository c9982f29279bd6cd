"""Maps of real processes: the worked example of docs/algorithms/process-maps.md, and three ways to one answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiying.core.metrics import Mean, Rate, percentile
from jiying.core.processmap import Codes, Log, ProcessMap, blocks, fold, kernel, merge, pair, summary
from jiying.core.processmap.cases import behind, slowest
from jiying.core.processmap.log import Event, taken

MINUTE = 60
# case, activity, minute it was done, transition, person, department
EXAMPLE = [
    ("1", "take", 0, "", "Lin", "Desk"), ("1", "assign", 10, "", "Lin", "Desk"), ("1", "solve", 40, "", "Lin", "Desk"),
    ("2", "take", 0, "", "Lin", "Desk"), ("2", "assign", 30, "", "Wu", "Store"), ("2", "assign", 90, "", "Lin", "Desk"),
    ("2", "solve", 120, "", "Lin", "Desk"),
    ("3", "take", 5, "", "Lin", "Desk"), ("3", "assign", 7, "", "Lin", "Desk"), ("3", "solve", 67, "", "Lin", "Desk"),
]  # fmt: skip


def example() -> ProcessMap:
    events = (Event(case, name, at * MINUTE, *rest) for case, name, at, *rest in EXAMPLE)
    return summary(fold(Codes().log(pair(events))))


def test_the_worked_example() -> None:
    found = example()
    assert (found.n_cases, found.n_events, found.n_variants) == (3, 10, 2)
    assert [one.name for one in found.activities] == ["take", "assign", "solve"]
    first, second, third = found.edges
    assert (first.source, first.target, first.n) == (0, 1, 3)  # take → assign: 10, 30, 2 minutes
    assert (first.wait.median_s, first.wait.p90_s, first.wait.mean) == (600, 1800, Mean(42 * MINUTE, 3))
    assert first.wait.saved_s == 20 * MINUTE
    assert (second.source, second.target, second.wait.saved_s) == (1, 2, 30 * MINUTE)  # 30, 30, 60
    assert (third.source, third.target, third.n) == (1, 1, 1)
    assert [(one.path, one.share, one.duration) for one in found.variants] == [
        ((0, 1, 2), Rate(2, 3), Mean(102 * MINUTE, 2)),
        ((0, 1, 1, 2), Rate(1, 3), Mean(120 * MINUTE, 1)),
    ]
    (loop,) = found.rework
    assert (loop.activity, loop.cases, loop.n_repeats, loop.n_self, loop.loop_s) == (1, Rate(1, 3), 1, 1, 3600)
    gone, back = found.groups
    assert (gone.source, gone.target, gone.n, gone.wait, gone.n_back) == ("Desk", "Store", 1, Mean(1800, 1), 1)
    assert gone.back_s == 90 * MINUTE and (back.n, back.n_back) == (1, 0)
    assert [(one.kind, one.source, one.saved_s, one.share) for one in found.bottlenecks] == [
        ("bounce", "Desk", 5400, Fraction(90, 222)),
        ("rework", "assign", 3600, Fraction(60, 222)),
        ("wait", "assign", 1800, Fraction(30, 222)),
        ("wait", "take", 1200, Fraction(20, 222)),
    ]


def test_waiting_and_working_apart() -> None:
    told = [
        ("start", "a", 0),
        ("complete", "a", 60),
        ("start", "b", 100),
        ("schedule", "b", 90),
        ("complete", "b", 400),
    ]
    found = summary(fold(Codes().log(pair([Event("1", name, at, kind) for kind, name, at in told]))))
    assert (found.wait_s, found.work_s, found.n_events) == (40, 360, 2)
    assert found.duration is not None and found.duration.total_s == 400


def test_an_end_takes_the_earliest_open_start_and_a_lone_start_takes_no_time() -> None:
    rows = [Event("1", "a", 0, "start"), Event("1", "a", 5, "start"), Event("1", "a", 9, "complete")]
    steps = list(pair([*rows, Event("1", "b", 12, "complete")]))
    assert [(step.activity, step.start, step.at) for step in steps] == [("a", 5, 5), ("a", 0, 9), ("b", 12, 12)]


def test_other_transitions_are_part_of_the_activity() -> None:
    steps = pair([Event("1", "Accepted", 0, "In Progress"), Event("1", "Queued", 1, "complete")])
    assert [step.activity for step in steps] == ["Accepted+In Progress", "Queued+complete"]


def test_no_events_make_an_empty_map() -> None:
    log = Codes().log([])
    assert summary(fold(log)) == summary(kernel.fold(log))
    assert summary(fold(log)).n_cases == 0 and summary(fold(log)).duration is None


def test_codes_outside_their_table_are_refused() -> None:
    log = Log(np.array([0]), np.array([1]), np.array([5]), ("only",))
    for way in (fold, kernel.fold):
        with pytest.raises(ValueError, match="activity"):
            way(log)
    with pytest.raises(ValueError, match="one length"):
        Log(np.array([0]), np.array([0, 0]), np.array([5]), ("only",))


def test_parts_of_other_tables_do_not_merge() -> None:
    parts = [fold(Log(np.array([0]), np.array([0]), np.array([5]), (name,))) for name in "ab"]
    with pytest.raises(ValueError, match="one table"):
        merge(parts)


# ---------------------------------------------------------------- three ways to one answer
@st.composite
def logs(draw: st.DrawFn) -> Log:
    n, k = draw(st.integers(0, 60)), draw(st.integers(1, 4))
    whole = st.integers(0, 10)

    def column(values: st.SearchStrategy[int], kind: Any = np.int32) -> Any:
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), kind)

    at = column(st.integers(0, 200), np.int64)
    if draw(st.booleans()):
        at.sort()
    who = st.integers(-1, 2)
    return Log(
        case=column(whole),
        activity=column(st.integers(0, k - 1), np.int16),
        at=at,
        activities=tuple("abcd"[:k]),
        start=at - column(whole, np.int64) if draw(st.booleans()) else None,
        person=column(who) if draw(st.booleans()) else None,
        group=column(who) if draw(st.booleans()) else None,
        people=("p", "q", "r"),
        groups=("x", "y", "z"),
    )


@settings(max_examples=150, deadline=None)
@given(logs(), st.lists(st.integers(0, 2), min_size=11, max_size=11))
def test_compiled_plain_and_any_partition_of_the_cases_agree(log: Log, part_of: list[int]) -> None:
    whole = summary(fold(log))
    assert [summary(kernel.fold(log, n_shares)) for n_shares in (1, 2, 5)] == [whole] * 3
    which = np.array(part_of)[log.case]
    ways = (fold, kernel.fold, fold)
    assert summary(merge([way(taken(log, np.flatnonzero(which == i))) for i, way in enumerate(ways)])) == whole


@settings(max_examples=150, deadline=None)
@given(logs(), st.integers(1, 30))
def test_blocks_of_cases_give_the_map_and_the_cases_behind_it(log: Log, most: int) -> None:
    log = replace(log, case=np.unique(log.case, return_inverse=True)[1].astype(np.int32))
    parts, whole = blocks(log, most), summary(fold(log))
    assert summary(merge([kernel.fold(part) for part in parts])) == whole
    known, below = [], 0
    for part in parts:  # a block numbers its cases from 0 on
        n_cases = len(set(part.case.tolist()))
        known.append(slowest(part, np.arange(below, below + n_cases), most=3))
        below += n_cases
    paths = [variant.path for variant in whole.variants]
    found, plain = behind(known, paths, whole.pairs, most=3), _behind(log, paths, most=3)
    assert found == plain
    assert all(one.key in plain for one in whole.bottlenecks)


def _behind(log: Log, paths: list[tuple[int, ...]], most: int) -> dict[str, list[int]]:
    case, activity, at = log.case.tolist(), log.activity.tolist(), log.at.tolist()
    start = at if log.start is None else np.minimum(log.start, log.at).tolist()
    found: dict[str, list[tuple[int, int]]] = {"path:" + ",".join(map(str, path)): [] for path in paths}
    for one in sorted(set(case)):
        rows = sorted((i for i in range(len(case)) if case[i] == one), key=lambda i: (at[i], i))
        took = at[rows[-1]] - start[rows[0]]
        for i, j in zip(rows, rows[1:], strict=False):
            found.setdefault(f"edge:{activity[i]}:{activity[j]}", []).append((at[i] - start[j], one))
        for kind, who in (("person", log.person), ("group", log.group)):
            told = [] if who is None else [(int(who[i]), start[i], at[i]) for i in rows if who[i] >= 0]
            given = [(a, b) for a, b in zip(told, told[1:], strict=False) if a[0] != b[0]]
            for n, (a, b) in enumerate(given):
                found.setdefault(f"{kind}:{a[0]}:{b[0]}", []).append((-max(b[1] - a[2], 0), one))
                if n + 1 < len(given) and given[n + 1][1][0] == a[0]:
                    away = max(given[n + 1][1][1] - a[2], 0)
                    found.setdefault(f"{kind}back:{a[0]}:{b[0]}", []).append((-away, one))
        codes = [activity[i] for i in rows]
        for code in codes:
            found.setdefault(f"step:{code}", []).append((-took, one))
            if codes.count(code) > 1:
                found.setdefault(f"again:{code}", []).append((-took, one))
        found["path:" + ",".join(map(str, codes))].append((-took, one))
    return {key: list(dict.fromkeys(case for _, case in sorted(told)))[:most] for key, told in found.items()}


@settings(max_examples=100, deadline=None)
@given(logs())
def test_the_figures_are_those_of_a_plain_reading(log: Log) -> None:
    found, plain = summary(fold(log)), _read(log)
    assert {(e.source, e.target): (e.n, e.wait.median_s, e.wait.p90_s) for e in found.edges} == {
        key: (len(s), percentile(s, 50), percentile(s, 90)) for key, s in plain.waits.items()
    }
    assert {v.path: v.n for v in found.variants} == plain.variants
    assert {r.activity: (r.n_repeats, r.loop_s) for r in found.rework} == {
        a: (len(s), sum(s)) for a, s in plain.loops.items()
    }
    assert {(h.source, h.target): (h.n, h.wait.total, h.n_back, h.back_s) for h in found.people} == plain.handed
    assert found.work_s == plain.work_s


class _Reading:
    def __init__(self) -> None:
        self.waits: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.loops: dict[int, list[int]] = defaultdict(list)
        self.variants: Counter[tuple[int, ...]] = Counter()
        self.handed: dict[tuple[str, str], tuple[int, int, int, int]] = {}
        self.work_s = 0


def _read(log: Log) -> _Reading:
    found = _Reading()
    starts = log.at if log.start is None else log.start
    cases: dict[int, list[int]] = defaultdict(list)
    for i in range(len(log.at)):
        cases[int(log.case[i])].append(i)
        found.work_s += int(log.at[i] - starts[i])
    for rows in cases.values():
        rows.sort(key=lambda i: int(log.at[i]))
        found.variants[tuple(int(log.activity[i]) for i in rows)] += 1
        seen: dict[int, int] = {}
        for before, i in zip([None, *rows], rows, strict=False):
            a, at = int(log.activity[i]), int(log.at[i])
            if before is not None:
                wait = max(int(starts[i] - log.at[before]), 0)
                found.waits[int(log.activity[before]), a].append(wait)
            if a in seen:
                found.loops[a].append(at - seen[a])
            seen[a] = at
        _hand_over(found, log, starts, rows)
    return found


def _hand_over(found: _Reading, log: Log, starts: Any, rows: list[int]) -> None:
    if log.person is None:
        return
    held = [i for i in rows if log.person[i] >= 0]
    moves = [(i, j) for i, j in zip(held, held[1:], strict=False) if log.person[i] != log.person[j]]
    for (i, j), after in zip(moves, [*moves[1:], None], strict=False):
        key = log.people[log.person[i]], log.people[log.person[j]]
        n, wait, n_back, back = found.handed.get(key, (0, 0, 0, 0))
        wait += max(int(starts[j] - log.at[i]), 0)
        if after is not None and log.person[after[1]] == log.person[i]:
            n_back, back = n_back + 1, back + max(int(starts[after[1]] - log.at[i]), 0)
        found.handed[key] = n + 1, wait, n_back, back
