"""Collaboration standards (C6a): departments' promises and how they keep them, drafts, approval by both sides."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
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
from jiying.clocks import queries
from jiying.clocks.forms import standards as forms
from jiying.clocks.forms.calendars import read_number
from jiying.clocks.pages import approval, tabs
from jiying.clocks.pages import standard_words as words
from jiying.clocks.pages.cells import Errors, cell, kinds, names_of
from jiying.clocks.queries import AGREEMENT, evidence
from jiying.clocks.services import agreements as services
from jiying.clocks.services.editing import DEPARTMENT_RIGHT, REDATE
from jiying.core.standards import ANY, Agreement, Entry, agreement_changes, parse_agreement

VIEW = "clocks.view"
PERIOD = timedelta(days=90)
N_NEW = 2  # empty lines for more kinds
State = VersionedDocument.State


def require_reader(request: HttpRequest) -> None:
    """Who sees standards, and who speaks for a department that agrees on them."""
    actor = actor_of(request)
    if not has(actor, DEPARTMENT_RIGHT):
        require(actor, VIEW)


@login_required
@require_GET
def show_all(request: HttpRequest) -> HttpResponse:
    """Every department with what it promises and how it kept that."""
    require_reader(request)
    now = timezone.now()
    names, held = names_of(now), queries.agreements(now)
    kept = evidence.by_department(now - PERIOD, now)
    waiting = {
        one.key: one
        for one in VersionedDocument.objects.filter(kind=AGREEMENT, state__in=(State.DRAFT, State.PROPOSED))
    }
    keys = sorted({*held, *waiting}, key=lambda key: (key == ANY, names.department(_code(key))))
    rows = [_row(key, held.get(key), kept.get(key), waiting.get(key), names) for key in keys]
    context = {
        "rows": rows,
        "n_days": PERIOD.days,
        "others": [(code, name) for code, name in names.departments.items() if code not in keys],
        "may_edit": has(actor_of(request), services.RIGHT),
        "tabs": tabs.tabs("agreements") if has(actor_of(request), VIEW) else [],
    }
    return render(request, "clocks/agreements.html", context)


def _code(key: str) -> str | None:
    return None if key == ANY else key


def _row(
    key: str,
    held: Agreement | None,
    kept: evidence.Kept | None,
    waiting: VersionedDocument | None,
    names: words.Names,
) -> dict[str, Any]:
    return {
        "key": key,
        "department": names.department(_code(key)),
        "entries": entries(held, names) if held else [],
        "version": held.version if held else None,
        "kept": kept,
        "percent": percent(kept),
        "waiting": waiting,
    }


def percent(kept: evidence.Kept | None) -> str:
    return "—" if kept is None or kept.rate is None else f"{kept.rate:.1%}"


def entries(agreement: Agreement, names: words.Names) -> list[tuple[str, str]]:
    return [(words.kind(one.kind), words.target(one.target, names)) for one in agreement.entries]


def brief(now: datetime, names: words.Names) -> list[tuple[str, str, str]]:
    """All promises in force, for the page of response times."""
    held = sorted(queries.agreements(now).items(), key=lambda item: (item[0] == ANY, item[0]))
    return [(names.department(_code(key)), kind, target) for key, one in held for kind, target in entries(one, names)]


@login_required
@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    """The version that holds, or the first draft."""
    number = documents.in_force(AGREEMENT, timezone.now()).get(key) or queries.latest_number(AGREEMENT, key)
    return version(request, key, number)


@login_required
@require_GET
def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    document = _version(request, key, number)
    now = timezone.now()
    names, held = names_of(now), documents.in_force(AGREEMENT, now).get(key)
    agreement = parse_agreement(key, number, document.body)
    other = _compared_with(document, held)
    kept = evidence.by_place(key, now - PERIOD, now) if key != ANY else {}
    changes = agreement_changes(queries.agreement(key, other) if other else None, agreement) if other else []
    context = {
        **approval.context(request, document),
        "department": names.department(_code(key)),
        "asking": names.department(agreement.asking),
        "lines": [_line(key, one, kept, names) for one in agreement.entries],
        "n_days": PERIOD.days,
        "held": held,
        "is_held": number == held,
        "other_number": other,
        "changes": [words.change(one, names) for one in changes],
        "versions": [(one, _url("agreement_version", one)) for one in queries.history(AGREEMENT, key, 12)],
        "open_one": _open_one(key),
        "both": _("Both departments must approve, two different people."),
        "tabs": tabs.tabs("agreements") if has(actor_of(request), VIEW) else [],
        "urls": _urls(document),
        "job": queries.latest_job(REDATE, kind=AGREEMENT, key=key, number=number),
        "job_url": _url("agreement_progress", document),
    }
    return render(request, "clocks/agreement.html", context)


def _line(key: str, one: Entry, kept: Mapping[str, evidence.Kept], names: words.Names) -> tuple[Any, ...]:
    """Kind, target, and how it was kept."""
    found = kept.get(f"{key}/{one.kind or '*'}")
    return words.kind(one.kind), words.target(one.target, names), found, percent(found)


def _version(request: HttpRequest, key: str, number: int) -> VersionedDocument:
    require_reader(request)
    return documents.get(AGREEMENT, key, number)


def _url(name: str, document: VersionedDocument, *more: str) -> str:
    return reverse(f"standards:{name}", args=[document.key, document.number, *more])


def _urls(document: VersionedDocument) -> dict[str, str]:
    verbs = {verb: _url("do_agreement", document, verb) for verb in _VERBS}
    return {**verbs, "edit": _url("edit_agreement", document), "here": _url("agreement_version", document)}


def _compared_with(document: VersionedDocument, held: int | None) -> int:
    """What holds, for a version that does not yet; the approved one before it for others. 0 for the first."""
    if document.state in (State.DRAFT, State.PROPOSED):
        return held or 0
    earlier = VersionedDocument.objects.filter(
        kind=AGREEMENT, key=document.key, state=State.APPROVED, number__lt=document.number
    )
    return earlier.order_by("-number").values_list("number", flat=True).first() or 0


def _open_one(key: str) -> VersionedDocument | None:
    rows = VersionedDocument.objects.filter(kind=AGREEMENT, key=key, state__in=(State.DRAFT, State.PROPOSED))
    return rows.order_by("-number").first()


@login_required
@require_GET
def progress(request: HttpRequest, key: str, number: int) -> HttpResponse:
    document = _version(request, key, number)
    job = queries.latest_job(REDATE, kind=AGREEMENT, key=key, number=number)
    return render(request, "clocks/job.html", {"job": job, "job_url": _url("agreement_progress", document)})


# --- drafts ----------------------------------------------------------------------------------------------------------


@login_required
@require_POST
def begin(request: HttpRequest, key: str) -> HttpResponse:
    department = request.POST.get("department", "") if key == "new" else key
    made = services.begin(actor=actor_of(request), department=department, now=timezone.now())
    return redirect("standards:edit_agreement", made.key, made.number)


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """The draft as one form; a refusal shows what was typed, with each fault at its cell."""
    require(actor_of(request), services.RIGHT)
    document = documents.get(AGREEMENT, key, number)
    if document.state != State.DRAFT:
        raise Conflict.one("wrong_document_state", state=document.state)
    if request.method == "GET":
        return _render_form(request, document, document.body, None)
    body = forms.read_agreement(request.POST, len(document.body["entries"]) + 50)
    try:
        documents.edit(
            actor=actor_of(request),
            document_id=document.pk,
            body=body,
            revision=read_number("revision", request.POST.get("revision", "")),
            now=timezone.now(),
        )
    except Refused as refused:
        return _render_form(request, document, body, refused)
    return redirect(
        "standards:agreement_version" if "done" in request.POST else "standards:edit_agreement", key, number
    )


def _render_form(
    request: HttpRequest, document: VersionedDocument, body: Mapping[str, Any], refused: Refused | None
) -> HttpResponse:
    names, errors = names_of(timezone.now()), Errors(refused)
    lines = [*body["entries"], *[{"kind": None, "target": {}}] * N_NEW]
    context = {
        "document": document,
        "department": names.department(_code(document.key)),
        "revision": request.POST.get("revision", document.revision),
        "refused": refused,
        "asking": body.get("asking") or "",
        "asking_errors": errors.take("asking"),
        "departments": [(code, name) for code, name in names.departments.items() if code != document.key],
        "entries": [
            {
                "path": f"entries.{n}",
                "kind": one.get("kind") or "",
                "cell": cell(f"entries.{n}.target", one.get("target"), None, names, errors),
                "errors": errors.take(f"entries.{n}"),
            }
            for n, one in enumerate(lines)
        ],
        "kinds": kinds(one.get("kind") for one in lines),
        "units": texts.choices("unit"),
        "calendars": list(names.calendars.items()),
        "urls": _urls(document),
    }
    context["other_errors"] = errors.rest()
    return render(request, "clocks/agreement_edit.html", context, status=refused.status if refused else 200)


# --- approval --------------------------------------------------------------------------------------------------------


def _discard(request: HttpRequest, document: VersionedDocument) -> None:
    documents.discard(actor=actor_of(request), document_id=document.pk, now=timezone.now())


_VERBS: dict[str, Callable[[HttpRequest, VersionedDocument], None]] = {
    "propose": approval.propose,
    "approve": approval.approve,
    "reject": approval.reject,
    "withdraw": approval.withdraw,
    "discard": _discard,
}


@login_required
@require_POST
def do(request: HttpRequest, key: str, number: int, verb: str) -> HttpResponse:
    """Propose, approve, send back, withdraw or discard a version."""
    if verb not in _VERBS:
        raise NotFound("document", verb)
    document = _version(request, key, number)
    _VERBS[verb](request, document)
    return redirect("standards:agreement_version", key, number)
