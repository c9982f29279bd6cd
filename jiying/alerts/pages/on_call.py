"""Who is on call (值班), and one's own wishes for messages."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from jiying.alerts.models import Wish
from jiying.alerts.pages.tabs import tabs
from jiying.alerts.queries import duty
from jiying.alerts.services import on_call
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.models import Person, Team
from jiying.base.policies import require

VIEW = "alerts.view_team"


def _moment() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local", "class": "form-control"}, format="%Y-%m-%dT%H:%M")


class ShiftForm(forms.Form):
    person = forms.ModelChoiceField(Person.objects.none(), label=_("Who"), empty_label="—")
    team = forms.ModelChoiceField(Team.objects.none(), label=_("For"), required=False, empty_label=_("All teams"))
    starts_at = forms.DateTimeField(label=_("From"), widget=_moment(), input_formats=["%Y-%m-%dT%H:%M"])
    ends_at = forms.DateTimeField(label=_("Until"), widget=_moment(), input_formats=["%Y-%m-%dT%H:%M"])

    def __init__(self, *args: Any, team_id: int | None, **kwargs: Any) -> None:
        """`team_id`: the only team to choose, None for every one."""
        super().__init__(*args, **kwargs)
        people, teams = Person.objects.filter(is_active=True).order_by("name"), Team.objects.order_by("name")
        if team_id is not None:
            teams = teams.filter(pk=team_id)
            self.fields["team"].required, self.fields["team"].initial = True, team_id
        for name, rows in (("person", people), ("team", teams)):
            self.fields[name].queryset = rows  # type: ignore[attr-defined]
            self.fields[name].widget.attrs["class"] = "form-select"


class WishForm(forms.Form):
    quiet_from = forms.CharField(label=_("From"), required=False, max_length=5)
    quiet_to = forms.CharField(label=_("Until"), required=False, max_length=5)
    digest_min = forms.TypedChoiceField(label=_("Gather messages"), coerce=int, choices=())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        gathered = [(n, _("for %(n)s minutes") % {"n": n}) for n in (5, 15, 30, 60, 240)]
        self.fields["digest_min"].choices = [(0, _("send at once")), *gathered]  # type: ignore[attr-defined]
        self.fields["digest_min"].widget.attrs["class"] = "form-select"
        for name in ("quiet_from", "quiet_to"):
            self.fields[name].widget = forms.TimeInput(attrs={"type": "time", "class": "form-control"})


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    require(actor, VIEW)
    own = None if "desk.view_all" in actor.rights else actor.team_id or 0
    form = ShiftForm(request.POST or None, team_id=own)
    if request.method == "POST":
        require(actor, on_call.RIGHT)
        if form.is_valid() and _added(request, form, now):
            return redirect("alerts:on_call")
    shifts = duty.shifts(None if own is None else [own], now)
    may = on_call.RIGHT in actor.rights
    context = {
        "tabs": tabs(request, "on_call"),
        "form": form if may else None,
        "now_on_duty": [one for one in shifts if one.starts_at <= now],
        "later": [one for one in shifts if one.starts_at > now],
        "may_remove": {one.pk for one in shifts if may and (own is None or one.team_id == own)},
    }
    return render(request, "alerts/on_call.html", context, status=422 if form.errors else 200)


def _added(request: HttpRequest, form: ShiftForm, now: datetime) -> bool:
    team: Team | None = form.cleaned_data["team"]
    try:
        on_call.add(
            actor=actor_of(request),
            person_id=form.cleaned_data["person"].pk,
            team_id=team.pk if team else None,
            starts_at=form.cleaned_data["starts_at"],
            ends_at=form.cleaned_data["ends_at"],
            now=now,
        )
    except Refused as refused:
        _blame(form, refused)
        return False
    return True


def _blame(form: forms.Form, refused: Refused) -> None:
    for fault in refused.faults:
        form.add_error(fault.field if fault.field in form.fields else None, fault.text)


@login_required
@require_POST
def remove(request: HttpRequest, on_call_id: int) -> HttpResponse:
    on_call.remove(actor=actor_of(request), on_call_id=on_call_id, now=timezone.now())
    return redirect("alerts:on_call")


@login_required
@require_http_methods(["GET", "POST"])
def wishes(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    kept = Wish.objects.filter(person_id=actor.id or 0).first() or Wish()
    initial = {"quiet_from": kept.quiet_from, "quiet_to": kept.quiet_to, "digest_min": kept.digest_min}
    form = WishForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            on_call.wish(actor=actor, **form.cleaned_data, now=timezone.now())
        except Refused as refused:
            _blame(form, refused)
        else:
            return redirect("alerts:wishes")
    person = Person.objects.get(pk=actor.id or 0)
    context = {"tabs": tabs(request, "wishes"), "form": form, "email": person.email}
    return render(request, "alerts/wishes.html", context, status=422 if form.errors else 200)
