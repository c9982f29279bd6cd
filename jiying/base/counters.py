"""Rising numbers, each taken in a short statement of its own, so that no creation waits for another's commit."""

from django.db import connection


def take(name: str, count: int = 1) -> int:
    """The next number of a counter (the last of `count` consecutive ones). Gaps are allowed, repeats are not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO base_counter (name, value) VALUES (%s, %s) "
            "ON CONFLICT (name) DO UPDATE SET value = base_counter.value + %s RETURNING value",
            [name, count, count],
        )
        return int(cursor.fetchone()[0])
