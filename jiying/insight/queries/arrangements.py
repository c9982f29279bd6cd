"""Whose dashboard shows which cards: one's own arrangement, or the usual one."""

from dataclasses import dataclass

from jiying.base.actor import Actor
from jiying.base.errors import Invalid
from jiying.desk.policies import scope
from jiying.insight.models import Dashboard
from jiying.insight.queries import cards
from jiying.insight.queries.cards import Card


@dataclass(frozen=True, slots=True)
class KeptCard:
    """A card in its place; `key` tells it from the others of the same person."""

    key: int
    card: Card


@dataclass(frozen=True, slots=True)
class Arrangement:
    """`is_own`: the person arranged it; else it is the usual one, revision 0."""

    cards: list[KeptCard]
    revision: int
    is_own: bool


def of(actor: Actor) -> Arrangement:
    """Raises Denied."""
    scope(actor)
    row = Dashboard.objects.filter(person_id=actor.id or 0).first()
    return read(row) if row else usual()


def usual() -> Arrangement:
    return Arrangement([KeptCard(n, card) for n, card in enumerate(cards.USUAL, 1)], 0, False)


def read(row: Dashboard) -> Arrangement:
    """As it was kept; a card of what is no longer counted is left out."""
    found = []
    for kept in row.cards:
        try:
            found.append(KeptCard(kept["key"], cards.read(kept["card"])))
        except Invalid:
            continue
    return Arrangement(found, row.revision, True)
