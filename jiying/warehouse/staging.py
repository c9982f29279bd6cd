"""Rows of the house's database on their way to DuckDB, where the tables of the copy are made of them.

The database gives each column of many rows as one JSON array, which is taken apart as a whole: no value passes through
Python by itself, and both databases give the same.
"""

# ruff: noqa: S608 - names are our own, ids whole numbers

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection as database

from jiying.core import json_columns


class Field(NamedTuple):
    """A staged column; `sql` says it to the house's database, where it is not called the same there."""

    name: str
    kind: str  # BIGINT, INTEGER, BOOLEAN, VARCHAR, TIMESTAMP (of an instant, in UTC), JSON (as text)
    sql: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Subjects of one kind whose rows are read together: these ids, or all of a range."""

    kind: str
    ids: range | Sequence[int]

    def among(self, column: str) -> str:
        """The condition that picks them; in the text: thousands of parameters cost more than the read."""
        if isinstance(self.ids, range):
            return f"{column} BETWEEN {self.ids.start} AND {self.ids.stop - 1}"
        return f"{column} IN ({','.join(str(int(one)) for one in self.ids)})"


@dataclass(frozen=True, slots=True)
class Source:
    """What tables of the copy are made of: for each part, a table `name` of DuckDB's.

    `rows(part)` is the statement from FROM on; `kinds` are the kinds of subject that have any (none named: all);
    `then` works out, on DuckDB's connection, what SQL alone cannot.
    """

    name: str
    fields: tuple[Field, ...]
    rows: Callable[[Part], str]
    kinds: tuple[str, ...] = ()
    then: Callable[[Any], None] = lambda connection: None


_KINDS = {"JSON": "VARCHAR"}
SOURCES: dict[str, Source] = {}


def register(source: Source) -> None:
    SOURCES[source.name] = source


class Rows(NamedTuple):
    """As the house's database gave them: how many, and one JSON array a column."""

    n: int
    arrays: Sequence[str]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What all sources have of a part, on its way; of those sources that have any of this kind."""

    rows: Mapping[str, Rows]

    def load(self, connection: Any, is_much: bool) -> None:
        """Have it in DuckDB, with what sources work out."""
        for source in SOURCES.values():
            load(connection, source.name, source.fields, self.rows.get(source.name), is_much)
            source.then(connection)


def fetch_all(part: Part) -> Fetched:
    """Ask the house's database for all sources' rows of a part."""
    told = [source for source in SOURCES.values() if not source.kinds or part.kind in source.kinds]
    return Fetched({source.name: fetch(source.fields, source.rows(part)) for source in told})


def load(connection: Any, name: str, fields: Sequence[Field], rows: Rows | None, is_much: bool = False) -> None:
    """Make a table of DuckDB's from what was fetched; an empty one from None.

    Where there is much to do, compiled loops take the arrays apart, and are loaded for it (92 MB); little, and what the
    loops do not understand, DuckDB reads itself.
    """
    made = f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT"
    stream = _taken_apart(fields, rows) if rows and is_much else None
    if stream is None:
        told = ", ".join(f'unnest(from_json(?, \'["{_KINDS.get(f.kind, f.kind)}"]\')) AS "{f.name}"' for f in fields)
        connection.execute(f"{made} {told}", rows.arrays if rows else ["[]"] * len(fields))
        return
    told = ", ".join(f'CAST("{f.name}" AS {_KINDS.get(f.kind, f.kind)}) AS "{f.name}"' for f in fields)
    connection.register("taken_apart", stream)
    connection.execute(f"{made} {told} FROM taken_apart")
    connection.unregister("taken_apart")


def _taken_apart(fields: Sequence[Field], rows: Rows) -> Any:
    """The rows in Arrow's form; None where a column holds what the loops do not understand."""
    import nanoarrow

    kinds = {"TIMESTAMP": (json_columns.instants, nanoarrow.timestamp("us"))}
    kinds |= dict.fromkeys(("VARCHAR", "JSON"), (json_columns.texts, nanoarrow.string()))
    kinds |= dict.fromkeys(("BIGINT", "INTEGER", "BOOLEAN"), (json_columns.numbers, nanoarrow.int64()))
    columns = []
    for field, text in zip(fields, rows.arrays, strict=True):
        read, kind = kinds[field.kind]
        found = read(text, rows.n)
        if found is None:
            return None
        made = nanoarrow.c_array_from_buffers(kind, rows.n, found.buffers, null_count=found.n_missing)
        columns.append(made)
    form = nanoarrow.struct({field.name: kinds[field.kind][1] for field in fields})
    whole = nanoarrow.c_array_from_buffers(form, rows.n, [None], children=columns)
    return nanoarrow.Array(whole)  # which may be streamed more than once: DuckDB asks for its form first


def fetch(fields: Sequence[Field], rows: str) -> Rows:
    """Ask the house's database by a statement (from FROM on)."""
    on_postgres = database.vendor == "postgresql"
    whole = "coalesce(json_agg(c{0})::text, '[]')" if on_postgres else "json_group_array(c{0})"
    columns = ", ".join(f"{_told(field, on_postgres)} AS c{n}" for n, field in enumerate(fields))
    arrays = ", ".join(whole.format(n) for n in range(len(fields)))
    with database.cursor() as cursor:
        cursor.execute(f"SELECT count(*), {arrays} FROM (SELECT {columns} {rows}) AS found")
        n, *found = cursor.fetchone()
    return Rows(n, found)


def _told(field: Field, on_postgres: bool) -> str:
    sql, more = field.sql or f'"{field.name}"', _ON_POSTGRES.get(field.kind, "") if on_postgres else ""
    return f"({sql}){more}" if more else sql


_ON_POSTGRES = {"TIMESTAMP": " AT TIME ZONE 'UTC'", "JSON": "::text"}
