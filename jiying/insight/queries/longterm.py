"""KPIs over long times from the sketches that the columnar copy keeps of each day: which, when, and what they say.

Only for who sees the whole house, unfiltered: a sketch knows of no team. Counts and sums are those of `counting`.
"""

from collections.abc import Sequence
from datetime import date, datetime

from jiying.core.metrics import COUNTED, KPIS, Kpi, Tally, sketches
from jiying.core.periods import Period, of
from jiying.insight.queries import counting, reports
from jiying.insight.queries.counting import Cut
from jiying.warehouse import sketching
from jiying.warehouse.sketching import Measure, Plan, Span

SHORT_DAYS = 100  # so many are counted from rows as soon


def plan() -> Plan:
    """Of `tickets`: all KPIs but those that are a state at the end of a period."""
    return Plan(COUNTED, tuple(_measure(kpi) for kpi in KPIS.values() if _is_sketched(kpi)))


def _measure(kpi: Kpi) -> Measure:
    return Measure(kpi.key, kpi.at, counting.local_day(kpi.at), kpi.case, kpi.hit, kpi.miss, kpi.value)


def _is_sketched(kpi: Kpi) -> bool:
    return kpi.source == "tickets" and bool(kpi.at)


def is_kept(key: str, cut: Cut, first: date, last: date) -> bool:
    """Whether a KPI of these tickets and days is to be taken from sketches."""
    is_whole = cut.scope.team_id is None and not cut.where
    return is_whole and _is_sketched(KPIS[key]) and (last - first).days >= SHORT_DAYS


def series(key: str, stretches: Sequence[Period], now: datetime) -> list[Tally]:
    """A KPI in each of these following days or weeks, exactly; without percentiles."""
    found = sketching.by_day("tickets", key, _span(stretches[0].first, stretches[-1].last, now))
    by_stretch = found[:, : sketches.COUNTS].reshape(len(stretches), -1, sketches.COUNTS).sum(1)
    return [Tally(*counts) for counts in by_stretch.tolist()]


def spread(key: str, period: Period, now: datetime) -> tuple[int, int] | tuple[None, None]:
    """Median and 90th percentile of all cases, within `sketches.ERROR`; None without any."""
    whole = sketching.by_day("tickets", key, _span(period.first, period.last, now)).sum(0, keepdims=True)
    if not whole[0, sketches.N]:
        return None, None
    ((median, p90),) = sketches.percentiles(whole, (50, 90)).tolist()
    return median, p90


def _span(first: date, last: date, now: datetime) -> Span:
    today = now.astimezone(reports.site_zone()).date()
    return Span(first, last, today, of("day", today).since(reports.site_zone()), now)
