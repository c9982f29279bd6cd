"""Customers: found again by what is known of them, made where nothing matches, changed, revealed (D11, D12)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from jiying.base import journal, settings_store
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Denied, Fault, Invalid, NotFound
from jiying.base.inserting import first, insert
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.desk.models import Customer, Ticket
from jiying.desk.policies import visible
from jiying.desk.queries import customers as cards
from jiying.desk.queries import people
from jiying.desk.services import contacts, triage

if TYPE_CHECKING:
    from jiying.desk.services.intake import NewTicket

ASKS_REASON = "desk.reveal_reason"
TIERS = ("standard", "vip")
EDITING = frozenset({"desk.handle", "desk.assign"})  # any of these rights
CARED_FOR = frozenset({"tier", "dedicated_id", "tags"})  # and what needs another one
_LIMITS = {
    "ref": 80, "name": 120, "phone": 40, "email": 254, "organisation": 120, "address": 300,
    "language": 10, "region": 40,
}  # fmt: skip
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
    region: str = ""


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


@dataclass(frozen=True, slots=True)
class Known:
    """The customer of a request, and what it tells of them that contradicts what is known: {field: value}."""

    customer: Customer
    told: Mapping[str, str]


def find_or_create(actor: Actor, new: "NewTicket", now: datetime) -> Known | None:
    """The customer of a request: by id, outside key, phone, e-mail; else a new one.

    What was empty is filled in. What is known stays as it is, the tier above all, unless somebody asks who may edit
    customers: else any web form could lower a VIP, or make one. What contradicts goes with the ticket.
    """
    if new.customer_id is not None:
        customer = Customer.objects.filter(pk=new.customer_id).first()
        if customer is None:
            raise NotFound("customer", new.customer_id)
        return Known(customer, {})
    data = new.customer
    if data is None or not any((data.ref, data.name, data.phone, data.email)):
        return None
    found = find(data)
    return _make(actor, data, now) if found is None else _fill_in(actor, found, data, now)


def look_up(new: "NewTicket") -> Customer | None:
    """The known customer of a request, without changing anything."""
    if new.customer_id is not None:
        return Customer.objects.filter(pk=new.customer_id).first()
    return find(new.customer) if new.customer is not None else None


def find(data: CustomerData) -> Customer | None:
    """The customer whom these data lead to; one that was merged leads on."""
    if data.ref:
        # An outside key decides alone: two people of one household share a phone, not a customer number.
        found = first(Customer, "ref = %s", [data.ref])
        return found.merged_into if found is not None and found.merged_into_id is not None else found
    return contacts.owner(contacts.keys(data.phone, data.email))


def _make(actor: Actor, data: CustomerData, now: datetime) -> Known:
    """A new customer; where another request with the same phone or e-mail was quicker, theirs."""
    keys = contacts.keys(data.phone, data.email)
    made = Customer(
        ref=data.ref or None,
        name=data.name,
        phone=keys.get("phone", ""),
        phone_tail=keys.get("phone", "")[-4:],
        email=keys.get("email", ""),
        organisation=data.organisation,
        address=data.address,
        region=data.region.strip(),
        language=data.language,
        tier=data.tier or "standard",
        created_at=now,
    )
    insert([made])
    if contacts.claim(made, keys) or data.ref:
        return Known(made, {})
    made.delete()
    other = contacts.owner(keys)
    if other is None:  # erased in this very moment
        raise Conflict.one("stale", "customer")
    return _fill_in(actor, other, data, now)


def _fill_in(actor: Actor, customer: Customer, data: CustomerData, now: datetime) -> Known:
    """Add what was not known; only then is the row locked and looked at again, and the journal says which fields."""
    if not _news(actor, customer, data):
        return Known(customer, _contradictions(customer, data))
    customer = Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
    if news := _news(actor, customer, data):
        for name, value in news.items():
            setattr(customer, name, value)
        _save(actor, customer, news, now)
    return Known(customer, _contradictions(customer, data))


def _save(actor: Actor, customer: Customer, fields: Iterable[str], now: datetime, source: str = "") -> None:
    """Write changed fields of a locked customer; the journal says which they are, never their content."""
    names = set(fields)
    if "phone" in names:
        customer.phone_tail = customer.phone[-4:]
        names.add("phone_tail")
    customer.revision += 1
    customer.save(update_fields=[*names, "revision"])
    if names & {"phone", "email"}:
        contacts.renew(customer)
    about = {"fields": sorted(name.removesuffix("_id") for name in names), **({"source": source} if source else {})}
    journal.record(actor, [journal.Fact("customer", customer.pk, "customer.changed", now, about)], now=now)


def _told(data: CustomerData) -> dict[str, str]:
    """What a request tells of its customer, as it is stored."""
    keys = contacts.keys(data.phone, data.email)
    told = {
        "name": data.name.strip(),
        "phone": keys.get("phone", ""),
        "email": keys.get("email", ""),
        "organisation": data.organisation.strip(),
        "language": data.language,
        "address": data.address.strip(),
        "region": data.region.strip(),
        "tier": data.tier,
    }
    return {name: value for name, value in told.items() if value}


def _news(actor: Actor, customer: Customer, data: CustomerData) -> dict[str, str]:
    """What is to be written: what was not known, and what somebody tells anew who may edit customers.

    The house itself may do everything, and knows no better: what it takes in comes from web forms and mails.
    """
    may_edit = "desk.edit_customers" in actor.rights and actor.kind != "system"
    return {
        name: value
        for name, value in _told(data).items()
        if not getattr(customer, name) or (may_edit and getattr(customer, name) != value)
    }


def _contradictions(customer: Customer, data: CustomerData) -> dict[str, str]:
    return {name: value for name, value in _told(data).items() if getattr(customer, name) != value}


@short
def reveal(*, actor: Actor, customer_id: int, ticket: str, reason: str = "", now: datetime) -> Customer:
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
    if not reason.strip() and settings_store.get(ASKS_REASON):
        raise Invalid.one("reason", "required", field="reason")
    data = {"ticket": ticket, **({"reason": reason.strip()[:200]} if reason.strip() else {})}
    journal.record(actor, [journal.Fact("customer", customer.pk, "customer.revealed", now, data)], now=now)
    return customer


@short
def change(*, actor: Actor, customer_id: int, revision: int | None = None, now: datetime, **values: Any) -> Customer:
    """Change a customer's data; a stale form is refused. The journal says which fields, never their content.

    `values` by the names of the columns. Tier, dedicated agent and tags are for those who may edit customers.
    Raises Denied, NotFound, Conflict, and Invalid with all that is wrong.
    """
    if not actor.rights & EDITING:
        raise Denied("desk.handle")
    cards.get(actor, customer_id)
    customer = Customer.objects.select_for_update(no_key=True).get(pk=customer_id)
    if customer.erased_at is not None or customer.merged_into_id is not None:
        raise Conflict.one("customer_gone", number=customer_id)
    if revision is not None and customer.revision != revision:
        raise Conflict.one("stale")
    news = _changes(customer, values)
    if found := _faults(news, values.get("phone", "")):
        raise Invalid(*found)
    if news:
        if news.keys() & CARED_FOR:
            require(actor, "desk.edit_customers")
        for name, value in news.items():
            setattr(customer, name, value)
        _save(actor, customer, news, now)
    return customer


def _changes(customer: Customer, values: Mapping[str, Any]) -> dict[str, Any]:
    """What is another value than the one that is kept, as it is kept."""
    keys = contacts.keys(values.get("phone", ""), values.get("email", ""))
    kept = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    kept |= {kind: keys.get(kind, "") for kind in ("phone", "email") if kind in values}
    return {name: value for name, value in kept.items() if getattr(customer, name) != value}


def _faults(news: Mapping[str, Any], phone: str) -> list[Fault]:
    """What is wrong with what is to change; `phone` as it was typed, for of that the digits alone are kept."""
    plain = {name: value for name, value in news.items() if name not in ("tags", "dedicated_id")}
    found = faults(CustomerData(**plain | ({"phone": phone.strip()} if phone else {})))
    if not found and phone.strip() and not contacts.keys(phone, ""):  # no digit: it would take the number away unasked
        found.append(Fault("customer.phone", "bad_phone", {"value": phone[:40]}))
    found += triage.tag_faults("customer.tags", news.get("tags", ()))
    agent = news.get("dedicated_id")
    if agent is not None and agent not in dict(people.names()):
        found.append(Fault("customer.dedicated", "not_found", {"kind": "person", "key": agent}))
    return found


@short
def correct(*, customer_id: int, values: Mapping[str, str], source: str, now: datetime) -> Customer:
    """Another system that owns these fields says what they are; `source` names it in the journal.

    Raises Invalid, with all that is wrong, and NotFound for who was erased.
    """
    customer = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id, erased_at=None).first()
    if customer is None:
        raise NotFound("customer", customer_id)
    told = _told(CustomerData(**values))
    if found := faults(CustomerData(**values)):
        raise Invalid(*found)
    if news := {name: value for name, value in told.items() if getattr(customer, name) != value}:
        for name, value in news.items():
            setattr(customer, name, value)
        _save(SYSTEM, customer, news, now, source)
    return customer
