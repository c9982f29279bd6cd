"""The supervisor's desk (主管台)."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from jiying.base.context import actor_of
from jiying.base.policies import require
from jiying.desk.pages.answers import is_fragment
from jiying.desk.queries import in_hand
from jiying.desk.queries.supervise import supervision


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The whole page; for htmx its live part. `open`: agents whose cards stay opened."""
    actor = actor_of(request)
    require(actor, "alerts.view_team")
    template = "desk/parts/supervision.html" if is_fragment(request) else "desk/supervise.html"
    opened = [int(pk) for pk in request.GET.getlist("open") if pk.isascii() and pk.isdecimal() and len(pk) < 16]
    return render(request, template, {"board": supervision(actor, timezone.now(), opened)})


@login_required
@require_GET
def agent(request: HttpRequest, pk: int) -> HttpResponse:
    """One agent's card, opened, or closed again (`closed`)."""
    actor = actor_of(request)
    require(actor, "alerts.view_team")
    is_opened = "closed" not in request.GET
    card = in_hand.card(actor, pk, timezone.now(), is_opened=is_opened)
    if not is_fragment(request):
        return redirect(reverse("desk:supervise") + (f"?open={pk}" if is_opened else ""))
    return render(request, "desk/parts/agent_card.html", {"card": card})
