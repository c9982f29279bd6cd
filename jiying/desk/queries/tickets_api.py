"""Tickets as the API shows them: finished rows, pages in a constant number of queries, masked by right."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from jiying.base import cursors, roster
from jiying.base.actor import Actor
from jiying.base.api.wire import PersonRef, TeamRef
from jiying.base.errors import Invalid, NotFound
from jiying.base.models import JournalEntry
from jiying.clocks.models import Clock
from jiying.core import masking
from jiying.desk.models import Collaboration, Customer, Message, Ticket
from jiying.desk.policies import reach, require_visible, shows_plain, visible
from jiying.desk.queries import lists, ordered, ticket_page, writing
from jiying.desk.queries.customers import told
from jiying.desk.queries.filters import Filters

KIND, _COLLABORATION = "ticket", "collaboration"


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """`masked`: personal data is shown in part only; `POST /customers/{id}/reveal` shows it to those with the right."""

    id: int
    ref: str | None
    name: str
    phone: str
    email: str
    organisation: str
    tier: str
    region: str
    masked: bool


@dataclass(frozen=True, slots=True)
class CauseRow:
    code: str
    note: str
    state: str


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One clock. `state` pending, running, paused, met, breached or cancelled; `target_s` open seconds of `calendar`;
    `row` is the row of the standard that was chosen."""

    id: int
    metric: str
    seq: int
    state: str
    started_at: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    breached_at: datetime | None
    paused_at: datetime | None
    paused_reason: str | None
    target_s: int
    calendar: str
    calendar_version: int
    standard_version: int
    row: str
    cause: CauseRow | None


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket with its clocks. `priority_reason` is codes and values: the rule and what matched, or who set it."""

    number: str
    subject: str
    description: str
    channel: str
    type: str
    category: str | None
    tags: list[str]
    fields: dict[str, Any]
    form: str | None
    is_incomplete: bool
    status: str
    waiting_for: str | None
    priority: str
    priority_source: str
    priority_reason: dict[str, Any]
    tier: str
    region: str
    escalation: int
    line: int
    helper: PersonRef | None
    customer: CustomerRow | None
    customer_told: dict[str, str]
    assignee: PersonRef | None
    team: TeamRef | None
    opened_by: PersonRef | None
    received_at: datetime
    created_at: datetime
    assigned_at: datetime | None
    accepted_at: datetime | None
    resolved_at: datetime | None
    ended_at: datetime | None
    next_due_at: datetime | None
    is_late: bool
    is_repeat: bool
    merged_into: str | None
    revision: int
    clocks: list[ClockRow]


@dataclass(frozen=True, slots=True)
class TicketPage:
    items: list[TicketRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CollaborationRow:
    id: int
    department: str
    person: PersonRef | None
    helpers: list[PersonRef]
    kind: str
    question: str
    answer: str
    state: str
    holds_ticket: bool
    asked_by: PersonRef | None
    asked_at: datetime
    answered_by: PersonRef | None
    answered_at: datetime | None
    clocks: list[ClockRow]


@dataclass(frozen=True, slots=True)
class TicketDetail(TicketRow):
    """One ticket, as creates and verbs answer it, with the questions to other departments that hang on it."""

    collaborations: list[CollaborationRow]


@dataclass(frozen=True, slots=True)
class EventRow:
    """A fact of the journal: `at` is when it was true, `recorded_at` when it was written; `data` codes, values."""

    id: int
    kind: str
    at: datetime
    recorded_at: datetime
    actor_kind: str
    actor: PersonRef | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventPage:
    items: list[EventRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    id: int
    kind: str
    by: str
    author: PersonRef | None
    body: str
    html: str  # of a body in Markdown, cleaned; empty where it is plain text
    call: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class DraftRow:
    kind: str
    body: str
    last_seen: int
    changed_at: datetime
    files: list[str]


@dataclass(frozen=True, slots=True)
class MessagePage:
    items: list[MessageRow]
    next_cursor: str | None


# --- rows ------------------------------------------------------------------------------------------------------------


def person_ref(person_id: int | None) -> PersonRef | None:
    found = roster.person(person_id)
    return PersonRef(found.id, found.username, found.name) if found else None


def customer_row(customer: Customer | None, plain: bool) -> CustomerRow | None:
    if customer is None:
        return None
    return CustomerRow(
        id=customer.pk,
        ref=customer.ref,
        name=customer.name if plain else masking.name(customer.name),
        phone=customer.phone if plain else masking.phone(customer.phone),
        email=customer.email if plain else masking.email(customer.email),
        organisation=customer.organisation,
        tier=customer.tier,
        region=customer.region,
        masked=not plain,
    )


def clock_row(clock: Clock) -> ClockRow:
    """A clock; its cause only where it was loaded with it."""
    cause = clock._state.fields_cache.get("cause")
    return ClockRow(
        id=clock.pk,
        metric=clock.metric,
        seq=clock.seq,
        state=clock.state,
        started_at=clock.started_at,
        due_at=clock.due_at,
        ended_at=clock.ended_at,
        breached_at=clock.breached_at,
        paused_at=clock.paused_at,
        paused_reason=clock.paused_reason or None,
        target_s=clock.target_s,
        calendar=clock.calendar,
        calendar_version=clock.calendar_version,
        standard_version=clock.standard_version,
        row=clock.row,
        cause=CauseRow(cause.code, cause.note, cause.state) if cause else None,
    )


def ticket_row(actor: Actor, ticket: Ticket, clocks: Iterable[Clock], merged_into: str | None = None) -> TicketRow:
    """The row of a ticket whose customer and team are loaded; it makes no query but for names (see `base.roster`)."""
    return TicketRow(
        number=ticket.number,
        subject=ticket.subject,
        description=ticket.description,
        channel=ticket.channel,
        type=ticket.type,
        category=ticket.category or None,
        tags=ticket.tags,
        fields=ticket.fields,
        form=ticket.form or None,
        is_incomplete=ticket.is_incomplete,
        status=str(ticket.status),
        waiting_for=ticket.waiting_for or None,
        priority=ticket.priority,
        priority_source=ticket.priority_source,
        priority_reason=ticket.priority_reason,
        tier=ticket.tier,
        region=ticket.region,
        escalation=ticket.escalation,
        line=ticket.line,
        helper=person_ref(ticket.helper_id),
        customer=customer_row(ticket.customer, plain := shows_plain(actor, ticket)),
        customer_told=told(ticket, plain),
        assignee=person_ref(ticket.assignee_id),
        team=_team_ref(ticket),
        opened_by=person_ref(ticket.opened_by_id),
        received_at=ticket.received_at,
        created_at=ticket.created_at,
        assigned_at=ticket.assigned_at,
        accepted_at=ticket.accepted_at,
        resolved_at=ticket.resolved_at,
        ended_at=ticket.ended_at,
        next_due_at=ticket.next_due_at,
        is_late=ticket.is_late,
        is_repeat=ticket.is_repeat,
        merged_into=merged_into,
        revision=ticket.revision,
        clocks=[clock_row(clock) for clock in clocks],
    )


def _team_ref(ticket: Ticket) -> TeamRef | None:
    """The team by its agent's entry where it is theirs, so that a ticket that was just made needs no query for it."""
    if ticket.team_id is None:
        return None
    agent = roster.person(ticket.assignee_id)
    if agent is not None and agent.team_id == ticket.team_id:
        return TeamRef(agent.team_id, agent.team_code, agent.team_name)
    return TeamRef(ticket.team_id, ticket.team.code, ticket.team.name) if ticket.team else None


def _loaded() -> "QuerySet[Ticket, Ticket]":
    return Ticket.objects.select_related("customer", "team").annotate(into=F("merged_into__number"))


def _clocks_of(kind: str, ids: Collection[int]) -> dict[int, list[Clock]]:
    found: dict[int, list[Clock]] = defaultdict(list)
    rows = Clock.objects.filter(subject_kind=kind, subject_id__in=ids).select_related("cause")
    for clock in rows.order_by("metric", "seq"):
        found[clock.subject_id].append(clock)
    return found


def _rows(actor: Actor, tickets: Sequence[Ticket]) -> list[TicketRow]:
    clocks = _clocks_of(KIND, [t.pk for t in tickets])
    return [ticket_row(actor, t, clocks[t.pk], getattr(t, "into", None)) for t in tickets]


def page_of_filters(actor: Actor, filters: Filters, cursor: str, now: datetime) -> TicketPage:
    """A page of a saved view."""
    tickets, following = lists.tickets_of(actor, filters, now, cursor)
    found = by_id(actor, [ticket.pk for ticket in tickets])
    return TicketPage([found[t.pk] for t in tickets if t.pk in found], following or None)


def by_id(actor: Actor, ids: Collection[int]) -> dict[int, TicketRow]:
    """Rows of tickets that were just found for the actor, in three queries."""
    tickets = list(_loaded().filter(visible(actor), pk__in=ids))
    return dict(zip([t.pk for t in tickets], _rows(actor, tickets), strict=True))


# --- one ticket ------------------------------------------------------------------------------------------------------


def one(actor: Actor, number: str) -> TicketRow:
    """A ticket as it is now, for somebody who was just allowed to do something to it."""
    ticket = _loaded().filter(number=number).first()
    if ticket is None:
        raise NotFound("ticket", number)
    return _rows(actor, [ticket])[0]


def detail(actor: Actor, number: str) -> TicketDetail:
    """A ticket that the actor may see, with its collaborations."""
    ticket = _loaded().filter(number=number).first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_visible(actor, ticket)
    asked = list(Collaboration.objects.filter(ticket=ticket).select_related("department").order_by("pk"))
    clocks = _clocks_of(_COLLABORATION, [c.pk for c in asked])
    row = _rows(actor, [ticket])[0]
    own = {field.name: getattr(row, field.name) for field in fields(TicketRow)}
    return TicketDetail(**own, collaborations=[_collaboration(c, clocks[c.pk]) for c in asked])


def collaboration(collaboration_id: int) -> CollaborationRow:
    """A collaboration as it is now, for somebody who was just allowed to do something to it."""
    found = Collaboration.objects.select_related("department").get(pk=collaboration_id)
    return _collaboration(found, _clocks_of(_COLLABORATION, [found.pk])[found.pk])


def collaborations(found: Sequence[Collaboration]) -> list[CollaborationRow]:
    """Loaded ones that the actor may see, in their order."""
    clocks = _clocks_of(_COLLABORATION, [one.pk for one in found])
    return [_collaboration(one, clocks[one.pk]) for one in found]


def _collaboration(found: Collaboration, clocks: Sequence[Clock]) -> CollaborationRow:
    return CollaborationRow(
        id=found.pk,
        department=found.department.code,
        person=person_ref(found.person_id),
        helpers=[ref for one in found.helpers if (ref := person_ref(one))],
        kind=found.kind,
        question=found.question,
        answer=found.answer,
        state=str(found.state),
        holds_ticket=found.holds_ticket,
        asked_by=person_ref(found.asked_by_id),
        asked_at=found.asked_at,
        answered_by=person_ref(found.answered_by_id),
        answered_at=found.answered_at,
        clocks=[clock_row(clock) for clock in clocks],
    )


def _visible_id(actor: Actor, number: str) -> int:
    ticket = Ticket.objects.filter(number=number).first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_visible(actor, ticket)
    return int(ticket.pk)


def events(actor: Actor, number: str, cursor: str | None, limit: int) -> EventPage:
    """The facts of a ticket in the order in which clocks fold them: (`at`, id)."""
    entries = JournalEntry.objects.filter(subject_kind=KIND, subject_id=_visible_id(actor, number))
    rows = list(_after(entries, "events", cursor).order_by("at", "pk")[: limit + 1])
    items = [
        EventRow(
            id=e.pk,
            kind=e.kind,
            at=e.at,
            recorded_at=e.recorded_at,
            actor_kind=e.actor_kind,
            actor=person_ref(e.actor_id) if e.actor_kind in ("person", "token") else None,
            data=e.data,
        )
        for e in rows[:limit]
    ]
    return EventPage(items, _marker("events", rows, limit))


def messages(actor: Actor, number: str, cursor: str | None, limit: int) -> MessagePage:
    """What was said on a ticket, the oldest first."""
    said = Message.objects.filter(ticket_id=_visible_id(actor, number))
    rows = list(_after(said, "messages", cursor).order_by("at", "pk")[: limit + 1])
    items = [
        MessageRow(m.pk, str(m.kind), m.by, person_ref(m.author_id), m.body, m.html, m.call, m.at) for m in rows[:limit]
    ]
    return MessagePage(items, _marker("messages", rows, limit))


def _after(rows: "QuerySet[Any, Any]", order: str, cursor: str | None) -> "QuerySet[Any, Any]":
    if not cursor:
        return rows
    at, pk = cursors.decode(order, cursor, 2)
    since = cursors.instant(at or 0)
    return rows.filter(Q(at__gt=since) | Q(at=since, pk__gt=pk or 0))


def _marker(order: str, rows: Sequence[Any], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return cursors.encode(order, cursors.micros(last.at), last.pk)


# --- lists -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is cut to; None = not cut. `assignee` is an id, `me` or `none`; `due` lists open tickets only."""

    status: Sequence[str] = ()
    channel: Sequence[str] = ()
    priority: Sequence[str] = ()
    assignee: str | None = None
    team: int | None = None
    customer: int | None = None
    late: bool | None = None
    q: str | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None
    sort: str = "received"


def page(actor: Actor, wanted: Wanted, cursor: str | None, limit: int) -> TicketPage:
    """A page of visible tickets: the newest first, or by due time with those that wait without one at the end."""
    cut = _filter(actor, wanted)
    ways = [way & cut for way in reach(actor)]
    read_ids = ordered.by_due if wanted.sort == "due" else ordered.by_receipt
    ids = read_ids(ways, limit + 1, _place(wanted.sort, cursor))
    found = ordered.loaded(_loaded(), ids[:limit])
    marker = None
    if len(ids) > limit and found:
        at = found[-1].next_due_at if wanted.sort == "due" else found[-1].received_at
        marker = cursors.encode(wanted.sort, cursors.micros(at), found[-1].pk)
    return TicketPage(_rows(actor, found), marker)


def _place(sort: str, cursor: str | None) -> ordered.Place | None:
    if not cursor:
        return None
    at, pk = cursors.decode(sort, cursor, 2)
    if at is None and sort != "due":
        raise Invalid.one("cursor", "bad_cursor")
    return ordered.Place(None if at is None else cursors.instant(at), pk or 0)


def _filter(actor: Actor, wanted: Wanted) -> Q:
    cut = Q()
    for name in ("status", "channel", "priority"):
        if values := getattr(wanted, name):
            cut &= Q(**{f"{name}__in": values})
    columns = {"team": "team_id", "customer": "customer_id", "late": "is_late"}
    columns |= {"received_from": "received_at__gte", "received_to": "received_at__lt"}
    for name, column in columns.items():
        if getattr(wanted, name) is not None:
            cut &= Q(**{column: getattr(wanted, name)})
    return cut & _assignee(actor, wanted.assignee) & _found(wanted.q)


def _assignee(actor: Actor, text: str | None) -> Q:
    if text is None:
        return Q()
    if text == "none":
        return Q(assignee__isnull=True)
    return Q(assignee_id=actor.id if text == "me" else int(text))


def _found(text: str | None) -> Q:
    """A ticket by its number, or those of the customers whose phone ends so (four digits or more)."""
    text = (text or "").strip()
    if not text:
        return Q()
    end = "".join(c for c in text if c in "0123456789")
    if len(end) < 4 or any(c.isalpha() for c in text):
        return Q(number=text.upper()[:24])
    ids = Customer.objects.filter(phone_tail=end[-4:], phone__endswith=end).values("pk")
    return Q(customer_id__in=ids)


def drafts(actor: Actor, number: str) -> list[DraftRow]:
    """One's own drafts on a ticket that one may see."""
    found = writing.drafts(actor, ticket_page.load(actor, number))
    return [DraftRow(d.kind, d.body, d.last_seen, d.changed_at, [f.name for f in d.files]) for d in found]
