"""Collaboration standards of departments (C6a): what is promised, how it was kept, drafts, approval by both sides."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field

from jiying.base import documents
from jiying.base.api.wire import Body, Key, Prose, Version, actor_of, answer
from jiying.base.errors import NotFound
from jiying.base.models import Department, VersionedDocument
from jiying.base.policies import has, require
from jiying.clocks import queries
from jiying.clocks.api import rows, verbs
from jiying.clocks.queries import AGREEMENT, evidence
from jiying.clocks.services.editing import DEPARTMENT_RIGHT
from jiying.core.standards import ANY, agreement_changes, parse_agreement

router = Router(tags=["collaboration standards"])
VIEW = "clocks.view"
MAX_DAYS = 400


class AgreementIn(Body):
    """`department` is the code of the responding one, or `any`; body: {asking, entries: [{kind, target}]}."""

    department: Key
    note: Prose = ""
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Promise:
    """`kind` null: every kind of request."""

    kind: str | None
    amount: int
    unit: str
    calendar: str


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """What a department promises now, and how it kept it in the last `days`; `attainment` null: nothing was decided."""

    department: str
    name: str
    version: int
    asking: str | None
    promises: list[Promise]
    n_met: int
    n_breached: int
    attainment: float | None


@dataclass(frozen=True, slots=True)
class Agreements:
    items: list[AgreementRow]


def _require_reader(request: HttpRequest) -> None:
    actor = actor_of(request)
    if not has(actor, DEPARTMENT_RIGHT):
        require(actor, VIEW)


@router.get("/collaboration-standards", response=Agreements)
def list_collaboration_standards(
    request: HttpRequest, days: Annotated[int, Query(), Field(ge=1, le=MAX_DAYS)] = 90
) -> HttpResponse:
    """What holds for each department; `any` is for those without one of their own."""
    _require_reader(request)
    now = timezone.now()
    kept = evidence.by_department(now - timedelta(days=days), now)
    names = {one.code: one.label for one in Department.objects.all()}
    found = []
    for key, held in sorted(queries.agreements(now).items()):
        figures = kept.get(key, evidence.Kept())
        promises = [Promise(one.kind, *one.target) for one in held.entries]
        found.append(
            AgreementRow(
                department=key,
                name=names.get(key, key),
                version=held.version,
                asking=held.asking,
                promises=promises,
                n_met=figures.n_met,
                n_breached=figures.n_breached,
                attainment=figures.rate,
            )
        )
    return answer(Agreements(found))


def _find(key: str, number: int) -> VersionedDocument:
    return documents.get(AGREEMENT, key, number)


def _in_force(key: str) -> int | None:
    return documents.in_force(AGREEMENT, timezone.now()).get(key)


def _shown(key: str, number: int, status: int = 200) -> HttpResponse:
    headers = {"Location": f"/api/v1/collaboration-standards/{key}/{number}"} if status == 201 else None
    return answer(rows.document(_find(key, number), _in_force(key)), status, headers)


@router.post("/collaboration-standards", response={201: rows.DocumentRow})
def create_collaboration_standard(request: HttpRequest, payload: AgreementIn) -> HttpResponse:
    """A draft for a department; it holds after it was proposed and approved by both departments."""
    key = payload.department
    if key != ANY and not Department.objects.filter(code=key).exists():
        raise NotFound("department", key)
    made = documents.create(
        actor=actor_of(request), kind=AGREEMENT, key=key, body=payload.body, note=payload.note, now=timezone.now()
    )
    return _shown(key, made.number, 201)


@router.get("/collaboration-standards/{key}", response=rows.Documents)
def get_collaboration_standard(request: HttpRequest, key: Key) -> HttpResponse:
    """The versions of a department with their bodies, the newest first."""
    _require_reader(request)
    found = queries.history(AGREEMENT, key, 200)
    if not found:
        raise NotFound("department", key)
    return answer(rows.documents(found, _in_force(key), with_body=True))


@router.get("/collaboration-standards/{key}/{number}", response=rows.DocumentRow)
def get_collaboration_version(request: HttpRequest, key: Key, number: Version) -> HttpResponse:
    """One version with its body and approvals."""
    _require_reader(request)
    return _shown(key, number)


@router.put("/collaboration-standards/{key}/{number}", response=rows.DocumentRow)
def edit_collaboration_version(request: HttpRequest, key: Key, number: Version, payload: verbs.EditIn) -> HttpResponse:
    """Change a draft."""
    verbs.edit(actor_of(request), _find(key, number), payload)
    return _shown(key, number)


@router.post("/collaboration-standards/{key}/{number}/propose", response=rows.DocumentRow)
def propose_collaboration_version(
    request: HttpRequest, key: Key, number: Version, payload: verbs.ProposalIn
) -> HttpResponse:
    """Hand a draft to both departments."""
    verbs.propose(actor_of(request), _find(key, number), payload)
    return _shown(key, number)


@router.post("/collaboration-standards/{key}/{number}/approve", response=rows.DocumentRow)
def approve_collaboration_version(
    request: HttpRequest, key: Key, number: Version, payload: verbs.ApprovalIn
) -> HttpResponse:
    """One of the two approvals, by somebody of that department; the second makes it effective from its date."""
    verbs.approve(actor_of(request), _find(key, number), payload)
    return _shown(key, number)


@router.post("/collaboration-standards/{key}/{number}/reject", response=rows.DocumentRow)
def reject_collaboration_version(
    request: HttpRequest, key: Key, number: Version, payload: verbs.ReasonIn
) -> HttpResponse:
    """Send a proposal back; it is a draft again."""
    verbs.reject(actor_of(request), _find(key, number), payload)
    return _shown(key, number)


@router.post("/collaboration-standards/{key}/{number}/withdraw", response=rows.DocumentRow)
def withdraw_collaboration_version(
    request: HttpRequest, key: Key, number: Version, payload: verbs.ReasonIn
) -> HttpResponse:
    """Take a proposal back, or an approved version that does not hold yet."""
    verbs.withdraw(actor_of(request), _find(key, number), payload)
    return _shown(key, number)


@router.post("/collaboration-standards/{key}/{number}/discard", response=rows.DocumentRow)
def discard_collaboration_version(request: HttpRequest, key: Key, number: Version) -> HttpResponse:
    """Give a draft up; it stays in the history."""
    verbs.discard(actor_of(request), _find(key, number))
    return _shown(key, number)


@router.get("/collaboration-standards/{key}/{number}/difference", response=verbs.Difference)
def get_collaboration_difference(request: HttpRequest, key: Key, number: Version) -> HttpResponse:
    """What a version changes beside the one in force (`before` 0: there is none)."""
    _require_reader(request)
    before = _in_force(key) or 0
    old = queries.agreement(key, before) if before else None
    changes = agreement_changes(old, parse_agreement(key, number, _find(key, number).body))
    told = [verbs.ChangeRow(c.part, list(c.place), c.field, c.old, c.new) for c in changes]
    return answer(verbs.Difference(before, number, told))


@router.get("/collaboration-standards/{key}/{number}/progress", response=verbs.Progress)
def get_collaboration_progress(request: HttpRequest, key: Key, number: Version) -> HttpResponse:
    """How far the re-dating of running requests has come."""
    _require_reader(request)
    return answer(verbs.progress(_find(key, number)))
