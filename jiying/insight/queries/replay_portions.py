"""A block of tickets as a part of a replay, folded wherever the copy's files are seen, and how parts become the whole.

Runs on other machines, too: needs no Django settings and no database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jiying.core.fold_log import Terms
from jiying.core.standards import TICKET_METRICS
from jiying.insight.queries import fold_columns, happened, rejudged
from jiying.insight.queries.fold_columns import Block, Cell, Columns
from jiying.insight.queries.rejudged import FirstPriorities, Moves

LISTED = 50  # tickets that are kept by cell and metric, to be opened from a number
Counts = dict[tuple[str, Cell], tuple[int, int]]  # (metric, cell): met, breached
Hours = dict[tuple[str, int], list[int]]  # (metric, team): promises that fall due in each hour of the day


@dataclass(frozen=True)
class Portion:
    """`until_s` is the instant of the verdicts on what still runs: the same for all portions of a replay; `first` are
    the priorities that its tickets begin with, where rules are tried out."""

    block: Block
    terms: Terms
    until_s: int
    zone: str
    first: FirstPriorities | None = None


@dataclass(frozen=True)
class Piece:
    """`sizes` are tickets and events by team; `happened` is what happened, `draft` what the terms would have found,
    `broken` the first late tickets by that."""

    sizes: dict[int, tuple[int, int]]
    cells: tuple[Cell, ...]
    happened: Counts
    draft: Counts
    hours_happened: Hours
    hours_draft: Hours
    broken: dict[tuple[str, Cell], list[int]]
    moves: Moves | None


def piece(portion: Portion) -> Piece:
    """Folds every ticket of the block, and counts what really happened to the same tickets."""
    from jiying.core.fold_kernel import fold_log

    columns = fold_columns.read(portion.block, portion.terms, portion.first)
    folded = fold_log(columns.log, [None], portion.until_s, with_rows=True)
    really = happened.verdicts(portion.block)
    return Piece(
        sizes=_sizes(columns),
        cells=tuple({*columns.cells, *(cell for _metric, cell in really)}),
        happened=really,
        draft=_counts(folded, columns.cells),
        hours_happened=happened.hours(portion.block, portion.zone),
        hours_draft=_hours(columns, folded.rows, ZoneInfo(portion.zone)),
        broken=_broken(columns, folded.rows),
        moves=_moves(portion.first, columns) if portion.first is not None else None,
    )


def _moves(first: FirstPriorities, columns: Columns) -> Moves:
    return rejudged.moves(first.of(columns.ids), _teams(columns))


def _teams(columns: Columns) -> Any:
    """Of each ticket."""
    import numpy as np

    teams = np.array([team for _channel, _priority, team in columns.cells], np.int64)
    return teams[columns.log.cells]


def _sizes(columns: Columns) -> dict[int, tuple[int, int]]:
    of_ticket = _teams(columns)
    n_events = columns.log.lasts - columns.log.firsts
    chosen = ((team, of_ticket == team) for team in set(of_ticket.tolist()))
    return {team: (int(here.sum()), int(n_events[here].sum())) for team, here in chosen}


def _counts(folded: Any, cells: Sequence[Cell]) -> Counts:
    """Running clocks are in neither count."""
    return {
        (metric, cell): (int(folded.met[0][n][place]), int(folded.breached[0][n][place]))
        for n, metric in enumerate(TICKET_METRICS)
        for place, cell in enumerate(cells)
    }


def _hours(columns: Columns, rows: Any, zone: ZoneInfo) -> Hours:
    import numpy as np

    due = rows.due_at >= 0
    teams, of_ticket = np.unique(_teams(columns), return_inverse=True)
    of_team = of_ticket[rows.ticket[due]]
    place = (rows.metric[due] * np.int64(len(teams)) + of_team) * 24 + local_hours(rows.due_at[due], zone)
    counts = np.bincount(place, minlength=len(TICKET_METRICS) * len(teams) * 24).reshape(-1, len(teams), 24)
    return {
        (metric, team): counts[n, m].tolist()
        for n, metric in enumerate(TICKET_METRICS)
        for m, team in enumerate(teams.tolist())
        if counts[n, m].any()
    }


def local_hours(at: Any, zone: ZoneInfo) -> Any:
    """The hour of the day of epoch seconds in a zone: its offset is looked up once for each hour that occurs."""
    import numpy as np

    if not len(at):
        return np.zeros(0, np.int64)
    hour = at // 3600
    first = int(hour.min())
    occur = np.bincount(hour - first)
    offsets = np.zeros(len(occur), np.int64)
    for slot in occur.nonzero()[0].tolist():
        offset = datetime.fromtimestamp((first + slot) * 3600, zone).utcoffset()
        offsets[slot] = int(offset.total_seconds()) if offset else 0
    return (at + offsets[hour - first]) // 3600 % 24


def _broken(columns: Columns, rows: Any) -> dict[tuple[str, Cell], list[int]]:
    import numpy as np

    from jiying.core.fold_kernel import STATES

    late = (rows.state == STATES.index("breached")).nonzero()[0]
    n_cells, ticket = max(1, len(columns.cells)), rows.ticket[late]
    key = rows.metric[late].astype(np.int64) * n_cells + columns.log.cells[ticket]
    order = np.argsort(key, kind="stable")  # tickets rise within each
    key, ticket = key[order], ticket[order]
    is_new = np.append(True, (key[1:] != key[:-1]) | (ticket[1:] != ticket[:-1]))[: len(key)]
    key, ticket = key[is_new], ticket[is_new]
    found: dict[tuple[str, Cell], list[int]] = {}
    begins = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: len(key)])
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(key)], strict=True) if len(key) else ():
        metric, cell = divmod(int(key[begin]), n_cells)
        ids = columns.ids[ticket[begin : min(end, begin + LISTED)]].tolist()
        found[TICKET_METRICS[metric], columns.cells[cell]] = ids
    return found


# --- the whole -------------------------------------------------------------------------------------------------------


def joined(pieces: Sequence[Piece]) -> dict[str, Any]:
    """The result of a replay as plain JSON, the same whatever the pieces were; they come by rising ids."""
    cells = sorted({cell for one in pieces for cell in one.cells})
    return {
        "tickets": sum(n for one in pieces for n, _n in one.sizes.values()),
        "events": sum(n for one in pieces for _n, n in one.sizes.values()),
        "sizes": _added([one.sizes for one in pieces]),
        "cells": [list(cell) for cell in cells],
        "happened": _by_metric([one.happened for one in pieces], cells),
        "draft": _by_metric([one.draft for one in pieces], cells),
        "hours": _by_team([one.hours_happened for one in pieces], [one.hours_draft for one in pieces]),
        "broken": _listed(pieces, cells),
        "rules": rejudged.as_data(tried) if (tried := [one.moves for one in pieces if one.moves is not None]) else None,
    }


def _added(sizes: Sequence[dict[int, tuple[int, int]]]) -> dict[str, list[int]]:
    """{team: [tickets, events]}."""
    teams = sorted({team for one in sizes for team in one})
    return {str(team): [sum(one.get(team, (0, 0))[n] for one in sizes) for n in (0, 1)] for team in teams}


def _by_metric(counted: Sequence[Counts], cells: Sequence[Cell]) -> dict[str, list[list[int]]]:
    """{metric: [[met, breached] by cell]}."""

    def sums(key: tuple[str, Cell]) -> list[int]:
        return [sum(one.get(key, (0, 0))[n] for one in counted) for n in (0, 1)]

    return {metric: [sums((metric, cell)) for cell in cells] for metric in TICKET_METRICS}


def _by_team(really: Iterable[Hours], draft: Iterable[Hours]) -> dict[str, Any]:
    """{metric: {team: [what happened, the draft]}}, 24 numbers each."""
    found: dict[str, dict[str, list[list[int]]]] = {metric: {} for metric in TICKET_METRICS}
    for place, side in enumerate((really, draft)):
        for one in side:
            for (metric, team), counts in one.items():
                kept = found[metric].setdefault(str(team), [[0] * 24, [0] * 24])
                kept[place] = [a + b for a, b in zip(kept[place], counts, strict=True)]
    return found


def _listed(pieces: Sequence[Piece], cells: Sequence[Cell]) -> dict[str, dict[str, list[int]]]:
    """{metric: {cell: ids}}."""
    found: dict[str, dict[str, list[int]]] = {metric: {} for metric in TICKET_METRICS}
    for one in pieces:
        for (metric, cell), ids in one.broken.items():
            kept = found[metric].setdefault(str(cells.index(cell)), [])
            kept += ids[: LISTED - len(kept)]
    return found
