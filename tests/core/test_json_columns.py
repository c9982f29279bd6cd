"""Columns that were JSON text: what the kernel understands is what a whole JSON reader reads; the rest it leaves."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiying.core import json_columns
from jiying.core.json_columns import Column

SPACED = [(",", ":"), (", ", ":"), (",\n ", ":")]  # SQLite writes none, PostgreSQL some
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - columns tell no zone


def _bits(column: Column) -> list[bool]:
    return [bool(column.buffers[0][n >> 3] >> (n & 7) & 1) for n in range(column.n_rows)]


def _values(column: Column | None) -> list[Any]:
    assert column is not None
    told = _bits(column)
    assert column.n_missing == told.count(False)
    return [int(value) if is_told else None for value, is_told in zip(column.buffers[1], told, strict=True)]


def _texts(column: Column | None) -> list[str | None]:
    assert column is not None
    _valid, offsets, told = column.buffers
    raw = told.tobytes()
    found = [raw[offsets[n] : offsets[n + 1]].decode() for n in range(column.n_rows)]
    return [text if is_told else None for text, is_told in zip(found, _bits(column), strict=True)]


some_numbers = st.lists(st.none() | st.booleans() | st.integers(-(10**18) + 1, 10**18 - 1), max_size=40)
plain = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\b\f\n\r\t"\\/')
some_texts = st.lists(st.none() | st.text(plain, max_size=12), max_size=20)
some_instants = st.lists(st.none() | st.datetimes(), max_size=20)


@given(some_numbers, st.sampled_from(SPACED))
@settings(deadline=None)
def test_numbers(told: list[Any], spaced: tuple[str, str]) -> None:
    text = json.dumps(told, separators=spaced)
    assert _values(json_columns.numbers(text, len(told))) == told


@given(some_texts, st.sampled_from(SPACED))
@settings(deadline=None)
def test_texts(told: list[Any], spaced: tuple[str, str]) -> None:
    text = json.dumps(told, separators=spaced, ensure_ascii=False)
    assert _texts(json_columns.texts(text, len(told))) == told


@given(some_instants, st.sampled_from(" T"), st.booleans())
@settings(deadline=None)
def test_instants(told: list[datetime | None], between: str, trimmed: bool) -> None:
    def written(at: datetime) -> str:
        text = at.isoformat(between)
        return text.rstrip("0") if trimmed and at.microsecond else text

    text = json.dumps([None if at is None else written(at) for at in told])
    wanted = [None if at is None else (at - EPOCH) // timedelta(microseconds=1) for at in told]
    assert _values(json_columns.instants(text, len(told))) == wanted


def test_escapes_numbers_and_nothing() -> None:
    said = r'["\b\f\n\r\t\/\\\"", null, -1.5e3, "",12]'
    assert _texts(json_columns.texts(said, 5)) == ['\b\f\n\r\t/\\"', None, "-1.5e3", "", "12"]
    for reader in (json_columns.numbers, json_columns.instants, json_columns.texts):
        found = reader("[]", 0)
        assert found is not None and (found.n_rows, found.n_missing) == (0, 0)


@pytest.mark.parametrize(
    ("name", "text", "n_rows"),
    [
        ("numbers", "[1.5]", 1), ("numbers", "[1e3]", 1), ("numbers", '["1"]', 1), ("numbers", "[-]", 1),
        ("numbers", f"[{10**18}]", 1), ("numbers", "[1,2]", 1), ("numbers", "[1]", 2), ("numbers", "[]", 1),
        ("numbers", "[1]", 0), ("numbers", "1", 1), ("numbers", "", 0), ("numbers", "[nul]", 1), ("numbers", "[1,]", 2),
        ("instants", '["2026-13-01 00:00:00"]', 1), ("instants", '["2026-12-01 24:00:00"]', 1),
        ("instants", '["2026-12-01"]', 1), ("instants", '["2026-12-01 00:00:00+08"]', 1), ("instants", "[12]", 1),
        ("instants", '["2026-12-01 00:00:00.1234567"]', 1), ("instants", '["infinity"]', 1), ("instants", '["', 1),
        ("instants", '["12026-12-01 00:00:00"]', 1), ("instants", '["2026-12-0x 00:00:00"]', 1),
        ("texts", r'["\u4e2d"]', 1), ("texts", r'["\x"]', 1), ("texts", '[{"a":1}]', 1), ("texts", "[[1]]", 1),
        ("texts", '["a]', 1), ("texts", '["a"]', 2), ("texts", '["a","b"]', 1), ("texts", r'["\u0001"]', 1),
        ("texts", "[true]", 1), ("texts", '["a\\"]', 1),
    ],
)  # fmt: skip
def test_what_else_is_left_to_a_whole_reader(name: str, text: str, n_rows: int) -> None:
    assert getattr(json_columns, name)(text, n_rows) is None


@given(st.text(alphabet='[]"\\,nul0123-: T.ub{', max_size=30), st.integers(0, 4))
@settings(deadline=None, max_examples=400)
def test_no_text_is_read_beyond_its_end_or_wrongly(text: str, n_rows: int) -> None:
    found = json_columns.texts(text, n_rows)
    if found is not None:
        assert found.buffers[2].size <= len(text.encode())
        try:
            told = json.loads(text)
        except ValueError:  # a number like 00, say: the databases write none
            return
        assert _texts(found) == [one if isinstance(one, str | None) else str(one) for one in told]
