"""Task flows on tickets (D25a): started by category or by hand, steps done, ticked or skipped; each step has a clock.

Mandatory steps that are open block the solving of a ticket.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from jiying.alerts.services import reading as alerts
from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.inserting import insert
from jiying.base.models import VersionedDocument
from jiying.base.transactions import short
from jiying.clocks.queries import second_of, versions_in_force
from jiying.clocks.services.keeping import keep, plan, store_new
from jiying.core import clocks as core_clocks
from jiying.core import task_flows as core
from jiying.desk.models import FlowRun, FlowStep, Ticket
from jiying.desk.policies import may_handle, require_handle, require_visible
from jiying.desk.services import flow_setup, triage
from jiying.desk.services.holding import decide, fact, lock, settle

KIND = "task"
MAX_REASON = 2000
State = FlowStep.State


def lock_many(ids: Collection[int], skip_locked: bool) -> Mapping[int, FlowStep]:
    """Steps locked in order of id; their tickets are not needed for their clocks."""
    rows = FlowStep.objects.select_for_update(skip_locked=skip_locked, of=("self",)).filter(pk__in=ids)
    return {row.pk: row for row in rows.select_related("run").order_by("pk")}


# --- starting --------------------------------------------------------------------------------------------------------


@short
def start(*, actor: Actor, number: str, flow: str, now: datetime) -> FlowRun:
    """Start a flow by hand; a ticket has each flow at most once at a time."""
    ticket = lock(number)
    require_handle(actor, ticket)
    decide(ticket, "flow")
    document = flow_setup.in_force(flow, now)
    if ticket.flow_runs.filter(flow=flow, state=FlowRun.State.RUNNING).exists():
        raise Conflict.one("flow_running", "flow", title=document.title)
    run, told = _begin(actor, ticket, document, now, by_category=False)
    settle(actor, ticket, [told], now=now)
    return run


def begin_by_category(actor: Actor, ticket: Ticket, now: datetime) -> list[journal.Fact]:
    """Start what the category of a locked or new ticket wants and it has not had yet; returns the facts to record."""
    category = triage.category_of(ticket.category)
    if category is None or not category.flow:
        return []
    try:
        document = flow_setup.in_force(category.flow, now)
    except NotFound:  # the category was made ready before its flow
        return []
    if ticket.flow_runs.filter(flow=category.flow).exclude(state=FlowRun.State.WITHDRAWN).exists():
        return []
    return [_begin(actor, ticket, document, now, by_category=True)[1]]


def follow_category(actor: Actor, ticket: Ticket, now: datetime) -> list[journal.Fact]:
    """After a change of category: the old one's flow goes unless somebody worked on it, the new one's comes."""
    for run in ticket.flow_runs.filter(state=FlowRun.State.RUNNING, by_category=True):
        if not run.steps.exclude(state=State.OPEN).exists():
            _withdraw(actor, run, now)
    return begin_by_category(actor, ticket, now)


def _begin(
    actor: Actor, ticket: Ticket, document: VersionedDocument, now: datetime, *, by_category: bool
) -> tuple[FlowRun, journal.Fact]:
    """The run with all its steps and their clocks, in a few statements whatever their number."""
    run = FlowRun(
        ticket=ticket,
        flow=document.key,
        version=document.number,
        title=document.title or document.key,
        by_category=by_category,
        started_at=now,
    )
    insert([run])
    steps = core.parse(document.body)
    rows = [
        FlowStep(
            run=run,
            n=n,
            key=step.key,
            title=step.title,
            role=step.role,
            mandatory=step.mandatory,
            remind=step.remind,
            checklist=[[item, False] for item in step.checklist],
        )
        for n, step in enumerate(steps)
    ]
    insert(rows)
    _start_clocks(actor, rows, steps, now)
    data = {"run": run.pk, "flow": run.flow, "version": run.version, "title": run.title, "n_steps": len(rows)}
    return run, fact(ticket, "flow_started", now, data)


def _start_clocks(actor: Actor, rows: Sequence[FlowStep], steps: Sequence[core.Step], now: datetime) -> None:
    bound = versions_in_force(now)
    asked = [
        {"metric": KIND, "target": {"amount": s.amount, "unit": s.unit, "calendar": s.calendar}, **bound} for s in steps
    ]
    entries = journal.record(
        actor,
        [journal.Fact(KIND, row.pk, f"{KIND}.asked", now, data) for row, data in zip(rows, asked, strict=True)],
        now=now,
    )
    for row, data, entry in zip(rows, asked, entries, strict=True):
        store_new(KIND, row.pk, plan([core_clocks.Event(second_of(now), 0, "asked", data)], now), [entry])


# --- steps -----------------------------------------------------------------------------------------------------------


@short
def finish(*, actor: Actor, step_id: int, now: datetime) -> FlowStep:
    """A step is done: in its turn, and with its whole checklist ticked."""
    step = _open(actor, step_id)
    standing = _standing(step.run)
    if waiting := core.before(list(standing.values()), step.key):
        raise Conflict.one("step_order", titles=_titles(step.run, waiting))
    if standing[step.key].n_unticked:
        raise Conflict.one("checklist_open", n=standing[step.key].n_unticked)
    _end(actor, step, State.DONE, "", now)
    _settle(actor, step, "task_done", {}, now)
    return step


@short
def skip(*, actor: Actor, step_id: int, reason: str, now: datetime) -> FlowStep:
    """Leave a step out, with a reason: the report shows it."""
    step = _open(actor, step_id)
    reason = reason.strip()
    if not reason:
        raise Invalid.one("reason", "required", field="reason")
    if len(reason) > MAX_REASON:
        raise Invalid.one("reason", "too_long", limit=MAX_REASON, length=len(reason))
    _end(actor, step, State.SKIPPED, reason, now)
    _settle(actor, step, "task_skipped", {"reason": reason}, now)
    return step


@short
def tick(*, actor: Actor, step_id: int, item: int, done: bool, now: datetime) -> FlowStep:
    """Tick an item of a step's checklist, or take the tick away."""
    step = _open(actor, step_id)
    if not 0 <= item < len(step.checklist):
        raise Invalid.one("item", "out_of_range", low=0, high=max(0, len(step.checklist) - 1))
    text, was = step.checklist[item]
    if was != done:
        step.checklist[item] = [text, done]
        step.save(update_fields=["checklist"])
        data = {"item": item, "done": done}
        journal.record(actor, [journal.Fact(KIND, step.pk, f"{KIND}.ticked", now, data)], now=now)
    return step


def _open(actor: Actor, step_id: int) -> FlowStep:
    """The step with its ticket locked first; refused to who has no part in it, or when it is over."""
    found = FlowStep.objects.filter(pk=step_id).select_related("run__ticket").first()
    if found is None:
        raise NotFound("task", step_id)
    ticket = lock(found.run.ticket.number)
    require_visible(actor, ticket)
    if not may_handle(actor, ticket):
        raise Denied("desk.handle")
    if found.role == "lead" and "desk.assign" not in actor.rights:
        raise Denied("desk.assign")
    step = lock_many([step_id], False)[step_id]
    step.run.ticket = ticket
    if step.state != State.OPEN:
        raise Conflict.one("step_over")
    return step


def _end(actor: Actor, step: FlowStep, state: str, reason: str, now: datetime) -> None:
    step.state, step.reason, step.ended_at = state, reason, now
    step.ended_by = actor.person if state != State.WITHDRAWN else None
    step.save(update_fields=["state", "reason", "ended_at", "ended_by"])
    kind = "answered" if state == State.DONE else "withdrawn"
    data = {"metric": KIND, **({"reason": reason} if reason else {})}
    journal.record(actor, [journal.Fact(KIND, step.pk, f"{KIND}.{kind}", now, data)], now=now)
    keep(KIND, step.pk, now)
    alerts.withdraw(KIND, [step.pk], now)


def _settle(actor: Actor, step: FlowStep, kind: str, data: Mapping[str, Any], now: datetime) -> None:
    ticket = step.run.ticket
    about = {"task": step.pk, "title": step.title, "flow": step.run.flow, **data}
    facts = [fact(ticket, kind, now, about)]
    if core.is_over(list(_standing(step.run).values())):
        step.run.state, step.run.ended_at = FlowRun.State.DONE, now
        step.run.save(update_fields=["state", "ended_at"])
        facts.append(fact(ticket, "flow_done", now, {"run": step.run.pk, "title": step.run.title}))
    settle(actor, ticket, facts, now=now)


def _standing(run: FlowRun) -> dict[str, core.Standing]:
    return {
        s.key: core.Standing(s.key, s.state, s.mandatory, sum(not ticked for _text, ticked in s.checklist))
        for s in FlowStep.objects.filter(run=run).order_by("n")
    }


def _titles(run: FlowRun, keys: Collection[str]) -> str:
    return ", ".join(FlowStep.objects.filter(run=run, key__in=keys).order_by("n").values_list("title", flat=True))


# --- the ticket's end ------------------------------------------------------------------------------------------------


def refuse_open(ticket: Ticket) -> None:
    """No ticket is solved before its mandatory steps are done or skipped; the refusal names them."""
    rows = FlowStep.objects.filter(
        run__ticket=ticket, run__state=FlowRun.State.RUNNING, state=State.OPEN, mandatory=True
    )
    if titles := list(rows.order_by("run_id", "n").values_list("title", flat=True)):
        raise Conflict.one("steps_open", titles=", ".join(titles))


def end_all(actor: Actor, ticket: Ticket, now: datetime) -> None:
    """A locked ticket is done or none any more: what is left open of its flows goes with it."""
    for run in ticket.flow_runs.filter(state=FlowRun.State.RUNNING):
        _withdraw(actor, run, now)


def _withdraw(actor: Actor, run: FlowRun, now: datetime) -> None:
    ids = run.steps.filter(state=State.OPEN).values_list("pk", flat=True)
    for step in lock_many(list(ids), False).values():
        _end(actor, step, State.WITHDRAWN, "", now)
    run.state, run.ended_at = FlowRun.State.WITHDRAWN, now
    run.save(update_fields=["state", "ended_at"])
