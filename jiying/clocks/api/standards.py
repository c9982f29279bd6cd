"""The standard set: versions, drafts, two approvals, and what a draft changes (C6, C7)."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import StringConstraints

from jiying.base import documents
from jiying.base.api.wire import Body, Instant, Prose, Revision, Version, actor_of, answer
from jiying.base.errors import NotFound
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.clocks import queries
from jiying.clocks.api import rows
from jiying.clocks.queries import STANDARD
from jiying.core.standards import Standard, difference, parse

router = Router(tags=["standards"])
VIEW = "clocks.view"


class DraftIn(Body):
    title: Annotated[str, StringConstraints(max_length=120)] = ""
    note: Prose = ""
    body: dict[str, Any]


class EditIn(Body):
    """`revision` is the one that was shown; a stale one is refused."""

    body: dict[str, Any]
    revision: Revision


class ProposalIn(Body):
    """`redate`: running tickets take the new targets too, from the effective date on."""

    effective_from: Instant
    redate: bool = False
    note: Prose = ""


class ApprovalIn(Body):
    capacity: Literal["supervisor", "operations"]


class RejectionIn(Body):
    note: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One changed cell; null for what was not there, or is no more."""

    part: str
    place: list[Any]
    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Difference:
    before: int
    after: int
    changes: list[ChangeRow]


def _in_force() -> int | None:
    return documents.in_force("standard", timezone.now()).get(STANDARD)


def _find(number: int) -> VersionedDocument:
    return documents.get("standard", STANDARD, number)


def _parsed(number: int) -> Standard:
    """Of whatever version: only effective ones never change, so that nothing is kept of a draft."""
    return parse({**_find(number).body, "version": number})


def _shown(number: int, status: int = 200) -> HttpResponse:
    """A version with its maker and approvals, as it is after whatever was done."""
    found = _find(number)
    headers = {"Location": f"/api/v1/standards/{number}"} if status == 201 else None
    return answer(rows.document(found, _in_force()), status, headers)


@router.get("/standards", response=rows.Documents)
def list_standards(request: HttpRequest) -> HttpResponse:
    """The last versions of the standard set without their bodies, the newest first."""
    require(actor_of(request), VIEW)
    return answer(rows.documents(queries.history("standard", STANDARD, 200), _in_force()))


@router.get("/standards/{number}", response=rows.DocumentRow)
def get_standard(request: HttpRequest, number: Version) -> HttpResponse:
    """One version with its body and approvals."""
    require(actor_of(request), VIEW)
    return _shown(number)


@router.post("/standards", response={201: rows.DocumentRow})
def create_standard(request: HttpRequest, payload: DraftIn) -> HttpResponse:
    """A draft; it becomes effective after it was proposed and approved by a supervisor and by operations."""
    made = documents.create(
        actor=actor_of(request),
        kind="standard",
        key=STANDARD,
        body=payload.body,
        title=payload.title,
        note=payload.note,
        now=timezone.now(),
    )
    return _shown(made.number, 201)


@router.put("/standards/{number}", response=rows.DocumentRow)
def edit_standard(request: HttpRequest, number: Version, payload: EditIn) -> HttpResponse:
    """Change a draft."""
    documents.edit(
        actor=actor_of(request),
        document_id=_find(number).pk,
        body=payload.body,
        revision=payload.revision,
        now=timezone.now(),
    )
    return _shown(number)


@router.post("/standards/{number}/propose", response=rows.DocumentRow)
def propose_standard(request: HttpRequest, number: Version, payload: ProposalIn) -> HttpResponse:
    """Hand a draft to its approvers."""
    documents.propose(
        actor=actor_of(request),
        document_id=_find(number).pk,
        effective_from=payload.effective_from,
        redate=payload.redate,
        note=payload.note,
        now=timezone.now(),
    )
    return _shown(number)


@router.post("/standards/{number}/approve", response=rows.DocumentRow)
def approve_standard(request: HttpRequest, number: Version, payload: ApprovalIn) -> HttpResponse:
    """One of the two approvals; the second makes it effective from its date."""
    documents.approve(
        actor=actor_of(request), document_id=_find(number).pk, capacity=payload.capacity, now=timezone.now()
    )
    return _shown(number)


@router.post("/standards/{number}/reject", response=rows.DocumentRow)
def reject_standard(request: HttpRequest, number: Version, payload: RejectionIn) -> HttpResponse:
    """Send a proposal back; it is a draft again."""
    documents.reject(actor=actor_of(request), document_id=_find(number).pk, note=payload.note, now=timezone.now())
    return _shown(number)


@router.get("/standards/{number}/difference", response=Difference)
def get_difference(
    request: HttpRequest, number: Version, to: Annotated[Version | None, Query()] = None
) -> HttpResponse:
    """What a version changes beside another one (`to`), else beside the one in force."""
    require(actor_of(request), VIEW)
    before = to or _in_force()
    if before is None:
        raise NotFound("standard", STANDARD)
    changes = difference(_parsed(before), _parsed(number))
    return answer(
        Difference(before, number, [ChangeRow(c.part, list(c.place), c.field, c.old, c.new) for c in changes])
    )
