"""The API of exports: a list as a file, its progress, the file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from ninja import Router

from jiying.base.api.wire import Body, Id, Line, actor_of, answer
from jiying.base.errors import NotFound
from jiying.base.models import Job
from jiying.base.policies import require
from jiying.desk.queries.filters import read
from jiying.desk.services import exporting

router = Router(tags=["exports"])


@dataclass(frozen=True, slots=True)
class ExportRow:
    """`state`: running, ready, failed, or gone (files are kept for seven days)."""

    id: int
    format: str
    plain: bool
    n_rows: int
    state: str
    created_at: datetime
    finished_at: datetime | None


class ExportIn(Body):
    """`filters` as in the address of the list of tickets: view, q, status, priority, channel, assignee, team …"""

    format: Literal["csv", "xlsx"] = "csv"
    filters: dict[Line, Line] = {}
    plain: bool = False


@router.post("/exports", response={202: ExportRow})
def create_export(request: HttpRequest, payload: ExportIn) -> HttpResponse:
    """Queue an export of what the caller sees under these filters."""
    job = exporting.start(
        actor=actor_of(request),
        filters=read(payload.filters),
        form=payload.format,
        plain=payload.plain,
        now=timezone.now(),
    )
    return answer(_row(job), 202)


@router.get("/exports/{export_id}", response=ExportRow)
def get_export(request: HttpRequest, export_id: Id) -> HttpResponse:
    """One's own export and its progress."""
    return answer(_row(_own(request, export_id)))


@router.get("/exports/{export_id}/file", response={200: None})
def get_export_file(request: HttpRequest, export_id: Id) -> HttpResponseBase:
    """The finished file."""
    job = _own(request, export_id)
    path = exporting.file_of(job)
    if path is None:
        raise NotFound("file", export_id)
    return FileResponse(path.open("rb"), as_attachment=True, filename=exporting.name_of(job))


def _own(request: HttpRequest, export_id: int) -> Job:
    actor = actor_of(request)
    require(actor, exporting.RIGHT)
    return exporting.of_actor(actor, export_id)


def _row(job: Job) -> ExportRow:
    return ExportRow(**exporting.describe(job))
