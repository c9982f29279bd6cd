"""Outside events at work (D25b): taken in once, whatever they are; the worker acts on each, whole or not at all.

Acting goes through the ordinary services: notes, automatic replies, alerts, and intake for a ticket ahead of the
complaint. What matches nothing, or was refused, is kept with the reason and can be tried again after mending.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import translation

from jiying.base import due, journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Denied, Fault, Invalid, NotFound, Refused
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core import outside as core
from jiying.desk.models import Customer, OutsideEvent, OutsideKind, Ticket
from jiying.desk.policies import may_retry_outside
from jiying.desk.queries.outside import AGAIN
from jiying.desk.services import contacts, customers, outside_acts
from jiying.desk.services.holding import lock_many

KIND, RIGHT = "outside_event", "desk.report_events"
State = OutsideEvent.State
KEPT = timedelta(days=180)
AHEAD = timedelta(minutes=5)  # clocks of other systems may be wrong by so much
MOST = 20  # open tickets of one customer that are looked at
_LIMITS = {"source": 30, "event_id": 80, "kind": 40, "reference": 80, "text": 2_000}
_TOLD = ("ref", "name", "phone", "email")


@dataclass(frozen=True, slots=True)
class Reported:
    """An event as its source tells it; `event_id` is the source's own. Of the customer what is known there."""

    source: str
    event_id: str
    kind: str
    occurred_at: datetime
    customer: customers.CustomerData
    reference: str = ""
    text: str = ""
    severity: str = "warning"


# --- taken in --------------------------------------------------------------------------------------------------------


def report(*, actor: Actor, reported: Reported, now: datetime) -> tuple[OutsideEvent, bool]:
    """Keep an event, to be acted on at once by the worker; and whether it is new. Known already, nothing changes."""
    require(actor, RIGHT)
    if known := _known(reported):
        return known, False
    if faults := _faults(reported, now):
        raise Invalid(*faults)
    try:
        return _keep(actor, reported, now), True
    except IntegrityError:  # the same one in this very moment
        if known := _known(reported):
            return known, False
        raise


def _known(reported: Reported) -> OutsideEvent | None:
    return OutsideEvent.objects.filter(source=reported.source.strip(), event_id=reported.event_id.strip()).first()


@short
def _keep(actor: Actor, reported: Reported, now: datetime) -> OutsideEvent:
    told = {name: value.strip() for name, value in asdict(reported.customer).items() if name in _TOLD and value.strip()}
    made = OutsideEvent.objects.create(
        **{name: getattr(reported, name).strip() for name in _LIMITS},
        occurred_at=reported.occurred_at,
        severity=reported.severity,
        told=told,
        received_at=now,
        wake_at=now,
    )
    _record(actor, made, "received", {"kind": made.kind, "source": made.source}, now)
    return made


def _faults(reported: Reported, now: datetime) -> list[Fault]:
    faults = []
    for name, limit in _LIMITS.items():
        text = getattr(reported, name)
        if name in ("source", "event_id", "kind") and not text.strip():
            faults.append(Fault(name, "required", {"field": name}))
        if len(text) > limit:
            faults.append(Fault(name, "too_long", {"limit": limit, "length": len(text)}))
        if "\x00" in text:
            faults.append(Fault(name, "control_character", {}))
    if reported.severity not in core.SEVERITIES:
        known = ", ".join(core.SEVERITIES)
        faults.append(Fault("severity", "unknown_value", {"value": reported.severity[:40], "known": known}))
    if reported.occurred_at > now + AHEAD:
        faults.append(Fault("occurred_at", "in_future", {"value": reported.occurred_at.isoformat()}))
    return [*faults, *customers.faults(reported.customer)]


@short
def retry(*, actor: Actor, event_id: int, now: datetime) -> OutsideEvent:
    """Act once more on an event that matched nothing or was refused, after somebody has mended what was missing."""
    if not may_retry_outside(actor):
        raise Denied("desk.edit_rules")
    found = OutsideEvent.objects.select_for_update(no_key=True, of=("self",)).filter(pk=event_id).first()
    if found is None:
        raise NotFound("outside_event", event_id)
    if found.state not in AGAIN and found.parked_at is None:
        raise Conflict.one("outside_not_again")
    found.state, found.reason, found.outcome = State.WAITING, "", []
    found.wake_at, found.parked_at, found.attempts, found.last_error = now, None, 0, ""
    found.save()
    _record(actor, found, "retried", {}, now)
    return found


def _record(actor: Actor, event: OutsideEvent, kind: str, data: dict[str, Any], now: datetime) -> None:
    journal.record(actor, [journal.Fact(KIND, event.pk, f"{KIND}.{kind}", now, data)], now=now)


# --- acted on --------------------------------------------------------------------------------------------------------


def serve(ids: Sequence[int], now: datetime) -> int:
    """Act on due events, in the caller's transaction: the customers are locked first, then their tickets, then these.

    The customer's lock lets one of two equal events see what the other one did.
    """
    wanted = list(OutsideEvent.objects.filter(pk__in=ids, wake_at__lte=now))
    owners = {event.pk: _customer_of(event) for event in wanted}
    theirs = {one.pk for one in owners.values() if one is not None}
    list(Customer.objects.select_for_update(no_key=True).filter(pk__in=theirs).order_by("pk"))
    lock_many(list(_open_tickets(theirs).values_list("pk", flat=True)), False)
    claimed = due.claim(OutsideEvent, [event.pk for event in wanted], now)
    for event in OutsideEvent.objects.filter(pk__in=claimed).order_by("pk"):
        with translation.override(settings.LANGUAGE_CODE):  # what is written is kept, in the language of the site
            _serve(event, owners[event.pk], now)
    return len(claimed)


def _customer_of(event: OutsideEvent) -> Customer | None:
    return event.customer or customers.find(customers.CustomerData(**event.told))


def _open_tickets(customer_ids: set[int]) -> Any:
    open_ones = Ticket.objects.filter(customer_id__in=customer_ids, ended_at__isnull=True).exclude(status="resolved")
    return open_ones.order_by("-received_at", "-pk")


def _serve(event: OutsideEvent, customer: Customer | None, now: datetime) -> None:
    kind = OutsideKind.objects.filter(code=event.kind).first()
    tickets = list(_open_tickets({customer.pk})[:MOST]) if customer else []
    repeated = kind is not None and customer is not None and _is_repeated(event, kind, customer, now)
    plan = core.decide(kind.rule if kind else None, core.Seen(customer is not None, len(tickets), repeated))
    event.customer, event.reason, event.handled_at = customer, plan.reason, now
    if plan.is_empty or kind is None or customer is None:
        event.state = State.UNMATCHED if plan.reason in core.UNMATCHED else State.NOTHING
    else:
        _act(outside_acts.Case(event, kind, customer, tickets), plan, now)
    event.save()
    numbers = [one["ticket"] for one in event.outcome if "ticket" in one]
    _record(SYSTEM, event, "handled", {"state": event.state, "why": event.reason, "tickets": numbers}, now)


def _act(case: outside_acts.Case, plan: core.Plan, now: datetime) -> None:
    """All that the rule asks for, or nothing of it and the reason."""
    event = case.event
    try:
        with transaction.atomic():
            event.outcome, event.state = outside_acts.perform(case, plan, now), State.DONE
    except Refused as refused:
        first = refused.faults[0]
        told = {"code": first.code, "params": {name: str(value) for name, value in first.params.items()}}
        event.outcome, event.state, event.reason = [{"fault": told}], State.REFUSED, "refused"


def _is_repeated(event: OutsideEvent, kind: OutsideKind, customer: Customer, now: datetime) -> bool:
    equal = OutsideEvent.objects.filter(customer=customer, kind=event.kind, reference=event.reference)
    since = now - timedelta(hours=kind.window_h)
    return kind.window_h > 0 and equal.filter(state=State.DONE, handled_at__gte=since).exclude(pk=event.pk).exists()


def give_to(customer: Customer) -> None:
    """Events that led to nobody when they came, but tell this customer's number, phone or e-mail, are theirs."""
    theirs = set(contacts.keys(customer.phone, customer.email).items())
    told = OutsideEvent.objects.filter(customer=None).exclude(told={}).values_list("pk", "told")
    found = [
        pk
        for pk, data in told.iterator()
        if (data.get("ref") and data["ref"] == customer.ref)
        or theirs & set(contacts.keys(data.get("phone", ""), data.get("email", "")).items())
    ]
    OutsideEvent.objects.filter(pk__in=found, customer=None).update(customer=customer)


def drop_old(at: datetime) -> None:
    """Whatever stands on tickets stays there."""
    OutsideEvent.objects.filter(received_at__lt=at - KEPT, wake_at=None).delete()
