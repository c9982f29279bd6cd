"""Inserts many rows past the ORM's cost for each: COPY on PostgreSQL, one prepared statement on SQLite.

For histories written in bulk only: no signals are sent, and no field changes by itself when it is saved.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection, models


def insert(rows: Sequence[models.Model]) -> None:
    """Store new rows of one model in the caller's transaction; each gets its key, rising in the given order."""
    if not rows:
        return
    model = type(rows[0])
    for row, key in zip(rows, _keys(model, len(rows)), strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, connection.alias
    fields = model._meta.concrete_fields
    parts = [(field.attname, _adapter(field)) for field in fields]
    values = (tuple(adapt(getattr(row, name)) for name, adapt in parts) for row in rows)
    write(model, [str(field.column) for field in fields], values)


def write(model: type[models.Model], columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Store rows given as values of the named columns, which the database takes as they are."""
    quote = connection.ops.quote_name
    table, names = quote(model._meta.db_table), ", ".join(map(quote, columns))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - the model's own
        cursor.executemany(sql, list(rows))


def instant(value: Any) -> Any:
    """An aware datetime as the database takes it."""
    return value if value is None else connection.ops.adapt_datetimefield_value(value)


def _keys(model: type[models.Model], n: int) -> Sequence[int]:
    """Keys that nobody else gets. On SQLite the write transaction that the caller is in keeps all others away."""
    table, key = model._meta.db_table, model._meta.pk
    if not connection.in_atomic_block or key is None:
        raise RuntimeError("rows are loaded in a transaction only")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            name = connection.ops.quote_name(table)
            sql = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
            cursor.execute(sql, [name, key.column, n])
            return sorted(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
        first = (found[0] if found else 0) + 1
        return range(first, first + n)


def _adapter(field: "models.Field[Any, Any]") -> Callable[[Any], Any]:
    if isinstance(field, models.DateTimeField):
        return instant
    if isinstance(field, models.JSONField):
        return json.dumps
    if isinstance(field, models.CharField | models.TextField):
        return _text
    return _as_it_is


def _text(value: Any) -> Any:
    return value if value is None or type(value) is str else str(value)


def _as_it_is(value: Any) -> Any:
    return value
