"""Page markers: the sort values of a page's last row as opaque text, so that pages never shift or repeat rows.

A marker is made by us, but comes back from outside: whatever it holds is checked, and a bad one is refused.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from jiying.base.errors import Invalid

MAX_LENGTH = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_INT = 2**63 - 1


def encode(order: str, *values: int | None) -> str:
    """The marker after a row with these sort values, for lists in this `order` only."""
    return base64.urlsafe_b64encode(json.dumps([order, *values]).encode()).decode().rstrip("=")


def decode(order: str, marker: str, count: int) -> Sequence[int | None]:
    """The `count` values of a marker; Invalid `bad_cursor` if it is not one of this order."""
    try:
        padded = marker + "=" * (-len(marker) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise Invalid.one("cursor", "bad_cursor") from None
    if not isinstance(found, list) or len(found) != count + 1 or found[0] != order:
        raise Invalid.one("cursor", "bad_cursor")
    if not all(v is None or (type(v) is int and abs(v) <= _MAX_INT) for v in found[1:]):
        raise Invalid.one("cursor", "bad_cursor")
    return found[1:]


def micros(at: datetime | None) -> int | None:
    """An instant as whole microseconds, as exact as the databases keep it."""
    return None if at is None else (at - _EPOCH) // timedelta(microseconds=1)


def instant(value: int) -> datetime:
    """The instant of a marker's value; Invalid `bad_cursor` beyond the calendar."""
    try:
        return _EPOCH + timedelta(microseconds=value)
    except OverflowError:
        raise Invalid.one("cursor", "bad_cursor") from None
