"""Call-backs after bad ratings over the API: the list and its three steps."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import StringConstraints

from jiying.base.api.wire import Body, Cursor, Id, actor_of, answer
from jiying.quality.queries import callbacks as queries
from jiying.quality.services import callbacks as services

router = Router(tags=["callbacks"])
Note = Annotated[str, StringConstraints(max_length=services.MAX_NOTE)]
Cause = Literal[
    "slow", "not_solved", "wrong_answer", "attitude", "promise_broken", "handed_around",
    "product", "policy", "logistics", "misclick", "other",
]  # fmt: skip


class ReachedIn(Body):
    note: Note = ""


class CloseIn(Body):
    """The cause, and what was said and done; where nobody was reached, why not."""

    cause: Cause
    note: Annotated[str, StringConstraints(min_length=1, max_length=services.MAX_NOTE)]


@router.get("/callbacks", response=queries.CallbackPage)
def list_callbacks(
    request: HttpRequest,
    state: Literal["open", "reached", "closed"] = "open",
    order: Literal["due", "newest"] = "due",
    cause: Cause | None = None,
    cursor: Cursor = "",
) -> HttpResponse:
    """Customers to be called back after bad ratings, on tickets that the caller may see; open ones by due time."""
    return answer(queries.page(actor_of(request), queries.Wanted(state, order, cause or ""), cursor))


@router.post("/callbacks/{callback_id}/tried", response=queries.CallbackRow)
def try_callback(request: HttpRequest, callback_id: Id) -> HttpResponse:
    """Called, and reached nobody; the clock runs on."""
    actor = actor_of(request)
    services.tried(actor=actor, callback_id=callback_id, now=timezone.now())
    return answer(queries.one(actor, callback_id))


@router.post("/callbacks/{callback_id}/reached", response=queries.CallbackRow)
def reach_callback(request: HttpRequest, callback_id: Id, payload: ReachedIn) -> HttpResponse:
    """Spoken with the customer: the clock ends, the cause is still to be named."""
    actor = actor_of(request)
    services.reached(actor=actor, callback_id=callback_id, note=payload.note, now=timezone.now())
    return answer(queries.one(actor, callback_id))


@router.post("/callbacks/{callback_id}/close", response=queries.CallbackRow)
def close_callback(request: HttpRequest, callback_id: Id, payload: CloseIn) -> HttpResponse:
    """Name the cause and close it."""
    actor = actor_of(request)
    services.close(actor=actor, callback_id=callback_id, cause=payload.cause, note=payload.note, now=timezone.now())
    return answer(queries.one(actor, callback_id))
