"""The agent's desk (工作台): three numbers, one's own tickets by due time, the queue to take from."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q

from jiying.base.actor import Actor
from jiying.desk.models import Ticket
from jiying.desk.policies import reach
from jiying.desk.queries import ordered
from jiying.desk.queries.rows import TicketRow, rows, with_people

SOON = timedelta(minutes=30)
MINE_SHOWN = 100
QUEUE_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Numbers:
    """What presses now among somebody's own tickets."""

    due_soon: int
    breached: int
    to_accept: int


@dataclass(frozen=True, slots=True)
class Work:
    numbers: Numbers
    mine: list[TicketRow]
    queue: list[TicketRow]


def work(actor: Actor, now: datetime) -> Work:
    """Everything on an agent's desk, in a number of queries that does not depend on how much there is."""
    mine = ordered.by_due([Q(assignee_id=actor.id)], MINE_SHOWN)
    queued = ordered.by_due(_queue(actor), QUEUE_SHOWN)
    found = ordered.loaded(with_people(Ticket.objects.all()), [*mine, *queued])
    shown = {row.id: row for row in rows(found, now)}
    return Work(
        _numbers(actor, now), [shown[pk] for pk in mine if pk in shown], [shown[pk] for pk in queued if pk in shown]
    )


def _queue(actor: Actor) -> list[Q]:
    """What waits for somebody in the queues that the actor serves: their team's, and nobody's in particular."""
    waiting = Q(assignee__isnull=True, status="new")
    if actor.team_id is not None:
        return [way & waiting & Q(**team) for way in reach(actor) for team in _queues(actor.team_id)]
    return [way & waiting for way in reach(actor)]


def _queues(team_id: int) -> tuple[dict[str, object], ...]:
    return {"team_id": team_id}, {"team__isnull": True}


def next_number(actor: Actor, without: str) -> str | None:
    """The most urgent of one's own tickets that one can do something about, besides the one just left."""
    mine = Ticket.objects.filter(assignee_id=actor.id, status__in=("assigned", "accepted", "in_progress"))
    rest = mine.exclude(number=without).order_by(F("next_due_at").asc(nulls_last=True), "pk")
    return rest.values_list("number", flat=True).first()


def _numbers(actor: Actor, now: datetime) -> Numbers:
    counted = Ticket.objects.filter(assignee_id=actor.id, ended_at__isnull=True).aggregate(
        due_soon=Count("pk", filter=Q(next_due_at__gt=now, next_due_at__lte=now + SOON)),
        breached=Count("pk", filter=Q(is_late=True)),
        to_accept=Count("pk", filter=Q(status="assigned")),
    )
    return Numbers(**counted)
