"""API tokens: one's own, made and revoked; and all of them for whoever edits people."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import personnel, tokens
from jiying.base.context import actor_of
from jiying.base.errors import Invalid, Refused
from jiying.base.pages import organisation
from jiying.base.pages.again import proven
from jiying.base.pages.me import tabs
from jiying.base.policies import RIGHTS, require


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@proven
def own(request: HttpRequest) -> HttpResponse:
    """One's own tokens; a new one's text stands on the answer to its making and nowhere else."""
    if request.method == "GET":
        return _render(request)
    actor = actor_of(request)
    name, scopes = request.POST.get("name", "").strip(), request.POST.getlist("scopes")
    try:
        if not name:
            raise Invalid.one("name", "required", field="name")
        if lacking := sorted(set(scopes) - actor.rights):
            raise Invalid.one("scopes", "scopes", rights=", ".join(lacking))
        assert actor.person is not None  # noqa: S101 - a session has one
        secret = tokens.issue(actor=actor, person=actor.person, name=name, scopes=scopes, now=timezone.now())
    except Refused as refused:
        return _render(request, refused=refused)
    return _render(request, secret)


def _render(request: HttpRequest, secret: str = "", refused: Refused | None = None) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "tabs": tabs("tokens"),
        "tokens": tokens.of_person(actor.id or 0),
        "rights": [(code, words) for code, words in RIGHTS.items() if code in actor.rights],
        "secret": secret,
        "refused": refused,
    }
    return render(request, "people/tokens.html", context, status=refused.status if refused else 200)


@login_required
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    tokens.revoke(actor=actor_of(request), token_id=token_id, now=timezone.now())
    return redirect("tokens")


@login_required
@require_GET
def of_all(request: HttpRequest) -> HttpResponse:
    """Every token of the house: whose, for what, when it was used last."""
    require(actor_of(request), personnel.RIGHT)
    context = {"tabs": organisation.tabs("tokens", actor_of(request)), "tokens": tokens.of_all(actor_of(request))}
    return render(request, "people/all_tokens.html", context)


@login_required
@require_POST
def revoke_any(request: HttpRequest, token_id: int) -> HttpResponse:
    tokens.revoke_any(actor=actor_of(request), token_id=token_id, now=timezone.now())
    return redirect("all_tokens")


urlpatterns = [
    path("me/tokens", own, name="tokens"),
    path("me/tokens/<int:token_id>/revoke", revoke, name="revoke_token"),
    path("people/tokens/", of_all, name="all_tokens"),
    path("people/tokens/<int:token_id>/revoke", revoke_any, name="revoke_any_token"),
]
