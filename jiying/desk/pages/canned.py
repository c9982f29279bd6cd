"""The editor of canned texts (常用语): the list with search, one form for a new or an old one."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Denied, Refused
from jiying.desk.forms import CannedTextForm
from jiying.desk.policies import WRITING
from jiying.desk.queries import writing
from jiying.desk.services import canned


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """All that one may use."""
    actor = _require(request)
    q = request.GET.get("q", "")[:40]
    context = {"texts": writing.canned_texts(actor, q), "q": q, "places": writing.PLACES}
    return render(request, "desk/canned.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    actor = _require(request)
    form = CannedTextForm(request.POST or None, reaches=_reaches(actor))
    if request.method == "POST" and _saved(request, form, None):
        return redirect("desk:canned")
    return _render(request, form, None, 422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    actor = _require(request)
    row = writing.canned_text(actor, pk)
    if not row.may_edit:
        raise Denied("desk.canned_texts")
    values = {name: getattr(row, name) for name in ("title", "shortcut", "body", "reach", "revision")}
    form = CannedTextForm(request.POST or None, initial=values, reaches={*_reaches(actor), row.reach})
    if request.method == "POST" and _saved(request, form, pk):
        return redirect("desk:canned")
    return _render(request, form, row, 422 if form.is_bound else 200)


@login_required
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    canned.remove(actor=actor_of(request), pk=pk, now=timezone.now())
    return redirect("desk:canned")


def _require(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    if not actor.rights & WRITING:
        raise Denied("desk.handle")
    return actor


def _reaches(actor: Actor) -> set[str]:
    """Whom one may write texts for."""
    found = {"own"}
    if "desk.canned_texts" in actor.rights:
        found |= {"team"} if actor.team_id else set()
        found |= {"all"} if "desk.view_all" in actor.rights else set()
    return found


def _saved(request: HttpRequest, form: CannedTextForm, pk: int | None) -> bool:
    """Whether it was accepted; else its faults stand in the form."""
    if not form.is_valid():
        return False
    values: dict[str, Any] = {name: form.cleaned_data[name] for name in ("title", "shortcut", "body", "reach")}
    act: dict[str, Any] = {"actor": actor_of(request), "text": canned.Text(**values), "now": timezone.now()}
    try:
        if pk is None:
            canned.add(**act)
        else:
            canned.change(**act, pk=pk, revision=form.cleaned_data["revision"])
    except Refused as refused:
        for fault in refused.faults:
            form.add_error(fault.field if fault.field in form.fields else None, fault.text)
        return False
    return True


def _render(request: HttpRequest, form: forms.Form, row: writing.CannedRow | None, status: int) -> HttpResponse:
    return render(request, "desk/canned_edit.html", {"form": form, "row": row, "places": writing.PLACES}, status=status)
