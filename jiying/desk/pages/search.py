"""Search (搜索): the box in the top bar leads here. A whole number leads straight to its ticket."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from jiying.base import cursors
from jiying.base.context import actor_of
from jiying.desk.pages import filtering
from jiying.desk.queries import search
from jiying.desk.queries.filters import Filters, read


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """What fits, best first; without words the empty page that says what can be looked for."""
    actor = actor_of(request)
    asked = request.GET.dict()
    filters = read({**asked, "view": asked.get("view") or "all"})
    offset = search.offset_of(asked.get("cursor"))
    if not offset and (number := search.number_of(actor, filters.q)):
        return redirect("desk:ticket", number=number)
    found = search.search(actor, filters, timezone.now(), offset=offset)
    context: dict[str, Any] = {
        "filters": filters,
        "found": found,
        "selects": filtering.selects(filters),
        "n_more": filtering.n_more(filters),
        "views": [("", _("All tickets")), ("open", _("Open ones")), ("ended", _("Ended ones"))],
        "orders": [("", _("Best first")), ("received", _("Latest first"))],
        "clear_url": filtering.address(reverse("desk:search"), {"q": filters.q}),
        "page": _pager(asked, filters, found, offset),
    }
    return render(request, "desk/search.html", context)


def _pager(asked: dict[str, str], filters: Filters, found: search.Found, offset: int) -> dict[str, Any]:
    base = reverse("desk:search")
    following = cursors.encode("search", found.next_offset) if found.next_offset else ""
    return {
        "n_shown": len(found.hits),
        "first_url": filtering.address(base, asked, cursor="") if offset else "",
        "next_url": filtering.address(base, asked, cursor=following) if following else "",
    }
