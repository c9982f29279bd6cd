"""Inserts and reads rows by plain SQL that is made once for each table: Django's compiler costs more than the database.

Same values as the ORM (each field prepares and converts its own); the rows get their ids. For the hot tables only:
creating tickets, the journal, clocks. No signals, no `pre_save` hooks, no relations to unsaved rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models.expressions import Col, DatabaseDefault

from jiying.base.databases import later, prepared

MAX_PARAMETERS = 30_000  # SQLite takes more than 32,000 in one statement
MANY = 50  # from here on Django's UNNEST is quicker on PostgreSQL
Row = TypeVar("Row", bound=models.Model)


_TEXT = (models.CharField, models.TextField)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Head and tail of the statement, each column's attribute, how it is prepared and whether text goes into it as it
    is, the id's name, and the defaults of its own."""

    head: str
    tail: str
    columns: tuple[tuple[str, Callable[..., Any], bool], ...]
    pk: str
    marks: str
    defaults: tuple[tuple[str, Any], ...]


@lru_cache(maxsize=64)
def _plan(model: type[models.Model], with_id: bool) -> _Plan:
    """`with_id` for rows whose id was taken before; else one that the database makes is left to it."""
    quote = connection.ops.quote_name
    meta = model._meta
    made = isinstance(meta.pk, models.AutoField) and not with_id
    fields = [f for f in meta.concrete_fields if not (made and f.primary_key) and not f.generated]
    names = ", ".join(quote(str(f.column)) for f in fields)
    return _Plan(
        head=f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES ",  # noqa: S608 - names of the model's own
        tail=f" RETURNING {quote(str(meta.pk.column))}",
        columns=tuple((f.attname, f.get_db_prep_save, type(f) in _TEXT) for f in fields),
        pk=meta.pk.attname,
        marks=f"({', '.join(['%s'] * len(fields))})",
        defaults=tuple((f.attname, f.db_default) for f in fields if f.db_default is not models.NOT_PROVIDED),
    )


def _fill_in(row: models.Model, defaults: Sequence[tuple[str, Any]]) -> None:
    """A column that nobody named takes its default here: all columns are in the statement."""
    for name, default in defaults:
        if isinstance(getattr(row, name), DatabaseDefault):
            setattr(row, name, default)


def insert(rows: Sequence[models.Model]) -> None:
    """Insert unsaved rows of one model in the given order, in as few statements as parameters allow."""
    if not rows:
        return
    if connection.vendor == "postgresql" and len(rows) > MANY:
        type(rows[0])._default_manager.bulk_create(rows)
        return
    plan = _plan(type(rows[0]), rows[0].pk is not None)
    step = max(1, MAX_PARAMETERS // len(plan.columns))
    for row in rows:
        _fill_in(row, plan.defaults)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        values = _values(part, plan)
        cursor = prepared()
        cursor.execute(plan.head + ", ".join([plan.marks] * len(part)) + plan.tail, values)
        later(partial(_take_ids, cursor, part, plan.pk))


def _values(rows: Sequence[models.Model], plan: _Plan) -> list[Any]:
    """What is stored, row after row. The connection itself is asked for once: each look through the proxy costs."""
    this = connections[DEFAULT_DB_ALIAS]
    values = []
    for row in rows:
        for name, prepare, is_text in plan.columns:
            value = getattr(row, name)
            values.append(value if is_text and type(value) is str else prepare(value, this))
    return values


def _take_ids(cursor: Any, rows: Sequence[models.Model], pk: str) -> None:
    for row, (made,) in zip(rows, cursor.fetchall(), strict=True):
        setattr(row, pk, made)
        row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=64)
def _reading(model: type[models.Model], where: str) -> tuple[str, list[str], list[list[Callable[..., Any]]]]:
    """The statement, the attributes in its order, and what makes a field's value of a stored one."""
    quote = connection.ops.quote_name
    fields = model._meta.concrete_fields
    names = ", ".join(quote(str(f.column)) for f in fields)
    makers = []
    for field in fields:
        column = Col(model._meta.db_table, field)
        makers.append([*connection.ops.get_db_converters(column), *field.get_db_converters(connection)])
    query = f"SELECT {names} FROM {quote(model._meta.db_table)} WHERE {where} LIMIT 1"  # noqa: S608 - our own words
    return query, [f.attname for f in fields], makers


def first(model: type[Row], where: str, values: Sequence[Any]) -> Row | None:
    """The first row that `where` finds (SQL with %s for the values, and an order), or None."""
    query, names, makers = _reading(model, where)
    cursor = prepared()
    cursor.execute(query, values)
    found = cursor.fetchone()
    if found is None:
        return None
    made = list(found)
    for n, steps in enumerate(makers):
        for step in steps:
            made[n] = step(made[n], None, connection)
    return model.from_db(connection.alias, names, made)
