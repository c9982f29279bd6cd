"""A card of a dashboard as a workbook: its rows as numbers, and what it says of them. Counts nothing by itself."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from jiying.base.texts import term
from jiying.insight.queries import card_tables, card_words, kpis
from jiying.insight.queries.dashboards import CardData
from jiying.insight.services.workbook import Book, Cell


def make(data: CardData) -> bytes:
    """In the reader's language; texts are never formulas, headings stand frozen."""
    book, table = Book(), card_tables.table(data)
    rows = [[Cell(one.value, one.form) for one in row] for row in table.rows]
    book.sheet(_("Data"), table.heading, rows, wide=table.n_words)
    book.sheet(_("About"), (_("Card"), ""), _about(data), wide=2)
    return book.finish()


def _about(data: CardData) -> list[Sequence[Cell]]:
    card = data.card
    found = [
        (_("Card"), card_tables.title(card)),
        (_("Period"), f"{data.first} – {data.last}"),
        *((term("report_filter", name), word) for name, word in card_words.slices(card)),
        *((kpis.name(key), kpis.hint(key)) for key in (card.kpi, card.other) if key),
        *((_("Explanation"), sentence) for sentence in card_words.sentences(data)),
    ]
    return [[Cell(name), Cell(text)] for name, text in found]
