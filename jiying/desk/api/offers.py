"""Offers made to customers over the API: make, answer, take back, list; and the kinds of offers."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Id, Revision, actor_of, answer
from jiying.base.policies import require
from jiying.desk.api import schemas as s
from jiying.desk.queries import customers, ticket_page
from jiying.desk.queries import offers as queries
from jiying.desk.services import offer_kinds as kinds
from jiying.desk.services import offers as services

router = Router(tags=["offers"])
RIGHTS = ("desk.handle", "desk.assign", "desk.edit_rules")
Note = Annotated[str, StringConstraints(max_length=services.MAX_NOTE)]
Short = Annotated[str, StringConstraints(max_length=80)]


class OfferIn(Body):
    """`kind` is a code of `GET /offer-kinds`; `amount` in the smallest unit (分). `shown`: the customer sees it by the
    link of the ticket, and may accept or refuse it there."""

    kind: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    value: Annotated[str, StringConstraints(max_length=services.MAX_VALUE)] = ""
    amount: Annotated[int, Field(ge=0, le=services.MAX_AMOUNT)] | None = None
    note: Note = ""
    shown: bool = False


class OfferAnswerIn(Body):
    answer: Literal["accepted", "refused"]
    note: Note = ""


class OfferKindIn(Body):
    """A kind. `revision` is that of the version it was made from; none makes a new one."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    name_zh: Short
    name_en: Short = ""
    active: bool = True
    revision: Revision | None = None


@router.get("/tickets/{number}/offers", response=queries.Offers)
def list_offers(request: HttpRequest, number: s.Number) -> HttpResponse:
    """What was offered to the customer on this ticket, the latest first."""
    actor = actor_of(request)
    return answer(queries.Offers(queries.of_ticket(actor, ticket_page.load(actor, number)).here))


@router.post("/tickets/{number}/offers", response={201: queries.OfferRow})
def make_offer(request: HttpRequest, number: s.Number, payload: OfferIn) -> HttpResponse:
    """Offer the customer something; it lapses when the ticket ends unanswered."""
    actor = actor_of(request)
    made = services.make(actor=actor, number=number, new=services.NewOffer(**payload.dict()), now=timezone.now())
    return answer(queries.one(actor, made.pk), 201)


@router.post("/offers/{offer_id}/answer", response=queries.OfferRow)
def answer_offer(request: HttpRequest, offer_id: Id, payload: OfferAnswerIn) -> HttpResponse:
    """What the customer said to it."""
    actor = actor_of(request)
    services.answer(actor=actor, offer_id=offer_id, **payload.dict(), now=timezone.now())
    return answer(queries.one(actor, offer_id))


@router.post("/offers/{offer_id}/withdraw", response=queries.OfferRow)
def withdraw_offer(request: HttpRequest, offer_id: Id) -> HttpResponse:
    """Take an open offer back."""
    actor = actor_of(request)
    services.withdraw(actor=actor, offer_id=offer_id, now=timezone.now())
    return answer(queries.one(actor, offer_id))


@router.get("/customers/{customer_id}/offers", response=queries.Offers)
def list_customer_offers(request: HttpRequest, customer_id: Id) -> HttpResponse:
    """What a customer was offered on tickets that the caller may see, the latest 50."""
    actor = actor_of(request)
    return answer(queries.Offers(queries.of_customer(actor, customers.get(actor, customer_id).pk)))


@router.get("/offer-kinds", response=queries.OfferKinds)
def list_offer_kinds(request: HttpRequest) -> HttpResponse:
    """What may be offered, with how often it was in the last 30 days, and how often accepted."""
    if actor_of(request).rights.isdisjoint(RIGHTS):
        require(actor_of(request), RIGHTS[0])
    return answer(queries.kinds(timezone.now()))


@router.put("/offer-kinds", response=queries.OfferKindRow)
def save_offer_kind(request: HttpRequest, payload: OfferKindIn) -> HttpResponse:
    """Make or change a kind; its code stays, since offers name it."""
    data = kinds.OfferKindData(**payload.dict(exclude={"revision"}))
    saved = kinds.save(actor=actor_of(request), data=data, revision=payload.revision, now=timezone.now())
    return answer(next(row for row in queries.kinds(timezone.now()).items if row.code == saved.code))
