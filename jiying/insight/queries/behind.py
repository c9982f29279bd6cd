"""The tickets behind a figure: found in the columnar copy, shown by the desk's own rights."""

from dataclasses import dataclass
from datetime import datetime

from jiying.base.actor import Actor
from jiying.desk.models import Ticket
from jiying.desk.policies import scope, visible
from jiying.desk.queries.rows import masked_name
from jiying.insight.queries import counting, reports
from jiying.insight.queries.counting import Cut, Part

SHOWN = 200


@dataclass(frozen=True, slots=True)
class BehindRow:
    """A ticket that a figure counts: when, with which value (seconds, score), and whether it is a hit of a rate."""

    ticket_id: int
    number: str
    subject: str
    channel: str
    priority: str
    customer: str
    handler: str
    received_at: datetime
    at: datetime | None
    value: int | None
    hit: bool | None


@dataclass(frozen=True, slots=True)
class Behind:
    """`n` cases, of which the newest are listed; one that the reader may not see any more is left out."""

    kpi: str
    n: int
    items: list[BehindRow]


def tickets(actor: Actor, key: str, wanted: reports.Wanted, part: Part, now: datetime) -> Behind:
    """Raises Denied, reader.Missing."""
    cut, window = Cut(scope(actor), wanted.where), reports.window(wanted.period, now)
    n, found = counting.cases(key, window, cut, part, SHOWN)
    seen = Ticket.objects.filter(visible(actor)).select_related("customer", "assignee")
    by_id = seen.in_bulk([case.ticket_id for case in found])
    return Behind(key, n, [_row(by_id[case.ticket_id], case) for case in found if case.ticket_id in by_id])


def _row(ticket: Ticket, case: counting.Case) -> BehindRow:
    return BehindRow(
        ticket_id=ticket.pk,
        number=ticket.number,
        subject=ticket.subject,
        channel=ticket.channel,
        priority=ticket.priority,
        customer=masked_name(ticket.customer) if ticket.customer else "",
        handler=ticket.assignee.name if ticket.assignee else "",
        received_at=ticket.received_at,
        at=case.at,
        value=case.value,
        hit=case.is_hit,
    )
