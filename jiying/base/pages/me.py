"""One's own page: language and zone, the way to change the password."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from jiying.base import personnel
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.models import Person
from jiying.base.pages.people_forms import OwnForm, add_faults


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    person = _me(request)
    if request.method == "GET":
        own = {"phone": person.phone, "language": person.language, "time_zone": person.time_zone}
        return _render(request, OwnForm(initial=own))
    form = OwnForm(request.POST)
    if form.is_valid():
        try:
            personnel.change_own(actor=actor_of(request), **form.cleaned_data, now=timezone.now())
        except Refused as refused:
            add_faults(form, refused)
        else:
            answer = redirect("me")
            answer.delete_cookie(settings.LANGUAGE_COOKIE_NAME)  # it would win over what was chosen just now
            return answer
    return _render(request, form)


def tabs(active: str) -> list[dict[str, Any]]:
    """The places of one's own account."""
    found = [("me", _("Account"), "me"), ("security", _("Security"), "security"), ("tokens", _("API tokens"), "tokens")]
    return [{"label": label, "url": reverse(name), "active": key == active} for key, label, name in found]


def _me(request: HttpRequest) -> Person:
    return Person.objects.select_related("team", "department").get(pk=actor_of(request).id or 0)


def _render(request: HttpRequest, form: OwnForm) -> HttpResponse:
    person = _me(request)
    context = {
        "person": person,
        "roles": person.roles.order_by("pk"),
        "form": form,
        "tabs": tabs("me"),
    }
    return render(request, "people/me.html", context, status=422 if form.errors else 200)


urlpatterns = [path("", show, name="me")]
