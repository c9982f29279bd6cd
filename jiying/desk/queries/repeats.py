"""Repeat contacts as QA and leaders see them: both tickets, why they are taken for one problem, the cause."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.base.policies import require
from jiying.desk.models import RepeatContact, Ticket
from jiying.desk.policies import visible
from jiying.desk.queries.rows import Who, who

RIGHT = "desk.judge_repeats"
STATES = ("open", "named", "dismissed")
PAGE = 50


@dataclass(frozen=True, slots=True)
class Half:
    """One of the two tickets."""

    number: str
    subject: str
    status: str
    channel: str
    received_at: datetime
    assignee: str


@dataclass(frozen=True, slots=True)
class RepeatRow:
    """`by` category or text; `likeness` of the two texts in hundredths; `gap_s` seconds between the receipts."""

    id: int
    customer: Who | None
    later: Half
    earlier: Half
    by: str
    category: str
    likeness: int
    gap_s: int
    found_at: datetime
    state: str
    cause: str
    note: str
    judged_by: str
    judged_at: datetime | None


@dataclass(frozen=True, slots=True)
class RepeatPage:
    items: list[RepeatRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is cut to: a category with those below it, contacts of the last `days`; empty and 0: not cut."""

    state: str = "open"
    category: str = ""
    days: int = 0


def page(actor: Actor, wanted: Wanted, now: datetime, cursor: str | None = None, limit: int = PAGE) -> RepeatPage:
    """What waits for a cause, or has one; what was found last comes first."""
    require(actor, RIGHT)
    found = _seen(actor).filter(_cut(wanted, now))
    if cursor:
        found = found.filter(pk__lt=cursors.decode("repeats", cursor, 1)[0] or 0)
    rows = list(found.order_by("-pk")[: limit + 1])
    following = cursors.encode("repeats", rows[limit - 1].pk) if len(rows) > limit else None
    return RepeatPage([_row(one) for one in rows[:limit]], following)


def _cut(wanted: Wanted, now: datetime) -> Q:
    cut = Q(state=wanted.state)
    if wanted.category:
        below = Q(link__ticket__category__startswith=f"{wanted.category}/")
        cut &= Q(link__ticket__category=wanted.category) | below
    if wanted.days:
        cut &= Q(link__ticket__received_at__gte=now - timedelta(days=wanted.days))
    return cut


def one(actor: Actor, link_id: int) -> RepeatRow:
    require(actor, RIGHT)
    found = _seen(actor).filter(pk=link_id).first()
    if found is None:
        raise NotFound("link", link_id)
    return _row(found)


def n_open(actor: Actor) -> int:
    """How many wait for a cause."""
    return _seen(actor).filter(state="open").count()


def _seen(actor: Actor) -> QuerySet[RepeatContact]:
    """Those both tickets of which the actor may see."""
    found = RepeatContact.objects.select_related(
        "judged_by", "link__ticket__customer", "link__ticket__assignee", "link__other__assignee"
    )
    if "desk.view_all" in actor.rights:
        return found
    theirs = Ticket.objects.filter(visible(actor)).values("pk")
    return found.filter(link__ticket__in=theirs, link__other__in=theirs)


def _row(found: RepeatContact) -> RepeatRow:
    later = found.link.ticket
    return RepeatRow(
        id=found.pk,
        customer=who(later.customer),
        later=_half(later),
        earlier=_half(found.link.other),
        by=found.by,
        category=later.category,
        likeness=round(found.likeness * 100),
        gap_s=found.gap_s,
        found_at=found.found_at,
        state=found.state,
        cause=found.cause,
        note=found.note,
        judged_by=found.judged_by.name if found.judged_by else "",
        judged_at=found.judged_at,
    )


def _half(ticket: Ticket) -> Half:
    return Half(
        number=ticket.number,
        subject=ticket.subject,
        status=ticket.status,
        channel=ticket.channel,
        received_at=ticket.received_at,
        assignee=ticket.assignee.name if ticket.assignee else "",
    )
