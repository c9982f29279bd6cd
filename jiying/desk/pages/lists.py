"""All tickets (工单) with views, filters and search."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.base.errors import Denied
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models.tickets import Status
from jiying.desk.pages.answers import is_fragment
from jiying.desk.policies import SEEING
from jiying.desk.queries import categories, lists, ordered, people


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The whole page; for htmx the list alone."""
    actor = actor_of(request)
    if actor.rights.isdisjoint(SEEING):
        raise Denied("desk.view_own")
    filters = lists.read(request.GET.dict())
    cursor, now = request.GET.get("cursor", ""), timezone.now()
    page = lists.page(actor, filters, now, cursor)
    context: dict[str, Any] = {
        "filters": filters,
        "rows": page.rows,
        "page": _pager(request, page, cursor),
        "here": request.get_full_path(),
        "is_live": not cursor,
    }
    if is_fragment(request):
        return render(request, "desk/parts/ticket_list.html", context)
    counts = {view: _digits(n) for view, n in lists.counts(actor, now).items()}
    return render(request, "desk/tickets.html", context | _choices(request, filters, counts))


def _digits(n: int) -> str:
    """A count on a tab: none for nothing, and no more digits than were counted."""
    return f"{n - 1}+" if n >= ordered.MOST else str(n or "")


def _pager(request: HttpRequest, page: lists.Page, cursor: str) -> dict[str, Any]:
    return {
        "n_shown": len(page.rows),
        "first_url": _address(request, cursor="") if cursor else "",
        "next_url": _address(request, cursor=page.cursor) if page.cursor else "",
    }


def _address(request: HttpRequest, **changes: str) -> str:
    """This list with some parameters changed; empty ones are left out."""
    values = {**request.GET.dict(), **changes}
    query = urlencode({name: value for name, value in values.items() if value})
    return reverse("desk:tickets") + (f"?{query}" if query else "")


def _choices(request: HttpRequest, filters: lists.Filters, counts: Mapping[str, str]) -> dict[str, Any]:
    views = {
        "open": _("All open"),
        "mine": _("My tickets"),
        "team": _("My team"),
        "unassigned": _("Unassigned"),
        "due_soon": _("Due soon"),
        "late": _("Overdue"),
        "waiting": _("Waiting"),
        "vip": _("VIP"),
        "ended": _("Ended"),
    }
    return {
        "tabs": [
            {
                "label": label,
                "url": _address(request, view=view if view != "open" else "", cursor=""),
                "active": filters.view == view,
                "count": counts.get(view, ""),
            }
            for view, label in views.items()
        ],
        "statuses": [(code, texts.term("status", code)) for code in Status],
        "priorities": PRIORITIES,
        "channels": [(code, texts.term("channel", code)) for code in CHANNELS],
        "categories": categories.choices(),
        "teams": people.teams(),
        "agents": people.names(),
        "clear_url": _address(request, **dict.fromkeys(_NARROWING, ""), cursor=""),
    }


_NARROWING = ("q", "status", "priority", "channel", "assignee", "team", "category")
