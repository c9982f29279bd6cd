"""A customer's card with the tickets that the reader may see, and the form that changes what is known of them."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base.context import actor_of
from jiying.base.errors import Denied, Refused
from jiying.desk.forms import CustomerForm
from jiying.desk.queries import customers, offers, panels, privacy
from jiying.desk.services.customers import EDITING, change
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


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct what is known; personal data are not shown, only written over or taken away."""
    actor = actor_of(request)
    if not actor.rights & EDITING:
        raise Denied("desk.handle")
    card = customers.card(actor, customers.get(actor, pk))
    if card.is_gone:
        return redirect("desk:customer", pk)
    may_care = "desk.edit_customers" in actor.rights
    form = CustomerForm(request.POST or None, detail=customers.detail(actor, pk), may_care=may_care)
    if request.method == "POST" and form.is_valid() and _changed(request, form, pk):
        return redirect("desk:customer", pk)
    context = {"form": form, "card": card}
    return render(request, "desk/customer_edit.html", context, status=422 if request.method == "POST" else 200)


def _changed(request: HttpRequest, form: CustomerForm, pk: int) -> bool:
    """Whether it was accepted; else its faults stand in the form."""
    about = {"actor": actor_of(request), "customer_id": pk, "revision": form.cleaned_data["revision"]}
    try:
        change(**about, now=timezone.now(), **form.values())
    except Refused as refused:
        for fault in refused.faults:
            field = fault.field.removeprefix("customer.")
            form.add_error(field if field in form.fields else None, fault.text)
        return False
    return True


def _render(request: HttpRequest, pk: int, *, revealed: bool) -> HttpResponse:
    actor = actor_of(request)
    customer = customers.get(actor, pk)
    if customer.merged_into_id is not None:
        return redirect("desk:customer", customer.merged_into_id)
    context = {
        "card": customers.card(actor, customer, revealed=revealed),
        "may_edit": bool(actor.rights & EDITING),
        "rows": customers.history(actor, pk, timezone.now(), n=SHOWN),
        "offers": offers.of_customer(actor, pk),
        "n_shown": SHOWN,
        "sections": panels.of_customer(),
        "beside": privacy.beside(actor, customer),
    }
    return render(request, "desk/customer.html", context)
