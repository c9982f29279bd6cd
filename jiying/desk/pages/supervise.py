"""The supervisor's desk (主管台)."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from jiying.base.context import actor_of
from jiying.base.policies import require
from jiying.desk.pages.answers import is_fragment
from jiying.desk.queries.supervise import supervision


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The whole page; for htmx its live part."""
    actor = actor_of(request)
    require(actor, "alerts.view_team")
    template = "desk/parts/supervision.html" if is_fragment(request) else "desk/supervise.html"
    return render(request, template, {"board": supervision(actor, timezone.now())})
