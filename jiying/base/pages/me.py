"""One's own page: language and zone, API tokens, the way to change the password."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from jiying.base import personnel, tokens
from jiying.base.context import actor_of
from jiying.base.errors import Invalid, Refused
from jiying.base.models import Person
from jiying.base.pages.people_forms import OwnForm, add_faults
from jiying.base.policies import RIGHTS


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    person = _me(request)
    if request.method == "GET":
        return _render(request, OwnForm(initial={"language": person.language, "time_zone": person.time_zone}))
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


def _me(request: HttpRequest) -> Person:
    return Person.objects.select_related("team", "department").get(pk=actor_of(request).id or 0)


def _render(request: HttpRequest, form: OwnForm, secret: str = "", refused: Refused | None = None) -> HttpResponse:
    actor = actor_of(request)
    person = _me(request)
    context = {
        "person": person,
        "roles": person.roles.order_by("pk"),
        "form": form,
        "tokens": tokens.of_person(person.pk),
        "rights": [(code, words) for code, words in RIGHTS.items() if code in actor.rights],
        "secret": secret,
        "refused": refused,
    }
    return render(request, "people/me.html", context, status=422 if form.errors or refused else 200)


@login_required
@never_cache
@require_POST
def issue_token(request: HttpRequest) -> HttpResponse:
    """A new token; its text stands on this answer and nowhere else."""
    person, actor = _me(request), actor_of(request)
    form = OwnForm(initial={"language": person.language, "time_zone": person.time_zone})
    name = request.POST.get("name", "").strip()
    try:
        if not name:
            raise Invalid.one("name", "required", field="name")
        if lacking := sorted(set(request.POST.getlist("scopes")) - actor.rights):
            raise Invalid.one("scopes", "scopes", rights=", ".join(lacking))
        secret = tokens.issue(
            actor=actor, person=person, name=name, scopes=request.POST.getlist("scopes"), now=timezone.now()
        )
    except Refused as refused:
        return _render(request, form, refused=refused)
    return _render(request, form, secret)


@login_required
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    tokens.revoke(actor=actor_of(request), token_id=token_id, now=timezone.now())
    return redirect("me")


urlpatterns = [
    path("", show, name="me"),
    path("tokens", issue_token, name="issue_token"),
    path("tokens/<int:token_id>/revoke", revoke_token, name="revoke_token"),
]
