"""Calls over the API: who is to be called back, the calls of a ticket, and a call wrapped up."""

from dataclasses import dataclass
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import StringConstraints

from jiying.base.api.wire import Body, Id, Prose, actor_of, answer
from jiying.channels.api.portal import Number
from jiying.channels.queries import phone as queries
from jiying.channels.services import call_backs, extensions, wrap_ups
from jiying.desk.queries import ticket_page

router = Router(tags=["calls"])


class WrapUpIn(Body):
    """What came of a call. An empty category leaves the ticket's as it is."""

    result: Literal["solved", "promised", "passed_on", "information", "broken_off", "wrong_number"]
    note: Prose = ""
    category: Annotated[str, StringConstraints(max_length=120)] = ""


class ExtensionIn(Body):
    """Empty: none of one's own choice."""

    extension: Annotated[str, StringConstraints(max_length=20)]


@dataclass(frozen=True, slots=True)
class ExtensionRow:
    extension: str


@router.get("/call-backs", response=queries.CallBacks)
def list_call_backs(request: HttpRequest) -> HttpResponse:
    """Who called in vain and is to be called, by the due time of their tickets."""
    return answer(queries.call_backs(actor_of(request), timezone.now()))


@router.post("/call-backs/{call_back_id}/claim", response=queries.CallBackRow)
def claim_call_back(request: HttpRequest, call_back_id: Id) -> HttpResponse:
    """ "I call them": only one can; the number is plain from then on."""
    call_backs.claim(actor=actor_of(request), call_back_id=call_back_id, now=timezone.now())
    return _row(request, call_back_id)


@router.post("/call-backs/{call_back_id}/reached", response=queries.CallBackRow)
def end_call_back(request: HttpRequest, call_back_id: Id) -> HttpResponse:
    """They were talked with."""
    call_backs.reached(actor=actor_of(request), call_back_id=call_back_id, now=timezone.now())
    return _row(request, call_back_id)


@router.post("/call-backs/{call_back_id}/not-reached", response=queries.CallBackRow)
def put_call_back_off(request: HttpRequest, call_back_id: Id) -> HttpResponse:
    """Nobody answered: back on the list for a later try, given up after the fifth."""
    call_backs.not_reached(actor=actor_of(request), call_back_id=call_back_id, now=timezone.now())
    return _row(request, call_back_id)


@router.post("/call-backs/{call_back_id}/release", response=queries.CallBackRow)
def release_call_back(request: HttpRequest, call_back_id: Id) -> HttpResponse:
    """Back on the list without a try."""
    call_backs.release(actor=actor_of(request), call_back_id=call_back_id, now=timezone.now())
    return _row(request, call_back_id)


@router.get("/me/extension", response=ExtensionRow)
def get_my_extension(request: HttpRequest) -> HttpResponse:
    """Where one sits by one's own word; empty: as the administrator configured it."""
    return answer(ExtensionRow(queries.own_extension(actor_of(request))))


@router.put("/me/extension", response=ExtensionRow)
def put_my_extension(request: HttpRequest, payload: ExtensionIn) -> HttpResponse:
    """ "I sit here now": calls that ring at this extension pop up on one's own screen."""
    number = extensions.choose(actor=actor_of(request), number=payload.extension, now=timezone.now())
    return answer(ExtensionRow(number))


def _row(request: HttpRequest, call_back_id: int) -> HttpResponse:
    return answer(queries.one(actor_of(request), call_back_id, timezone.now()))


@router.get("/tickets/{number}/phone-calls", response=queries.Calls)
def list_phone_calls(request: HttpRequest, number: Number) -> HttpResponse:
    """The calls that the telephone system told of on this ticket."""
    actor = actor_of(request)
    return answer(queries.of_ticket(actor, ticket_page.load(actor, number)))


@router.post("/phone-calls/{call_id}/wrap-up", response=queries.CallRow)
def wrap_up_call(request: HttpRequest, call_id: Id, payload: WrapUpIn) -> HttpResponse:
    """What it was about and what came of it, by whoever talked."""
    done = wrap_ups.WrapUp(**payload.dict())
    wrap_ups.wrap_up(actor=actor_of(request), call_id=call_id, done=done, now=timezone.now())
    return answer(queries.call(actor_of(request), call_id))
