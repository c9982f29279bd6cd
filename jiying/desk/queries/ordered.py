"""Tickets in order, however many there are: a page reads as many index entries as it shows rows, and no more.

How a view is made quick: say what it shows as `ways`, alternatives (`policies.reach`) each of which is a handful of
equalities (or a range of `due_order`) that one index of `Ticket` begins with, followed by `due_order, id` (open
tickets) or `received_at, id` (all). Each way is read in that order up to the page's length, and the few are merged by
one statement: an OR over ways would read them whole. A filter without an index of its own still works: it is looked at
row by row in the order of the page, quick unless hardly a row fits. `tests/desk/test_ordered.py` asks the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet

from jiying.desk.models import Ticket
from jiying.desk.models.tickets import NO_DUE

MOST = 1000  # a count stops here: nobody reads more digits on a tab, and the cost stays the same at any size


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the instant that its last row is sorted by (None: it has no due time), and the row."""

    at: datetime | None
    pk: int


def by_due(ways: Sequence[Q], limit: int, after: Place | None = None) -> list[int]:
    """Ids of open tickets by due time, then those without one."""
    found = Ticket.objects.filter(ended_at__isnull=True)
    if after is not None:  # the first condition alone bounds the range of the index
        at = after.at or NO_DUE
        found = found.filter(due_order__gte=at).filter(Q(due_order__gt=at) | Q(pk__gt=after.pk))
    return _merged(found, ways, ("due_order", "pk"), limit)


def each_by_due(groups: Mapping[int, Sequence[Q]], limit: int) -> dict[int, list[int]]:
    """The first ids of each group's open tickets by due time; one statement for all groups."""
    still_open = Ticket.objects.filter(ended_at__isnull=True)
    parts: list[str] = []
    values: list[Any] = []
    for key, ways in groups.items():
        union, given = _union(still_open, ways, ("due_order", "pk"), limit)
        if union:
            first = f"SELECT sort_at, id FROM ({union}) AS found ORDER BY sort_at, id LIMIT {limit}"  # noqa: S608
            parts.append(f"SELECT {int(key)} AS who, sort_at, id FROM ({first}) AS part{len(parts)}")  # noqa: S608
            values += given
    found: dict[int, list[int]] = {key: [] for key in groups}
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(f"{' UNION ALL '.join(parts)} ORDER BY who, sort_at, id", values)
            for who, _at, pk in cursor.fetchall():
                found[who].append(pk)
    return found


def by_receipt(ways: Sequence[Q], limit: int, after: Place | None = None) -> list[int]:
    """Ids of tickets, the latest received first."""
    found = Ticket.objects.all()
    if after is not None:
        found = found.filter(received_at__lte=after.at).filter(Q(received_at__lt=after.at) | Q(pk__lt=after.pk))
    return _merged(found, ways, ("-received_at", "-pk"), limit)


def loaded(tickets: QuerySet[Ticket], ids: Sequence[int]) -> list[Ticket]:
    """The tickets of these ids in their order; what was deleted meanwhile is left out."""
    found = {ticket.pk: ticket for ticket in tickets.filter(pk__in=ids)} if ids else {}
    return [found[pk] for pk in ids if pk in found]


def counts(views: Mapping[str, Sequence[Q]], most: int = MOST) -> dict[str, int]:
    """How many open tickets each view holds, up to `most`; one statement for all views."""
    still_open = Ticket.objects.filter(ended_at__isnull=True)
    parts, values = [], []
    for ways in views.values():
        union, given = _union(still_open, ways, ("due_order", "pk"), most)
        parts.append(f"(SELECT COUNT(*) FROM ({union} LIMIT {most}) AS one)" if union else "0")  # noqa: S608
        values += given
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        return dict(zip(views, cursor.fetchone(), strict=True))


def _merged(tickets: QuerySet[Ticket], ways: Sequence[Q], order: tuple[str, str], limit: int) -> list[int]:
    """The first ids in order over all ways; a ticket that lies on several counts once."""
    union, values = _union(tickets, ways, order, limit)
    if not union:
        return []
    way = "DESC" if order[0].startswith("-") else "ASC"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM ({union}) AS found ORDER BY sort_at {way}, id {way} LIMIT {limit}", values)  # noqa: S608
        return [pk for (pk,) in cursor.fetchall()]


def _union(tickets: QuerySet[Ticket], ways: Sequence[Q], order: tuple[str, str], limit: int) -> tuple[str, list[Any]]:
    """SQL (`sort_at`, `id`) of the first rows of each way; empty where no way can hold anything.

    Django's own `union` cannot order and cut its parts on SQLite.
    """
    parts: list[str] = []
    values: list[Any] = []
    for way in ways:
        rows = tickets.filter(way).order_by(*order).values_list(order[0].lstrip("-"), "id")[:limit]
        try:
            sql, given = rows.query.sql_with_params()
        except EmptyResultSet:
            continue
        parts.append(f"SELECT {order[0].lstrip('-')} AS sort_at, id FROM ({sql}) AS way{len(parts)}")  # noqa: S608
        values += given
    return " UNION ".join(parts), values
