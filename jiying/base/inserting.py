"""Inserts rows by plain SQL that is made once for each table: Django's compiler costs more than the database does.

Same values as `bulk_create` (each field prepares its own), same single statement; the rows get their ids. For the hot
tables only: creating tickets, the journal, clocks. No signals, no `pre_save` hooks, no relations to unsaved rows.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection, models
from django.db.models.expressions import DatabaseDefault

MAX_PARAMETERS = 30_000  # SQLite takes more than 32,000 in one statement
MANY = 50  # from here on Django's UNNEST is quicker on PostgreSQL


@lru_cache(maxsize=64)
def _plan(model: type[models.Model]) -> tuple[str, str, tuple[tuple[str, Callable[..., Any]], ...], str]:
    """Head and tail of the statement, how to prepare each column, the id's name; a made id is left to the database."""
    quote = connection.ops.quote_name
    meta = model._meta
    made = isinstance(meta.pk, models.AutoField)
    fields = [f for f in meta.concrete_fields if not (made and f.primary_key)]
    names = ", ".join(quote(str(f.column)) for f in fields)
    head = f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES "  # noqa: S608 - names of the model's own
    tail = f" RETURNING {quote(str(meta.pk.column))}"
    return head, tail, tuple((f.attname, f.get_db_prep_save) for f in fields), meta.pk.attname


def _fill_in(row: models.Model) -> None:
    """A column that nobody named takes its default here: all columns are in the statement."""
    for field in row._meta.concrete_fields:
        if isinstance(getattr(row, field.attname), DatabaseDefault):
            setattr(row, field.attname, field.db_default)


def insert(rows: Sequence[models.Model]) -> None:
    """Insert unsaved rows of one model in the given order, in as few statements as parameters allow."""
    if not rows:
        return
    if connection.vendor == "postgresql" and len(rows) > MANY:
        type(rows[0])._default_manager.bulk_create(rows)
        return
    head, tail, columns, pk = _plan(type(rows[0]))
    for row in rows:
        _fill_in(row)
    step = max(1, MAX_PARAMETERS // len(columns))
    marks = "(" + ", ".join(["%s"] * len(columns)) + ")"
    with connection.cursor() as cursor:
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            values = [prepare(getattr(row, name), connection) for row in part for name, prepare in columns]
            cursor.execute(head + ", ".join([marks] * len(part)) + tail, values)
            for row, (made,) in zip(part, cursor.fetchall(), strict=True):
                setattr(row, pk, made)
                row._state.adding, row._state.db = False, connection.alias
