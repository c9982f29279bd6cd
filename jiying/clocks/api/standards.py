"""The standard set: versions, drafts, two approvals, and what a draft changes (C6, C7)."""

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import StringConstraints

from jiying.base import documents
from jiying.base.api.wire import Body, Prose, Version, actor_of, answer
from jiying.base.errors import NotFound
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.clocks import queries
from jiying.clocks.api import rows, verbs
from jiying.clocks.queries import STANDARD
from jiying.core.standards import Standard, difference, parse

router = Router(tags=["standards"])
VIEW = "clocks.view"


class DraftIn(Body):
    title: Annotated[str, StringConstraints(max_length=120)] = ""
    note: Prose = ""
    body: dict[str, Any]


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
def edit_standard(request: HttpRequest, number: Version, payload: verbs.EditIn) -> HttpResponse:
    """Change a draft."""
    verbs.edit(actor_of(request), _find(number), payload)
    return _shown(number)


@router.post("/standards/{number}/propose", response=rows.DocumentRow)
def propose_standard(request: HttpRequest, number: Version, payload: verbs.ProposalIn) -> HttpResponse:
    """Hand a draft to its approvers."""
    verbs.propose(actor_of(request), _find(number), payload)
    return _shown(number)


@router.post("/standards/{number}/approve", response=rows.DocumentRow)
def approve_standard(request: HttpRequest, number: Version, payload: verbs.ApprovalIn) -> HttpResponse:
    """One of the two approvals; the second makes it effective from its date."""
    verbs.approve(actor_of(request), _find(number), payload)
    return _shown(number)


@router.post("/standards/{number}/reject", response=rows.DocumentRow)
def reject_standard(request: HttpRequest, number: Version, payload: verbs.ReasonIn) -> HttpResponse:
    """Send a proposal back; it is a draft again."""
    verbs.reject(actor_of(request), _find(number), payload)
    return _shown(number)


@router.post("/standards/{number}/withdraw", response=rows.DocumentRow)
def withdraw_standard(request: HttpRequest, number: Version, payload: verbs.ReasonIn) -> HttpResponse:
    """Take a proposal back, or an approved version that does not hold yet."""
    verbs.withdraw(actor_of(request), _find(number), payload)
    return _shown(number)


@router.post("/standards/{number}/discard", response=rows.DocumentRow)
def discard_standard(request: HttpRequest, number: Version) -> HttpResponse:
    """Give a draft up; it stays in the history."""
    verbs.discard(actor_of(request), _find(number))
    return _shown(number)


@router.get("/standards/{number}/progress", response=verbs.Progress)
def get_redating_progress(request: HttpRequest, number: Version) -> HttpResponse:
    """How far the re-dating of running tickets has come."""
    require(actor_of(request), VIEW)
    return answer(verbs.progress(_find(number)))


@router.get("/standards/{number}/difference", response=verbs.Difference)
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
        verbs.Difference(
            before, number, [verbs.ChangeRow(c.part, list(c.place), c.field, c.old, c.new) for c in changes]
        )
    )
