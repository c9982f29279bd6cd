"""The log of events sent to subscribers: what each answered, and sending again one of them or all of a period."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.pages.connections import tabs
from jiying.channels.queries import hooks_out as queries
from jiying.channels.services import hook_replays


class PeriodForm(forms.Form):
    connection = forms.CharField(max_length=40)
    since = forms.DateTimeField()
    until = forms.DateTimeField()


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    return _render(request)


def _render(request: HttpRequest, refused: str = "", status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    asked = {name: request.GET.get(name, "").strip()[:40] for name in ("connection", "state")}
    found = queries.deliveries(actor, **asked, cursor=request.GET.get("cursor", "")[:200])
    context: dict[str, Any] = {
        "tabs": tabs("hooks_out"),
        "asked": asked,
        "rows": found.items,
        "older": urlencode({**asked, "cursor": found.next_cursor}) if found.next_cursor else "",
        "subscriptions": queries.subscriptions(actor),
        "states": texts.choices("hook_out_state"),
        "opens_tickets": "desk.view_all" in actor.rights,
        "refused": refused,
        "typed": request.POST,
    }
    return render(request, "channels/hooks_out.html", context, status=status)


@login_required
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    hook_replays.one(actor=actor_of(request), delivery_id=pk, now=timezone.now())
    messages.success(request, _("It is sent again."))
    return redirect("hooks_out:log")


@login_required
@require_POST
def period(request: HttpRequest) -> HttpResponse:
    form = PeriodForm(request.POST)
    if not form.is_valid():
        return _render(request, _("Choose a subscription, and from when until when."), 422)
    data = form.cleaned_data
    try:
        n = hook_replays.period(
            actor=actor_of(request),
            code=data["connection"],
            since=data["since"],
            until=data["until"],
            now=timezone.now(),
        )
    except Refused as refused:
        return _render(request, refused.text, refused.status)
    messages.success(request, ngettext("%(n)s event is sent again.", "%(n)s events are sent again.", n) % {"n": n})
    return redirect("hooks_out:log")


app_name = "hooks_out"
urlpatterns = [
    path("", show, name="log"),
    path("log/<int:pk>/again", again, name="again"),
    path("log/period/again", period, name="period"),
]
