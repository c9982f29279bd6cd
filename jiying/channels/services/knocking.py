"""Limits for those who have no account: how often one address, one key or one chat may do a thing within a time.

One statement counts; two that come together are both counted. Nothing is kept of an address but a hash with our key.
"""

from datetime import datetime, timedelta

from django.db import connection
from django.utils.crypto import salted_hmac

from jiying.base.errors import TooMany
from jiying.channels.models import Knock

_COUNT = """
INSERT INTO channels_knock (key, n, until) VALUES (%s, 1, %s)
ON CONFLICT (key) DO UPDATE SET n = channels_knock.n + 1 RETURNING n"""


def knock(what: str, who: object, limit: int, window: timedelta, now: datetime) -> None:
    """Count once more; refused beyond `limit` within the window that `now` lies in."""
    length = int(window.total_seconds())
    start = int(now.timestamp()) // length * length
    until = datetime.fromtimestamp(start + length, now.tzinfo)
    mark = salted_hmac("jiying.knock", f"{what} {who}").hexdigest()[:32]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [f"{what}:{mark}:{start}", connection.ops.adapt_datetimefield_value(until)])
        n = int(cursor.fetchone()[0])
    if n > limit:
        raise TooMany.one("knocked_too_often", minutes=max(1, round((until - now).total_seconds() / 60)))


def drop_old(at: datetime) -> None:
    Knock.objects.filter(until__lt=at).delete()
