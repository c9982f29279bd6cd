"""Offers made to the customer on a ticket (D5): made, answered, taken back. Each is a fact of the ticket.

The customer answers those that were marked as shown, by the link of the ticket; what they say by other ways, whoever
handles the ticket writes down.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jiying.alerts.services import raising
from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Fault, Invalid, NotFound
from jiying.base.transactions import short
from jiying.core import lifecycle
from jiying.desk.models import CustomerOffer, OfferKind, Ticket
from jiying.desk.policies import require_customers_or_handle, require_handle
from jiying.desk.services import handling
from jiying.desk.services.holding import KIND, decide, fact, lock, settle

State = CustomerOffer.State
ANSWERS = (State.ACCEPTED, State.REFUSED)
ALERT = "ticket.offer_answered"
MAX_VALUE, MAX_NOTE, MAX_AMOUNT, MOST = 120, 2_000, 10**12, 50


@dataclass(frozen=True, slots=True)
class NewOffer:
    """`value` in words, `amount` of money in the smallest unit (分); `shown`: the customer may answer it themselves."""

    kind: str
    value: str = ""
    amount: int | None = None
    note: str = ""
    shown: bool = False


@short
def make(*, actor: Actor, number: str, new: NewOffer, now: datetime) -> CustomerOffer:
    """Offer the customer something. Raises Denied, Invalid (all faults at once), Conflict."""
    ticket = lock(number)
    require_handle(actor, ticket)
    decide(ticket, "offer")
    kind = OfferKind.objects.filter(code=new.kind, active=True).first()
    faults = _faults(ticket, new)
    if kind is None:
        known = ", ".join(OfferKind.objects.filter(active=True).order_by("code").values_list("code", flat=True))
        faults.insert(0, Fault("kind", "unknown_value", {"value": new.kind[:40], "known": known}))
    if kind is None or faults:
        raise Invalid(*faults)
    if ticket.offers.count() >= MOST:
        raise Conflict.one("too_many_offers", "kind", limit=MOST)
    made = CustomerOffer.objects.create(
        ticket=ticket,
        kind=kind,
        value=new.value.strip(),
        amount=new.amount,
        note=new.note.strip(),
        is_shown=new.shown,
        made_by=actor.person,
        made_at=now,
    )
    about = {"text": made.value, "amount": made.amount, "shown": made.is_shown, "note": made.note}
    settle(actor, ticket, [_fact(ticket, made, "made", now, about)], now=now)
    return made


def _faults(ticket: Ticket, new: NewOffer) -> list[Fault]:
    faults = []
    for name, text, limit in (("value", new.value, MAX_VALUE), ("note", new.note, MAX_NOTE)):
        if len(text) > limit:
            faults.append(Fault(name, "too_long", {"limit": limit, "length": len(text)}))
        if "\x00" in text:
            faults.append(Fault(name, "control_character", {}))
    if new.amount is not None and not 0 <= new.amount <= MAX_AMOUNT:
        faults.append(Fault("amount", "out_of_range", {"low": 0, "high": MAX_AMOUNT}))
    if new.shown and ticket.customer_id is None:
        faults.append(Fault("shown", "offer_no_customer", {}))
    return faults


@short
def answer(*, actor: Actor, offer_id: int, answer: str, note: str = "", now: datetime) -> CustomerOffer:
    """What the customer said to an offer: by themselves, or to somebody who handles the ticket."""
    found = _open(actor, offer_id)
    if answer not in ANSWERS:
        raise Invalid.one("answer", "unknown_value", value=answer[:40], known=", ".join(ANSWERS))
    if faults := _faults(found.ticket, NewOffer("", note=note)):
        raise Invalid(*faults)
    found.answer_note, found.by_customer = note.strip(), actor.kind == "customer"
    _end(actor, found, State(answer), now)
    facts = [_fact(found.ticket, found, answer, now, {"note": found.answer_note, "own": found.by_customer})]
    if found.by_customer:
        _tell(found, now)
        if found.ticket.status == lifecycle.WAITING and found.ticket.waiting_for == "customer":
            facts.append(handling.resumed(found.ticket, now))
    settle(actor, found.ticket, facts, now=now)
    return found


@short
def withdraw(*, actor: Actor, offer_id: int, now: datetime) -> CustomerOffer:
    """Take an open offer back: made by mistake, or no longer to be had."""
    found = _open(actor, offer_id)
    require_handle(actor, found.ticket)
    _end(actor, found, State.WITHDRAWN, now)
    settle(actor, found.ticket, [_fact(found.ticket, found, "withdrawn", now, {})], now=now)
    return found


def _open(actor: Actor, offer_id: int) -> CustomerOffer:
    """An open offer with its ticket locked first. The customer knows of those only that were shown."""
    found = CustomerOffer.objects.select_related("ticket", "kind").filter(pk=offer_id).first()
    if found is None:
        raise NotFound("offer", offer_id)
    ticket = lock(found.ticket_id)
    require_customers_or_handle(actor, ticket)
    found = CustomerOffer.objects.select_related("kind").get(pk=offer_id)
    found.ticket = ticket
    if actor.kind == "customer" and not found.is_shown:
        raise NotFound("offer", offer_id)
    if found.state != State.OPEN:
        raise Conflict.one("offer_over")
    return found


def _end(actor: Actor, found: CustomerOffer, state: State, now: datetime) -> None:
    found.state, found.ended_at, found.ended_by = state, now, actor.person
    found.save(update_fields=["state", "ended_at", "ended_by", "answer_note", "by_customer"])


def _fact(ticket: Ticket, offer: CustomerOffer, kind: str, now: datetime, about: dict[str, Any]) -> journal.Fact:
    return fact(ticket, f"offer_{kind}", now, {"offer": offer.pk, "kind": offer.kind.code, **about})


def _tell(found: CustomerOffer, now: datetime) -> None:
    """Its agent hears at once what the customer decided alone."""
    if found.ticket.assignee_id is None:
        return
    notice = raising.Notice(
        key=f"{ALERT}:{found.pk}",
        person_id=found.ticket.assignee_id,
        capacity="assignee",
        kind=ALERT,
        severity="notice",
        subject_kind=KIND,
        subject_id=found.ticket_id,
        at=now,
        data={"state": found.state, "offer": found.kind.code},
    )
    raising.raise_once(notice, now=now)
