"""The doors of inbound hooks, open to anybody and verified by signature; and the page of what came in."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import connections, texts
from jiying.base.context import actor_of
from jiying.base.pages.connections import tabs
from jiying.channels.queries import hooks as queries
from jiying.channels.services import hooks
from jiying.core.hooks import MAX_BODY, Came, Unverified

_STATUS = {"too_large": 413, "unreadable": 400}


@csrf_exempt
@require_http_methods(["GET", "POST"])
def come(request: HttpRequest, kind: str, code: str) -> HttpResponse:
    """A call of the other side. Whatever it sends, it hears a short answer that tells nothing of the house."""
    found = connections.open_one(code)
    if found is None or found.kind != kind or kind not in hooks.DOORS:
        return _said("not found", 404)
    try:
        verified = hooks.verify(found, _came(request), timezone.now())
    except (Unverified, UnreadablePostError) as refused:
        code = refused.code if isinstance(refused, Unverified) else "unreadable"
        return _said(code, _STATUS.get(code, 401))
    if verified.echo is not None:
        return _said(verified.echo, 200)
    hooks.take_in(found, verified, timezone.now())
    return _said(hooks.DOORS[kind].answer, 200)


def _came(request: HttpRequest) -> Came:
    body = request.read(MAX_BODY + 1) if request.method == "POST" else b""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Came(headers, {name: str(value) for name, value in request.GET.items()}, body, request.method == "GET")


def _said(text: str, status: int) -> HttpResponse:
    media_type = "application/json" if text.startswith("{") else "text/plain; charset=utf-8"
    response = HttpResponse(text, status=status, content_type=media_type)
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """What came in, the latest first; what could not be acted on with its reason."""
    state = request.GET.get("state", "").strip()[:20]
    found = queries.calls(actor_of(request), state=state, cursor=request.GET.get("cursor", "")[:200])
    context = {
        "tabs": tabs("hooks_in"),
        "rows": found.items,
        "state": state,
        "states": texts.choices("hook_state"),
        "older": urlencode({"state": state, "cursor": found.next}) if found.next else "",
    }
    return render(request, "channels/hooks.html", context)


@login_required
@require_GET
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One call with its form, masked."""
    context = {"shown": queries.opened(actor_of(request), pk), "tabs": tabs("hooks_in")}
    return render(request, "channels/hook_call.html", context)


@login_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the list; the worker acts within a second."""
    hooks.retry(actor=actor_of(request), call_id=pk, now=timezone.now())
    messages.success(request, _("The call is tried again."))
    return redirect("hooks:show")


app_name = "hooks"
urlpatterns = [
    path("", show, name="show"),
    path("<int:pk>/", one, name="one"),
    path("<int:pk>/retry", retry, name="retry"),
    path("<slug:kind>/<slug:code>", come, name="come"),
]
