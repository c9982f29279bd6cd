"""Hot topics: which categories grew beyond their usual range. The rule stands in docs/algorithms/trends.md. Pure.

The latest stretch of days is held against as long stretches before it, on the same days of the week. Median and median
deviation are used, so that an earlier burst does not hide the next one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

N_BEFORE = 8  # stretches that make the usual range
MIN_BEFORE = 4  # with fewer nothing is said
MIN_CASES = 5  # fewer tickets are no topic
REACH = 3.0
TO_SIGMA = 1.4826  # of a median deviation to the standard deviation of a normal distribution


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of a category: its `middle`, and `limit`, beyond which it is hot."""

    middle: float
    limit: float
    n_before: int


@dataclass(frozen=True, slots=True)
class Topic:
    """`n` cases in the latest stretch; `usual` None where too little went before it, as `times` the middle is."""

    path: str
    n: int
    before: tuple[int, ...]
    usual: Usual | None
    is_hot: bool

    @property
    def times(self) -> float | None:
        return self.n / self.usual.middle if self.usual and self.usual.middle else None


def usual(before: Sequence[int]) -> Usual | None:
    """Median + 3·max(1.4826·median deviation, √median, 1); None with fewer than four stretches."""
    if len(before) < MIN_BEFORE:
        return None
    middle = median(before)
    deviation = TO_SIGMA * median(abs(n - middle) for n in before)
    return Usual(float(middle), middle + REACH * max(deviation, sqrt(middle), 1.0), len(before))


def topics(counts: Mapping[str, Sequence[int]]) -> list[Topic]:
    """All paths of categories with tickets in the latest stretch; hot ones first, each by how far it is beyond.

    `counts`: {category: tickets of each stretch, the latest last}, of a path without those below it. A path counts
    those below it; one above a hot one is told as hot only by what the hot ones below it do not explain.
    """
    found = _with_below(counts)
    begun = _begun(found)
    own = {path: _topic(path, series[begun:]) for path, series in found.items() if series[-1]}
    for path in sorted(own, key=lambda one: -one.count("/")):
        if own[path].is_hot and (rest := _rest(path, own, found)) is not None:
            again = _topic(path, rest[begun:])
            if not again.is_hot:
                own[path] = Topic(path, own[path].n, own[path].before, own[path].usual, False)
    return sorted(own.values(), key=lambda one: (not one.is_hot, -_beyond(one), -one.n, one.path))


def _rest(path: str, own: Mapping[str, Topic], found: Mapping[str, Sequence[int]]) -> list[int] | None:
    """What a path has beside the hot ones below it; None where there are none."""
    hot = [one for one in own if one.startswith(f"{path}/") and own[one].is_hot]
    tops = [one for one in hot if not any(one.startswith(f"{other}/") for other in hot)]
    if not tops:
        return None
    return [whole - sum(found[one][n] for one in tops) for n, whole in enumerate(found[path])]


def _topic(path: str, series: Sequence[int]) -> Topic:
    *before, n = series
    held = usual(before)
    return Topic(path, n, tuple(before), held, held is not None and n >= MIN_CASES and n > held.limit)


def _beyond(topic: Topic) -> float:
    return topic.n - topic.usual.limit if topic.usual else 0.0


def _with_below(counts: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for path, series in counts.items():
        names = path.split("/")
        for depth in range(len(names)):
            own = found.setdefault("/".join(names[: depth + 1]), [0] * len(series))
            for n, count in enumerate(series):
                own[n] += count
    return found


def _begun(found: Mapping[str, Sequence[int]]) -> int:
    """Before its first ticket of all a house had no usual range: stretches until then do not count."""
    if not found:
        return 0
    sums = [sum(column) for column in zip(*found.values(), strict=True)]
    return next((n for n, whole in enumerate(sums) if whole), len(sums) - 1)
