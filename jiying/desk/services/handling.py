"""The verbs of an agent's day (D3, D4): accept, hold, resume, resolve, confirm, close, reopen, cancel, merge …"""

from datetime import datetime, timedelta
from typing import Any

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.clocks import queries as clocks
from jiying.core import lifecycle
from jiying.core.standards import HOLD_REASONS, PRIORITIES
from jiying.desk.models import Ticket, TicketTimer
from jiying.desk.policies import could_hold, require_customers_or_handle, require_handle, require_visible
from jiying.desk.services import codes, flows, lapsing, lines, loads, telling, triage
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
)

_NOTHING_BOOKED = codes.Booked()


@short
def accept(*, actor: Actor, number: str, at: datetime | None = None, now: datetime) -> Ticket:
    """The assigned agent says "mine"; an unassigned ticket of the queue is taken. Nobody takes another's ticket.

    `at`: when it was, where a system tells it later; never open to people.
    """
    require(actor, "desk.handle")
    ticket = lock(number)
    taken = ticket.assignee_id not in (None, actor.id)
    if taken and ticket.team_id == actor.team_id:  # a colleague was quicker: say so, though it is out of sight now
        raise Conflict.one("taken", "assignee")
    require_visible(actor, ticket)
    if taken:
        raise Conflict.one("taken", "assignee")
    decide(ticket, "accept")
    if actor.id is None:
        raise Denied("desk.handle")
    facts = []
    was_waiting, from_queue = waits_for_anybody(ticket), ticket.assignee_id is None
    if from_queue:
        ticket.assignee_id, ticket.assigned_at = actor.id, now
        ticket.team_id = ticket.team_id or actor.team_id
        facts.append(fact(ticket, "assigned", now, {"to": actor.id, "why": {"decided_by": "taken"}}))
        TicketTimer.objects.filter(ticket=ticket, kind="route").update(wake_at=None)
    facts.append(accepted(ticket, min(at or now, now)))
    settle(actor, ticket, with_queue(facts, was_waiting), now=now)
    if from_queue:
        loads.take_anyway(actor.id, ticket.channel, now)
    return ticket


def accepted(ticket: Ticket, now: datetime) -> journal.Fact:
    """Mark a locked ticket as accepted by its assignee."""
    ticket.status, ticket.accepted_at = lifecycle.ACCEPTED, ticket.accepted_at or now
    telling.assigned_is_settled(ticket, now)
    return fact(ticket, "accepted", now, {"by": ticket.assignee_id})


@short
def hold(
    *, actor: Actor, number: str, reason: str, note: str = "", revision: int | None = None, now: datetime
) -> Ticket:
    """Wait for the customer, a third party or a department; the standard says which clocks pause."""
    ticket = lock(number)
    require_handle(actor, ticket)
    expect_revision(ticket, revision)
    settle(actor, ticket, [held(ticket, reason, note, now)], now=now)
    return ticket


def held(ticket: Ticket, reason: str, note: str, now: datetime) -> journal.Fact:
    """Put a locked ticket on hold."""
    if reason not in HOLD_REASONS:
        raise Invalid.one("reason", "unknown_value", value=reason, known=", ".join(HOLD_REASONS))
    step = decide(ticket, "hold")
    ticket.status, ticket.waiting_for = step.after, reason
    return fact(ticket, "held", now, {"reason": reason, "note": note})


@short
def resume(*, actor: Actor, number: str, now: datetime) -> Ticket:
    """Work goes on."""
    ticket = lock(number)
    require_handle(actor, ticket)
    decide(ticket, "resume")
    settle(actor, ticket, [resumed(ticket, now)], now=now)
    return ticket


def resumed(ticket: Ticket, now: datetime) -> journal.Fact:
    ticket.status, ticket.waiting_for = lifecycle.IN_PROGRESS, ""
    return fact(ticket, "resumed", now)


@short
def resolve(
    *,
    actor: Actor,
    number: str,
    note: str = "",
    booked: codes.Booked = _NOTHING_BOOKED,
    revision: int | None = None,
    now: datetime,
) -> Ticket:
    """Solved, says the agent; the customer's confirmation or silence ends it (C13b). Frees the agent's place.

    `booked` are the codes of cause, solution and process step, which the category may require (D5a).
    """
    ticket = lock(number)
    require_handle(actor, ticket)
    expect_revision(ticket, revision)
    was_carried = loads.carried(ticket)
    step = decide(ticket, "resolve")
    flows.refuse_open(ticket)
    chosen = codes.book(actor, ticket, booked, now)
    ticket.status, ticket.waiting_for, ticket.resolved_at = step.after, "", now
    flows.end_all(actor, ticket, now)
    lines.end_all(actor, ticket, now)
    settle(actor, ticket, [fact(ticket, "solved", now, {"note": note, **chosen})], now=now)
    silence = timedelta(seconds=clocks.standard_of(KIND, ticket.pk, now).confirmation_s)
    wake(ticket, "close", now + silence)
    if was_carried and ticket.assignee_id:
        loads.give_back(ticket.assignee_id, ticket.channel, now)
    return ticket


@short
def confirm(*, actor: Actor, number: str, now: datetime) -> Ticket:
    """The customer confirms that it is solved (told to the desk by any way)."""
    ticket = lock(number)
    require_customers_or_handle(actor, ticket)
    decide(ticket, "confirm")
    _end(actor, ticket, "confirmed", {}, now)
    return ticket


@short
def close(*, actor: Actor, number: str, note: str = "", now: datetime) -> Ticket:
    """Close a resolved ticket without waiting for the customer."""
    ticket = lock(number)
    require_handle(actor, ticket)
    decide(ticket, "close")
    _end(actor, ticket, "closed", {"note": note}, now)
    return ticket


def _end(actor: Actor, ticket: Ticket, kind: str, data: dict[str, Any], now: datetime) -> None:
    ticket.status, ticket.ended_at = lifecycle.CLOSED, now
    settle(actor, ticket, [*lapsing.lapse_all(ticket, now), fact(ticket, kind, now, data)], now=now)
    TicketTimer.objects.filter(ticket=ticket).update(wake_at=None)


@short
def reject(*, actor: Actor, number: str, note: str = "", now: datetime) -> Ticket:
    """Not solved, says the customer: the same resolution clock runs on."""
    ticket = lock(number)
    require_customers_or_handle(actor, ticket)
    decide(ticket, "reject")
    settle(actor, ticket, rejected(ticket, note, now), now=now)
    return ticket


def rejected(ticket: Ticket, note: str, now: datetime) -> list[journal.Fact]:
    """Take a resolved ticket back into work."""
    return _back_to_work(ticket, "rejected", {"note": note}, now)


def _back_to_work(ticket: Ticket, kind: str, data: dict[str, Any], now: datetime) -> list[journal.Fact]:
    """To the agent who had it; to the queue where nobody had, or where that agent left or may not handle it now."""
    before = ticket.assignee
    facts = [fact(ticket, kind, now, data)]
    if before is not None and not could_hold(before):
        ticket.assignee = None
        why = {"decided_by": "agent_gone"}
        facts.append(fact(ticket, "unassigned", now, {"from": before.pk, "why": why}, tell=[before.pk]))
    ticket.status = lifecycle.IN_PROGRESS if ticket.assignee_id else lifecycle.NEW
    ticket.resolved_at = ticket.ended_at = None
    TicketTimer.objects.filter(ticket=ticket, kind="close").update(wake_at=None)
    if ticket.assignee_id:
        loads.take_anyway(ticket.assignee_id, ticket.channel, now)
    else:
        wake(ticket, "route", now)
    return facts


@short
def reopen(*, actor: Actor, number: str, reason: str = "", now: datetime) -> Ticket:
    """Start over a resolved or closed ticket: a new resolution clock, the old result stays."""
    ticket = lock(number)
    require_handle(actor, ticket)
    decide(ticket, "reopen")
    settle(actor, ticket, [*reopened(ticket, reason, now), *lines.by_rule(ticket, "reopened", now)], now=now)
    return ticket


def reopened(ticket: Ticket, reason: str, now: datetime) -> list[journal.Fact]:
    return _back_to_work(ticket, "reopened", {"reason": reason}, now)


@short
def cancel(*, actor: Actor, number: str, reason: str, now: datetime) -> Ticket:
    """Not a request after all (test, spam, withdrawn by the customer)."""
    ticket = lock(number)
    require_visible(actor, ticket)
    if "desk.cancel" not in actor.rights and not (ticket.assignee_id == actor.id and "desk.handle" in actor.rights):
        raise Denied("desk.cancel")
    if not reason.strip():
        raise Invalid.one("reason", "required", field="reason")
    step = decide(ticket, "cancel")
    _stop(actor, ticket, step.after, fact(ticket, "cancelled", now, {"reason": reason}), now)
    return ticket


@short
def merge(*, actor: Actor, number: str, into: str, now: datetime) -> Ticket:
    """Mark a ticket as a duplicate of another one; its clocks end as cancelled, its alerts stop."""
    if number == into:
        raise Invalid.one("into", "same_ticket")
    first = {t.number: t.pk for t in Ticket.objects.filter(number__in=(number, into))}
    lock_many(list(first.values()), False)  # both at once and in order of id, so that two merges cannot wait in a ring
    ticket, target = lock(number), lock(into)
    for one in (ticket, target):
        require_visible(actor, one)
    if "desk.cancel" not in actor.rights and not (ticket.assignee_id == actor.id and "desk.handle" in actor.rights):
        raise Denied("desk.cancel")
    if target.status in (lifecycle.CANCELLED, lifecycle.MERGED):
        raise Conflict.one("merge_target_ended", "into", number=into)
    step = decide(ticket, "merge")
    ticket.merged_into = target
    _stop(actor, ticket, step.after, fact(ticket, "merged", now, {"into": target.number}), now)
    journal.record(actor, [fact(target, "received_duplicate", now, {"number": ticket.number})], now=now)
    return ticket


def _stop(actor: Actor, ticket: Ticket, status: str, last: journal.Fact, now: datetime) -> None:
    """End a ticket that is none any more: nobody waits for what was asked about it, its alerts stop."""
    from jiying.desk.services import collaboration

    collaboration.withdraw_all(actor, ticket, now)
    flows.end_all(actor, ticket, now)
    lines.end_all(actor, ticket, now)
    place = ticket.assignee_id if loads.carried(ticket) else None
    ticket.status, ticket.ended_at, ticket.waiting_for = status, now, ""
    settle(actor, ticket, [*lapsing.lapse_all(ticket, now), last], now=now)
    TicketTimer.objects.filter(ticket=ticket).update(wake_at=None)
    if place is not None:
        loads.give_back(place, ticket.channel, now)


@short
def set_priority(
    *, actor: Actor, number: str, priority: str, reason: str, revision: int | None = None, now: datetime
) -> Ticket:
    """Change the priority by hand, with a reason; the clocks take the new target from the same start (C13)."""
    require(actor, "desk.priority")
    ticket = lock(number)
    require_visible(actor, ticket)
    expect_revision(ticket, revision)
    if priority not in PRIORITIES:
        raise Invalid.one("priority", "unknown_value", value=priority, known=", ".join(PRIORITIES))
    if not reason.strip():
        raise Invalid.one("reason", "required", field="reason")
    decide(ticket, "priority")
    before = ticket.priority
    if before == priority:
        return ticket
    by_rule = actor.kind == "automation"  # then `reason` is the title of the automation
    ticket.priority, ticket.priority_source = priority, "rule" if by_rule else "manual"
    about = {"automation": reason} if by_rule else {"manual": True, "reason": reason, "by": actor.id}
    ticket.priority_reason = {**about, "before": before}
    data = {"priority": priority, "before": {"priority": before}, "reason": reason}
    settle(actor, ticket, [fact(ticket, "reclassified", now, data)], now=now)
    return ticket


@short
def reclassify(
    *,
    actor: Actor,
    number: str,
    category: str | None = None,
    channel: str | None = None,
    tags: list[str] | None = None,
    revision: int | None = None,
    now: datetime,
) -> Ticket:
    """Correct category, channel or tags; clocks follow where their standard tells rows apart by them."""
    ticket = lock(number)
    require_handle(actor, ticket)
    expect_revision(ticket, revision)
    decide(ticket, "reclassify")
    before: dict[str, Any] = {}
    if category is not None and category != ticket.category:
        triage.check_category(category)
        before["category"], ticket.category = ticket.category, category
    if channel is not None and channel != ticket.channel:
        if channel not in loads.DEFAULT_CAPACITY:
            raise Invalid.one("channel", "unknown_value", value=channel, known=", ".join(loads.DEFAULT_CAPACITY))
        before["channel"] = ticket.channel
        if loads.carried(ticket) and ticket.assignee_id:
            loads.change_channel(ticket.assignee_id, ticket.channel, channel, now)
        ticket.channel = channel
    if tags is not None and tags != ticket.tags:
        before["tags"], ticket.tags = ticket.tags, tags
    if before:
        data = {name: getattr(ticket, name) for name in before}
        begun = flows.follow_category(actor, ticket, now) if "category" in before else []
        settle(actor, ticket, [fact(ticket, "reclassified", now, {**data, "before": before}), *begun], now=now)
    return ticket


@short
def escalate(*, actor: Actor, number: str, level: int, reason: str, now: datetime) -> Ticket:
    """Raise a ticket to a higher level (升级, D3a): a label, and an alert to the responsible at once."""
    ticket = lock(number)
    require_handle(actor, ticket)
    decide(ticket, "escalate")
    if not 1 <= level <= 3:
        raise Invalid.one("level", "out_of_range", low=1, high=3)
    if not reason.strip():
        raise Invalid.one("reason", "required", field="reason")
    ticket.escalation = level
    told = telling.tell_escalated(ticket, now)
    data = {"level": level, "reason": reason}
    facts = [fact(ticket, "escalated", now, data, tell=told), *lines.by_rule(ticket, "escalated", now)]
    settle(actor, ticket, facts, now=now)
    return ticket
