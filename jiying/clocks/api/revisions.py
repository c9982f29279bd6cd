"""Quarterly revisions of the standard set (C7): evidence of the last quarter, and the decision."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Path, Router
from pydantic import StringConstraints

from jiying.base.api.wire import Body, PersonRef, Version, actor_of, answer
from jiying.base.errors import NotFound
from jiying.base.policies import require
from jiying.clocks.api import rows
from jiying.clocks.models import Clock, Revision
from jiying.clocks.queries.evidence import Kept
from jiying.clocks.services import revisions as services

router = Router(tags=["standards"])
Quarter = Annotated[str, StringConstraints(max_length=6, pattern=r"^[0-9]{4}Q[1-4]$")]


class DecisionIn(Body):
    """`kept` needs the reason in `note`; `changed` the number of a version drafted since the revision fell due."""

    outcome: Literal["kept", "changed"]
    note: Annotated[str, StringConstraints(max_length=services.MAX_NOTE)] = ""
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class RowFigures:
    """`attainment` is met among met and breached."""

    metric: str
    row: str
    n_met: int
    n_breached: int
    attainment: float | None


@dataclass(frozen=True, slots=True)
class DepartmentFigures:
    department: str
    n_met: int
    n_breached: int
    attainment: float | None


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """`causes`: how often each was named for what was late, `` for those without one."""

    quarter: str
    opened_at: datetime
    due_at: datetime | None
    outcome: str | None
    version: int | None
    note: str
    done_by: PersonRef | None
    done_at: datetime | None
    rows: list[RowFigures]
    departments: list[DepartmentFigures]
    causes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Revisions:
    items: list[RevisionRow]


def _row(found: Revision, due_at: datetime | None) -> RevisionRow:
    evidence = found.evidence
    return RevisionRow(
        quarter=found.quarter,
        opened_at=found.opened_at,
        due_at=due_at,
        outcome=found.outcome or None,
        version=found.version,
        note=found.note,
        done_by=rows.person(found.done_by),
        done_at=found.done_at,
        rows=[RowFigures(m, r, met, late, Kept(met, late).rate) for m, r, met, late in evidence.get("rows", ())],
        departments=[
            DepartmentFigures(code, met, late, Kept(met, late).rate)
            for code, (met, late) in evidence.get("departments", {}).items()
        ],
        causes=evidence.get("causes", {}),
    )


def _due(found: list[Revision]) -> dict[int, datetime | None]:
    clocks = Clock.objects.filter(subject_kind=services.KIND, subject_id__in=[one.pk for one in found])
    return dict(clocks.values_list("subject_id", "due_at"))


@router.get("/standard-revisions", response=Revisions)
def list_standard_revisions(request: HttpRequest) -> HttpResponse:
    """Every revision with its evidence, the newest first."""
    require(actor_of(request), services.VIEW)
    found = list(Revision.objects.select_related("done_by").order_by("-quarter")[:40])
    due = _due(found)
    return answer(Revisions([_row(one, due.get(one.pk)) for one in found]))


@router.get("/standard-revisions/{quarter}", response=RevisionRow)
def get_standard_revision(request: HttpRequest, quarter: Annotated[Quarter, Path()]) -> HttpResponse:
    """One revision with its evidence."""
    require(actor_of(request), services.VIEW)
    return _shown(quarter)


def _shown(quarter: str) -> HttpResponse:
    found = Revision.objects.filter(quarter=quarter).select_related("done_by").first()
    if found is None:
        raise NotFound(services.KIND, quarter)
    return answer(_row(found, _due([found]).get(found.pk)))


@router.post("/standard-revisions/{quarter}/finish", response=RevisionRow)
def finish_standard_revision(
    request: HttpRequest, quarter: Annotated[Quarter, Path()], payload: DecisionIn
) -> HttpResponse:
    """Decide that the standard stays, or name the version that comes of it."""
    services.finish(
        actor=actor_of(request),
        quarter=quarter,
        outcome=payload.outcome,
        note=payload.note,
        version=payload.version,
        now=timezone.now(),
    )
    return _shown(quarter)
