"""Figures and their definitions: rates that add, exact means and percentiles, intervals, rounding, the KPI registry.

Everything is exact (integers and fractions) until it is shown. A figure without data is None, never 0 or 100 %.
Holds the one definition of each KPI; may not query anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, sqrt
from types import MappingProxyType
from typing import Literal

__all__ = [
    "KPIS", "METRICS", "Interval", "Kpi", "Mean", "Rate", "attainment", "mean", "percentile", "round_score", "wilson",
]  # fmt: skip

METRICS = ("accept", "first_response", "next_response", "update", "resolution", "resolution_total", "collaboration")
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
    exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    scaled = floor(abs(exact) * 10**digits + Fraction(1, 2))
    return Decimal(scaled if exact >= 0 else -scaled).scaleb(-digits)


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI, defined once for every feature.

    `formula` names counts and instants of the glossary; `exclusions` are codes of what is left out of both sides;
    below `min_n` cases a figure is shown with its interval or as too few, and never ranks people.
    """

    key: str
    name_en: str
    name_zh: str
    formula: str
    unit: Literal["percent", "seconds"]
    direction: Literal["higher_is_better", "lower_is_better"]
    exclusions: tuple[str, ...]
    min_n: int


_METRIC_NAMES = {
    "accept": ("Accept in time", "接单达标率"),
    "first_response": ("First response in time", "首次响应达标率"),
    "next_response": ("Next response in time", "后续响应达标率"),
    "update": ("Periodic update in time", "进度告知达标率"),
    "resolution": ("First resolution in time", "首次解决达标率"),
    "resolution_total": ("Total resolution in time", "最终解决达标率"),
    "collaboration": ("Collaboration answer in time", "协作响应达标率"),
}
_NOT_COUNTED = ("cancelled", "merged", "probe")


def _attainment_of(metric: str) -> Kpi:
    name_en, name_zh = _METRIC_NAMES[metric]
    undecided = ("not_yet_due", "paused", "pending")
    return Kpi(
        f"attainment.{metric}", name_en, name_zh, "met / (met + breached)", "percent", "higher_is_better",
        _NOT_COUNTED + undecided, 30,
    )  # fmt: skip


_OTHERS = (
    Kpi(
        "first_response_time", "First response time", "首次响应时长",
        "working seconds of the first response clock, without pauses; median and 90th percentile",
        "seconds", "lower_is_better", (*_NOT_COUNTED, "not_responded"), 10,
    ),
    Kpi(
        "resolution_time", "Resolution time", "解决时长",
        "working seconds of the first resolution clock, without pauses; median and 90th percentile",
        "seconds", "lower_is_better", (*_NOT_COUNTED, "not_resolved"), 10,
    ),
    Kpi(
        "wait_since_receipt", "Customer's wait since receipt", "客户等待时长",
        "wall-clock seconds from received_at to the first human response; median and 90th percentile",
        "seconds", "lower_is_better", (*_NOT_COUNTED, "not_responded", "opened_by_agent"), 10,
    ),
    Kpi(
        "corrected_priority_share", "Share of corrected priorities", "优先级更正率",
        "tickets whose priority was changed by hand after creation / tickets created",
        "percent", "lower_is_better", ("merged", "probe"), 30,
    ),
)  # fmt: skip

KPIS: Mapping[str, Kpi] = MappingProxyType(
    {kpi.key: kpi for kpi in (*(_attainment_of(metric) for metric in METRICS), *_OTHERS)}
)
