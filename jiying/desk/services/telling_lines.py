"""Who is told of what was handed up: the higher line's people, and the agent who stays responsible."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.urls import reverse

from jiying.alerts.services import raising
from jiying.base.actor import Actor
from jiying.base.models import Person
from jiying.base.subjects import Described, Point, Recipient
from jiying.desk.models import HandUp, Ticket
from jiying.desk.policies import sees
from jiying.desk.services.telling import ROLES

HERE = ("online", "busy")
LEADS = ROLES["supervisor"]


def _of_team(team_ids: Collection[int]) -> dict[int, tuple[list[int], list[int]]]:
    """{team: (who is there, who leads it)}; a team in which nobody is there counts all of its people."""
    people: dict[int, list[tuple[int, str]]] = defaultdict(list)
    rows = Person.objects.filter(is_active=True, team_id__in=team_ids).order_by("pk")
    leads = set(rows.filter(roles__code__in=LEADS).values_list("pk", flat=True))
    for pk, team, presence in rows.values_list("pk", "team_id", "presence"):
        people[team].append((pk, presence))
    found = {}
    for team, members in people.items():
        here = [pk for pk, presence in members if presence in HERE] or [pk for pk, _presence in members]
        found[team] = (here, [pk for pk, _presence in members if pk in leads])
    return found


def tell_team(up: HandUp, ticket: Ticket, now: datetime) -> list[int]:
    """A pop-up for those of the higher line who are there; returns whom the fact must ring for."""
    people, _leads = _of_team([up.team_id]).get(up.team_id, ([], []))
    _tell("ticket.handed_up", up, ticket, people, now)
    return people


def tell_back(up: HandUp, ticket: Ticket, now: datetime) -> list[int]:
    """The agent who stayed responsible hears at once that the answer is there."""
    people = [ticket.assignee_id] if ticket.assignee_id else []
    _tell("ticket.handed_back", up, ticket, people, now)
    return people


def _tell(kind: str, up: HandUp, ticket: Ticket, people: Sequence[int], now: datetime) -> None:
    """About the hand-up where it still waits, about the ticket once it is back."""
    waits = kind == "ticket.handed_up"
    notices = [
        raising.Notice(
            key=f"{kind}:{up.pk}:{person}",
            person_id=person,
            capacity="assignee" if person == ticket.assignee_id else "line",
            kind=kind,
            severity="warning",
            subject_kind="handup" if waits else "ticket",
            subject_id=up.pk if waits else ticket.pk,
            at=now,
            data={"line": up.line},
        )
        for person in people
    ]
    raising.raise_alerts(notices, now=now)


def recipients(held: Mapping[int, HandUp], points: Sequence[Point]) -> Mapping[Point, Sequence[Recipient]]:
    """Warnings go to the higher line; once it is late also to its leaders and to the agent who waits."""
    teams = _of_team({up.team_id for up in held.values()})
    tickets = {up.ticket_id for up in held.values()}
    agents = dict(Ticket.objects.filter(pk__in=tickets).values_list("pk", "assignee_id"))
    found = {}
    for point in points:
        up = held[point.subject_id]
        here, leads = teams.get(up.team_id, ([], []))
        people = dict.fromkeys(here, "line")
        if point.code not in ("warn1", "warn2"):
            people |= dict.fromkeys(leads, "supervisor")
            if agent := agents.get(up.ticket_id):
                people.setdefault(agent, "assignee")
        found[point] = [Recipient(person, capacity) for person, capacity in people.items()]
    return found


def describe(ids: Collection[int]) -> Mapping[int, Described]:
    rows = HandUp.objects.filter(pk__in=ids).select_related("ticket", "team")
    return {
        up.pk: Described(
            f"{up.ticket.number} · {up.team.name}",
            up.ticket.subject,
            reverse("desk:ticket", args=[up.ticket.number]),
            up.ticket.priority,
        )
        for up in rows
    }


def visible(actor: Actor, hand_up_id: int) -> bool:
    found = HandUp.objects.filter(pk=hand_up_id).select_related("ticket").first()
    return found is not None and sees(actor, found.ticket)


def still_true(ids: Collection[int]) -> Collection[int]:
    return set(HandUp.objects.filter(pk__in=ids, state=HandUp.State.ASKED).values_list("pk", flat=True))
