"""Events sent again to a subscriber: one from the log, or all of a period from the journal, those never noted too."""

from datetime import datetime, timedelta

from jiying.base import connections, journal
from jiying.base.actor import Actor
from jiying.base.errors import Invalid, NotFound
from jiying.base.models import Connection, JournalPosition
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.channels.models import HookDelivery
from jiying.channels.services import hooks_out
from jiying.core import hook_events

State = HookDelivery.State
MAX_FACTS = 200_000  # of the journal are read for one replay
LONGEST = timedelta(days=31)
_AGAIN = {"state": State.WAITING, "parked_at": None, "attempts": 0, "failing_since": None}


@short
def one(*, actor: Actor, delivery_id: int, now: datetime) -> HookDelivery:
    """Send one event again, whatever became of it; its id stays."""
    require(actor, connections.RIGHT)
    row = HookDelivery.objects.select_for_update().filter(pk=delivery_id).first()
    if row is None:
        raise NotFound("hook_delivery", delivery_id)
    HookDelivery.objects.filter(pk=row.pk).update(wake_at=now, **_AGAIN)
    _note(actor, row.connection_id, now, {"position": row.position})
    row.refresh_from_db()
    return row


@short
def period(*, actor: Actor, code: str, since: datetime, until: datetime, now: datetime) -> int:
    """Send the chosen events of a period again, in order; returns how many."""
    require(actor, connections.RIGHT)
    row = Connection.objects.filter(code=code, kind=hooks_out.KIND).first()
    if row is None:
        raise NotFound("connection", code)
    if not timedelta(0) < until - since <= LONGEST:
        raise Invalid.one("until", "replay_length", days=LONGEST.days)
    begin, end = _position(since), _position(until)
    if end - begin > MAX_FACTS:
        raise Invalid.one("until", "replay_many", limit=MAX_FACTS)
    chosen = row.options.get("events", [])
    inside = HookDelivery.objects.filter(connection=row, position__gt=begin, position__lte=end, event__in=chosen)
    _make(row, begin, end, chosen)
    n = inside.update(wake_at=now, **_AGAIN)
    _note(actor, row.pk, now, {"since": since.isoformat(), "until": until.isoformat(), "n": n})
    return n


def _make(row: Connection, begin: int, end: int, chosen: list[str]) -> None:
    """What was never noted: the subscription was switched off then, or made later."""
    while begin < end and (found := journal.after(begin, 2000)):
        begin = found[-1].position
        made = [
            HookDelivery(connection=row, entry=place.entry, position=place.position, event=event,
                         created_at=place.entry.recorded_at)
            for place in found
            if place.position <= end
            and place.entry.subject_kind == "ticket"
            and place.entry.kind in hook_events.KINDS
            and (event := hook_events.event_of(place.entry.kind, place.entry.data)) in chosen
        ]  # fmt: skip
        HookDelivery.objects.bulk_create(made, ignore_conflicts=True)


def _position(at: datetime) -> int:
    """The last position recorded before an instant: positions follow the time of recording closely."""
    low, high = 0, JournalPosition.objects.order_by("-position").values_list("position", flat=True).first() or 0
    while low < high:
        middle = (low + high + 1) // 2
        recorded_at = JournalPosition.objects.values_list("entry__recorded_at", flat=True).get(position=middle)
        low, high = (middle, high) if recorded_at < at else (low, middle - 1)
    return low


def _note(actor: Actor, connection_id: int, now: datetime, data: dict[str, object]) -> None:
    journal.record(actor, [journal.Fact("connection", connection_id, "connection.replayed", now, data)], now=now)
