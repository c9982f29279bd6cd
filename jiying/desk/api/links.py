"""Ties between tickets over the API: split one off, link two, take a link away; causes of repeat contacts."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Id, actor_of, answer
from jiying.desk.api import schemas as s
from jiying.desk.queries import links as queries
from jiying.desk.queries import repeats as repeat_rows
from jiying.desk.queries import ticket_page
from jiying.desk.queries import tickets_api as rows
from jiying.desk.services import links, repeats, splitting

router = Router(tags=["ticket links"])


class SplitIn(Body):
    """The second request of a ticket. Empty `type`: that of its category."""

    subject: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Annotated[str, StringConstraints(max_length=20_000)] = ""
    category: s.Path = ""
    type: s.Type | None = None
    take_it: bool = False


class RepeatFilter(s.Paging):
    state: Literal["open", "named", "dismissed"] = "open"
    category: str = Field("", max_length=120, description="A category's path; those below it count too.")
    days: int = Field(0, ge=0, le=3_650, description="Only contacts of the last days; 0: of any time.")


class RepeatCauseIn(Body):
    cause: s.Name
    note: Annotated[str, StringConstraints(max_length=2_000)] = ""


class DismissIn(Body):
    note: s.Reason


class LinkIn(Body):
    other: s.Number


@router.get("/tickets/{number}/links", response=queries.Ties)
def list_links(request: HttpRequest, number: s.Number) -> HttpResponse:
    """The tickets that this one is tied to, as far as the caller may see them."""
    actor = actor_of(request)
    return answer(queries.Ties(queries.of_ticket(actor, ticket_page.load(actor, number))))


@router.post("/tickets/{number}/links", response={201: queries.Ties})
def link_tickets(request: HttpRequest, number: s.Number, payload: LinkIn) -> HttpResponse:
    """Tie it to another ticket that is about the same thing."""
    actor = actor_of(request)
    links.link(actor=actor, number=number, other=payload.other, now=timezone.now())
    return answer(queries.Ties(queries.of_ticket(actor, ticket_page.load(actor, number))), 201)


@router.delete("/ticket-links/{link_id}", response={204: None})
def unlink_tickets(request: HttpRequest, link_id: Id) -> HttpResponse:
    """Take a tie by hand away; what was split off or found as a repeat contact stays tied."""
    links.unlink(actor=actor_of(request), link_id=link_id, now=timezone.now())
    return HttpResponse(status=204)


@router.post("/tickets/{number}/split", response={201: rows.TicketRow})
def split_ticket(request: HttpRequest, number: s.Number, payload: SplitIn) -> HttpResponse:
    """Open a second request of the same customer as a ticket of its own, tied to this one."""
    part = splitting.Part(**{**payload.dict(), "type": payload.type or ""})
    made = splitting.split(actor=actor_of(request), number=number, part=part, now=timezone.now())
    return answer(rows.one(actor_of(request), made.number), 201)


@router.get("/repeat-contacts", response=repeat_rows.RepeatPage)
def list_repeat_contacts(request: HttpRequest, filters: Query[RepeatFilter]) -> HttpResponse:
    """Customers who came again with the same problem, the latest first; `open`: nobody has named a cause yet."""
    wanted = repeat_rows.Wanted(filters.state, filters.category, filters.days)
    return answer(repeat_rows.page(actor_of(request), wanted, timezone.now(), filters.cursor, filters.limit))


@router.put("/repeat-contacts/{link_id}/cause", response=repeat_rows.RepeatRow)
def name_repeat_cause(request: HttpRequest, link_id: Id, payload: RepeatCauseIn) -> HttpResponse:
    """Say why the customer had to come again, or correct what was said."""
    actor = actor_of(request)
    repeats.name_cause(actor=actor, link_id=link_id, **payload.dict(), now=timezone.now())
    return answer(repeat_rows.one(actor, link_id))


@router.post("/repeat-contacts/{link_id}/dismiss", response=repeat_rows.RepeatRow)
def dismiss_repeat_contact(request: HttpRequest, link_id: Id, payload: DismissIn) -> HttpResponse:
    """Not the same problem after all: tie and marks go."""
    actor = actor_of(request)
    repeats.dismiss(actor=actor, link_id=link_id, note=payload.note, now=timezone.now())
    return answer(repeat_rows.one(actor, link_id))
