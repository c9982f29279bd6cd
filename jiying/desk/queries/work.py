"""The agent's desk (工作台): three numbers, one's own tickets by due time, the queue to take from."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q

from jiying.base.actor import Actor
from jiying.desk.models import Ticket
from jiying.desk.policies import visible
from jiying.desk.queries.rows import TicketRow, rows, with_people

SOON = timedelta(minutes=30)
MINE_SHOWN = 100
QUEUE_SHOWN = 30
BY_DUE = (F("next_due_at").asc(nulls_last=True), "pk")


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
    """Everything on an agent's desk, in four queries."""
    mine = Ticket.objects.filter(assignee_id=actor.id, ended_at__isnull=True)
    waiting = Ticket.objects.filter(visible(actor), ended_at__isnull=True, assignee__isnull=True, status="new")
    if actor.team_id:
        waiting = waiting.filter(Q(team_id=actor.team_id) | Q(team__isnull=True))
    held = list(with_people(mine).order_by(*BY_DUE)[:MINE_SHOWN])
    queued = list(with_people(waiting).order_by(*BY_DUE)[:QUEUE_SHOWN])
    shown = {row.id: row for row in rows([*held, *queued], now)}
    return Work(_numbers(actor, now), [shown[t.pk] for t in held], [shown[t.pk] for t in queued])


def _numbers(actor: Actor, now: datetime) -> Numbers:
    counted = Ticket.objects.filter(assignee_id=actor.id, ended_at__isnull=True).aggregate(
        due_soon=Count("pk", filter=Q(next_due_at__gt=now, next_due_at__lte=now + SOON)),
        breached=Count("pk", filter=Q(is_late=True)),
        to_accept=Count("pk", filter=Q(status="assigned")),
    )
    return Numbers(**counted)
