"""Who is told of a ticket's due points and escalations (C18), and what the desk does when one comes (D4)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.urls import reverse

from jiying.alerts.services import raising
from jiying.alerts.services.reading import withdraw
from jiying.base.actor import Actor
from jiying.base.models import Person
from jiying.base.settings_store import get
from jiying.base.subjects import Described, Point, Recipient
from jiying.desk.models import Collaboration, Ticket
from jiying.desk.models.tickets import ENDED
from jiying.desk.policies import sees
from jiying.desk.services import line_setup
from jiying.desk.services.holding import KIND, wake

# point: who is told. A ticket not accepted in time is the supervisor's, not once more its agent's.
TOLD = {"warn1": ("assignee",), "warn2": ("assignee",), "due": ("assignee", "supervisor")}
TOLD_ACCEPT = {"warn1": ("assignee",), "warn2": ("assignee",), "due": ("supervisor",)}
ASSIGNED = "ticket.assigned"
TOLD_LATE = ("supervisor", "manager")
ROLES = {"supervisor": ("lead", "supervisor"), "manager": ("manager",)}


def _people_by_role() -> dict[str, list[tuple[int, int | None]]]:
    """{capacity: [(person, team)]} of those who watch over others; one query for a whole batch of points."""
    found: dict[str, list[tuple[int, int | None]]] = defaultdict(list)
    rows = Person.objects.filter(is_active=True, roles__code__in=[r for codes in ROLES.values() for r in codes])
    for pk, team, role in rows.values_list("pk", "team_id", "roles__code").order_by("pk"):
        for capacity, codes in ROLES.items():
            if role in codes:
                found[capacity].append((pk, team))
    return found


def _of_team(people: Iterable[tuple[int, int | None]], team_id: int | None) -> list[int]:
    """The supervisors of a team; where it has none, all of them, so that no alert is told to nobody."""
    rows = list(people)
    own = [pk for pk, team in rows if team is not None and team == team_id]
    return list(dict.fromkeys(own or [pk for pk, _team in rows]))


def recipients(held: Mapping[int, Ticket], points: Sequence[Point]) -> Mapping[Point, Sequence[Recipient]]:
    """Per point the people to tell: assignee, supervisors of the team, and the next level when it stays late."""
    watchers = _people_by_role()
    return {p: _for_ticket(held[p.subject_id], p, watchers) for p in points if p.subject_id in held}


def _for_ticket(ticket: Ticket, point: Point, watchers: Mapping[str, list[tuple[int, int | None]]]) -> list[Recipient]:
    if ticket.status in ENDED:
        return []
    table = TOLD_ACCEPT if point.metric == "accept" else TOLD
    found: dict[int, str] = {}
    for capacity in table.get(point.code, TOLD_LATE):
        if capacity == "assignee":
            people = [ticket.assignee_id] if ticket.assignee_id else _of_team(watchers["supervisor"], ticket.team_id)
        else:
            people = _of_team(watchers[capacity], ticket.team_id)
        for person in people:
            found.setdefault(person, capacity)
    return [Recipient(person, capacity) for person, capacity in found.items()]


def describe(ids: Collection[int]) -> Mapping[int, Described]:
    rows = Ticket.objects.filter(pk__in=ids).values_list("pk", "number", "subject", "priority")
    return {
        pk: Described(number, subject, reverse("desk:ticket", args=[number]), priority)
        for pk, number, subject, priority in rows
    }


def visible(actor: Actor, ticket_id: int) -> bool:
    ticket = Ticket.objects.filter(pk=ticket_id).first()
    return ticket is not None and sees(actor, ticket)


def still_true(ids: Collection[int]) -> Collection[int]:
    """Tickets that still matter: neither ended nor resolved."""
    rows = Ticket.objects.filter(pk__in=ids, ended_at__isnull=True).exclude(status="resolved")
    return set(rows.values_list("pk", flat=True))


def on_clock(held: Mapping[int, Ticket], points: Sequence[Point], now: datetime) -> None:
    """The accept rule (D4): not accepted in time, and so configured, the ticket is routed to somebody else.

    A late ticket may go up a line by rule (D24a). By timers, in transactions of their own: the sweep of clocks never
    waits for an agent's row.
    """
    goes_up = any(rule.event == "late" for rule in line_setup.rules(now))
    for point in points if goes_up else ():
        if point.code == "due" and point.metric in ("first_response", "next_response", "resolution"):
            wake(held[point.subject_id], "up_late", now)
    if not get("desk.reroute_unaccepted"):
        return
    for point in points:
        ticket = held[point.subject_id]
        late = point.metric == "accept" and point.code == "due"
        if late and ticket.status == "assigned" and ticket.public_reply_at is None:
            wake(ticket, "reroute", now)


def tell_assigned(ticket: Ticket, now: datetime) -> None:
    """The agent who was chosen sees a pop-up at once: the accept clock runs from this instant."""
    if ticket.assignee_id is None:
        return
    raising.raise_once(
        raising.Notice(
            key=f"{ASSIGNED}:{ticket.pk}:{ticket.revision}:{ticket.assignee_id}",
            person_id=ticket.assignee_id,
            capacity="assignee",
            kind=ASSIGNED,
            severity="notice",
            subject_kind=KIND,
            subject_id=ticket.pk,
            at=now,
        ),
        now=now,
    )


def assigned_is_settled(ticket: Ticket, now: datetime) -> None:
    """Accepted, or given to somebody else: the pop-up leaves the screen."""
    withdraw(KIND, [ticket.pk], now, kind=ASSIGNED)


def tell_escalated(ticket: Ticket, now: datetime) -> list[int]:
    """An escalated ticket alerts its agent and supervisors at once (C18). Returns whom the fact must ring for."""
    people = {pk: "supervisor" for pk in _of_team(_people_by_role()["supervisor"], ticket.team_id)}
    if ticket.assignee_id:
        people[ticket.assignee_id] = "assignee"
    return _tell_at_once(ticket, "ticket.escalated", people, now)


def tell_vip(ticket: Ticket, now: datetime) -> list[int]:
    """A VIP's ticket alerts the responsible at arrival (C18): its agent, or the supervisors while it has none."""
    if ticket.assignee_id:
        people = {ticket.assignee_id: "assignee"}
    else:
        people = {pk: "supervisor" for pk in _of_team(_people_by_role()["supervisor"], ticket.team_id)}
    return _tell_at_once(ticket, "ticket.vip", people, now)


def _tell_at_once(ticket: Ticket, kind: str, people: Mapping[int, str], now: datetime) -> list[int]:
    raising.raise_alerts(
        [
            raising.Notice(
                key=f"{kind}:{ticket.pk}:{ticket.escalation}:{person}",
                person_id=person,
                capacity=capacity,
                kind=kind,
                severity="critical" if kind == "ticket.escalated" else "warning",
                subject_kind=KIND,
                subject_id=ticket.pk,
                at=now,
                data={"level": ticket.escalation},
            )
            for person, capacity in people.items()
        ],
        now=now,
    )
    return list(people)


# --- collaboration requests ------------------------------------------------------------------------------------------


def collaboration_recipients(
    held: Mapping[int, Collaboration], points: Sequence[Point]
) -> Mapping[Point, Sequence[Recipient]]:
    """The person asked, or all responders of the department; when late also who asked and their supervisors."""
    watchers = _people_by_role()["supervisor"]
    responders: dict[int, list[int]] = defaultdict(list)
    departments = {c.department_id for c in held.values()}
    rows = Person.objects.filter(is_active=True, department_id__in=departments, roles__code="responder")
    for pk, department in rows.values_list("pk", "department_id"):
        responders[department].append(pk)
    teams = dict(Person.objects.filter(pk__in={c.asked_by_id for c in held.values()}).values_list("pk", "team_id"))
    found = {}
    for point in points:
        asked = held[point.subject_id]
        people = {p: "responder" for p in ([asked.person_id] if asked.person_id else responders[asked.department_id])}
        if point.code not in ("warn1", "warn2"):
            if asked.asked_by_id:
                people.setdefault(asked.asked_by_id, "asker")
            for person in _of_team(watchers, teams.get(asked.asked_by_id or 0)):
                people.setdefault(person, "supervisor")
        found[point] = [Recipient(person, capacity) for person, capacity in people.items()]
    return found


def describe_collaborations(ids: Collection[int]) -> Mapping[int, Described]:
    rows = Collaboration.objects.filter(pk__in=ids).select_related("ticket", "department")
    return {
        c.pk: Described(
            f"{c.ticket.number} · {c.department.label}",
            c.question[:80],
            reverse("desk:ticket", args=[c.ticket.number]) + f"#collaboration-{c.pk}",
            c.ticket.priority,
        )
        for c in rows
    }


def collaboration_visible(actor: Actor, collaboration_id: int) -> bool:
    found = Collaboration.objects.filter(pk=collaboration_id).select_related("ticket").first()
    return found is not None and sees(actor, found.ticket)


def collaborations_still_true(ids: Collection[int]) -> Collection[int]:
    return set(Collaboration.objects.filter(pk__in=ids, state="asked").values_list("pk", flat=True))
