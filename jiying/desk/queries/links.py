"""Tickets that a ticket is tied to, for its page and the API; of those out of the reader's sight the number only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from jiying.base.actor import Actor
from jiying.desk.models import Ticket, TicketLink
from jiying.desk.policies import may_handle, visible

Kind = TicketLink.Kind
# How the other ticket is tied, seen from the later and from the earlier one of the two.
ROLES = {
    Kind.RELATED: ("related", "related"),
    Kind.SPLIT: ("split_from", "split_off"),
    Kind.REPEAT: ("repeats", "repeated_by"),
}
ORDER = ("repeats", "repeated_by", "split_from", "split_off", "related")


@dataclass(frozen=True, slots=True)
class Tied:
    """The other ticket of a tie, and how it is tied. Out of sight (not `is_seen`) it is a number, as in the journal."""

    id: int
    role: str
    number: str
    is_seen: bool
    subject: str
    priority: str
    status: str
    received_at: datetime
    made_at: datetime
    may_end: bool


@dataclass(frozen=True, slots=True)
class Ties:
    items: list[Tied]


def of_ticket(actor: Actor, ticket: Ticket) -> list[Tied]:
    """The ties of a ticket, in two queries."""
    ties = TicketLink.objects.filter(Q(ticket=ticket) | Q(other=ticket), ended_at__isnull=True)
    found = list(ties.select_related("ticket", "other").order_by("made_at", "pk"))
    ids = {pk for tie in found for pk in (tie.ticket_id, tie.other_id)} - {ticket.pk}
    seen = set(Ticket.objects.filter(visible(actor), pk__in=ids).values_list("pk", flat=True)) if ids else set()
    told = [_tied(actor, tie, ticket, seen) for tie in found]
    return sorted(told, key=lambda one: ORDER.index(one.role))


def _tied(actor: Actor, tie: TicketLink, ticket: Ticket, seen: Collection[int]) -> Tied:
    is_later = tie.ticket_id == ticket.pk
    other = tie.other if is_later else tie.ticket
    is_seen = other.pk in seen
    handles = may_handle(actor, ticket) or may_handle(actor, other)
    return Tied(
        id=tie.pk,
        role=ROLES[Kind(tie.kind)][0 if is_later else 1],
        number=other.number,
        is_seen=is_seen,
        subject=other.subject if is_seen else "",
        priority=other.priority,
        status=other.status,
        received_at=other.received_at,
        made_at=tie.made_at,
        may_end=tie.kind == Kind.RELATED and is_seen and handles,
    )
