"""A customer's card with the tickets that the reader may see."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base.context import actor_of
from jiying.desk.queries import customers
from jiying.desk.services.customers import reveal as reveal_customer

SHOWN = 50


@login_required
@require_GET
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _render(request, pk, revealed=False)


@login_required
@require_POST
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """The data in plain, once; who looked is a fact."""
    customers.get(actor_of(request), pk)
    reveal_customer(actor=actor_of(request), customer_id=pk, ticket="", now=timezone.now())
    return _render(request, pk, revealed=True)


def _render(request: HttpRequest, pk: int, *, revealed: bool) -> HttpResponse:
    actor = actor_of(request)
    customer = customers.get(actor, pk)
    context = {
        "card": customers.card(actor, customer, revealed=revealed),
        "rows": customers.history(actor, pk, timezone.now(), n=SHOWN),
        "n_shown": SHOWN,
    }
    return render(request, "desk/customer.html", context)
