"""How every verb on a ticket begins and ends: lock, permit, decide; then apply, record, keep the clocks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from jiying.alerts.services import reading as alerts
from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, NotFound
from jiying.clocks.queries import next_due
from jiying.clocks.services.keeping import keep
from jiying.core import lifecycle
from jiying.desk.models import Ticket, TicketTimer

KIND = "ticket"
QUEUE = "queue"  # the doorbell of tickets that wait for anybody of any team
# Facts that change the status or who is responsible.
STEPS = frozenset(
    f"ticket.{kind}"
    for kind in (
        *("opened", "assigned", "unassigned", "accepted", "held", "resumed", "solved"),
        *("rejected", "confirmed", "closed", "reopened", "cancelled", "merged"),
    )
)

# Facts that end or re-date clocks without keeping any promise.
EXCUSES = frozenset(
    f"ticket.{kind}" for kind in ("assigned", "unassigned", "held", "reclassified", "cancelled", "merged")
)
MOMENT = timedelta(microseconds=1)


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
        raise Conflict.one("wrong_state", verb=verb, status=ticket.status) from None


def expect_revision(ticket: Ticket, revision: int | None) -> None:
    """Refuse a form that was made from an older state of the ticket."""
    if revision is not None and revision != ticket.revision:
        raise Conflict.one("stale")


def wake(ticket: Ticket, kind: str, at: datetime) -> None:
    """Set a timer of a locked ticket."""
    fresh = {"wake_at": at, "parked_at": None, "attempts": 0}
    TicketTimer.objects.update_or_create(ticket=ticket, kind=kind, defaults=fresh)


def waits_for_anybody(ticket: Ticket) -> bool:
    return ticket.assignee_id is None and ticket.team_id is None


def rings(ticket: Ticket, *others: int | None) -> list[str]:
    """The doorbells of a ticket's fact: its people and its team, or all who may take what waits for anybody."""
    people = [ticket.assignee_id, *others]
    topics = [f"person:{p}" for p in people if p is not None]
    if waits_for_anybody(ticket):
        topics.append(QUEUE)
    return [*topics, *([f"team:{ticket.team_id}"] if ticket.team_id else [])]


def fact(
    ticket: Ticket, kind: str, at: datetime, data: Mapping[str, Any] | None = None, tell: Collection[int | None] = ()
) -> journal.Fact:
    """A fact of this ticket that rings for its people, its team, and those to `tell` besides."""
    return journal.Fact(KIND, ticket.pk, f"ticket.{kind}", at, data or {}, rings(ticket, *tell))


def with_queue(facts: Sequence[journal.Fact], was_waiting: bool) -> list[journal.Fact]:
    """The same facts; where the ticket waited for anybody until now, those who might have taken it hear them too."""
    return [replace(f, rings=[*f.rings, QUEUE]) for f in facts] if was_waiting else list(facts)


def woken(ticket: Ticket, now: datetime) -> list[journal.Fact]:
    """What is told when a waiting ticket goes to other hands: the wait is over, else its clocks would rest for ever."""
    return [fact(ticket, "resumed", now)] if ticket.status == lifecycle.WAITING else []


def in_order(ticket: Ticket, facts: Sequence[journal.Fact]) -> list[journal.Fact]:
    """No step is dated before the one that led to it: a late message wakes the wait it answers, not one to come.

    Also where two processes disagree about the time. What was said keeps its own instant.
    """
    if STEPS.isdisjoint(f.kind for f in facts):
        return list(facts)
    last = journal.last_at(KIND, ticket.pk, STEPS)
    if last is None:
        return list(facts)
    return [replace(f, at=last) if f.at < last and f.kind in STEPS else f for f in facts]


def after_breaches(ticket: Ticket, facts: Sequence[journal.Fact]) -> list[journal.Fact]:
    """What takes a clock away without keeping its promise comes after a breach that is a fact already (C14).

    Else a ticket that is handed on in the very second in which its acceptance was due would never have been late.
    What does keep a promise may come at the due instant itself, and is in time then (C12).
    """
    if EXCUSES.isdisjoint(f.kind for f in facts):
        return list(facts)
    last = journal.last_at(KIND, ticket.pk, ("clock.breached",))
    if last is None:
        return list(facts)
    return [replace(f, at=last + MOMENT) if f.at <= last and f.kind in EXCUSES else f for f in facts]


def settle(actor: Actor, ticket: Ticket, facts: Sequence[journal.Fact], *, now: datetime) -> None:
    """Record the facts, fold the clocks anew, and write the ticket's row with its next due instant."""
    journal.record(actor, in_order(ticket, after_breaches(ticket, facts)), now=now)
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
