"""Saved views, the columns of lists, and one action on many tickets."""

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Id, Prose, Revision, actor_of, answer
from jiying.desk.api.schemas import Number, Paging, Tags
from jiying.desk.queries import bulk_actions as runs
from jiying.desk.queries import saved_views, tickets_api
from jiying.desk.queries.filters import read
from jiying.desk.services import bulk_actions, views

router = Router()
Value = Annotated[str, StringConstraints(max_length=400)]
Column = Annotated[str, StringConstraints(max_length=40)]
Columns = Annotated[list[Column], Field(max_length=40)]
FilterValues = Annotated[dict[Column, Value], Field(max_length=20)]


class ViewIn(Body):
    """`filters` by the names of `GET /search` (besides `view` and `sort`); no columns: each reader's own."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    filters: FilterValues = {}
    columns: Columns = []
    reach: Literal["own", "team", "all"] = "own"

    def view(self) -> views.View:
        return views.View(self.name, self.filters, tuple(self.columns), self.reach)


class ViewChange(ViewIn):
    revision: Revision | None = None


class ColumnsIn(Body):
    columns: Columns


class BulkValues(Body):
    """By action: assign {to, reason}, priority {priority, reason}, tag {add, remove}, category {category}, reply {body,
    then}, resolve and close {note}, merge {into}. `to` is `person:ID` or `team:ID`; `then` is `wait` or `resolve`."""

    to: Value | None = None
    reason: Prose | None = None
    priority: Value | None = None
    add: Tags | None = None
    remove: Tags | None = None
    category: Value | None = None
    body: Prose | None = None
    then: Value | None = None
    note: Prose | None = None
    into: Number | None = None


class BulkIn(Body):
    """Either `numbers`, or `filters` (as of a view): all that fit, at most a thousand."""

    action: Literal["assign", "priority", "tag", "category", "reply", "resolve", "close", "merge"]
    numbers: Annotated[list[Number], Field(max_length=1000)] = []
    filters: FilterValues | None = None
    values: BulkValues = BulkValues()


@router.get("/views", response=saved_views.Views, tags=["views"])
def list_views(request: HttpRequest) -> HttpResponse:
    """The saved views that the caller may use: own ones, the team's, everybody's."""
    return answer(saved_views.Views(saved_views.listed(actor_of(request))))


@router.post("/views", response={201: saved_views.ViewRow}, tags=["views"])
def add_view(request: HttpRequest, payload: ViewIn) -> HttpResponse:
    """Save a view; sharing it needs the right."""
    actor = actor_of(request)
    return answer(saved_views.row(actor, views.add(actor=actor, view=payload.view(), now=timezone.now())), 201)


@router.put("/views/{view_id}", response=saved_views.ViewRow, tags=["views"])
def change_view(request: HttpRequest, view_id: Id, payload: ViewChange) -> HttpResponse:
    """Change a view as a whole."""
    actor = actor_of(request)
    view, revision = payload.view(), payload.revision
    row = views.change(actor=actor, pk=view_id, view=view, revision=revision, now=timezone.now())
    return answer(saved_views.row(actor, row))


@router.delete("/views/{view_id}", response={204: None}, tags=["views"])
def remove_view(request: HttpRequest, view_id: Id) -> HttpResponse:
    """Take a view away; its tickets stay."""
    views.remove(actor=actor_of(request), pk=view_id, now=timezone.now())
    return HttpResponse(status=204)


@router.get("/views/{view_id}/tickets", response=tickets_api.TicketPage, tags=["views"])
def list_tickets_of_view(request: HttpRequest, view_id: Id, paging: Query[Paging]) -> HttpResponse:
    """The tickets of a view that the caller may see, in its order; pages hold 50."""
    actor = actor_of(request)
    filters = read(saved_views.get(actor, view_id).filters)
    return answer(tickets_api.page_of_filters(actor, filters, paging.cursor or "", timezone.now()))


@router.put("/me/columns", response=list[str], tags=["views"])
def choose_columns(request: HttpRequest, payload: ColumnsIn) -> HttpResponse:
    """The columns of the caller's lists, in order; none: the usual ones."""
    return answer(views.choose_columns(actor=actor_of(request), columns=payload.columns, now=timezone.now()))


@router.post("/bulk", response={201: runs.BulkRow}, tags=["bulk"])
def start_bulk(request: HttpRequest, payload: BulkIn) -> HttpResponse:
    """One action on many tickets, each by its own rights. A few are done in the answer; else `state` is `running`, and
    `GET /bulk/{id}` tells how far it is. Named tickets that the caller may not see are left out."""
    actor, now = actor_of(request), timezone.now()
    filters = read(payload.filters) if payload.filters is not None else None
    picked = runs.chosen(actor, payload.numbers, filters, now)
    values: dict[str, Any] = {name: value for name, value in payload.values.dict().items() if value is not None}
    bulk = bulk_actions.Bulk(payload.action, picked.numbers, values)
    return answer(runs.row(bulk_actions.start(actor=actor, bulk=bulk, now=now), timezone.now()), 201)


@router.get("/bulk/{bulk_id}", response=runs.BulkRow, tags=["bulk"])
def get_bulk(request: HttpRequest, bulk_id: Id) -> HttpResponse:
    """How a run of the caller's stands, and what was refused for what reason."""
    return answer(runs.row(runs.job_of(actor_of(request), bulk_id), timezone.now()))


@router.post("/bulk/{bulk_id}/undo", response={201: runs.BulkRow}, tags=["bulk"])
def undo_bulk(request: HttpRequest, bulk_id: Id) -> HttpResponse:
    """Take it back within a minute, for the tickets that nobody has changed since: assignments, priority, tags,
    category."""
    job = bulk_actions.undo(actor=actor_of(request), job_id=bulk_id, now=timezone.now())
    return answer(runs.row(job, timezone.now()), 201)


@router.post("/bulk/{bulk_id}/cancel", response=runs.BulkRow, tags=["bulk"])
def cancel_bulk(request: HttpRequest, bulk_id: Id) -> HttpResponse:
    """Stop a run after its present ticket; what is done stays done."""
    actor = actor_of(request)
    bulk_actions.cancel(actor=actor, job_id=bulk_id, now=timezone.now())
    return answer(runs.row(runs.job_of(actor, bulk_id), timezone.now()))
