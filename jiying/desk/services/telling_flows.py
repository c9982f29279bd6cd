"""Who is reminded of a step of a task flow, and told when it is late."""

from collections.abc import Collection, Mapping, Sequence

from django.urls import reverse

from jiying.base.actor import Actor
from jiying.base.models import Person
from jiying.base.subjects import Described, Point, Recipient
from jiying.desk.models import FlowStep, Ticket
from jiying.desk.policies import sees
from jiying.desk.services.telling import ROLES


def recipients(held: Mapping[int, FlowStep], points: Sequence[Point]) -> Mapping[Point, Sequence[Recipient]]:
    """Who the step is for; once it is late also the leaders of the team. Reminders only where the step wants them."""
    ids = {step.run.ticket_id for step in held.values()}
    tickets = {ticket.pk: ticket for ticket in Ticket.objects.filter(pk__in=ids)}
    leads = _leads({t.team_id for t in tickets.values() if t.team_id})
    found = {}
    for point in points:
        step = held[point.subject_id]
        reminds = point.code in ("warn1", "warn2")
        if step.state == FlowStep.State.OPEN and (step.remind or not reminds):
            found[point] = _told(step, tickets[step.run.ticket_id], leads, late=not reminds)
    return found


def _told(step: FlowStep, ticket: Ticket, leads: Mapping[int, Sequence[int]], *, late: bool) -> list[Recipient]:
    of_team = leads.get(ticket.team_id or 0, ())
    doer = ticket.helper_id if step.role == "second_line" else None
    people: dict[int, str] = {}
    if step.role == "lead":
        people |= dict.fromkeys(of_team, "supervisor")
    elif doer := doer or ticket.assignee_id:
        people[doer] = "assignee"
    if late or not people:
        for person in of_team:
            people.setdefault(person, "supervisor")
    return [Recipient(person, capacity) for person, capacity in people.items()]


def _leads(team_ids: Collection[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    rows = Person.objects.filter(is_active=True, team_id__in=team_ids, roles__code__in=ROLES["supervisor"])
    for pk, team in rows.values_list("pk", "team_id").order_by("pk").distinct():
        found.setdefault(team, []).append(pk)
    return found


def describe(ids: Collection[int]) -> Mapping[int, Described]:
    rows = FlowStep.objects.filter(pk__in=ids).select_related("run__ticket")
    return {
        step.pk: Described(
            f"{step.run.ticket.number} · {step.title}",
            step.run.ticket.subject,
            reverse("desk:ticket", args=[step.run.ticket.number]) + f"#task-{step.pk}",
            step.run.ticket.priority,
        )
        for step in rows
    }


def visible(actor: Actor, step_id: int) -> bool:
    found = FlowStep.objects.filter(pk=step_id).select_related("run__ticket").first()
    return found is not None and sees(actor, found.run.ticket)


def still_true(ids: Collection[int]) -> Collection[int]:
    return set(FlowStep.objects.filter(pk__in=ids, state=FlowStep.State.OPEN).values_list("pk", flat=True))
