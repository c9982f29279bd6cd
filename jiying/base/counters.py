"""Rising numbers, each taken in a short statement of its own, so that no creation waits for another's commit.

SQLite has one lock for all writers, so that there a statement of its own would be one more turn at it for nothing.
"""

from django.db import connection, models

from jiying.base.databases import prepared

_TAKE = (
    "INSERT INTO base_counter (name, value) VALUES (%s, %s) "
    "ON CONFLICT (name) DO UPDATE SET value = base_counter.value + %s RETURNING value"
)


def take(name: str, count: int = 1) -> int:
    """The next number of a counter (the last of `count` consecutive ones). Gaps are allowed, repeats are not."""
    cursor = prepared()
    cursor.execute(_TAKE, [name, count, count])
    return int(cursor.fetchone()[0])


def is_apart() -> bool:
    """Whether a number is taken before the transaction that uses it, or as its first statement (SQLite)."""
    return connection.vendor != "sqlite"


def take_with_id(name: str, model: type[models.Model]) -> tuple[int, int | None]:
    """The next number, and on PostgreSQL, by the same way to the server, the id of the row that will carry it."""
    if connection.vendor != "postgresql":
        return take(name), None
    cursor = prepared()
    cursor.execute(f"{_TAKE}, nextval('{model._meta.db_table}_id_seq')", [name, 1, 1])
    value, made = cursor.fetchone()
    return int(value), int(made)
