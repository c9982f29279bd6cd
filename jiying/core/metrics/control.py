"""Control charts: between which limits a KPI swings by itself, so that people act on signals and not on noise. Pure.

Rates have a p chart: limits by the number of cases of each point, widened after Laney where points scatter more than
chance lets them. All else has an XmR chart: limits by the differences of neighbours (docs/algorithms/trends.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean
from typing import Literal

MIN_POINTS = 8  # below so many points there are no limits
FEW_POINTS = 20  # below so many points limits are told as provisional
SIGMAS = 3
D2 = 1.128  # mean range of two values of a normal distribution, in its standard deviations
Chart = Literal["p", "p_prime", "xmr"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one point, in the unit of the values."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """A point on its limit is within; a rounding error puts none out."""
        slack = 1e-9 * max(1.0, abs(self.low), abs(self.high))
        return self.low - slack <= value <= self.high + slack


@dataclass(frozen=True, slots=True)
class Control:
    """`limits` of each point that was given, around `centre`; `scatter` is Laney's factor, 1 where there is none."""

    chart: Chart
    centre: float
    limits: tuple[Limits, ...]
    scatter: float = 1.0

    @property
    def is_provisional(self) -> bool:
        return len(self.limits) < FEW_POINTS


def p_chart(counts: Sequence[tuple[int, int]]) -> Control:
    """(hits, cases) of each point: p ± 3·√(p(1 − p)/n), p over all points, cut at 0 and 1.

    Raises ValueError for no points or a point without cases.
    """
    centre, errors = _binomial(counts)
    return Control("p", centre, tuple(_within(centre, SIGMAS * error) for error in errors))


def laney(counts: Sequence[tuple[int, int]]) -> Control:
    """D. B. Laney's p′ chart (2002): as `p_chart`, by the factor wider that the points' z scatter more than chance.

    Never narrower than a p chart: of few points the factor says too little to trust it that way.
    """
    centre, errors = _binomial(counts)
    if len(counts) < 2 or not all(errors):
        return p_chart(counts)
    scores = [(hits / n - centre) / error for (hits, n), error in zip(counts, errors, strict=True)]
    scatter = mean_range(scores) / D2
    if scatter <= 1:
        return p_chart(counts)
    limits = tuple(_within(centre, SIGMAS * error * scatter) for error in errors)
    return Control("p_prime", centre, limits, scatter)


def xmr(values: Sequence[float], *, floor: float | None = None) -> Control:
    """Individuals: mean ± 3·(mean moving range)/1.128, one pair of limits for all points.

    `floor`: below what values cannot fall (0 for counts and times). Raises ValueError below two points.
    """
    if len(values) < 2:
        raise ValueError(f"needs two points, not {len(values)}")
    centre = fmean(values)
    reach = SIGMAS * mean_range(values) / D2
    low = centre - reach if floor is None else max(floor, centre - reach)
    return Control("xmr", centre, (Limits(low, centre + reach),) * len(values))


def mean_range(values: Sequence[float]) -> float:
    """The mean of the differences of neighbours, without their signs."""
    return fmean(abs(b - a) for a, b in pairwise(values))


def _binomial(counts: Sequence[tuple[int, int]]) -> tuple[float, list[float]]:
    """The share of all, and the standard error of each point around it."""
    if not counts or any(n < 1 or not 0 <= hits <= n for hits, n in counts):
        raise ValueError(f"needs points of 0 <= hits <= n and n >= 1, not {list(counts)}")
    centre = sum(hits for hits, _n in counts) / sum(n for _hits, n in counts)
    return centre, [sqrt(centre * (1 - centre) / n) for _hits, n in counts]


def _within(centre: float, reach: float) -> Limits:
    return Limits(max(0.0, centre - reach), min(1.0, centre + reach))
