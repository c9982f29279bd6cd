"""Messages that did not get out: dead letters with their reason, and a button that sends them again."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.alerts import queries
from jiying.alerts.pages.tabs import tabs
from jiying.alerts.services import reading
from jiying.base.context import actor_of


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    dead, waiting = queries.deliveries(actor_of(request), timezone.now())
    context = {"tabs": tabs(request, "deliveries"), "dead": dead, "waiting": waiting}
    return render(request, "alerts/deliveries.html", context)


@login_required
@require_POST
def send_again(request: HttpRequest, delivery_id: int) -> HttpResponse:
    reading.send_again(actor=actor_of(request), delivery_id=delivery_id, now=timezone.now())
    return redirect("alerts:deliveries")
