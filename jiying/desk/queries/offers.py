"""Offers as people read them (D5): of a ticket, of a customer, as the customer sees them; the kinds with figures."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from jiying.base.actor import Actor
from jiying.desk.models import CustomerOffer, OfferKind, Ticket
from jiying.desk.policies import may_handle, visible
from jiying.desk.queries.categories import in_language

REPORTED = timedelta(days=30)
SHOWN = 50
HUES = {"open": "blue", "accepted": "green", "refused": "red", "withdrawn": "grey is-open", "lapsed": "grey"}
State = CustomerOffer.State


@dataclass(frozen=True, slots=True)
class OfferRow:
    """`amount` in the smallest unit (分); `answered_by` empty where the customer answered themselves."""

    id: int
    ticket: str
    kind: str
    label: str
    value: str
    amount: int | None
    note: str
    shown: bool
    state: str
    made_by: str
    made_at: datetime
    answer_note: str
    by_customer: bool
    answered_by: str
    ended_at: datetime | None
    may_answer: bool

    @property
    def hue(self) -> str:
        return HUES[self.state]

    @property
    def money(self) -> str:
        return money(self.amount)


@dataclass(frozen=True, slots=True)
class Offers:
    items: list[OfferRow]


@dataclass(frozen=True, slots=True)
class OfTicket:
    """The offers of a ticket, and those that its customer had on other tickets."""

    here: list[OfferRow]
    elsewhere: list[OfferRow]


@dataclass(frozen=True, slots=True)
class OfferKindRow:
    """The figures are of the last 30 days."""

    code: str
    label: str
    name_zh: str
    name_en: str
    active: bool
    revision: int
    n_made: int
    n_accepted: int


@dataclass(frozen=True, slots=True)
class OfferKinds:
    items: list[OfferKindRow]


def money(amount: int | None) -> str:
    """¥1,280.50, without the cents where there are none."""
    if amount is None:
        return ""
    cents = f".{amount % 100:02d}" if amount % 100 else ""
    return f"¥{amount // 100:,}{cents}"


def label(kind: OfferKind) -> str:
    return in_language(kind.name_zh, kind.name_en)


def labels() -> dict[str, str]:
    """{code: name} of all kinds; one query."""
    return {kind.code: label(kind) for kind in OfferKind.objects.all()}


def choices() -> list[tuple[str, str]]:
    """The kinds in use, to choose from."""
    return [(kind.code, label(kind)) for kind in OfferKind.objects.filter(active=True).order_by("pk")]


def of_ticket(actor: Actor, ticket: Ticket) -> OfTicket:
    """The offers of a ticket that the actor sees, the latest first; one query."""
    rows = _rows().filter(Q(ticket=ticket) | _of_customer(actor, ticket.customer_id))
    found = _told(actor, rows.order_by("-made_at", "-pk")[:SHOWN])
    return OfTicket(
        [one for one in found if one.ticket == ticket.number], [one for one in found if one.ticket != ticket.number]
    )


def of_customer(actor: Actor, customer_id: int) -> list[OfferRow]:
    """The latest offers of a customer on tickets that the actor may see; one query."""
    return _told(actor, _rows().filter(_of_customer(actor, customer_id)).order_by("-made_at", "-pk")[:SHOWN])


def one(actor: Actor, offer_id: int) -> OfferRow:
    """An offer that was just made or answered."""
    return _told(actor, _rows().filter(pk=offer_id))[0]


def shown_to_customer(ticket: Ticket) -> list[OfferRow]:
    """What the customer sees of the offers: those marked so, the oldest first, without what colleagues noted."""
    rows = CustomerOffer.objects.filter(ticket=ticket, is_shown=True).exclude(state=State.WITHDRAWN)
    found = rows.select_related("kind", "ticket", "made_by", "ended_by").order_by("made_at", "pk")
    return [_row(offer, offer.state == State.OPEN, is_inside=False) for offer in found]


def _rows() -> QuerySet[CustomerOffer]:
    return CustomerOffer.objects.select_related("kind", "ticket", "made_by", "ended_by")


def _of_customer(actor: Actor, customer_id: int | None) -> Q:
    if customer_id is None:
        return Q(pk__in=[])
    return Q(ticket__in=Ticket.objects.filter(visible(actor), customer_id=customer_id))


def _told(actor: Actor, offers: Iterable[CustomerOffer]) -> list[OfferRow]:
    return [_row(offer, offer.state == State.OPEN and may_handle(actor, offer.ticket)) for offer in offers]


def _row(offer: CustomerOffer, may_answer: bool, *, is_inside: bool = True) -> OfferRow:
    return OfferRow(
        id=offer.pk,
        ticket=offer.ticket.number,
        kind=offer.kind.code,
        label=label(offer.kind),
        value=offer.value,
        amount=offer.amount,
        note=offer.note if is_inside else "",
        shown=offer.is_shown,
        state=offer.state,
        made_by=offer.made_by.name if offer.made_by else "",
        made_at=offer.made_at,
        answer_note=offer.answer_note if is_inside or offer.by_customer else "",
        by_customer=offer.by_customer,
        answered_by=offer.ended_by.name if offer.ended_by and is_inside else "",
        ended_at=offer.ended_at,
        may_answer=may_answer,
    )


def kinds(now: datetime) -> OfferKinds:
    """All kinds in the order in which they were made, with their figures; two queries."""
    recent = CustomerOffer.objects.filter(made_at__gte=now - REPORTED).order_by().values_list("kind_id")
    counts = {
        pk: (n_made, n_accepted)
        for pk, n_made, n_accepted in recent.annotate(
            n_made=Count("pk"), n_accepted=Count("pk", filter=Q(state=State.ACCEPTED))
        )
    }
    return OfferKinds([_kind(row, *counts.get(row.pk, (0, 0))) for row in OfferKind.objects.order_by("pk")])


def _kind(row: OfferKind, n_made: int, n_accepted: int) -> OfferKindRow:
    return OfferKindRow(row.code, label(row), row.name_zh, row.name_en, row.active, row.revision, n_made, n_accepted)
