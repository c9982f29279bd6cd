"""Cells that leave the house for a spreadsheet: nothing that it would run, no number that it would spoil (D10).

A cell that begins like a formula is told as text (OWASP "CSV injection"); a long row of digits (order, card, phone)
would lose its end as a number, since spreadsheets keep 15 digits.
"""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
LONG_DIGITS = 11  # from here on spreadsheets show 1.38E+10


def for_csv(text: str) -> str:
    """A cell of a CSV file: an apostrophe before a formula, a tab behind a long number, so that both stay text."""
    if text.isascii() and text.isdigit() and len(text) >= LONG_DIGITS:
        return text + "\t"
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def from_csv(text: str) -> str:
    """The text that `for_csv` wrote, for files that come back."""
    if text.startswith("'") and text[1:].startswith(FORMULA_STARTS):
        return text[1:]
    return text[:-1] if text.endswith("\t") and text[:-1].isdigit() else text


def for_workbook(text: str) -> str:
    """A cell of a workbook, which holds it as text: without the control characters that XML cannot hold."""
    return "".join(c for c in text if c >= " " or c in "\t\n\r")[:32_767]
