"""Tickets as rows of lists: masked customer, people, the next clock. As many queries for any length."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from jiying.base.models import Person
from jiying.core import masking
from jiying.desk.models import Customer, Ticket
from jiying.desk.queries.pills import Face, next_faces


@dataclass(frozen=True, slots=True)
class Who:
    """A customer in a list; the name is always masked there (D12)."""

    name: str
    is_vip: bool


@dataclass(frozen=True, slots=True)
class TicketRow:
    id: int
    number: str
    subject: str
    last_message: str
    priority: str
    status: str
    waiting_for: str
    channel: str
    customer: Who | None
    assignee: Person | None
    clock: Face | None
    escalation: int
    line: int
    is_repeat: bool
    received_at: datetime
    heard_at: datetime | None
    type: str
    category: str
    tags: tuple[str, ...]
    tier: str
    team: str
    is_ended: bool
    version: str  # changes whenever the row looks different: the browser flashes it


def with_people(tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
    """What every row needs, joined."""
    return tickets.select_related("customer", "assignee", "team")


def rows(tickets: Sequence[Ticket], now: datetime) -> list[TicketRow]:
    """Rows of loaded tickets; their clocks in one query."""
    faces = next_faces("ticket", [t.pk for t in tickets], now) if tickets else {}
    return [row(t, faces.get(t.pk)) for t in tickets]


def row(ticket: Ticket, clock: Face | None) -> TicketRow:
    return TicketRow(
        id=ticket.pk,
        number=ticket.number,
        subject=ticket.subject,
        last_message=" ".join(ticket.last_message.split()),
        priority=ticket.priority,
        status=ticket.status,
        waiting_for=ticket.waiting_for,
        channel=ticket.channel,
        customer=who(ticket.customer),
        assignee=ticket.assignee,
        clock=clock,
        escalation=ticket.escalation,
        line=ticket.line,
        is_repeat=ticket.is_repeat,
        received_at=ticket.received_at,
        heard_at=ticket.last_message_at,
        type=ticket.type,
        category=ticket.category,
        tags=tuple(ticket.tags),
        tier=ticket.tier,
        team=ticket.team.name if ticket.team else "",
        is_ended=ticket.is_ended,
        version=f"{ticket.revision}.{int(ticket.is_late)}{int(ticket.is_repeat)}",
    )


def who(customer: Customer | None) -> Who | None:
    if customer is None:
        return None
    return Who(masked_name(customer), customer.is_vip)


def masked_name(customer: Customer) -> str:
    """What to call a customer where personal data is masked; something to recognise them by when there is no name."""
    if customer.erased_at is not None:
        return customer.name  # nobody's: it tells apart, and nothing else
    return (
        masking.name(customer.name)
        or masking.phone(customer.phone)
        or masking.email(customer.email)
        or customer.ref
        or f"#{customer.pk}"
    )
