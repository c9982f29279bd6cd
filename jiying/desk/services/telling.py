"""Who is told of a ticket's due points and escalations (C18), and what the desk does when one comes (D4)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone

from jiying.alerts.queries import duty
from jiying.alerts.services import raising
from jiying.alerts.services.reading import withdraw
from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.models import Person
from jiying.base.settings_store import get
from jiying.base.subjects import Described, Point, Recipient
from jiying.clocks import queries as clocks
from jiying.core import alerting
from jiying.desk.models import Collaboration, Ticket
from jiying.desk.models.tickets import ENDED
from jiying.desk.policies import sees
from jiying.desk.services import line_setup
from jiying.desk.services.holding import KIND, wake

ASSIGNED = "ticket.assigned"
ROLES = {"supervisor": ("lead", "supervisor"), "manager": ("manager",)}


@dataclass(frozen=True, slots=True)
class Watch:
    """All that decides whom an occasion is told, read once for a batch: the plan, people by role, who is on call."""

    plan: alerting.Plan
    by_role: Mapping[str, list[tuple[int, int | None]]]
    duty: duty.Duty

    def told(self, ticket: Ticket, point: str, metric: str, at: datetime) -> list[Recipient]:
        """The people whom the plan's rule names for this ticket, each once, in the first capacity that fits."""
        rule = self.plan.decide(self.occasion(ticket, point, metric, at))
        found: dict[int, Recipient] = {}
        for capacity, ways in rule.tell.items() if rule else ():
            if capacity not in alerting.TICKET_CAPACITIES:
                continue
            filled, people = self.people(capacity, ticket)
            for person in people:
                found.setdefault(person, Recipient(person, filled, ways))
        return list(found.values())

    def occasion(self, ticket: Ticket, point: str, metric: str, at: datetime) -> alerting.Occasion:
        return alerting.Occasion(point, metric, ticket.priority, ticket.tier, self._hours(at))

    def _hours(self, at: datetime) -> str:
        """Whether the calendar that the plan names is open; a plan without one knows no closed hours."""
        number = documents.in_force("calendar", at).get(self.plan.calendar)
        if number is None:
            return "open"
        return "open" if clocks.calendar(self.plan.calendar, number).is_open(clocks.second_of(at)) else "closed"

    def people(self, capacity: str, ticket: Ticket) -> tuple[str, list[int]]:
        """Who fills a capacity. Where nobody does, the supervisors: no alert is told to nobody."""
        if capacity == "assignee" and ticket.assignee_id:
            return capacity, [ticket.assignee_id]
        if capacity == "on_call" and (people := self.duty.of_team(ticket.team_id)):
            return capacity, people
        role = "manager" if capacity == "manager" and self.by_role["manager"] else "supervisor"
        return role, _of_team(self.by_role[role], ticket.team_id)


def watch(now: datetime) -> Watch:
    return Watch(duty.plan(now), _people_by_role(), duty.duty(now))


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
    """Per point the people to tell, as the alert plan says."""
    known = watch(max((p.noticed_at for p in points), default=timezone.now()))
    found = {}
    for point in points:
        ticket = held.get(point.subject_id)
        if ticket is not None:
            ended = ticket.status in ENDED
            found[point] = [] if ended else known.told(ticket, point.code, point.metric, point.noticed_at)
    return found


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
    """An escalated ticket alerts at once (C18). Returns whom the fact must ring for."""
    return _tell_at_once(ticket, "escalated", now)


def tell_vip(ticket: Ticket, now: datetime) -> list[int]:
    """A VIP's ticket alerts the responsible at arrival (C18): its agent, or the supervisors while it has none."""
    return _tell_at_once(ticket, "vip", now)


def people_for(ticket: Ticket, place: str, now: datetime) -> list[tuple[int, str]]:
    """(person, capacity) of who fills a place at a ticket: assignee, leads or managers; the supervisors where nobody
    does."""
    capacity = {"leads": "supervisor", "managers": "manager"}.get(place, place)
    filled, people = watch(now).people(capacity, ticket)
    return [(person, filled) for person in people]


def _tell_at_once(ticket: Ticket, point: str, now: datetime) -> list[int]:
    people = watch(now).told(ticket, point, "", now)
    raising.raise_alerts(
        [
            raising.Notice(
                key=f"ticket.{point}:{ticket.pk}:{ticket.escalation}:{one.person_id}",
                person_id=one.person_id,
                capacity=one.capacity,
                kind=f"ticket.{point}",
                severity="critical" if point == "escalated" else "warning",
                subject_kind=KIND,
                subject_id=ticket.pk,
                at=now,
                data={"level": ticket.escalation},
                ways=one.ways,
            )
            for one in people
        ],
        now=now,
    )
    return [one.person_id for one in people]


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
        named = [asked.person_id, *asked.helpers] if asked.person_id else []
        people = {p: "responder" for p in (named or responders[asked.department_id])}
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
