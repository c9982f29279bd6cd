"""The replay kernel against a plain reading of its definition, ticket by ticket; and what its module may import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jiying.core import kernels
from jiying.core.calendars import LAST_INSTANT, Calendar, CalendarError, CalendarSpec, compile_calendar
from jiying.core.kernels import Draft, Log, replay

WORK = compile_calendar(CalendarSpec("Asia/Shanghai", {day: ((540, 720), (810, 1080)) for day in range(5)}))
ALWAYS = compile_calendar(CalendarSpec("Asia/Shanghai", {day: ((0, 1440),) for day in range(7)}))
NIGHT = compile_calendar(CalendarSpec("Europe/Berlin", {day: ((0, 361), (1320, 1440)) for day in range(7)}))
CALENDARS = (WORK, ALWAYS, NIGHT)
START, N_TICKETS, N_CELLS = 1_700_000_000, 60, 4


def random_log(seed: int) -> Log:
    """Events of every kind in any order: doubles, ends without a start, pauses that never end."""
    rng = np.random.default_rng(seed)
    at = np.sort(START + rng.integers(0, 10**6, 700))
    kind = rng.choice(np.array([0, 0, 1, 2, 3, 4, 7, -1, 256]), 700)
    return Log(rng.integers(0, N_TICKETS, 700), kind, at, rng.integers(0, N_CELLS, N_TICKETS))


def random_draft(seed: int, calendars: int) -> Draft:
    rng = np.random.default_rng(seed)
    targets, which = rng.integers(0, 10**5, (2, N_CELLS)), rng.integers(0, calendars, (2, N_CELLS))
    return Draft(targets, which, (bool(rng.integers(0, 2)), bool(rng.integers(0, 2))))


def open_seconds(calendar: Calendar, start: int, end: int, pauses: list[tuple[int, int]]) -> int:
    taken = sum(calendar.between(a, min(b, end)) for a, b in pauses if a < end)
    return calendar.between(start, end) - taken


def history(log: Log, ticket: int, until: int) -> tuple[list[int | None], list[tuple[int, int]]]:
    """First instants of opened, responded and solved, and the pauses, by reading the events one after another."""
    opened = responded = solved = paused = None
    pauses: list[tuple[int, int]] = []
    for q, kind, at in zip(log.ticket.tolist(), log.kind.tolist(), log.at.tolist(), strict=True):
        if q != ticket or at > until or (opened is None and kind != kernels.OPENED):
            continue
        if kind == kernels.OPENED and opened is None:
            opened = at
        elif kind == kernels.RESPONDED and responded is None:
            responded = at
        elif solved is None and kind == kernels.PAUSED and paused is None:
            paused = at
        elif solved is None and kind == kernels.RESUMED and paused is not None:
            pauses, paused = [*pauses, (paused, at)], None
        elif kind == kernels.SOLVED and solved is None:
            solved = at
    if paused is not None:
        pauses.append((paused, LAST_INSTANT - 1))
    return [opened, responded, solved], pauses


def plain_replay(log: Log, drafts: Sequence[Draft], until: int) -> np.ndarray:
    tally = np.zeros((3, len(drafts), 2, N_CELLS), np.int64)
    for ticket, cell in enumerate(log.cells.tolist()):
        (opened, *ends), pauses = history(log, ticket, until)
        for number, draft in enumerate(drafts):
            for metric, end in enumerate(ends):
                if opened is None:
                    continue
                calendar = CALENDARS[draft.calendars[metric][cell]]
                taken = open_seconds(calendar, opened, end or until, pauses if draft.pauses[metric] else [])
                within = kernels.MET if end is not None else kernels.RUNNING
                verdict = within if taken <= draft.targets[metric][cell] else kernels.BREACHED
                tally[verdict, number, metric, cell] += 1
    return tally


@pytest.mark.parametrize("seed", range(6))
def test_replay_is_the_plain_reading(seed: int) -> None:
    log, drafts = random_log(seed), [random_draft(seed * 10 + i, len(CALENDARS)) for i in range(3)]
    until = START + 800_000
    outcome = replay(log, drafts, CALENDARS, until)
    truth = plain_replay(log, drafts, until)
    assert truth[kernels.MET].sum() > 20 and truth[kernels.BREACHED].sum() > 20
    assert np.array_equal(np.stack([outcome.met, outcome.breached, outcome.running]), truth)


def test_calendars_without_a_table_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    log, drafts = random_log(1), [random_draft(i, len(CALENDARS)) for i in range(3)]
    with_tables = replay(log, drafts, CALENDARS, START + 800_000)
    monkeypatch.setattr(kernels, "direct_table", lambda calendar, first, last: None)
    without = replay(log, drafts, CALENDARS, START + 800_000)
    monkeypatch.undo()
    some = kernels.direct_table
    monkeypatch.setattr(kernels, "direct_table", lambda c, first, last: None if c is WORK else some(c, first, last))
    mixed = replay(log, drafts, CALENDARS, START + 800_000)
    for other in (without, mixed):
        assert np.array_equal(other.met, with_tables.met)
        assert np.array_equal(other.breached, with_tables.breached)
        assert np.array_equal(other.running, with_tables.running)


def test_threads_share_the_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    log, drafts = random_log(2), [random_draft(2, len(CALENDARS))]
    alone = replay(log, drafts, CALENDARS, START + 10**6)
    monkeypatch.setattr(kernels, "THREAD_WORTH", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert np.array_equal(replay(log, drafts, CALENDARS, START + 10**6).met, alone.met)


def test_one_ticket_by_hand() -> None:
    """Opened Monday 09:00, answered 10:00, paused 11:00-15:00 (open: 1 h + 1.5 h), solved 16:00: 3 h of 7.5 open."""
    monday = 1_709_514_000  # 2024-03-04 09:00 in Shanghai
    hour = 3600
    log = Log(
        np.zeros(5, np.int32),
        np.array([kernels.OPENED, kernels.RESPONDED, kernels.PAUSED, kernels.RESUMED, kernels.SOLVED], np.int8),
        monday + np.array([0, 1, 2, 6, 7]) * hour,
        np.zeros(1, np.int32),
    )
    targets = [[[hour], [3 * hour]], [[hour - 1], [3 * hour - 1]]]
    drafts = [Draft(np.array(x), np.zeros((2, 1), int)) for x in targets]
    outcome = replay(log, drafts, [WORK], monday + 10 * hour)
    assert outcome.met[..., 0].tolist() == [[1, 1], [0, 0]]
    assert outcome.breached[..., 0].tolist() == [[0, 0], [1, 1]]
    early = replay(log, drafts, [WORK], monday + hour // 2)
    assert early.running[..., 0].tolist() == [[1, 1], [1, 1]]


def test_a_target_used_up_at_closing_time_is_met_by_seconds_and_late_by_instants() -> None:
    """The one case in which this estimate and C12 differ (docs/algorithms/replay.md): used up at 18:00, ended later."""
    opened = 1_709_514_000 + int(6.5 * 3600)  # Monday 15:30 in Shanghai; open until 18:00
    target = int(2.5 * 3600)
    draft = Draft(np.array([[target], [target]]), np.zeros((2, 1), int))

    def met(ended_at: int) -> tuple[bool, bool]:
        """By the seconds used; and whether it ended at or before its due instant."""
        kinds = np.array([kernels.OPENED, kernels.RESPONDED, kernels.SOLVED], np.int8)
        log = Log(np.zeros(3, np.int32), kinds, np.array([opened, ended_at, ended_at]), np.zeros(1, np.int32))
        outcome = replay(log, [draft], [WORK], ended_at + 10)
        assert outcome.met[0, 0, 0] == outcome.met[0, 1, 0]
        return bool(outcome.met[0, 1, 0]), ended_at <= WORK.add(opened, target)

    closing, opening = opened + target, opened + target + 15 * 3600
    assert met(closing) == (True, True)
    assert met(closing + 1) == (True, False)
    assert met(opening) == (True, False)
    assert met(opening + 1) == (False, False)


def test_an_empty_log() -> None:
    none = np.zeros(0, np.int64)
    outcome = replay(Log(none, none, none, none), [random_draft(1, 1)], [WORK], START)
    assert outcome.met.sum() == outcome.breached.sum() == outcome.running.sum() == 0


def test_bad_input_is_refused_before_the_compiled_loop() -> None:
    log, draft = random_log(3), random_draft(3, 3)
    bad = [
        replace(log, ticket=log.ticket + N_TICKETS),
        replace(log, cells=log.cells + N_CELLS),
        replace(log, kind=log.kind[:-1]),
        replace(log, at=log.at[::-1]),
    ]
    for broken in bad:
        with pytest.raises(ValueError, match=r"outside|length|order"):
            replay(broken, [draft], CALENDARS, START)
    with pytest.raises(ValueError, match="calendar"):
        replay(log, [replace(draft, calendars=draft.calendars + 3)], CALENDARS, START)
    with pytest.raises(ValueError, match="n_cells"):
        replay(log, [replace(draft, targets=draft.targets[:1])], CALENDARS, START)
    with pytest.raises(ValueError, match="flat arrays"):
        kernels.between_many(WORK, np.array([1, 2]), np.array([1]))
    with pytest.raises(CalendarError, match="negative_duration"):
        kernels.add_many(WORK, np.array([START]), np.array([-1]))


def test_batches_of_nothing_and_at_the_edges() -> None:
    none = np.zeros(0, np.int64)
    assert kernels.between_many(WORK, none, none).size == kernels.add_many(WORK, none, none).size == 0
    ends = np.array([0, LAST_INSTANT - 1])
    assert kernels.between_many(ALWAYS, ends, ends[::-1]).tolist() == [LAST_INSTANT - 1, 1 - LAST_INSTANT]
    assert kernels.between_many(WORK, ends, ends[::-1]).tolist() == WORK.between_many(ends, ends[::-1]).tolist()
    assert kernels.add_many(ALWAYS, ends[1:], np.array([1])).tolist() == [LAST_INSTANT]


def test_importing_kernels_loads_neither_numba_nor_numpy() -> None:
    """A web process imports core; 0.6 s and 92 MB must not come with it."""
    code = "import sys, jiying.core.kernels; print([m for m in ('numba', 'numpy') if m in sys.modules])"
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip() == "[]"
