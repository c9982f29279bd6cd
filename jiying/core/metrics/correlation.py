"""How two KPIs go together over days: Spearman's and Pearson's coefficient with an interval. Pure.

A coefficient says that two figures move together, never that one makes the other.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh
from statistics import StatisticsError, correlation
from typing import Literal

from jiying.core.metrics.figures import Z_95, Interval

Method = Literal["spearman", "pearson"]
METHODS: tuple[Method, ...] = ("spearman", "pearson")
MIN_PAIRS = 4  # below so many there is no coefficient
FEW_PAIRS = 15  # below so many it is marked
_SPEARMAN = 1.06  # variance of Fisher's z of a rank correlation (Fieller, Hartley, Pearson 1957)


@dataclass(frozen=True, slots=True)
class Correlation:
    """Over `n` pairs; `value` from -1 to 1, None with too few pairs or where one of both never changes."""

    method: Method
    n: int
    value: float | None
    interval: Interval | None

    @property
    def is_few(self) -> bool:
        return self.n < FEW_PAIRS


def correlate(method: Method, pairs: Sequence[tuple[float, float]]) -> Correlation:
    """Ties share their mean rank. The interval (95 %) is Fisher's."""
    if len(pairs) < MIN_PAIRS:
        return Correlation(method, len(pairs), None, None)
    xs, ys = zip(*pairs, strict=True)
    try:
        value = correlation(ranks(xs), ranks(ys)) if method == "spearman" else correlation(xs, ys)
    except StatisticsError:  # one of both never changes
        return Correlation(method, len(pairs), None, None)
    value = max(-1.0, min(1.0, value))
    return Correlation(method, len(pairs), value, _interval(method, value, len(pairs)))


def ranks(values: Sequence[float]) -> list[float]:
    """From 1 for the least; equal ones share the mean of their places."""
    listed = sorted(values)
    return [(bisect_left(listed, value) + bisect_right(listed, value) + 1) / 2 for value in values]


def _interval(method: Method, value: float, n: int) -> Interval | None:
    if abs(value) >= 1 - 1e-12:
        return None
    error = sqrt((_SPEARMAN if method == "spearman" else 1.0) / (n - 3))
    return Interval(tanh(atanh(value) - Z_95 * error), tanh(atanh(value) + Z_95 * error))
