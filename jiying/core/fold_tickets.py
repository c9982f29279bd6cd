"""The loops over all tickets of a log, as functions that numba compiles: events ticket by ticket, and each folded.

`fold_kernel` packs what they read. A ticket of a common life goes straight through (`fold_straight`), any other by the
rules one by one (`fold_loops`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jiying.core.fold_loops import (
    DROPPED_OUT,
    FAULT,
    KIND_BITS,
    N_KINDS,
    N_OUT,
    OUT_AT,
    OUT_SIZE,
    RUNNING,
    _part_ticket,
)
from jiying.core.fold_straight import _part_straight

if TYPE_CHECKING:
    import numpy as np  # `fold_kernel` puts it into the globals of all functions below


def _group_loop(columns: Any, places: Any, told: Any, low: Any, high: Any) -> Any:
    """Write the events of tickets low..high - 1 ticket by ticket, as (at, data and kind), each where its ticket's place
    is, which goes on by one; the number of the first with data below 0, or -1.

    One write to a far place for each event; everything after reads what lies side by side.
    """
    ticket, at, kind, data = columns
    for e in range(ticket.size):
        q = np.int64(ticket[e])
        if q < low or q >= high or kind[e] < 0 or kind[e] >= N_KINDS:
            continue
        what = np.int64(data[e])
        if what < 0:
            return e
        i = places[q]
        told[i, 0], told[i, 1] = at[e], what << KIND_BITS | np.int64(kind[e])
        places[q] = i + 1
    return -1


def _part_sort(told: Any, first: Any, last: Any, limits: Any) -> Any:
    """By instant; equal ones stay as they came. Late events are few, and most tickets have none. False where data are
    out of range."""
    for i in range(first, last):
        at, what = told[i, 0], told[i, 1]
        if what < 0 or what >> KIND_BITS >= limits[what & ((1 << KIND_BITS) - 1)]:
            return False
        j = i
        while j > first and told[j - 1, 0] > at:
            told[j, 0], told[j, 1] = told[j - 1, 0], told[j - 1, 1]
            j -= 1
        if j < i:
            told[j, 0], told[j, 1] = at, what
    return True


def _part_count(s: Any, draft: Any, cell: Any, tally: Any) -> None:
    for o in range(s[OUT_AT], s[OUT_AT] + OUT_SIZE * s[N_OUT], OUT_SIZE):
        state = s[o + 2]
        tally[draft, s[o], cell, 3 if state == DROPPED_OUT else min(state, RUNNING)] += 1


def _part_write(s: Any, draft: Any, ticket: Any, rows: Any, n_rows: Any) -> Any:
    codes, instants = rows
    for o in range(s[OUT_AT], s[OUT_AT] + OUT_SIZE * s[N_OUT], OUT_SIZE):
        codes[n_rows, 0], codes[n_rows, 1] = draft, ticket
        for i in range(3):
            codes[n_rows, 2 + i] = s[o + i]
        for i in range(4):
            instants[n_rows, i] = s[o + 3 + i]
        n_rows += 1
    return n_rows


def _fold_loop(tickets: Any, x: Any, limits: Any, share: Any, out: Any) -> Any:
    """Fold tickets low..high - 1 under every draft.

    `tickets` are (where the events of each begin, where they end, the events as of `_group_loop`, cells), `limits` what
    data must be below, by kind; `share` (low, high, drafts, 1 for rows); `out` (tally, codes, instants). Returns (rows
    written, first ticket with bad data, first ticket with a calendar that is not bound), the last two -1 without one.
    """
    firsts, lasts, told, cells = tickets
    low, high, n_drafts, with_rows = share
    n_rows = np.int64(0)
    for q in range(low, high):
        if not _part_sort(told, firsts[q], lasts[q], limits):
            return n_rows, q, -1
        for draft in range(n_drafts):
            if not _part_straight(x, told, firsts[q], lasts[q], draft, not with_rows):
                _part_ticket(x, told, firsts[q], lasts[q], draft)
                if x[0][FAULT]:
                    return n_rows, -1, q
            _part_count(x[0], draft, cells[q], out[0])
            if with_rows:
                n_rows = _part_write(x[0], draft, q, (out[1], out[2]), n_rows)
    return n_rows, -1, -1
