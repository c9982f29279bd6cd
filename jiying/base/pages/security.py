"""Security of one's own account (账号安全): second factors, open sessions, the last sign-ins."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base import audit, second_factor, sessions
from jiying.base.context import actor_of
from jiying.base.models import Person
from jiying.base.pages.me import tabs

SHOWN = 15


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    person: Person = request.user  # type: ignore[assignment]
    now = timezone.now()
    factors = second_factor.factors(person.pk)
    has_one = any(one.type in second_factor.FACTORS for one in factors)
    until = None if has_one else second_factor.ends_at(person, now)
    context: dict[str, Any] = {
        "tabs": tabs("security"),
        "totp": next((one for one in factors if one.type == "totp"), None),
        "keys": [(one, one.wrap()) for one in factors if one.type == "webauthn"],
        "n_codes": sum(len(one.wrap().get_unused_codes()) for one in factors if one.type == "recovery_codes"),
        "has_one": has_one,
        "until": until,
        "is_over": until is not None and now >= until,
        "sessions": sessions.of_person(person.pk, request.session.session_key or ""),
        "facts": audit.access_of(person.pk, SHOWN),
    }
    return render(request, "people/security.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    sessions.end(actor=actor_of(request), session_id=session_id, now=timezone.now())
    return redirect("security")


@login_required
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    sessions.end_others(actor=actor_of(request), here=request.session.session_key or "", now=timezone.now())
    return redirect("security")


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Where allauth's pages lead back to."""
    return redirect(reverse("security"))


urlpatterns = [
    path("", show, name="security"),
    path("sessions/<int:session_id>/end", end_session, name="end_session"),
    path("sessions/end-others", end_others, name="end_other_sessions"),
]
