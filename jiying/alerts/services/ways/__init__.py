"""Ways out beside mail: one `send` for each kind of connection, and what a message is (C19).

A way knows no alerts and no tables: it gets an open connection and a finished message, and raises `NotSent`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jiying.alerts.services.posting import NotSent
from jiying.base import outgoing
from jiying.base.connections import Open
from jiying.core.buckets import Limit
from jiying.core.robots import Item, Verdict

TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Message:
    """What goes out. `key` is the same on every try; `phone` is whose a text message is."""

    key: str
    heading: str
    items: tuple[Item, ...]
    at_ms: int
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How a kind of connection is spoken: at most `n_items` alerts in one message, and the limits of the other side.

    `address` names what the limits are about: the same robot may stand in several connections.
    """

    kind: str
    send: Callable[[Open, Message], None]
    n_items: int
    limits: Callable[[Open], tuple[Limit, ...]]
    address: Callable[[Open], str]


WAYS: dict[str, Way] = {}


def register(*ways: Way) -> None:
    WAYS.update({way.kind: way for way in ways})


def ask(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> outgoing.Answer:
    """One request; raises NotSent where no answer came."""
    try:
        return outgoing.request(method, url, body=body, headers=headers, timeout_s=TIMEOUT_S, limit=20_000)
    except outgoing.Refused as error:
        raise NotSent(str(error)) from error
    except outgoing.Unreachable as error:
        raise NotSent(str(error), maybe=error.maybe) from error


def hear(verdict: Verdict | None) -> None:
    """Raises NotSent for an answer that says no."""
    if verdict is not None and verdict.error:
        raise NotSent(verdict.error, wait_s=verdict.wait_s, final=verdict.is_final)
