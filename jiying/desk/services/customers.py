"""Customers: found again by what is known of them, made where nothing matches, changed, revealed (D11, D12)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Fault, Invalid, NotFound
from jiying.base.transactions import short
from jiying.desk.models import Customer, Ticket
from jiying.desk.policies import visible

if TYPE_CHECKING:
    from jiying.desk.services.intake import NewTicket

TIERS = ("standard", "vip")
_LIMITS = {"ref": 80, "name": 120, "phone": 40, "email": 254, "organisation": 120, "address": 300, "language": 10}
_PHONE = re.compile(r"[0-9+() \-]*")


@dataclass(frozen=True, slots=True)
class CustomerData:
    """What a request tells of its customer; empty = unknown."""

    ref: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    tier: str = ""
    organisation: str = ""
    language: str = ""
    address: str = ""


def faults(data: CustomerData) -> list[Fault]:
    found = []
    for name, limit in _LIMITS.items():
        text = getattr(data, name)
        if len(text) > limit:
            found.append(Fault(f"customer.{name}", "too_long", {"limit": limit, "length": len(text)}))
        if "\x00" in text:
            found.append(Fault(f"customer.{name}", "control_character", {}))
    if data.tier and data.tier not in TIERS:
        found.append(Fault("customer.tier", "unknown_value", {"value": data.tier, "known": ", ".join(TIERS)}))
    if not _PHONE.fullmatch(data.phone):
        found.append(Fault("customer.phone", "bad_phone", {"value": data.phone[:40]}))
    if data.email and not _is_email(data.email):
        found.append(Fault("customer.email", "bad_email", {"value": data.email[:80]}))
    return found


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def digits(phone: str) -> str:
    return "".join(c for c in phone if c.isdigit())


def find_or_create(actor: Actor, new: "NewTicket", now: datetime) -> Customer | None:
    """The customer of a request: by id, outside key, phone, e-mail; else a new one. What was empty is filled in."""
    if new.customer_id is not None:
        customer = Customer.objects.filter(pk=new.customer_id).first()
        if customer is None:
            raise NotFound("customer", new.customer_id)
        return customer
    data = new.customer
    if data is None or not any((data.ref, data.name, data.phone, data.email)):
        return None
    found = _find(data)
    if found is None:
        return Customer.objects.create(
            ref=data.ref or None,
            name=data.name,
            phone=digits(data.phone),
            phone_tail=digits(data.phone)[-4:],
            email=data.email.lower(),
            organisation=data.organisation,
            address=data.address,
            language=data.language,
            tier=data.tier or "standard",
            created_at=now,
        )
    return _fill_in(actor, found, data, now)


def _find(data: CustomerData) -> Customer | None:
    if data.ref:
        # An outside key decides alone: two people of one household share a phone, not a customer number.
        return Customer.objects.filter(ref=data.ref).first()
    if data.phone and (found := Customer.objects.filter(phone=digits(data.phone)).order_by("pk").first()):
        return found
    if data.email:
        return Customer.objects.filter(email=data.email.lower()).order_by("pk").first()
    return None


def _fill_in(actor: Actor, customer: Customer, data: CustomerData, now: datetime) -> Customer:
    """Add what was not known; only then is the row locked and looked at again, and the journal says which fields."""
    if not _news(customer, data):
        return customer
    customer = Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
    if news := _news(customer, data):
        for name, value in news.items():
            setattr(customer, name, value)
        customer.revision += 1
        customer.save(update_fields=[*news, "revision"])
        about = {"fields": sorted(news)}
        journal.record(actor, [journal.Fact("customer", customer.pk, "customer.changed", now, about)], now=now)
    return customer


def _news(customer: Customer, data: CustomerData) -> dict[str, str]:
    """What a request tells that is not known of its customer yet; only the tier is told anew."""
    values = {
        "name": data.name,
        "phone": digits(data.phone),
        "email": data.email.lower(),
        "organisation": data.organisation,
        "language": data.language,
        "address": data.address,
    }
    news = {name: value for name, value in values.items() if value and not getattr(customer, name)}
    if data.tier and data.tier != customer.tier:
        news["tier"] = data.tier
    if "phone" in news:
        news["phone_tail"] = news["phone"][-4:]
    return news


@short
def reveal(*, actor: Actor, customer_id: int, ticket: str, now: datetime) -> Customer:
    """Show a customer's masked data to somebody with the right; who looked at whom and where is a fact (D12).

    Only through a ticket of theirs that the actor sees (`ticket` its number, empty for any): nobody walks through all
    customers. Without the right to reveal it must be an own one.
    """
    seen = Ticket.objects.filter(visible(actor), customer_id=customer_id)
    if ticket:
        seen = seen.filter(number=ticket)
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None or not seen.exists():
        raise NotFound("customer", customer_id)
    own = "desk.unmasked" in actor.rights and seen.filter(assignee_id=actor.id).exists()
    if "desk.reveal" not in actor.rights and not own:
        raise Denied("desk.reveal")
    journal.record(
        actor, [journal.Fact("customer", customer.pk, "customer.revealed", now, {"ticket": ticket})], now=now
    )
    return customer


@short
def change(*, actor: Actor, customer_id: int, revision: int, now: datetime, **values: Any) -> Customer:
    """Change a customer's data; a stale form is refused. The journal says which fields, never their content."""
    if not actor.rights & {"desk.handle", "desk.assign"}:
        raise Denied("desk.handle")
    customer = Customer.objects.select_for_update().filter(pk=customer_id).first()
    if customer is None:
        raise NotFound("customer", customer_id)
    if customer.revision != revision:
        raise Conflict.one("stale")
    known = {k: v for k, v in values.items() if k in _LIMITS or k in ("tier", "language")}
    if found := faults(CustomerData(**known)):
        raise Invalid(*found)
    for name, value in values.items():
        setattr(customer, name, value)
    customer.phone = digits(customer.phone)
    customer.phone_tail = customer.phone[-4:]
    customer.revision += 1
    customer.save()
    journal.record(
        actor, [journal.Fact("customer", customer.pk, "customer.changed", now, {"fields": sorted(values)})], now=now
    )
    return customer
