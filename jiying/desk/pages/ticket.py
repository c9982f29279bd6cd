"""The page of one ticket (工单): whole, beside a list, and its live parts."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base import files, texts
from jiying.base.context import actor_of
from jiying.base.errors import NotFound
from jiying.desk.pages.answers import is_fragment
from jiying.desk.queries import ticket_page
from jiying.desk.services import customers


def context(request: HttpRequest, number: str, *, revealed: bool = False) -> dict[str, Any]:
    """What the ticket's templates need."""
    actor = actor_of(request)
    page = ticket_page.page(
        actor,
        ticket_page.load(actor, number),
        timezone.now(),
        everything="all" in request.GET,
        revealed=revealed,
    )
    return {
        "page": page,
        "ticket": page.ticket,
        "accept": files.ACCEPT,
        "directions": texts.choices("call_direction"),
        "composer_tabs": _tabs(page),
        "beside": "beside" in request.GET,
    }


def _tabs(page: ticket_page.TicketPage) -> list[dict[str, Any]]:
    found = [("reply", "say-reply", "r"), ("reply", "say-call", "")] if "reply" in page.verbs else []
    if "note" in page.verbs:
        found.insert(1, ("note", "say-note", "n"))
    words = {"say-reply": texts.term("message", "reply"), "say-note": texts.term("message", "note")}
    return [
        {"label": words.get(panel, texts.term("message", "call")), "panel": panel, "active": n == 0, "key": key}
        for n, (_verb, panel, key) in enumerate(found)
    ]


@login_required
@require_GET
def show(request: HttpRequest, number: str) -> HttpResponse:
    """The whole page; for htmx the ticket alone, to stand beside a list."""
    template = "desk/ticket_body.html" if is_fragment(request) else "desk/ticket.html"
    return render(request, template, context(request, number))


@login_required
@require_GET
def live(request: HttpRequest, number: str) -> HttpResponse:
    """The parts that others may have changed; what one writes is never touched."""
    return render(request, "desk/ticket_live.html", context(request, number))


@login_required
@require_POST
def reveal(request: HttpRequest, number: str) -> HttpResponse:
    """The customer's data in plain, once; who looked is a fact."""
    ticket = ticket_page.load(actor_of(request), number)
    if ticket.customer_id is None:
        raise NotFound("customer", "")
    customers.reveal(actor=actor_of(request), customer_id=ticket.customer_id, ticket=number, now=timezone.now())
    template = "desk/parts/customer_card.html" if is_fragment(request) else "desk/ticket.html"
    return render(request, template, context(request, number, revealed=True))
