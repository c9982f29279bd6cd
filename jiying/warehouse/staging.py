"""Rows of the house's database on their way to DuckDB, where the tables of the copy are made of them.

The database gives each column of many rows as one JSON array, and DuckDB takes it apart: no value passes through
Python by itself, and both databases give the same.
"""

# ruff: noqa: S608 - names are our own, ids whole numbers

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection as database


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


def stage(connection: Any, part: Part) -> None:
    """Have all sources' rows of a part in DuckDB."""
    for source in SOURCES.values():
        is_told = not source.kinds or part.kind in source.kinds
        load(connection, source.name, source.fields, fetch(source.fields, source.rows(part)) if is_told else None)
        source.then(connection)


def load(connection: Any, name: str, fields: Sequence[Field], arrays: Sequence[str] | None) -> None:
    """Make a table of DuckDB's from what was fetched; an empty one from None."""
    told = ", ".join(f'unnest(from_json(?, \'["{_KINDS.get(f.kind, f.kind)}"]\')) AS "{f.name}"' for f in fields)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {told}", arrays or ["[]"] * len(fields))


def fetch(fields: Sequence[Field], rows: str) -> Sequence[str]:
    """Ask the house's database by a statement (from FROM on): one JSON array a column."""
    on_postgres = database.vendor == "postgresql"
    whole = "coalesce(json_agg(c{0})::text, '[]')" if on_postgres else "json_group_array(c{0})"
    columns = ", ".join(f"{_told(field, on_postgres)} AS c{n}" for n, field in enumerate(fields))
    arrays = ", ".join(whole.format(n) for n in range(len(fields)))
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {arrays} FROM (SELECT {columns} {rows}) AS found")
        return tuple(cursor.fetchone())


def _told(field: Field, on_postgres: bool) -> str:
    sql, more = field.sql or f'"{field.name}"', _ON_POSTGRES.get(field.kind, "") if on_postgres else ""
    return f"({sql}){more}" if more else sql


_ON_POSTGRES = {"TIMESTAMP": " AT TIME ZONE 'UTC'", "JSON": "::text"}
