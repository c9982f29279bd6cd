"""Inserts many rows past the ORM's cost for each: COPY on PostgreSQL, as few statements as there can be on SQLite.

The same values as Django would store. For histories written in bulk only (`inserting` is for one request's few rows):
no signals, no `pre_save` hooks, no relations to unsaved rows.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection, models
from django.db.models.expressions import DatabaseDefault

MAX_PARAMETERS = 30_000  # SQLite takes more than 32,000 in one statement
MANY = 50  # from here on COPY is quicker on PostgreSQL


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known of a table once for all: its columns (a made key is apart), and how each value is prepared."""

    table: str
    key: str
    key_name: str
    is_made: bool
    columns: tuple[str, ...]
    parts: tuple[tuple[str, Callable[[Any], Any]], ...]
    defaults: tuple[tuple[str, Any], ...]  # of columns whose default is the database's


@lru_cache(maxsize=64)
def _plan(model: type[models.Model]) -> _Plan:
    meta, key = model._meta, model._meta.pk
    made = isinstance(key, models.AutoField)
    fields = [f for f in meta.concrete_fields if not (made and f.primary_key) and not f.generated]
    return _Plan(
        table=meta.db_table,
        key=str(key.column),
        key_name=key.attname,
        is_made=made,
        columns=tuple(str(f.column) for f in fields),
        parts=tuple((f.attname, _preparing(f)) for f in fields),
        defaults=tuple((f.attname, f.db_default) for f in fields if f.has_db_default()),
    )


def insert(rows: Sequence[models.Model]) -> None:
    """Insert unsaved rows of one model in the given order; each gets its key."""
    if not rows:
        return
    plan = _plan(type(rows[0]))
    for name, default in plan.defaults:
        for row in rows:
            if isinstance(getattr(row, name), DatabaseDefault):
                setattr(row, name, default)
    if connection.vendor == "postgresql" and len(rows) > MANY and plan.is_made:
        _copy(plan, rows)
        return
    step = max(1, MAX_PARAMETERS // len(plan.columns))
    for start in range(0, len(rows), step):
        _insert(plan, rows[start : start + step])


def _insert(plan: _Plan, rows: Sequence[models.Model]) -> None:
    quote = connection.ops.quote_name
    marks = "(" + ", ".join(["%s"] * len(plan.columns)) + ")"
    values = [prepare(getattr(row, name)) for row in rows for name, prepare in plan.parts]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(plan.table)} ({', '.join(map(quote, plan.columns))}) "  # noqa: S608 - the model's own
            f"VALUES {', '.join([marks] * len(rows))} RETURNING {quote(plan.key)}",
            values,
        )
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            _stored(plan, row, key)


def _copy(plan: _Plan, rows: Sequence[models.Model]) -> None:
    """Keys first, rising in the given order, then all rows as one stream."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [connection.ops.quote_name(plan.table), plan.key, len(rows)],
        )
        keys = sorted(row[0] for row in cursor.fetchall())
    values = (
        (key, *[prepare(getattr(row, name)) for name, prepare in plan.parts])
        for key, row in zip(keys, rows, strict=True)
    )
    _write(plan.table, (plan.key, *plan.columns), values)
    for key, row in zip(keys, rows, strict=True):
        _stored(plan, row, key)


def _stored(plan: _Plan, row: models.Model, key: Any) -> None:
    setattr(row, plan.key_name, key)
    row._state.adding, row._state.db = False, connection.alias


def write(model: type[models.Model], columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Store rows given as values of the named columns, which the database takes as they are."""
    _write(model._meta.db_table, columns, rows)


def _write(table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    quote = connection.ops.quote_name
    names = ", ".join(map(quote, columns))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {quote(table)} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        sql = f"INSERT INTO {quote(table)} ({names}) VALUES ({marks})"  # noqa: S608 - the model's own
        cursor.executemany(sql, list(rows))


# --- values ----------------------------------------------------------------------------------------------------------


def _preparing(field: "models.Field[Any, Any]") -> Callable[[Any], Any]:
    """How a value of this column is made ready: as the field itself does it, by the shortest way."""
    if isinstance(field, models.DateTimeField):
        return _as_it_is if connection.vendor == "postgresql" else _plain_instant
    if isinstance(field, models.JSONField):
        return _json
    if isinstance(field, models.CharField | models.TextField):
        return _text
    if isinstance(field, models.IntegerField | models.BooleanField | models.ForeignKey):
        return _as_it_is
    return lambda value: field.get_db_prep_save(value, connection)


def instant(value: datetime | None) -> Any:
    """An aware datetime as the database takes it."""
    return value if connection.vendor == "postgresql" else _plain_instant(value)


def _plain_instant(value: datetime | None) -> str | None:
    """SQLite keeps instants as text in UTC, without an offset."""
    return None if value is None else value.astimezone(UTC).isoformat(" ")[:-6]


def _json(value: Any) -> str:
    return json.dumps(value) if value else "{}" if value == {} else "[]" if value == [] else json.dumps(value)


def _text(value: Any) -> Any:
    return value if value is None or type(value) is str else str(value)


def _as_it_is(value: Any) -> Any:
    return value
