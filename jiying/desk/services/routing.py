"""Gives tickets to agents: from the queue, by the accept rule, by hand. Two agents never get one ticket (D23, D24)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from jiying.base import due, journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import Person, Team
from jiying.base.transactions import short
from jiying.clocks import queries as clocks
from jiying.core import routing as core
from jiying.desk.models import RouteCall, Ticket, TicketTimer
from jiying.desk.policies import could_hold, require_visible
from jiying.desk.queries import ordered
from jiying.desk.services import loads, telling, triage
from jiying.desk.services.holding import (
    KIND,
    decide,
    expect_revision,
    fact,
    lock,
    lock_many,
    settle,
    waits_for_anybody,
    wake,
    with_queue,
    woken,
)

CALL_EVERY_S = 30
QUEUE_LOOK = 50  # waiting tickets that are held against an agent at a time


def give(
    actor: Actor, ticket: Ticket, person_id: int, now: datetime, *, why: dict[str, object], by_hand: bool = False
) -> bool:
    """Make a person responsible for a locked ticket; False if their last place went to somebody quicker."""
    step = decide(ticket, "assign")
    was_waiting = waits_for_anybody(ticket)
    before = ticket.assignee_id if loads.carried(ticket) else None
    if before is not None:
        loads.call(before, now)
        loads.hold([before, person_id], [ticket.channel])
    if by_hand:
        loads.take_anyway(person_id, ticket.channel, now)
    elif not loads.take(person_id, ticket.channel, now):
        return False
    facts = woken(ticket, now)
    telling.assigned_is_settled(ticket, now)
    ticket.assignee_id, ticket.assigned_at, ticket.status, ticket.waiting_for = person_id, now, step.after, ""
    team = triage.team_of(person_id)
    ticket.team_id = (team or ticket.team_id) if by_hand else (ticket.team_id or team)
    data = {"to": person_id, "from": before, "team_id": ticket.team_id, "why": why}
    if by_hand:
        data["by_hand"] = True
    facts.append(fact(ticket, "assigned", now, data, tell=[before]))
    settle(actor, ticket, with_queue(facts, was_waiting), now=now)
    if actor.id != person_id:
        telling.tell_assigned(ticket, now)
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
        if _pull(people[pk], now):
            loads.call(people[pk], now)  # one ticket a transaction: nobody waits long for it, the rest has its turn
    return len(claimed)


def _pull(person_id: int, now: datetime) -> bool:
    """Give one waiting ticket to this agent, if any fits: the first in the queue's order over all channels.

    What lacks the agent's skills is left out by the database, so that an agent costs as much at 10 waiting tickets as
    at 10,000, and none is out of sight however far behind it waits.
    """
    able = {channel: one for channel, one in triage.places_of(person_id).items() if one.load < one.capacity}
    if not able:
        return False
    ways = _queues(list(able), triage.team_of(person_id))
    skills = next(iter(able.values())).skills
    for tier in (Q(tier=core.VIP), ~Q(tier=core.VIP)):
        after = None
        fitting = [way & tier & triage.fitting(skills) for way in ways]
        while ids := ordered.by_due(fitting, QUEUE_LOOK, after):
            waiting = ordered.loaded(Ticket.objects.select_related("customer"), ids)
            if any(_offer(person_id, pick, ways, now) for pick in _picks(able, waiting)):
                return True
            if len(ids) < QUEUE_LOOK or not waiting:
                break
            after = ordered.Place(waiting[-1].next_due_at, waiting[-1].pk)
    return False


def _offer(person_id: int, pick: core.Pick, ways: Sequence[Q], now: datetime) -> bool:
    """Give a picked ticket to its agent; False if somebody else has it or holds it just now."""
    ticket = lock_many([pick.ticket], True).get(pick.ticket) if pick.ticket else None
    if ticket is None or ticket.assignee_id is not None or ticket.status != "new":
        return False
    n_waiting = ordered.counts({"": ways})[""]
    why = {"decided_by": "queue", "n_waiting": n_waiting, "passed_over": dict(pick.passed_over)}
    return give(SYSTEM, ticket, person_id, now, why=why)


def _picks(able: Mapping[str, core.Candidate], waiting: Sequence[Ticket]) -> list[core.Pick]:
    """For each channel the ticket that the agent would take there, in the order of the one queue."""
    queue = sorted((_waiting(ticket) for ticket in waiting), key=core.queue_order)
    places = {one.id: place for place, one in enumerate(queue)}
    picks = [
        core.pick_ticket(candidate, [one for one in queue if one.need.channel == channel])
        for channel, candidate in able.items()
    ]
    return sorted((p for p in picks if p.ticket is not None), key=lambda p: places[p.ticket or 0])


def _queues(channels: Sequence[str], team_id: int | None) -> list[Q]:
    """What waits on these channels, as ways for `ordered`: the team's queue, and nobody's in particular."""
    waiting = Q(assignee__isnull=True, status="new", channel__in=channels)
    teams = [Q(team__isnull=True)] if team_id is None else [Q(team_id=team_id), Q(team__isnull=True)]
    return [waiting & team for team in teams]


def _waiting(ticket: Ticket) -> core.Waiting:
    due_at = int(ticket.next_due_at.timestamp()) if ticket.next_due_at else None
    return core.Waiting(ticket.pk, triage.need_of(ticket, ticket.customer), int(ticket.received_at.timestamp()), due_at)


def route_waiting(ticket_ids: Sequence[int], now: datetime) -> None:
    """The timer of tickets that nobody could take when they came: one more try, in the caller's transaction.

    From then on they wait for an agent who becomes able (`serve_calls`): trying each of them again and again would
    cost by how many wait, not by how many places there are.
    """
    for ticket in lock_many(ticket_ids, True).values():
        if ticket.assignee_id is None and ticket.status == "new":
            route(ticket, now)


def call_able(now: datetime) -> None:
    """Ask everybody who has a place free to look through the queue, if anything waits there.

    For what no call tells of: skills, categories, teams and rights that were changed, a ticket that somebody held.
    """
    if Ticket.objects.filter(ended_at__isnull=True, assignee__isnull=True, status="new").exists():
        for person_id in triage.people_able():
            loads.call(person_id, now)


def route_unaccepted(ticket: Ticket, now: datetime) -> None:
    """The accept rule (D4) for a locked ticket: to somebody else, if its assignee is late still.

    Never once a public reply went out: a working agent is not robbed of the ticket (C13a).
    """
    late = {c.metric for c in clocks.of_subject(KIND, ticket.pk) if c.is_open and c.state == "breached"}
    if ticket.status == "assigned" and ticket.assignee_id and ticket.public_reply_at is None and "accept" in late:
        route(ticket, now, frozenset({ticket.assignee_id}))


# --- by hand ---------------------------------------------------------------------------------------------------------


@short
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
        decided_by = "automation" if actor.kind == "automation" else "hand"
        _to_person(actor, ticket, to_person, reason, now, decided_by=decided_by)
    elif to_team is not None:
        _to_team(actor, ticket, to_team, reason, now)
    else:
        raise Invalid.one("to", "required", field="to")
    return ticket


@short
def to_dedicated(*, actor: Actor, number: str, now: datetime) -> Ticket:
    """One touch gives a VIP's ticket to the agent who is theirs (D11)."""
    ticket = lock(number)
    require_visible(actor, ticket)
    if "desk.assign" not in actor.rights and not (ticket.assignee_id == actor.id and "desk.handle" in actor.rights):
        raise Denied("desk.assign")
    dedicated = ticket.customer.dedicated_id if ticket.customer else None
    if dedicated is None or dedicated == ticket.assignee_id:
        raise Conflict.one("no_dedicated")
    _to_person(actor, ticket, dedicated, "", now, decided_by="dedicated")
    return ticket


def _to_person(
    actor: Actor, ticket: Ticket, person_id: int, reason: str, now: datetime, decided_by: str = "hand"
) -> None:
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None:
        raise Invalid.one("to", "not_found", kind="person", key=person_id)
    decide(ticket, "assign")
    if ticket.assignee_id == person_id:
        return  # a second click: nothing to hand over, and no new accept clock for whoever accepted before
    if not could_hold(person):
        raise Invalid.one("to", "cannot_hold", name=person.name)
    give(actor, ticket, person_id, now, why={"decided_by": decided_by, "reason": reason}, by_hand=True)


@short
def give_back_of(number: str, person: Person, now: datetime) -> None:
    """A ticket of somebody who was switched off goes to its team's queue and is routed again (D24)."""
    ticket = lock(number)
    team_id = ticket.team_id or person.team_id
    if ticket.assignee_id == person.pk and team_id is not None:
        _to_team(SYSTEM, ticket, team_id, "", now, decided_by="agent_gone")


def _to_team(
    actor: Actor, ticket: Ticket, team_id: int, reason: str, now: datetime, *, decided_by: str = "hand"
) -> None:
    if not Team.objects.filter(pk=team_id).exists():
        raise Invalid.one("to", "not_found", kind="team", key=team_id)
    step = decide(ticket, "unassign")
    was_waiting = waits_for_anybody(ticket)
    before = ticket.assignee_id if loads.carried(ticket) else None
    facts = woken(ticket, now)
    ticket.assignee_id, ticket.team_id, ticket.status, ticket.waiting_for = None, team_id, step.after, ""
    data = {"from": before, "team_id": team_id, "reason": reason, "why": {"decided_by": decided_by}}
    facts.append(fact(ticket, "unassigned", now, data, tell=[before]))
    settle(actor, ticket, with_queue(facts, was_waiting), now=now)
    wake(ticket, "route", now + timedelta(seconds=1))
    if before is not None:
        loads.give_back(before, ticket.channel, now)


@short
def set_presence(*, actor: Actor, person_id: int, presence: str, reason: str = "", now: datetime) -> Person:
    """An agent's presence (D27), an event of its own; who comes online is offered what waits."""
    if actor.id != person_id and "desk.assign" not in actor.rights:
        raise Denied("desk.assign")
    if presence not in dict(Person._meta.get_field("presence").choices or ()):
        raise Invalid.one("presence", "unknown_value", value=presence, known="online, busy, away, break, offline")
    # Not FOR UPDATE: rows that name this person are written meanwhile, and their writer may hold the route call.
    person = Person.objects.select_for_update(no_key=True).filter(pk=person_id).first()
    if person is None:
        raise NotFound("person", person_id)
    if len(reason) > 60:
        raise Invalid.one("reason", "too_long", limit=60, length=len(reason))
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
