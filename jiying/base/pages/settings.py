"""Settings (设置): every registered business setting with its text, one form, refused whole when any is wrong."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from jiying.base import settings_store
from jiying.base.context import actor_of
from jiying.base.errors import Conflict, Fault, Invalid, Refused
from jiying.base.settings_store import SettingRow
from jiying.base.transactions import short


def tabs(active: str) -> list[dict[str, Any]]:
    found = [("general", _("General"), "settings"), ("oidc", _("Single sign-on"), "oidc")]
    return [{"label": label, "url": reverse(name), "active": key == active} for key, label, name in found]


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return _render(request, None)
    try:
        _save(request)
    except Refused as refused:
        return _render(request, refused)
    return redirect("settings")


@short
def _save(request: HttpRequest) -> None:
    """Put every setting that the form changed; one fault keeps them all as they were."""
    now, faults = timezone.now(), list[Fault]()
    for row in settings_store.rows(actor_of(request)):
        key = row.name
        try:
            value = _typed(row, request.POST.get(key, ""))
            seen = request.POST.get(f"{key}.revision", "")
            if value != row.value:
                if not seen.isdigit():
                    raise Conflict.one("stale", key)
                settings_store.put(actor=actor_of(request), key=key, value=value, revision=int(seen), now=now)
        except Refused as refused:
            faults += [Fault(fault.field or key, fault.code, fault.params) for fault in refused.faults]
    if faults:
        raise Invalid(*faults)


def _typed(row: SettingRow, text: str) -> Any:
    """What the field holds, as the setting's type; a number that is none is left to the setting's own check."""
    if isinstance(row.default, bool):
        return text == "on"
    if isinstance(row.default, int):
        return int(text) if text.strip().lstrip("-").isdecimal() and len(text) < 12 else text
    return text.strip()


def _render(request: HttpRequest, refused: Refused | None) -> HttpResponse:
    rows = [
        {
            "key": row.name,
            "label": row.label,
            "kind": type(row.default).__name__,
            "low": row.low,
            "high": row.high,
            "default": row.default,
            "value": _typed(row, request.POST.get(row.name, "")) if refused else row.value,
            "revision": request.POST.get(f"{row.name}.revision", row.revision) if refused else row.revision,
            "errors": [fault.text for fault in (refused.faults if refused else ()) if fault.field == row.name],
        }
        for row in settings_store.rows(actor_of(request))
    ]
    status = 422 if refused else 200
    return render(request, "people/settings.html", {"rows": rows, "tabs": tabs("general")}, status=status)


urlpatterns = [path("", show, name="settings")]
