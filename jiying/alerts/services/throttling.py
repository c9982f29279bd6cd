"""The limits of robots, kept in the database for all workers together (`core.buckets`)."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jiying.alerts.models import Bucket
from jiying.alerts.services.posting import NotSent
from jiying.alerts.services.ways import TIMEOUT_S, Way
from jiying.base.connections import Open
from jiying.base.transactions import short
from jiying.core import buckets


@dataclass(frozen=True, slots=True)
class Token:
    """The right to send one message, that arrives at `latest` at the latest."""

    key: str
    latest: int


@dataclass(frozen=True, slots=True)
class Wait:
    until: datetime


def _key(way: Way, open: Open) -> str:
    return f"{way.kind}:{hashlib.sha256(way.address(open).encode()).hexdigest()[:40]}"


def free_at(way: Way, open: Open, now: datetime) -> datetime:
    """When the next message may go; a look only, `take` decides."""
    row = Bucket.objects.filter(key=_key(way, open)).first()
    return now if row is None else _free(row, way, open, now)


@short
def take(way: Way, open: Open, now: datetime) -> Token | Wait:
    """A token, or when to ask again."""
    key = _key(way, open)
    Bucket.objects.get_or_create(key=key)
    row = Bucket.objects.select_for_update().get(key=key)
    free = _free(row, way, open, now)
    if free > now:
        return Wait(free)
    latest = int(now.timestamp()) + TIMEOUT_S + 1
    row.taken = buckets.take(way.limits(open), row.taken, latest)
    row.save(update_fields=["taken"])
    return Token(key, latest)


@short
def put_right(token: Token, now: datetime) -> None:
    """The answer is there: the message arrived by now, not only at the latest instant thinkable."""
    row = Bucket.objects.select_for_update().get(key=token.key)
    row.taken = buckets.put_right(row.taken, token.latest, int(now.timestamp()) + 1)
    row.save(update_fields=["taken"])


def rest(way: Way, open: Open, error: NotSent, now: datetime) -> None:
    """The other side asked for a rest: nobody speaks to it until then."""
    if error.wait_s:
        Bucket.objects.filter(key=_key(way, open)).update(rests_until=now + timedelta(seconds=error.wait_s))


def _free(row: Bucket, way: Way, open: Open, now: datetime) -> datetime:
    second = int(now.timestamp())
    free = buckets.free_at(way.limits(open), row.taken, second)
    until = now if free <= second else datetime.fromtimestamp(free, UTC)
    return max(until, row.rests_until or until)
