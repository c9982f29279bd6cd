"""Asks the database's own index of words: the latest tickets that hold all of some words and marks.

A common word is in a third of all tickets, and no index of either database hands them out by relevance. So candidates
are cut by recency, never ranked here. SQLite walks its lists from the latest ticket on. PostgreSQL's GIN knows no
order: the walk is made of at most three questions, each for the marks of a wider window of latest tickets.
"""

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import Max, Q

from jiying.core.words import Asked
from jiying.desk.models import SearchText
from jiying.desk.queries.search_text import windows

Groups = Sequence[Sequence[str]]  # of each group one word at least


def newest(asked: Asked, marks: Groups, limit: int) -> list[int]:
    """Ids of the latest tickets with all needed words, and of each group of marks one at least; the latest first."""
    groups = [*((word,) for word in asked.needed), *marks]
    if asked.is_empty or any(not group for group in marks):
        return []
    if connection.vendor != "postgresql":
        return _sqlite(groups, asked.begins, limit)
    last = SearchText.objects.aggregate(last=Max("pk"))["last"] or 0
    for window in (*windows(last), None):
        found = _postgres([*groups, window] if window else groups, asked.begins, limit)
        if len(found) >= limit:
            break
    return found


def _sqlite(groups: Groups, begins: str, limit: int) -> list[int]:
    parts = ["(" + " OR ".join(f'"{word}"' for word in group) + ")" for group in groups]
    parts += [f'"{begins}"*'] if begins else []
    sql = "SELECT rowid FROM desk_searchindex WHERE desk_searchindex MATCH %s ORDER BY rowid DESC LIMIT %s"
    return _ids(sql, " AND ".join(parts), limit)


def _postgres(groups: Groups, begins: str, limit: int) -> list[int]:
    parts = ["(" + " | ".join(f"'{word}'" for word in group) + ")" for group in groups]
    parts += [f"'{begins}':*"] if begins else []
    # Found first and then sorted: the planner would else walk all tickets backwards for what it takes for common.
    sql = (
        "WITH found AS MATERIALIZED (SELECT ticket_id FROM desk_searchtext WHERE vector @@ %s::tsquery) "
        "SELECT ticket_id FROM found ORDER BY ticket_id DESC LIMIT %s"
    )
    return _ids(sql, " & ".join(parts), limit)


def _ids(sql: str, expression: str, limit: int) -> list[int]:
    """Words hold letters and digits only (core.words), so that nothing needs to be quoted in them."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [expression, limit])
        return [row[0] for row in cursor.fetchall()]


def begins(name: str, texts: Iterable[str]) -> Q:
    """Rows whose `name` begins with one of these texts, by the column's ordinary index on both databases."""
    found = Q(pk__in=[])
    for text in texts:
        if connection.vendor == "postgresql":
            found |= Q(**{f"{name}__startswith": text})
        else:
            found |= Q(**{f"{name}__gte": text, f"{name}__lt": f"{text}\U0010ffff"})
    return found
