"""Questions to other departments (D6): each with its own clock; the answer wakes the ticket."""

from collections.abc import Collection, Mapping
from datetime import datetime

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
from jiying.desk.policies import require_handle, require_visible
from jiying.desk.services import handling
from jiying.desk.services.holding import decide, fact, lock, settle

KIND = "collaboration"
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
    collaboration = Collaboration.objects.create(
        ticket=ticket,
        department=asked,
        person_id=person_id,
        kind=kind[:40],
        question=_text("question", question),
        holds_ticket=hold_ticket,
        asked_by=actor.person,
        asked_at=now,
    )
    data = {"metric": "collaboration", "department": department, "kind": kind[:40], **versions_in_force(now)}
    data |= promise_of(department, kind[:40], now)
    _record(actor, collaboration, "asked", data, now)
    facts = [fact(ticket, "collaboration_asked", now, {"collaboration": collaboration.pk, "department": department})]
    if hold_ticket and ticket.status in (lifecycle.ACCEPTED, lifecycle.IN_PROGRESS):
        facts.append(handling.held(ticket, "department", "", now))
    settle(actor, ticket, facts, now=now)
    return collaboration


def _text(name: str, text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid.one(name, "required", field=name)
    if len(text) > MAX_TEXT:
        raise Invalid.one(name, "too_long", limit=MAX_TEXT, length=len(text))
    return text


def _record(actor: Actor, collaboration: Collaboration, kind: str, data: dict[str, object], now: datetime) -> None:
    people = (collaboration.person_id, collaboration.asked_by_id)
    rings = [f"person:{p}" for p in people if p is not None]
    journal.record(actor, [journal.Fact(KIND, collaboration.pk, f"collaboration.{kind}", now, data, rings)], now=now)
    keep(KIND, collaboration.pk, now)


def _open(actor: Actor, collaboration_id: int) -> Collaboration:
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
    found = _open(actor, collaboration_id)
    in_department = actor.department_id == found.department_id and "desk.answer" in actor.rights
    if not in_department and "desk.assign" not in actor.rights:
        raise Denied("desk.answer")
    found.answer, found.state = _text("answer", answer), Collaboration.State.ANSWERED
    found.answered_by, found.answered_at = actor.person, now
    found.save(update_fields=["answer", "state", "answered_by", "answered_at"])
    _record(actor, found, "answered", {"metric": "collaboration"}, now)
    alerts.withdraw(KIND, [found.pk], now)
    _wake(actor, found, "collaboration_answered", now)
    return found


@short
def withdraw(*, actor: Actor, collaboration_id: int, now: datetime) -> Collaboration:
    """The question is no longer needed."""
    found = _open(actor, collaboration_id)
    require_handle(actor, found.ticket)
    _take_back(actor, found, now)
    _wake(actor, found, "collaboration_withdrawn", now)
    return found


def withdraw_all(actor: Actor, ticket: Ticket, now: datetime) -> None:
    """Take back all open questions of a locked ticket that is none any more; their alerts stop too."""
    ids = ticket.collaborations.filter(state=Collaboration.State.ASKED).values_list("pk", flat=True)
    for found in lock_many(list(ids), False).values():
        _take_back(actor, found, now)


def _take_back(actor: Actor, found: Collaboration, now: datetime) -> None:
    found.state = Collaboration.State.WITHDRAWN
    found.save(update_fields=["state"])
    _record(actor, found, "withdrawn", {"metric": "collaboration"}, now)
    alerts.withdraw(KIND, [found.pk], now)


def _wake(actor: Actor, found: Collaboration, kind: str, now: datetime) -> None:
    """Tell the ticket; it goes on when nothing else that it waits for is open."""
    ticket = found.ticket
    facts = [fact(ticket, kind, now, {"collaboration": found.pk, "department": found.department.code})]
    waits = ticket.collaborations.filter(state=Collaboration.State.ASKED, holds_ticket=True).exists()
    if ticket.status == lifecycle.WAITING and ticket.waiting_for == "department" and not waits:
        facts.append(handling.resumed(ticket, now))
    settle(actor, ticket, facts, now=now)
