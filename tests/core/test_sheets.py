"""What leaves for a spreadsheet comes back the same, and is never a formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core import sheets


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+8613812345678", "'+8613812345678"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("13812345678", "13812345678\t"),
        ("4006001234", "4006001234"),
        ("订单=1", "订单=1"),
        ("", ""),
    ],
)
def test_cells_of_a_csv_file(text: str, cell: str) -> None:
    assert sheets.for_csv(text) == cell


@given(st.text(max_size=30))
def test_a_cell_never_begins_like_a_formula_and_comes_back_the_same(text: str) -> None:
    cell = sheets.for_csv(text)
    assert not cell.startswith(sheets.FORMULA_STARTS)
    looks_written_by_us = text != sheets.from_csv(text)
    assert looks_written_by_us or sheets.from_csv(cell) == text


def test_a_workbook_cell_holds_no_control_characters() -> None:
    assert sheets.for_workbook("a\x00b\x0bc\n") == "abc\n"
    assert len(sheets.for_workbook("x" * 40_000)) == 32_767
