"""The full fold of ticket clocks over the log of `bench.replay`: the same tickets, cells, targets. Prints nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from jiying.core import fold_loops, kernels
from jiying.core.calendars import Calendar
from jiying.core.clocks import DictBook, Event, fold
from jiying.core.fold_kernel import STATES, Folded, FoldedClock, fold_log
from jiying.core.fold_log import FoldLog, Terms
from jiying.core.standards import CHANNELS, PRIORITIES, TICKET_METRICS, Facts, Standard, parse

NAMES = ("work", "24x7")
# The eight steps of a ticket: their code, and the event that they are.
STEPS: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (fold_loops.OPENED, "opened", {"standard": 1, "calendars": dict.fromkeys(NAMES, 1)}),
    (fold_loops.ASSIGNED, "assigned", {"to": "li"}),
    (fold_loops.ACCEPTED, "accepted", {}),
    (fold_loops.ANSWERED, "message", {"by": "person", "direction": "out", "public": True}),
    (fold_loops.HELD, "held", {"reason": "customer"}),
    (fold_loops.RESUMED, "resumed", {}),
    (fold_loops.SOLVED, "solved", {}),
    (fold_loops.CLOSED, "closed", {}),
)
N_CELLS = 20
FACTS = tuple(Facts(CHANNELS[cell // 4], PRIORITIES[cell % 4]) for cell in range(N_CELLS))
JUDGED = [TICKET_METRICS.index("first_response"), TICKET_METRICS.index("resolution")]


def make_log(log: kernels.Log, steps: Any, draft: kernels.Draft, calendars: Sequence[Calendar]) -> FoldLog:
    """The same log for the full fold; `steps` has the place of each event in STEPS."""
    data = np.where(steps == 0, log.cells[log.ticket], (steps == 1).astype(np.int32))
    kind = np.array([code for code, _, _ in STEPS], np.int8)[steps]
    terms = Terms(_standard(draft), dict(zip(NAMES, calendars, strict=True)))
    return FoldLog(log.ticket, log.at, kind, data, log.cells, FACTS, (terms,))


def _standard(draft: kernels.Draft) -> Standard:
    """One row a cell: the draft's two metrics, and with them accept and total resolution."""

    def targets(cell: int) -> dict[str, Any]:
        held_to = {"accept": 0, "first_response": 0, "resolution": 1, "resolution_total": 1}
        return {
            metric: {
                "amount": int(draft.targets[i, cell]) // 60,
                "unit": "min",
                "calendar": NAMES[draft.calendars[i, cell]],
            }
            for metric, i in held_to.items()
        }

    rows = [
        {"key": f"cell {cell}", "channel": facts.channel, "priority": facts.priority, "targets": targets(cell)}
        for cell, facts in enumerate(FACTS)
    ]
    response = {"starts": "receipt", "pauses": ["customer"] if draft.pauses[0] else []}
    resolution = {"starts": "receipt", "pauses": ["customer"] if draft.pauses[1] else []}
    rules = {"first_response": response, "resolution": resolution, "resolution_total": resolution}
    return parse({"version": 1, "rows": rows, "default": {"targets": targets(0)}, "rules": rules})


def by_fold(log: FoldLog, n_drafts: int = 1) -> Folded:
    """Every clock of every ticket."""
    return fold_log(log, [None] * n_drafts, int(log.at[-1]))


def as_peers_judge(log: FoldLog, draft: kernels.Draft) -> tuple[Any, int]:
    """The attainment of the two metrics that the peers judge, and how many clocks they judge otherwise.

    Peers compare seconds used. A clock whose target was used up at closing time, and that ended before the next
    opening, is within its target for them, but it ended after its due instant.
    """
    folded = fold_log(log, [None], int(log.at[-1]), with_rows=True)
    met, rows = folded.met[0, JUDGED], folded.rows
    assert rows is not None
    for i, metric in enumerate(JUDGED):
        late = np.flatnonzero((rows.metric == metric) & (rows.state == STATES.index("breached")))
        cells = log.cells[rows.ticket[late]]
        for number, name in enumerate(NAMES):
            here = late[draft.calendars[i][cells] == number]
            calendar = log.bindings[0].calendars[name]
            unused = kernels.between_many(calendar, rows.due_at[here], rows.ended_at[here]) == 0
            met[i] += np.bincount(log.cells[rows.ticket[here[unused]]], minlength=N_CELLS)
    all_met = folded.met[0, JUDGED]
    return met / (all_met + folded.breached[0, JUDGED]), int((met - all_met).sum())


def same_as_clocks(log: FoldLog, n_tickets: int) -> tuple[bool, float, int]:
    """Whether the first tickets have the very clocks that `core.clocks.fold` gives them; its seconds, and for
    how many events."""
    now = int(log.at[-1])
    here = np.flatnonzero(log.ticket < n_tickets)
    columns = {name: getattr(log, name)[here] for name in ("ticket", "at", "kind", "data")}
    some = replace(log, **columns, cells=log.cells[:n_tickets])
    rows = fold_log(some, [None], now, with_rows=True).rows
    found: list[list[FoldedClock]] = [[] for _ in range(n_tickets)]
    for _, ticket, clock in rows.clocks() if rows else ():
        found[ticket].append(clock)
    terms = log.bindings[0]
    book = DictBook({1: terms.standard}, {(name, 1): calendar for name, calendar in terms.calendars.items()})
    told = _events(some)
    begun = perf_counter()
    folded = [fold(events, book, now) for events in told]
    taken = perf_counter() - begun
    plain = [sorted(FoldedClock(*(getattr(x, name) for name in FoldedClock._fields)) for x in y) for y in folded]
    return [sorted(x) for x in found] == plain, taken, len(here)


def _events(log: FoldLog) -> list[list[Event]]:
    told: list[list[Event]] = [[] for _ in log.cells]
    events = {code: (kind, data) for code, kind, data in STEPS}
    columns = zip(log.ticket.tolist(), log.at.tolist(), log.kind.tolist(), strict=True)
    for number, (ticket, at, code) in enumerate(columns):
        kind, data = events[code]
        if kind == "opened":
            data = {**data, **FACTS[log.cells[ticket]]._asdict()}
        told[ticket].append(Event(at, number, kind, data))
    return told
