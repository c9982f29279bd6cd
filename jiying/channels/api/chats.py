"""An agent's chats: what is open and unread, that one types, what one has read. Messages are the ticket's."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from jiying.base.api.wire import actor_of, answer
from jiying.base.policies import require
from jiying.channels.queries import chats
from jiying.channels.services import attending

router = Router()
Number = Annotated[str, StringConstraints(max_length=24, pattern=r"^[A-Za-z0-9-]+$")]


class Seen(Schema):
    """`upto`: the id of the latest message that was seen."""

    upto: int = Field(ge=0, le=2**63 - 1)


@router.get("/chats", response=chats.Chats, tags=["chats"])
def list_chats(request: HttpRequest) -> HttpResponse:
    """One's own open chats in the order in which they came, with what is unread."""
    actor = actor_of(request)
    require(actor, "desk.handle")
    return answer(chats.mine(actor))


@router.post("/chats/{number}/typing", response={204: None}, tags=["chats"])
def type_in_chat(request: HttpRequest, number: Number) -> HttpResponse:
    """Tell the visitor that one is writing; it is not kept."""
    attending.type_on(actor=actor_of(request), number=number, now=timezone.now())
    return HttpResponse(status=204)


@router.post("/chats/{number}/seen", response={204: None}, tags=["chats"])
def see_chat(request: HttpRequest, number: Number, body: Seen) -> HttpResponse:
    """All messages up to this one are read."""
    attending.see(actor=actor_of(request), number=number, upto=body.upto, now=timezone.now())
    return HttpResponse(status=204)
