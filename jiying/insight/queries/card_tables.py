"""Cards as tables: the rows below each chart, which its file holds too. Each figure has the address of its tickets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jiying.base.texts import term
from jiying.core.metrics import KPIS
from jiying.core.periods import Kind, Period, between
from jiying.insight.queries import kpis, reports, wording
from jiying.insight.queries.cards import Card
from jiying.insight.queries.dashboards import CardData, Heat, HeatCell, Slices, Together, Topics, Trend, TrendPoint
from jiying.insight.queries.reports import Wanted

SHADES = 9  # of a heat map, 0 for nothing


@dataclass(frozen=True, slots=True)
class TableCell:
    """`text` for people, `value` and `form` (a format of the workbook) for files; `shade` of a heat map."""

    text: str
    value: Any = None
    form: str = ""
    url: str = ""
    shade: int | None = None
    mark: str = ""  # red | amber | grey, beside a text that says why


@dataclass(frozen=True, slots=True)
class CardTable:
    """The first column heads the rows; numbers stand from column `n_words` on."""

    heading: list[str]
    rows: list[list[TableCell]] = field(default_factory=list)
    n_words: int = 1


def table(data: CardData) -> CardTable:
    if data.trend:
        return _trend(data.trend, data.card)
    if data.slices:
        return _slices(data.slices, data)
    if data.heat:
        return _heat(data.heat, data)
    if data.topics:
        return _topics(data.topics, data)
    if data.correlation:
        return _together(data.correlation, data.card)
    raise AssertionError("a card has one of five kinds")


def title(card: Card) -> str:
    name = kpis.name(card.kpi)
    told: dict[str, Callable[[], str]] = {
        "trend": lambda: name,
        "slices": lambda: f"{name} · {term('report_filter', card.by)}",
        "heat": lambda: f"{name} · {_('Category')} × {term('card_across', card.across)}",
        "topics": lambda: _("Hot topics"),
        "correlation": lambda: _("%(kpi)s and %(other)s") % {"kpi": name, "other": kpis.name(card.other)},
    }
    return told[card.kind]()


def whole_url(data: CardData, key: str) -> str:
    """The tickets behind the figure of the whole stretch."""
    return _behind(between(data.first, data.last), data.card, key)


def slice_url(data: CardData, found: Slices, value: str) -> str:
    """The tickets behind the figure of one value of the slice."""
    return _behind(between(data.first, data.last), data.card, found.kpi, **{found.by: value})


def _behind(period: Period, card: Card, key: str, **more: object) -> str:
    return wording.address("reports:cases", Wanted(period, tuple(card.where.items())), kpi=key, **more)


def _number(key: str, value: float | None, url: str = "") -> TableCell:
    unit = KPIS[key].unit
    share = {"percent": 100, "seconds": 86400}.get(unit, 1)
    return TableCell(wording.told(key, value), None if value is None else value / share, unit, url)


def limit(key: str, value: float | None) -> TableCell:
    """A mean or limit: of tickets with one more digit than the tickets themselves."""
    if value is None or KPIS[key].unit != "tickets":
        return _number(key, value)
    return TableCell(number_format(value, 1, use_l10n=True, force_grouping=True), value, "mean")


def _n(value: int) -> TableCell:
    return TableCell(number_format(value, 0, use_l10n=True, force_grouping=True), value, "tickets")


def _trend(found: Trend, card: Card) -> CardTable:
    key, kpi = found.kpi, KPIS[found.kpi]
    counted = [_("Cases")] if kpi.measure != "count" else []
    hits = [_("Of these fulfilled")] if kpi.measure == "rate" else []
    heading = [
        _("Week") if found.step == "week" else _("Day"), kpis.name(key), *counted, *hits, _("Moving mean"),
        _("Lower limit"), _("Upper limit"), _("Remark"),
    ]  # fmt: skip
    rows = []
    for point in reversed(found.points):
        kind: Kind = "week" if found.step == "week" else "day"
        period = Period(kind, point.first, point.last)
        url = _behind(period, card, key) if point.n else ""
        cells = [TableCell(reports.title(period), str(reports.title(period))), _number(key, point.value, url)]
        cells += [_n(point.n)] if counted else []
        cells += [_n(point.hits or 0)] if hits else []
        cells += [limit(key, value) for value in (point.moving, point.low, point.high)]
        rows.append([*cells, _remark(key, point)])
    return CardTable(heading, rows)


def _remark(key: str, point: TrendPoint) -> TableCell:
    if point.is_open:
        return TableCell(_("not over yet"), _("not over yet"), mark="grey")
    if not point.side:
        return TableCell("")
    text = _("above the upper limit") if point.side == "high" else _("below the lower limit")
    return TableCell(text, text, mark="amber" if is_good(key, point.side) else "red")


def is_good(key: str, side: str) -> bool:
    """Whether a point beyond a limit is beyond it on the side that is wanted; else it is a warning."""
    return KPIS[key].direction == {"high": "higher", "low": "lower"}.get(side)


def _slices(found: Slices, data: CardData) -> CardTable:
    key, kpi = found.kpi, KPIS[found.kpi]
    is_spread, is_rate, is_count = kpi.measure == "spread", kpi.measure == "rate", kpi.measure == "count"
    heading = [term("report_filter", found.by), kpis.name(key)]
    heading += [_("Median"), "P90"] if is_spread else []
    heading += [] if is_count else [_("Cases")]
    heading += [_("Of these fulfilled"), _("Confidence interval")] if is_rate else []
    rows = []
    for row in found.rows:
        figure, url = row.figure, slice_url(data, found, row.value) if row.figure.n else ""
        own = _number(key, figure.value, url)
        mark = "grey" if figure.few else ""
        cells = [TableCell(row.label, row.label), TableCell(own.text, own.value, own.form, url, mark=mark)]
        cells += [_number(key, value) for value in (figure.median, figure.p90)] if is_spread else []
        cells += [] if is_count else [_n(figure.n)]
        if is_rate:
            between_ = f"{figure.low}–{figure.high}%" if figure.low is not None else wording.NOTHING
            cells += [_n(figure.hits or 0), TableCell(between_, between_)]
        rows.append(cells)
    return CardTable(heading, rows)


def _heat(found: Heat, data: CardData) -> CardTable:
    values = [cell.value for row in found.rows for cell in row.cells if cell.value is not None]
    low, high = (0.0 if KPIS[found.kpi].measure == "count" else min(values), max(values)) if values else (0.0, 0.0)
    period = between(data.first, data.last)
    rows = []
    for row in found.rows:
        cells = [TableCell(row.label, row.label)]
        for column, cell in zip(found.columns, row.cells, strict=True):
            slices = {"category": row.value, found.across: column.value}
            url = _behind(period, data.card, found.kpi, **slices) if cell.n else ""
            cells.append(_heat_cell(found.kpi, cell, url, (low, high)))
        rows.append([*cells, _n(row.n)])
    is_hour = found.across == "hour"
    names = [f"{int(column.value):02d}" if is_hour else column.label for column in found.columns]
    heading = [_("Category"), *names, _("Cases")]
    return CardTable(heading, rows)


def _heat_cell(key: str, cell: HeatCell, url: str, ends: tuple[float, float]) -> TableCell:
    if cell.value is None or not cell.n:
        return TableCell("", shade=0)
    low, high = ends
    part = (cell.value - low) / (high - low) if high > low else 1.0
    own = _number(key, cell.value, url)
    return TableCell(own.text, own.value, own.form, url, 1 + round(part * (SHADES - 1)), "grey" if cell.few else "")


def _topics(found: Topics, data: CardData) -> CardTable:
    last = data.first + timedelta(days=found.days - 1)
    period = between(data.first, last)
    now = ngettext("%(n)s day", "%(n)s days", found.days) % {"n": found.days}
    heading = [_("Category"), now, _("Usually"), _("Hot above"), _("Stretches before"), _("Remark")]
    rows = []
    for row in found.rows:
        url = _behind(period, data.card, "tickets_received", category=row.value)
        times = _("%(times)s times the usual") % {"times": number_format(row.times, 1)} if row.times else _("new")
        hot = TableCell(f"{_('hot')}: {times}", times, mark="red") if row.is_hot else TableCell("")
        before = " · ".join(map(str, row.before)) or "–"
        rows.append(
            [TableCell(row.label, row.label), TableCell(str(row.n), row.n, "tickets", url),
             _mean(row.middle), _mean(row.limit), TableCell(before, before), hot]
        )  # fmt: skip
    return CardTable(heading, rows)


def _mean(value: float | None) -> TableCell:
    return TableCell(wording.NOTHING if value is None else number_format(value, 1), value, "mean")


def _together(found: Together, card: Card) -> CardTable:
    heading = [_("Day"), kpis.name(found.kpi), _("Cases"), kpis.name(found.other), _("Cases")]
    rows = []
    for pair in reversed(found.points):
        day = Period("day", pair.day, pair.day)
        links = [_behind(day, card, key) if n else "" for key, n in ((found.kpi, pair.n_x), (found.other, pair.n_y))]
        rows.append(
            [TableCell(str(pair.day), str(pair.day)), _number(found.kpi, pair.x, links[0]), _n(pair.n_x),
             _number(found.other, pair.y, links[1]), _n(pair.n_y)]
        )  # fmt: skip
    return CardTable(heading, rows)
