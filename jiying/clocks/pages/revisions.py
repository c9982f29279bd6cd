"""Quarterly revisions (C7): the list, and one with its evidence beside the quarter before, and the decision."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from jiying.base import documents, texts
from jiying.base.context import actor_of
from jiying.base.errors import NotFound, Refused
from jiying.base.policies import has, require
from jiying.clocks import queries
from jiying.clocks.forms.calendars import read_number
from jiying.clocks.models import Revision
from jiying.clocks.pages import standard_words as words
from jiying.clocks.pages import tabs
from jiying.clocks.pages.cells import names_of
from jiying.clocks.queries import STANDARD
from jiying.clocks.queries.evidence import Kept
from jiying.clocks.services import revisions as services
from jiying.core import quarters
from jiying.core.standards import DEFAULT_KEY, TICKET_METRICS


@login_required
@require_GET
def show_all(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), services.VIEW)
    rows = list(Revision.objects.select_related("done_by").order_by("-quarter"))
    clocks = queries.next_pills(services.KIND, [row.pk for row in rows if row.is_open], timezone.now())
    context = {
        "rows": [(row, clocks.get(row.pk), percent(_all(row))) for row in rows],
        "tabs": tabs.tabs("revisions"),
    }
    return render(request, "clocks/revisions.html", context)


def _all(row: Revision) -> Kept:
    return sum((Kept(met, breached) for _m, _r, met, breached in row.evidence.get("rows", ())), Kept())


def percent(kept: Kept | None) -> str:
    return "—" if kept is None or kept.rate is None else f"{kept.rate:.1%}"


@login_required
@require_GET
def show(request: HttpRequest, quarter: str) -> HttpResponse:
    require(actor_of(request), services.VIEW)
    return _render(request, _one(quarter), None)


def _one(quarter: str) -> Revision:
    row = Revision.objects.filter(quarter=quarter).select_related("done_by").first()
    if row is None:
        raise NotFound(services.KIND, quarter)
    return row


def _render(request: HttpRequest, row: Revision, refused: Refused | None) -> HttpResponse:
    now = timezone.now()
    earlier = Revision.objects.filter(quarter=quarters.before(row.quarter)).first()
    metrics, rows = _by_row(row, earlier, now)
    drafts = queries.drafted_since(row.opened_at)
    context = {
        "row": row,
        "since": row.evidence.get("since", ""),
        "metrics": metrics,
        "rows": rows,
        "earlier": earlier,
        "departments": _departments(row, earlier, now),
        "causes": _causes(row),
        "total": _all(row),
        "percent": percent(_all(row)),
        "clock": queries.next_pills(services.KIND, [row.pk], now).get(row.pk) if row.is_open else None,
        "drafts": [(one.number, texts.term("document_state", one.state)) for one in drafts],
        "held": documents.in_force("standard", now)[STANDARD],
        "refused": refused,
        "note": request.POST.get("note", ""),
        "may_edit": has(actor_of(request), services.RIGHT),
        "tabs": tabs.tabs("revisions"),
    }
    return render(request, "clocks/revision.html", context, status=refused.status if refused else 200)


_Figures = dict[tuple[str, str], Kept]


def _figures(row: Revision | None) -> _Figures:
    rows = row.evidence.get("rows", ()) if row else ()
    return {(metric, place): Kept(met, breached) for metric, place, met, breached in rows}


def _by_row(row: Revision, earlier: Revision | None, now: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """Words of the metrics that occur, and for each row of the standard its cells in their order."""
    figures, before = _figures(row), _figures(earlier)
    metrics = [metric for metric in TICKET_METRICS if any(m == metric for m, _place in figures)]
    standard = queries.standard(documents.in_force("standard", now)[STANDARD])
    known = {one.key: words.row(one) for one in (*standard.rows, standard.default)}
    places = {place for metric, place in figures if metric in TICKET_METRICS}
    ordered = [key for key in known if key in places] + sorted(places - known.keys())
    found = [
        {
            "name": known.get(place) or _("Row “%(key)s” of an earlier version") % {"key": place},
            "is_default": place == DEFAULT_KEY,
            "cells": [_cell(figures.get((metric, place)), before.get((metric, place))) for metric in metrics],
        }
        for place in ordered
    ]
    return [texts.term("metric", metric) for metric in metrics], found


def _cell(kept: Kept | None, before: Kept | None) -> dict[str, Any]:
    """Attainment, how many it stands for, and the points it moved since the quarter before."""
    moved = None
    if kept is not None and before is not None and kept.rate is not None and before.rate is not None:
        moved = round((kept.rate - before.rate) * 100, 1)
    is_low = kept is not None and kept.rate is not None and kept.rate < 0.9
    return {"percent": percent(kept), "n": kept.n if kept else 0, "moved": moved, "is_low": is_low}


def _departments(row: Revision, earlier: Revision | None, now: Any) -> list[tuple[str, dict[str, Any]]]:
    names, before = names_of(now), (earlier.evidence.get("departments", {}) if earlier else {})
    found = []
    for code, kept in row.evidence.get("departments", {}).items():
        was = Kept(*before[code]) if code in before else None
        found.append((names.department(None if code == "*" else code), _cell(Kept(*kept), was)))
    return found


def _causes(row: Revision) -> list[tuple[str, int, float]]:
    """Causes by number, with their share of all that was late."""
    causes: dict[str, int] = row.evidence.get("causes", {})
    total = sum(causes.values())
    told = [(texts.term("cause", code) if code else _("No cause named"), n) for code, n in causes.items()]
    return [(word, n, n / total) for word, n in sorted(told, key=lambda item: -item[1])]


@login_required
@require_POST
def finish(request: HttpRequest, quarter: str) -> HttpResponse:
    require(actor_of(request), services.RIGHT)
    outcome, version = request.POST.get("outcome", ""), request.POST.get("version", "")
    try:
        services.finish(
            actor=actor_of(request),
            quarter=quarter,
            outcome=outcome,
            note=request.POST.get("note", ""),
            version=read_number("version", version) if outcome == "changed" else None,
            now=timezone.now(),
        )
    except NotFound:
        raise
    except Refused as refused:
        return _render(request, _one(quarter), refused)
    return redirect("standards:revision", quarter)
