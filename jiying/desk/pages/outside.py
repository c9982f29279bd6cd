"""Outside events: what other systems reported, what was done and why; one that matched nothing is tried again here."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.desk.queries import outside as queries
from jiying.desk.services import outside


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    asked = {name: request.GET.get(name, "").strip()[:40] for name in ("state", "kind")}
    found = queries.events(actor, **asked, cursor=request.GET.get("cursor", "")[:200])
    context = {
        "asked": asked,
        "rows": found.items,
        "older": urlencode({**asked, "cursor": found.next}) if found.next else "",
        "kinds": list(queries.labels().items()),
        "states": texts.choices("outside_state"),
        "edits": "desk.edit_rules" in actor.rights,
        "opens_tickets": "desk.view_all" in actor.rights,
    }
    return render(request, "desk/outside.html", context)


@login_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the list; the worker acts within a second."""
    outside.retry(actor=actor_of(request), event_id=pk, now=timezone.now())
    messages.success(request, _("The event is tried again."))
    return redirect("desk:outside")
