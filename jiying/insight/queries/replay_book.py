"""A replay as a workbook: first priorities where rules were tried out, figures by channel, priority and team, and the
load by hour with a chart."""

import io
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from jiying.base.texts import term
from jiying.core.sheets import for_workbook
from jiying.core.standards import PRIORITIES
from jiying.insight.queries.replays import Compared, MetricRow, Rejudged, ReplayRow, team_names


def words(row: ReplayRow) -> str:
    """What was tried out."""
    draft = row.draft
    parts = [_("Standard v%(number)s") % {"number": draft["standard"]}]
    if draft["calendar"]:
        about = {"key": draft["calendar"], "number": draft["calendar_version"]}
        parts.append(_("calendar %(key)s v%(number)s") % about)
    if draft.get("rules"):
        parts.append(_("priority rules v%(number)s") % {"number": draft["rules"]})
    if cell := draft["cell"]:
        named = [term("channel", cell["channel"]) if cell["channel"] else "", cell["priority"] or ""]
        about = {"what": term("metric", cell["metric"]), "n": cell["minutes"]}
        told = _("%(what)s within %(n)s min") % about
        parts.append(" · ".join(part for part in [*named, told] if part))
    return " + ".join(parts)


def write(row: ReplayRow, words: str) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"title": f"{_('Replay of standards')} {row.id}"})
    formats = {
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "percent": book.add_format({"num_format": "0.0%"}),
        "count": book.add_format({"num_format": "#,##0"}),
        "bold": book.add_format({"bold": True}),
    }
    _about(book, formats, row, words)
    if row.rules is not None:
        _ways(book, formats, row.rules)
    _cells(book, formats, row)
    _teams(book, formats, row)
    for metric in row.metrics:
        _hours(book, formats, metric)
    book.close()
    return out.getvalue()


def _about(book: Any, formats: Any, row: ReplayRow, words: str) -> None:
    sheet = book.add_worksheet(_("Replay"))
    zone = timezone.get_current_timezone()
    told: list[tuple[str, str | int]] = [
        (_("Tried out"), words),
        (_("Received from"), row.since.astimezone(zone).strftime("%Y-%m-%d %H:%M")),
        (_("until"), row.until.astimezone(zone).strftime("%Y-%m-%d %H:%M")),
        (_("Tickets"), row.n_tickets),
        (_("Asked for by"), row.created_by),
    ]
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 60)
    for n, (name, value) in enumerate(told):
        sheet.write(n, 0, name, formats["bold"])
        if isinstance(value, int):
            sheet.write_number(n, 1, value, formats["count"])
        else:
            sheet.write_string(n, 1, for_workbook(value))


def _ways(book: Any, formats: Any, rules: Rejudged) -> None:
    """First priorities as they were, by those under the rules."""
    sheet = book.add_worksheet(_("First priority")[:31])
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, len(PRIORITIES), 16)
    sheet.write_row(0, 0, [_("As it was, by tried out"), *PRIORITIES], formats["head"])
    for n, was in enumerate(PRIORITIES, 1):
        sheet.write_string(n, 0, was, formats["bold"])
        for column, now in enumerate(PRIORITIES, 1):
            sheet.write_number(n, column, rules.ways[was][now], formats["count"])
    told = [
        (_("Judged by the rules"), rules.n_judged),
        (_("Would begin with another priority"), rules.n_changed),
        (_("Judged partly by what is known now"), rules.n_guessed),
        (_("Kept: chosen when opened, imported, or texts erased"), rules.n_kept),
    ]
    for n, (name, value) in enumerate(told, len(PRIORITIES) + 2):
        sheet.write_string(n, 0, name)
        sheet.write_number(n, 1, value, formats["count"])


def _heads(*first: str) -> list[str]:
    return [
        *first,
        _("What happened: kept"),
        _("What happened: decided"),
        _("What happened: attainment"),
        _("Tried out: kept"),
        _("Tried out: decided"),
        _("Tried out: attainment"),
    ]


def _table(book: Any, formats: Any, title: str, heads: list[str], rows: list[tuple[list[str], Compared]]) -> None:
    sheet = book.add_worksheet(title[:31])
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(heads) - 1, 16)
    sheet.write_row(0, 0, heads, formats["head"])
    for n, (names, one) in enumerate(rows, 1):
        for column, name in enumerate(names):
            sheet.write_string(n, column, for_workbook(name))
        at = len(names)
        for part in (one.happened, one.draft):
            sheet.write_number(n, at, part.met, formats["count"])
            sheet.write_number(n, at + 1, part.n, formats["count"])
            if part.n:
                sheet.write_number(n, at + 2, part.met / part.n, formats["percent"])
            at += 3


def _cells(book: Any, formats: Any, row: ReplayRow) -> None:
    rows = [
        ([term("metric", metric.metric), term("channel", channel), priority], one)
        for metric in row.metrics
        for channel, cells in metric.by_channel.items()
        for priority, one in cells.items()
        if one.happened.n or one.draft.n
    ]
    _table(book, formats, _("By channel and priority"), _heads(_("Metric"), _("Channel"), _("Priority")), rows)


def _teams(book: Any, formats: Any, row: ReplayRow) -> None:
    names = team_names([team for metric in row.metrics for team in metric.by_team])
    rows = [
        ([term("metric", metric.metric), names.get(team, _("No team"))], one)
        for metric in row.metrics
        for team, one in metric.by_team.items()
    ]
    _table(book, formats, _("By team"), _heads(_("Metric"), _("Team")), rows)


def _hours(book: Any, formats: Any, metric: MetricRow) -> None:
    name = f"{_('Load')} {term('metric', metric.metric)}"[:31]
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 2, 16)
    sheet.write_row(0, 0, [_("Hour"), _("As it happened"), _("Tried out")], formats["head"])
    for hour in range(24):
        sheet.write_row(hour + 1, 0, [hour, metric.hours_happened[hour], metric.hours_draft[hour]])
    chart = book.add_chart({"type": "column"})
    for column in (1, 2):
        chart.add_series(
            {
                "name": [name, 0, column],
                "categories": [name, 1, 0, 24, 0],
                "values": [name, 1, column, 24, column],
            }
        )
    chart.set_title({"name": _("Promises that fall due, by hour of the day")})
    sheet.insert_chart("E2", chart, {"x_scale": 1.6})
