"""Task flows: the list with completion and skips, and the editor, in which each saving is a new version."""

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
from jiying.clocks.queries import calendars
from jiying.core.task_flows import MAX_STEPS, ROLES, UNITS
from jiying.desk.pages.setup import RIGHT, tabs
from jiying.desk.queries import flows as queries
from jiying.desk.services import flow_setup

BLANK = 2  # empty steps to fill in; saving gives more
_PLACE = re.compile(r"steps\.(\d+)")


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), RIGHT)
    context = {"tabs": tabs("flows"), "rows": queries.flows(timezone.now()).items}
    return render(request, "desk/setup/flows.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, key: str = "") -> HttpResponse:
    """One flow; without a key a new one."""
    actor, now = actor_of(request), timezone.now()
    require(actor, RIGHT)
    found = queries.flow(key, now) if key else None
    if request.method == "GET":
        shown = {"key": key, "title": found.title if found else "", "steps": found.steps if found else []}
        return _show(request, found, shown, None)
    key = key or request.POST.get("key", "").strip()
    title, steps = request.POST.get("title", ""), _read(request)
    shown = {"key": key, "title": title, "steps": steps}
    try:
        flow_setup.save(actor=actor, key=key, title=title, body={"steps": steps}, now=now)
    except Refused as refused:
        return _show(request, found, shown, refused)
    messages.success(request, _("Saved as a new version; running tickets keep theirs."))
    return redirect("desk:flow", key)


def _read(request: HttpRequest) -> list[dict[str, Any]]:
    """The lines step.0.title …, by their place; a step without a title is none."""
    found = []
    for n in range(MAX_STEPS + BLANK):
        value = {name: request.POST.get(f"step.{n}.{name}", "").strip() for name in _NAMES}
        if not value["title"]:
            continue
        amount, place = value["amount"], value["place"]
        step = {
            "key": value["key"] or f"step-{n + 1}",
            "title": value["title"],
            "role": value["role"],
            "amount": int(amount) if amount.isdecimal() and len(amount) < 6 else 0,
            "unit": value["unit"],
            "calendar": value["calendar"],
            "mandatory": value["mandatory"] == "on",
            "remind": value["remind"] == "on",
            "checklist": [line.strip() for line in value["checklist"].splitlines() if line.strip()],
        }
        found.append((int(place) if place.isdecimal() and len(place) < 6 else 999, n, step))
    return [step for _place, _n, step in sorted(found, key=lambda one: one[:2])]


_NAMES = ("place", "key", "title", "role", "amount", "unit", "calendar", "mandatory", "remind", "checklist")


def _show(
    request: HttpRequest, found: queries.FlowRow | None, shown: dict[str, Any], refused: Refused | None
) -> HttpResponse:
    faults: dict[int, list[str]] = {}
    for fault in refused.faults if refused else ():
        place = _PLACE.match(fault.field)
        faults.setdefault(int(place[1]) if place else -1, []).append(fault.text)
    steps = [
        {**step, "lines": "\n".join(step.get("checklist", ())), "errors": faults.get(n, [])}
        for n, step in enumerate(shown["steps"])
    ]
    blank = {"role": "assignee", "amount": 1, "unit": "h", "mandatory": True, "remind": True}
    key = found.key if found else ""
    context = {
        "found": found,
        "shown": shown,
        "steps": [*steps, *(blank for _n in range(BLANK))],
        "errors": faults.get(-1, []),
        "roles": [(code, texts.term("task_role", code)) for code in ROLES],
        "units": [(code, texts.term("unit", code)) for code in UNITS],
        "calendars": [(d.key, d.label) for d in calendars(timezone.now())],
        "figures": queries.step_figures(key, timezone.now()) if key else [],
        "versions": queries.versions(key) if key else [],
    }
    return render(request, "desk/setup/flow.html", context, status=refused.status if refused else 200)
