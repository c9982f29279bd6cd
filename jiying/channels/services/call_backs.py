"""The call-back list (D17): who called in vain is called, by one agent, until they are reached or given up.

A claim is a compare-and-set, so that two agents never call one customer; with it the ticket is the claimer's.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Max

from jiying.base import journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Denied, NotFound
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.channels.models import CallBack, PhoneCall
from jiying.channels.policies import may_see_call_back
from jiying.core import lifecycle
from jiying.desk.policies import could_hold
from jiying.desk.services import routing
from jiying.desk.services.holding import fact

State = CallBack.State
OPEN = (State.OPEN, State.CLAIMED)
MAX_TRIES = 5
PAUSES_MIN = (10, 30, 60, 120)  # before the next try


def missed(call: PhoneCall, now: datetime) -> None:
    """In the caller's transaction: the caller is to be called, once for all calls of theirs. None for calls out."""
    if call.direction == "out" or call.ticket is None:
        return
    row = call.call_back
    is_told = row is not None
    if row is None and call.caller:
        row = CallBack.objects.filter(number=call.caller, state__in=OPEN).first()
    if row is None:
        row = CallBack.objects.create(
            number=call.caller, customer=call.ticket.customer, ticket=call.ticket, called_at=call.begun_at
        )
    if not is_told:  # each call in vain is told of on its own ticket, also a second one of the same caller
        journal.record(SYSTEM, [fact(call.ticket, "call_missed", now, {"call_back": row.pk})], now=now)
    call.call_back = row
    call.save(update_fields=["call_back"])
    latest = row.calls.aggregate(at=Max("begun_at"))["at"]
    CallBack.objects.filter(pk=row.pk).update(called_at=latest)


def talked(call: PhoneCall, now: datetime) -> None:
    """In the caller's transaction: it was not missed after all, or they have been called: nobody need call any more."""
    number = call.caller if call.direction == "in" else call.called
    rows = CallBack.objects.filter(number=number, state__in=OPEN) if number else CallBack.objects.none()
    for row in list(rows) + ([call.call_back] if call.call_back and call.call_back not in rows else []):
        own = row.pk == call.call_back_id
        is_untouched = row.state == State.OPEN and row.n_tries == 0
        if own and is_untouched and not row.calls.exclude(pk=call.pk).exists():
            call.call_back = None
            call.save(update_fields=["call_back"])
            row.delete()
        elif row.state in OPEN and row.called_at <= call.begun_at:
            ended = State.DONE if row.state == State.CLAIMED else State.WITHDRAWN
            CallBack.objects.filter(pk=row.pk, state=row.state).update(state=ended, ended_at=now)


# --- verbs -----------------------------------------------------------------------------------------------------------


@short
def claim(*, actor: Actor, call_back_id: int, now: datetime) -> CallBack:
    """ "I call them." Whoever comes second is told so."""
    require(actor, "desk.handle")
    row = _visible(actor, call_back_id)
    taken = CallBack.objects.filter(pk=row.pk, state=State.OPEN).update(
        state=State.CLAIMED, claimed_by=actor.person, claimed_at=now
    )
    if not taken:
        raise Conflict.one("call_back_taken")
    ticket = row.ticket
    waits = ticket.assignee_id != actor.id and ticket.status in (lifecycle.NEW, lifecycle.ASSIGNED)
    if waits and actor.person is not None and could_hold(actor.person):
        routing.transfer(actor=SYSTEM, number=ticket.number, to_person=actor.person.pk, now=now)
    row.refresh_from_db()
    _record(actor, row, "call_back_claimed", now)
    return row


@short
def reached(*, actor: Actor, call_back_id: int, now: datetime) -> CallBack:
    """They were talked with; the call itself stands on the ticket."""
    return _end_claim(actor, call_back_id, now, state=State.DONE, kind="call_back_done", ended_at=now)


@short
def not_reached(*, actor: Actor, call_back_id: int, now: datetime) -> CallBack:
    """Nobody answered: back on the list after a while, or given up after the last try."""
    n = _claimed(actor, call_back_id).n_tries + 1
    if n >= MAX_TRIES:
        about = {"state": State.GIVEN_UP, "n_tries": n, "ended_at": now}
        return _end_claim(actor, call_back_id, now, kind="call_back_given_up", **about)
    pause = timedelta(minutes=PAUSES_MIN[min(n, len(PAUSES_MIN)) - 1])
    about = {"state": State.OPEN, "n_tries": n, "not_before": now + pause, "claimed_by": None, "claimed_at": None}
    return _end_claim(actor, call_back_id, now, kind="call_back_not_reached", **about)


@short
def release(*, actor: Actor, call_back_id: int, now: datetime) -> CallBack:
    """Put it back for others without a try."""
    about = {"state": State.OPEN, "claimed_by": None, "claimed_at": None}
    return _end_claim(actor, call_back_id, now, kind="call_back_released", **about)


def _end_claim(actor: Actor, call_back_id: int, now: datetime, *, kind: str, **about: object) -> CallBack:
    row = _claimed(actor, call_back_id)
    if not CallBack.objects.filter(pk=row.pk, state=State.CLAIMED, claimed_by=row.claimed_by).update(**about):
        raise Conflict.one("stale")
    row.refresh_from_db()
    _record(actor, row, kind, now)
    return row


def _claimed(actor: Actor, call_back_id: int) -> CallBack:
    """One's own claim; anybody's with the right to assign."""
    row = _visible(actor, call_back_id)
    if row.state != State.CLAIMED:
        raise Conflict.one("call_back_not_claimed")
    if row.claimed_by_id != actor.id and "desk.assign" not in actor.rights:
        raise Denied("desk.assign")
    return row


def _visible(actor: Actor, call_back_id: int) -> CallBack:
    row = CallBack.objects.select_related("ticket").filter(pk=call_back_id).first()
    if row is None or not may_see_call_back(actor, row.ticket):
        raise NotFound("call_back", call_back_id)
    return row


def _record(actor: Actor, row: CallBack, kind: str, now: datetime) -> None:
    told = fact(row.ticket, kind, now, {"call_back": row.pk})
    journal.record(actor, [told], now=now)


def erase(ticket_ids: Sequence[int], with_texts: bool) -> None:
    """The numbers of erased customers' calls go, and the links to what was said where texts go."""
    calls = PhoneCall.objects.filter(ticket__in=ticket_ids)
    calls.update(caller="", called="", events={})
    if with_texts:
        calls.update(recording_url="")
    CallBack.objects.filter(ticket__in=ticket_ids).update(number="")
