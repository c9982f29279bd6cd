"""Web hooks going out, over the API: their log, and sending again. Subscriptions are connections of kind hook_out."""

from dataclasses import dataclass
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import StringConstraints

from jiying.base.api.wire import Body, Cursor, Id, Instant, actor_of, answer
from jiying.channels.queries import hooks_out as queries
from jiying.channels.services import hook_replays

router = Router(tags=["web hooks"])
Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class Asked(Body):
    """Of one subscription, in one state; without, all of them."""

    connection: Code | None = None
    state: Literal["waiting", "sent", "failed"] | None = None
    cursor: Cursor | None = None


class PeriodIn(Body):
    """From when until when the events were recorded; at most 31 days."""

    since: Instant
    until: Instant


@dataclass(frozen=True, slots=True)
class Replayed:
    n: int


@router.get("/hook-deliveries", response=queries.HookDeliveries)
def list_hook_deliveries(request: HttpRequest, asked: Query[Asked]) -> HttpResponse:
    """What was sent to subscribers and what they answered, newest first."""
    found = queries.deliveries(
        actor_of(request), connection=asked.connection or "", state=asked.state or "", cursor=asked.cursor or ""
    )
    return answer(found)


@router.post("/hook-deliveries/{delivery_id}/replay", response=queries.HookDeliveryRow)
def replay_hook_delivery(request: HttpRequest, delivery_id: Id) -> HttpResponse:
    """Send one event again, under its id."""
    actor = actor_of(request)
    hook_replays.one(actor=actor, delivery_id=delivery_id, now=timezone.now())
    return answer(queries.delivery(actor, delivery_id))


@router.post("/connections/{code}/replay", response=Replayed)
def replay_hook_period(request: HttpRequest, code: Code, payload: PeriodIn) -> HttpResponse:
    """Send all chosen events of a period again, in order, those never noted too."""
    n = hook_replays.period(
        actor=actor_of(request), code=code, since=payload.since, until=payload.until, now=timezone.now()
    )
    return answer(Replayed(n))
