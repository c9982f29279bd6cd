"""Standards: the matrix, any version beside the one before it, approvals as two named steps, and “why this row”."""

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from jiying.base import documents, texts
from jiying.base.context import actor_of
from jiying.base.models import VersionedDocument
from jiying.base.policies import has, require
from jiying.clocks import queries
from jiying.clocks.pages import agreements, approval, matrix, revisions, standard_drafts, tabs
from jiying.clocks.pages import standard_words as words
from jiying.clocks.pages.cells import names_of
from jiying.clocks.queries import STANDARD
from jiying.clocks.services.editing import DEPARTMENT_RIGHT, REDATE
from jiying.core.standards import PRIORITIES, Choice, Facts, Standard, choose, difference, parse

VIEW = "clocks.view"
State = VersionedDocument.State
_VERBS = ("propose", "approve", "reject", "withdraw")


@login_required
@require_GET
def in_force(request: HttpRequest) -> HttpResponse:
    """The set that holds. Who only speaks for a department sees what departments have agreed."""
    now = timezone.now()
    if not has(actor_of(request), VIEW) and has(actor_of(request), DEPARTMENT_RIGHT):
        return redirect("standards:agreements")
    return _render(request, _version(request, documents.in_force("standard", now)[STANDARD]), now)


@login_required
@require_GET
def version(request: HttpRequest, number: int) -> HttpResponse:
    return _render(request, _version(request, number), timezone.now())


def _version(request: HttpRequest, number: int) -> VersionedDocument:
    require(actor_of(request), VIEW)
    return documents.get("standard", STANDARD, number)


def _render(request: HttpRequest, document: VersionedDocument, now: datetime) -> HttpResponse:
    names = names_of(now)
    held = documents.in_force("standard", now)[STANDARD]
    standard = _parsed(document)
    other_number = _compared_with(document, held)
    other = queries.standard(other_number) if other_number else None
    is_open = document.state in (State.DRAFT, State.PROPOSED)
    context = {
        "held": held,
        "is_held": document.number == held,
        "matrix": matrix.matrix(standard, other if is_open else None, names),
        "special": matrix.special_rows(standard, other if is_open else None, names),
        "priorities": PRIORITIES,
        "rules": _rules(standard),
        "confirmation": words.hours(standard.confirmation_s),
        "agreements": agreements.brief(now, names),
        "promises": [(texts.term("metric", code), words.target(t, names)) for code, t in standard.promises.items()],
        "other_number": other_number,
        "changes": [words.change(one, names) for one in difference(other, standard)] if other else [],
        "tabs": tabs.tabs("in_force"),
        "versions": [
            (one, reverse("standards:version", args=[one.number])) for one in queries.history("standard", STANDARD, 12)
        ],
        "urls": {verb: reverse(f"standards:{verb}", args=[document.number]) for verb in _VERBS},
        "both": _("A supervisor and operations must both approve, two different people."),
        "open_number": _open_number(),
        "gaps": queries.uncovered_years(now),
        **approval.context(request, document),
        **_tester(request, standard),
        **_job(document),
    }
    return render(request, "clocks/standard.html", context)


def _job(document: VersionedDocument) -> dict[str, Any]:
    return {
        "job": queries.latest_job(REDATE, kind="standard", number=document.number),
        "job_url": reverse("standards:progress", args=[document.number]),
    }


def _parsed(document: VersionedDocument) -> Standard:
    """Approved versions never change and are kept parsed; a draft is read afresh."""
    if document.state == State.APPROVED:
        return queries.standard(document.number)
    return parse({**document.body, "version": document.number})


def _compared_with(document: VersionedDocument, held: int) -> int:
    """The version in force for what is not yet; for others the approved one before them. 0 for the first."""
    if document.state in (State.DRAFT, State.PROPOSED):
        return held
    earlier = VersionedDocument.objects.filter(
        kind="standard", key=STANDARD, state=State.APPROVED, number__lt=document.number
    )
    return earlier.order_by("-number").values_list("number", flat=True).first() or 0


def _open_number() -> int:
    rows = VersionedDocument.objects.filter(kind="standard", key=STANDARD, state__in=(State.DRAFT, State.PROPOSED))
    return rows.order_by("-number").values_list("number", flat=True).first() or 0


def _rules(standard: Standard) -> list[dict[str, str]]:
    return [
        {
            "metric": texts.term("metric", metric),
            "starts": texts.term("starts", rule.starts),
            "pauses": words.reasons(rule.pauses),
            "warn": words.percents(rule.warn),
            "late": words.minutes(rule.late_min),
        }
        for metric, rule in standard.rules.items()
        if metric in standard.metrics or metric == "collaboration"
    ]


# --- why this row ----------------------------------------------------------------------------------------------------


@login_required
@require_GET
def why(request: HttpRequest, number: int) -> HttpResponse:
    """Which row a ticket with these facts gets, and why no other, as a fragment."""
    standard = _parsed(_version(request, number))
    return render(request, "clocks/standard_why.html", {**_tester(request, standard), "document": {"number": number}})


def _tester(request: HttpRequest, standard: Standard) -> dict[str, Any]:
    asked = {name: request.GET.get(name, "").strip()[:200] for name in ("channel", "priority", "tier", "category")}
    choice = choose(standard, Facts(*(asked[name] or None for name in asked)))
    return {
        "asked": asked,
        "is_asked": any(asked.values()),
        "channels": texts.choices("channel"),
        "tiers": [(tier, texts.term("tier", tier)) for tier in _tiers(standard)],
        "choice": _told(standard, choice),
        "considered": _considered(standard, choice),
    }


def _tiers(standard: Standard) -> list[str]:
    known = list(texts.TERMS.get("tier", ()))
    return known + sorted({row.tier for row in standard.rows if row.tier} - set(known))


def _told(standard: Standard, choice: Choice) -> dict[str, Any]:
    names = names_of(timezone.now())
    return {"row": words.row(choice.row), "lines": matrix.lines_of(standard, choice.row, None, names)}


def _considered(standard: Standard, choice: Choice) -> list[dict[str, Any]]:
    """Every row with its reason: another fact, less specific than the winner, or the winner itself."""
    rows = {row.key: row for row in standard.rows}
    return [
        {
            "row": words.row(rows[one.row]),
            "failed": texts.term("row_fact", one.failed) if one.failed else "",
            "won": one.row == choice.row.key,
        }
        for one in choice.reasons
    ]


# --- approval --------------------------------------------------------------------------------------------------------


@login_required
@require_GET
def progress(request: HttpRequest, number: int) -> HttpResponse:
    return render(request, "clocks/job.html", _job(_version(request, number)))


@login_required
@require_POST
def propose(request: HttpRequest, number: int) -> HttpResponse:
    approval.propose(request, _version(request, number))
    return redirect("standards:version", number)


@login_required
@require_POST
def approve(request: HttpRequest, number: int) -> HttpResponse:
    approval.approve(request, _version(request, number))
    return redirect("standards:version", number)


@login_required
@require_POST
def reject(request: HttpRequest, number: int) -> HttpResponse:
    approval.reject(request, _version(request, number))
    return redirect("standards:version", number)


@login_required
@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    approval.withdraw(request, _version(request, number))
    return redirect("standards:version", number)


app_name = "standards"
urlpatterns = [
    path("", in_force, name="in_force"),
    path("draft", standard_drafts.begin, name="begin"),
    path("<int:number>/", version, name="version"),
    path("<int:number>/why", why, name="why"),
    path("<int:number>/progress", progress, name="progress"),
    path("<int:number>/edit", standard_drafts.edit, name="edit"),
    path("<int:number>/discard", standard_drafts.discard, name="discard"),
    path("<int:number>/propose", propose, name="propose"),
    path("<int:number>/approve", approve, name="approve"),
    path("<int:number>/reject", reject, name="reject"),
    path("<int:number>/withdraw", withdraw, name="withdraw"),
    path("revisions/", revisions.show_all, name="revisions"),
    path("revisions/<str:quarter>/", revisions.show, name="revision"),
    path("revisions/<str:quarter>/finish", revisions.finish, name="finish_revision"),
    path("collaboration/", agreements.show_all, name="agreements"),
    path("collaboration/<slug:key>/", agreements.show, name="agreement"),
    path("collaboration/<slug:key>/begin", agreements.begin, name="begin_agreement"),
    path("collaboration/<slug:key>/<int:number>/", agreements.version, name="agreement_version"),
    path("collaboration/<slug:key>/<int:number>/edit", agreements.edit, name="edit_agreement"),
    path("collaboration/<slug:key>/<int:number>/progress", agreements.progress, name="agreement_progress"),
    path("collaboration/<slug:key>/<int:number>/<str:verb>", agreements.do, name="do_agreement"),
]
