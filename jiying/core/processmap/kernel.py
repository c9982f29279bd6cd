"""The fold of `parts` as compiled loops, for logs of millions of events: a counting sort, then one walk case by case.

Imports numba, and only inside functions: never in a web process. Gives what `parts.fold` gives.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from jiying.core.processmap import parts
from jiying.core.processmap.log import Log, check, taken
from jiying.core.processmap.parts import PAIR, Part, Variants

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Int64s = NDArray[np.int64]

ROWS = ("visits", "firsts", "lasts", "repeats", "repeating", "loop_s")  # of `by_activity`
MOST_ACTIVITIES = 1024  # there is a count for each pair of them; with more the plain form is as quick


def fold(log: Log) -> Part:
    """A part of the map from a part of the log: `parts.fold`, many times faster."""
    import numpy as np

    check(log)
    k = len(log.activities)
    if not len(log.case) or k > MOST_ACTIVITIES:
        return parts.fold(log)
    first, log = by_case(log)
    starts = log.at if log.start is None else np.minimum(log.start, log.at)
    walked = _walk(first, log, starts, k)
    narrow = np.int32 if int(log.at.max()) - int(starts.min()) < 1 << 31 else np.int64
    bounds = _bounds(walked.counts)
    waits = np.empty(bounds[-1], narrow)
    _loops().waits(first, log.activity, log.at, starts, k, bounds[:-1].copy(), waits)
    works: dict[int, Array] = {}
    if log.start is not None:
        works = parts.split(log.activity.astype(np.int64), log.at - starts)
    by_person, by_group = parts.handed_over(log, starts)
    counted = dict(zip(ROWS, walked.by_activity, strict=True))
    return Part(
        activities=log.activities,
        people=log.people,
        groups=log.groups,
        durations=walked.durations,
        waits={
            code // k * PAIR + code % k: waits[bounds[code] : bounds[code + 1]]
            for code in np.flatnonzero(walked.counts).tolist()
        },
        works=works,
        variants=walked.variants,
        by_person=by_person,
        by_group=by_group,
        **counted,
    )


def by_case(log: Log) -> tuple[Int64s, Log]:
    """Where each case begins, and the log case by case: in one pass where it is in order of time, as journals are."""
    import numpy as np

    first = np.zeros(int(log.case.max()) + 2, np.int64)
    np.cumsum(np.bincount(log.case), out=first[1:])
    if bool((log.at[1:] < log.at[:-1]).any()):
        return first, taken(log, np.lexsort((log.at, log.case)))
    activity, at = np.empty(len(log.at), np.int16), np.empty(len(log.at), np.int64)
    rest = log.start is not None or log.person is not None or log.group is not None
    row = np.empty(len(log.at) if rest else 0, np.int64)
    _loops().sort(log.case, log.activity, log.at, first[:-1].copy(), activity, at, row)
    start, person, group = (None if x is None else x[row] for x in (log.start, log.person, log.group))
    # Cases in order need no column of their own, except for hand-overs.
    case = np.repeat(np.arange(len(first) - 1, dtype=np.int32), np.diff(first)) if rest else log.case
    return first, Log(case, activity, at, log.activities, start, person, group, log.people, log.groups)


class _Walked(NamedTuple):
    durations: Int64s
    counts: Int64s
    by_activity: Int64s
    variants: Variants


def _walk(first: Int64s, log: Log, starts: Int64s, k: int) -> _Walked:
    import numpy as np

    n_cases = len(first) - 1
    by_activity, counts = np.zeros((6, k), np.int64), np.zeros(k * k, np.int64)
    durations, seen = np.full(n_cases, -1, np.int64), np.full((3, k), -1, np.int64)
    hashes, told = np.empty(n_cases, np.uint64), np.zeros((3, n_cases), np.int64)
    slots = np.full(1 << (2 * n_cases).bit_length(), -1, np.int32)
    numbers = np.array([parts.HASH_START, parts.HASH_STEP, 29, len(slots) - 1, 1], np.uint64)
    salts = np.arange(1, k + 1, dtype=np.uint64)
    n = _loops().walk(
        first, log.activity, log.at, starts, by_activity, counts, durations, seen, hashes, told, slots, numbers, salts
    )
    begins = first[told[2, :n]]
    bounds, path = parts.slices(log.activity, begins, first[told[2, :n] + 1] - begins)
    variants = Variants(hashes[:n].copy(), told[0, :n].copy(), told[1, :n].copy(), bounds, path.astype(np.int16))
    return _Walked(durations[durations >= 0], counts, by_activity, variants)


def _bounds(counts: Int64s) -> Int64s:
    import numpy as np

    bounds = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=bounds[1:])
    return bounds


# ---------------------------------------------------------------- loops
class _Loops(NamedTuple):
    sort: Any
    walk: Any
    waits: Any


@cache
def _loops() -> _Loops:
    """The loops below as machine code, kept where NUMBA_CACHE_DIR says. They name nothing outside themselves."""
    import numba

    return _Loops(*(numba.njit(loop, cache=True, nogil=True) for loop in (_sort_loop, _walk_loop, _waits_loop)))


def _sort_loop(case: Any, activity: Any, at: Any, place: Any, to_activity: Any, to_at: Any, to_row: Any) -> None:
    for i in range(len(case)):
        p = place[case[i]]
        place[case[i]] = p + 1
        to_activity[p] = activity[i]
        to_at[p] = at[i]
        if len(to_row):
            to_row[p] = i


def _walk_loop(
    first: Any, activity: Any, at: Any, starts: Any, by_activity: Any, counts: Any, durations: Any, seen: Any,
    hashes: Any, told: Any, slots: Any, numbers: Any, salts: Any,
) -> Any:  # fmt: skip
    """`by_activity`: visits, firsts, lasts, repeats, repeating, loop seconds. `seen`: the case that had an activity
    last, when, and the case that has been counted as repeating it. `told` of a variant: cases, seconds, one case."""
    visits, firsts, lasts, repeats, repeating, loop_s = by_activity
    seen_in, seen_at, counted_in = seen
    k, n_variants = len(salts), 0
    for case in range(len(first) - 1):
        begin, end = first[case], first[case + 1]
        if begin == end:
            continue
        key, before = numbers[0], -1
        for i in range(begin, end):
            a = activity[i]
            visits[a] += 1
            if before >= 0:
                counts[before * k + a] += 1
            if seen_in[a] == case:
                repeats[a] += 1
                loop_s[a] += at[i] - seen_at[a]
                if counted_in[a] != case:
                    counted_in[a] = case
                    repeating[a] += 1
            seen_in[a] = case
            seen_at[a] = at[i]
            key = (key ^ salts[a]) * numbers[1]
            key ^= key >> numbers[2]
            before = a
        firsts[activity[begin]] += 1
        lasts[before] += 1
        durations[case] = at[end - 1] - starts[begin]
        slot = key & numbers[3]
        while slots[slot] >= 0 and hashes[slots[slot]] != key:
            slot = (slot + numbers[4]) & numbers[3]
        if slots[slot] < 0:
            slots[slot] = n_variants
            hashes[n_variants] = key
            told[2, n_variants] = case
            n_variants += 1
        told[0, slots[slot]] += 1
        told[1, slots[slot]] += durations[case]
    return n_variants


def _waits_loop(first: Any, activity: Any, at: Any, starts: Any, k: Any, place: Any, waits: Any) -> None:
    """Seconds between a step's end and the next one's start, by pair of activities."""
    for case in range(len(first) - 1):
        for i in range(first[case] + 1, first[case + 1]):
            code = activity[i - 1] * k + activity[i]
            waits[place[code]] = max(starts[i] - at[i - 1], 0)
            place[code] += 1
