"""Answers to questions between departments (D6), and causes of breaches (D8): forms about what hangs on a ticket."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import NotFound
from jiying.base.texts import term
from jiying.clocks.models import BreachCause, Clock
from jiying.clocks.services import causes
from jiying.desk import forms as desk_forms
from jiying.desk.models import Collaboration, Ticket
from jiying.desk.pages.answers import Task, ask
from jiying.desk.pages.verbs import done
from jiying.desk.policies import require_visible
from jiying.desk.services import collaboration


def asked_for(actor: Actor, pk: int) -> Collaboration:
    found = Collaboration.objects.filter(pk=pk).select_related("ticket", "department").first()
    if found is None:
        raise NotFound("collaboration", pk)
    require_visible(actor, found.ticket)
    return found


@login_required
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """A department's answer."""
    actor = actor_of(request)
    found = asked_for(actor, pk)

    def make(**kwargs: Any) -> forms.Form:
        return desk_forms.AnswerForm(ticket=found.ticket, **kwargs)

    task = Task(
        title=_("Answer for %(department)s") % {"department": found.department.label},
        submit=_("Send"),
        action=reverse("desk:answer", args=[pk]),
        make=make,
        run=lambda values: collaboration.answer(
            actor=actor, collaboration_id=pk, answer=values["answer"], now=timezone.now()
        ),
        done=lambda: done(request, found.ticket.number),
        extra={"ticket": found.ticket},
        text=found.question,
    )
    return ask(request, task)


@login_required
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    found = asked_for(actor_of(request), pk)
    collaboration.withdraw(actor=actor_of(request), collaboration_id=pk, now=timezone.now())
    return done(request, found.ticket.number)


@login_required
@require_http_methods(["GET", "POST"])
def cause(request: HttpRequest, pk: int) -> HttpResponse:
    """Name the cause of a late clock, or judge the one that was named (超时审批)."""
    actor = actor_of(request)
    clock, ticket = _late(actor, pk)
    named = BreachCause.objects.filter(clock=clock).first()
    judges = named is not None and "desk.approve_cause" in actor.rights

    def make(**kwargs: Any) -> forms.Form:
        initial = {"code": named.code, "note": named.note} if named else {}
        return desk_forms.CauseForm(ticket=ticket, initial=initial, **kwargs)

    def run(values: dict[str, Any]) -> None:
        act = causes.approve_cause if judges else causes.name_cause
        act(actor=actor, clock_id=pk, code=values["code"], note=values["note"], now=timezone.now())

    title = _("Approve or correct the cause: %(metric)s") if judges else _("Cause of the breach: %(metric)s")
    task = Task(
        title=title % {"metric": term("metric", clock.metric)},
        submit=_("Approve") if judges else _("Save"),
        action=reverse("desk:cause", args=[pk]),
        make=make,
        run=run,
        done=lambda: done(request, ticket.number),
        extra={"ticket": ticket},
    )
    return ask(request, task)


def _late(actor: Actor, pk: int) -> tuple[Clock, Ticket]:
    """A clock with the visible ticket that it belongs to, itself or by a question to a department."""
    clock = Clock.objects.filter(pk=pk).first()
    if clock is None:
        raise NotFound("clock", pk)
    if clock.subject_kind == "collaboration":
        return clock, asked_for(actor, clock.subject_id).ticket
    ticket = Ticket.objects.filter(pk=clock.subject_id).first() if clock.subject_kind == "ticket" else None
    if ticket is None:
        raise NotFound("clock", pk)
    require_visible(actor, ticket)
    return clock, ticket
