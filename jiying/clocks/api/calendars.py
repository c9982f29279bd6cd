"""Calendars: versions, and the two operations on open time."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, StringConstraints

from jiying.base import documents
from jiying.base.api.wire import FIRST_YEAR, LAST_YEAR, Body, Instant, Key, Prose, Version, actor_of, answer
from jiying.base.errors import Conflict, Fault, Invalid, NotFound
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.clocks import queries
from jiying.clocks.api import rows
from jiying.clocks.forms import calendar_files as files
from jiying.clocks.services import calendars as services
from jiying.core import calendar_files as core
from jiying.core.calendars import Calendar, CalendarError, CalendarSpec

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


class TakeIn(Body):
    """`whole_years`: these are all special days of their years, which then count as known; `seen` as above."""

    whole_years: bool = False
    dry_run: bool = False
    seen: Version | None = None


class ImportIn(TakeIn):
    """CSV names its columns in the first line: date, kind (closed, worked, usual), name, hours."""

    format: Literal["csv", "ics"]
    text: Annotated[str, StringConstraints(min_length=1, max_length=files.MAX_BYTES)]


class CopyYearIn(TakeIn):
    from_year: Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR)]
    to_year: Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR)]


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """`kind` closed, worked or usual; the value is its name, its hours, or the weekday (0-6) whose hours it takes."""

    date: date
    was: str
    was_value: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class LineProblem:
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class ImportRow:
    """What the version `before` would turn into; `version` is the new one, null for a dry run."""

    before: int
    version: int | None
    n_days: int
    changes: list[ChangedDay]
    problems: list[LineProblem]


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


@router.post("/calendars/{key}/import", response=ImportRow)
def import_days(request: HttpRequest, key: Key, payload: ImportIn) -> HttpResponse:
    """Take over days from CSV or ICS text, all or nothing. `dry_run` only says what would change and what is wrong."""
    require(actor_of(request), services.RIGHT)
    taken = files.take(payload.format, payload.text.encode())
    return _taken_over(request, key, taken, payload)


@router.post("/calendars/{key}/copy-year", response=ImportRow)
def copy_year(request: HttpRequest, key: Key, payload: CopyYearIn) -> HttpResponse:
    """Take over the special days of one year on the same dates of another."""
    require(actor_of(request), services.RIGHT)
    spec = CalendarSpec.from_json(_newest(key).body)
    taken = files.Taken(core.copied_year(spec, payload.from_year, payload.to_year), ())
    return _taken_over(request, key, taken, payload)


def _newest(key: str) -> VersionedDocument:
    number = queries.latest_number("calendar", key)
    if not number:
        raise NotFound("calendar", key)
    return documents.get("calendar", key, number)


def _taken_over(request: HttpRequest, key: str, taken: files.Taken, how: TakeIn) -> HttpResponse:
    old = _newest(key)
    spec = CalendarSpec.from_json(old.body)
    new = core.applied(spec, services.named(taken.days), how.whole_years)
    version = None
    if not how.dry_run:
        version = services.import_days(
            actor=actor_of(request),
            key=key,
            seen=how.seen or old.number,
            days=taken.whole(),
            whole_years=how.whole_years,
            now=timezone.now(),
        ).number
    changes = [ChangedDay(one.date, *_told(one.before), *_told(one.after)) for one in core.changed_days(spec, new)]
    problems = [LineProblem(line, text) for line, text in taken.problems]
    return answer(ImportRow(old.number, version, len(taken.days), changes, problems))


def _told(state: tuple[str, Any]) -> tuple[str, str]:
    """A day's state as kind and name or hours."""
    kind, value = state
    return kind, value if isinstance(value, str) else str(value) if isinstance(value, int) else core.written_hours(
        value
    )


@router.get("/calendars/{key}/export", response={200: None})
def export_days(
    request: HttpRequest,
    key: Key,
    kind: Annotated[Literal["csv", "ics"], Query(alias="format")] = "csv",
    year: Annotated[int | None, Query(), Field(ge=FIRST_YEAR, le=LAST_YEAR)] = None,
) -> HttpResponse:
    """The special days of a year, or of all, as a CSV or ICS file."""
    require(actor_of(request), VIEW)
    return files.written(_newest(key), kind, year, timezone.now())


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
