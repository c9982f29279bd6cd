"""The agent's desk (工作台): own tickets and the queue, one ticket beside them; and the presence switch."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base.context import actor_of, frame
from jiying.base.errors import NotFound
from jiying.base.policies import require
from jiying.desk.pages import ticket as ticket_pages
from jiying.desk.pages.answers import go, is_fragment, next_url
from jiying.desk.queries.work import work
from jiying.desk.services import routing


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """To the first place of the rail that this person may open."""
    nav = frame(request)["nav"]
    return redirect(nav[0]["url"] if nav else "desk:tickets")


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The whole desk; for htmx its lists alone."""
    actor = actor_of(request)
    require(actor, "desk.handle")
    context: dict[str, Any] = {"work": work(actor, timezone.now()), "chosen": request.GET.get("ticket", "")}
    if is_fragment(request):
        return render(request, "desk/parts/work_lists.html", context)
    if context["chosen"]:
        try:
            context |= ticket_pages.context(request, context["chosen"]) | {"beside": True}
        except NotFound:  # an old address: the desk is still there
            context["chosen"] = ""
    return render(request, "desk/work.html", context)


@login_required
@require_POST
def presence(request: HttpRequest) -> HttpResponse:
    """The switch in the top bar."""
    actor = actor_of(request)
    person = routing.set_presence(
        actor=actor,
        person_id=actor.id or 0,
        presence=request.POST.get("presence", ""),
        reason=request.POST.get("reason", "")[:60],
        now=timezone.now(),
    )
    if is_fragment(request):
        return render(request, "desk/presence.html", {"me": person, "presence_url": reverse("desk:presence")})
    return go(request, next_url(request) or "/")
