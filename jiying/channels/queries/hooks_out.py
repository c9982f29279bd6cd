"""Events to subscribers as they are sent, and the log of their deliveries as page and API show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jiying.base import connections, cursors
from jiying.base.actor import Actor
from jiying.base.models import Connection, JournalEntry, Person
from jiying.base.policies import require
from jiying.channels.models import HookDelivery
from jiying.core import hook_events
from jiying.desk.models import Ticket

PAGE = 50


@dataclass(frozen=True, slots=True)
class HookDeliveryRow:
    """One event to one subscription. `wake_at` is the next try; `answer` the beginning of the last one."""

    id: int
    connection: str
    connection_name: str
    event: str
    position: int
    ticket: str
    at: datetime
    state: str
    status: int | None
    duration_ms: int | None
    attempts: int
    answer: str
    error: str
    tried_at: datetime | None
    wake_at: datetime | None


@dataclass(frozen=True, slots=True)
class HookDeliveries:
    items: list[HookDeliveryRow]
    next_cursor: str | None


def deliveries(actor: Actor, *, connection: str = "", state: str = "", cursor: str = "") -> HookDeliveries:
    """The log, newest first; of one subscription, of one state."""
    require(actor, connections.RIGHT)
    found = HookDelivery.objects.select_related("connection", "entry")
    if connection:
        found = found.filter(connection__code=connection)
    if state:
        found = found.filter(state=state)
    if cursor:
        found = found.filter(pk__lt=cursors.decode("hooks", cursor, 1)[0] or 0)
    page = list(found.order_by("-pk")[: PAGE + 1])
    more = cursors.encode("hooks", page[PAGE - 1].pk) if len(page) > PAGE else None
    return HookDeliveries(_rows(page[:PAGE]), more)


def delivery(actor: Actor, delivery_id: int) -> HookDeliveryRow:
    require(actor, connections.RIGHT)
    return _rows(list(HookDelivery.objects.select_related("connection", "entry").filter(pk=delivery_id)))[0]


def subscriptions(actor: Actor) -> list[tuple[str, str]]:
    """(code, name) of all subscriptions."""
    require(actor, connections.RIGHT)
    return list(Connection.objects.filter(kind="hook_out").order_by("name", "pk").values_list("code", "name"))


def _rows(found: Sequence[HookDelivery]) -> list[HookDeliveryRow]:
    numbers = _numbers([row.entry for row in found])
    return [
        HookDeliveryRow(
            id=row.pk,
            connection=row.connection.code,
            connection_name=row.connection.name,
            event=row.event,
            position=row.position,
            ticket=numbers.get(row.entry.subject_id, ""),
            at=row.entry.at,
            state=row.state,
            status=row.status,
            duration_ms=row.duration_ms,
            attempts=row.attempts,
            answer=row.answer,
            error=row.last_error if row.state != HookDelivery.State.SENT else "",
            tried_at=row.tried_at,
            wake_at=row.wake_at,
        )
        for row in found
    ]


def _numbers(entries: Sequence[JournalEntry]) -> dict[int, str]:
    return dict(Ticket.objects.filter(pk__in={one.subject_id for one in entries}).values_list("pk", "number"))


def payload(row: HookDelivery, with_people: bool) -> dict[str, Any]:
    """What a subscriber gets of an event: always these names, in this meaning (`docs/web-hooks.md`)."""
    entry = row.entry
    ticket = Ticket.objects.select_related("customer", "assignee").filter(pk=entry.subject_id).first()
    told: dict[str, Any] = {
        "id": str(entry.pk),
        "type": row.event,
        "position": row.position,
        "at": entry.at.isoformat(),
        "ticket": ticket.number if ticket else "",
        "data": hook_events.data_of(entry.kind, entry.data),
    }
    if with_people:
        told["people"] = _people(entry, ticket)
    return told


def _people(entry: JournalEntry, ticket: Ticket | None) -> dict[str, Any]:
    """Names, as they are now: who did it, who has the ticket, whose it is."""
    actor = Person.objects.filter(pk=entry.actor_id or 0).first() if entry.actor_kind in ("person", "token") else None
    return {
        "actor": {"kind": entry.actor_kind, "name": actor.name if actor else ""},
        "agent": ticket.assignee.name if ticket and ticket.assignee else "",
        "customer": ticket.customer.name if ticket and ticket.customer else "",
    }
