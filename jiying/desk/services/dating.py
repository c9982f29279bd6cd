"""How far what a sender says about an instant may lie from now: receipts of tickets, messages of customers.

Whoever may date things back may take breaches back: that needs the right to import.
"""

from datetime import datetime, timedelta

from jiying.base.actor import Actor
from jiying.base.errors import Fault

# A chat window or a telephone system notes the instant itself, and may need a second try to tell it: no history yet.
PAST = timedelta(seconds=60)
# A sender's clock may be a little fast; what it says counts from now on.
FAST = timedelta(seconds=5)
FIRST_YEAR = 2000


def faults(actor: Actor, field: str, at: datetime | None, now: datetime) -> list[Fault]:
    """What is wrong with an instant that a sender gives; None is now."""
    if at is None:
        return []
    if at > now + FAST:
        return [Fault(field, "in_future", {"value": at.isoformat()})]
    if now - at > PAST and "desk.import" not in actor.rights:
        return [Fault(field, "past_needs_right", {})]
    if at.year < FIRST_YEAR:
        return [Fault(field, "too_old", {"value": at.isoformat()})]
    return []


def instant(at: datetime | None, now: datetime) -> datetime:
    """Nothing is received after it is here."""
    return min(at or now, now)
