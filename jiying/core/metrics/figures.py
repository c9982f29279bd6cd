"""Figures: rates that add, exact means and percentiles, intervals, rounding.

Everything is exact (integers and fractions) until it is shown. A figure without data is None, never 0 or 100 %.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, isfinite, sqrt

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a share, both ends between 0 and 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rate:
    """A share kept as its two counts, so that rates of teams or days add to the rate of all (never a mean of means)."""

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if not 0 <= self.numerator <= self.denominator:
            raise ValueError(f"a rate needs 0 <= numerator <= denominator, not {self.numerator}/{self.denominator}")

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(self.numerator + other.numerator, self.denominator + other.denominator)

    @classmethod
    def total(cls, rates: Iterable["Rate"]) -> "Rate":
        """The rate of all parts together; 0/0 for none."""
        return sum(rates, cls(0, 0))

    @property
    def value(self) -> Fraction | None:
        """The exact share between 0 and 1; None without data."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    def percent(self, digits: int = 1) -> Decimal | None:
        """The share in percent, rounded half up for showing; None without data."""
        return round_score(Fraction(100 * self.numerator, self.denominator), digits) if self.denominator else None

    def interval(self, z: float = Z_95) -> Interval | None:
        """Where the true share lies, by Wilson; None without data."""
        return wilson(self.numerator, self.denominator, z) if self.denominator else None


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean kept as total and count, so that means add like rates."""

    total: int
    n: int

    def __add__(self, other: "Mean") -> "Mean":
        return Mean(self.total + other.total, self.n + other.n)

    @property
    def value(self) -> Fraction | None:
        """The exact mean; None without data."""
        return Fraction(self.total, self.n) if self.n else None


def mean(values: Iterable[int]) -> Mean:
    """The mean of integers (seconds, scores), exact."""
    listed = list(values)
    return Mean(sum(listed), len(listed))


def attainment(n_met: int, n_breached: int) -> Rate:
    """达标率: met / (met + breached), of clocks that ended or passed their due instant in the period.

    Running clocks that are not yet due, paused, pending and cancelled ones are in neither count.
    """
    return Rate(n_met, n_met + n_breached)


def wilson(n_hits: int, n: int, z: float = Z_95) -> Interval:
    """The score interval of E. B. Wilson (1927) for a share; honest for small n and near 0 and 1.

    Raises ValueError for n < 1 or hits outside 0..n.
    """
    if n < 1 or not 0 <= n_hits <= n:
        raise ValueError(f"needs 0 <= hits <= n and n >= 1, not {n_hits} of {n}")
    share = n_hits / n
    spread = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    middle = share + z * z / (2 * n)
    scale = 1 + z * z / n
    # At the ends the formula gives exactly 0 and 1; floats miss them by a rounding error.
    low = 0.0 if n_hits == 0 else max(0.0, (middle - spread) / scale)
    high = 1.0 if n_hits == n else min(1.0, (middle + spread) / scale)
    return Interval(low, high)


def percentile(values: Sequence[int], percent: int | Fraction) -> int | None:
    """The nearest-rank percentile: the least value that at least `percent` % of the values do not exceed.

    Always a value that occurred; equal to SQL's `percentile_disc` and DuckDB's `quantile_disc`. None without data.
    Raises ValueError outside 0..100.
    """
    if not 0 <= percent <= 100:
        raise ValueError(f"percent must be 0..100, not {percent}")
    if not values:
        return None
    rank = ceil(Fraction(percent) * len(values) / 100)
    return sorted(values)[max(rank, 1) - 1]


def round_score(value: int | float | Decimal | Fraction, digits: int = 1) -> Decimal:
    """Round half away from zero, as people do (Python's `round` goes half to even: 0.5 to 0).

    A float counts as the decimal that it prints as, so that 2.675 gives 2.68. Raises ValueError for NaN and infinity.
    """
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{value} cannot be rounded")
    exact = Decimal(repr(value)) if isinstance(value, float) else value
    return round_ratio(*exact.as_integer_ratio(), digits)


def round_ratio(above: int, below: int, digits: int) -> Decimal:
    """The same of above / below, both whole and the latter positive; nothing is cancelled down first."""
    scaled = (2 * abs(above) * 10**digits + below) // (2 * below)
    return Decimal(scaled if above >= 0 else -scaled).scaleb(-digits)
