"""The page of one ticket (工单): whole, beside a list, and its live parts."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base import files, texts
from jiying.base.context import actor_of
from jiying.base.errors import NotFound
from jiying.desk.pages.answers import is_fragment
from jiying.desk.queries import actions, panels, ticket_page, writing
from jiying.desk.services import customers


def context(request: HttpRequest, number: str, *, revealed: bool = False) -> dict[str, Any]:
    """What the ticket's templates need."""
    actor, now = actor_of(request), timezone.now()
    ticket = ticket_page.load(actor, number)
    page = ticket_page.page(actor, ticket, now, everything="all" in request.GET, revealed=revealed)
    return {
        "page": page,
        "buttons": actions.offered(actions.Offer(actor, ticket, page.verbs), page.next_verb),
        "panels": panels.shown(panels.About(actor, ticket, page, now)),
        "ticket": page.ticket,
        "composer": writing.composer(actor, ticket),
        "accept": files.ACCEPT,
        "file_limits": {"mb": files.LIMIT_MB, "n": files.MAX_FILES},
        "directions": texts.choices("call_direction"),
        "composer_tabs": _tabs(page),
        "beside": _stands_beside(request),
    }


def _stands_beside(request: HttpRequest) -> bool:
    """Whether the ticket is shown beside the list of the desk: asked for by that page."""
    details = getattr(request, "htmx", None)
    asked_by = details.current_url_abs_path if details else None
    return (asked_by or "").startswith(reverse("desk:work"))


def _tabs(page: ticket_page.TicketPage) -> list[dict[str, Any]]:
    found = [("reply", "say-reply", "r"), ("reply", "say-call", "p")] if "reply" in page.verbs else []
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
    customers.reveal(
        actor=actor_of(request),
        customer_id=ticket.customer_id,
        ticket=number,
        reason=request.POST.get("reason", ""),
        now=timezone.now(),
    )
    template = "desk/panels/customer.html" if is_fragment(request) else "desk/ticket.html"
    return render(request, template, context(request, number, revealed=True))
