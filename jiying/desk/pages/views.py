"""Saving a view of the list, changing it, taking it away; choosing one's columns. Forms in the dialog of the list."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_http_methods, require_POST

from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Denied
from jiying.desk.pages import columns as shown
from jiying.desk.pages import filtering
from jiying.desk.pages.answers import Task, ask, go, next_url
from jiying.desk.policies import SEEING
from jiying.desk.queries import saved_views
from jiying.desk.queries.filters import read
from jiying.desk.services import views


class ViewForm(forms.Form):
    """`filters`: the query of the list that it is saved from."""

    name = forms.CharField(
        label=_l("Name of the view"),
        max_length=views.MAX_NAME,
        widget=forms.TextInput(attrs={"class": "form-control", "autofocus": True, "autocomplete": "off"}),
    )
    reach = forms.ChoiceField(label=_l("For whom"), widget=forms.Select(attrs={"class": "form-select"}))
    keep_columns = forms.BooleanField(
        label=_l("With the columns as they are now"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
        help_text=_l("Otherwise each reader sees the columns of their own choice."),
    )
    filters = forms.CharField(required=False, widget=forms.HiddenInput)
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reaches = [("own", _("Only for me"))]
        if "desk.share_views" in actor.rights:
            reaches += [("team", _("My team"))] if actor.team_id else []
            reaches += [("all", _("Everybody"))] if "desk.view_all" in actor.rights else []
        self.fields["reach"].choices = reaches  # type: ignore[attr-defined]


def _reader(request: HttpRequest) -> Actor:
    """Somebody who has lists."""
    actor = actor_of(request)
    if actor.rights.isdisjoint(SEEING):
        raise Denied("desk.view_own")
    return actor


@login_required
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Save the list as it is under a name."""
    actor = _reader(request)
    query = request.GET.copy()
    query.pop("saved", None)
    initial = {"filters": query.urlencode()}
    made: list[int] = []
    return ask(
        request,
        Task(
            title=_("Save as a view"),
            submit=_("Save"),
            action=reverse("desk:add_view"),
            make=lambda **given: ViewForm(actor=actor, initial=initial, **given),
            run=lambda values: made.append(views.add(actor=actor, view=_view(actor, values), now=timezone.now()).pk),
            done=lambda: go(request, _address(actor, made[0]), _("The view is saved.")),
            target="#d-verb-body",
        ),
    )


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change name, reach and columns of a view, and its filters to those of the list."""
    actor = actor_of(request)
    found = saved_views.get(actor, pk)
    query = request.GET.urlencode() or filtering.address("", found.filters).removeprefix("?")
    initial = {
        "name": found.name,
        "reach": found.reach,
        "keep_columns": bool(found.columns),
        "filters": query,
        "revision": found.revision,
    }

    def run(values: dict[str, Any]) -> None:
        view = _view(actor, values, found.columns)
        views.change(actor=actor, pk=pk, view=view, revision=values["revision"], now=timezone.now())

    return ask(
        request,
        Task(
            title=_("Change the view"),
            submit=_("Save"),
            action=reverse("desk:edit_view", args=[pk]),
            make=lambda **given: ViewForm(actor=actor, initial=initial, **given),
            run=run,
            done=lambda: go(request, _address(actor, pk), _("The view is saved.")),
            target="#d-verb-body",
        ),
    )


def _view(actor: Actor, values: dict[str, Any], before: list[str] | None = None) -> views.View:
    filters = read(QueryDict(values["filters"]).dict()).as_query
    columns = (before or saved_views.columns_of(actor)) if values["keep_columns"] else []
    return views.View(values["name"], filters, tuple(columns), values["reach"])


def _address(actor: Actor, pk: int) -> str:
    found = saved_views.get(actor, pk)
    return filtering.address(reverse("desk:tickets"), {**found.filters, "saved": str(pk)})


@login_required
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a view away."""
    views.remove(actor=actor_of(request), pk=pk, now=timezone.now())
    return go(request, reverse("desk:tickets"), _("The view is gone; its tickets stay."))


class ColumnsForm(forms.Form):
    """The chosen columns in their order: as they come."""

    columns = forms.MultipleChoiceField(required=False, choices=[(code, code) for code in saved_views.COLUMNS])


@login_required
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """Which columns one's lists show, in which order."""
    actor = _reader(request)
    back = next_url(request) or reverse("desk:tickets")

    def run(values: dict[str, Any]) -> None:
        views.choose_columns(actor=actor, columns=values["columns"], now=timezone.now())

    return ask(
        request,
        Task(
            title=_("Choose columns"),
            submit=_("Save"),
            action=reverse("desk:columns"),
            make=lambda **given: ColumnsForm(**given),
            run=run,
            done=lambda: go(request, back),
            extra={"columns": shown.choices(saved_views.columns_of(actor))},
            target="#d-verb-body",
        ),
    )
