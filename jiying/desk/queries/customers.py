"""Customers as cards, masked unless it is one's own ticket or they were revealed; found while one types (D11, D12)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Q
from django.urls import reverse

from jiying.base import settings_store
from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.core import masking
from jiying.desk.models import Customer, Ticket
from jiying.desk.policies import shows_plain, visible
from jiying.desk.queries.rows import TicketRow, masked_name, rows, with_people

HISTORY = 8
FOUND = 6
RECENT = 50_000  # names are looked for among the latest customers


@dataclass(frozen=True, slots=True)
class Card:
    id: int
    name: str
    phone: str
    email: str
    address: str
    region: str
    organisation: str
    ref: str
    tier: str
    is_vip: bool
    tags: tuple[str, ...]
    dedicated: str
    is_plain: bool
    may_reveal: bool
    asks_reason: bool
    told: tuple[tuple[str, str], ...]  # (field, value) that the ticket's request says otherwise
    is_gone: bool  # erased, or merged into another


@dataclass(frozen=True, slots=True)
class CustomerDetail:
    """A customer by themselves: personal data are masked. `dedicated` is the id of their own agent."""

    id: int
    ref: str | None
    name: str
    phone: str
    email: str
    address: str
    organisation: str
    region: str
    language: str
    tier: str
    tags: list[str]
    dedicated: int | None
    dedicated_name: str
    revision: int
    masked: bool


def detail(actor: Actor, customer_id: int) -> CustomerDetail:
    """Raises NotFound."""
    customer = get(actor, customer_id)
    shown = card(actor, customer)
    return CustomerDetail(
        id=customer.pk,
        ref=customer.ref,
        name=shown.name,
        phone=shown.phone,
        email=shown.email,
        address=shown.address,
        organisation=customer.organisation,
        region=customer.region,
        language=customer.language,
        tier=customer.tier,
        tags=customer.tags,
        dedicated=customer.dedicated_id,
        dedicated_name=shown.dedicated,
        revision=customer.revision,
        masked=not shown.is_plain,
    )


def card(actor: Actor, customer: Customer, ticket: Ticket | None = None, *, revealed: bool = False) -> Card:
    """A customer with `dedicated` joined. `revealed` shows plain data after `customers.reveal` has journalled it."""
    plain = revealed or shows_plain(actor, ticket, customer)
    may = bool(actor.rights & {"desk.reveal", "desk.unmasked"})
    return Card(
        id=customer.pk,
        name=(customer.name or masked_name(customer)) if plain else masked_name(customer),
        phone=customer.phone if plain else masking.phone(customer.phone),
        email=customer.email if plain else masking.email(customer.email),
        address=customer.address if plain else masking.address(customer.address),
        region=customer.region,
        organisation=customer.organisation,
        ref=customer.ref or "",
        tier=customer.tier,
        is_vip=customer.is_vip,
        tags=tuple(customer.tags),
        dedicated=customer.dedicated.name if customer.dedicated else "",
        is_plain=plain,
        may_reveal=may and not plain and customer.erased_at is None,
        asks_reason=bool(settings_store.get("desk.reveal_reason")),
        told=tuple(told(ticket, plain).items()) if ticket is not None else (),
        is_gone=customer.erased_at is not None or customer.merged_into_id is not None,
    )


_MASKS = {"name": masking.name, "phone": masking.phone, "email": masking.email, "address": masking.address}


def told(ticket: Ticket, plain: bool) -> dict[str, str]:
    """What a ticket's request says of its customer that contradicts what is known, masked like the customer's data."""
    return {
        name: value if plain or name not in _MASKS else _MASKS[name](value)
        for name, value in sorted(ticket.customer_told.items())
    }


def history(
    actor: Actor, customer_id: int, now: datetime, *, without: int | None = None, n: int = HISTORY
) -> list[TicketRow]:
    """The latest tickets of a customer that the actor may see."""
    found = Ticket.objects.filter(visible(actor), customer_id=customer_id).exclude(pk__in=[without or 0])
    return rows(list(with_people(found).order_by("-received_at", "-pk")[:n]), now)


def get(actor: Actor, customer_id: int) -> Customer:
    """A customer of a ticket that the actor may see; whoever takes requests may see all (masked)."""
    customer = Customer.objects.filter(pk=customer_id).select_related("dedicated").first()
    if customer is not None and (actor.rights & {"desk.create", "desk.view_all"} or _knows(actor, customer_id)):
        return customer
    raise NotFound("customer", customer_id)


def named(ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """How the audit names customers: masked, with the address of the page."""
    found = Customer.objects.filter(pk__in=ids)
    return {one.pk: (masked_name(one) or f"#{one.pk}", reverse("desk:customer", args=[one.pk])) for one in found}


def _knows(actor: Actor, customer_id: int) -> bool:
    return Ticket.objects.filter(visible(actor), customer_id=customer_id).exists()


@dataclass(frozen=True, slots=True)
class Found:
    """A customer to choose, masked."""

    id: int
    name: str
    phone: str
    email: str
    ref: str
    organisation: str
    is_vip: bool
    n_open: int


def find(text: str) -> list[Found]:
    """Customers by outside key, e-mail, phone or its end, or part of the name; at most six, in two queries."""
    text = text.strip()[:80]
    if len(text) < 2:
        return []
    return as_found(list(Customer.objects.filter(_matching(text)).order_by("-pk")[:FOUND]))


def as_found(found: Sequence[Customer]) -> list[Found]:
    """Masked, with how many open tickets each has; one query."""
    open_now = Ticket.objects.filter(customer__in=found, ended_at__isnull=True).values_list("customer_id", flat=True)
    n_open: dict[int | None, int] = {}
    for pk in open_now:
        n_open[pk] = n_open.get(pk, 0) + 1
    return [_found(c, n_open.get(c.pk, 0)) for c in found]


def _matching(text: str) -> Q:
    digits = "".join(c for c in text if c.isdecimal())
    if "@" in text:
        return Q(email__startswith=text.lower())
    if digits and not any(c.isalpha() for c in text):
        by_phone = Q(phone_tail=digits) if len(digits) == 4 else Q(phone__startswith=digits)
        return by_phone | Q(ref=text)
    latest = Customer.objects.aggregate(last=Max("pk"))["last"] or 0
    return Q(ref=text) | Q(pk__gt=latest - RECENT, name__icontains=text)


def _found(customer: Customer, n_open: int) -> Found:
    return Found(
        id=customer.pk,
        name=masked_name(customer),
        phone=masking.phone(customer.phone),
        email=masking.email(customer.email),
        ref=customer.ref or "",
        organisation=customer.organisation,
        is_vip=customer.is_vip,
        n_open=n_open,
    )
