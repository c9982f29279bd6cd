"""The CRM over the API: a customer's orders, keeping one equal at once, and what could not be sent."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from jiying.base.api.wire import Id, actor_of, answer
from jiying.channels.queries import crm as queries
from jiying.channels.services import crm, crm_asking

router = Router(tags=["crm"])


@router.get("/customers/{customer_id}/orders", response=crm_asking.KnownList)
def list_orders(request: HttpRequest, customer_id: Id) -> HttpResponse:
    """What each connected CRM knows of the customer, asked just now."""
    return answer(crm_asking.KnownList(crm_asking.known(actor_of(request), customer_id, timezone.now())))


@router.get("/crm-sends", response=queries.SendRows)
def list_crm_sends(request: HttpRequest) -> HttpResponse:
    """What could not be sent to a CRM yet, with the reason, and how much waits in all."""
    return answer(queries.waiting(actor_of(request)))


@router.post("/crm-sends/{send_id}/retry", response=queries.SendRows)
def retry_crm_send(request: HttpRequest, send_id: Id) -> HttpResponse:
    """Send it again now."""
    crm.retry(actor=actor_of(request), send_id=send_id, now=timezone.now())
    return answer(queries.waiting(actor_of(request)))
