"""The columns of ticket lists: a word for the head, and the cell of a row. In Python: a list has hundreds of them.

They present what they are given: no query, no right, no formula.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from jiying.base import texts
from jiying.base.templatetags import look
from jiying.desk.queries.rows import TicketRow


@dataclass(frozen=True, slots=True)
class Column:
    """`is_wide`: shown where there is room only; `is_silent`: its head is for screen readers."""

    label: str | Promise
    cell: Callable[[TicketRow], SafeString | str]
    is_wide: bool = True
    is_silent: bool = False
    classes: str = "nowrap"


def _subject(row: TicketRow) -> SafeString:
    url = reverse("desk:ticket", args=[row.number])
    return format_html('<a data-open href="{}" title="{}">{}</a>', url, row.last_message, row.subject)


def _day(at: datetime | None) -> str:
    """As short as it is clear: the time of today, the day of this year."""
    if at is None:
        return ""
    local, today = timezone.localtime(at), timezone.localtime()
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%m-%d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d %H:%M}"


def _status(row: TicketRow) -> SafeString:
    """With the marks of what is out of the ordinary: as icons, whose words are for the pointer and screen readers."""
    marks: list[tuple[str, str, SafeString, str]] = []
    if row.escalation:
        marks.append(_mark("red", "urgent", _("Escalated")))
    if row.line > 1:
        marks.append(_mark("amber", "stairs-up", _("Line %(line)s") % {"line": row.line}))
    if row.is_repeat:
        marks.append(_mark("amber", "repeat", _("Repeat contact")))
    shape = '<span class="jy-tag hue-{}" title="{}">{}<span class="visually-hidden">{}</span></span> '
    return format_html("{}{}", format_html_join("", shape, marks), look.state(row.status))


def _mark(hue: str, icon: str, told: str) -> tuple[str, str, SafeString, str]:
    return hue, told, look.icon(icon, "icon-sm"), told


def _tags(row: TicketRow) -> SafeString:
    return format_html_join(" ", '<span class="jy-tag hue-grey">{}</span>', ((tag,) for tag in row.tags))


def _escalation(row: TicketRow) -> str:
    return _("Level %(level)s") % {"level": row.escalation} if row.escalation else ""


COLUMNS: dict[str, Column] = {
    "number": Column(_l("Number"), lambda row: row.number, classes="nowrap num"),
    "priority": Column(_l("Prio."), lambda row: look.priority(row.priority), is_wide=False, classes=""),
    "subject": Column(_l("Subject"), _subject, is_wide=False, classes="grow"),
    "customer": Column(_l("Customer"), lambda row: look.customer(row.customer)),
    "channel": Column(_l("Channel"), lambda row: look.channel(row.channel), is_silent=True, classes=""),
    "assignee": Column(_l("Assignee"), lambda row: look.person(row.assignee)),
    "status": Column(_l("State"), _status),
    "received": Column(_l("Received"), lambda row: _day(row.received_at), classes="nowrap num"),
    "clock": Column(_l("Clock"), lambda row: look.clock(row.clock) if row.clock else "", is_wide=False),
    "type": Column(_l("Type"), lambda row: texts.term("type", row.type)),
    "category": Column(_l("Category"), lambda row: row.category),
    "tags": Column(_l("Tags"), _tags),
    "tier": Column(_l("Customer tier"), lambda row: texts.term("tier", row.tier)),
    "team": Column(_l("Team"), lambda row: row.team),
    "heard": Column(_l("Last message"), lambda row: _day(row.heard_at), classes="nowrap num"),
    "escalation": Column(_l("Escalated"), _escalation),
}


@dataclass(frozen=True, slots=True)
class Head:
    code: str
    label: str
    classes: str
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Cell:
    classes: str
    value: SafeString | str


@dataclass(frozen=True, slots=True)
class Line:
    row: TicketRow
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    heads: list[Head]
    lines: list[Line]


def table(rows: Sequence[TicketRow], codes: Sequence[str], categories: Mapping[str, str]) -> Table:
    """The list as it is drawn; `categories` are the words for their paths."""
    chosen = [(code, COLUMNS[code]) for code in codes]
    heads = [Head(code, str(c.label), _head_classes(c), c.is_silent) for code, c in chosen]
    return Table(heads, [Line(row, [_cell(row, code, c, categories) for code, c in chosen]) for row in rows])


def _head_classes(column: Column) -> str:
    """Numbers stand under their head."""
    found = ("wide" if column.is_wide else "", "num" if "num" in column.classes else "")
    return " ".join(name for name in found if name)


def _cell(row: TicketRow, code: str, column: Column, categories: Mapping[str, str]) -> Cell:
    value = categories.get(row.category, row.category) if code == "category" else column.cell(row)
    return Cell(f"{column.classes} wide".strip() if column.is_wide else column.classes, value)


def choices(shown: Sequence[str]) -> list[tuple[str, str, bool]]:
    """All columns to choose from: the shown ones first, in their order."""
    rest = [code for code in COLUMNS if code not in shown]
    return [(code, str(COLUMNS[code].label), code in shown) for code in (*shown, *rest)]
