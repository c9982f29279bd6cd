"""Rows as they stand in tables, taken out and put back without the ORM: what many tests begin with is made once."""

from typing import Any

from django.apps import apps
from django.db import connection

BY_TRIGGER = frozenset({"base_journalpending"})  # filled by the database itself when the rows of another table come


def tables() -> list[str]:
    """Of all models, without those that triggers fill."""
    models = apps.get_models(include_auto_created=True)
    return [m._meta.db_table for m in models if m._meta.managed and m._meta.db_table not in BY_TRIGGER]


def taken(table: str) -> Any:
    """All rows of a table, as `put_back` takes them; empty if there are none."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f'COPY "{table}" TO STDOUT') as found:
                return b"".join(bytes(block) for block in found)
        cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
        return cursor.fetchall()


def put_back(table: str, rows: Any) -> None:
    """Rows that were taken from this table, which has none of them now; foreign keys hold when all are back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f'COPY "{table}" FROM STDIN') as into:
                into.write(rows)
            return
        # Past Django's cursor, which would make of each value once more what it is already.
        places = ", ".join(["?"] * len(rows[0]))
        cursor.connection.executemany(f'INSERT INTO "{table}" VALUES ({places})', rows)  # noqa: S608
