"""Tasks of a ticket's flows: done, ticked, skipped. Starting a flow is a verb of the ticket."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from jiying.base.context import actor_of
from jiying.base.errors import NotFound
from jiying.desk import forms as desk_forms
from jiying.desk.models import FlowStep
from jiying.desk.pages.answers import Task, ask
from jiying.desk.pages.verbs import done
from jiying.desk.policies import require_handle
from jiying.desk.services import flows


def _found(request: HttpRequest, pk: int) -> FlowStep:
    found = FlowStep.objects.filter(pk=pk).select_related("run__ticket").first()
    if found is None:
        raise NotFound("task", pk)
    require_handle(actor_of(request), found.run.ticket)
    return found


@login_required
@require_POST
def finish(request: HttpRequest, pk: int) -> HttpResponse:
    found = _found(request, pk)
    flows.finish(actor=actor_of(request), step_id=pk, now=timezone.now())
    return done(request, found.run.ticket.number)


@login_required
@require_POST
def tick(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    """Turn one item of the checklist over."""
    found = _found(request, pk)
    flows.tick(actor=actor_of(request), step_id=pk, item=item, done=request.POST.get("done") == "1", now=timezone.now())
    return done(request, found.run.ticket.number)


@login_required
@require_http_methods(["GET", "POST"])
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a task out, with the reason."""
    found = _found(request, pk)

    def make(**kwargs: Any) -> forms.Form:
        return desk_forms.ReasonForm(ticket=found.run.ticket, **kwargs)

    task = Task(
        title=_("Skip: %(title)s") % {"title": found.title},
        submit=_("Skip"),
        action=reverse("desk:skip_task", args=[pk]),
        make=make,
        run=lambda values: flows.skip(actor=actor_of(request), step_id=pk, reason=values["reason"], now=timezone.now()),
        done=lambda: done(request, found.run.ticket.number),
        extra={"ticket": found.run.ticket},
    )
    return ask(request, task)
