"""Opens an event log (CSV, XLSX or XES, gzipped or not) and streams its rows as text, in memory that does not grow.

It knows formats, not meanings: what a column stands for is the mapping's business.
"""

import csv
import datetime as dt
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, cast

from jiying.desk.services.history.encoding import Encoding, find_encoding
from jiying.desk.services.history.rows import LogFile, LogFileError, Row, RowNote, digest_of, shown
from jiying.desk.services.history.xes import read_xes, xes_head

FORMATS = {"csv": "csv", "tsv": "csv", "txt": "csv", "xlsx": "xlsx", "xlsm": "xlsx", "xes": "xes"}
DELIMITERS = ",;\t|"
N_HEAD = 20
# openpyxl lets through whatever a damaged part of a workbook made it stumble over.
WORKBOOK_FAULTS = (KeyError, ValueError, IndexError, TypeError, AttributeError, SyntaxError)
GZIP_MAGIC = b"\x1f\x8b"
ESCAPED = re.compile("[\udc80-\udcff]")


def open_log(path: Path) -> LogFile:
    """The event log at `path`, ready to stream. Raises LogFileError for a missing, damaged, empty or foreign file."""
    form = _form_of(path)
    with _damage_named(path):
        if form == "xes":
            return _open_xes(path)
        return _open_workbook(path) if form == "xlsx" else _open_delimited(path)


def _form_of(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    form = FORMATS.get(name.rpartition(".")[2])
    if form is None:
        raise LogFileError("format_unknown", file=path.name, known=", ".join(sorted(FORMATS)))
    if not path.is_file():
        raise LogFileError("file_missing", file=path.name)
    return form


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turns what the standard library says of a torn or unreadable file into one refusal."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as fault:
        raise LogFileError("file_damaged", file=path.name, detail=str(fault)) from fault
    except OSError as fault:
        raise LogFileError("file_unreadable", file=path.name, detail=fault.strerror or str(fault)) from fault


def _open_bytes(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        zipped = stream.read(2) == GZIP_MAGIC
    return cast("IO[bytes]", gzip.open(path, "rb")) if zipped else path.open("rb")


# -- delimited text ---------------------------------------------------------------------------------------------------


def _open_delimited(path: Path) -> LogFile:
    encoding = find_encoding(lambda: _open_bytes(path))
    delimiter = _delimiter_of(path, encoding)

    def table() -> Iterator[tuple[int, Sequence[str] | RowNote]]:
        with _damage_named(path), _open_text(path, encoding) as text:
            yield from _csv_rows(text, delimiter, broken=encoding.broken)

    guessed = (RowNote(0, "encoding_guessed", value=encoding.name),) if encoding.guessed else ()
    return _log_of(path.name, "csv", table, guessed)


def _open_text(path: Path, encoding: Encoding) -> io.TextIOWrapper:
    errors = "surrogateescape" if encoding.broken and encoding.name != "utf-16" else "strict"
    if encoding.broken and errors == "strict":
        raise LogFileError("encoding_broken", file=path.name, encoding=encoding.name)
    return io.TextIOWrapper(_open_bytes(path), encoding=encoding.name, errors=errors, newline="")


def _delimiter_of(path: Path, encoding: Encoding) -> str:
    """The mark that divides the heading most often; a quoted heading counts without what stands in its quotes."""
    with _open_text(path, encoding) as text:
        heading = re.sub(r'"[^"]*"', "", text.readline())
    return max(DELIMITERS, key=heading.count)


def _csv_rows(text: IO[str], delimiter: str, *, broken: bool) -> Iterator[tuple[int, Sequence[str] | RowNote]]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield number, RowNote(number, "row_malformed", value=str(fault))
            continue
        if broken and (bad := next((cell for cell in cells if ESCAPED.search(cell)), None)) is not None:
            yield number, RowNote(number, "text_broken", value=shown(bad))
            continue
        yield number, cells


# -- workbooks --------------------------------------------------------------------------------------------------------


def _open_workbook(path: Path) -> LogFile:
    from openpyxl import load_workbook  # loads numpy where it is installed: no other format should pay for that

    def sheet_rows() -> Iterator[tuple[int, Sequence[str]]]:
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                yield number, [_cell_text(cell) for cell in cells]
        finally:
            book.close()

    def table() -> Iterator[tuple[int, Sequence[str] | RowNote]]:
        with _damage_named(path):
            try:
                yield from sheet_rows()
            except WORKBOOK_FAULTS as fault:
                raise LogFileError("file_damaged", file=path.name, detail=str(fault)) from fault

    return _log_of(path.name, "xlsx", table, (), ragged=True)


def _cell_text(cell: Any) -> str:
    """A workbook cell as the text that a CSV would hold; real dates become ISO, whole floats lose their `.0`."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime | dt.date):
        return cell.isoformat()
    return str(cell)


# -- tables in general ------------------------------------------------------------------------------------------------

Table = Callable[[], Iterator[tuple[int, Sequence[str] | RowNote]]]


def _log_of(name: str, form: str, table: Table, notices: tuple[RowNote, ...], *, ragged: bool = False) -> LogFile:
    heading, start = _heading(name, table)

    def rows(wanted: Sequence[str]) -> Iterator[Row | RowNote]:
        return _project(islice(table(), start, None), heading, wanted, ragged=ragged)

    head = [
        dict(zip(heading, row.values, strict=True)) for row in islice(rows(heading), N_HEAD) if isinstance(row, Row)
    ]
    return LogFile(name, form, heading, tuple(head), rows, notices)


def _heading(name: str, table: Table) -> tuple[tuple[str, ...], int]:
    """The first row that is not blank, and how many rows it ends."""
    for number, cells in table():
        if isinstance(cells, RowNote):
            raise LogFileError("heading_unreadable", file=name, row=number, detail=cells.code)
        titles = tuple(cell.strip() for cell in cells)
        if any(titles):
            while not titles[-1]:
                titles = titles[:-1]
            twice = sorted({title for title in titles if title and titles.count(title) > 1})
            if twice:
                raise LogFileError("column_twice", file=name, columns=", ".join(twice))
            return titles, number
    raise LogFileError("file_empty", file=name)


def _project(
    table: Iterator[tuple[int, Sequence[str] | RowNote]],
    heading: tuple[str, ...],
    wanted: Sequence[str],
    *,
    ragged: bool,
) -> Iterator[Row | RowNote]:
    """Only the wanted cells go on; a row of another width than the heading is refused: its cells may have slipped."""
    width = len(heading)
    position = {title: place for place, title in enumerate(heading)}
    pick = _picker([position.get(title, width) for title in wanted])
    for number, cells in table:
        if isinstance(cells, RowNote):
            yield cells
            continue
        full = _fitted(cells, width, ragged=ragged)
        if not any(full):
            continue
        if len(full) != width:
            yield RowNote(number, "row_width", value=f"{len(full)}/{width}")
            continue
        digest = digest_of(full)
        full.append("")
        yield Row(number, pick(full), digest)


def _fitted(cells: Sequence[str], width: int, *, ragged: bool) -> list[str]:
    """Empty cells beyond the heading fall away; only a workbook leaves out those at the end of a row."""
    full = list(cells)
    while len(full) > width and not full[-1]:
        full.pop()
    if ragged:
        full += [""] * (width - len(full))
    return full


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    if len(places) > 1:
        return cast("Callable[[Sequence[str]], tuple[str, ...]]", itemgetter(*places))
    return lambda cells: tuple(cells[place] for place in places)


# -- XES --------------------------------------------------------------------------------------------------------------


def _open_xes(path: Path) -> LogFile:
    def rows(wanted: Sequence[str]) -> Iterator[Row | RowNote]:
        with _damage_named(path), _open_bytes(path) as stream:
            yield from read_xes(stream, wanted, path.name)

    with _open_bytes(path) as stream:
        columns = xes_head(stream, path.name)
    found: list[Mapping[str, str]] = [
        dict(zip(columns, row.values, strict=True)) for row in islice(rows(columns), N_HEAD) if isinstance(row, Row)
    ]
    return LogFile(path.name, "xes", columns, tuple(found), rows)
