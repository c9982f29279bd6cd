"""Questions to other departments (D6): each with its own clock; the answer wakes the ticket."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from jiying.alerts.services import raising
from jiying.alerts.services import reading as alerts
from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import Department, Person
from jiying.base.transactions import short
from jiying.clocks.queries import promise_of, versions_in_force
from jiying.clocks.services.keeping import keep
from jiying.core import lifecycle
from jiying.desk.models import Collaboration, Ticket
from jiying.desk.policies import require_handle, require_visible, speaks_for
from jiying.desk.services import handling
from jiying.desk.services.holding import decide, fact, lock, settle

KIND = "collaboration"
ASKED = "collaboration.new"
MAX_TEXT = 20_000


def lock_many(ids: Collection[int], skip_locked: bool) -> Mapping[int, Collaboration]:
    """Collaborations locked in order of id; their tickets are not needed for their clocks."""
    rows = Collaboration.objects.select_for_update(skip_locked=skip_locked, of=("self",)).filter(pk__in=ids)
    return {row.pk: row for row in rows.order_by("pk")}


@short
def ask(
    *,
    actor: Actor,
    number: str,
    department: str,
    question: str,
    kind: str = "question",
    person_id: int | None = None,
    hold_ticket: bool = False,
    now: datetime,
) -> Collaboration:
    """Ask a department; its standard (C6a) gives the target. `hold_ticket` lets the ticket wait for the answer."""
    ticket = lock(number)
    require_handle(actor, ticket)
    decide(ticket, "collaborate")
    asked = Department.objects.filter(code=department).first()
    if asked is None:
        known = ", ".join(Department.objects.values_list("code", flat=True))
        raise Invalid.one("department", "unknown_value", value=department, known=known)
    if person_id is not None and not Person.objects.filter(pk=person_id, department=asked, is_active=True).exists():
        raise Invalid.one("person", "not_found", kind="person", key=person_id)
    text = checked_text("question", question)
    wanted = Question(asked, text, kind[:40], person_id, hold_ticket, actor.person)
    collaboration, facts = put(actor, ticket, wanted, now)
    if hold_ticket and ticket.status in (lifecycle.ACCEPTED, lifecycle.IN_PROGRESS):
        facts.append(handling.held(ticket, "department", "", now))
    settle(actor, ticket, facts, now=now)
    return collaboration


@dataclass(frozen=True, slots=True)
class Question:
    """What a department is asked, checked."""

    department: Department
    text: str
    kind: str
    person_id: int | None
    holds_ticket: bool
    asked_by: Person | None


def put(actor: Actor, ticket: Ticket, wanted: Question, now: datetime) -> tuple[Collaboration, list[journal.Fact]]:
    """A question of a locked ticket, with its clock; returns the facts that the caller settles the ticket with."""
    code = wanted.department.code
    collaboration = Collaboration.objects.create(
        ticket=ticket,
        department=wanted.department,
        person_id=wanted.person_id,
        kind=wanted.kind,
        question=wanted.text,
        holds_ticket=wanted.holds_ticket,
        asked_by=wanted.asked_by,
        asked_at=now,
    )
    data = {"metric": "collaboration", "department": code, "kind": wanted.kind, **versions_in_force(now)}
    people = tell_asked(actor, collaboration, now)
    record(actor, collaboration, "asked", data | promise_of(code, wanted.kind, now), now, people)
    return collaboration, [
        fact(ticket, "collaboration_asked", now, {"collaboration": collaboration.pk, "department": code})
    ]


def tell_asked(actor: Actor, found: Collaboration, now: datetime) -> list[int]:
    """A pop-up for who is named, else for all responders of the department. Returns whom the fact rings for."""
    named = [found.person_id, *found.helpers] if found.person_id or found.helpers else []
    responders = Person.objects.filter(is_active=True, department_id=found.department_id, roles__code="responder")
    people = named or list(responders.order_by("pk").values_list("pk", flat=True))
    told = [person for person in people if person is not None and person != actor.id]
    raising.raise_alerts(
        [
            raising.Notice(
                key=f"{ASKED}:{found.pk}:{person}",
                person_id=person,
                capacity="responder",
                kind=ASKED,
                severity="notice",
                subject_kind=KIND,
                subject_id=found.pk,
                at=now,
                data={"who": actor.person.name if actor.person else ""},
            )
            for person in told
        ],
        now=now,
    )
    return told


def checked_text(name: str, text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid.one(name, "required", field=name)
    if len(text) > MAX_TEXT:
        raise Invalid.one(name, "too_long", limit=MAX_TEXT, length=len(text))
    return text


def record(
    actor: Actor,
    collaboration: Collaboration,
    kind: str,
    data: Mapping[str, object],
    now: datetime,
    told: Collection[int] = (),
) -> None:
    people = (collaboration.person_id, collaboration.asked_by_id, *collaboration.helpers, *told)
    rings = [f"person:{p}" for p in people if p is not None]
    journal.record(actor, [journal.Fact(KIND, collaboration.pk, f"collaboration.{kind}", now, data, rings)], now=now)
    keep(KIND, collaboration.pk, now)


def open_one(actor: Actor, collaboration_id: int) -> Collaboration:
    """The collaboration with its ticket locked first (subject before what hangs on it)."""
    found = Collaboration.objects.filter(pk=collaboration_id).select_related("ticket", "department").first()
    if found is None:
        raise NotFound("collaboration", collaboration_id)
    found.ticket = lock(found.ticket.number)
    require_visible(actor, found.ticket)
    found.state = lock_many([found.pk], False)[found.pk].state
    if found.state != Collaboration.State.ASKED:
        raise Conflict.one("already_answered")
    return found


@short
def answer(*, actor: Actor, collaboration_id: int, answer: str, now: datetime) -> Collaboration:
    """The department answers: its clock stops, and a ticket that waited for it wakes."""
    found = open_one(actor, collaboration_id)
    if not speaks_for(actor, found):
        raise Denied("desk.answer")
    found.answer, found.state = checked_text("answer", answer), Collaboration.State.ANSWERED
    found.answered_by, found.answered_at = actor.person, now
    found.save(update_fields=["answer", "state", "answered_by", "answered_at"])
    record(actor, found, "answered", {"metric": "collaboration"}, now)
    alerts.withdraw(KIND, [found.pk], now)
    wake(actor, found, "collaboration_answered", now)
    return found


@short
def withdraw(*, actor: Actor, collaboration_id: int, now: datetime) -> Collaboration:
    """The question is no longer needed."""
    found = open_one(actor, collaboration_id)
    require_handle(actor, found.ticket)
    _take_back(actor, found, now)
    wake(actor, found, "collaboration_withdrawn", now)
    return found


def withdraw_all(actor: Actor, ticket: Ticket, now: datetime) -> None:
    """Take back all open questions of a locked ticket that is none any more; their alerts stop too."""
    ids = ticket.collaborations.filter(state=Collaboration.State.ASKED).values_list("pk", flat=True)
    for found in lock_many(list(ids), False).values():
        _take_back(actor, found, now)


def _take_back(actor: Actor, found: Collaboration, now: datetime) -> None:
    found.state = Collaboration.State.WITHDRAWN
    found.save(update_fields=["state"])
    record(actor, found, "withdrawn", {"metric": "collaboration"}, now)
    alerts.withdraw(KIND, [found.pk], now)


def wake(actor: Actor, found: Collaboration, kind: str, now: datetime, how: str = "") -> None:
    """Tell the ticket; it goes on when nothing else that it waits for is open."""
    ticket = found.ticket
    about = {"collaboration": found.pk, "department": found.department.code, **({"how": how} if how else {})}
    facts = [fact(ticket, kind, now, about)]
    waits = ticket.collaborations.filter(state=Collaboration.State.ASKED, holds_ticket=True).exists()
    if ticket.status == lifecycle.WAITING and ticket.waiting_for == "department" and not waits:
        facts.append(handling.resumed(ticket, now))
    settle(actor, ticket, facts, now=now)
