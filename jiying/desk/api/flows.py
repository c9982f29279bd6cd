"""Task flows over the API: their configuration with figures, and the tasks of a ticket."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Id, Key, actor_of, answer
from jiying.base.errors import NotFound
from jiying.base.policies import require
from jiying.core import task_flows as core
from jiying.desk.api import schemas as s
from jiying.desk.models import Ticket
from jiying.desk.policies import require_visible
from jiying.desk.queries import flows as queries
from jiying.desk.services import flow_setup
from jiying.desk.services import flows as services

router = Router(tags=["task flows"])
Text = Annotated[str, StringConstraints(min_length=1, max_length=core.MAX_TEXT)]


class StepIn(Body):
    """A step; due `amount` `unit` of `calendar` after the flow has started."""

    key: Annotated[str, StringConstraints(max_length=30)]
    title: Text
    role: Literal["assignee", "lead", "second_line"] = "assignee"
    amount: Annotated[int, Field(ge=1, le=core.MAX_AMOUNT)] = 1
    unit: Literal["min", "h", "wd"] = "h"
    calendar: Key = "24x7"
    mandatory: bool = True
    remind: bool = True
    checklist: Annotated[list[Text], Field(max_length=core.MAX_ITEMS)] = []


class FlowIn(Body):
    title: Text
    steps: Annotated[list[StepIn], Field(min_length=1, max_length=core.MAX_STEPS)]


class StartIn(Body):
    flow: Key


class SkipIn(Body):
    reason: s.Reason


class TickIn(Body):
    item: Annotated[int, Field(ge=0, le=core.MAX_ITEMS)]
    done: bool = True


@router.get("/task-flows", response=queries.Flows, tags=["ticket setup"])
def list_task_flows(request: HttpRequest) -> HttpResponse:
    """The flows in force, with completion and skips of the last 30 days."""
    actor = actor_of(request)
    if actor.rights.isdisjoint(("desk.handle", "desk.edit_rules")):
        require(actor, "desk.handle")
    return answer(queries.flows(timezone.now()))


@router.put("/task-flows/{key}", response=queries.FlowRow, tags=["ticket setup"])
def save_task_flow(request: HttpRequest, key: Key, payload: FlowIn) -> HttpResponse:
    """A new flow, or a new version of one; running tickets keep the version that they started with."""
    body = {"steps": [step.dict() for step in payload.steps]}
    flow_setup.save(actor=actor_of(request), key=key, title=payload.title, body=body, now=timezone.now())
    return answer(queries.flow(key, timezone.now()))


@router.get("/tickets/{number}/task-flows", response=queries.TicketFlows)
def list_tasks(request: HttpRequest, number: s.Number) -> HttpResponse:
    """The flows of a ticket with their tasks."""
    ticket = Ticket.objects.filter(number=number).first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_visible(actor_of(request), ticket)
    return answer(queries.runs(ticket))


@router.post("/tickets/{number}/task-flows", response={201: queries.TicketFlowRow})
def start_task_flow(request: HttpRequest, number: s.Number, payload: StartIn) -> HttpResponse:
    """Start a flow on a ticket by hand."""
    run = services.start(actor=actor_of(request), number=number, flow=payload.flow, now=timezone.now())
    return answer(queries.run(run.pk), 201)


@router.post("/tasks/{task_id}/done", response=queries.TicketFlowRow)
def finish_task(request: HttpRequest, task_id: Id) -> HttpResponse:
    """A task is done: in its turn, and with its checklist ticked."""
    services.finish(actor=actor_of(request), step_id=task_id, now=timezone.now())
    return answer(queries.run_of_step(task_id))


@router.post("/tasks/{task_id}/skip", response=queries.TicketFlowRow)
def skip_task(request: HttpRequest, task_id: Id, payload: SkipIn) -> HttpResponse:
    """Leave a task out, with the reason."""
    services.skip(actor=actor_of(request), step_id=task_id, reason=payload.reason, now=timezone.now())
    return answer(queries.run_of_step(task_id))


@router.post("/tasks/{task_id}/tick", response=queries.TicketFlowRow)
def tick_task(request: HttpRequest, task_id: Id, payload: TickIn) -> HttpResponse:
    """Tick an item of a task's checklist."""
    services.tick(actor=actor_of(request), step_id=task_id, item=payload.item, done=payload.done, now=timezone.now())
    return answer(queries.run_of_step(task_id))
