"""The verbs that all versioned documents share: their bodies, their calls, and the progress of re-dating (C7)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from django.utils import timezone
from pydantic import StringConstraints

from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.api.wire import Body, Instant, Prose, Revision
from jiying.base.models import Job, VersionedDocument
from jiying.clocks import queries
from jiying.clocks.services.editing import REDATE


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
    """`capacity`: of a standard set supervisor and operations, of a collaboration standard asking and responding."""

    capacity: Literal["supervisor", "operations", "asking", "responding"]


class ReasonIn(Body):
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


@dataclass(frozen=True, slots=True)
class Progress:
    """Re-dating of running clocks: subjects done of all; null instants while it waits or runs."""

    state: Literal["none", "waiting", "running", "done", "stopped"]
    n_done: int = 0
    n_total: int = 0
    starts_at: datetime | None = None
    finished_at: datetime | None = None


def edit(actor: Actor, document: VersionedDocument, payload: EditIn) -> None:
    documents.edit(
        actor=actor, document_id=document.pk, body=payload.body, revision=payload.revision, now=timezone.now()
    )


def propose(actor: Actor, document: VersionedDocument, payload: ProposalIn) -> None:
    documents.propose(
        actor=actor,
        document_id=document.pk,
        effective_from=payload.effective_from,
        redate=payload.redate,
        note=payload.note,
        now=timezone.now(),
    )


def approve(actor: Actor, document: VersionedDocument, payload: ApprovalIn) -> None:
    documents.approve(actor=actor, document_id=document.pk, capacity=payload.capacity, now=timezone.now())


def reject(actor: Actor, document: VersionedDocument, payload: ReasonIn) -> None:
    documents.reject(actor=actor, document_id=document.pk, note=payload.note, now=timezone.now())


def withdraw(actor: Actor, document: VersionedDocument, payload: ReasonIn) -> None:
    documents.withdraw(actor=actor, document_id=document.pk, note=payload.note, now=timezone.now())


def discard(actor: Actor, document: VersionedDocument) -> None:
    documents.discard(actor=actor, document_id=document.pk, now=timezone.now())


def progress(document: VersionedDocument) -> Progress:
    """The newest re-dating of this version."""
    job = queries.latest_job(REDATE, kind=document.kind, key=document.key, number=document.number)
    if job is None:
        return Progress("none")
    return Progress(_state(job), job.n_done, job.n_total, job.wake_at, job.finished_at)


def _state(job: Job) -> Literal["waiting", "running", "done", "stopped"]:
    if job.parked_at or job.cancelled_at:
        return "stopped"
    if job.finished_at:
        return "done"
    return "running" if job.n_total else "waiting"
