"""Agents as others see them: presence, load against capacity, who waits longest. For transfers and supervisors."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Min, Q, QuerySet, Sum

from jiying.base.actor import Actor
from jiying.base.errors import Fault
from jiying.base.models import Department, Person, Team
from jiying.desk.models import Ticket
from jiying.desk.policies import could_hold, holders, visible

ORDER = {"online": 0, "busy": 1, "away": 2, "break": 3, "offline": 4}
CARRIED = ("assigned", "accepted", "in_progress", "waiting")
_NEVER = datetime.max.replace(tzinfo=UTC)


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
    n_tickets: int = 0  # open ones that the reader may see; places are only taken by those that are worked on
    n_late: int = 0

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


def _agent(person: Person, held: "Held | None" = None) -> Agent:
    held = held or Held()
    return Agent(
        id=person.pk,
        name=person.name,
        team=person.team.name if person.team else "",
        presence=person.presence,
        presence_reason=person.presence_reason,
        n_open=person.n_open or 0,  # type: ignore[attr-defined]
        capacity=person.places or 0,  # type: ignore[attr-defined]
        oldest_at=held.oldest_at,
        n_tickets=held.n_tickets,
        n_late=held.n_late,
    )


def to_transfer(actor: Actor, ticket: Ticket) -> list[Agent]:
    """Who could get a ticket: own team and who is there first, with the load on its channel."""
    able = holders() - {ticket.assignee_id}
    people = _agents(Person.objects.filter(pk__in=able), Q(loads__channel=ticket.channel))
    team_id = ticket.team_id or actor.team_id
    ranked = sorted(people, key=lambda p: (p.team_id != team_id, ORDER[p.presence], p.n_open or 0, p.name))  # type: ignore[attr-defined]
    return [_agent(person) for person in ranked]


def to_take_many(actor: Actor) -> list[Agent]:
    """Who could get tickets of several kinds: own team and who is there first, with the load over all channels."""
    people = _agents(Person.objects.filter(pk__in=holders()), Q())
    ranked = sorted(
        people,
        key=lambda p: (p.team_id != actor.team_id, ORDER[p.presence], p.n_open or 0, p.name),  # type: ignore[attr-defined]
    )
    return [_agent(person) for person in ranked]


@dataclass(frozen=True, slots=True)
class Held:
    """What an agent holds: since when the first one waits for an answer, how many tickets, how many of them late."""

    oldest_at: datetime | None = None
    n_tickets: int = 0
    n_late: int = 0


def watched(actor: Actor, only: int | None = None) -> list[Agent]:
    """The agents whom a supervisor sees (or one of them): who is there first, among them who needs help most."""
    people = Person.objects.all() if only is None else Person.objects.filter(pk=only)
    if "desk.view_all" not in actor.rights:
        people = people.filter(team_id=actor.team_id) if actor.team_id else people.none()
    found = list(_agents(people, Q()))
    held = _held(actor, [person.pk for person in found]) if only is not None else _kept_held(actor, found)
    return sorted((_agent(person, held.get(person.pk)) for person in found), key=_need)


def _need(agent: Agent) -> tuple[int, int, datetime, int, str]:
    """Late tickets first, then who keeps somebody waiting longest, then who has the fewest places left."""
    return ORDER[agent.presence], -agent.n_late, agent.oldest_at or _NEVER, -agent.permille, agent.name


# Counting a million open tickets takes a third of a second; what was dear to count stands for ten times as long.
_DEAR_S, _STANDS = 0.05, 10
_kept: dict[tuple[object, ...], tuple[float, dict[int, Held]]] = {}


def _kept_held(actor: Actor, found: list[Person]) -> dict[int, Held]:
    """What everybody holds: exact at any size that a desk has, some seconds old where counting it is dear."""
    key = (actor.id, actor.team_id, actor.rights)
    until, held = _kept.get(key, (0.0, {}))
    began = time.monotonic()
    if began < until:
        return held
    _kept.pop(key, None)
    held = _held(actor, [person.pk for person in found])
    took_s = time.monotonic() - began
    if took_s > _DEAR_S:
        _kept[key] = (began + took_s * _STANDS, held)
    return held


def forget() -> None:
    """Drop what is kept (between tests)."""
    _kept.clear()


def _held(actor: Actor, ids: list[int]) -> dict[int, Held]:
    """What each of these holds, as far as the actor may see it, in one query."""
    tickets = Ticket.objects.filter(visible(actor), assignee_id__in=ids, ended_at__isnull=True)
    counted = tickets.values("assignee_id").annotate(
        oldest=Min("assigned_at", filter=Q(status__in=("assigned", "accepted"))),
        n=Count("pk"),
        n_late=Count("pk", filter=Q(is_late=True)),
    )
    return {row["assignee_id"]: Held(row["oldest"], row["n"], row["n_late"]) for row in counted.order_by()}


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


def why_not(ticket: Ticket, to: str) -> str:
    """Why a ticket could not go to whom it was dragged (`person:ID`), in words; empty: nothing speaks against it."""
    kind, _colon, pk = to.partition(":")
    if kind != "person" or not (pk.isascii() and pk.isdecimal() and len(pk) < 16):
        return ""
    person = Person.objects.filter(pk=int(pk), is_active=True).first()
    if person is None:
        return Fault("to", "not_found", {"kind": "person", "key": pk}).text
    return "" if could_hold(person) else Fault("to", "cannot_hold", {"name": person.name}).text


def of_department(department_id: int) -> list[tuple[int, str]]:
    """(id, name) of its active people."""
    rows = Person.objects.filter(is_active=True, department_id=department_id)
    return list(rows.order_by("name").values_list("pk", "name"))
