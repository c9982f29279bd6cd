"""Array kernels, compiled by numba: batches of calendar operations, and the replay of standards over a log (C4, C10).

Only kernels of `core` import numba (this, `fold_kernel`, `processmap.kernel`, `json_columns`), and only inside
functions: it costs 0.6 s and 92 MB, so never in a web process. Compiled code is kept where NUMBA_CACHE_DIR says.
What a kernel computes is what `core.calendars` computes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from math import gcd
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from jiying.core.calendars import LAST_INSTANT, Calendar, CalendarError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]

# Above this many slots (34 MB) a table costs more memory than its speed is worth: 16 years to the minute.
MAX_SLOTS = 1 << 23
# Tables are made for whole stretches of this length, so that the next batch finds one ready.
STRETCH_S = 366 * 86400
# A log shorter than this is not worth a thread.
THREAD_WORTH = 200_000
MAX_THREADS = 4


def n_threads(n_events: int) -> int:
    """As many as pay for so many events, and as this process has processors to run on: a container may have few of the
    machine's."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, MAX_THREADS) if n_events > THREAD_WORTH else 1


# ---------------------------------------------------------------- one calendar as a table
@dataclass(frozen=True)
class DirectTable:
    """Open time of start..end as slots of `grain` seconds from `origin`, each wholly open or wholly closed.

    `before[k]` is the open seconds before slot k, so a slot is open where the next entry is larger; `open_slots[k]` is
    where the k-th open slot starts, in seconds after `origin`. Only differences of open seconds mean something.
    """

    start: int
    end: int
    origin: int
    grain: int
    before: NDArray[Any]
    open_slots: NDArray[Any]


_tables: WeakKeyDictionary[Calendar, DirectTable] = WeakKeyDictionary()


def direct_table(calendar: Calendar, earliest: int, latest: int) -> DirectTable | None:
    """The table that holds these instants, kept for the next call; None where the grain is too fine for one."""
    known = _tables.get(calendar)
    if known and known.start <= earliest and latest <= known.end:
        return known
    start = earliest // STRETCH_S * STRETCH_S
    end = min((latest // STRETCH_S + 1) * STRETCH_S, LAST_INSTANT - 1)
    if known:
        start, end = min(start, known.start), max(end, known.end)
    made = _table(calendar, start, end)
    if made:
        _tables[calendar] = made
    return made


def _table(calendar: Calendar, start: int, end: int) -> DirectTable | None:
    import numpy as np

    spans = calendar.intervals(start, end)
    # start and end cut intervals, but are no boundaries of the calendar: as such they would ruin the grain.
    bounds = sorted({t for span in spans for t in span} - {start, end})
    grain = gcd(*(t - bounds[0] for t in bounds)) or end - start + 1
    anchor = bounds[0] if bounds else start
    origin = anchor - (anchor - start + grain - 1) // grain * grain
    n_slots = (end - origin) // grain + 1
    if n_slots > MAX_SLOTS:
        return None
    edges = np.arange(n_slots + 1, dtype=np.int64) * grain
    opens, closes = (np.array([span[i] for span in spans], np.int64).reshape(-1) - origin for i in (0, 1))
    if spans and spans[0][0] == start:
        opens[0] = 0  # a cut slot counts as whole: nothing before start is ever asked
    if spans and spans[-1][1] == end:
        closes[-1] = edges[-1]
    lengths = np.concatenate([[0], np.cumsum(closes - opens)])
    i = np.searchsorted(opens, edges, "right")
    overshoot = np.maximum(np.concatenate([[0], closes])[i] - edges, 0)
    before = lengths[i] - overshoot
    small = np.int32 if edges[-1] < 2**31 else np.int64
    open_slots = edges[:-1][np.diff(before) > 0]
    return DirectTable(start, end, origin, grain, before.astype(small), open_slots.astype(small))


def between_many(calendar: Calendar, a: Int64s, b: Int64s) -> Int64s:
    """`calendar.between` element by element, some ten times faster than `Calendar.between_many`."""
    import numpy as np

    a, b = _aligned(a, b)
    if not a.size:
        return np.zeros(0, np.int64)
    table = direct_table(calendar, int(min(a.min(), b.min())), int(max(a.max(), b.max())))
    if table is None:
        return calendar.between_many(a, b)
    out = np.empty(a.size, np.int64)
    _compiled(_between_loop)(table.before, table.origin, table.grain, a, b, out)
    return out


def add_many(calendar: Calendar, a: Int64s, d: Int64s) -> Int64s:
    """`calendar.add` element by element, some ten times faster than `Calendar.add_many`."""
    import numpy as np

    a, d = _aligned(a, d)
    if not a.size:
        return np.zeros(0, np.int64)
    if d.min() < 0:
        raise CalendarError.of("negative_duration", seconds=int(d.min()))
    last_due = calendar.add(int(a.max()), int(d.max()))
    table = direct_table(calendar, int(a.min()), last_due) if last_due < LAST_INSTANT else None
    if table is None:
        return calendar.add_many(a, d)
    out = np.empty(a.size, np.int64)
    _compiled(_add_loop)(table.before, table.open_slots, table.origin, table.grain, a, d, out)
    return out


def _aligned(a: Int64s, b: Int64s) -> tuple[Int64s, Int64s]:
    """Two flat arrays of one length, or a ValueError: the compiled loops check no bounds."""
    import numpy as np

    a, b = np.ascontiguousarray(a, np.int64), np.ascontiguousarray(b, np.int64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"two flat arrays of one length are needed, not {a.shape} and {b.shape}")
    return a, b


# ---------------------------------------------------------------- replay
OPENED, RESPONDED, PAUSED, RESUMED, SOLVED = range(5)
FIRST_RESPONSE, RESOLUTION = range(2)
MET, BREACHED, RUNNING = range(3)

# A ticket's row while the log is read: cell and flags in one number, then start and paused seconds in
# each calendar that its cell uses.
IS_OPENED, IS_RESPONDED, IS_PAUSED, IS_SOLVED = 1, 2, 4, 8
FLAG_BITS, N_FLAGS = 4, 16
STEP_FLAGS, STEP_START, STEP_PAUSED, STEP_ENDS = range(4)
# Events are taken in blocks whose scratch stays in the nearest cache.
BLOCK = 1024


@dataclass(frozen=True)
class Log:
    """The journal as columns, in order of (at, id): ticket 0..n-1, kind (the five above; others are passed over), at.

    `cells[ticket]` is the group in which the ticket is counted, for example channel x priority x team.
    """

    ticket: NDArray[Any]
    kind: NDArray[Any]
    at: Int64s
    cells: NDArray[Any]


@dataclass(frozen=True)
class Draft:
    """One standard as arrays [2 metrics][n_cells]: targets in open seconds, and which of the calendars measures them.

    `pauses` says for each metric whether paused time is taken out.
    """

    targets: Int64s
    calendars: NDArray[Any]
    pauses: tuple[bool, bool] = (True, True)


@dataclass(frozen=True)
class Outcome:
    """Counts of clocks as arrays [draft][metric][cell]: met, breached, and neither at the end of the log."""

    met: Int64s
    breached: Int64s
    running: Int64s


def replay(log: Log, drafts: Sequence[Draft], calendars: Sequence[Calendar], until: int) -> Outcome:
    """Run any number of draft standards over a log in one pass, as if each had been in force; events after `until`
    are passed over.

    First response: first OPENED to first RESPONDED. Resolution: first OPENED to first SOLVED (a reopening does not
    restart it). A clock is met when its open seconds, less those paused, are at most the target; a clock that is not
    ended counts as breached once it has gone beyond.
    """
    import numpy as np

    plan = _plan(log, drafts, calendars, until)
    shape = (len(drafts), 2, plan.standards[0].shape[2], 3)
    loop, rules, n_tickets = _compiled(_replay_loop), (plan.standards, _steps()), len(plan.state)
    n_shares = n_threads(plan.n_events)
    edges = [n_tickets * i // n_shares for i in range(n_shares + 1)]
    tallies = [np.zeros(shape, np.int64) for _ in range(n_shares)]

    def run(low: int, high: int, tally: Int64s) -> None:
        loop(plan.columns, plan.tables, rules, plan.state, (low, high, plan.n_events), tally)

    with ThreadPoolExecutor(n_shares) as pool:
        list(pool.map(run, edges, edges[1:], tallies))
    tally = np.sum(tallies, axis=0)
    _compiled(_close_loop)(plan.finals, plan.standards, plan.state, tally)
    return Outcome(*(np.ascontiguousarray(tally[..., i]) for i in range(3)))


@dataclass(frozen=True)
class _Plan:
    """Everything as arrays: the log with its searched positions, tables, standards, a row for each ticket."""

    n_events: int
    columns: tuple[Any, ...]
    tables: tuple[Any, ...]
    standards: tuple[Any, ...]
    state: NDArray[Any]
    finals: Int64s


def _plan(log: Log, drafts: Sequence[Draft], calendars: Sequence[Calendar], until: int) -> _Plan:
    import numpy as np

    targets, which, pauses = _standards(drafts, len(calendars))
    _check_log(log, targets.shape[2])
    slots, used = _slots(which)
    first = min(int(log.at[0]), until) if len(log.at) else until
    tables = [direct_table(calendar, first, until) for calendar in calendars]
    within = np.clip(log.at, first, until)
    searched = [
        calendar.between_many(np.array([first]), within) if table is None else within[:0]
        for calendar, table in zip(calendars, tables, strict=True)
    ]
    finals = [
        _position(table, until) if table else calendar.between(first, until)
        for calendar, table in zip(calendars, tables, strict=True)
    ]
    by_search = [x for x, table in zip(searched, tables, strict=True) if table is None]
    small = all(table is None or table.before.dtype == np.int32 for table in tables) and until - first < 2**31
    state = np.zeros((len(log.cells), 1 + 2 * used.shape[1]), np.int32 if small else np.int64)
    state[:, 0] = np.asarray(log.cells).astype(state.dtype) << FLAG_BITS
    positions = np.array(by_search, np.int64).reshape(len(by_search), len(log.at))
    columns = (log.ticket, log.kind, np.ascontiguousarray(log.at, np.int64), positions)
    return _Plan(
        n_events=int(np.searchsorted(log.at, until, "right")),
        columns=columns,
        tables=(*_side_by_side(tables), used),
        standards=(targets, slots, pauses),
        state=state,
        finals=np.array(finals, state.dtype)[used],
    )


def _slots(which: Int64s) -> tuple[Int64s, Int64s]:
    """Few cells use all calendars, so a ticket's row has a slot only for each that its own cell uses.

    Returns the slot of each [draft][metric][cell], and the calendar of each [cell][slot].
    """
    import numpy as np

    each = [np.unique(which[:, :, cell]) for cell in range(which.shape[2])]
    used = np.zeros((len(each), max((x.size for x in each), default=0)), np.int64)
    slots = np.zeros_like(which)
    for cell, calendars in enumerate(each):
        used[cell, : calendars.size] = calendars
        slots[:, :, cell] = np.searchsorted(calendars, which[:, :, cell])
    return slots, used


def _steps() -> NDArray[Any]:
    """What an event does, by kind and flags: [flags added, start added, paused added, metric ended + 1].

    An event counts only as the first of its kind in a state where it means something; otherwise its step is zero.
    """
    import numpy as np

    steps = np.zeros((5, N_FLAGS, 4), np.int32)
    for flags in range(N_FLAGS):
        live = flags & IS_OPENED and not flags & IS_SOLVED
        if not flags & IS_OPENED:
            steps[OPENED, flags] = IS_OPENED, 1, 0, 0
        elif not flags & IS_RESPONDED:
            steps[RESPONDED, flags] = IS_RESPONDED, 0, 0, FIRST_RESPONSE + 1
        if live:
            steps[SOLVED, flags] = IS_SOLVED, 0, 0, RESOLUTION + 1
            if flags & IS_PAUSED:
                steps[RESUMED, flags] = -IS_PAUSED, 0, -1, 0
            else:
                steps[PAUSED, flags] = IS_PAUSED, 0, 1, 0
    return steps


def _standards(drafts: Sequence[Draft], n_calendars: int) -> tuple[Any, ...]:
    """targets, calendars and pauses as arrays, checked: the compiled loop checks nothing."""
    import numpy as np

    targets = np.array([draft.targets for draft in drafts], np.int64)
    which = np.array([draft.calendars for draft in drafts], np.int64)
    pauses = np.array([draft.pauses for draft in drafts], np.bool_)
    if targets.ndim != 3 or targets.shape[1] != 2 or targets.shape != which.shape:
        raise ValueError(f"targets and calendars must both be [2 metrics][n_cells]: {targets.shape}, {which.shape}")
    if which.size and not 0 <= which.min() <= which.max() < n_calendars:
        raise ValueError(f"a draft names a calendar outside 0..{n_calendars - 1}")
    return targets, which, pauses


def _check_log(log: Log, n_cells: int) -> None:
    """The compiled loop checks no bounds: a bad index would write anywhere."""
    if not len(log.ticket) == len(log.kind) == len(log.at):
        raise ValueError("the columns of a log must have one length")
    for name, column, limit in (("ticket", log.ticket, len(log.cells)), ("cells", log.cells, n_cells)):
        if len(column) and not 0 <= column.min() <= column.max() < limit:
            raise ValueError(f"{name} outside 0..{limit - 1}")
    if len(log.at) > 1 and (log.at[1:] < log.at[:-1]).any():
        raise ValueError("a log must be in order of time")


def _position(table: DirectTable, t: int) -> int:
    slot, rest = divmod(t - table.origin, table.grain)
    return int(table.before[slot]) + min(rest, int(table.before[slot + 1] - table.before[slot]))


def _side_by_side(tables: Sequence[DirectTable | None]) -> tuple[Any, ...]:
    """All tables in one array with the offset, origin, grain and 1 / grain of each.

    Grain 0: no table, its offset is the row of `positions` where its open seconds were searched beforehand.
    """
    import numpy as np

    parts = [table.before if table else np.zeros(0, np.int32) for table in tables]
    offsets = np.cumsum([0] + [part.size for part in parts])[:-1]
    searched = np.array([table is None for table in tables])
    offsets = np.where(searched, np.cumsum(searched) - 1, offsets)
    origins = np.array([table.origin if table else 0 for table in tables], np.int64)
    grains = np.array([table.grain if table else 0 for table in tables], np.int64)
    return np.concatenate(parts), offsets, origins, grains, 1.0 / np.maximum(grains, 1)


# ---------------------------------------------------------------- loops that numba compiles
# Written for the compiler: slots by multiplication instead of division. (x + 0.5) / grain lies at least 0.5 / grain
# from a whole number, far more than a double's error over 230 years. Unsigned: no negative index needs thought.
@cache
def _compiled(loop: Callable[..., None]) -> Callable[..., None]:
    """Compile a loop below. What it names `np`, or by a leading `_k_`, is put into its globals here: numba cannot
    import inside a function, and this module may not import numpy outside of one."""
    import numba
    import numpy

    known = {**globals(), "np": numpy}
    for name in [name for name in known if name.startswith("_k_")]:
        known[name] = numba.njit(_with(known[name], known), inline="always")
    compiled: Any = numba.njit(_with(loop, known), cache=True, nogil=True)
    return cast(Callable[..., None], compiled)


def _with(function: Any, known: dict[str, Any]) -> FunctionType:
    made = FunctionType(function.__code__, known, function.__name__)
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__
    return made


def _k_position(before: Any, first: Any, at: Any, grain: Any, per_s: Any) -> Any:
    """Open seconds before `at` seconds after a table's origin; the table begins at `first`, `per_s` is 1 / grain."""
    slot = np.uint64((at + 0.5) * per_s)
    opened = np.int64(before[first + slot])
    return opened + min(at - np.int64(slot) * grain, np.int64(before[first + slot + np.uint64(1)]) - opened)


def _between_loop(before: Any, origin: Any, grain: Any, a: Any, b: Any, out: Any) -> None:
    none, per_s = np.uint64(0), 1.0 / grain
    for k in range(a.size):
        until_a = _k_position(before, none, a[k] - origin, grain, per_s)
        out[k] = _k_position(before, none, b[k] - origin, grain, per_s) - until_a


def _add_loop(before: Any, open_slots: Any, origin: Any, grain: Any, a: Any, d: Any, out: Any) -> None:
    per_s = 1.0 / grain
    for k in range(a.size):
        out[k] = a[k]
        if d[k] > 0:
            last = _k_position(before, np.uint64(0), a[k] - origin, grain, per_s) + d[k] - 1
            slot = np.uint64((last + 0.5) * per_s)
            out[k] = origin + open_slots[slot] + last - np.int64(slot) * grain + 1


# A row of an array is passed as (array, number), never as a slice: a slice counts references, and that costs more
# than the row's work, above all when two threads count on one array.
def _k_judge(metric: Any, standards: Any, ticket_row: Any, now_row: Any, verdict: Any, tally: Any) -> None:
    """Count one clock under every draft: within its target it gets `verdict`, else it is breached."""
    targets, slots, pauses = standards
    state, q = ticket_row
    now, i = now_row
    cell = state[q, 0] >> FLAG_BITS
    paused = np.int64((state[q, 0] & IS_PAUSED) > 0)
    for draft in range(targets.shape[0]):
        c = slots[draft, metric, cell]
        t = np.int64(now[i, c])
        elapsed = t - state[q, 1 + 2 * c] + pauses[draft, metric] * (state[q, 2 + 2 * c] - paused * t)
        tally[draft, metric, cell, verdict if elapsed <= targets[draft, metric, cell] else BREACHED] += 1


def _k_pick(columns: Any, first: Any, share: Any, picked: Any) -> Any:
    """Note the events of one block that concern this share of the tickets. Without a branch: no guess can be wrong."""
    ticket, kinds, _, _ = columns
    low, high, n_events = share
    n_picked: Any = 0
    for e in range(first, min(first + BLOCK, n_events)):
        picked[n_picked] = e
        n_picked += np.int64((kinds[e] >= 0) & (kinds[e] <= SOLVED) & (ticket[e] >= low) & (ticket[e] < high))
    return n_picked


def _k_locate(columns: Any, tables: Any, e: Any, cell: Any, now: Any, i: Any) -> None:
    """The open seconds of event e in the calendars that its cell uses."""
    _, _, at, positions = columns
    before, offsets, origins, grains, rates, used = tables
    for slot in range(now.shape[1]):
        c = used[cell, slot]
        if grains[c] == 0:
            now[i, slot] = positions[offsets[c], e]
        else:
            now[i, slot] = _k_position(before, np.uint64(offsets[c]), at[e] - origins[c], grains[c], rates[c])


def _k_step(kind: Any, steps: Any, state: Any, q: Any, now: Any, i: Any) -> Any:
    """Write an event into its ticket's row, by table: flags, then start and paused seconds in each slot."""
    flags = state[q, 0] & (N_FLAGS - 1)
    state[q, 0] += steps[kind, flags, STEP_FLAGS]
    for c in range(now.shape[1]):
        state[q, 1 + 2 * c] += now[i, c] * steps[kind, flags, STEP_START]
        state[q, 2 + 2 * c] += now[i, c] * steps[kind, flags, STEP_PAUSED]
    return steps[kind, flags, STEP_ENDS]


def _replay_loop(columns: Any, tables: Any, rules: Any, state: Any, share: Any, tally: Any) -> None:
    ticket, kinds = columns[0], columns[1]
    standards, steps = rules
    picked = np.empty(BLOCK + 1, np.int64)
    now = np.empty((BLOCK, (state.shape[1] - 1) // 2), state.dtype)
    for first in range(0, share[2], BLOCK):
        n_picked = _k_pick(columns, first, share, picked)
        for i in range(n_picked):
            _k_locate(columns, tables, picked[i], state[ticket[picked[i]], 0] >> FLAG_BITS, now, i)
        for i in range(n_picked):
            q = ticket[picked[i]]
            ends = _k_step(kinds[picked[i]], steps, state, q, now, i)
            if ends > 0:
                _k_judge(ends - 1, standards, (state, q), (now, i), MET, tally)


def _close_loop(finals: Any, standards: Any, state: Any, tally: Any) -> None:
    """Count the clocks that the log leaves without an end; `finals` has the open seconds then, by cell and slot."""
    for q in range(state.shape[0]):
        flags, now = state[q, 0], (finals, state[q, 0] >> FLAG_BITS)
        if flags & IS_OPENED:
            if not flags & IS_RESPONDED:
                _k_judge(FIRST_RESPONSE, standards, (state, q), now, RUNNING, tally)
            if not flags & IS_SOLVED:
                _k_judge(RESOLUTION, standards, (state, q), now, RUNNING, tally)
