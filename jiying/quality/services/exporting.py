"""Survey results as a file (CSV, XLSX): the answers behind a figure, or the figures by group. Never a formula.

Customers are masked unless somebody who may reveal asks for them; who took what is a fact (D12).
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Invalid
from jiying.base.policies import require
from jiying.base.texts import term
from jiying.base.transactions import short
from jiying.core import sheets
from jiying.core.surveys import ITEMS
from jiying.desk.queries import categories
from jiying.desk.services.exporting import RIGHT as RIGHT
from jiying.quality.models import Survey
from jiying.quality.queries import figures as figure_queries
from jiying.quality.queries import surveys
from jiying.quality.queries.surveys import Wanted

FORMATS = ("csv", "xlsx")
MOST = 50_000  # rows of a file: what is more is cut to a shorter time
Row = Sequence[str]


def answers(*, actor: Actor, wanted: Wanted, form: str, plain: bool = False, now: datetime) -> bytes:
    """All answers that the list would show, the latest asked first."""
    _permit(actor, form, plain)
    found = surveys.behind(actor, wanted, now)
    if (n := found.count()) > MOST:
        raise Invalid.one("days", "too_many", limit=MOST, length=n)
    made = _file(form, [_heading(), *_rows(found, plain)])
    _tell(actor, {"what": "answers", "format": form, "plain": plain, **asdict(wanted)}, now)
    return made


def figures(*, actor: Actor, wanted: Wanted, by: str, form: str, now: datetime) -> bytes:
    """The table of figures, the whole last."""
    _permit(actor, form, plain=False)
    if by not in figure_queries.BY:
        raise Invalid.one("by", "unknown_value", value=by[:40], known=", ".join(figure_queries.BY))
    found = figure_queries.figures(actor, wanted, by, now)
    made = _file(form, [_figure_heading(by), *(_figure(one) for one in (*found.items, found.whole))])
    about = {"what": "figures", "format": form, "by": by, "kind": wanted.kind, "days": wanted.days}
    _tell(actor, about, now)
    return made


def _permit(actor: Actor, form: str, plain: bool) -> None:
    require(actor, RIGHT)
    if plain:
        require(actor, "desk.reveal")
    if form not in FORMATS:
        raise Invalid.one("format", "unknown_value", value=form[:20], known=", ".join(FORMATS))


@short
def _tell(actor: Actor, about: dict[str, object], now: datetime) -> None:
    told = {name: value for name, value in about.items() if value not in ("", False)}
    journal.record(actor, [journal.Fact("export", 0, "export.surveys", now, told)], now=now)


# --- the rows --------------------------------------------------------------------------------------------------------


def _heading() -> Row:
    items = (term("survey_item", name) for name in ITEMS)
    return (
        _("Number"), _("Subject"), _("State"), _("Score"), *items, _("Comment"), _("Agent"), _("Team"), _("Channel"),
        _("Category"), _("Customer"), pgettext("survey", "Asked"), pgettext("survey", "Answered"), _("Way"),
        _("Call-back"),
    )  # fmt: skip


def _rows(found: "QuerySet[Survey]", plain: bool) -> Iterator[Row]:
    names = {choice.path: choice.label for choice in categories.choices()}
    for one in found.iterator(chunk_size=500):
        row = surveys.row(one)
        customer = one.ticket.customer
        told = customer.name if plain and customer else row.customer.name if row.customer else ""
        yield (
            row.ticket,
            row.subject,
            term("survey_state", row.state),
            _number(row.score),
            *(_number(row.marks.get(name)) for name in ITEMS),
            row.comment,
            row.agent,
            row.team,
            term("channel", row.channel),
            names.get(row.category, row.category),
            told,
            _when(row.opens_at),
            _when(row.answered_at),
            term("survey_way", row.way) if row.way else "",
            term("callback_state", row.callback) if row.callback else "",
        )


def _figure_heading(by: str) -> Row:
    return (
        term("survey_by", by), pgettext("survey", "Asked"), pgettext("survey", "Answered"), _("Response rate"),
        _("Mean"), _("Good"), _("Bad"), _("Share of good ones"), _("Interval from"),
        _("Interval to"), "NPS",
    )  # fmt: skip


def _figure(one: figure_queries.FigureRow) -> Row:
    rates = (one.good_rate, one.good_low, one.good_high)
    return (
        one.label,
        str(one.n_asked),
        str(one.n_answered),
        _rate(one.response_rate),
        "" if one.mean is None else f"{one.mean:.2f}",
        str(one.n_good),
        str(one.n_bad),
        *(_rate(rate) for rate in rates),
        "" if one.nps is None else f"{one.nps:.1f}",
    )


def _number(n: int | None) -> str:
    return "" if n is None else str(n)


def _rate(share: float | None) -> str:
    return "" if share is None else f"{share:.4f}"


def _when(at: datetime | None) -> str:
    return "" if at is None else f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}"


# --- the file --------------------------------------------------------------------------------------------------------


def _file(form: str, rows: Iterable[Row]) -> bytes:
    return _csv(rows) if form == "csv" else _workbook(rows)


def _csv(rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()  # without it spreadsheets take the local code page


def _cell(text: str) -> str:
    """A negative figure is no formula."""
    return text if _is_figure(text) else sheets.for_csv(text)


def _is_figure(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return len(text) < sheets.LONG_DIGITS and text.removeprefix("-")[:1].isdigit()


def _workbook(rows: Iterable[Row]) -> bytes:
    """Texts as texts, figures as numbers that can be counted on."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Surveys"))
    sheet.freeze_panes = "A2"
    for row in rows:
        cells = []
        for text in row:
            is_figure = _is_figure(text)
            cell = WriteOnlyCell(sheet, value=float(text) if is_figure else sheets.for_workbook(text))
            if not is_figure:
                cell.data_type, cell.number_format = "s", "@"
            cells.append(cell)
        sheet.append(cells)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()
