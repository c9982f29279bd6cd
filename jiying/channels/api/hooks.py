"""Inbound calls over the API: what came in, and what could not be acted on tried again."""

from typing import Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from jiying.base.api.wire import Cursor, Id, actor_of, answer
from jiying.channels.queries import hooks as queries
from jiying.channels.services import hooks as services

router = Router(tags=["inbound hooks"])
State = Literal["waiting", "done", "nothing", "refused", "parked"]


@router.get("/hook-calls", response=queries.HookCalls)
def list_hook_calls(request: HttpRequest, state: State | None = None, cursor: Cursor = "") -> HttpResponse:
    """Verified calls of messengers, phones and other systems, the latest first; never their text."""
    return answer(queries.calls(actor_of(request), state=state or "", cursor=cursor))


@router.get("/hook-calls/{call_id}", response=queries.HookCallShown)
def get_hook_call(request: HttpRequest, call_id: Id) -> HttpResponse:
    """One call with its form: fields by name, what they say masked, texts by their length alone."""
    return answer(queries.opened(actor_of(request), call_id))


@router.post("/hook-calls/{call_id}/retry", response=queries.HookCallRow)
def retry_hook_call(request: HttpRequest, call_id: Id) -> HttpResponse:
    """Act again on a call that could not be acted on."""
    services.retry(actor=actor_of(request), call_id=call_id, now=timezone.now())
    return answer(queries.one(actor_of(request), call_id))
