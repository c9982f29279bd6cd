"""Which cases stand behind a figure of the map: for each step, edge and hand-over the slowest, for each variant some.

A key is `edge:A:B`, `step:A`, `again:A`, by codes of activities, `path:A,B,…`, or by codes of people or groups
`person:A:B`, `group:A:B` for hand-overs, `personback:A:B`, `groupback:A:B` for those that came straight back. Parts of
a log, each with all events of its cases, give `Slowest`s, and those together what the whole log would have given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jiying.core.processmap.log import Log, by_case
from jiying.core.processmap.parts import HASH_START, HASH_STEP, given, hash_of, split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Int64s = NDArray[np.int64]
MOST = 100
PAIR = 1 << 16


@dataclass(frozen=True)
class Slowest:
    """Of a part: seconds and cases by key; hash of the path, seconds and case of the slowest cases of each path; and by
    kind of hand-over the pair, seconds and case of the slowest cases of each pair."""

    by_key: dict[str, tuple[Int64s, Int64s]]
    by_path: tuple[Array, Int64s, Int64s]
    by_pair: dict[str, tuple[Int64s, Int64s, Int64s]]


def slowest(log: Log, names: Array | None = None, most: int = MOST) -> Slowest:
    """By waiting for an edge or hand-over, by the time until it was back for one that came back, by the time of the
    whole case for steps, repeated steps and paths; of equal ones the first by number. `names` has the number of each
    case that holds for all parts (the same order as their codes)."""
    import numpy as np

    ordered = by_case(log)
    log = ordered.log
    starts = log.at if log.start is None else np.minimum(log.start, log.at)
    same = np.flatnonzero(log.case[1:] == log.case[:-1])
    numbers = np.arange(len(ordered.first) - 1, dtype=np.int64) if names is None else names
    edge = log.activity[same].astype(np.int64) * PAIR + log.activity[same + 1]
    waits = starts[same + 1] - log.at[same]
    filled = np.flatnonzero(np.diff(ordered.first))
    took = np.zeros(len(numbers), np.int64)
    took[filled] = log.at[ordered.first[1:][filled] - 1] - starts[ordered.first[:-1][filled]]
    visit = np.lexsort((log.activity, log.case))
    again = visit[1:][(np.diff(log.case[visit]) == 0) & (np.diff(log.activity[visit]) == 0)]
    found: dict[str, tuple[Int64s, Int64s]] = {}
    for key, rows in _grouped(edge):
        found[f"edge:{key // PAIR}:{key % PAIR}"] = _top(waits[rows], numbers[log.case[same[rows]]], most)
    for name, rows in (("step", np.arange(len(log.at))), ("again", again)):
        for key, some in _grouped(log.activity[rows]):
            cases = log.case[rows[some]]
            found[f"{name}:{key}"] = _top(took[cases], numbers[cases], most)
    of_paths = _of_each(_hashes(log, ordered.first)[filled], took[filled], numbers[filled], most)
    return Slowest(found, of_paths, _of_pairs(log, starts, numbers, most))


def behind(
    parts: Sequence[Slowest],
    paths: Collection[tuple[int, ...]] = (),
    pairs: Collection[str] = (),
    most: int = MOST,
) -> dict[str, list[int]]:
    """Cases by key, the slowest first, of all parts together; of paths and hand-overs those that are named."""
    import numpy as np

    found: dict[str, list[int]] = {}
    for key in {key: None for part in parts for key in part.by_key}:
        told = [part.by_key[key] for part in parts if key in part.by_key]
        seconds, cases = (np.concatenate(column) for column in zip(*told, strict=True))
        found[key] = _top(seconds, cases, most)[1].tolist()
    if parts:
        hashes, seconds, cases = (np.concatenate(column) for column in zip(*(p.by_path for p in parts), strict=True))
        for path in paths:
            here = np.flatnonzero(hashes == np.uint64(hash_of(path)))
            found["path:" + ",".join(map(str, path))] = _top(seconds[here], cases[here], most)[1].tolist()
    return found | _behind_pairs(parts, pairs, most)


def _behind_pairs(parts: Sequence[Slowest], pairs: Collection[str], most: int) -> dict[str, list[int]]:
    import numpy as np

    found: dict[str, list[int]] = {}
    for kind in dict.fromkeys(key.partition(":")[0] for key in pairs):
        codes, seconds, cases = (np.concatenate(x) for x in zip(*(p.by_pair[kind] for p in parts), strict=True))
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        for key in pairs:
            of, *pair = key.split(":")
            if of == kind:
                code = int(pair[0]) << 32 | int(pair[1])
                here = order[slice(*np.searchsorted(ordered, (code, code + 1)))]
                found[key] = _top(seconds[here], cases[here], most)[1].tolist()
    return found


def _of_pairs(log: Log, starts: Int64s, numbers: Int64s, most: int) -> dict[str, tuple[Int64s, Int64s, Int64s]]:
    import numpy as np

    found = {}
    for kind, who in (("person", log.person), ("group", log.group)):
        handed = given(log, who, starts)
        back = np.flatnonzero(handed.is_back)
        case = numbers[handed.case]
        found[kind] = _of_each(*_once(handed.key, handed.wait_s, case), most)
        found[f"{kind}back"] = _of_each(*_once(handed.key[back], handed.back_s[back], case[back]), most)
    return found


def _once(keys: Int64s, seconds: Int64s, cases: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """Of the rows of a key and case the slowest."""
    import numpy as np

    order = np.lexsort((-seconds, cases, keys))
    key, case = keys[order], cases[order]
    order = order[np.append(True, (key[1:] != key[:-1]) | (case[1:] != case[:-1]))[: len(order)]]
    return keys[order], seconds[order], cases[order]


def _grouped(keys: Array) -> Iterator[tuple[int, Int64s]]:
    """The rows of each key."""
    import numpy as np

    yield from split(keys, np.arange(len(keys))).items()


def _top(seconds: Int64s, cases: Int64s, most: int) -> tuple[Int64s, Int64s]:
    """The slowest cases, each once; sorts no more than it must."""
    import numpy as np

    n = most
    while True:
        some = np.arange(len(seconds))
        if n < len(seconds):
            least = np.partition(seconds, len(seconds) - n)[len(seconds) - n]
            some = np.flatnonzero(seconds >= least)
        order = some[np.lexsort((cases[some], -seconds[some]))]
        first = np.sort(np.unique(cases[order], return_index=True)[1])
        if len(first) >= most or len(some) == len(seconds):
            kept = order[first[:most]]
            return seconds[kept], cases[kept]
        n *= 4


def _of_each(keys: Array, seconds: Int64s, cases: Int64s, most: int) -> tuple[Array, Int64s, Int64s]:
    """The slowest cases of each key, which has a case once at most; for many keys at a time."""
    import numpy as np

    order = np.lexsort((cases, -seconds, keys))
    begins = np.flatnonzero(np.r_[True, np.diff(keys[order]) != 0]) if len(order) else order
    place = np.arange(len(order)) - np.repeat(begins, np.diff(np.r_[begins, len(order)]))
    kept = order[place < most]
    return keys[kept], seconds[kept], cases[kept]


def _hashes(log: Log, first: Int64s) -> Array:
    """`parts.hash_of` of each case's path: step after step for all cases that are so long."""
    import numpy as np

    lengths = np.diff(first)
    order = np.argsort(-lengths, kind="stable")
    longest_first = lengths[order]
    hashes = np.full(len(lengths), HASH_START, np.uint64)
    for step in range(int(lengths.max(initial=0))):
        still = order[: np.searchsorted(-longest_first, -step)]  # longer than `step`
        codes = log.activity[first[still] + step].astype(np.uint64) + np.uint64(1)
        value = (hashes[still] ^ codes) * np.uint64(HASH_STEP)
        hashes[still] = value ^ (value >> np.uint64(29))
    return hashes
