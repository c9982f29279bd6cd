"""Figures (rates, means, percentiles, intervals) and the KPI library: the one place where anything is counted."""

from jiying.core.metrics.figures import Interval, Mean, Rate, attainment, mean, percentile, round_score, wilson
from jiying.core.metrics.library import CALLS_COUNTED, COUNTED, EXCLUDED, KPIS, METRICS, Kpi, is_case
from jiying.core.metrics.tally import Tally, is_better, is_reached

__all__ = [
    "CALLS_COUNTED", "COUNTED", "EXCLUDED", "KPIS", "METRICS", "Interval", "Kpi", "Mean", "Rate", "Tally",
    "attainment", "is_better", "is_case", "is_reached", "mean", "percentile", "round_score", "wilson",
]  # fmt: skip
