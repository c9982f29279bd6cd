"""Who has what: agents as cards, and of those that were opened the tickets in their hands, by due time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.desk.models import Ticket
from jiying.desk.policies import reach
from jiying.desk.queries import ordered, people
from jiying.desk.queries.rows import TicketRow, rows, with_people

SHOWN = 15  # tickets in a card; the whole list is a link
MOST_OPENED = 10  # cards at once


@dataclass(frozen=True, slots=True)
class Card:
    """An agent; `tickets` only where the card is opened."""

    agent: people.Agent
    is_opened: bool = False
    tickets: tuple[TicketRow, ...] = ()

    @property
    def n_more(self) -> int:
        return max(0, self.agent.n_tickets - len(self.tickets))


def cards(actor: Actor, opened: Sequence[int], now: datetime) -> list[Card]:
    """All agents whom the actor watches; as many queries for any number of opened cards."""
    agents = people.watched(actor)
    known = {agent.id for agent in agents}
    held = _tickets(actor, [pk for pk in dict.fromkeys(opened) if pk in known][:MOST_OPENED], now)
    return [Card(agent, agent.id in held, held.get(agent.id, ())) for agent in agents]


def card(actor: Actor, person_id: int, now: datetime, *, is_opened: bool) -> Card:
    """One agent's card. Whom the actor does not watch does not exist for them."""
    found = people.watched(actor, only=person_id)
    if not found:
        raise NotFound("person", person_id)
    held = _tickets(actor, [person_id] if is_opened else [], now)
    return Card(found[0], is_opened, held.get(person_id, ()))


def _tickets(actor: Actor, agents: Sequence[int], now: datetime) -> dict[int, tuple[TicketRow, ...]]:
    """The first open tickets of each agent, as far as the actor sees them."""
    ways = reach(actor)
    ids = ordered.each_by_due({pk: [way & Q(assignee_id=pk) for way in ways] for pk in agents}, SHOWN)
    wanted = sorted({pk for part in ids.values() for pk in part})
    tickets = ordered.loaded(with_people(Ticket.objects.all()), wanted)
    known = {row.id: row for row in rows(tickets, now)}
    return {who: tuple(known[pk] for pk in part if pk in known) for who, part in ids.items()}
