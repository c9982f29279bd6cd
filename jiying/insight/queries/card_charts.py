"""Trends, slices and correlations as what `frontend/src/charts.ts` draws, from the rows of the tables below them."""

from datetime import date

from django.utils.translation import gettext as _

from jiying.core.metrics import KPIS
from jiying.core.periods import Kind, Period, between
from jiying.insight.queries import card_tables, kpis, wording
from jiying.insight.queries.cards import Card
from jiying.insight.queries.charts import Chart
from jiying.insight.queries.dashboards import CardData, Slices, Together, Trend
from jiying.insight.queries.reports import Wanted

_SCALES = ((2 * 86400, 86400), (2 * 3600, 3600), (0, 60))  # from so many seconds on in units of so many


def chart(data: CardData) -> Chart | None:
    """None where the table is the chart: of heat maps and hot topics."""
    if data.trend:
        return _trend(data.trend, data)
    if data.slices:
        return _slices(data.slices, data)
    return _scatter(data.correlation, data.card) if data.correlation and data.correlation.points else None


def _scale(key: str, values: list[float | None]) -> tuple[float, str]:
    """What values are divided by for their axis, and its unit."""
    unit = KPIS[key].unit
    if unit != "seconds":
        return 1, "%" if unit == "percent" else ""
    greatest = max((value for value in values if value is not None), default=0)
    by = next(by for least, by in _SCALES if greatest >= least)
    return by, {86400: _(" d"), 3600: _(" h"), 60: _(" min")}[by]


def _in(by: float, values: list[float | None]) -> list[float | None]:
    return [None if value is None else round(value / by, 2) for value in values]


def _trend(found: Trend, data: CardData) -> Chart:
    points = found.points
    by, unit = _scale(found.kpi, [point.value for point in points])
    lines = [
        ("value", kpis.name(found.kpi), [point.value for point in points]),
        ("moving", _("Moving mean"), [point.moving for point in points]),
        ("limit", _("Upper limit"), [point.high for point in points]),
        ("limit", _("Lower limit"), [point.low for point in points]),
    ]
    kind: Kind = "week" if found.step == "week" else "day"
    return {
        "kind": "trend",
        "title": card_tables.title(data.card),
        "unit": unit,
        "target": "",
        "categories": [_day(point.first) for point in points],
        "series": [
            {"role": role, "name": name, "values": _in(by, values)}
            for role, name, values in lines
            if role != "limit" or found.chart
        ],
        "marks": [_mark(found.kpi, point.side) for point in points],
        "urls": [
            _url(data.card, found.kpi, Period(kind, point.first, point.last)) if point.n else "" for point in points
        ],
    }


def _slices(found: Slices, data: CardData) -> Chart:
    values = [row.figure.value for row in found.rows]
    by, unit = _scale(found.kpi, values)
    target = None if found.figure.target is None else found.figure.target / by
    return {
        "kind": "bars",
        "title": card_tables.title(data.card),
        "unit": unit,
        "target": _("Target"),
        "categories": [row.label for row in found.rows],
        "series": [{"name": kpis.name(found.kpi), "values": _in(by, values), "target": target}],
        "urls": [card_tables.slice_url(data, found, row.value) if row.figure.n else "" for row in found.rows],
    }


def _mark(key: str, side: str) -> str:
    return "" if not side else "good" if card_tables.is_good(key, side) else "bad"


def _day(day: date) -> str:
    return f"{day:%m-%d}"


def _url(card: Card, key: str, period: Period) -> str:
    return wording.address("reports:cases", Wanted(period, tuple(card.where.items())), kpi=key)


def _scatter(found: Together, card: Card) -> Chart:
    xs, ys = ([getattr(pair, name) for pair in found.points] for name in ("x", "y"))
    (by_x, unit_x), (by_y, unit_y) = _scale(found.kpi, xs), _scale(found.other, ys)
    return {
        "kind": "scatter",
        "title": card_tables.title(card),
        "unit": unit_y,
        "unit_x": unit_x,
        "target": "",
        "categories": [_day(pair.day) for pair in found.points],
        "series": [
            {"role": "x", "name": kpis.name(found.kpi), "values": _in(by_x, xs)},
            {"role": "value", "name": kpis.name(found.other), "values": _in(by_y, ys)},
        ],
        "urls": [_url(card, found.kpi, between(pair.day, pair.day)) for pair in found.points],
    }
