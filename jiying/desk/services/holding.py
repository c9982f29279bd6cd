"""How every verb on a ticket begins and ends: lock, permit, decide; then apply, record, keep the clocks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from jiying.alerts.services import reading as alerts
from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, NotFound
from jiying.clocks.queries import next_due
from jiying.clocks.services.keeping import keep
from jiying.core import lifecycle
from jiying.desk.models import Ticket

KIND = "ticket"


def lock_many(ids: Collection[int], skip_locked: bool) -> Mapping[int, Ticket]:
    """The one way to lock tickets: in order of id. `skip_locked` leaves those that somebody holds just now."""
    rows = Ticket.objects.select_for_update(skip_locked=skip_locked, of=("self",)).filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows}


def lock(reference: str | int) -> Ticket:
    """One ticket by number or id, locked."""
    key = Q(number=reference) if isinstance(reference, str) else Q(pk=reference)
    ticket = Ticket.objects.select_for_update(of=("self",)).filter(key).first()
    if ticket is None:
        raise NotFound("ticket", reference)
    return ticket


def decide(ticket: Ticket, verb: str) -> lifecycle.Step:
    """The change of status that a verb makes; refused with the reason where the status does not allow it."""
    try:
        return lifecycle.step(verb, ticket.status)
    except lifecycle.NotAllowed:
        raise Conflict.one("wrong_state", verb=verb, status=ticket.get_status_display()) from None


def expect_revision(ticket: Ticket, revision: int | None) -> None:
    """Refuse a form that was made from an older state of the ticket."""
    if revision is not None and revision != ticket.revision:
        raise Conflict.one("stale")


def rings(ticket: Ticket, *others: int | None) -> list[str]:
    """The doorbells of a ticket's fact: its people and its team."""
    people = [ticket.assignee_id, *others]
    topics = [f"person:{p}" for p in people if p is not None]
    return [*topics, *([f"team:{ticket.team_id}"] if ticket.team_id else [])]


def fact(ticket: Ticket, kind: str, at: datetime, data: Mapping[str, Any] | None = None) -> journal.Fact:
    return journal.Fact(KIND, ticket.pk, f"ticket.{kind}", at, data or {}, rings(ticket))


def settle(actor: Actor, ticket: Ticket, facts: Sequence[journal.Fact], *, now: datetime) -> None:
    """Record the facts, fold the clocks anew, and write the ticket's row with its next due instant."""
    journal.record(actor, facts, now=now)
    clocks = keep(KIND, ticket.pk, now)
    ticket.next_due_at, ticket.is_late = next_due(clocks)
    ticket.revision += 1
    ticket.save()
    if ticket.is_ended or ticket.status == lifecycle.RESOLVED:
        alerts.withdraw(KIND, [ticket.pk], now=now)


def copy_due(held: Mapping[int, Ticket]) -> None:
    """After the sweep fired points: give these locked tickets their next due instant again, in three statements."""
    from jiying.clocks.models import Clock

    clocks: dict[int, list[Clock]] = {pk: [] for pk in held}
    for clock in Clock.objects.filter(subject_kind=KIND, subject_id__in=held, ended_at__isnull=True):
        clocks[clock.subject_id].append(clock)
    changed = []
    for pk, ticket in held.items():
        due, late = next_due(clocks[pk])
        if (due, late) != (ticket.next_due_at, ticket.is_late):
            ticket.next_due_at, ticket.is_late = due, late
            changed.append(ticket)
    if changed:
        Ticket.objects.bulk_update(changed, ["next_due_at", "is_late"])
