"""A customer's card with the tickets that the reader may see."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base.context import actor_of
from jiying.desk.queries import customers, offers, panels, privacy
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
    reason = request.POST.get("reason", "")
    reveal_customer(actor=actor_of(request), customer_id=pk, ticket="", reason=reason, now=timezone.now())
    return _render(request, pk, revealed=True)


def _render(request: HttpRequest, pk: int, *, revealed: bool) -> HttpResponse:
    actor = actor_of(request)
    customer = customers.get(actor, pk)
    if customer.merged_into_id is not None:
        return redirect("desk:customer", customer.merged_into_id)
    context = {
        "card": customers.card(actor, customer, revealed=revealed),
        "rows": customers.history(actor, pk, timezone.now(), n=SHOWN),
        "offers": offers.of_customer(actor, pk),
        "n_shown": SHOWN,
        "sections": panels.of_customer(),
        "beside": privacy.beside(actor, customer),
    }
    return render(request, "desk/customer.html", context)
