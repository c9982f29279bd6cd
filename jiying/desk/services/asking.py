"""What a new request is asked for (D1a): filled in from what is known, refused or marked where something is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.transactions import short
from jiying.core import intake_forms as core
from jiying.desk.models import Customer, Ticket
from jiying.desk.policies import require_handle
from jiying.desk.services import form_setup
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.holding import decide, fact, lock, settle


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of a request: `form` is `key/version`, empty where its category asks nothing more."""

    values: Mapping[str, Any]
    form: str = ""
    wrong: tuple[core.Wrong, ...] = ()


def answers(category: str, channel: str, given: Mapping[str, Any], known: Mapping[str, str], now: datetime) -> Asked:
    """What was given and what is known of the customer, held against the form of the category."""
    found = form_setup.of_category(category, now)
    if found is None:
        return Asked(given)
    reference, form = found
    values = core.filled(form, given, known)
    return Asked(values, reference, tuple(core.check(form, channel, values)))


def faults(asked: Asked, channel: str, by_agent: bool) -> list[Fault]:
    """What stops the request: an agent is asked at once, and so is who writes on a strict channel; others are not."""
    form = form_setup.by_reference(asked.form) if asked.wrong else None
    if form is None or not (by_agent or channel in form.strict):
        return []
    return [Fault(f"fields.{wrong.key}", wrong.code, wrong.params) for wrong in asked.wrong]


def known_of(customer: Customer | None) -> dict[str, str]:
    """What need not be asked again: the customer's data, and the answers of their last ticket with a form."""
    if customer is None:
        return {}
    known = {f"customer.{name}": str(getattr(customer, name) or "") for name in _OF_CUSTOMER}
    last = Ticket.objects.filter(customer=customer).exclude(form="").order_by("-received_at")
    for fields in last.values_list("fields", flat=True)[:1]:
        known |= {f"last:{key}": str(value) for key, value in fields.items() if value not in (None, "")}
    return known


def known_of_data(data: CustomerData | None) -> dict[str, str]:
    """What came with the request itself."""
    if data is None:
        return {}
    given = {f"customer.{name}": str(getattr(data, name) or "") for name in _OF_CUSTOMER}
    return {name: value for name, value in given.items() if value}


_OF_CUSTOMER = ("name", "phone", "email", "ref", "organisation")


@short
def complete(*, actor: Actor, number: str, values: Mapping[str, Any], now: datetime) -> Ticket:
    """Fill in or correct the answers of a ticket; what is still missing keeps it marked, what is wrong is refused."""
    ticket = lock(number)
    require_handle(actor, ticket)
    decide(ticket, "reclassify")
    found = form_setup.of_category(ticket.category, now)
    if found is None:
        raise Invalid.one("fields", "no_form")
    reference, form = found
    keys = {field.key for field in form.fields}
    if unknown := sorted(values.keys() - keys):
        raise Invalid(*(Fault(f"fields.{key}", "unknown_field", {"field": key}) for key in unknown))
    merged = {**ticket.fields, **{k: v.strip() if isinstance(v, str) else v for k, v in values.items()}}
    wrong = core.check(form, ticket.channel, merged)
    if bad := [w for w in wrong if w.code != "required"]:
        raise Invalid(*(Fault(f"fields.{w.key}", w.code, w.params) for w in bad))
    changed = sorted(key for key in keys if merged.get(key) != ticket.fields.get(key))
    if not changed and reference == ticket.form:
        return ticket
    ticket.fields, ticket.form, ticket.is_incomplete = merged, reference, bool(wrong)
    settle(actor, ticket, [fact(ticket, "fields_completed", now, {"fields": changed, "missing": len(wrong)})], now=now)
    return ticket
