"""The whole fold of ticket clocks over a big journal, under one or several standards at once (C8, C10-C13b).

It packs a log and terms into a few arrays and runs the loop of `fold_tickets` over them; every clock is what
`core.clocks.fold` gives (docs/algorithms/replay.md). Loads numba and numpy only when called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jiying.core import fold_loops, fold_straight, fold_tickets, kernels
from jiying.core import fold_loops as k
from jiying.core.calendars import LAST_INSTANT, Calendar
from jiying.core.clocks import Book, Event, fold
from jiying.core.fold_log import FoldLog, Pack, Terms, TicketLog, encode
from jiying.core.standards import HOLD_REASONS, TICKET_METRICS, Facts, Row, Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Key = TypeVar("Key", bound=Hashable)
STATES = ("met", "breached", "running", "paused", "pending", "cancelled")  # by the codes of fold_loops
_MODULES = (fold_loops, fold_straight, fold_tickets)
# Clocks that one event of each kind may bring to be, at most: this many rows are set aside (untouched memory is free).
_NEW_CLOCKS = {k.OPENED: 5, k.ASSIGNED: 1, k.WROTE: 1, k.ANSWERED: 1, k.REOPENED: 3}


class FoldedClock(NamedTuple):
    """What the compiled fold tells of a clock; instants are epoch seconds, the words those of `clocks.Clock`."""

    metric: str
    seq: int
    state: str
    started_at: int | None
    due_at: int | None
    ended_at: int | None
    breached_at: int | None


@dataclass(frozen=True)
class ClockRows:
    """All clocks as columns, ticket by ticket: ended ones in the order of their end, then the others by metric.

    `metric` is a place in TICKET_METRICS and `state` one in STATES; -1 stands for no instant.
    """

    draft: Array
    ticket: Array
    metric: Array
    seq: Array
    state: Array
    started_at: Array
    due_at: Array
    ended_at: Array
    breached_at: Array

    def clocks(self) -> list[tuple[int, int, FoldedClock]]:
        """(draft, ticket, clock) for every row."""
        found = []
        columns = [getattr(self, name).tolist() for name in ("draft", "ticket", *FoldedClock._fields)]
        for draft, ticket, metric, seq, state, *told in zip(*columns, strict=True):
            instants = (None if t < 0 else t for t in told)
            found.append((draft, ticket, FoldedClock(TICKET_METRICS[metric], seq, STATES[state], *instants)))
        return found


@dataclass(frozen=True)
class Folded:
    """Counts of clocks as arrays [draft][metric of TICKET_METRICS][cell]; `open` ones have no verdict at the end."""

    met: Array
    breached: Array
    open: Array
    cancelled: Array
    rows: ClockRows | None


def fold_log(log: FoldLog | TicketLog, drafts: Sequence[Terms | None], now: int, *, with_rows: bool = False) -> Folded:
    """The clocks of all tickets at `now` under each draft: the terms that would have held for everything, or None for
    those that did hold.

    Raises ValueError for columns that do not fit each other or have an event after `now`, LookupError if a ticket is
    promised something in a calendar that its terms do not have, CalendarError if due times may lie beyond what
    calendars can compute.
    """
    import numpy as np

    tickets = _grouped(log) if isinstance(log, FoldLog) else log
    n_tickets = len(tickets.cells)
    n_cells = int(tickets.cells.max()) + 1 if n_tickets else 0
    _check("cells", tickets.cells, n_cells)
    span = _compiled("_span_loop")(tickets.told) if len(tickets.told) else (now, now)
    if not 0 <= span[0] <= span[1] <= now:
        raise ValueError(f"at outside 0..{now}")
    job = _Job(tickets, now, _packed(tickets, drafts, span), len(drafts), with_rows)
    edges = _shares(tickets.firsts, len(tickets.told))
    with ThreadPoolExecutor(len(edges) - 1) as pool:
        shares = list(pool.map(job.run, edges, edges[1:]))
    tally = np.sum([share.tally for share in shares], axis=0)
    counts = [np.ascontiguousarray(tally[..., i]) for i in range(4)]
    return Folded(counts[0], counts[1], counts[2], counts[3], _rows(shares) if with_rows else None)


def gather(packs: Sequence[tuple[Pack, Array]], ids: Array) -> tuple[Array, Array, Array]:
    """The events that packs have of these tickets (rising), as `TicketLog` has them: firsts, lasts and told.

    Beside each pack is what its words say: data << KIND_BITS | kind, or below 0 what is to be left out.
    """
    import numpy as np

    ids = np.asarray(ids, np.int64)
    sizes = np.zeros(len(ids), np.int64)
    told_by = [((pack.ids, pack.firsts, pack.turns, pack.entries), what) for pack, what in packs if len(pack.ids)]
    for pack, _what in told_by if len(ids) else ():
        _compiled("_size_loop")(pack, ids, sizes)
    found = _gathered(told_by, ids, sizes, 0)
    return _without_gaps(*(found or _gathered(told_by, ids, sizes, int(sizes.sum())) or ()))


def _gathered(packs: Sequence[Any], ids: Array, sizes: Array, n_entries: int) -> tuple[Array, Array, Array] | None:
    """None where the order of two events is to be told by their journal ids, and there is no room for these."""
    import numpy as np

    ends = np.cumsum(sizes)
    firsts, n_events = ends - sizes, int(sizes.sum())
    log = firsts, firsts.copy(), np.empty((n_events, 2), np.int64), np.empty(n_entries, np.int64)
    edges = _shares(firsts, n_events)

    def share(low: int, high: int) -> bool:
        return low == high or all(_compiled("_gather_loop")(*pack, ids, log, low, high) for pack in packs)

    with ThreadPoolExecutor(len(edges) - 1) as pool:
        return log[:3] if all(list(pool.map(share, edges, edges[1:]))) else None


def _without_gaps(firsts: Array, lasts: Array, told: Array) -> tuple[Array, Array, Array]:
    """Without rows that no ticket has."""
    import numpy as np

    sizes = lasts - firsts
    if int(sizes.sum()) == len(told):
        return firsts, lasts, told
    ends = np.cumsum(sizes)
    rows = np.arange(int(ends[-1])) + np.repeat(firsts - (ends - sizes), sizes)
    return ends - sizes, ends, told[rows]


def fold_many(events_by_ticket: Mapping[Key, Iterable[Event]], book: Book, now: int) -> dict[Key, list[FoldedClock]]:
    """`clocks.fold` for many tickets at once, without the clocks of promises; sorted by metric and number.

    Tickets that the encoder leaves are folded in Python. Raises as `encode` and `fold_log` do.
    """
    told = {key: list(events) for key, events in events_by_ticket.items()}
    encoded = encode(told, book)
    rows = fold_log(encoded.log, [None], now, with_rows=True).rows
    found: dict[Key, list[FoldedClock]] = {key: [] for key in told}
    for _, ticket, clock in rows.clocks() if rows else ():
        found[encoded.tickets[ticket]].append(clock)
    for key in encoded.left:
        clocks = (x for x in fold(told[key], book, now) if x.metric in TICKET_METRICS)
        found[key] = [FoldedClock(*(getattr(x, name) for name in FoldedClock._fields)) for x in clocks]
    return {key: sorted(clocks, key=lambda x: (x.metric, x.seq)) for key, clocks in found.items()}


def _check(name: str, column: Array, limit: int) -> None:
    """The compiled loop checks no bounds: a bad index would write anywhere."""
    if len(column) and not 0 <= column.min() <= column.max() < limit:
        raise ValueError(f"{name} outside 0..{limit - 1}")


def _shares(firsts: Array, n_events: int) -> list[int]:
    """Between which tickets threads take turns, each with about as many events."""
    import numpy as np

    edges = np.searchsorted(firsts, np.linspace(0, n_events, kernels.n_threads(n_events) + 1)).tolist()
    return [0, *edges[1:-1], len(firsts)]


def _grouped(log: FoldLog) -> TicketLog:
    """The log ticket by ticket. Kinds that are no event are left out."""
    import numpy as np

    n_events, n_tickets = len(log.at), len(log.cells)
    if not len(log.ticket) == n_events == len(log.kind) == len(log.data):
        raise ValueError("the columns of a log must have one length")
    _check("ticket", log.ticket, n_tickets)
    _check("at", log.at, k.NEVER)
    ends = np.cumsum(np.bincount(log.ticket, minlength=n_tickets))
    firsts = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
    columns = log.ticket, np.ascontiguousarray(log.at, np.int64), log.kind, log.data
    lasts, told = firsts.copy(), np.empty((n_events, 2), np.int64)
    loop, edges = _compiled("_group_loop"), _shares(firsts, n_events)
    with ThreadPoolExecutor(len(edges) - 1) as pool:
        bad = max(pool.map(lambda low, high: loop(columns, lasts, told, low, high), edges, edges[1:]))
    if bad >= 0:
        raise ValueError(f"event {bad}: its data are out of range for its kind")
    return TicketLog(*_without_gaps(firsts, lasts, told), log.cells, log.facts, log.bindings)


# ---------------------------------------------------------------- running the loop
@cache
def _compiled(name: str) -> Any:
    """A loop of `fold_tickets` as machine code, kept where numba keeps it. Numba cannot import inside a function, so
    numpy, and all that it calls, is put into the globals of all; its name ends in a stamp of all sources.

    Four things keep the compiler from minutes of work: no counting of references (so no function may make an array), no
    way in from Python but for the loop itself, constants that are no literals (each would get a copy of the functions
    that it is given to), and parts of one function are put into it before anything is made faster.
    """
    import numba
    import numpy

    plain: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}
    inner: dict[str, Any] = {**plain, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made: dict[str, Any] = {}
    for module in _MODULES:  # each after those that it imports from
        known = {key: numpy.int64(x) if isinstance(x, int) else x for key, x in vars(module).items()} | {"np": numpy}
        known |= {key: made[key] for key in known.keys() & made.keys()}
        for part in [part for part in known if part.startswith(("_k_", "_part_")) and part not in made]:
            inner["inline"] = "always" if part.startswith("_part_") else "never"
            known[part] = made[part] = numba.njit(**inner)(kernels._with(known[part], known))
    loop = kernels._with(getattr(fold_tickets, name), known)
    loop.__qualname__ = f"{name}_{_stamp()}"
    return numba.njit(cache=True, nogil=True, **plain)(loop)


@cache
def _stamp() -> str:
    """Of the sources: numba itself looks at one file only to tell whether kept machine code is old."""
    sources = [Path(module.__file__ or "").read_bytes() for module in _MODULES]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:12]


@dataclass(frozen=True)
class _Packed:
    """Constants, direct tables and 1 / grain of each calendar, as `fold_loops` reads them."""

    constants: Array
    table: Array
    rates: Array


@dataclass(frozen=True)
class _Share:
    tally: Array
    codes: Array
    instants: Array


class _Job:
    """Everything that the shares of one run have in common."""

    def __init__(self, log: TicketLog, now: int, packed: _Packed, n_drafts: int, with_rows: bool) -> None:
        self.log, self.now, self.packed = log, now, packed
        self.n_drafts, self.with_rows = n_drafts, with_rows
        self.n_cells = int(log.cells.max()) + 1 if len(log.cells) else 0
        self.limits = _limits(len(log.facts), len(log.bindings))
        self.loop = _compiled("_fold_loop")

    def run(self, low: int, high: int) -> _Share:
        """Fold tickets low..high - 1; raises what `fold_log` raises for them."""
        import numpy as np

        log, packed = self.log, self.packed
        tally = np.zeros((self.n_drafts, k.N_METRICS, self.n_cells, 4), np.int64)
        n_rows = self._most_rows(low, high) if self.with_rows else 0
        codes, instants = np.empty((n_rows, 5), np.int32), np.empty((n_rows, 4), np.int64)
        n_rows, bad, unbound = self.loop(
            (log.firsts, log.lasts, log.told, log.cells),
            (self._state(low, high), packed.constants, packed.table, packed.rates),
            self.limits,
            (low, high, self.n_drafts, int(self.with_rows)),
            (tally, codes, instants),
        )
        if bad >= 0:
            raise ValueError(f"ticket {bad}: the data of an event are out of range for its kind")
        if unbound >= 0:
            raise LookupError(f"ticket {unbound} is promised something in a calendar that is not bound to it")
        return _Share(tally, codes[:n_rows], instants[:n_rows])

    def _state(self, low: int, high: int) -> Array:
        """One ticket's state, with room for the longest of this share: each event ends at most one run of a watch."""
        import numpy as np

        n_events = int((self.log.lasts[low:high] - self.log.firsts[low:high]).max(initial=0))
        stride = k.RUNS + 2 * (n_events + 1)
        out_at = k.HEAD + k.N_METRICS * stride
        life_at = out_at + k.OUT_SIZE * (5 + 3 * n_events)
        changes_at = life_at + fold_straight.NOTES + fold_straight.NOTE_SIZE * (k.N_METRICS + 2 * n_events)
        state = np.zeros(changes_at + 2 * n_events, np.int64)
        state[k.NOW], state[k.STRIDE], state[k.OUT_AT] = self.now, stride, out_at
        state[k.LIFE_AT], state[k.CHANGES_AT] = life_at, changes_at
        state[k.HEAD + k.METRIC : out_at : stride] = range(k.N_METRICS)
        return state

    def _most_rows(self, low: int, high: int) -> int:
        import numpy as np

        if low == high:
            return 0
        kinds = self.log.told[self.log.firsts[low] : self.log.lasts[high - 1], 1] & ((1 << k.KIND_BITS) - 1)
        n_events = np.bincount(kinds, minlength=k.N_KINDS)
        return self.n_drafts * sum(n * int(n_events[kind]) for kind, n in _NEW_CLOCKS.items())


def _limits(n_facts: int, n_bindings: int) -> Array:
    """By kind, what its data must be below."""
    import numpy as np

    limits = np.full(1 << k.KIND_BITS, 1 << 31, np.int64)
    limits[k.N_KINDS :] = 0  # no kind
    limits[k.OPENED] = n_facts * n_bindings
    limits[k.HELD] = k.N_REASONS
    limits[k.RECLASSIFIED] = n_facts
    limits[[k.REDATED, k.BOUND]] = n_bindings
    return limits


def _rows(shares: Sequence[_Share]) -> ClockRows:
    import numpy as np

    codes = np.concatenate([share.codes for share in shares])
    instants = np.concatenate([share.instants for share in shares])
    return ClockRows(*codes.T, *instants.T)


# ---------------------------------------------------------------- packing
def _packed(log: TicketLog, drafts: Sequence[Terms | None], span: tuple[int, int]) -> _Packed:
    """Constants in the order: head, calendars, terms, the terms of each draft, then what these point to."""
    import numpy as np

    pack, every = _Pack(log.facts), [*log.bindings, *(draft for draft in drafts if draft is not None)]
    numbers = {id(terms): number for number, terms in enumerate(every)}
    goals = [pack.goals(terms) for terms in every]  # numbers the calendars, too
    tables = pack.tables(*span)
    terms_at = k.CALENDARS_AT + k.CALENDAR_SIZE * len(tables)
    drafts_at = terms_at + k.TERM_SIZE * len(every)
    in_force = [numbers[id(x if draft is None else draft)] for draft in drafts for x in log.bindings]
    parts = _Parts(drafts_at + len(in_force))
    calendars = [_calendar(table, parts) for table in tables]
    terms = [
        [parts.put(rows), parts.put(targets), int("update" in x.standard.metrics), *_rules(x)]
        for x, (rows, targets) in zip(every, goals, strict=True)
    ]
    head = [terms_at, drafts_at, len(log.bindings)]
    fixed = [*head, *(x for row in (*calendars, *terms) for x in row), *in_force]
    return _Packed(
        np.concatenate([np.array(fixed, np.int64), *parts.arrays]),
        np.concatenate([np.zeros(1, np.int32), *parts.slots]),
        np.array([1.0 / max(x[k.GRAIN], 1) for x in calendars], np.float64),
    )


class _Parts:
    """Arrays one after another behind the fixed constants, and those of the direct tables behind a first zero."""

    def __init__(self, begin: int) -> None:
        self.arrays: list[Array] = []
        self.slots: list[Array] = []
        self._end, self._end_slots = begin, 1

    def put(self, values: Sequence[int] | Array) -> int:
        """Add numbers; where they are."""
        import numpy as np

        self.arrays.append(np.asarray(values, np.int64))
        self._end += len(values)
        return self._end - len(values)

    def put_slots(self, slots: Array) -> int:
        """Add one array of a direct table; where it is."""
        self.slots.append(slots)
        self._end_slots += len(slots)
        return self._end_slots - len(slots)


def _calendar(table: kernels.DirectTable | Array, parts: _Parts) -> list[int]:
    """A calendar's constants: its direct table, or where spans are searched."""
    if isinstance(table, kernels.DirectTable):
        places = [parts.put_slots(table.before), parts.put_slots(table.open_slots)]
        return [*places, table.origin, table.grain, 0, 0]
    return [0, 0, 0, 0, parts.put(table.ravel()), table.shape[1]]


def _rules(terms: Terms) -> list[int]:
    """By metric: the reasons that pause, as bits of the status that they make, and whether acceptance starts it."""
    found = []
    for metric in TICKET_METRICS:
        rule = terms.standard.rule(metric)
        unknown = set(rule.pauses) - set(HOLD_REASONS)
        if unknown:
            raise ValueError(f"{metric} pauses for reasons that no log can name: {sorted(unknown)}")
        found += [sum(2 << HOLD_REASONS.index(reason) for reason in set(rule.pauses)), int(rule.starts == "acceptance")]
    return found


class _Pack:
    """Goals of terms, and the calendars that they name, numbered as they come."""

    def __init__(self, facts: Sequence[Facts]) -> None:
        self._facts = facts
        self._numbers: dict[Calendar, int] = {}
        self._most: dict[Calendar, int] = {}
        self._leads: dict[Calendar, int] = {}

    def goals(self, terms: Terms) -> tuple[list[int], list[int]]:
        """The row of each facts as a number, and the goals of each of these rows by metric."""
        rows: dict[int, Row] = {}
        chosen = []
        for facts in self._facts:
            row = terms.standard.row_for(facts)
            rows.setdefault(id(row), row)
            chosen.append(list(rows).index(id(row)))
        return chosen, [x for row in rows.values() for metric in TICKET_METRICS for x in self._goal(terms, row, metric)]

    def _goal(self, terms: Terms, row: Row, metric: str) -> tuple[int, int, int, int]:
        target, accept = row.targets.get(metric), row.targets.get("accept")
        if target is None:
            return -1, -1, -1, 0
        target_s, calendar = self._seconds(terms, target, self._most)
        if accept is None or terms.standard.rule(metric).starts != "acceptance":
            return target_s, calendar, -1, 0
        lead_s, lead_calendar = self._seconds(terms, accept, self._leads)
        return target_s, calendar, lead_calendar, lead_s

    def _seconds(self, terms: Terms, target: Target, most: dict[Calendar, int]) -> tuple[int, int]:
        calendar = terms.calendars.get(target.calendar)
        if calendar is None:
            return 0, k.NOT_BOUND
        seconds = target.seconds(calendar.working_day_s)
        most[calendar] = max(most.get(calendar, 0), seconds)
        return seconds, self._numbers.setdefault(calendar, len(self._numbers))

    def tables(self, first: int, last: int) -> list[kernels.DirectTable | Array]:
        """For each calendar what holds every instant between and every due instant: its direct table, or, where the
        grain is too fine for one, its spans as [starts, ends, open seconds before]."""
        waited = max((calendar.add(last, lead_s) for calendar, lead_s in self._leads.items()), default=last)
        found: list[kernels.DirectTable | Array] = []
        for calendar in self._numbers:
            until = max(waited, calendar.add(waited, self._most.get(calendar, 0)))
            until = min(until, LAST_INSTANT - 1)
            found.append(kernels.direct_table(calendar, first, until) or _spans(calendar, first, until))
        return found


def _spans(calendar: Calendar, first: int, last: int) -> Array:
    """An empty span first, so that every instant has one at or before it."""
    import numpy as np

    spans = np.array([(first, first), *calendar.intervals(first, last)], np.int64).T
    return np.stack([*spans, np.concatenate([[0], np.cumsum(spans[1] - spans[0])[:-1]])])
