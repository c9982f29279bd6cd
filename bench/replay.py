"""Replay of standards over a log of 1,000,000 tickets, beside pandas, polars and numpy: `-m bench.replay`; the log in
memory first, then as a columnar copy has it in Parquet files.

JIYING_BENCH_TICKETS gives another number of tickets. All answers must agree, and the full fold with `core.clocks`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bench import full_fold, replay_copy
from bench.calendars import FIRST, LAST, spec
from bench.table import Table, median_s, peer, show
from jiying.core import kernels
from jiying.core.calendars import Calendar, CalendarSpec, compile_calendar

N_TICKETS = int(os.environ.get("JIYING_BENCH_TICKETS", 1_000_000))
N_CELLS, PRIORITIES = 20, 4
STEPS = {"opened": 0, "assigned": 5, "accepted": 5, "responded": 1, "paused": 2, "resumed": 3, "solved": 4, "closed": 5}
KINDS = tuple(range(5))
N_COMPARED = 10_000


@dataclass(frozen=True)
class Task:
    """A log, the step (0..7) that each event is, a standard as arrays of cells, and the two calendars that it uses."""

    log: kernels.Log
    steps: Any
    draft: kernels.Draft
    calendars: tuple[Calendar, Calendar]

    def worked(self, t: Any, which: Any) -> Any:
        """Open seconds since the epoch's first year, in each element's own calendar: what peers lack."""
        start = np.full(1, self.log.at.min())
        first, second = (calendar.between_many(start, np.maximum(t, start)) for calendar in self.calendars)
        return np.where(which == 0, first, second)

    def attainment(self, at: Callable[[int], Any]) -> Any:
        """Share of clocks met by metric and cell, from one array of open seconds for each kind of event."""
        cells = self.log.cells
        opened = at(kernels.OPENED)
        taken = at(kernels.RESPONDED) - opened, at(kernels.SOLVED) - opened - (at(kernels.RESUMED) - at(kernels.PAUSED))
        met = [seconds <= goal[cells] for seconds, goal in zip(taken, self.draft.targets, strict=True)]
        return np.array([np.bincount(cells, x, N_CELLS) for x in met]) / np.bincount(cells, minlength=N_CELLS)


def make_task() -> Task:
    """Eight steps a ticket in time order; two of five tickets pend and resume; 5 channels x 4 priorities."""
    rng = np.random.default_rng(7)
    low, high = (int(datetime(year, 1, 2, tzinfo=UTC).timestamp()) for year in (FIRST, LAST))
    gaps = rng.exponential([600, 900, 5400, 30000, 50000, 40000, 86400], (N_TICKETS, 7)).astype(np.int64) + 1
    at = np.cumsum(np.concatenate([rng.integers(low, high, (N_TICKETS, 1)), gaps], 1), 1)
    kind = np.tile(np.array(list(STEPS.values()), np.int8), (N_TICKETS, 1))
    pends = rng.random(N_TICKETS) < 0.4
    kept = (pends[:, None] | ~np.isin(kind, (kernels.PAUSED, kernels.RESUMED))).ravel()
    ticket = np.repeat(np.arange(N_TICKETS, dtype=np.int32), len(STEPS))[kept]
    step = np.tile(np.arange(len(STEPS), dtype=np.int8), N_TICKETS)[kept]
    kind, at = kind.ravel()[kept], at.ravel()[kept]
    order = np.argsort(at, kind="stable")
    cells = rng.integers(0, N_CELLS, N_TICKETS).astype(np.int32)
    log = kernels.Log(ticket[order], kind[order], at[order], cells)
    always = compile_calendar(CalendarSpec("Asia/Shanghai", {day: ((0, 1440),) for day in range(7)}))
    return Task(log, step[order], make_draft(), (compile_calendar(spec()), always))


def make_draft() -> kernels.Draft:
    """Targets double with each priority; the third and fifth channel run round the clock."""
    response = np.outer([1, 1, 2, 2, 4], [1, 2, 4, 8]).ravel() * 1800
    which = np.repeat([0, 0, 1, 0, 1], PRIORITIES)
    return kernels.Draft(np.stack([response, response * 8]), np.stack([which, which]), (False, True))


def by_kernel(task: Task, n_drafts: int = 1) -> Any:
    """One pass over the log."""
    outcome = kernels.replay(task.log, [task.draft] * n_drafts, task.calendars, int(task.log.at[-1]))
    return outcome.met[0] / (outcome.met[0] + outcome.breached[0])


def by_numpy(task: Task) -> Any:
    """Scatter to a matrix of kinds x tickets, then whole columns."""
    matrix = np.zeros((6, N_TICKETS), np.int64)
    matrix[task.log.kind, task.log.ticket] = task.log.at
    which = task.draft.calendars[0][task.log.cells]
    return task.attainment({kind: task.worked(matrix[kind], which) for kind in KINDS}.__getitem__)


def by_pandas(task: Task, pandas: Any) -> Any:
    """Pivot, then whole columns."""
    log = task.log
    frame = pandas.DataFrame({"ticket": log.ticket, "kind": log.kind, "at": log.at})
    wide = frame[frame.kind < 5].pivot(index="ticket", columns="kind", values="at")
    which = task.draft.calendars[0][log.cells]
    columns = {kind: np.nan_to_num(wide[kind].to_numpy()).astype(np.int64) for kind in KINDS}
    return task.attainment({kind: task.worked(x, which) for kind, x in columns.items()}.__getitem__)


def by_polars(task: Task, polars: Any) -> Any:
    """Group by ticket with one filtered aggregate for each kind, then whole columns."""
    log, at = task.log, polars.col("at")
    frame = polars.DataFrame({"ticket": log.ticket, "kind": log.kind, "at": log.at})
    firsts = [at.filter(polars.col("kind") == kind).first().alias(str(kind)) for kind in KINDS]
    wide = frame.group_by("ticket").agg(*firsts).sort("ticket")
    which = task.draft.calendars[0][log.cells]
    columns = {kind: wide[str(kind)].fill_null(0).to_numpy() for kind in KINDS}
    return task.attainment({kind: task.worked(x, which) for kind, x in columns.items()}.__getitem__)


def add_full_fold(table: Table, task: Task, truth: Any) -> None:
    """Rows of the full fold, which has no peer; sorting and everything else is in them."""
    log, n_events = full_fold.make_log(task.log, task.steps, task.draft, task.calendars), len(task.log.at)
    attained, n_closed = full_fold.as_peers_judge(log, task.draft)
    agrees = "same" if np.array_equal(attained, truth) else "OTHER"
    n_compared = min(N_COMPARED, N_TICKETS)
    same, plain_s, n_plain = full_fold.same_as_clocks(log, n_compared)
    assert same, "the full fold gives other clocks than core.clocks"
    told = f"{agrees} answer but for {n_closed} ended in closed time; {n_compared:,} tickets as core.clocks"
    table.add("full fold (C8, C11-C13b), every clock", median_s(lambda: full_fold.by_fold(log), 3, 0), n_events, told)
    ten = median_s(lambda: full_fold.by_fold(log, 10), 3, 0)
    table.add("full fold, ten standards in one pass", ten, n_events)
    table.add("core.clocks.fold, ticket by ticket", plain_s, n_plain)


def from_copy(task: Task, truth: Any) -> None:
    """The rows of issue 5: read from Parquet files and folded, then further drafts of what has been read."""
    log = full_fold.make_log(task.log, task.steps, task.draft, task.calendars)
    table = Table(f"Replay of {N_TICKETS:,} tickets from the columnar copy", "read and fold, every clock")
    with replay_copy.written(log, task.steps) as copy:
        blocks = replay_copy.read(copy)
        assert np.array_equal(replay_copy.by_fold(copy, blocks), replay_copy.expected(copy))
        first = median_s(lambda: replay_copy.by_fold(copy, replay_copy.read(copy)), 5, 1)
        table.add("read and fold, every clock", first, len(log.at))
        table.add("of this reading", median_s(lambda: replay_copy.read(copy), 5, 1), len(log.at))
        table.add("each further draft", median_s(lambda: replay_copy.by_fold(copy, blocks), 5, 1), len(log.at))
        if pandas := peer("pandas"):
            found = by_pandas(_as_read(task, replay_copy.for_peers(copy)), pandas)
            agrees = "same answer" if np.array_equal(found, truth) else "OTHER ANSWER"
            seconds = median_s(lambda: by_pandas(_as_read(task, replay_copy.for_peers(copy)), pandas), 5, 1)
            table.add("pandas: the same files, two metrics", seconds, len(log.at), agrees)
    table.print()


def _as_read(task: Task, columns: dict[str, Any]) -> Task:
    log = kernels.Log(columns["ticket"], columns["kind"], columns["at"], columns["cell"])
    return replace(task, log=log)


def main() -> None:
    """Print the table; the kernel's answer is compared with each peer's."""
    task = make_task()
    n_events = len(task.log.at)
    table = Table(f"Replay of one standard, {N_TICKETS:,} tickets, {n_events:,} events", "kernel, one pass")
    table.add("kernel, one pass", median_s(lambda: by_kernel(task)), n_events)
    table.add("kernel, ten standards in one pass", median_s(lambda: by_kernel(task, 10)), n_events)
    truth = by_kernel(task)
    add_full_fold(table, task, truth)
    runs: list[tuple[str, Callable[[], Any]]] = [("numpy scatter + calendar arrays", lambda: by_numpy(task))]
    if polars := peer("polars"):
        runs.append(("polars group_by + calendar arrays", lambda: by_polars(task, polars)))
    if pandas := peer("pandas"):
        runs.append(("pandas pivot + calendar arrays", lambda: by_pandas(task, pandas)))
    for what, run in runs:
        agrees = np.array_equal(run(), truth)
        table.add(what, median_s(run, 3, 0), n_events, "same answer" if agrees else "OTHER ANSWER")
    log = task.log
    read = median_s(lambda: (log.ticket.sum(), log.kind.sum(), log.at.sum()))
    table.add("limit: read the three columns once", read, n_events)
    table.print()
    from_copy(task, truth)
    show(f"attainment: first response {truth[0].mean():.1%}, resolution {truth[1].mean():.1%}")


if __name__ == "__main__":
    main()
