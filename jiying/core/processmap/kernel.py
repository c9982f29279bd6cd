"""The fold of `parts` as compiled loops, for logs of millions of events: a counting sort, then walks case by case.

Shares of the cases go to threads. Imports numba, and only inside functions: never in a web process. Gives what
`parts.fold` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from jiying.core.kernels import n_threads
from jiying.core.processmap import parts
from jiying.core.processmap.log import Log, check, taken
from jiying.core.processmap.parts import PAIR, Part, Variants

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Int64s = NDArray[np.int64]
    Share = tuple[int, int]  # its first case, and the one after its last
    Each = Callable[..., Iterable[Any]]  # a pool's map

MOST_ACTIVITIES = 1024  # there is a count for each pair of them; with more the plain form is as quick
NEAR_BITS = 8  # cases are told apart by hash in so many parts that each stays in the nearest cache


def fold(log: Log, n_shares: int = 0) -> Part:
    """A part of the map from a part of the log: `parts.fold`, many times faster. Its cases are folded in so many shares
    side by side; 0: as many as pay on this machine."""
    import numpy as np

    check(log)
    if not len(log.case) or len(log.activities) > MOST_ACTIVITIES:
        return parts.fold(log)
    n_shares_made = n_shares or n_threads(len(log.case))
    with ThreadPoolExecutor(n_shares_made) as pool:
        cases = _Cases(log, n_shares_made, pool.map)
        walked = list(pool.map(cases.walk, cases.shares))
        if any(share.is_mixed for share in walked):  # events of a case stand in another order than that of time
            return fold(taken(log, np.lexsort((log.at, log.case))), n_shares)
        counts = [share.counts for share in walked]
        bounds = np.concatenate([[0], np.cumsum(np.sum(counts, axis=0))])
        places = np.cumsum([bounds[:-1], *counts[:-1]], axis=0)
        list(pool.map(cases.put_waits, cases.shares, places))
        variants = cases.variants(pool.map)
    return cases.part(np.sum([share.by_activity for share in walked], axis=0), bounds, variants)


class _Walked(NamedTuple):
    by_activity: Int64s  # firsts, repeats, repeating, loop seconds
    counts: Int64s  # by pair of activities
    is_mixed: bool


class _Cases:
    """The log case by case, and what is found of it. `told` has each event as one number, so that sorting writes but
    once to a far place: its seconds since the first of all, above `bits` for its activity."""

    def __init__(self, log: Log, n_shares: int, each: Each) -> None:
        import numpy as np

        self.log, self.k, n_events = log, len(log.activities), len(log.case)
        n_cases, cuts = int(log.case.max()) + 1, np.linspace(0, n_events, n_shares + 1).astype(np.int64)
        n_of = np.zeros((n_shares, n_cases), np.int64)
        spans = list(each(_loops().count, repeat(log.case), repeat(log.at), cuts[:-1], cuts[1:], n_of))
        self.first = np.zeros(n_cases + 1, np.int64)
        np.cumsum(n_of.sum(axis=0), out=self.first[1:])
        self.shares = self._shares(n_shares)
        self.base, last = min(low for low, _high in spans), max(high for _low, high in spans)
        self.bits = (self.k - 1).bit_length()
        is_narrow = (last - self.base + 1) << self.bits < 1 << 31
        self.told = np.empty(n_events, np.int32 if is_narrow else np.int64)
        is_plain = log.start is None and log.person is None and log.group is None
        self.row = np.empty(0 if is_plain else n_events, np.int64)
        self.starts = np.empty(0 if log.start is None else n_events, np.int64)
        self.durations, self.hashes = np.full(n_cases, -1, np.int64), np.zeros(n_cases, np.uint64)
        self.waits = np.empty(n_events, np.int32 if last - self.base < 1 << 31 else np.int64)
        columns, to, begin = (log.case, log.activity, log.at), (self.told, self.row), self.first[:-1]
        places = [
            begin + n_of[:n].sum(axis=0) for n in range(n_shares)
        ]  # each share of the rows goes behind those before
        list(
            each(
                _loops().sort, repeat(columns), repeat((self.base, self.bits)), cuts[:-1], cuts[1:], places, repeat(to)
            )
        )

    def _shares(self, n: int) -> list[Share]:
        """With about as many events each."""
        import numpy as np

        cuts = np.searchsorted(self.first, np.linspace(0, self.first[-1], n + 1)[1:-1]).tolist()
        edges = [0, *cuts, len(self.first) - 1]
        return list(zip(edges, edges[1:], strict=False))

    def walk(self, share: Share) -> _Walked:
        """Go through these cases."""
        import numpy as np

        log, k = self.log, self.k
        if log.start is not None:
            here = slice(self.first[share[0]], self.first[share[1]])
            rows = self.row[here]
            self.starts[here] = np.minimum(log.start[rows], log.at[rows]) - self.base
        by_activity, counts = np.zeros((4, k), np.int64), np.zeros((k, k), np.int64)
        seen, salts = np.full((3, k), -1, np.int64), np.arange(1, k + 1, dtype=np.uint64)
        numbers = np.array([parts.HASH_START, parts.HASH_STEP, 29], np.uint64)
        found = self.hashes, self.durations, by_activity, counts
        is_mixed = _loops().walk(self._events(), share, seen, (numbers, salts), found)
        return _Walked(by_activity, counts.ravel(), bool(is_mixed))

    def _events(self) -> tuple[Any, ...]:
        return self.first, self.told, self.starts, self.bits

    def put_waits(self, share: Share, places: Int64s) -> None:
        """From these places on, by pair of activities."""
        _loops().waits(self._events(), share, places.reshape(self.k, self.k), self.waits)

    def part(self, by_activity: Int64s, bounds: Int64s, variants: Variants) -> Part:
        import numpy as np

        log, k, (firsts, repeats, repeating, loop_s) = self.log, self.k, by_activity
        counts = np.diff(bounds).reshape(k, k)
        visits = firsts + counts.sum(axis=0)
        ordered = taken(log, self.row) if len(self.row) else log
        starts = self.starts + self.base if log.start is not None else ordered.at
        by_person, by_group = parts.handed_over(ordered, starts)
        return Part(
            activities=log.activities, people=log.people, groups=log.groups,
            durations=self.durations[self.durations >= 0],
            waits={
                code // k * PAIR + code % k: self.waits[bounds[code] : bounds[code + 1]]
                for code in np.flatnonzero(counts).tolist()
            },
            works={} if log.start is None else parts.split(ordered.activity.astype(np.int64), ordered.at - starts),
            visits=visits, firsts=firsts, lasts=visits - counts.sum(axis=1),
            repeats=repeats, repeating=repeating, loop_s=loop_s,
            variants=variants, by_person=by_person, by_group=by_group,
        )  # fmt: skip

    def variants(self, each: Each) -> Variants:
        """Of cases with one hash the first stands for all."""
        import numpy as np

        n_cases, n_near = len(self.hashes), 1 << NEAR_BITS
        near, shift = np.zeros(n_near + 1, np.int64), np.array([64 - NEAR_BITS], np.uint64)
        told = np.empty(n_cases, np.int64), np.empty(n_cases, np.uint64), np.empty(n_cases, np.int64)
        _loops().part(self.hashes, self.durations, shift, near, told)
        n_of, total_of = np.zeros(n_cases, np.int64), np.zeros(n_cases, np.int64)
        cuts = np.linspace(0, n_near, len(self.shares) + 1).astype(np.int64)
        slots = np.empty((len(self.shares), 2 << int(np.diff(near).max()).bit_length()), np.int64)
        list(each(_loops().gather, repeat(near), repeat(told), repeat((n_of, total_of)), cuts[:-1], cuts[1:], slots))
        one = np.flatnonzero(n_of)
        first = np.concatenate([[0], np.cumsum(self.first[one + 1] - self.first[one])])
        path = np.empty(first[-1], np.int16)
        _loops().paths(self._events(), one, first, path)
        return Variants(self.hashes[one], n_of[one], total_of[one], first, path)


# ---------------------------------------------------------------- loops
class _Loops(NamedTuple):
    count: Any
    sort: Any
    walk: Any
    waits: Any
    part: Any
    gather: Any
    paths: Any


@cache
def _loops() -> _Loops:
    """The loops below as machine code, kept where NUMBA_CACHE_DIR says. They name nothing outside themselves."""
    import numba

    loops = (_count_loop, _sort_loop, _walk_loop, _waits_loop, _part_loop, _gather_loop, _paths_loop)
    return _Loops(*(numba.njit(loop, cache=True, nogil=True, error_model="numpy") for loop in loops))


def _count_loop(case: Any, at: Any, low: Any, high: Any, n_of: Any) -> Any:
    """Events by case of rows low..high; their earliest and latest instant."""
    first, last = at[0], at[0]
    for i in range(low, high):
        n_of[case[i]] += 1
        first, last = min(first, at[i]), max(last, at[i])
    return first, last


def _sort_loop(columns: Any, packing: Any, low: Any, high: Any, places: Any, to: Any) -> None:
    """Put rows low..high to the places of their cases."""
    case, activity, at = columns
    base, bits = packing
    told, row = to
    for i in range(low, high):
        p = places[case[i]]
        places[case[i]] = p + 1
        told[p] = (at[i] - base) << bits | activity[i]
        if len(row):
            row[p] = i


def _walk_loop(events: Any, share: Any, seen: Any, hashing: Any, found: Any) -> Any:
    """`seen`: the case that had an activity last, when, and the case that has been counted as repeating it. Returns
    whether any case has an event that is earlier than the one before it."""
    first, told, starts, bits = events
    numbers, salts = hashing
    hashes, durations, by_activity, counts = found
    firsts, repeats, repeating, loop_s = by_activity
    seen_in, seen_at, counted_in = seen
    mask, is_mixed = (1 << bits) - 1, False
    for case in range(share[0], share[1]):
        begin, end = first[case], first[case + 1]
        if begin == end:
            continue
        key, before, at_before = numbers[0], -1, 0
        for i in range(begin, end):
            a, at = told[i] & mask, told[i] >> bits
            is_mixed |= at < at_before
            if before >= 0:
                counts[before, a] += 1
            if seen_in[a] == case:
                repeats[a] += 1
                loop_s[a] += at - seen_at[a]
                if counted_in[a] != case:
                    counted_in[a] = case
                    repeating[a] += 1
            seen_in[a] = case
            seen_at[a] = at
            key = (key ^ salts[a]) * numbers[1]
            key ^= key >> numbers[2]
            before, at_before = a, at
        firsts[told[begin] & mask] += 1
        durations[case] = at_before - (starts[begin] if len(starts) else told[begin] >> bits)
        hashes[case] = key
    return is_mixed


def _waits_loop(events: Any, share: Any, places: Any, waits: Any) -> None:
    """Seconds between a step's end and the next one's start, by pair of activities."""
    first, told, starts, bits = events
    mask = (1 << bits) - 1
    for case in range(share[0], share[1]):
        for i in range(first[case] + 1, first[case + 1]):
            source, target = told[i - 1] & mask, told[i] & mask
            begun = starts[i] if len(starts) else told[i] >> bits
            p = places[source, target]
            places[source, target] = p + 1
            waits[p] = max(begun - (told[i - 1] >> bits), 0)


def _part_loop(hashes: Any, durations: Any, shift: Any, near: Any, told: Any) -> None:
    """Put the cases that have events, with hash and seconds, by the highest bits of their hash: those of k are from
    near[k] to near[k + 1], rising."""
    cases, keys, seconds = told
    for case in range(len(hashes)):
        if durations[case] >= 0:
            near[hashes[case] >> shift[0]] += 1
    total = 0
    for k in range(len(near)):
        total += near[k]
        near[k] = total
    for case in range(len(hashes) - 1, -1, -1):
        if durations[case] >= 0:
            k = hashes[case] >> shift[0]
            p = near[k] - 1
            near[k] = p
            cases[p], keys[p], seconds[p] = case, hashes[case], durations[case]


def _gather_loop(near: Any, told: Any, found: Any, low: Any, high: Any, slots: Any) -> None:
    """Cases and their seconds of each hash of parts low..high, written to the first case that has it. What is added up
    goes to where the first one's seconds were."""
    cases, keys, seconds = told
    n_of, total_of = found
    mask = len(slots) - 1
    for k in range(low, high):
        slots[:] = -1
        for i in range(near[k], near[k + 1]):
            slot = int(keys[i]) & mask
            while slots[slot] >= 0 and keys[slots[slot]] != keys[i]:
                slot = (slot + 1) & mask
            if slots[slot] < 0:
                slots[slot] = i
            else:
                seconds[slots[slot]] += seconds[i]
            n_of[cases[slots[slot]]] += 1
        for slot in slots:
            if slot >= 0:
                total_of[cases[slot]] = seconds[slot]


def _paths_loop(events: Any, cases: Any, to: Any, path: Any) -> None:
    first, told, _starts, bits = events
    mask = (1 << bits) - 1
    for n in range(len(cases)):
        begin = first[cases[n]] - to[n]
        for i in range(to[n], to[n + 1]):
            path[i] = told[begin + i] & mask
