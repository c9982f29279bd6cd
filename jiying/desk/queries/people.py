"""Agents as others see them: presence, load against capacity, who waits longest. For transfers and supervisors."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q, QuerySet, Sum

from jiying.base.actor import Actor
from jiying.base.models import Department, Person, Team
from jiying.desk.models import Ticket
from jiying.desk.policies import holders

ORDER = {"online": 0, "busy": 1, "away": 2, "break": 3, "offline": 4}
CARRIED = ("assigned", "accepted", "in_progress", "waiting")


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent with places taken and places in all (on one channel, or over all of them)."""

    id: int
    name: str
    team: str
    presence: str
    presence_reason: str
    n_open: int
    capacity: int
    oldest_at: datetime | None = None

    @property
    def key(self) -> str:
        """The id as forms write it, never with a thousands separator."""
        return str(self.id)

    @property
    def is_full(self) -> bool:
        return self.n_open >= self.capacity

    @property
    def permille(self) -> int:
        return min(1000, 1000 * self.n_open // self.capacity) if self.capacity else 1000


def _agents(people: QuerySet[Person], loads: Q) -> QuerySet[Person]:
    counted = people.filter(is_active=True, loads__isnull=False).select_related("team")
    return counted.annotate(n_open=Sum("loads__n_open", filter=loads), places=Sum("loads__capacity", filter=loads))


def _agent(person: Person, oldest_at: datetime | None = None) -> Agent:
    return Agent(
        id=person.pk,
        name=person.name,
        team=person.team.name if person.team else "",
        presence=person.presence,
        presence_reason=person.presence_reason,
        n_open=person.n_open or 0,  # type: ignore[attr-defined]
        capacity=person.places or 0,  # type: ignore[attr-defined]
        oldest_at=oldest_at,
    )


def to_transfer(actor: Actor, ticket: Ticket) -> list[Agent]:
    """Who could get a ticket: own team and who is there first, with the load on its channel."""
    able = holders() - {ticket.assignee_id}
    people = _agents(Person.objects.filter(pk__in=able), Q(loads__channel=ticket.channel))
    team_id = ticket.team_id or actor.team_id
    ranked = sorted(people, key=lambda p: (p.team_id != team_id, ORDER[p.presence], p.n_open or 0, p.name))  # type: ignore[attr-defined]
    return [_agent(person) for person in ranked]


def watched(actor: Actor) -> list[Agent]:
    """The agents whom a supervisor sees, with load over all channels and who has waited longest for a first answer."""
    people = Person.objects.all()
    if "desk.view_all" not in actor.rights:
        people = people.filter(team_id=actor.team_id) if actor.team_id else people.none()
    ranked = sorted(_agents(people, Q()), key=lambda p: (ORDER[p.presence], p.team_id or 0, p.name))
    oldest = dict(
        Ticket.objects.filter(
            assignee_id__in=[p.pk for p in ranked], ended_at__isnull=True, status__in=("assigned", "accepted")
        )
        .values_list("assignee_id")
        .annotate(at=Min("assigned_at"))
    )
    return [_agent(person, oldest.get(person.pk)) for person in ranked]


def teams() -> list[Team]:
    return list(Team.objects.order_by("name"))


def departments() -> list[Department]:
    return list(Department.objects.order_by("name"))


def names() -> list[tuple[int, str]]:
    """Agents to choose from in filters: (id, name)."""
    found = Person.objects.filter(is_active=True, loads__isnull=False).distinct()
    return list(found.order_by("name").values_list("pk", "name"))


def teams_above(line: int) -> list[tuple[str, str]]:
    """(code, name) of the teams of higher support lines that a ticket on this line can go up to."""
    rows = Team.objects.filter(support_line__line__gt=max(1, line)).order_by("support_line__line", "name")
    return list(rows.values_list("code", "name"))
