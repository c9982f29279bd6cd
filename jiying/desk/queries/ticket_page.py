"""Everything that a ticket's page shows, in a number of queries that does not depend on how much was said."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from jiying.base.actor import Actor
from jiying.base.documents import get as document
from jiying.base.errors import NotFound
from jiying.base.models import Attachment, JournalEntry
from jiying.base.texts import term
from jiying.desk.models import Collaboration, Message, Ticket
from jiying.desk.policies import require_visible
from jiying.desk.queries import categories, customers, story, talk_extras, timing
from jiying.desk.queries import marks as about_messages
from jiying.desk.queries.pills import Face, next_faces
from jiying.desk.queries.rows import TicketRow
from jiying.desk.queries.verbs import allowed, next_verb

TALK = 200  # messages shown; the rest behind "show all"
FACTS = 400


@dataclass(frozen=True, slots=True)
class Said:
    """One item of the conversation: a message, or a fact as a thin line (`line`)."""

    kind: str  # customer | reply | note | call | fact
    at: datetime
    author: str = ""
    body: str = ""
    by: str = ""
    direction: str = ""
    duration_s: int = 0
    recording_url: str = ""
    files: tuple[Attachment, ...] = ()
    html: str = ""  # clean; empty: the body is plain text
    message_id: int = 0
    author_id: int | None = None
    line: story.Line | None = None
    marks: tuple[about_messages.Mark, ...] = ()
    extras: tuple[talk_extras.Extra, ...] = ()
    is_opening: bool = False

    @property
    def minutes(self) -> int:
        return max(1, round(self.duration_s / 60))


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to a department with its clock."""

    row: Collaboration
    clock: Face | None
    may_answer: bool
    may_withdraw: bool


@dataclass(frozen=True, slots=True)
class TicketPage:
    ticket: Ticket
    verbs: frozenset[str]
    next_verb: str
    talk: list[Said]
    n_hidden: int
    clocks: list[timing.ClockLine]
    head_clock: Face | None
    customer: customers.Card | None
    history: list[TicketRow]
    asked: list[Asked]
    journal: list[story.Line]
    category_label: str
    categories: list[categories.Choice]
    priority_why: tuple[str, ...]
    assigned_why: tuple[str, ...]
    may_judge: bool
    may_name_cause: bool
    marks: tuple[about_messages.Mark, ...]
    before_writing: tuple[str, ...]
    version: str


def load(actor: Actor, number: str) -> Ticket:
    """A ticket by number with its people joined; NotFound where the actor may not know of it."""
    joined = ("customer__dedicated", "assignee", "team", "opened_by", "merged_into")
    ticket = Ticket.objects.select_related(*joined).filter(number=number).first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_visible(actor, ticket)
    return ticket


def page(
    actor: Actor, ticket: Ticket, now: datetime, *, everything: bool = False, revealed: bool = False
) -> TicketPage:
    """The whole page of a ticket that was loaded by `load`."""
    verbs = allowed(actor, ticket)
    entries = _journal(ticket)
    journal = story.lines(entries)
    shown = None if ticket.customer is None else customers.card(actor, ticket.customer, ticket, revealed=revealed)
    talk, n_hidden = _talk(ticket, journal, shown, everything)
    told = _told(actor, ticket, talk)
    extras = talk_extras.of(actor, ticket)
    talk = [_with_extras(said, extras) for said in talk]
    choices = categories.choices()
    names = {choice.path: choice.label for choice in choices}
    return TicketPage(
        ticket=ticket,
        verbs=verbs,
        next_verb=next_verb(actor, ticket, verbs),
        talk=[replace(said, marks=tuple(told.messages.get(said.message_id, ()))) for said in talk],
        n_hidden=n_hidden,
        clocks=timing.of_subject("ticket", ticket.pk, now),
        head_clock=next_faces("ticket", [ticket.pk], now).get(ticket.pk),
        customer=shown,
        history=[] if shown is None else customers.history(actor, shown.id, now, without=ticket.pk),
        asked=_asked(actor, ticket, verbs, now),
        journal=journal[::-1],
        category_label=names.get(ticket.category, ticket.category),
        categories=choices,
        priority_why=tuple(story.priority_reason(ticket.priority_reason, _rule_name(ticket))),
        assigned_why=next((line.detail for line in reversed(journal) if line.kind in _GIVEN), ()),
        may_judge="desk.approve_cause" in actor.rights,
        may_name_cause=bool(actor.rights & {"desk.handle", "desk.approve_cause"}),
        marks=tuple(told.ticket),
        before_writing=tuple(map(str, told.before_writing)),
        version=f"{ticket.revision}.{int(ticket.is_late)}",
    )


def _told(actor: Actor, ticket: Ticket, talk: Iterable[Said]) -> about_messages.Told:
    said = [(one.message_id, one.kind) for one in talk if one.message_id]
    return about_messages.told(about_messages.Asked(actor, ticket, said))


_GIVEN = ("ticket.assigned", "ticket.queued")


def _journal(ticket: Ticket) -> list[JournalEntry]:
    """The latest facts of the ticket, oldest first."""
    rows = JournalEntry.objects.filter(subject_kind="ticket", subject_id=ticket.pk)
    return list(rows.order_by("-at", "-id")[:FACTS])[::-1]


def _rule_name(ticket: Ticket) -> str:
    """The name of the priority rule that held, in the version that held; asked always, so that pages cost alike."""
    reason = ticket.priority_reason
    key, version = reason.get("rule"), reason.get("version")
    if not key or not version:
        return ""
    rules = document("priority", "default", version).body.get("rules", [])
    name = next((rule.get("name") for rule in rules if rule.get("key") == key), None) or {}
    return categories.in_language(name.get("zh", ""), name.get("en", ""))


# --- the conversation ------------------------------------------------------------------------------------------------


def _talk(
    ticket: Ticket, journal: list[story.Line], customer: customers.Card | None, everything: bool
) -> tuple[list[Said], int]:
    """Messages and the facts between them, oldest first, and how many messages are left out."""
    found = Message.objects.filter(ticket=ticket).select_related("author").order_by("-at", "-pk")
    messages = list(found if everything else found[: TALK + 1])
    n_hidden = 0 if everything or len(messages) <= TALK else Message.objects.filter(ticket=ticket).count() - TALK
    messages = messages[: None if everything else TALK][::-1]  # of one instant, first what was written first
    files = _files(ticket, messages)
    name = customer.name if customer else term("actor", "customer")
    said = [_said(message, name, files) for message in messages]
    if ticket.description or files["ticket", ticket.pk]:
        said.append(_description(ticket, name, files["ticket", ticket.pk]))
    oldest = min((s.at for s in said), default=None) if n_hidden else None
    facts = [line for line in journal if line.kind in story.IN_TALK and (oldest is None or line.at >= oldest)]
    said.extend(Said("fact", line.at, line=line) for line in facts)
    return sorted(said, key=lambda s: (s.at, s.kind == "fact")), n_hidden


def _with_extras(said: Said, extras: Mapping[int, list[talk_extras.Extra]]) -> Said:
    key = talk_extras.OPENING if said.is_opening else said.message_id or None
    found = extras.get(key) if key is not None else None
    if not found:
        return said
    hidden = frozenset[int]().union(*(one.hides for one in found))
    html = next((one.html for one in found if one.html), said.html)
    files = tuple(one for one in said.files if one.pk not in hidden)
    return replace(said, html=html, files=files, extras=tuple(found))


def _description(ticket: Ticket, name: str, files: tuple[Attachment, ...]) -> Said:
    if ticket.opened_by is not None:
        return Said("note", ticket.received_at, ticket.opened_by.name, ticket.description, "person", files=files)
    return Said("customer", ticket.received_at, name, ticket.description, "customer", files=files, is_opening=True)


def _said(message: Message, customer: str, files: Mapping[tuple[str, int], tuple[Attachment, ...]]) -> Said:
    author = message.author.name if message.author else ""
    return Said(
        kind=message.kind,
        at=message.at,
        author=customer if message.kind == "customer" else author or term("actor", "system"),
        body=message.body,
        by=message.by,
        direction=str(message.call.get("direction", "")),
        duration_s=int(message.call.get("duration_s") or 0),
        recording_url=str(message.call.get("recording_url") or ""),
        files=files["message", message.pk],
        html=message.html,
        message_id=message.pk,
        author_id=message.author_id,
    )


def _files(ticket: Ticket, messages: Iterable[Message]) -> Mapping[tuple[str, int], tuple[Attachment, ...]]:
    """Attachments of the ticket and of its messages, by what they hang on; one query."""
    found: dict[tuple[str, int], tuple[Attachment, ...]] = defaultdict(tuple)
    rows = Attachment.objects.filter(subject_kind="message", subject_id__in=[m.pk for m in messages])
    rows |= Attachment.objects.filter(subject_kind="ticket", subject_id=ticket.pk)
    for row in rows.order_by("pk"):
        found[row.subject_kind, row.subject_id] += (row,)
    return found


# --- other departments -----------------------------------------------------------------------------------------------


def _asked(actor: Actor, ticket: Ticket, verbs: frozenset[str], now: datetime) -> list[Asked]:
    rows = Collaboration.objects.filter(ticket=ticket).select_related("department", "person", "asked_by", "answered_by")
    found = list(rows.order_by("asked_at", "pk"))
    faces = next_faces("collaboration", [row.pk for row in found], now)
    handles = "desk.assign" in actor.rights or (ticket.assignee_id == actor.id and "desk.handle" in actor.rights)
    return [
        Asked(
            row=row,
            clock=faces.get(row.pk),
            may_answer=row.state == "asked" and _may_answer(actor, row),
            may_withdraw=row.state == "asked" and handles,
        )
        for row in found
    ]


def _may_answer(actor: Actor, row: Collaboration) -> bool:
    in_department = actor.department_id == row.department_id and "desk.answer" in actor.rights
    return in_department or "desk.assign" in actor.rights


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who a ticket was given to last, and the step that decided."""

    name: str
    why: str


def assignment(ticket: Ticket) -> Assignment:
    """The latest assignment of a ticket in words."""
    name = ticket.assignee.name if ticket.assignee else ""
    facts = JournalEntry.objects.filter(subject_kind="ticket", subject_id=ticket.pk, kind="ticket.assigned")
    last = facts.order_by("-at", "-id").first()
    why = (last.data.get("why") or {}) if last else {}
    return Assignment(name, term("decided_by", str(why.get("decided_by", ""))))
