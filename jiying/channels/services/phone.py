"""Calls of the telephone system at work (D17): each event is added to its call, and what the call is now decides.

Ringing finds the customer and the ticket and pops up at the agent, answering sets the agent on call, the end writes
the call on the ticket, a missed one goes to the call-back list. Doubled, late and crossed events change nothing more.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from jiying.alerts.services import raising, reading
from jiying.base import journal
from jiying.base.actor import SYSTEM, Actor, of_person
from jiying.base.connections import Open
from jiying.base.models import Person
from jiying.base.models.people import Presence
from jiying.channels.models import PhoneCall
from jiying.channels.services import call_backs, extensions
from jiying.channels.services.hooks import Effect, Unusable
from jiying.core import lifecycle, masking
from jiying.core import phone as core
from jiying.core.phone import Call, Event, Unreadable
from jiying.desk.models import Message, Ticket
from jiying.desk.policies import could_hold, may_handle, sees
from jiying.desk.services import customers, handling, intake, routing, talking
from jiying.desk.services.holding import KIND, fact, lock

CHANNEL = "phone"
RINGS, WRAP_UP = "call.ringing", "call.wrap_up"
LATE = timedelta(hours=24)  # what a telephone system tells later than this counts from now
_WAITS = (lifecycle.NEW, lifecycle.ASSIGNED)


def act(found: Open, body: bytes, now: datetime) -> Effect:
    """What a call of the telephone system's hook does, in the caller's transaction."""
    try:
        event = core.read(body, int(now.timestamp()))
    except Unreadable as error:
        raise Unusable(error.code) from error
    PhoneCall.objects.get_or_create(
        connection_id=found.pk, call_id=event.call_id, defaults={"begun_at": _instant(event.at_s)}
    )
    call = PhoneCall.objects.select_for_update().get(connection_id=found.pk, call_id=event.call_id)
    known = core.merged(call.events, event)
    if known == call.events:
        return Effect(call.ticket, call.ticket.customer if call.ticket else None, did=False)
    call.events = known
    seen = core.fold(known)
    _copy(call, seen, person_of(found, seen.agent))
    _find_ticket(call, seen, now)
    call.save()
    _follow(call, event, person_of(found, event.agent), now)
    call.save()
    return Effect(call.ticket, call.ticket.customer if call.ticket else None)


def give_up(call: PhoneCall, now: datetime) -> None:
    """In the caller's transaction, of a locked call: the end that nobody told of is taken to have come.

    Its length stays unknown: what the gateway tells later counts instead.
    """
    event = Event(core.LOST, call.call_id, int(now.timestamp()), direction=call.direction)
    call.events = core.merged(call.events, event)
    _copy(call, core.fold(call.events), call.agent)
    call.save()
    _follow(call, event, None, now)
    call.save()


def person_of(found: Open, told: str) -> Person | None:
    """Whom the telephone system means: who sits at an extension, by their own word or as configured, else an employee
    number, else a user name."""
    if not told:
        return None
    name = extensions.configured(found.options).get(told, told)
    people = Person.objects.filter(is_active=True)
    if own := people.filter(extension__number=told).first():
        return own
    return people.filter(employee_no=name).order_by("pk").first() or people.filter(username__iexact=name).first()


def _copy(call: PhoneCall, seen: Call, agent: Person | None) -> None:
    call.state, call.direction, call.caller, call.called = seen.state, seen.direction, seen.caller, seen.called
    call.queue, call.duration_s, call.recording_url, call.agent = seen.queue, seen.duration_s, seen.recording_url, agent
    call.begun_at = _instant(seen.begun_s) or call.begun_at
    call.answered_at, call.ended_at = _instant(seen.answered_s), _instant(seen.ended_s)


def _instant(seconds: int | None) -> Any:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


# --- the ticket ------------------------------------------------------------------------------------------------------


def _find_ticket(call: PhoneCall, seen: Call, now: datetime) -> None:
    """The open ticket of whoever calls, if its agent sees it, else a new one. None for calls out that nobody took."""
    if seen.state == "unknown" or (seen.direction == "out" and seen.state not in ("talking", "talked")):
        return
    if call.ticket_id is None:
        call.ticket = _open_ticket(call, seen.customer_number) or _new_ticket(seen.customer_number, call, now)
    ticket = lock(call.ticket_id or 0)
    if ticket.merged_into_id is not None:
        ticket = lock(ticket.merged_into_id)
    call.ticket = ticket
    agent = call.agent
    if call.opened_it and agent and ticket.status in _WAITS and ticket.assignee_id != agent.pk and could_hold(agent):
        routing.transfer(actor=SYSTEM, number=ticket.number, to_person=agent.pk, now=now)
        call.ticket = lock(ticket.pk)


def _open_ticket(call: PhoneCall, number: str) -> Ticket | None:
    customer = customers.find(customers.CustomerData(phone=number)) if number else None
    if customer is None:
        return None
    rows = Ticket.objects.filter(customer=customer, ended_at__isnull=True).exclude(status=lifecycle.RESOLVED)
    actor = of_person(call.agent) if call.agent else SYSTEM
    return next((one for one in rows.order_by("-received_at", "-pk")[:20] if sees(actor, one)), None)


def _new_ticket(number: str, call: PhoneCall, now: datetime) -> Ticket:
    shown = masking.phone(number) or _("a hidden number")
    text = _("Call to %(number)s") if call.direction == "out" else _("Call from %(number)s")
    known = customers.CustomerData(phone=number) if number else None
    begun = call.begun_at if now - LATE <= call.begun_at <= now else None
    new = intake.NewTicket(subject=text % {"number": shown}, channel=CHANNEL, customer=known, received_at=begun)
    call.opened_it = True
    return intake.open_ticket(actor=SYSTEM, new=new, now=now)


# --- what follows ----------------------------------------------------------------------------------------------------


def _follow(call: PhoneCall, event: Event, rings_at: Person | None, now: datetime) -> None:
    """By what the call is now."""
    if call.ticket is None:
        return
    if call.state == "ringing":
        if event.kind == core.RINGING and rings_at is not None:
            _pop_up(call, call.ticket, rings_at, now)
        return
    reading.withdraw(KIND, [call.ticket.pk], now, about={"call": [call.pk]}, kind=RINGS)
    if call.state == "missed":
        call_backs.missed(call, now)
        return
    call_backs.talked(call, now)
    if call.state == "talking":
        _answered(call, call.ticket, now)
    else:
        _ended(call, call.ticket, now)


def _pop_up(call: PhoneCall, ticket: Ticket, person: Person, now: datetime) -> None:
    """On the agent's screen, wherever they are; a press opens the ticket."""
    number = call.caller if call.direction == "in" else call.called
    data = {"number": masking.phone(number) or "–", "queue": call.queue or "–", "call": call.pk}
    notice = raising.Notice(
        f"{RINGS}:{call.pk}:{person.pk}",
        person.pk,
        "assignee",
        RINGS,
        "warning",
        KIND,
        ticket.pk,
        now,
        data=data,
        ways=(),
    )
    raising.raise_alerts([notice], now=now)
    journal.record(SYSTEM, [fact(ticket, "call_rings", now, {"call": call.pk}, tell=[person.pk])], now=now)


def _answered(call: PhoneCall, ticket: Ticket, now: datetime) -> None:
    """Who talks gets no more work meanwhile, and has accepted the ticket that is theirs."""
    agent = call.agent
    if agent is None:
        return
    if ticket.status == lifecycle.ASSIGNED and ticket.assignee_id == agent.pk:
        handling.accept(actor=of_person(agent), number=ticket.number, at=_true_at(call.answered_at, now), now=now)
    if Person.objects.get(pk=agent.pk).presence == Presence.ONLINE:
        routing.set_presence(actor=SYSTEM, person_id=agent.pk, presence=Presence.BUSY, reason=on_call(), now=now)


def _true_at(told: datetime | None, now: datetime) -> datetime | None:
    """The gateway's own instant, which counts however late its event comes; none of one that tells of another day."""
    return told if told is not None and now - LATE <= told <= now else None


def _ended(call: PhoneCall, ticket: Ticket, now: datetime) -> None:
    """The call stands on the ticket, with what is known of it by now; its agent is asked to wrap it up."""
    if call.message is None:
        call.message = _write(call, ticket, now)
        if call.agent is not None:
            _ask_to_wrap_up(call, call.agent, ticket, now)
    details = _details(call)
    if call.message.kind == "call" and call.message.call != details:
        Message.objects.filter(pk=call.message.pk).update(call=details)
        journal.record(SYSTEM, [fact(ticket, "call_detailed", now, {"message": call.message.pk})], now=now)
    if call.agent is not None:
        _off_call(call, call.agent, now)


def _ask_to_wrap_up(call: PhoneCall, agent: Person, ticket: Ticket, now: datetime) -> None:
    """The form opens on the agent's screen by itself; where no screen is open, the alert waits."""
    key, data = f"{WRAP_UP}:{call.pk}", {"call": call.pk}
    notice = raising.Notice(key, agent.pk, "assignee", WRAP_UP, "notice", KIND, ticket.pk, now, data=data, ways=())
    raising.raise_alerts([notice], now=now)
    at = _true_at(call.ended_at, now) or now
    journal.record(SYSTEM, [fact(ticket, "call_over", at, data, tell=[agent.pk])], now=now)


def _details(call: PhoneCall) -> dict[str, Any]:
    names = ("direction", "duration_s", "recording_url")
    return {name: getattr(call, name) for name in names}


def _write(call: PhoneCall, ticket: Ticket, now: datetime) -> Message:
    """By the agent who talked; where the ticket is another's by the house in their name; where nobody is known or the
    ticket has ended, as a note."""
    actor = of_person(call.agent) if call.agent else SYSTEM
    if ticket.status == lifecycle.ASSIGNED and ticket.assignee_id == actor.id and actor.id is not None:
        return _said(actor, call, ticket, now)
    if ticket.status in (*lifecycle.HANDLED, lifecycle.RESOLVED):
        return _said(actor if may_handle(actor, ticket) else SYSTEM, call, ticket, now)
    minutes = max(1, round(call.duration_s / 60))
    text = _("A call of %(n)s min with the customer.") % {"n": minutes}
    return talking.note(actor=SYSTEM, number=ticket.number, body=f"{text} {call.recording_url}".strip(), now=now)


def _said(actor: Actor, call: PhoneCall, ticket: Ticket, now: datetime) -> Message:
    at = _true_at(call.answered_at, now)
    message = talking.call(actor=actor, number=ticket.number, **_details(call), at=at, now=now)
    if call.agent is not None and message.author_id != call.agent.pk:
        message.author = call.agent
        message.save(update_fields=["author"])
    return message


def on_call() -> str:
    """The reason of being busy while somebody talks, in the language of the site: it is stored."""
    return _("on the phone")


def _off_call(call: PhoneCall, agent: Person, now: datetime) -> None:
    """Back to work, unless they talk on another line, or have said themselves where they are."""
    person = Person.objects.get(pk=agent.pk)
    if (person.presence, person.presence_reason) != (Presence.BUSY, on_call()):
        return
    if not PhoneCall.objects.filter(agent=agent, state="talking").exclude(pk=call.pk).exists():
        routing.set_presence(actor=SYSTEM, person_id=agent.pk, presence=Presence.ONLINE, now=now)
