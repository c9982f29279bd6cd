"""What a search found, as the API shows it: the rows of lists, and where the words stand."""

from dataclasses import dataclass
from datetime import datetime

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.core.words import Piece
from jiying.desk.queries import customers, search, tickets_api
from jiying.desk.queries.filters import Filters


@dataclass(frozen=True, slots=True)
class FoundTicket:
    """`by`: number, customer or words; `part`: where the snippet stands (description, reply, note …)."""

    ticket: tickets_api.TicketRow
    by: str
    part: str
    subject: list[Piece]
    snippet: list[Piece]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """`n_found` is counted among the latest that fit; `is_capped`: there are older ones besides."""

    items: list[FoundTicket]
    customers: list[customers.Found]
    n_found: int
    is_capped: bool
    next_cursor: str | None


def page(actor: Actor, filters: Filters, offset: int, limit: int, now: datetime) -> SearchPage:
    """One page of a search."""
    found = search.search(actor, filters, now, offset=offset, limit=limit)
    tickets = tickets_api.by_id(actor, [hit.row.id for hit in found.hits])
    return SearchPage(
        items=[
            FoundTicket(tickets[hit.row.id], hit.by, hit.part, hit.subject, hit.snippet)
            for hit in found.hits
            if hit.row.id in tickets
        ],
        customers=found.customers,
        n_found=found.n_found,
        is_capped=found.is_capped,
        next_cursor=cursors.encode("search", found.next_offset) if found.next_offset else None,
    )
