"""Automations: the list, the editor with its trial, and the log. Each saving is a new version."""

import re
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.models import Person
from jiying.base.policies import require
from jiying.core import automations as core
from jiying.desk.pages.setup import RIGHT, tabs
from jiying.desk.policies import holders
from jiying.desk.queries import automations as queries
from jiying.desk.queries import categories, flows, people, story
from jiying.desk.services import automation_setup as services
from jiying.desk.services import automation_trials as trials

BLANK = 2  # empty actions to fill in; saving gives more
_AGAIN = ("category", "tags", "words")  # fields that often have two conditions: one of these, but none of those
_PLACE = re.compile(r"(if|then)\.(\d+)")
_GROUPS = story.CONDITION_TERMS


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), RIGHT)
    context = {"tabs": tabs("automations"), "rows": queries.rules(timezone.now()).items}
    return render(request, "desk/setup/automations.html", context)


@login_required
@require_GET
def log(request: HttpRequest) -> HttpResponse:
    """What rules did, the latest first."""
    actor = actor_of(request)
    require(actor, RIGHT)
    asked = {name: request.GET.get(name, "").strip()[:40] for name in ("rule", "state", "ticket")}
    found = queries.runs(actor, **asked, cursor=request.GET.get("cursor", "")[:200])
    context = {
        "asked": asked,
        "rows": found.items,
        "next": found.next,
        "rules": [(row.key, row.title) for row in queries.rules(timezone.now()).items],
        "states": [one for one in texts.choices("automation_state") if one[0] != "waiting"],
    }
    return render(request, "desk/setup/automation_log.html", context)


@login_required
@require_POST
def switch(request: HttpRequest, key: str) -> HttpResponse:
    services.switch(actor=actor_of(request), key=key, on=request.POST.get("on") == "on", now=timezone.now())
    messages.success(request, _("Saved."))
    return redirect("desk:automations")


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, key: str = "") -> HttpResponse:
    """One rule; without a key a new one. The button “Try it” saves nothing."""
    actor, now = actor_of(request), timezone.now()
    require(actor, RIGHT)
    found = queries.rule(key, now) if key else None
    if request.method == "GET":
        body = found.body if found else {"on": True, "when": {}, "if": [], "then": []}
        return _show(request, found, {"key": key, "title": found.title if found else "", "body": body})
    key = key or request.POST.get("key", "").strip()
    shown: dict[str, Any] = {"key": key, "title": request.POST.get("title", ""), "body": _read(request)}
    try:
        if "try" in request.POST:
            return _show(request, found, shown, tried=_try(request, shown))
        services.save(actor=actor, key=key, title=shown["title"], body=shown["body"], now=now)
    except Refused as refused:
        return _show(request, found, shown, refused)
    messages.success(request, _("Saved as a new version. It holds for what happens from now on."))
    return redirect("desk:automation", key)


def _try(request: HttpRequest, shown: Mapping[str, Any]) -> dict[str, Any]:
    actor, now, number = actor_of(request), timezone.now(), request.POST.get("number", "").strip()[:24]
    tried: dict[str, Any] = {"past": trials.on_past(actor=actor, body=shown["body"], now=now)}
    if number:
        one = trials.on_ticket(actor=actor, body=shown["body"], title=shown["title"], number=number, now=now)
        tried["ticket"] = one
        tried["checks"] = [
            (story.condition(c.condition.field, c.condition.op, c.condition.values), c.holds) for c in one.checked
        ]
        tried["did"] = queries.did(one.outcome, queries.names())
        tried["lines"] = story.lines(one.entries)
    return tried


# --- the form --------------------------------------------------------------------------------------------------------


def _read(request: HttpRequest) -> dict[str, Any]:
    post = request.POST
    conditions = []
    for n in range(core.MAX_CONDITIONS + len(core.FIELDS) + len(_AGAIN)):
        name = post.get(f"if.{n}.field", "")
        given = post.getlist(f"if.{n}.values")
        values = list(core.tags_of(",".join(given))) if name in ("tags", "words") else [v for v in given if v]
        if name and values:
            conditions.append({"field": name, "op": post.get(f"if.{n}.op", "is"), "values": values})
    actions = []
    for n in range(core.MAX_ACTIONS + BLANK):
        code, _bar, value = post.get(f"then.{n}.do", "").partition("|")
        text = post.get(f"then.{n}.text", "").replace("\r\n", "\n").strip()
        if code in ("add_tags", "drop_tags"):
            value, text = text, ""
        if code:
            actions.append({"do": code, "value": value, "text": text})
    return {
        "on": post.get("on") == "on",
        "when": _read_times(post) if post.get("event") == core.TIME else _read_event(post),
        "if": conditions,
        "then": actions,
    }


def _read_event(post: QueryDict) -> dict[str, Any]:
    return {"event": post.get("event", ""), "wait": _whole(post.get("wait", "")), "unit": post.get("unit", "min")}


def _read_times(post: QueryDict) -> dict[str, Any]:
    every = post.get("every", "")
    days: list[str] = post.getlist("weekday") if every == "week" else []
    if every == "month":
        days = list(core.tags_of(post.get("days", "")))
    return {
        "event": core.TIME,
        "every": every,
        "days": [_whole(day) for day in days[:31]],
        "at": post.get("at", "").strip(),
        "workdays": post.get("workdays") == "on",
    }


def _whole(text: str) -> int:
    """A whole number; -1, which the rule refuses, for what is none."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 6 else 0 if not text else -1


def _show(
    request: HttpRequest,
    found: queries.AutomationRow | None,
    shown: Mapping[str, Any],
    refused: Refused | None = None,
    tried: Mapping[str, Any] | None = None,
) -> HttpResponse:
    body, errors, own = shown["body"], _errors(refused), []
    for (part, _n), lines in errors.items():
        own += lines if not part else []
    context = {
        "found": found,
        "shown": shown,
        "body": body,
        "errors": own,
        "events": texts.choices("automation_event"),
        "units": texts.choices("wait_unit"),
        "every": texts.choices("every"),
        "weekdays": [
            (int(code), word, body["when"].get("every") == "week" and int(code) in body["when"].get("days", ()))
            for code, word in texts.choices("weekday")
        ],
        "month_days": ", ".join(str(day) for day in body["when"].get("days", ())),
        "ops": texts.choices("condition_op"),
        "conditions": _conditions(body["if"], errors),
        "actions": _actions(body["then"], errors),
        "number": request.POST.get("number", ""),
        "tried": tried,
        "versions": queries.versions(found.key) if found else [],
    }
    status = refused.status if refused else 200
    return render(request, "desk/setup/automation.html", context, status=status)


def _errors(refused: Refused | None) -> dict[tuple[str, int], list[str]]:
    """{(part, row): sentences}; what belongs to no row stands above all."""
    found: dict[tuple[str, int], list[str]] = {}
    for fault in refused.faults if refused else ():
        place = _PLACE.match(fault.field)
        found.setdefault((place[1], int(place[2])) if place else ("", 0), []).append(fault.text)
    return found


def _conditions(given: list[dict[str, Any]], errors: Mapping[tuple[str, int], list[str]]) -> list[dict[str, Any]]:
    """The conditions there are, then every field that has none yet; some fields may be asked twice."""
    used = {one["field"] for one in given}
    free = [name for name in core.FIELDS if name not in used or name in _AGAIN]
    rows = [{**one, "errors": errors.get(("if", n), [])} for n, one in enumerate(given)]
    rows += [{"field": name, "op": "is", "values": [], "is_free": True} for name in free]
    choices = {name: _choices(name) for name in core.FIELDS}
    return [
        {
            **row,
            "n": n,
            "label": texts.term("automation_field", row["field"]),
            "choices": choices.get(row["field"], []),
            "is_long": row["field"] == "category",
            "text": ", ".join(row["values"]),
        }
        for n, row in enumerate(rows)
    ]


def _choices(name: str) -> list[tuple[str, str]]:
    if name == "category":
        return [(one.path, one.label) for one in categories.choices()]
    if name == "team":
        return [(team.code, team.name) for team in people.teams()]
    return _told(_GROUPS.get(name, name), core.FIELDS[name] or ())


def _actions(given: list[dict[str, Any]], errors: Mapping[tuple[str, int], list[str]]) -> list[dict[str, Any]]:
    rows = [{**one, "errors": errors.get(("then", n), [])} for n, one in enumerate(given)]
    groups = _action_choices()
    blank: dict[str, Any] = {"do": "", "value": "", "text": ""}
    found = []
    for row in [*rows, *(blank for _n in range(BLANK))]:
        is_tags = row["do"] in ("add_tags", "drop_tags")
        chosen = f"{row['do']}|{'' if is_tags else row.get('value', '')}" if row["do"] else ""
        found.append({**row, "chosen": chosen, "groups": groups, "shown": row["value" if is_tags else "text"]})
    return found


def _action_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every action with what it may be given: one list, so that nothing can be chosen that does not go together."""
    named = {
        "category": [(one.path, one.label) for one in categories.choices()],
        "team": [(team.code, team.name) for team in people.teams()],
        "person": list(Person.objects.filter(pk__in=holders()).order_by("name").values_list("username", "name")),
        "flow": flows.titles(),
        "department": [(one.code, one.label) for one in people.departments()],
    }
    groups = {"escalate": "escalation_level", "tell": "tell_whom"}
    found: list[tuple[str, list[tuple[str, str]]]] = []
    plain: list[tuple[str, str]] = []
    for code, (choices, _has_text) in core.ACTIONS.items():
        word = texts.term("automation_act", code)
        if choices in ((), "tags"):
            plain.append((f"{code}|", word))
            continue
        listed = named[choices] if isinstance(choices, str) else _told(groups.get(code, code), choices)
        found.append((word, [(f"{code}|{value}", label) for value, label in listed]))
    return [("", plain), *(one for one in found if one[1])]


def _told(group: str, codes: tuple[str, ...]) -> list[tuple[str, str]]:
    return [
        (code, f"{code} {texts.term(group, code)}" if group == "priority" else texts.term(group, code))
        for code in codes
    ]
