"""The CRM on pages: a customer's orders as a part that comes by itself, and what could not be sent."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base.context import actor_of
from jiying.base.pages.connections import tabs
from jiying.channels.queries import crm as queries
from jiying.channels.services import crm, crm_asking


@login_required
@require_GET
def known(request: HttpRequest, pk: int) -> HttpResponse:
    """What the CRMs know of a customer."""
    found = crm_asking.known(actor_of(request), pk, timezone.now())
    response = render(request, "channels/crm_known.html", {"known": found})
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    context = {"found": queries.waiting(actor_of(request)), "tabs": tabs("crm")}
    return render(request, "channels/crm_waiting.html", context)


@login_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    crm.retry(actor=actor_of(request), send_id=pk, now=timezone.now())
    return redirect("crm:waiting")


app_name = "crm"
urlpatterns = [
    path("", waiting, name="waiting"),
    path("<int:pk>/retry", retry, name="retry"),
    path("customers/<int:pk>/", known, name="known"),
]
