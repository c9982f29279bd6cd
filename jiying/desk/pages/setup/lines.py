"""Which team stands on which line, and the rules by which tickets go up."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.policies import require
from jiying.core.standards import PRIORITIES
from jiying.core.support_lines import LINES
from jiying.desk.pages.setup import RIGHT, tabs
from jiying.desk.queries import categories, people
from jiying.desk.queries.lines import lines
from jiying.desk.services import line_setup

FIELDS = ("event", "category", "type", "priority", "level", "team")
BLANK = 2  # empty lines to fill in; saving gives more


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Lines and rules; a POST saves the rules."""
    actor, now = actor_of(request), timezone.now()
    require(actor, RIGHT)
    if request.method == "GET":
        return _show(request, None, None)
    rules = _read(request)
    try:
        line_setup.save_rules(actor=actor, body={"rules": rules}, now=now)
    except Refused as refused:
        return _show(request, rules, refused)
    messages.success(request, _("Saved."))
    return redirect("desk:line_setup")


def _read(request: HttpRequest) -> list[dict[str, Any]]:
    """The lines rule.0.event …; a line without an event is none."""
    found = []
    for n in range(100):
        values = {name: request.POST.get(f"rule.{n}.{name}", "").strip() for name in FIELDS}
        if values["event"]:
            level = values["level"]
            found.append({**values, "level": int(level) if level in ("1", "2", "3") else 0})
    return found


@login_required
@require_POST
def set_line(request: HttpRequest) -> HttpResponse:
    """Put one team on another line."""
    line = request.POST.get("line", "")
    try:
        line_setup.set_line(
            actor=actor_of(request),
            team=request.POST.get("team", ""),
            line=int(line) if line in ("1", "2", "3") else 0,
            now=timezone.now(),
        )
    except Refused as refused:
        require(actor_of(request), RIGHT)
        return _show(request, None, refused)
    messages.success(request, _("Saved."))
    return redirect("desk:line_setup")


def _show(request: HttpRequest, rules: list[dict[str, Any]] | None, refused: Refused | None) -> HttpResponse:
    found = lines(line_setup.rules(timezone.now()))
    shown = rules if rules is not None else [{name: getattr(r, name) for name in FIELDS} for r in found.rules]
    context = {
        "tabs": tabs("lines"),
        "teams": found.teams,
        "lines": LINES,
        "rules": [*shown, *({} for _n in range(BLANK))],
        "events": texts.choices("up_event"),
        "types": texts.choices("type"),
        "priorities": PRIORITIES,
        "levels": (1, 2, 3),
        "categories": categories.choices(),
        "higher": people.teams_above(1),
        "refused": refused,
    }
    return render(request, "desk/setup/lines.html", context, status=refused.status if refused else 200)
