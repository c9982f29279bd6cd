"""The map's figures from a folded part: edges, activities, variants, rework, hand-overs, bottlenecks by time saved.

Percentiles are those of `core.metrics`: the nearest rank, always a value that occurred.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from heapq import nsmallest
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

from jiying.core.kernels import n_threads
from jiying.core.metrics import Mean, Rate
from jiying.core.processmap.parts import PAIR, Pairs, Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["wait", "work", "rework", "bounce"]


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took: `saved_s` is what would be saved if none took longer than the median one."""

    mean: Mean
    median_s: int
    p90_s: int
    saved_s: int

    @property
    def n(self) -> int:
        return self.mean.n

    @property
    def total_s(self) -> int:
        return self.mean.total


@dataclass(frozen=True, slots=True)
class Activity:
    """A step: how often, in how many cases, how many began and ended with it; `work` None where no starts are known."""

    name: str
    n: int
    n_cases: int
    n_first: int
    n_last: int
    work: Spread | None


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` came next after `source`; `wait` is the time between the end of one and the start of the other."""

    source: int
    target: int
    wait: Spread

    @property
    def n(self) -> int:
        return self.wait.n


@dataclass(frozen=True, slots=True)
class Variant:
    path: tuple[int, ...]
    share: Rate
    duration: Mean

    @property
    def n(self) -> int:
        return self.share.numerator


@dataclass(frozen=True, slots=True)
class Rework:
    """A step that cases came back to; `loop_s` from each occurrence to the next, `n_self` without another between."""

    activity: int
    cases: Rate
    n_repeats: int
    n_self: int
    loop_s: int


@dataclass(frozen=True, slots=True)
class Handover:
    """From one person or department to another; `n_back` came straight back, after `back_s` seconds in all.

    Behind `key` stand its cases (`cases.behind`), behind `key_back` those that came back.
    """

    source: str
    target: str
    n: int
    wait: Mean
    n_back: int
    back_s: int
    key: str = ""
    key_back: str = ""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """Where time goes: `saved_s` by the formula of its kind (docs/algorithms/process-maps.md), `share` of the time of
    all cases; behind `key` stand the cases. Kinds overlap, a loop contains its waits: shares are ranked, not added."""

    kind: Kind
    source: str
    target: str
    n: int
    saved_s: int
    share: Fraction
    key: str = ""


@dataclass(frozen=True, slots=True)
class ProcessMap:
    """A whole map. Edges and variants by falling count; edges name their activities by place."""

    n_cases: int
    n_events: int
    n_variants: int
    duration: Spread | None
    activities: tuple[Activity, ...]
    edges: tuple[Edge, ...]
    variants: tuple[Variant, ...]
    rework: tuple[Rework, ...]
    people: tuple[Handover, ...]
    groups: tuple[Handover, ...]
    bottlenecks: tuple[Bottleneck, ...]

    @property
    def wait_s(self) -> int:
        return sum(edge.wait.total_s for edge in self.edges)

    @property
    def pairs(self) -> list[str]:
        """The keys of hand-overs that are told."""
        told = [key for one in (*self.people, *self.groups) for key in (one.key, one.key_back) if key]
        return list(dict.fromkeys([*told, *(one.key for one in self.bottlenecks if one.kind == "bounce" and one.key)]))

    @property
    def work_s(self) -> int:
        return sum(activity.work.total_s for activity in self.activities if activity.work)


def summary(part: Part, *, n_variants: int = 50, n_pairs: int = 200) -> ProcessMap:
    """The figures of a part; of variants and hand-overs only the most frequent are told, their number of all."""
    activities = tuple(_activity(part, code) for code in range(len(part.activities)))
    n_waits = sum(map(len, part.waits.values()))
    with ThreadPoolExecutor(n_threads(n_waits)) as pool:  # numpy partitions and adds up side by side
        spreads = pool.map(spread, part.waits.values())
        found = [Edge(*divmod(key, PAIR), wait) for key, wait in zip(part.waits, spreads, strict=True)]
    edges = tuple(sorted(found, key=lambda e: (-e.n, e.source, e.target)))
    duration = spread(part.durations) if len(part.durations) else None
    rework = tuple(_rework(part))
    groups = _handovers(part.by_group, part.groups, "group")
    people = _handovers(part.by_person, part.people, "person")
    total = duration.total_s if duration else 0
    slow = [*_waits(edges, part.activities), *_works(activities), *_loops(rework, part.activities)]
    slow += _bounces(groups or people)
    ranked = sorted(slow, key=lambda x: (-x[4], x[:3], x[5]))
    return ProcessMap(
        n_cases=len(part.durations),
        n_events=int(part.visits.sum()),
        n_variants=len(part.variants.key),
        duration=duration,
        activities=activities,
        edges=edges,
        variants=tuple(_variants(part, n_variants)),
        rework=rework,
        people=people[:n_pairs],
        groups=groups[:n_pairs],
        bottlenecks=tuple(
            Bottleneck(*x[:5], Fraction(x[4], total) if total else Fraction(0), x[5]) for x in ranked if x[4] > 0
        ),
    )


def spread(seconds: NDArray[Any]) -> Spread:
    """Exact mean, median and 90th percentile of at least one value."""
    import numpy as np

    n = len(seconds)
    ranks = [max(ceil(percent * n / 100), 1) - 1 for percent in (50, 90)]
    placed = np.partition(seconds, ranks)
    median = int(placed[ranks[0]])
    above = placed[ranks[0] + 1 :]
    saved = int(above.sum(dtype=np.int64)) - median * len(above)
    return Spread(Mean(int(seconds.sum(dtype=np.int64)), n), median, int(placed[ranks[1]]), saved)


def _activity(part: Part, code: int) -> Activity:
    n, work = int(part.visits[code]), part.works.get(code)
    return Activity(
        part.activities[code],
        n,
        n - int(part.repeats[code]),
        int(part.firsts[code]),
        int(part.lasts[code]),
        None if work is None else spread(work),
    )


def _variants(part: Part, most: int) -> Iterator[Variant]:
    """The most frequent; of equal ones the first by its path, whatever the parts were."""
    import numpy as np

    kept, n_cases = part.variants, len(part.durations)
    if not len(kept.n):
        return
    place = max(len(kept.n) - most, 0)
    least = np.partition(kept.n, place)[place]
    found = []
    for i in np.flatnonzero(kept.n >= least).tolist():
        path = tuple(kept.path[kept.first[i] : kept.first[i + 1]].tolist())
        found.append((-int(kept.n[i]), path, int(kept.total_s[i])))
    for minus_n, path, total_s in nsmallest(most, found):
        yield Variant(path, Rate(-minus_n, n_cases), Mean(total_s, -minus_n))


def _rework(part: Part) -> Iterator[Rework]:
    order = sorted(range(len(part.activities)), key=lambda code: (-int(part.loop_s[code]), code))
    for code in order:
        if part.repeats[code]:
            yield Rework(
                code,
                Rate(int(part.repeating[code]), len(part.durations)),
                int(part.repeats[code]),
                len(part.waits.get(code * PAIR + code, ())),
                int(part.loop_s[code]),
            )


def _handovers(pairs: Pairs, names: tuple[str, ...], of: str) -> tuple[Handover, ...]:
    columns = (pairs.key, pairs.n, pairs.wait_s, pairs.n_back, pairs.back_s)
    found = [
        _handover(divmod(key, 1 << 32), names, of, (n, wait_s, n_back, back_s))
        for key, n, wait_s, n_back, back_s in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return tuple(sorted(found, key=lambda pair: (-pair.n, pair.source, pair.target, pair.key)))


def _handover(codes: tuple[int, int], names: tuple[str, ...], of: str, sums: tuple[int, int, int, int]) -> Handover:
    (giver, taker), (n, wait_s, n_back, back_s) = codes, sums
    back = f"{of}back:{giver}:{taker}" if n_back else ""
    return Handover(names[giver], names[taker], n, Mean(wait_s, n), n_back, back_s, f"{of}:{giver}:{taker}", back)


# ---------------------------------------------------------------- bottlenecks
_Found = tuple[Kind, str, str, int, int, str]


def _waits(edges: tuple[Edge, ...], names: tuple[str, ...]) -> Iterator[_Found]:
    for edge in edges:
        key = f"edge:{edge.source}:{edge.target}"
        yield "wait", names[edge.source], names[edge.target], edge.n, edge.wait.saved_s, key


def _works(activities: tuple[Activity, ...]) -> Iterator[_Found]:
    for code, activity in enumerate(activities):
        if activity.work:
            yield "work", activity.name, "", activity.n, activity.work.saved_s, f"step:{code}"


def _loops(rework: tuple[Rework, ...], names: tuple[str, ...]) -> Iterator[_Found]:
    for loop in rework:
        yield "rework", names[loop.activity], "", loop.n_repeats, loop.loop_s, f"again:{loop.activity}"


def _bounces(pairs: tuple[Handover, ...]) -> Iterator[_Found]:
    for pair in pairs:
        if pair.n_back:
            yield "bounce", pair.source, pair.target, pair.n_back, pair.back_s, pair.key_back
