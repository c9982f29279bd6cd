"""Intake forms: the list with the share of incomplete tickets, and the editor; each saving is a new version."""

import re
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.policies import require
from jiying.core.intake_forms import CHANNELS, FILLS, KINDS, MAX_FIELDS
from jiying.desk.forms import split_tags
from jiying.desk.pages.setup import RIGHT, tabs
from jiying.desk.queries import intake_forms as queries
from jiying.desk.services import form_setup

BLANK = 2  # empty fields to fill in; saving gives more
_PLACE = re.compile(r"fields\.(\d+)")
_TEXTS = ("key", "label", "kind", "pattern", "when", "fill", "hint")


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), RIGHT)
    context = {"tabs": tabs("forms"), "rows": queries.forms(timezone.now()).items}
    return render(request, "desk/setup/forms.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, key: str = "") -> HttpResponse:
    """One form; without a key a new one."""
    actor, now = actor_of(request), timezone.now()
    require(actor, RIGHT)
    found = queries.form(key, now) if key else None
    if request.method == "GET":
        body = {"fields": found.fields, "strict": found.strict} if found else {"fields": [], "strict": []}
        return _show(request, found, {"key": key, "title": found.title if found else "", **body}, None)
    key = key or request.POST.get("key", "").strip()
    title, fields = request.POST.get("title", ""), _read(request)
    strict = [channel for channel in CHANNELS if channel in request.POST.getlist("strict")]
    try:
        form_setup.save(actor=actor, key=key, title=title, body={"fields": fields, "strict": strict}, now=now)
    except Refused as refused:
        return _show(request, found, {"key": key, "title": title, "fields": fields, "strict": strict}, refused)
    messages.success(request, _("Saved as a new version; running tickets keep theirs."))
    return redirect("desk:form", key)


def _read(request: HttpRequest) -> list[dict[str, Any]]:
    """The lines field.0.label …, by their place; a field without a label is none."""
    found = []
    for n in range(MAX_FIELDS + BLANK):
        value = {name: request.POST.get(f"field.{n}.{name}", "").strip() for name in _TEXTS}
        if not value["label"]:
            continue
        field = {
            **value,
            "key": value["key"] or f"field_{n + 1}",
            "required": request.POST.get(f"field.{n}.required") == "on",
            "options": split_tags(request.POST.get(f"field.{n}.options", "")),
            "values": split_tags(request.POST.get(f"field.{n}.values", "")),
            "channels": [c for c in CHANNELS if c in request.POST.getlist(f"field.{n}.channels")],
        }
        place = request.POST.get(f"field.{n}.place", "")
        found.append((int(place) if place.isdecimal() and len(place) < 6 else 999, n, field))
    return [field for _place, _n, field in sorted(found, key=lambda one: one[:2])]


def _show(
    request: HttpRequest, found: queries.FormRow | None, shown: dict[str, Any], refused: Refused | None
) -> HttpResponse:
    faults: dict[int, list[str]] = {}
    for fault in refused.faults if refused else ():
        place = _PLACE.match(fault.field)
        faults.setdefault(int(place[1]) if place else -1, []).append(fault.text)
    fields = [
        {
            **field,
            "options_text": ", ".join(field.get("options", ())),
            "values_text": ", ".join(field.get("values", ())),
            "errors": faults.get(n, []),
        }
        for n, field in enumerate(shown["fields"])
    ]
    key = found.key if found else ""
    context = {
        "found": found,
        "shown": shown,
        "fields": [*fields, *({"kind": "text"} for _n in range(BLANK))],
        "errors": faults.get(-1, []),
        "kinds": [(code, texts.term("field_kind", code)) for code in KINDS],
        "fills": [(code, texts.term("field_fill", code)) for code in FILLS],
        "channels": [(code, texts.term("channel", code)) for code in CHANNELS],
        "by_channel": queries.by_channel(key, timezone.now()) if key else [],
        "versions": queries.versions(key) if key else [],
    }
    return render(request, "desk/setup/form.html", context, status=refused.status if refused else 200)
