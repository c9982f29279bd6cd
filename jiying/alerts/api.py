"""The API of alerts: the plan of who is told, who is on call, one's own wishes, messages that failed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.alerts import queries
from jiying.alerts.models import OnCall
from jiying.alerts.queries import duty
from jiying.alerts.services import on_call, plans, reading
from jiying.base.api.wire import Body, Id, Instant, Revision, actor_of, answer
from jiying.base.policies import require
from jiying.base.texts import term

router = Router(tags=["alerts"])
VIEW = "alerts.view_team"
TimeOfDay = Annotated[str, StringConstraints(max_length=5)]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """The plan in force; `version` 0 is the shipped one."""

    version: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OnCallRow:
    id: int
    person: int
    team: int | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class OnCallRows:
    items: list[OnCallRow]


@dataclass(frozen=True, slots=True)
class WishRow:
    quiet_from: str
    quiet_to: str
    digest_min: int


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A message that did not get out: `failed` after its last try, else waiting. `to`: a person or group."""

    id: int
    way: str
    to: str
    connection: str | None
    state: str
    n_alerts: int
    attempts: int
    error: str
    created_at: datetime
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryRows:
    items: list[DeliveryRow]


class PlanIn(Body):
    """The whole plan; `seen` is the version that it was made from."""

    body: dict[str, Any]
    seen: Revision


class OnCallIn(Body):
    person: Id
    team: Id | None = None
    starts_at: Instant
    ends_at: Instant


class WishIn(Body):
    quiet_from: TimeOfDay = ""
    quiet_to: TimeOfDay = ""
    digest_min: Annotated[int, Field(ge=0, le=on_call.MAX_DIGEST_MIN)] = 0


@router.get("/alerts/plan", response=PlanRow)
def get_alert_plan(request: HttpRequest) -> HttpResponse:
    """Who is told of what: ordered rules, quiet time, calendar of open hours."""
    require(actor_of(request), VIEW)
    now = timezone.now()
    return answer(PlanRow(duty.version(now), plans.body(now)))


@router.put("/alerts/plan", response=PlanRow)
def put_alert_plan(request: HttpRequest, payload: PlanIn) -> HttpResponse:
    """A new version of the plan, in force at once."""
    saved = plans.save(actor=actor_of(request), body=payload.body, seen=payload.seen, now=timezone.now())
    return answer(PlanRow(saved.number, saved.body))


@router.get("/alerts/deliveries", response=DeliveryRows)
def list_alert_deliveries(request: HttpRequest) -> HttpResponse:
    """Messages that failed, and those that are being tried again, the longest waiting first."""
    dead, waiting = queries.deliveries(actor_of(request), timezone.now())
    return answer(DeliveryRows([_delivery(one) for one in (*dead, *waiting)]))


@router.post("/alerts/deliveries/{delivery_id}/send-again", response={204: None})
def send_alert_delivery_again(request: HttpRequest, delivery_id: Id) -> HttpResponse:
    """Try a failed message anew; its alerts are checked again before it goes."""
    reading.send_again(actor=actor_of(request), delivery_id=delivery_id, now=timezone.now())
    return HttpResponse(status=204)


@router.get("/on-call", response=OnCallRows)
def list_on_call(request: HttpRequest) -> HttpResponse:
    """Times on call that are not over; without the right to see all, those of the own team and of all teams."""
    actor = actor_of(request)
    require(actor, VIEW)
    teams = None if "desk.view_all" in actor.rights else [actor.team_id or 0]
    return answer(OnCallRows([_row(one) for one in duty.shifts(teams, timezone.now())]))


@router.post("/on-call", response={201: OnCallRow})
def create_on_call(request: HttpRequest, payload: OnCallIn) -> HttpResponse:
    """Put a person on call for a team, or for all."""
    row = on_call.add(
        actor=actor_of(request),
        person_id=payload.person,
        team_id=payload.team,
        starts_at=payload.starts_at,
        ends_at=payload.ends_at,
        now=timezone.now(),
    )
    return answer(_row(row), 201)


@router.delete("/on-call/{on_call_id}", response={204: None})
def delete_on_call(request: HttpRequest, on_call_id: Id) -> HttpResponse:
    """Take a time off the list."""
    on_call.remove(actor=actor_of(request), on_call_id=on_call_id, now=timezone.now())
    return HttpResponse(status=204)


@router.put("/me/alert-wishes", response=WishRow)
def put_alert_wishes(request: HttpRequest, payload: WishIn) -> HttpResponse:
    """One's own quiet time and digest."""
    found = on_call.wish(
        actor=actor_of(request),
        quiet_from=payload.quiet_from,
        quiet_to=payload.quiet_to,
        digest_min=payload.digest_min,
        now=timezone.now(),
    )
    return answer(WishRow(found.quiet_from, found.quiet_to, found.digest_min))


def _delivery(one: queries.Stuck) -> DeliveryRow:
    row = one.delivery
    return DeliveryRow(
        id=row.pk,
        way=row.way,
        to=row.person.name if row.person else row.target,
        connection=row.connection.code if row.connection else None,
        state="failed" if row.parked_at else "waiting",
        n_alerts=len(one.items),
        attempts=row.attempts,
        error=term("sending_error", row.last_error),
        created_at=row.created_at,
        next_at=row.wake_at,
    )


def _row(one: OnCall) -> OnCallRow:
    return OnCallRow(one.pk, one.person_id, one.team_id, one.starts_at, one.ends_at)
