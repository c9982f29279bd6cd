"""What an agent adds to a call that is over (D17): what it was about, what came of it, and a note."""

from dataclasses import dataclass
from datetime import datetime

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Fault, Invalid, NotFound
from jiying.base.transactions import short
from jiying.channels.models import PhoneCall
from jiying.channels.policies import may_wrap_up
from jiying.desk.models import Message
from jiying.desk.policies import sees
from jiying.desk.services import handling, talking
from jiying.desk.services.holding import fact, lock

RESULTS = ("solved", "promised", "passed_on", "information", "broken_off", "wrong_number")


@dataclass(frozen=True, slots=True)
class WrapUp:
    result: str
    note: str = ""
    category: str = ""  # empty: as it is


@short
def wrap_up(*, actor: Actor, call_id: int, done: WrapUp, now: datetime) -> PhoneCall:
    """By whoever talked, or may handle the ticket; once more corrects it."""
    call = PhoneCall.objects.select_for_update(of=("self",)).filter(pk=call_id).first()
    if call is None or call.ticket_id is None:
        raise NotFound("phone_call", call_id)
    ticket = lock(call.ticket_id)
    if not sees(actor, ticket) or not may_wrap_up(actor, call):
        raise NotFound("phone_call", call_id)
    if call.state != "talked" or call.message_id is None:
        raise Conflict.one("call_not_over")
    if faults := _faults(done):
        raise Invalid(*faults)
    if done.category and done.category != ticket.category:
        handling.reclassify(actor=actor, number=ticket.number, category=done.category, now=now)
        ticket = lock(ticket.pk)
    call.result, call.wrapped_at, call.wrapped_by = done.result, now, actor.person
    call.save(update_fields=["result", "wrapped_at", "wrapped_by"])
    if done.note.strip():
        Message.objects.filter(pk=call.message_id).update(body=done.note.strip())
    about = {"message": call.message_id, "result": done.result}
    journal.record(actor, [fact(ticket, "call_wrapped", now, about)], now=now)
    return call


def _faults(done: WrapUp) -> list[Fault]:
    faults = []
    if done.result not in RESULTS:
        faults.append(Fault("result", "unknown_value", {"value": done.result[:40], "known": ", ".join(RESULTS)}))
    if len(done.note) > talking.MAX_BODY:
        faults.append(Fault("note", "too_long", {"limit": talking.MAX_BODY, "length": len(done.note)}))
    if "\x00" in done.note:
        faults.append(Fault("note", "control_character", {}))
    return faults
