"""Tickets: open, list, read."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic_core import to_json

from jiying.base.api import repeating
from jiying.base.api.wire import actor_of, answer
from jiying.desk.api.schemas import Number, Paging, TicketFilter, TicketIn
from jiying.desk.queries import tickets_api as rows
from jiying.desk.services import intake

router = Router(tags=["tickets"])


@router.post("/tickets", response={201: rows.TicketRow})
@repeating.by_itself
def create_ticket(request: HttpRequest, payload: TicketIn) -> HttpResponse:
    """Open a ticket: number, priority, clocks and assignment are there in the answer."""
    actor = actor_of(request)
    new = payload.request(repeating.key_of(request))
    opened = intake.receive(
        actor=actor,
        new=new,
        now=timezone.now(),
        answer=lambda ticket, clocks: to_json(rows.ticket_row(actor, ticket, clocks)).decode(),
    )
    location = f"/api/v1/tickets/{opened.ticket.number}"
    if opened.clocks is None:
        return repeating.again(201, opened.answer, location)
    return answer(rows.ticket_row(actor, opened.ticket, opened.clocks), 201, {"Location": location})


@router.get("/tickets", response=rows.TicketPage)
def list_tickets(request: HttpRequest, filters: Query[TicketFilter]) -> HttpResponse:
    """The tickets that the caller may see: the newest first, or open ones by due time."""
    return answer(rows.page(actor_of(request), filters.wanted(), filters.cursor, filters.limit))


@router.get("/tickets/{number}", response=rows.TicketDetail)
def get_ticket(request: HttpRequest, number: Number) -> HttpResponse:
    """One ticket with its clocks and collaborations."""
    return answer(rows.detail(actor_of(request), number))


@router.get("/tickets/{number}/events", response=rows.EventPage)
def list_events(request: HttpRequest, number: Number, paging: Query[Paging]) -> HttpResponse:
    """The facts of a ticket, in the order in which its clocks were folded from them."""
    return answer(rows.events(actor_of(request), number, paging.cursor, paging.limit))


@router.get("/tickets/{number}/messages", response=rows.MessagePage)
def list_messages(request: HttpRequest, number: Number, paging: Query[Paging]) -> HttpResponse:
    """What was said on a ticket, the oldest first."""
    return answer(rows.messages(actor_of(request), number, paging.cursor, paging.limit))
