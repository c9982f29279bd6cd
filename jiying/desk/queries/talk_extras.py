"""What upper floors know of the messages of a ticket: mails add their sender, what they quoted, whether one arrived.

A source gives all of a ticket at once, in a number of queries that does not depend on how much was said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jiying.base.actor import Actor
from jiying.desk.models import Ticket

OPENING = 0  # the key of the ticket's own description; others are ids of messages


@dataclass(frozen=True, slots=True)
class Extra:
    """`template` is drawn below the words with `part`; `html` (clean) stands in their place, `hides` names files that
    are part of it."""

    template: str
    part: Any
    html: str = ""
    hides: frozenset[int] = frozenset()


Source = Callable[[Actor, Ticket], Mapping[int, Extra]]
SOURCES: list[Source] = []


def of(actor: Actor, ticket: Ticket) -> dict[int, list[Extra]]:
    found: dict[int, list[Extra]] = {}
    for source in SOURCES:
        for key, extra in source(actor, ticket).items():
            found.setdefault(key, []).append(extra)
    return found
