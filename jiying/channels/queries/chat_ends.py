"""What a floor above asks a visitor at the chat's end, and whom to tell the answer. Registered in `AppConfig.ready`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from jiying.base.actor import Actor
from jiying.base.errors import Conflict
from jiying.desk.models import Ticket


@dataclass(frozen=True, slots=True)
class Score:
    value: int
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its scores; `score` and `comment` are what was answered already."""

    text: str
    scores: tuple[Score, ...]
    low: str
    high: str
    score: int | None
    comment: str


@dataclass(frozen=True, slots=True)
class AtEnd:
    """`build` gives the question of a ticket that has ended, or None; `take` is told the answer, and may refuse it."""

    build: Callable[[Ticket, datetime], Question | None]
    take: Callable[[Actor, Ticket, int, str, datetime], object]


ASKERS: list[AtEnd] = []


def question(ticket: Ticket, now: datetime) -> Question | None:
    """The first that there is."""
    return next((found for one in ASKERS if (found := one.build(ticket, now)) is not None), None)


def take(actor: Actor, ticket: Ticket, score: int, comment: str, now: datetime) -> None:
    """The answer goes to whoever asked. Refused where nobody asks any more."""
    for one in ASKERS:
        if one.build(ticket, now) is not None:
            one.take(actor, ticket, score, comment, now)
            return
    raise Conflict.one("nothing_asked")
