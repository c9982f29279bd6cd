"""Priority rules (D21): the version in force, drafts with their editor, trying on past tickets, approval.

Read by who edits rules and by who approves them; the steps of approval are those of standards.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import documents, texts
from jiying.base.context import actor_of
from jiying.base.errors import Conflict, NotFound, Refused
from jiying.base.models import VersionedDocument
from jiying.base.policies import has, require
from jiying.clocks.pages import approval
from jiying.clocks.pages.tabs import tabs as standard_tabs
from jiying.core import priority as core
from jiying.desk.pages.setup import RIGHT, tabs
from jiying.desk.queries import categories
from jiying.desk.queries import priority_rules as queries
from jiying.desk.services import rules as services

State = VersionedDocument.State
DAYS = (7, 30, 90)
VERBS = {name: getattr(approval, name) for name in ("propose", "approve", "reject", "withdraw")}
_PLACE = re.compile(r"rules\.(\d+)")
_LISTS = {"words": ("any", "all", "none", "except"), "tags": ("any", "all", "none")}
_CHOICES = {"channel": core.CHANNELS, "type": core.TYPES, "tier": ("vip", "standard")}
_BOUNDS = ("at_least", "at_most")


@login_required
@require_GET
def in_force(request: HttpRequest) -> HttpResponse:
    services.require_reading(actor_of(request))
    return _show(request, documents.in_force("priority", timezone.now())[services.KEY])


@login_required
@require_GET
def version(request: HttpRequest, number: int) -> HttpResponse:
    services.require_reading(actor_of(request))
    return _show(request, number)


def _show(request: HttpRequest, number: int) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    document = documents.get("priority", services.KEY, number)
    held = documents.in_force("priority", now)[services.KEY]
    body_held = documents.get("priority", services.KEY, held).body
    is_open = document.state in (State.DRAFT, State.PROPOSED)
    context = {
        "held": held,
        "is_held": number == held,
        "tabs": tabs("priority") if has(actor, RIGHT) else standard_tabs("priority"),
        "rules": queries.lines(document.body, body_held if is_open else None),
        "default": document.body["default"],
        "open_number": queries.open_number(),
        "versions": [(one, reverse("desk:priority_version", args=[one.number])) for one in queries.history()],
        "urls": {verb: reverse("desk:do_priority", args=[number, verb]) for verb in VERBS},
        "both": _("A supervisor and operations must both approve, two different people."),
        "days": DAYS,
        "asked": request.GET.get("days", ""),
        "tried": _tried(request, document, body_held),
        **approval.context(request, document),
    }
    return render(request, "desk/setup/priority.html", context)


def _tried(request: HttpRequest, document: VersionedDocument, held: Any) -> dict[str, Any] | None:
    """What the version would have made of past tickets, where somebody asks for it."""
    asked = request.GET.get("days", "")
    if asked not in map(str, DAYS):
        return None
    now = timezone.now()
    found = services.try_rules(
        actor=actor_of(request), body=document.body, since=now - timedelta(days=int(asked)), now=now
    )
    names = queries.names(held, document.body)
    changed = sorted(((was, new, n) for (was, new), n in found.moves.items() if was != new), key=lambda one: -one[2])
    return {
        "found": found,
        "moves": changed,
        "by_rule": sorted(((names.get(key, key), n) for key, n in found.by_rule.items()), key=lambda one: -one[1]),
        "examples": [(one, names.get(one.before, one.before), names.get(one.rule, one.rule)) for one in found.examples],
    }


@login_required
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    document = services.begin(actor=actor_of(request), now=timezone.now())
    return redirect("desk:edit_priority", document.number)


@login_required
@require_POST
def discard(request: HttpRequest, number: int) -> HttpResponse:
    documents.discard(actor=actor_of(request), document_id=_draft(request, number).pk, now=timezone.now())
    return redirect("desk:priority")


@login_required
@require_POST
def do(request: HttpRequest, number: int, verb: str) -> HttpResponse:
    """Propose, approve, send back, withdraw."""
    services.require_reading(actor_of(request))
    if verb not in VERBS:
        raise NotFound("document", verb)
    VERBS[verb](request, documents.get("priority", services.KEY, number))
    return redirect("desk:priority_version", number)


# --- the editor ------------------------------------------------------------------------------------------------------


def _draft(request: HttpRequest, number: int) -> VersionedDocument:
    require(actor_of(request), RIGHT)
    document = documents.get("priority", services.KEY, number)
    if document.state != State.DRAFT:
        raise Conflict.one("wrong_document_state", state=document.state)
    return document


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """The whole draft as one form; a refusal shows what was typed, with each fault at its rule."""
    document = _draft(request, number)
    if request.method == "GET":
        return _form(request, document, document.body, None)
    body, revision = _read(request.POST), request.POST.get("revision", "")
    try:
        documents.edit(
            actor=actor_of(request),
            document_id=document.pk,
            body=body,
            revision=int(revision) if revision.isdecimal() and len(revision) < 9 else -1,
            now=timezone.now(),
        )
    except Refused as refused:
        return _form(request, document, body, refused)
    return redirect("desk:priority_version" if "done" in request.POST else "desk:edit_priority", number)


def _read(post: QueryDict) -> dict[str, Any]:
    """The rules rule.0.zh … in the order of their numbers; one without a name and conditions is none."""
    found = []
    for n in range(core.MAX_RULES + 1):
        if f"rule.{n}.zh" not in post:
            break
        rule = _rule(post, n)
        place = post.get(f"rule.{n}.place", "")
        if rule["name"]["zh"]:
            found.append((int(place) if place.isdecimal() and len(place) < 6 else 9999, n, rule))
    rules = [rule for _place, _n, rule in sorted(found, key=lambda one: one[:2])]
    return {"default": post.get("default", ""), "rules": _keyed(rules)}


def _keyed(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A new rule gets a key that no other has: it names the rule in journals and on tickets."""
    taken = {rule["key"] for rule in rules}
    for rule in rules:
        if not rule["key"]:
            rule["key"] = next(key for n in range(1, core.MAX_RULES + 2) if (key := f"rule_{n}") not in taken)
            taken.add(rule["key"])
    return rules


def _rule(post: QueryDict, n: int) -> dict[str, Any]:
    def at(name: str) -> str:
        return str(post.get(f"rule.{n}.{name}", "")).strip()

    when: dict[str, Any] = {}
    for field, way, values in _conditions(post, n, at):
        if values not in ("", []):
            when.setdefault(field, {})[way] = values
    names = {"zh": at("zh"), **({"en": at("en")} if at("en") else {})}
    return {"key": at("key"), "name": names, "priority": at("priority"), "when": when}


def _conditions(post: QueryDict, n: int, at: Callable[[str], str]) -> Iterator[tuple[str, str, Any]]:
    """(field, way, what is asked), empty where nothing is."""
    for field in _CHOICES:
        yield field, "none" if at(f"{field}.way") == "none" else "any", post.getlist(f"rule.{n}.{field}")
    for way in ("any", "none"):
        yield "category", way, post.getlist(f"rule.{n}.category.{way}")
    for field, ways in _LISTS.items():
        for way in ways:
            yield field, way, _terms(at(f"{field}.{way}"))
    for field in ("amount", "sentiment"):
        for bound in _BOUNDS:
            text = at(f"{field}.{bound}")
            yield field, bound, _number(field, text) if text else ""


def _terms(text: str) -> list[str]:
    """Words or phrases, apart by lines, commas or the Chinese marks for a list."""
    parts = re.split(r"[\n,，、;；]+", text)
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _number(field: str, text: str) -> float | int | str:
    """Money is written in whole units, and kept in the smallest one; what is no number the check will name."""
    try:
        value = float(text)
    except ValueError:
        return text
    if value != value or abs(value) > 1e13:
        return text
    return round(value * 100) if field == "amount" else value


def _form(
    request: HttpRequest, document: VersionedDocument, body: dict[str, Any], refused: Refused | None
) -> HttpResponse:
    faults: dict[int, list[str]] = {}
    for fault in refused.faults if refused else ():
        place = _PLACE.match(fault.field)
        faults.setdefault(int(place[1]) if place else -1, []).append(fault.text)
    blank: dict[str, Any] = {"key": "", "name": {}, "priority": "P3", "when": {}}
    context = {
        "document": document,
        "revision": request.POST.get("revision", document.revision),
        "default": body["default"],
        "errors": faults.get(-1, []),
        "rules": [_row(n, rule, faults.get(n, [])) for n, rule in enumerate([*body["rules"], blank])],
        "priorities": core.PRIORITIES,
        "categories": categories.choices(),
        "ways": [(way, texts.term("priority_way", way)) for way in ("any", "none")],
    }
    return render(request, "desk/setup/priority_edit.html", context, status=refused.status if refused else 200)


def _row(n: int, rule: dict[str, Any], errors: list[str]) -> dict[str, Any]:
    when = rule["when"]
    choices = [
        {
            "field": field,
            "label": texts.term("priority_field", field),
            "way": "none" if "none" in when.get(field, {}) else "any",
            "values": next(iter(when.get(field, {}).values()), []),
            "options": [(code, texts.term(field, code)) for code in codes],
        }
        for field, codes in _CHOICES.items()
    ]
    lists = [
        {
            "name": f"{field}.{way}",
            "label": queries.label(field, way),
            "text": ("\n" if field == "words" else ", ").join(when.get(field, {}).get(way, [])),
            "is_long": field == "words",
        }
        for field, ways in _LISTS.items()
        for way in ways
    ]
    bounds = [
        {"name": f"{field}.{bound}", "label": queries.label(field, bound), "value": _shown(field, when, bound)}
        for field in ("amount", "sentiment")
        for bound in _BOUNDS
    ]
    return {
        **rule,
        "n": n,
        "place": n + 1,
        "choices": choices,
        "lists": lists,
        "bounds": bounds,
        "category": {way: when.get("category", {}).get(way, []) for way in ("any", "none")},
        "errors": errors,
    }


def _shown(field: str, when: dict[str, Any], bound: str) -> str:
    value = when.get(field, {}).get(bound)
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value / 100:g}" if field == "amount" else f"{value:g}"
