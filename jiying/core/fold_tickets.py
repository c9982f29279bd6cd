"""The loops over all tickets of a log, as functions that numba compiles: events ticket by ticket, and each folded.

`fold_kernel` packs what they read. A ticket of a common life goes straight through (`fold_straight`), any other by the
rules one by one (`fold_loops`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jiying.core.fold_log import WORD_BITS
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


def _part_place(pack_ids: Any, pk: Any) -> Any:
    """The first place that has no smaller id."""
    low, high = 0, pack_ids.size
    while low < high:
        middle = (low + high) // 2
        if pack_ids[middle] < pk:
            low = middle + 1
        else:
            high = middle
    return low


def _part_next(pack_ids: Any, p: Any, pk: Any) -> Any:
    """The same, from p on."""
    while p < pack_ids.size and pack_ids[p] < pk:
        p += 1
    return p


def _size_loop(pack: Any, ids: Any, sizes: Any) -> None:
    """Add to the sizes of tickets how many events of each a pack has; both name tickets by rising id."""
    pack_ids, pack_firsts = pack[0], pack[1]
    p = _part_place(pack_ids, ids[0])
    for q in range(ids.size):
        p = _part_next(pack_ids, p, ids[q])
        if p < pack_ids.size and pack_ids[p] == ids[q]:
            sizes[q] += pack_firsts[p + 1] - pack_firsts[p]


def _gather_loop(pack: Any, what: Any, ids: Any, log: Any, low: Any, high: Any) -> Any:
    """Put a pack's events of tickets low..high - 1 behind or among those that they have, by instant and journal id.

    `what` gives of each word data << KIND_BITS | kind, or below 0 what is left out; `log` is (where the events of each
    ticket begin, where they end so far, the events, their journal ids). Without room for journal ids False where they
    may have to decide: an event is of one instant with another pack's.
    """
    pack_ids, pack_firsts, turns, pack_entries = pack
    firsts, lasts, told, entries = log
    p = _part_place(pack_ids, ids[low])
    for q in range(low, high):
        p = _part_next(pack_ids, p, ids[q])
        if p == pack_ids.size or pack_ids[p] != ids[q]:
            continue
        own = lasts[q]
        for e in range(pack_firsts[p], pack_firsts[p + 1]):
            said = what[turns[e] & ((1 << WORD_BITS) - 1)]
            if said >= 0:
                at, entry = turns[e] >> WORD_BITS, pack_entries[e] if entries.size else 0
                shifted = _part_insert((told, entries), (firsts[q], own, lasts[q]), at, said, entry)
                if shifted < 0:
                    return False
                lasts[q] += 1
                own = lasts[q] if shifted > 0 else own  # whose the others are is not known any more
    return True


def _part_insert(log: Any, places: Any, at: Any, said: Any, entry: Any) -> Any:
    """Put an event among those of its ticket, from the first place to before the last; those from the second on are of
    its own pack, and were before it. How many came to stand behind it; -1 where that cannot be said."""
    told, entries = log
    first, own, last = places
    j = last
    while j > first and told[j - 1, 0] >= at:
        if told[j - 1, 0] == at:
            if entries.size == 0 and j <= own:
                return -1
            if entries.size == 0 or entries[j - 1] <= entry:
                break
        told[j, 0], told[j, 1] = told[j - 1, 0], told[j - 1, 1]
        if entries.size:
            entries[j] = entries[j - 1]
        j -= 1
    told[j, 0], told[j, 1] = at, said
    if entries.size:
        entries[j] = entry
    return last - j


def _span_loop(told: Any) -> Any:
    """The first and the last instant of some events."""
    first = last = told[0, 0]
    for i in range(told.shape[0]):
        first, last = min(first, told[i, 0]), max(last, told[i, 0])
    return first, last


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
