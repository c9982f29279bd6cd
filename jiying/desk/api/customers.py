"""The API of a customer: what is known of them, and how it changes. Thin: parse, call one function, answer."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import StringConstraints

from jiying.base.api.wire import Body, Id, Revision, actor_of, answer
from jiying.desk.api.schemas import Tags
from jiying.desk.queries import customers as queries
from jiying.desk.queries.customers import CustomerDetail
from jiying.desk.services import customers

router = Router(tags=["customers"])


class CustomerChange(Body):
    """Only what is named changes; null takes it away. `revision`: the state that the change was made from, as
    `GET` told it; another one meanwhile is 409."""

    name: Annotated[str, StringConstraints(max_length=120)] | None = None
    phone: Annotated[str, StringConstraints(max_length=40)] | None = None
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    address: Annotated[str, StringConstraints(max_length=300)] | None = None
    organisation: Annotated[str, StringConstraints(max_length=120)] | None = None
    region: Annotated[str, StringConstraints(max_length=40)] | None = None
    language: Annotated[str, StringConstraints(max_length=10)] | None = None
    tier: Literal["standard", "vip"] | None = None
    tags: Tags | None = None
    dedicated: Id | None = None
    revision: Revision | None = None

    def values(self) -> dict[str, object]:
        empty: dict[str, object] = {"tier": "standard", "tags": [], "dedicated": None}
        given = {name: getattr(self, name) for name in self.model_fields_set if name != "revision"}
        told = {name: empty.get(name, "") if value is None else value for name, value in given.items()}
        return {"dedicated_id" if name == "dedicated" else name: value for name, value in told.items()}


@router.get("/customers/{customer_id}", response=CustomerDetail)
def customer_detail(request: HttpRequest, customer_id: Id) -> HttpResponse:
    """What is known of a customer; personal data are masked until they are revealed."""
    return answer(queries.detail(actor_of(request), customer_id))


@router.patch("/customers/{customer_id}", response=CustomerDetail)
def change_customer(request: HttpRequest, customer_id: Id, payload: CustomerChange) -> HttpResponse:
    """Correct what is known of a customer; tier, dedicated agent and tags need the right to edit customers."""
    actor, values = actor_of(request), payload.values()
    customers.change(actor=actor, customer_id=customer_id, revision=payload.revision, now=timezone.now(), **values)
    return answer(queries.detail(actor, customer_id))
