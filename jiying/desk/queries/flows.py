"""Task flows as people see them: the tasks of a ticket, the flows with their versions, completion and skips (D25a)."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.base.models import VersionedDocument
from jiying.clocks.models import Clock
from jiying.core import task_flows as core
from jiying.desk.models import FlowRun, FlowStep, Ticket
from jiying.desk.policies import may_handle
from jiying.desk.queries.pills import Face, next_faces

KIND = "task"
REPORTED = timedelta(days=30)
State = FlowStep.State


# --- on a ticket -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    n: int
    text: str
    done: bool


@dataclass(frozen=True, slots=True)
class Task:
    """A step of a run. `may` whether the reader may do it; `waits` whether mandatory ones before it are open."""

    row: FlowStep
    clock: Face | None
    items: list[Item]
    may: bool
    waits: bool


@dataclass(frozen=True, slots=True)
class Run:
    row: FlowRun
    tasks: list[Task]
    n_done: int  # done or skipped
    n_all: int


def of_ticket(actor: Actor, ticket: Ticket, now: datetime) -> list[Run]:
    """The flows of a ticket with their tasks, in three queries."""
    runs = list(FlowRun.objects.filter(ticket=ticket).prefetch_related("steps__ended_by").order_by("started_at", "pk"))
    ids = [step.pk for run in runs for step in run.steps.all() if step.state == State.OPEN]
    faces = next_faces(KIND, ids, now) if ids else {}
    handles = may_handle(actor, ticket)
    return [_run(run, faces, handles, "desk.assign" in actor.rights) for run in runs]


def _run(run: FlowRun, faces: Mapping[int, Face], handles: bool, leads: bool) -> Run:
    steps = sorted(run.steps.all(), key=lambda s: s.n)
    standing = [core.Standing(s.key, s.state, s.mandatory) for s in steps]
    tasks = [
        Task(
            row=step,
            clock=faces.get(step.pk),
            items=[Item(n, text, done) for n, (text, done) in enumerate(step.checklist)],
            may=step.state == State.OPEN and handles and (step.role != "lead" or leads),
            waits=bool(core.before(standing, step.key)),
        )
        for step in steps
    ]
    return Run(run, tasks, sum(s.state in (State.DONE, State.SKIPPED) for s in steps), len(steps))


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task over the API; `checklist` is [[text, ticked], …]."""

    id: int
    key: str
    title: str
    role: str
    mandatory: bool
    state: str
    due_at: datetime | None
    is_late: bool
    checklist: list[Any]
    reason: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class TicketFlowRow:
    id: int
    flow: str
    version: int
    title: str
    by_category: bool
    state: str
    started_at: datetime
    ended_at: datetime | None
    tasks: list[TaskRow]


@dataclass(frozen=True, slots=True)
class TicketFlows:
    items: list[TicketFlowRow]


def runs(ticket: Ticket) -> TicketFlows:
    """The flows of a ticket, as they stand."""
    return TicketFlows([_row(run) for run in FlowRun.objects.filter(ticket=ticket).order_by("started_at", "pk")])


def run_of_step(step_id: int) -> TicketFlowRow:
    return _row(FlowRun.objects.get(steps__pk=step_id))


def run(run_id: int) -> TicketFlowRow:
    return _row(FlowRun.objects.get(pk=run_id))


def _row(run: FlowRun) -> TicketFlowRow:
    steps = list(run.steps.order_by("n"))
    clocks = {c.subject_id: c for c in Clock.objects.filter(subject_kind=KIND, subject_id__in=[s.pk for s in steps])}
    return TicketFlowRow(
        id=run.pk,
        flow=run.flow,
        version=run.version,
        title=run.title,
        by_category=run.by_category,
        state=str(run.state),
        started_at=run.started_at,
        ended_at=run.ended_at,
        tasks=[_task_row(step, clocks.get(step.pk)) for step in steps],
    )


def _task_row(step: FlowStep, clock: Clock | None) -> TaskRow:
    return TaskRow(
        id=step.pk,
        key=step.key,
        title=step.title,
        role=step.role,
        mandatory=step.mandatory,
        state=str(step.state),
        due_at=clock.due_at if clock else None,
        is_late=bool(clock and clock.breached_at),
        checklist=step.checklist,
        reason=step.reason,
        ended_at=step.ended_at,
    )


# --- configuration and report ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of a flow's runs in a period; shares are of all steps that are over."""

    n_runs: int = 0
    n_whole: int = 0  # each step done or skipped
    n_done: int = 0
    n_skipped: int = 0
    n_left: int = 0
    n_late: int = 0

    @property
    def done_share(self) -> int | None:
        over = self.n_done + self.n_skipped + self.n_left
        return round(100 * self.n_done / over) if over else None


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow in force with its figures of the last 30 days."""

    key: str
    title: str
    version: int
    steps: list[dict[str, Any]]
    n_runs: int
    n_whole: int
    n_done: int
    n_skipped: int
    n_left: int
    n_late: int
    done_share: int | None


@dataclass(frozen=True, slots=True)
class Flows:
    items: list[FlowRow]


def titles() -> list[tuple[str, str]]:
    """(key, title) of all flows in force."""
    return [(d.key, d.title or d.key) for d in _latest()]


def flows(now: datetime) -> Flows:
    """Every flow with its figures; as many queries for any number of flows."""
    figures = _figures(now)
    return Flows([_flow_row(document, figures.get(document.key, Figures())) for document in _latest()])


def flow(key: str, now: datetime) -> FlowRow:
    found = next((row for row in flows(now).items if row.key == key), None)
    if found is None:
        raise NotFound("flow", key)
    return found


def _latest() -> list[VersionedDocument]:
    """The newest version of each flow: a change is in force at once."""
    rows = VersionedDocument.objects.filter(kind="flow", state="approved").order_by("key", "-number")
    newest: dict[str, VersionedDocument] = {}
    for row in rows.select_related("created_by"):
        newest.setdefault(row.key, row)
    return list(newest.values())


def _flow_row(document: VersionedDocument, f: Figures) -> FlowRow:
    return FlowRow(
        key=document.key,
        title=document.title or document.key,
        version=document.number,
        steps=[{**asdict(s), "checklist": list(s.checklist)} for s in core.parse(document.body)],
        n_runs=f.n_runs,
        n_whole=f.n_whole,
        n_done=f.n_done,
        n_skipped=f.n_skipped,
        n_left=f.n_left,
        n_late=f.n_late,
        done_share=f.done_share,
    )


def _figures(now: datetime) -> dict[str, Figures]:
    since = Q(started_at__gte=now - REPORTED)
    n_runs = {
        row["flow"]: row
        for row in FlowRun.objects.filter(since)
        .values("flow")
        .annotate(n=Count("pk"), whole=Count("pk", filter=Q(state=FlowRun.State.DONE)))
    }
    steps = FlowStep.objects.filter(run__started_at__gte=now - REPORTED)
    counts = _by_flow(steps.values_list("run__flow", "state").annotate(n=Count("pk")))
    late = Clock.objects.filter(subject_kind=KIND, breached_at__isnull=False).values("subject_id")
    n_late = dict(steps.filter(pk__in=late).values_list("run__flow").annotate(n=Count("pk")))
    return {
        key: Figures(
            n_runs=row["n"],
            n_whole=row["whole"],
            n_done=counts.get((key, State.DONE), 0),
            n_skipped=counts.get((key, State.SKIPPED), 0),
            n_left=counts.get((key, State.WITHDRAWN), 0),
            n_late=n_late.get(key, 0),
        )
        for key, row in n_runs.items()
    }


def _by_flow(rows: Iterable[Any]) -> dict[tuple[str, str], int]:
    return {(flow, state): n for flow, state, n in rows}


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One step over all runs of the period: how often done, skipped, left out, late; and why it was skipped."""

    key: str
    title: str
    n_done: int
    n_skipped: int
    n_left: int
    n_late: int
    reasons: list[str]


def step_figures(key: str, now: datetime) -> list[StepFigures]:
    """Completion and skips of each step, in three queries."""
    steps = FlowStep.objects.filter(run__flow=key, run__started_at__gte=now - REPORTED)
    late = Clock.objects.filter(subject_kind=KIND, breached_at__isnull=False).values("subject_id")
    n_late = dict(steps.filter(pk__in=late).values_list("key").annotate(n=Count("pk")))
    reasons: dict[str, list[str]] = {}
    for step, reason in steps.filter(state=State.SKIPPED).order_by("-ended_at").values_list("key", "reason")[:200]:
        known = reasons.setdefault(step, [])
        if len(known) < 3 and reason not in known:
            known.append(reason)
    counted = steps.values("key", "title", "n").annotate(
        done=Count("pk", filter=Q(state=State.DONE)),
        skipped=Count("pk", filter=Q(state=State.SKIPPED)),
        left=Count("pk", filter=Q(state=State.WITHDRAWN)),
    )
    return [
        StepFigures(
            key=row["key"],
            title=row["title"],
            n_done=row["done"],
            n_skipped=row["skipped"],
            n_left=row["left"],
            n_late=n_late.get(row["key"], 0),
            reasons=reasons.get(row["key"], []),
        )
        for row in counted.order_by("n", "key")
    ]


def versions(key: str) -> list[VersionedDocument]:
    """The versions of a flow, the newest first."""
    rows = VersionedDocument.objects.filter(kind="flow", key=key).select_related("created_by")
    return list(rows.order_by("-number")[:20])
