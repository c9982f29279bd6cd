"""The tables of the columnar copy, registered by features in `AppConfig.ready`: what each is made of in DuckDB.

A row is copied as it is now whenever a fact touches its owner, never as it was: so a copy that followed and a copy
that was made anew are equal.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

About = Callable[[str], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Column:
    """`kind`: BIGINT, INTEGER, BOOLEAN, VARCHAR, VARCHAR[] or TIMESTAMP (in UTC)."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that belong to subjects and are replaced together when a fact touches one; or, without owner, of facts.

    `made` is the statement of DuckDB's that makes the rows from what is staged (`staging.Source`; of facts from
    `facts`), `month` the column whose instant says in which month a row lies. `owner` are the columns that hold the
    subject: its id where all are of the kind `of`, else kind and id. `touched(about)` names subjects of that kind which
    change by facts about others (`about(kind)` gives whom facts of a kind are about), `greatest()` the greatest id of
    each kind that has rows. `over` is the column that holds an instant once nothing more will happen to a row.
    """

    name: str
    columns: tuple[Column, ...]
    month: str
    made: str
    owner: tuple[str, ...] = ()
    of: str = ""
    touched: Callable[[About], Iterable[int]] = lambda about: ()
    greatest: Callable[[], Mapping[str, int]] = dict
    over: str = ""


@dataclass(frozen=True, slots=True)
class Extension:
    """Columns that an upper floor adds to a table: `made` gives them beside the owner's.

    `missing` is their SQL where it gives nothing.
    """

    table: str
    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    made: str


TABLES: dict[str, Table] = {}
EXTENSIONS: list[Extension] = []


def register(table: Table) -> None:
    TABLES[table.name] = table


def extend(extension: Extension) -> None:
    EXTENSIONS.append(extension)


@dataclass(frozen=True, slots=True)
class Shape:
    """A table with what upper floors add to it."""

    table: Table
    more: tuple[Extension, ...] = field(default=())

    @property
    def columns(self) -> tuple[Column, ...]:
        return (*self.table.columns, *(c for one in self.more for c in one.columns))

    @property
    def owner(self) -> str:
        return ", ".join(f'"{name}"' for name in self.table.owner)

    @property
    def made(self) -> str:
        """The statement that makes all columns from what is staged."""
        told = [_cast(f'own."{column.name}"', column) for column in self.table.columns]
        joined = f"({self.table.made}) AS own"
        for n, one in enumerate(self.more):
            joined += f" LEFT JOIN ({one.made}) AS more{n} USING ({self.owner})"
            told += [
                _cast(f'coalesce(more{n}."{column.name}", {missing})', column)
                for column, missing in zip(one.columns, one.missing, strict=True)
            ]
        return f"SELECT {', '.join(told)} FROM {joined}"  # noqa: S608 - own names

    @property
    def owners(self) -> str:
        """The statement that names the owners among the touched subjects."""
        if not self.table.of:
            return "SELECT subject_kind, subject_id FROM touched"
        return f"SELECT subject_id AS {self.owner} FROM touched WHERE subject_kind = '{self.table.of}'"  # noqa: S608


def _cast(sql: str, column: Column) -> str:
    return f'CAST({sql} AS {column.kind}) AS "{column.name}"'


def shapes() -> list[Shape]:
    return [Shape(table, tuple(e for e in EXTENSIONS if e.table == name)) for name, table in TABLES.items()]


def schema() -> str:
    """A short hash of all columns and what they are made of: a copy of another form or meaning is made anew."""
    told = [(s.table.name, [(c.name, c.kind) for c in s.columns], s.table.month, s.owner, s.made) for s in shapes()]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
