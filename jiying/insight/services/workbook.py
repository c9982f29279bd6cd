"""A report as a workbook: each section a sheet with its native chart, then the tracking and the standards table.

Numbers are numbers with their format, texts are never formulas, headings stand frozen. Counts nothing by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from jiying.base.actor import Actor
from jiying.base.texts import term
from jiying.core import sheets
from jiying.core.metrics import KPIS
from jiying.insight.queries import kpis, reports, tables, wording
from jiying.insight.queries.reports import KpiFigure, Report, ReportLine, Wanted

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = {
    "percent": "0.0%", "seconds": "[h]:mm:ss", "tickets": "#,##0", "points": "0.00", "mean": "#,##0.0",
    "at": "yyyy-mm-dd hh:mm",
}  # fmt: skip
_HEAD = {"bold": True, "bottom": 1, "bg_color": "#EEF2F7", "text_wrap": True, "valign": "top"}
_WIDE, _USUAL = 34, 14


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and the format that it is shown by."""

    value: Any
    form: str = ""


class Book:
    """Sheets of typed rows below a frozen heading."""

    def __init__(self) -> None:
        import xlsxwriter

        self.bytes = BytesIO()
        self.book = xlsxwriter.Workbook(self.bytes, {"in_memory": True, "remove_timezone": True})
        self.formats = {name: self.book.add_format({"num_format": code}) for name, code in FORMATS.items()}
        self.head = self.book.add_format(_HEAD)

    def sheet(self, name: str, heading: Sequence[str], rows: Iterable[Sequence[Cell]], wide: int = 0) -> Any:
        """A sheet; its first `wide` columns are wide."""
        sheet = self.book.add_worksheet(name[:31])
        for column, text in enumerate(heading):
            sheet.write_string(0, column, sheets.for_workbook(text), self.head)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(heading) - 1, _USUAL)
        if wide:
            sheet.set_column(0, wide - 1, _WIDE)
        for n, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                self._write(sheet, n, column, cell)
        return sheet

    def _write(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        form = self.formats.get(cell.form)
        if cell.value is None or cell.value == "":
            return
        if isinstance(cell.value, datetime):
            sheet.write_datetime(row, column, timezone.localtime(cell.value), form)
        elif isinstance(cell.value, str):
            sheet.write_string(row, column, sheets.for_workbook(cell.value))
        else:
            sheet.write_number(row, column, cell.value, form)

    def chart(self, sheet: Any, about: dict[str, Any], title: str, series: Sequence[dict[str, Any]], at: str) -> Any:
        chart = self.book.add_chart(about)
        for one in series:
            chart.add_series(one)
        chart.set_title({"name": title, "name_font": {"size": 12}})
        chart.set_size({"width": 720, "height": 320})
        sheet.insert_chart(at, chart)
        return chart

    def finish(self) -> bytes:
        self.book.close()
        return self.bytes.getvalue()


def make(actor: Actor, report: Report, wanted: Wanted, now: datetime) -> bytes:
    """The workbook of a report, in the reader's language, with the tables that the reader may see."""
    book = Book()
    _whole(book, report)
    _section(book, "channel", _("By channel"), report.channels)
    _section(book, "priority", _("By priority"), report.priorities)
    _handling(book, report)
    _section(book, "agent", _("By agent"), report.agents)
    _causes(book, report)
    _tracking(book, tables.tracking(actor, wanted, now, limit=tables.FILE_ROWS))
    _standards(book, tables.standards(actor, now))
    return book.finish()


def cell(key: str, value: float | None) -> Cell:
    """A figure as a number of its unit: percent as a share, seconds as a part of a day."""
    unit = KPIS[key].unit
    if value is None:
        return Cell(None)
    return Cell({"percent": value / 100, "seconds": value / 86400}.get(unit, value), unit)


def _whole(book: Book, report: Report) -> None:
    heading = ("KPI", _("Value"), _("Cases"), _("Of these fulfilled"), _("Median"), "P90", _("Interval from"),
               _("Interval to"), _("Period before"), _("Target"), _("Small sample"), _("Formula"))  # fmt: skip
    rows = [_whole_row(figure) for figure in report.whole]
    rows.append([])
    rows.append([Cell(_("Period")), Cell(f"{report.first} – {report.last}")])
    rows += [[Cell(term("report_filter", name)), Cell(value)] for name, value in report.where.items()]
    book.sheet(_("Overview"), heading, rows, wide=1).set_column(11, 11, 80)


def _whole_row(row: KpiFigure) -> list[Cell]:
    key = row.kpi
    low, high, target = (cell(key, None if v is None else float(v)) for v in (row.low, row.high, row.target))
    return [
        Cell(kpis.name(key)), cell(key, row.value), Cell(row.n, "tickets"), Cell(row.hits, "tickets"),
        _length(row.median), _length(row.p90), low, high, cell(key, row.before), target,
        Cell(_("yes") if row.few else ""), Cell(kpis.hint(key)),
    ]  # fmt: skip


def _length(seconds: int | None) -> Cell:
    return Cell(None if seconds is None else seconds / 86400, "seconds")


def _section(book: Book, by: str, name: str, lines: Sequence[ReportLine]) -> None:
    """A figure each: value (mean), for spreads median and p90, for rates the number of cases."""
    heading, places = [term("report_filter", by)], {}
    for key in reports.SECTIONS[by]:
        places[key] = len(heading)
        heading += _headings(key)
    rows = [[Cell(line.label), *(one for row in line.figures for one in _figure(row))] for line in lines]
    sheet = book.sheet(name, heading, rows, wide=1)
    if not lines:
        return
    rates = [key for key in places if key.startswith("attainment.")]
    series = [_series(name, n, places[key], len(lines), kpis.name(key)) for n, key in enumerate(rates)]
    chart = book.chart(sheet, {"type": "column"}, _("Attainment"), series, f"B{len(lines) + 4}")
    chart.set_y_axis({"min": 0, "max": 1, "num_format": "0%"})


def _headings(key: str) -> list[str]:
    name, kpi = kpis.name(key), KPIS[key]
    if kpi.measure == "spread":
        return [f"{name} · {_('mean')}", f"{name} · {_('median')}", f"{name} · P90", f"{name} · {_('Cases')}"]
    return [name] if kpi.measure == "count" else [name, f"{name} · {_('Cases')}"]


def _figure(row: KpiFigure) -> list[Cell]:
    measure, value = KPIS[row.kpi].measure, cell(row.kpi, row.value)
    if measure == "spread":
        return [value, _length(row.median), _length(row.p90), Cell(row.n, "tickets")]
    return [value] if measure == "count" else [value, Cell(row.n, "tickets")]


_COLOURS = ("#3B7DD8", "#2F9E6E", "#E0A030", "#C4573F", "#7A63B8", "#8A94A6")


def _series(sheet: str, n: int, column: int, n_rows: int, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "categories": [sheet[:31], 1, 0, n_rows, 0],
        "values": [sheet[:31], 1, column, n_rows, column],
        "fill": {"color": _COLOURS[n % len(_COLOURS)]},
        "gap": 80,
    }


def _handling(book: Book, report: Report) -> None:
    name = _("Handling time")
    heading = [_("Priority"), *(wording.stretch(report.edges_s, n) for n in range(len(report.edges_s) + 1))]
    rows = [[Cell(line.label), *(Cell(n, "tickets") for n in line.counts)] for line in report.handling]
    sheet = book.sheet(name, heading, rows)
    if rows:
        series = [_series(name, n, n + 1, len(rows), heading[n + 1]) for n in range(len(heading) - 1)]
        about = {"type": "bar", "subtype": "percent_stacked"}
        book.chart(sheet, about, _("Distribution of handling time"), series, f"B{len(rows) + 4}")


def _causes(book: Book, report: Report) -> None:
    """Pareto: counts as columns, the sum so far as a line on its own axis."""
    name = _("Breach causes")
    heading = [_("Cause"), _("Overdue tickets"), _("Share of all"), _("Cumulative")]
    rows = [
        [Cell(line.label), Cell(line.n, "tickets"), Cell(line.share / 100, "percent"),
         Cell(line.cumulative / 100, "percent")]
        for line in report.causes
    ]  # fmt: skip
    sheet = book.sheet(name, heading, rows, wide=1)
    if not rows:
        return
    line = book.book.add_chart({"type": "line"})
    line.add_series({**_series(name, 2, 3, len(rows), heading[3]), "y2_axis": True, "marker": {"type": "circle"}})
    line.set_y2_axis({"min": 0, "max": 1, "num_format": "0%"})
    columns = book.chart(
        sheet, {"type": "column"}, name, [_series(name, 0, 1, len(rows), heading[1])], f"B{len(rows) + 4}"
    )
    columns.combine(line)


def tracking_heading() -> list[str]:
    """The columns of I2, exactly."""
    return [
        _("Ticket number"), _("Customer"), _("Problem"), _("Channel"), _("Priority"), _("Received at"),
        _("First response at"), _("Resolved at"), _("Met or not"), _("Handler"), _("Remark"),
    ]  # fmt: skip


def _tracking(book: Book, found: tables.Tracking) -> None:
    rows = [
        [Cell(row.number), Cell(row.customer), Cell(row.problem), Cell(term("channel", row.channel)),
         Cell(row.priority), Cell(row.received_at, "at"), Cell(row.first_response_at, "at"),
         Cell(row.resolved_at, "at"), Cell(term("report_verdict", row.verdict)), Cell(row.handler), Cell(row.remark)]
        for row in found.items
    ]  # fmt: skip
    if found.next_offset:
        rows.append([Cell(_("The newest %(n)s of %(all)s tickets") % {"n": len(found.items), "all": found.n})])
    sheet = book.sheet(_("Response time tracking"), tracking_heading(), rows)
    sheet.set_column(2, 2, _WIDE)
    sheet.set_column(5, 7, 17)
    sheet.autofilter(0, 0, max(1, len(rows)), 10)


def _standards(book: Book, found: tables.Standards) -> None:
    heading = [_("Channel"), _("Priority"), _("Standard response (minutes)"), _("Standard resolution (hours)")]
    rows = [
        [Cell(term("channel", row.channel)), Cell(row.priority), Cell(row.response_min), Cell(row.resolution_h)]
        for row in found.items
    ]
    book.sheet(_("Response time standards"), heading, rows)
