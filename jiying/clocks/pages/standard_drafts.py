"""A standard's draft in the hands of its author: every cell in place, rows added and removed, given up."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from jiying.base import documents, texts
from jiying.base.context import actor_of
from jiying.base.errors import Conflict, Refused
from jiying.base.models import Department, VersionedDocument
from jiying.base.policies import require
from jiying.clocks import queries
from jiying.clocks.forms import standards as forms
from jiying.clocks.forms.calendars import read_number
from jiying.clocks.pages import standard_words as words
from jiying.clocks.queries import STANDARD
from jiying.clocks.services import standards as services
from jiying.core.standards import DEFAULT_KEY, HOLD_REASONS, PRIORITIES, TICKET_METRICS, Standard, Target
from jiying.core.standards.form import STARTS

State = VersionedDocument.State


@login_required
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    document = services.begin(actor=actor_of(request), now=timezone.now())
    return redirect("standards:edit", document.number)


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """The whole draft as one form; a refusal shows what was typed, with each fault at its cell."""
    document = _draft(request, number)
    if request.method == "GET":
        return _render(request, document, document.body, None)
    body = forms.read(document.body, request.POST)
    try:
        body = _rows_changed(body, request.POST)
        documents.edit(
            actor=actor_of(request),
            document_id=document.pk,
            body=body,
            revision=read_number("revision", request.POST.get("revision", "")),
            now=timezone.now(),
        )
    except Refused as refused:
        return _render(request, document, body, refused)
    return redirect("standards:version" if "done" in request.POST else "standards:edit", number)


def _rows_changed(body: dict[str, Any], post: QueryDict) -> dict[str, Any]:
    """A row may be added or removed together with whatever was typed, so that nothing typed is lost."""
    if "remove" in post:
        return services.without_row(body, str(post["remove"]))
    if "add" in post:
        facts = {name: post.get(f"new.{name}", "").strip() for name in ("channel", "priority", "tier", "category")}
        return services.with_row(body, facts, post.get("new.like", ""))
    return body


def _draft(request: HttpRequest, number: int) -> VersionedDocument:
    require(actor_of(request), services.RIGHT)
    document = documents.get("standard", STANDARD, number)
    if document.state != State.DRAFT:
        raise Conflict.one("wrong_document_state", state=texts.term("document_state", document.state))
    return document


def _render(
    request: HttpRequest, document: VersionedDocument, body: Mapping[str, Any], refused: Refused | None
) -> HttpResponse:
    now = timezone.now()
    errors = _Errors(refused)
    held = queries.standard(documents.in_force("standard", now)[STANDARD])
    titles = {one.key: one.label for one in queries.calendars(now)}
    names = words.Names(titles, {one.code: one.label for one in Department.objects.all()})
    rows = [_row(row, f"rows.{n}", held, names, errors) for n, row in enumerate(body["rows"])]
    default = {"key": DEFAULT_KEY, "targets": body["default"]["targets"]}
    context = {
        "document": document,
        "revision": request.POST.get("revision", document.revision),
        "refused": refused,
        "metrics": [(m, texts.term("metric", m)) for m in TICKET_METRICS],
        "rows": [*rows, _row(default, "default", held, names, errors)],
        "rules": [_rule(metric, body, errors) for metric in (*TICKET_METRICS, "collaboration")],
        "confirmation": _hours(body.get("confirmation_s", 72 * 3600)),
        "confirmation_errors": errors.take("confirmation_s"),
        "collaboration": _collaboration(body, names, errors),
        "promises": [
            (texts.term("metric", code), _cell(f"promises.{code}", target, None, names, errors))
            for code, target in body.get("promises", {}).items()
        ],
        "likes": [(row["key"], row["name"]) for row in rows],
        "units": texts.choices("unit"),
        "calendars": list(titles.items()),
        "channels": texts.choices("channel"),
        "priorities": PRIORITIES,
        "tiers": texts.choices("tier") if "tier" in texts.TERMS else [],
        "departments": _departments(body, names),
        "kinds": _kinds(body),
    }
    context["other_errors"] = errors.rest()
    return render(request, "clocks/standard_edit.html", context, status=refused.status if refused else 200)


class _Errors:
    """The faults of a refusal, handed out to the cells that they belong to; the rest is shown above the form."""

    def __init__(self, refused: Refused | None) -> None:
        self._left = [(fault.field, fault.text) for fault in (refused.faults if refused else ())]

    def take(self, path: str) -> list[str]:
        """What is wrong at a place or below it."""
        mine = [text for field, text in self._left if field == path or field.startswith(f"{path}.")]
        self._left = [(f, t) for f, t in self._left if not (f == path or f.startswith(f"{path}."))]
        return mine

    def rest(self) -> list[str]:
        return [text for _field, text in self._left]


def _row(row: Mapping[str, Any], path: str, held: Standard, names: words.Names, errors: _Errors) -> dict[str, Any]:
    facts = tuple(row.get(name) for name in ("channel", "priority", "tier", "category"))
    is_default = path == "default"
    before = held.default if is_default else next((r for r in held.rows if r.facts == facts), None)
    old = before.targets if before else {}
    cells = [
        _cell(f"{path}.targets.{m}", row["targets"].get(m), _told(old.get(m), names) if before else None, names, errors)
        for m in TICKET_METRICS
    ]
    return {
        "key": row["key"],
        "name": words.facts((DEFAULT_KEY,)) if is_default else words.facts(facts),
        "is_default": is_default,
        "is_new": before is None,
        "cells": cells,
        "errors": errors.take(path),
    }


def _told(target: Any, names: words.Names) -> str:
    return words.target(target, names) if target else "—"


def _cell(path: str, target: Any, was: str | None, names: words.Names, errors: _Errors) -> dict[str, Any]:
    """A target's fields; `was` is what the version in force says, None where it has no such cell to compare."""
    given = target if isinstance(target, Mapping) else {}
    amount = given.get("amount", "")
    told = _written(given, names)
    return {
        "path": path,
        "amount": amount,
        "unit": given.get("unit", "h"),
        "calendar": given.get("calendar", ""),
        "was": was if was is not None and was != told else "",
        "errors": errors.take(path),
    }


def _written(given: Mapping[str, Any], names: words.Names) -> str:
    if not isinstance(given.get("amount"), int):
        return "—" if not given else ""
    return words.target(Target(given["amount"], given.get("unit", ""), given.get("calendar", "")), names)


def _rule(metric: str, body: Mapping[str, Any], errors: _Errors) -> dict[str, Any]:
    path, rule = f"rules.{metric}", body.get("rules", {}).get(metric, {})
    starts = STARTS.get(metric, ("request",))
    return {
        "path": path,
        "name": texts.term("metric", metric),
        "starts": rule.get("starts", starts[0]),
        "possible": [(code, texts.term("starts", code)) for code in starts],
        "pauses": [(code, texts.term("hold_reason", code), code in rule.get("pauses", ())) for code in HOLD_REASONS],
        "warn": ", ".join(str(x) for x in rule.get("warn", ())),
        "late_min": ", ".join(str(x) for x in rule.get("late_min", ())),
        "errors": errors.take(path),
    }


def _hours(seconds: Any) -> Any:
    return f"{seconds / 3600:g}" if isinstance(seconds, int) else seconds


def _collaboration(body: Mapping[str, Any], names: words.Names, errors: _Errors) -> list[dict[str, Any]]:
    """The entries, and an empty line for one more."""
    empty: dict[str, Any] = {"department": None, "kind": None, "target": {}}
    return [
        {
            "path": f"collaboration.{n}",
            "department": entry.get("department") or "",
            "kind": entry.get("kind") or "",
            "cell": _cell(f"collaboration.{n}.target", entry.get("target"), None, names, errors),
            "errors": errors.take(f"collaboration.{n}"),
        }
        for n, entry in enumerate([*body.get("collaboration", []), empty])
    ]


def _departments(body: Mapping[str, Any], names: words.Names) -> list[tuple[str, str]]:
    """Departments that exist, those that the document names, and those that every house may have."""
    named = {entry.get("department") for entry in body.get("collaboration", []) if entry.get("department")}
    codes = {*names.departments, *named, *texts.TERMS["department"]}
    return [(code, names.department(code)) for code in sorted(codes)]


def _kinds(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = {entry.get("kind") for entry in body.get("collaboration", []) if entry.get("kind")}
    codes = {*texts.TERMS.get("collaboration_kind", ()), *named}
    return [(code, words.kind(code)) for code in sorted(codes)]


@login_required
@require_POST
def discard(request: HttpRequest, number: int) -> HttpResponse:
    documents.discard(actor=actor_of(request), document_id=_draft(request, number).pk, now=timezone.now())
    return redirect("standards:in_force")
