"""The customer's own address of a ticket, for those at the desk who may handle it: to copy, or to replace."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from jiying.base.context import actor_of
from jiying.channels.pages import outbox
from jiying.channels.services import portal
from jiying.desk.queries import ticket_page

TEMPLATE, FORM = "channels/link.html", "channels/link.html#form"


@login_required
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, number: str) -> HttpResponse:
    """The address; a POST makes a new one, after which earlier ones lead nowhere."""
    actor, is_new = actor_of(request), request.method == "POST"
    ticket = ticket_page.load(actor, number)
    if is_new:
        url = portal.renew(actor=actor, number=ticket.number, now=timezone.now())
    else:
        url = portal.address(actor=actor, number=ticket.number)
    context = {"ticket": ticket, "url": url, "is_new": is_new}
    response = render(request, FORM if getattr(request, "htmx", False) else TEMPLATE, context)
    response["Cache-Control"] = "private, no-store"
    return response


app_name = "channels"
urlpatterns = [
    path("<str:number>/customer-link", link, name="link"),
    path("<str:number>/fetch-files", outbox.fetch_again, name="fetch_again"),
    path("messages/<int:pk>/send-again", outbox.again, name="send_again"),
]
