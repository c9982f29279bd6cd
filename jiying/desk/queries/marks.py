"""What floors above know of a ticket's messages and show beside them: sent, failed, public. From `AppConfig.ready`.

Each teller answers for all messages of a page at once, in a number of queries that does not depend on how many.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jiying.base.actor import Actor
from jiying.desk.models import Ticket


@dataclass(frozen=True, slots=True)
class Mark:
    """A word under a message, or beside the ticket's name; `again` is where to post to have it tried again, by a button
    that says `verb`, or else that it is sent again."""

    text: Any
    icon: str
    hue: str = "grey"
    why: str = ""
    again: str = ""
    verb: Any = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The messages of a ticket that a reader is shown: (id, kind)."""

    actor: Actor
    ticket: Ticket
    messages: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Told:
    """Marks of messages by id, those of the ticket itself, and what its writer must know before an answer."""

    messages: Mapping[int, Sequence[Mark]]
    ticket: Sequence[Mark] = ()
    before_writing: Sequence[Any] = ()


TELLERS: list[Callable[[Asked], Told]] = []


def told(asked: Asked) -> Told:
    """What all of them know together."""
    found = [tell(asked) for tell in TELLERS]
    messages: dict[int, list[Mark]] = defaultdict(list)
    for one in found:
        for pk, marks in one.messages.items():
            messages[pk].extend(marks)
    return Told(
        dict(messages),
        tuple(mark for one in found for mark in one.ticket),
        tuple(text for one in found for text in one.before_writing),
    )
