"""Agents' loads: a place is taken by compare-and-set and last, so that no agent is ever over capacity by routing.

Order of locks after the ticket and its clocks: route calls, then places by (person, channel).
"""

from collections.abc import Collection
from datetime import datetime

from django.db import connection
from django.db.models import Case, F, Value, When

from jiying.base.databases import prepared
from jiying.desk.models import AgentLoad, RouteCall, Ticket

DEFAULT_CAPACITY = {"phone": 1, "chat": 4, "email": 20, "social": 10, "web": 20, "other": 20}
CARRIED = frozenset({"assigned", "accepted", "in_progress", "waiting"})  # statuses that take up a place

_TAKE = """
UPDATE desk_agentload SET n_open = n_open + 1, idle_since = %s
WHERE person_id = %s AND channel = %s AND n_open < capacity"""


def take(person_id: int, channel: str, now: datetime) -> bool:
    """Take a place of an agent; False if there is none left (somebody was quicker)."""
    at = connection.ops.adapt_datetimefield_value(now)
    with prepared() as cursor:  # plain SQL: it is run for each ticket, while everybody waits for this row
        cursor.execute(_TAKE, [at, person_id, channel])
        return bool(cursor.rowcount)


def take_anyway(person_id: int, channel: str, now: datetime) -> None:
    """Add to a load by hand: a supervisor may go past the capacity, knowingly."""
    changed = AgentLoad.objects.filter(person_id=person_id, channel=channel).update(
        n_open=F("n_open") + 1, idle_since=now
    )
    if not changed:
        AgentLoad.objects.get_or_create(
            person_id=person_id,
            channel=channel,
            defaults={"capacity": DEFAULT_CAPACITY.get(channel, 10), "n_open": 1, "idle_since": now},
        )


def hold(people: Collection[int], channels: Collection[str]) -> None:
    """Lock several places in the one order, before two of them change: moves that cross do not wait in a ring."""
    rows = AgentLoad.objects.select_for_update(no_key=True).filter(person_id__in=people, channel__in=channels)
    list(rows.order_by("person_id", "channel").values_list("pk"))


def give_back(person_id: int, channel: str, now: datetime) -> None:
    """Free a place and call the router for this agent: the oldest fitting ticket of the queue is theirs (D24)."""
    call(person_id, now)
    AgentLoad.objects.filter(person_id=person_id, channel=channel).update(n_open=_one_less())


def change_channel(person_id: int, before: str, after: str, now: datetime) -> None:
    """A carried ticket takes up a place of another channel from now on."""
    call(person_id, now)
    hold([person_id], [before, after])
    AgentLoad.objects.filter(person_id=person_id, channel=before).update(n_open=_one_less())
    take_anyway(person_id, after, now)


def _one_less() -> Case:
    return Case(When(n_open__gt=0, then=F("n_open") - 1), default=Value(0))


def call(person_id: int, now: datetime) -> None:
    """Ask the worker to look through the queue for this agent."""
    fresh = {"wake_at": now, "parked_at": None, "attempts": 0}
    if not RouteCall.objects.filter(person_id=person_id).update(**fresh):
        RouteCall.objects.update_or_create(person_id=person_id, defaults=fresh)


def carried(ticket: Ticket) -> bool:
    return ticket.assignee_id is not None and ticket.status in CARRIED
