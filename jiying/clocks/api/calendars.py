"""Calendars: versions, and the two operations on open time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, StringConstraints

from jiying.base import documents
from jiying.base.api.wire import Body, Instant, Key, Prose, Version, actor_of, answer
from jiying.base.errors import Conflict, Fault, Invalid, NotFound
from jiying.base.policies import require
from jiying.clocks import queries
from jiying.clocks.api import rows
from jiying.core.calendars import Calendar, CalendarError

router = Router(tags=["calendars"])

MAX_ADD_S = 10 * 366 * 86400
VIEW = "clocks.view"


class CalendarIn(Body):
    """A version of a calendar; `seen` is the number of the version that it was made from."""

    key: Key
    title: Annotated[str, StringConstraints(max_length=120)] = ""
    note: Prose = ""
    body: dict[str, Any]
    seen: Version | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """`open_s`: open seconds from `start_at` to `end_at`; negative when the end lies before the start."""

    calendar: str
    version: int
    start_at: datetime
    end_at: datetime
    open_s: int


@dataclass(frozen=True, slots=True)
class Added:
    """`at`: the earliest instant with `seconds` open seconds between `start_at` and it."""

    calendar: str
    version: int
    start_at: datetime
    seconds: int
    at: datetime


@router.get("/calendars", response=rows.Documents)
def list_calendars(request: HttpRequest) -> HttpResponse:
    """The version in force of each calendar."""
    require(actor_of(request), VIEW)
    found = queries.calendars(timezone.now())
    return answer(rows.Documents([rows.document(one, one.number) for one in found]))


@router.post("/calendars", response={201: rows.DocumentRow})
def create_calendar(request: HttpRequest, payload: CalendarIn) -> HttpResponse:
    """A new calendar, or a new version of one; it holds at once and re-dates running clocks in the background."""
    actor, now = actor_of(request), timezone.now()
    if payload.seen is not None and payload.seen != queries.latest_number("calendar", payload.key):
        raise Conflict.one("stale", "seen")
    made = documents.create(
        actor=actor,
        kind="calendar",
        key=payload.key,
        body=payload.body,
        title=payload.title,
        note=payload.note,
        now=now,
    )
    return answer(rows.document(made, made.number), 201, {"Location": f"/api/v1/calendars/{made.key}"})


@router.get("/calendars/{key}", response=rows.Documents)
def get_calendar(request: HttpRequest, key: Key) -> HttpResponse:
    """The versions of a calendar with their bodies, the newest first."""
    require(actor_of(request), VIEW)
    found = queries.history("calendar", key)
    if not found:
        raise NotFound("calendar", key)
    return answer(rows.documents(found, documents.in_force("calendar", timezone.now()).get(key), with_body=True))


@router.get("/calendars/{key}/between", response=Between)
def get_between(
    request: HttpRequest,
    key: Key,
    start_at: Annotated[Instant, Query(alias="from")],
    end_at: Annotated[Instant, Query(alias="to")],
) -> HttpResponse:
    """Open time between two instants, by the version in force."""
    version, calendar = _calendar(request, key)
    try:
        open_s = calendar.between_dt(start_at, end_at)
    except CalendarError as error:
        raise _refused(error) from None
    return answer(Between(key, version, start_at, end_at, open_s))


@router.get("/calendars/{key}/add", response=Added)
def get_add(
    request: HttpRequest,
    key: Key,
    start_at: Annotated[Instant, Query(alias="from")],
    seconds: Annotated[int, Field(ge=0, le=MAX_ADD_S)],
) -> HttpResponse:
    """The instant after so much open time, by the version in force."""
    version, calendar = _calendar(request, key)
    try:
        at = calendar.add_dt(start_at, seconds)
    except CalendarError as error:
        raise _refused(error) from None
    return answer(Added(key, version, start_at, seconds, at))


def _calendar(request: HttpRequest, key: str) -> tuple[int, Calendar]:
    require(actor_of(request), VIEW)
    version = documents.in_force("calendar", timezone.now()).get(key)
    if version is None:
        raise NotFound("calendar", key)
    return version, queries.calendar(key, version)


def _refused(error: CalendarError) -> Invalid:
    return Invalid(*(Fault(p.path, f"calendar_{p.code}", p.params) for p in error.problems))
