"""All tickets (工单): shipped and saved views, filters, words, columns. The address is the state of the page."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Denied
from jiying.desk.pages import columns, filtering
from jiying.desk.pages.answers import is_fragment
from jiying.desk.policies import SEEING
from jiying.desk.queries import bulk_actions, categories, lists, ordered, saved_views
from jiying.desk.queries.filters import Filters, read
from jiying.desk.queries.saved_views import ViewRow


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The whole page; for htmx the list alone."""
    actor = actor_of(request)
    if actor.rights.isdisjoint(SEEING):
        raise Denied("desk.view_own")
    filters = read(request.GET.dict())
    cursor, now = request.GET.get("cursor", ""), timezone.now()
    page = lists.page(actor, filters, now, cursor)
    saved = _saved(actor, request)
    codes = (saved.columns if saved else []) or saved_views.columns_of(actor)
    paths = {choice.path: choice.label for choice in categories.choices()} if "category" in codes else {}
    context: dict[str, Any] = {
        "filters": filters,
        "table": columns.table(page.rows, codes, paths),
        "page": _pager(request, page, cursor),
        "here": request.get_full_path(),
        "is_live": not cursor,
        "actions": bulk_actions.offered(actor),
    }
    if is_fragment(request):
        return render(request, "desk/parts/ticket_table.html", context)
    counts = {view: _digits(n) for view, n in lists.kept_counts(actor, now).items()}
    return render(request, "desk/tickets.html", context | _frame(request, actor, filters, saved, counts))


def _saved(actor: Actor, request: HttpRequest) -> ViewRow | None:
    """The saved view that the address names."""
    pk = request.GET.get("saved", "")
    return saved_views.get(actor, int(pk)) if pk.isdecimal() and len(pk) < 16 else None


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
    """This list with some parameters changed."""
    return filtering.address(reverse("desk:tickets"), request.GET.dict(), **changes)


def _frame(
    request: HttpRequest, actor: Actor, filters: Filters, saved: ViewRow | None, counts: dict[str, str]
) -> dict[str, Any]:
    """What stands around the list."""
    query = filtering.address("", filters.as_query)
    place = filtering.address("", {**filters.as_query, "saved": str(saved.id) if saved else ""})
    only_view = {"view": filters.view if filters.view != "open" else ""}
    return {
        "tabs": [
            {
                "label": label,
                "url": filtering.address(reverse("desk:tickets"), {"view": "" if view == "open" else view}),
                "active": saved is None and filters.view == view,
                "count": counts.get(view, ""),
            }
            for view, label in _views().items()
        ],
        "saved_views": [_tab(view, saved) for view in saved_views.listed(actor)],
        "saved": saved,
        "is_changed": saved is not None and saved.filters != filters.as_query,
        "selects": filtering.selects(filters),
        "n_more": filtering.n_more(filters),
        "query": query.removeprefix("?"),
        "place": place.removeprefix("?"),
        "clear_url": filtering.address(reverse("desk:tickets"), only_view),
        "is_narrowed": filters.is_narrowed,
        "bulk": _bulk(actor, request),
    }


def _bulk(actor: Actor, request: HttpRequest) -> bulk_actions.BulkRow | None:
    """What came of the actor's last run, where the address names it."""
    pk = request.GET.get("bulk", "")
    if not pk.isdecimal() or len(pk) > 15:
        return None
    return bulk_actions.row(bulk_actions.job_of(actor, int(pk)), timezone.now())


def _tab(view: ViewRow, saved: ViewRow | None) -> dict[str, Any]:
    values = {**view.filters, "saved": str(view.id)}
    url = filtering.address(reverse("desk:tickets"), values)
    return {"label": view.name, "url": url, "active": saved is not None and saved.id == view.id, "reach": view.reach}


def _views() -> dict[str, str]:
    return {
        "open": _("All open"),
        "mine": _("My tickets"),
        "team": _("My team"),
        "unassigned": _("Unassigned"),
        "due_soon": _("Due soon"),
        "late": _("Overdue"),
        "waiting": _("Waiting"),
        "vip": _("VIP"),
        "ended": _("Ended"),
        "all": pgettext("tickets", "All"),
    }
