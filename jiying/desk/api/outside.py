"""Outside events over the API: other systems report them, people list them and try again; their kinds with rules."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Cursor, Id, Instant, Key, Revision, actor_of, answer
from jiying.base.policies import require
from jiying.desk.api import schemas as s
from jiying.desk.queries import outside as queries
from jiying.desk.services import outside as services
from jiying.desk.services import outside_kinds as kinds
from jiying.desk.services.customers import CustomerData

router = Router(tags=["outside events"])
Short = Annotated[str, StringConstraints(max_length=80)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]
State = Literal["waiting", "done", "nothing", "unmatched", "refused", "parked"]


class OutsideCustomerIn(Body):
    """What the other system knows of the customer: found by `ref`, else phone, else e-mail; never made."""

    ref: Short = ""
    name: Annotated[str, StringConstraints(max_length=120)] = ""
    phone: Annotated[str, StringConstraints(max_length=40)] = ""
    email: Annotated[str, StringConstraints(max_length=254)] = ""


class OutsideEventIn(Body):
    """An event. `source` and `event_id`, the source's own key, make it: the same one again changes nothing."""

    source: Annotated[str, StringConstraints(min_length=1, max_length=30)]
    event_id: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    kind: Code
    occurred_at: Instant
    customer: OutsideCustomerIn = OutsideCustomerIn()
    reference: Short = ""
    text: Annotated[str, StringConstraints(max_length=2_000)] = ""
    severity: Literal["info", "warning", "critical"] = "warning"


class OutsideKindIn(Body):
    """A kind with its rule. `revision` is that of the version it was made from; none makes a new one."""

    name_zh: Short
    name_en: Short = ""
    active: bool = True
    warns: bool = False
    tells: bool = False
    message: Annotated[str, StringConstraints(max_length=2_000)] = ""
    opens: Literal["", "no_open", "always"] = ""
    subject: Annotated[str, StringConstraints(max_length=200)] = ""
    channel: s.Channel = "other"
    priority: Literal["", "P1", "P2", "P3", "P4"] = ""
    category: s.Path = ""
    window_h: Annotated[int, Field(ge=0, le=kinds.MAX_WINDOW_H)] = 24
    revision: Revision | None = None


@router.post("/outside-events", response={200: queries.OutsideEventRow, 201: queries.OutsideEventRow})
def report_outside_event(request: HttpRequest, payload: OutsideEventIn) -> HttpResponse:
    """Report an event (right `desk.report_events`). It is kept at once and acted on within a second; one that is known
    already is answered with 200 as it stands."""
    told = payload.dict()
    reported = services.Reported(**{**told, "customer": CustomerData(**told["customer"])})
    kept, is_new = services.report(actor=actor_of(request), reported=reported, now=timezone.now())
    return answer(queries.one(actor_of(request), kept.pk), 201 if is_new else 200)


@router.get("/outside-events", response=queries.OutsideEvents)
def list_outside_events(
    request: HttpRequest, state: State | None = None, kind: Key | None = None, cursor: Cursor = ""
) -> HttpResponse:
    """What other systems reported, what was done and why, the latest first."""
    return answer(queries.events(actor_of(request), state=state or "", kind=kind or "", cursor=cursor))


@router.post("/outside-events/{event_id}/retry", response=queries.OutsideEventRow)
def retry_outside_event(request: HttpRequest, event_id: Id) -> HttpResponse:
    """Act again on an event that matched nothing or was refused."""
    services.retry(actor=actor_of(request), event_id=event_id, now=timezone.now())
    return answer(queries.one(actor_of(request), event_id))


@router.get("/outside-kinds", response=queries.OutsideKinds)
def list_outside_kinds(request: HttpRequest) -> HttpResponse:
    """The kinds of events with their rules and the figures of the last 30 days."""
    require(actor_of(request), kinds.RIGHT)
    return answer(queries.kinds(timezone.now()))


@router.put("/outside-kinds/{key}", response=queries.OutsideKindRow)
def save_outside_kind(request: HttpRequest, key: Key, payload: OutsideKindIn) -> HttpResponse:
    """Make or change a kind; its code stays, since events name it."""
    data = kinds.OutsideKindData(code=key, **payload.dict(exclude={"revision"}))
    kinds.save(actor=actor_of(request), data=data, revision=payload.revision, now=timezone.now())
    return answer(queries.kind(key, timezone.now()))
