"""Single sign-on (单点登录): its configuration with a write-only secret, and a test of the provider."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from jiying.base import oidc
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.models import Role
from jiying.base.pages.again import proven
from jiying.base.pages.settings import tabs
from jiying.base.policies import require


@login_required
@require_http_methods(["GET", "POST"])
@proven
def show(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    require(actor, oidc.RIGHT)
    if request.method == "GET":
        return _render(request, oidc.config(), None)
    config = _read(request)
    seen = request.POST.get("seen", "")
    try:
        oidc.save(
            actor=actor,
            config=config,
            secret=request.POST.get("secret", "").strip()[:500],
            seen=int(seen) if seen.isdigit() else -1,
            now=timezone.now(),
        )
    except Refused as refused:
        return _render(request, config, refused)
    return redirect("oidc")


def _read(request: HttpRequest) -> oidc.Config:
    def text(name: str) -> str:
        return request.POST.get(name, "").strip()

    return oidc.Config(
        enabled=text("enabled") == "on",
        name=text("name"),
        issuer=text("issuer"),
        client_id=text("client_id"),
        match=text("match"),
        makes_people=text("makes_people") == "on",
        role=text("role"),
    )


@login_required
@require_POST
def test(request: HttpRequest) -> HttpResponse:
    """Ask the provider that is stored; nothing is changed."""
    found = oidc.config()
    tested = oidc.test(actor=actor_of(request), config=found)
    return _render(request, found, None, tested)


def _render(
    request: HttpRequest, config: oidc.Config, refused: Refused | None, tested: oidc.Tested | None = None
) -> HttpResponse:
    stored = oidc.config()
    context: dict[str, Any] = {
        "tabs": tabs("oidc"),
        "config": config,
        "has_secret": stored.has_secret,
        "seen": request.POST.get("seen", "") if refused else stored.revision,
        "from_environment": stored.from_environment,
        "callback": request.build_absolute_uri(f"/accounts/oidc/{oidc.PROVIDER}/login/callback/"),
        "roles": Role.objects.order_by("pk"),
        "errors": {fault.field: fault.text for fault in refused.faults} if refused else {},
        "refused": refused,
        "tested": tested,
    }
    return render(request, "people/oidc.html", context, status=refused.status if refused else 200)


urlpatterns = [path("", show, name="oidc"), path("test", test, name="test_oidc")]
