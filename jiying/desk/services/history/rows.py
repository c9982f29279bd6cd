"""What readers hand on: rows, notes about rows, and the error that refuses a whole file.

Plain values only; neither a format nor a mapping is known here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Protocol

MAX_VALUE_SHOWN = 80


class Row(NamedTuple):
    """One event of the source.

    `number` is that of a spreadsheet (the heading is row 1) or, in XES, the event's ordinal; `values` are the wanted
    cells in the wanted order, "" where absent; `digest` is the same for equal rows only.
    """

    number: int
    values: tuple[str, ...]
    digest: bytes


class RowNote(NamedTuple):
    """What to tell about a row (0 = the file): a reason to skip it, or a remark; codes are translated elsewhere."""

    row: int
    code: str
    column: str = ""
    value: str = ""
    case: str = ""


class LogFileError(Exception):
    """The file as a whole cannot be read; `code` and `params` say what, where and how to mend."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params: Mapping[str, object] = params


class ReadRows(Protocol):
    """Opens the file anew and streams its rows; a row that cannot be read comes as a note."""

    def __call__(self, wanted: Sequence[str]) -> Iterator[Row | RowNote]: ...


@dataclass(frozen=True)
class LogFile:
    """An event log that can be read: its columns, its first rows to tell layouts apart, and remarks about the file."""

    name: str
    form: str
    columns: tuple[str, ...]
    head: tuple[Mapping[str, str], ...]
    rows: ReadRows
    notices: tuple[RowNote, ...] = field(default=())


def shown(value: str) -> str:
    """A cell as an error report may show it: short, and printable even when the file was not valid text."""
    return value[:MAX_VALUE_SHOWN].encode("utf-8", "backslashreplace").decode("utf-8")


def digest_of(cells: Sequence[str]) -> bytes:
    """64 bits that are equal for equal rows, on every machine and in every run."""
    return blake2b("\x1f".join(cells).encode("utf-8", "surrogatepass"), digest_size=8).digest()
