"""A KPI over days or weeks: its figure at each point, its moving mean, and the limits between which it swings. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from jiying.core.metrics import control
from jiying.core.metrics.control import Control, Limits
from jiying.core.metrics.figures import round_score
from jiying.core.metrics.library import Kpi
from jiying.core.metrics.tally import Tally

MOVING = {"day": 7, "week": 4}  # so many points to a moving mean


@dataclass(frozen=True, slots=True)
class Point:
    """`value` as a report shows it (None without cases); `moving` over the points up to it; `side` of its limits: low,
    high, or "" within and without any."""

    value: Decimal | None
    moving: Decimal | None
    limits: Limits | None
    side: str


def joined(tallies: Sequence[Tally]) -> Tally:
    """Cases of several points as those of one: rates and means add, a median of parts would be none."""
    return Tally(
        sum(one.n for one in tallies),
        sum(one.n_hits for one in tallies),
        sum(one.n_misses for one in tallies),
        sum(one.total for one in tallies),
    )


@dataclass(frozen=True, slots=True)
class Span:
    """Which of the points that are given are meant: the first `lead` only lead in the moving mean over `width` points,
    the last `n_open` are not over yet and neither make limits nor are held against them."""

    width: int
    lead: int = 0
    n_open: int = 0


def trend(kpi: Kpi, tallies: Sequence[Tally], span: Span) -> tuple[list[Point], Control | None]:
    """The points after those that lead in. One without cases has no value and is no part of the limits."""
    shown = tallies[span.lead :]
    over = shown[: len(shown) - span.n_open]
    counted = [n for n, tally in enumerate(over) if kpi.measure == "count" or tally.n]
    held = _control(kpi, [over[n] for n in counted])
    limits = dict(zip(counted, held.limits, strict=True)) if held else {}
    points = []
    for n, tally in enumerate(shown):
        own, until = limits.get(n), span.lead + n + 1
        points.append(
            Point(tally.value(kpi), _moving(kpi, tallies[max(0, until - span.width) : until], span.width), own,
                  _side(kpi, tally, own))
        )  # fmt: skip
    return points, held


def _control(kpi: Kpi, tallies: Sequence[Tally]) -> Control | None:
    """In the unit that figures are shown in."""
    if len(tallies) < control.MIN_POINTS:
        return None
    if kpi.measure == "rate":
        found = control.laney([(tally.n_hits, tally.n) for tally in tallies])
        limits = tuple(Limits(100 * one.low, 100 * one.high) for one in found.limits)
        return Control(found.chart, 100 * found.centre, limits, found.scatter)
    values = [_exact(kpi, tally) for tally in tallies]
    return control.xmr(values, floor=None if kpi.measure == "balance" else 0.0)


def _exact(kpi: Kpi, tally: Tally) -> float:
    exact = tally.exact(kpi)
    return 0.0 if exact is None else float(exact)


def _side(kpi: Kpi, tally: Tally, limits: Limits | None) -> str:
    value = _exact(kpi, tally)
    if limits is None or limits.holds(value):
        return ""
    return "low" if value < limits.low else "high"


def _moving(kpi: Kpi, last: Sequence[Tally], width: int) -> Decimal | None:
    """Of the last points; none before there are as many. A count's is the mean of its points."""
    if len(last) < width:
        return None
    whole = joined(last)
    return round_score(Fraction(whole.n, width)) if kpi.measure == "count" else whole.value(kpi)
