"""Support lines (二线支持): what waits to be taken in, what one has in hand, what one has handed up."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base.context import actor_of
from jiying.base.errors import NotFound
from jiying.base.policies import require
from jiying.desk import forms as desk_forms
from jiying.desk.models import HandUp
from jiying.desk.pages.answers import Task, ask
from jiying.desk.pages.verbs import done
from jiying.desk.policies import require_visible
from jiying.desk.queries import lines as queries
from jiying.desk.services import lines


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    require(actor, "desk.handle")
    return render(request, "desk/lines.html", {"board": queries.board(actor, timezone.now())})


def _found(request: HttpRequest, pk: int) -> HandUp:
    found = HandUp.objects.filter(pk=pk).select_related("ticket", "team").first()
    if found is None:
        raise NotFound("hand_up", pk)
    require_visible(actor_of(request), found.ticket)
    return found


@login_required
@require_POST
def take(request: HttpRequest, pk: int) -> HttpResponse:
    """It is mine now."""
    found = _found(request, pk)
    lines.take_in(actor=actor_of(request), hand_up_id=pk, now=timezone.now())
    return done(request, found.ticket.number)


@login_required
@require_http_methods(["GET", "POST"])
def back(request: HttpRequest, pk: int) -> HttpResponse:
    """The answer of the higher line."""
    found = _found(request, pk)

    def make(**kwargs: Any) -> forms.Form:
        return desk_forms.HandBackForm(ticket=found.ticket, **kwargs)

    task = Task(
        title=_("Answer and hand back"),
        submit=_("Hand back"),
        action=reverse("desk:hand_back", args=[pk]),
        make=make,
        run=lambda values: lines.hand_back(
            actor=actor_of(request), hand_up_id=pk, answer=values["answer"], now=timezone.now()
        ),
        done=lambda: done(request, found.ticket.number),
        extra={"ticket": found.ticket},
        text=found.reason,
    )
    return ask(request, task)


@login_required
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    found = _found(request, pk)
    lines.withdraw(actor=actor_of(request), hand_up_id=pk, now=timezone.now())
    return done(request, found.ticket.number)
