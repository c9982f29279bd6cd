"""What was counted of one KPI in one slice, and the figure that it makes: the same for every page, file and API."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from jiying.core.metrics.figures import Interval, Rate, round_ratio
from jiying.core.metrics.library import Kpi

DIGITS = {"percent": 1, "seconds": 0, "tickets": 0, "points": 2}


@dataclass(frozen=True, slots=True)
class Tally:
    """`n` cases; `n_hits` and `n_misses` of them; `total`, `median` and `p90` of their values."""

    n: int = 0
    n_hits: int = 0
    n_misses: int = 0
    total: int = 0
    median: int | None = None
    p90: int | None = None

    def value(self, kpi: Kpi) -> Decimal | None:
        """As it is shown (percent, seconds, number, points), rounded once; None without cases, but for a count."""
        ratio = self._ratio(kpi)
        return None if ratio is None else round_ratio(*ratio, DIGITS[kpi.unit])

    def exact(self, kpi: Kpi) -> Fraction | None:
        """Before it is rounded."""
        ratio = self._ratio(kpi)
        return None if ratio is None else Fraction(*ratio)

    def _ratio(self, kpi: Kpi) -> tuple[int, int] | None:
        if kpi.measure == "count":
            return self.n, 1
        if not self.n:
            return None
        if kpi.measure == "rate":
            return 100 * self.n_hits, self.n
        if kpi.measure == "balance":
            return 100 * (self.n_hits - self.n_misses), self.n
        return self.total, self.n

    def interval(self, kpi: Kpi) -> Interval | None:
        """Where a rate lies by Wilson; None for what is none."""
        return Rate(self.n_hits, self.n).interval() if kpi.measure == "rate" else None

    def is_few(self, kpi: Kpi) -> bool:
        return kpi.measure != "count" and 0 < self.n < kpi.min_n


def is_reached(kpi: Kpi, value: Decimal, target: int) -> bool:
    """Whether a figure meets its target, by its own direction."""
    return value <= target if kpi.direction == "lower" else value >= target


def is_better(kpi: Kpi, value: Decimal, before: Decimal) -> bool | None:
    """Whether a figure is better than the one before; None where neither is, or direction says nothing."""
    if kpi.direction == "neutral" or value == before:
        return None
    return (value < before) == (kpi.direction == "lower")
