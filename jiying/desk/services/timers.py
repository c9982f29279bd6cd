"""What happens to tickets by itself: closing after silence (C13b), routing again what nobody could take (D24)."""

from collections.abc import Sequence
from datetime import datetime

from jiying.base import due
from jiying.base.actor import SYSTEM
from jiying.clocks.queries import second_of
from jiying.core import lifecycle
from jiying.desk.models import Ticket, TicketTimer
from jiying.desk.services import lapsing, lines, routing
from jiying.desk.services.holding import fact, lock_many, settle

UP = {"up_opened": "opened", "up_late": "late"}  # timers after which a rule may hand the ticket up (D24a)


def serve_timers(ids: Sequence[int], now: datetime) -> int:
    """Serve due timers in the caller's transaction: the tickets first, then the timers, then the work."""
    wanted = dict(TicketTimer.objects.filter(pk__in=ids, wake_at__lte=now).values_list("pk", "ticket_id"))
    held = lock_many(set(wanted.values()), True)
    mine = [pk for pk, ticket in wanted.items() if ticket in held]
    if not mine:
        return 0
    claimed = due.claim(TicketTimer, mine, now)
    kinds = dict(TicketTimer.objects.filter(pk__in=claimed).values_list("pk", "kind"))
    for pk in sorted(claimed):
        if kinds[pk] == "close":
            _close_after_silence(held[wanted[pk]], now)
        elif kinds[pk] == "reroute":
            routing.route_unaccepted(held[wanted[pk]], now)
        elif kinds[pk] in UP:
            _up_by_rule(held[wanted[pk]], UP[kinds[pk]], now)
    routing.route_waiting([wanted[pk] for pk in sorted(claimed) if kinds[pk] == "route"], now)
    return len(claimed)


def _up_by_rule(ticket: Ticket, event: str, now: datetime) -> None:
    if facts := lines.by_rule(ticket, event, now):
        settle(SYSTEM, ticket, facts, now=now)


def _close_after_silence(ticket: Ticket, now: datetime) -> None:
    """The confirmation period passed: the resolution ends as of the solved mark, and the ticket is closed."""
    if ticket.status != lifecycle.RESOLVED:
        return
    ticket.status, ticket.ended_at = lifecycle.CLOSED, now
    as_of = second_of(ticket.resolved_at) if ticket.resolved_at else None
    ended = fact(ticket, "closed", now, {"after_silence": True, "as_of": as_of})
    settle(SYSTEM, ticket, [*lapsing.lapse_all(ticket, now), ended], now=now)
