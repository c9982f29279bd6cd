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
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.clocks import queries
from jiying.clocks.forms import standards as forms
from jiying.clocks.forms.calendars import read_number
from jiying.clocks.pages import standard_words as words
from jiying.clocks.pages.cells import Errors, cell, names_of
from jiying.clocks.queries import STANDARD
from jiying.clocks.services import standards as services
from jiying.core.standards import DEFAULT_KEY, HOLD_REASONS, PRIORITIES, TICKET_METRICS, Standard
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
    errors = Errors(refused)
    held = queries.standard(documents.in_force("standard", now)[STANDARD])
    names = names_of(now)
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
        "promises": [
            (texts.term("metric", code), cell(f"promises.{code}", target, None, names, errors))
            for code, target in body.get("promises", {}).items()
        ],
        "likes": [(row["key"], row["name"]) for row in rows],
        "units": texts.choices("unit"),
        "calendars": list(names.calendars.items()),
        "channels": texts.choices("channel"),
        "priorities": PRIORITIES,
        "tiers": texts.choices("tier") if "tier" in texts.TERMS else [],
    }
    context["other_errors"] = errors.rest()
    return render(request, "clocks/standard_edit.html", context, status=refused.status if refused else 200)


def _row(row: Mapping[str, Any], path: str, held: Standard, names: words.Names, errors: Errors) -> dict[str, Any]:
    facts = tuple(row.get(name) for name in ("channel", "priority", "tier", "category"))
    is_default = path == "default"
    before = held.default if is_default else next((r for r in held.rows if r.facts == facts), None)
    old = before.targets if before else {}
    cells = [
        cell(f"{path}.targets.{m}", row["targets"].get(m), _told(old.get(m), names) if before else None, names, errors)
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


def _rule(metric: str, body: Mapping[str, Any], errors: Errors) -> dict[str, Any]:
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


@login_required
@require_POST
def discard(request: HttpRequest, number: int) -> HttpResponse:
    documents.discard(actor=actor_of(request), document_id=_draft(request, number).pk, now=timezone.now())
    return redirect("standards:in_force")
