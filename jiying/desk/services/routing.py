"""Gives tickets to agents: from the queue, by the accept rule, by hand. Two agents never get one ticket (D23, D24)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from jiying.base import due, journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Denied, Invalid
from jiying.base.models import Person, Team
from jiying.core import routing as core
from jiying.desk.models import RouteCall, Ticket, TicketTimer
from jiying.desk.policies import require_visible
from jiying.desk.services import loads, triage
from jiying.desk.services.holding import decide, expect_revision, fact, lock, lock_many, settle

ROUTE_AGAIN = timedelta(seconds=30)
QUEUE_LOOK = 200  # how many waiting tickets an agent who became able is held against


def give(
    actor: Actor, ticket: Ticket, person_id: int, now: datetime, *, why: dict[str, object], by_hand: bool = False
) -> bool:
    """Make a person responsible for a locked ticket; False if their last place went to somebody quicker."""
    if by_hand:
        loads.take_anyway(person_id, ticket.channel, now)
    elif not loads.take(person_id, ticket.channel, now):
        return False
    before = ticket.assignee_id if loads.carried(ticket) else None
    step = decide(ticket, "assign")
    ticket.assignee_id, ticket.assigned_at, ticket.status, ticket.waiting_for = person_id, now, step.after, ""
    ticket.team_id = ticket.team_id or triage.team_of(person_id)
    data = {"to": person_id, "from": before, "why": why, **({"by_hand": True} if by_hand else {})}
    settle(actor, ticket, [fact(ticket, "assigned", now, data)], now=now)
    TicketTimer.objects.filter(ticket=ticket, kind="route").update(wake_at=None)
    if before is not None:
        loads.give_back(before, ticket.channel, now)
    return True


def route(ticket: Ticket, now: datetime, tried: frozenset[int] = frozenset()) -> bool:
    """Find an agent for a locked, unassigned (or unaccepted) ticket among those who are able now."""
    for _try in range(5):
        need = triage.need_of(ticket, ticket.customer, tried)
        choice = core.choose(need, triage.candidates(ticket.channel, ticket.team_id))
        if choice.person is None:
            return False
        if give(SYSTEM, ticket, choice.person, now, why=choice.as_data()):
            return True
        tried |= {choice.person}
    return False


# --- sweeps ----------------------------------------------------------------------------------------------------------


def serve_calls(ids: Sequence[int], now: datetime) -> int:
    """Agents who became able: each gets what fits of the queue, in order of due time, until the places are full."""
    people = dict(RouteCall.objects.filter(pk__in=ids).values_list("pk", "person_id"))
    claimed = due.claim(RouteCall, ids, now)
    for pk in sorted(claimed):
        while _pull(people[pk], now):
            pass
    return len(claimed)


def _pull(person_id: int, now: datetime) -> bool:
    """Give one waiting ticket to this agent, if any fits."""
    candidates = {c: triage.candidates(c, person_id=person_id) for c in loads.DEFAULT_CAPACITY}
    able = {channel: found[0] for channel, found in candidates.items() if found and found[0].load < found[0].capacity}
    if not able:
        return False
    team_id = Person.objects.values_list("team_id", flat=True).get(pk=person_id)
    waiting = _queue(list(able), team_id)
    for channel, candidate in able.items():
        choice = core.pick_ticket(candidate, [_waiting(t) for t in waiting if t.channel == channel])
        if choice.ticket is None:
            continue
        held = lock_many([choice.ticket], True)
        ticket = held.get(choice.ticket)
        if ticket is None or ticket.assignee_id is not None or ticket.status != "new":
            continue  # somebody else has it, or holds it just now: its own timer routes it again
        why = {"decided_by": "queue", "n_waiting": choice.n_waiting, "passed_over": dict(choice.passed_over)}
        if give(SYSTEM, ticket, person_id, now, why=why):
            return True
    return False


def _queue(channels: Sequence[str], team_id: int | None) -> list[Ticket]:
    rows = Ticket.objects.filter(ended_at__isnull=True, assignee__isnull=True, status="new", channel__in=channels)
    rows = rows.filter(team_id=team_id) | rows.filter(team__isnull=True) if team_id else rows.filter(team__isnull=True)
    return list(rows.select_related("customer").order_by("next_due_at", "pk")[:QUEUE_LOOK])


def _waiting(ticket: Ticket) -> core.Waiting:
    due_at = int(ticket.next_due_at.timestamp()) if ticket.next_due_at else None
    return core.Waiting(ticket.pk, triage.need_of(ticket, ticket.customer), int(ticket.received_at.timestamp()), due_at)


def route_waiting(ticket_ids: Sequence[int], now: datetime) -> None:
    """The timer of tickets that nobody could take: try again, and again later (in the caller's transaction)."""
    for ticket in lock_many(ticket_ids, True).values():
        if ticket.assignee_id is None and ticket.status == "new" and not route(ticket, now):
            TicketTimer.objects.filter(ticket=ticket, kind="route").update(wake_at=now + ROUTE_AGAIN)


# --- by hand ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def transfer(
    *,
    actor: Actor,
    number: str,
    to_person: int | None = None,
    to_team: int | None = None,
    reason: str = "",
    revision: int | None = None,
    now: datetime,
) -> Ticket:
    """Give a ticket to another person, or back to a team's queue (D24). Own tickets, or with the right to assign."""
    ticket = lock(number)
    require_visible(actor, ticket)
    if "desk.assign" not in actor.rights and not (ticket.assignee_id == actor.id and "desk.handle" in actor.rights):
        raise Denied("desk.assign")
    expect_revision(ticket, revision)
    if to_person is not None:
        _to_person(actor, ticket, to_person, reason, now)
    elif to_team is not None:
        _to_team(actor, ticket, to_team, reason, now)
    else:
        raise Invalid.one("to", "required", field="to")
    return ticket


def _to_person(actor: Actor, ticket: Ticket, person_id: int, reason: str, now: datetime) -> None:
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None:
        raise Invalid.one("to", "not_found", kind="person", key=person_id)
    decide(ticket, "assign")
    ticket.team_id = person.team_id or ticket.team_id
    give(actor, ticket, person_id, now, why={"decided_by": "hand", "reason": reason}, by_hand=True)


def _to_team(actor: Actor, ticket: Ticket, team_id: int, reason: str, now: datetime) -> None:
    if not Team.objects.filter(pk=team_id).exists():
        raise Invalid.one("to", "not_found", kind="team", key=team_id)
    step = decide(ticket, "unassign")
    before = ticket.assignee_id if loads.carried(ticket) else None
    ticket.assignee_id, ticket.team_id, ticket.status, ticket.waiting_for = None, team_id, step.after, ""
    settle(actor, ticket, [fact(ticket, "unassigned", now, {"from": before, "reason": reason})], now=now)
    TicketTimer.objects.update_or_create(
        ticket=ticket, kind="route", defaults={"wake_at": now + timedelta(seconds=1), "parked_at": None}
    )
    if before is not None:
        loads.give_back(before, ticket.channel, now)


@transaction.atomic
def set_presence(*, actor: Actor, person_id: int, presence: str, reason: str = "", now: datetime) -> Person:
    """An agent's presence (D27), an event of its own; who comes online is offered what waits."""
    if actor.id != person_id and "desk.assign" not in actor.rights:
        raise Denied("desk.assign")
    if presence not in dict(Person._meta.get_field("presence").choices or ()):
        raise Invalid.one("presence", "unknown_value", value=presence, known="online, busy, away, break, offline")
    person = Person.objects.select_for_update().get(pk=person_id)
    if (person.presence, person.presence_reason) == (presence, reason):
        return person
    data = {"from": person.presence, "to": presence, "reason": reason}
    person.presence, person.presence_reason, person.presence_at = presence, reason, now
    person.save(update_fields=["presence", "presence_reason", "presence_at"])
    topics = [f"person:{person_id}", *([f"team:{person.team_id}"] if person.team_id else [])]
    journal.record(actor, [journal.Fact("person", person_id, "person.presence", now, data, topics)], now=now)
    if presence == "online":
        loads.call(person_id, now)
    return person
