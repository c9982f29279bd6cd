"""The process status table as a workbook."""

from collections.abc import Sequence
from io import BytesIO

from django.utils.translation import gettext as _

from jiying.core.sheets import for_workbook
from jiying.process.queries.status import StatusRow

WIDTHS = (10, 20, 26, 26, 26, 48, 44)


def headings() -> tuple[str, ...]:
    """The columns of the table."""
    return (
        _("Step"),
        _("Role"),
        _("Present time"),
        _("Input"),
        _("Output"),
        _("Problems"),
        _("Direction of improvement"),
    )


def workbook(rows: Sequence[StatusRow], about: str) -> bytes:
    """With a frozen heading, text as text, and what it was made of in the last line."""
    from xlsxwriter import Workbook

    out = BytesIO()
    book = Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(for_workbook(_("Process status table"))[:31])
    bold = book.add_format({"bold": True, "bg_color": "#e8eef7", "border": 1, "text_wrap": True, "valign": "top"})
    plain = book.add_format({"border": 1, "text_wrap": True, "valign": "top"})
    for column, (heading, width) in enumerate(zip(headings(), WIDTHS, strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, heading, bold)
    for line, row in enumerate(rows, start=1):
        for column, cell in enumerate(row.cells()):
            sheet.write_string(line, column, for_workbook(cell), plain)
    sheet.write_string(len(rows) + 2, 0, for_workbook(about))
    sheet.freeze_panes(1, 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    book.close()
    return out.getvalue()
