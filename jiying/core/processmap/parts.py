"""What a part of a log gives, and how parts become one: counts add, durations are kept, so that quantiles stay exact.

`fold` is the plain form in numpy; `kernel.fold` gives the same, compiled. All events of a case must be in one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jiying.core.processmap.log import Log, Sorted, by_case

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Int64s = NDArray[np.int64]

PAIR = 1 << 16  # two codes in one number, whatever the number of activities: (first, second) is first * PAIR + second
HASH_START, HASH_STEP = 0x243F6A8885A308D3, 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Variants:
    """Cases by their whole path: its 64-bit hash, cases, their seconds; path k is `path[first[k] : first[k + 1]]`."""

    key: NDArray[Any]
    n: Int64s
    total_s: Int64s
    first: Int64s
    path: Array


@dataclass(frozen=True)
class Pairs:
    """Hand-overs by (giver, taker): how often, seconds waited at them, and how often it came straight back, with the
    seconds from giving it away until it was back."""

    key: Int64s
    n: Int64s
    wait_s: Int64s
    n_back: Int64s
    back_s: Int64s


@dataclass(frozen=True)
class Part:
    """`waits` by pair of activities, `works` by activity (empty where the log tells no starts): all seconds that
    occurred. By activity: `visits`, `firsts` and `lasts` of cases, and of rework the repeats, the cases that have any,
    and the seconds from each occurrence to the next in its case."""

    activities: tuple[str, ...]
    people: tuple[str, ...]
    groups: tuple[str, ...]
    durations: Int64s
    waits: dict[int, Array]
    works: dict[int, Array]
    visits: Int64s
    firsts: Int64s
    lasts: Int64s
    repeats: Int64s
    repeating: Int64s
    loop_s: Int64s
    variants: Variants
    by_person: Pairs
    by_group: Pairs


def fold(log: Log) -> Part:
    """A part of the map from a part of the log, in plain numpy."""
    import numpy as np

    ordered = by_case(log)
    log, k = ordered.log, len(log.activities)
    filled = np.diff(ordered.first) > 0
    firsts, lasts = ordered.first[:-1][filled], ordered.first[1:][filled] - 1
    starts = log.at if log.start is None else np.minimum(log.start, log.at)
    durations = log.at[lasts] - starts[firsts]
    same = np.flatnonzero(log.case[1:] == log.case[:-1])
    source, target = log.activity[same].astype(np.int64), log.activity[same + 1].astype(np.int64)
    waits = np.maximum(starts[same + 1] - log.at[same], 0)
    works = {} if log.start is None else split(log.activity.astype(np.int64), log.at - starts)
    repeats, repeating, loop_s = _rework(log, k)
    return Part(
        log.activities, log.people, log.groups, durations, split(source * PAIR + target, waits), works,
        _count(log.activity, k), _count(log.activity[firsts], k), _count(log.activity[lasts], k),
        repeats, repeating, loop_s, _variants(ordered, durations, np.flatnonzero(filled)), *handed_over(log, starts),
    )  # fmt: skip


def _count(codes: Array, k: int) -> Int64s:
    import numpy as np

    return np.bincount(codes, minlength=k).astype(np.int64)


def split(keys: Int64s, values: Array) -> dict[int, Array]:
    """Values by key."""
    import numpy as np

    order = np.argsort(keys, kind="stable")
    found, first = np.unique(keys[order], return_index=True)
    return dict(zip(found.tolist(), np.split(values[order], first[1:]), strict=True)) if len(keys) else {}


def _rework(log: Log, k: int) -> tuple[Int64s, Int64s, Int64s]:
    """By activity: occurrences after the first of a case, cases that have one, seconds since the one before."""
    import numpy as np

    key = log.case.astype(np.int64) * k + log.activity
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(key[order][1:] == key[order][:-1])
    activity = log.activity[order][again]
    passed = log.at[order][again + 1] - log.at[order][again]
    loop_s = np.zeros(k, np.int64)
    np.add.at(loop_s, activity, passed)
    return _count(activity, k), _count(np.unique(key[order][again]) % k, k), loop_s


# ---------------------------------------------------------------- variants
def _variants(ordered: Sorted, durations: Int64s, cases: Int64s) -> Variants:
    """By the paths themselves: this is what the hashes of the compiled form are held to."""
    import numpy as np

    acts, bounds = ordered.log.activity.astype(np.int16), ordered.first.tolist()
    found: dict[bytes, list[int]] = {}
    for case, duration in zip(cases.tolist(), durations.tolist(), strict=True):
        entry = found.setdefault(acts[bounds[case] : bounds[case + 1]].tobytes(), [0, 0])
        entry[0] += 1
        entry[1] += duration
    paths = [np.frombuffer(path, np.int16) for path in found]
    first = np.zeros(len(paths) + 1, np.int64)
    np.cumsum([len(path) for path in paths], out=first[1:])
    numbers = np.array(list(found.values()), np.int64).reshape(len(found), 2)
    return Variants(
        np.array([hash_of(path.tolist()) for path in paths], np.uint64), numbers[:, 0], numbers[:, 1], first,
        np.concatenate(paths) if paths else np.zeros(0, np.int16),
    )  # fmt: skip


def hash_of(path: Sequence[int]) -> int:
    """The 64-bit hash of a path, step by step as the compiled form rolls it."""
    value = HASH_START
    for code in path:
        value = ((value ^ (code + 1)) * HASH_STEP) & _MASK
        value ^= value >> 29
    return value


# ---------------------------------------------------------------- hand-overs
def handed_over(log: Log, starts: Int64s) -> tuple[Pairs, Pairs]:
    """Hand-overs between people, then between groups, of a log case by case."""
    return _pairs(log, log.person, starts), _pairs(log, log.group, starts)


@dataclass(frozen=True)
class Given:
    """Hand-overs one by one: (giver, taker), the case, seconds waited, whether it came straight back, and if so the
    seconds until then."""

    key: Int64s
    case: Array
    wait_s: Int64s
    is_back: Array
    back_s: Int64s


def given(log: Log, who: Array | None, starts: Int64s) -> Given:
    """Of a log case by case, from one known holder to another; steps of nobody known between them are passed over."""
    import numpy as np

    rows = np.flatnonzero(who >= 0) if who is not None else np.zeros(0, np.int64)
    held = rows if who is None else who[rows].astype(np.int64)
    case, begun, done = log.case[rows], starts[rows], log.at[rows]
    changed = np.flatnonzero((case[1:] == case[:-1]) & (held[1:] != held[:-1]))
    key = held[changed] << 32 | held[changed + 1]
    wait = np.maximum(begun[changed + 1] - done[changed], 0)
    # The hand-over that follows in the same case, where it goes back to whom the first came from.
    following = changed[1:]
    is_back = (case[following] == case[changed[:-1]]) & (held[following + 1] == held[changed[:-1]])
    away = np.maximum(begun[following + 1] - done[changed[:-1]], 0)
    if len(key):
        is_back, away = np.append(is_back, False), np.append(away, 0)
    return Given(key, case[changed], wait, is_back, np.where(is_back, away, 0))


def _pairs(log: Log, who: Array | None, starts: Int64s) -> Pairs:
    import numpy as np

    one = given(log, who, starts)
    return _gathered(one.key, np.stack([np.ones(len(one.key), np.int64), one.wait_s, one.is_back, one.back_s]))


def _gathered(key: Int64s, rows: Array) -> Pairs:
    """Sums of the rows by key."""
    import numpy as np

    found, place = np.unique(key, return_inverse=True)
    sums = np.zeros((len(rows), len(found)), np.int64)
    for total, values in zip(sums, rows, strict=True):
        np.add.at(total, place, values)
    return Pairs(found, *sums)


# ---------------------------------------------------------------- merging
def merge(parts: Sequence[Part]) -> Part:
    """The part that all their cases together give. Raises ValueError where codes mean different names, or for none."""
    import numpy as np

    if not parts:
        raise ValueError("nothing to merge")
    if len(parts) == 1:
        return parts[0]
    activities = _longest([part.activities for part in parts])

    def added(name: str) -> Int64s:
        total = np.zeros(len(activities), np.int64)
        for part in parts:
            column = getattr(part, name)
            total[: len(column)] += column
        return total

    names = ("visits", "firsts", "lasts", "repeats", "repeating", "loop_s")
    return Part(
        activities=activities,
        people=_longest([part.people for part in parts]),
        groups=_longest([part.groups for part in parts]),
        durations=np.concatenate([part.durations for part in parts]),
        waits=_joined([part.waits for part in parts]),
        works=_joined([part.works for part in parts]),
        variants=_one([part.variants for part in parts]),
        by_person=_together([part.by_person for part in parts]),
        by_group=_together([part.by_group for part in parts]),
        **{name: added(name) for name in names},
    )


def _longest(tables: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    longest = max(tables, key=len)
    if any(table != longest[: len(table)] for table in tables):
        raise ValueError("parts to merge must have their codes from one table")
    return longest


def _joined(buckets: Sequence[dict[int, Array]]) -> dict[int, Array]:
    import numpy as np

    gathered: dict[int, list[Array]] = {}
    for bucket in buckets:
        for key, values in bucket.items():
            gathered.setdefault(key, []).append(values)
    return {key: np.concatenate(gathered[key]) for key in sorted(gathered)}


def _together(pairs: Sequence[Pairs]) -> Pairs:
    import numpy as np

    names = ("n", "wait_s", "n_back", "back_s")
    rows = np.stack([np.concatenate([getattr(pair, name) for pair in pairs]) for name in names])
    return _gathered(np.concatenate([pair.key for pair in pairs]), rows)


def _one(variants: Sequence[Variants]) -> Variants:
    import numpy as np

    key, at, place = np.unique(np.concatenate([some.key for some in variants]), return_index=True, return_inverse=True)
    n, total_s = np.zeros(len(key), np.int64), np.zeros(len(key), np.int64)
    np.add.at(n, place, np.concatenate([some.n for some in variants]))
    np.add.at(total_s, place, np.concatenate([some.total_s for some in variants]))
    before = np.cumsum([0] + [len(some.path) for some in variants])
    begins = np.concatenate([some.first[:-1] + b for some, b in zip(variants, before, strict=False)])[at]
    lengths = np.concatenate([np.diff(some.first) for some in variants])[at]
    first, path = slices(np.concatenate([some.path for some in variants]), begins, lengths)
    return Variants(key, n, total_s, first, path)


def slices(values: Array, begins: Int64s, lengths: Int64s) -> tuple[Int64s, Array]:
    """These stretches of `values`, one after another, with where each begins and the last one ends."""
    import numpy as np

    first = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=first[1:])
    place = np.arange(first[-1], dtype=np.int64) + np.repeat(begins - first[:-1], lengths)
    return first, values[place]
