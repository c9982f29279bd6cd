"""Readiness and metrics for machines (Z9). `/health/live` is answered before Django, by `config.asgi`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from jiying.base import readiness, telemetry, tokens
from jiying.base.context import actor_of
from jiying.base.policies import has

LOOPBACK = frozenset({"127.0.0.1", "::1"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when this house can work, else 503 with the reasons by part; warnings do not make it unready."""
    now = timezone.now()
    reasons = readiness.reasons(now)
    found = {"ready": not reasons, "reasons": reasons, "warnings": {} if reasons else readiness.warnings(now)}
    return JsonResponse(found, status=503 if reasons else 200)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for loopback or whoever has the right system.health (session or token)."""
    if not (_from_here(request) or _may_see(request)):
        return HttpResponse("metrics need the right system.health\n", status=403, content_type="text/plain")
    return HttpResponse(telemetry.text(), content_type=CONTENT_TYPE_LATEST)


def _from_here(request: HttpRequest) -> bool:
    """A proxy on this machine comes from loopback too, but names whom it forwards."""
    forwarded = any(name in request.META for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP"))
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not forwarded


def _may_see(request: HttpRequest) -> bool:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        actor = tokens.authenticate(bearer.strip(), timezone.now())
        return actor is not None and has(actor, "system.health")
    return request.user.is_authenticated and has(actor_of(request), "system.health")


urlpatterns = [
    path("health/ready", ready, name="health_ready"),
    path("metrics", metrics, name="metrics"),
]
