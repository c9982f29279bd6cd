"""Arranges one's own dashboard: cards are added, changed, moved, made wider and taken away; or all set at once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, NotFound
from jiying.base.transactions import short
from jiying.desk.policies import WATCHING, scope
from jiying.insight.models import Dashboard
from jiying.insight.queries import arrangements, cards
from jiying.insight.queries.arrangements import Arrangement, KeptCard
from jiying.insight.queries.cards import MAX_CARDS, Card

Change = Callable[[list[KeptCard]], list[KeptCard]]


@short
def add(*, actor: Actor, card: Card, now: datetime) -> Arrangement:
    """A new card behind the others."""
    return _edit(actor, lambda held: [*held, KeptCard(_next(held), card)], now)


@short
def change(*, actor: Actor, key: int, card: Card, now: datetime) -> Arrangement:
    """Another chart, KPI, slice or stretch in the place of a card."""
    return _edit(actor, lambda held: [KeptCard(key, card) if one.key == key else one for one in _with(held, key)], now)


@short
def move(*, actor: Actor, key: int, by: int, now: datetime) -> Arrangement:
    """So many places forth or back; beyond the first and last place it stays there."""

    def moved(held: list[KeptCard]) -> list[KeptCard]:
        place = next(n for n, one in enumerate(_with(held, key)) if one.key == key)
        rest = [one for one in held if one.key != key]
        to = max(0, place + by)
        return [*rest[:to], held[place], *rest[to:]]

    return _edit(actor, moved, now)


@short
def resize(*, actor: Actor, key: int, now: datetime) -> Arrangement:
    """From half to full width, or back."""

    def resized(one: KeptCard) -> KeptCard:
        size = "half" if one.card.size == "full" else "full"
        return KeptCard(one.key, replace(one.card, size=size)) if one.key == key else one

    return _edit(actor, lambda held: [resized(one) for one in _with(held, key)], now)


@short
def remove(*, actor: Actor, key: int, now: datetime) -> Arrangement:
    return _edit(actor, lambda held: [one for one in _with(held, key) if one.key != key], now)


@short
def arrange(*, actor: Actor, wanted: Sequence[Card], revision: int | None = None, now: datetime) -> Arrangement:
    """These cards in this order, and no others. A stale revision is refused."""
    return _edit(actor, lambda _held: [KeptCard(n, card) for n, card in enumerate(wanted, 1)], now, revision)


@short
def reset(*, actor: Actor, now: datetime) -> Arrangement:
    """Back to the usual arrangement."""
    person_id = _own(actor)
    if Dashboard.objects.filter(person_id=person_id).delete()[0]:
        fact = journal.Fact("person", person_id, "dashboard.reset", now, {})
        journal.record(actor, [fact], now=now)
    return arrangements.usual()


def _edit(actor: Actor, change: Change, now: datetime, revision: int | None = None) -> Arrangement:
    person_id = _own(actor)
    row, held = _locked(person_id, now)
    if revision is not None and revision != held.revision:
        raise Conflict.one("stale")
    wanted = change(held.cards)
    if len(wanted) > MAX_CARDS:
        raise Conflict.one("too_many_cards", limit=MAX_CARDS)
    if wanted == held.cards and held.is_own:
        return held
    row.cards = [{"key": one.key, "card": cards.asked(one.card)} for one in wanted]
    row.revision = held.revision + 1
    row.changed_at = now
    row.save()
    data = {"cards": [f"{one.card.kind}:{one.card.kpi}" for one in wanted]}
    journal.record(actor, [journal.Fact("person", person_id, "dashboard.arranged", now, data)], now=now)
    return Arrangement(list(wanted), row.revision, True)


def _own(actor: Actor) -> int:
    """Who arranges: somebody who may see figures, and is a person."""
    scope(actor)
    if actor.person is None:
        raise Denied(WATCHING)
    return actor.person.pk


def _locked(person_id: int, now: datetime) -> tuple[Dashboard, Arrangement]:
    """The person's row, locked, and what it holds; the usual arrangement in a row that is new."""
    usual = arrangements.usual()
    defaults = {"cards": [], "revision": 0, "changed_at": now}
    Dashboard.objects.get_or_create(person_id=person_id, defaults=defaults)
    row = Dashboard.objects.select_for_update().get(person_id=person_id)
    return (row, arrangements.read(row)) if row.revision else (row, usual)


def _with(held: list[KeptCard], key: int) -> list[KeptCard]:
    if not any(one.key == key for one in held):
        raise NotFound("card", key)
    return held


def _next(held: list[KeptCard]) -> int:
    return max((one.key for one in held), default=0) + 1
