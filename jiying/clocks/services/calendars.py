"""Edits of calendars by people (C1, C2, C5): a day, the week, a copy, statutory days. Each makes a new version.

Whoever edits names the version that they saw; if another one came meanwhile, nothing is written.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.db.models import Max

from jiying.base import documents, texts
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core.calendar_files import Day, applied
from jiying.core.calendars import CalendarSpec
from jiying.core.statutory import seeded

RIGHT = "clocks.edit"
MAX_LABEL = 40

Hours = int | list[list[int]]  # a weekday whose hours a worked day takes, or its own intervals in minutes


@short
def change_day(
    *, actor: Actor, key: str, seen: int, day: date, closed: str | None, worked: Hours | None, now: datetime
) -> VersionedDocument:
    """Close a day under a name, have it worked with given hours, or (neither) let it be as its weekday is."""
    latest = _locked(actor, key, seen)
    if closed is not None and not closed.strip():
        raise Invalid.one("label", "required", field="label")
    if closed is not None and len(closed) > MAX_LABEL:
        raise Invalid.one("label", "too_long", limit=MAX_LABEL, length=len(closed))
    name = day.isoformat()
    shut = {d: label for d, label in (latest.body.get("closed") or {}).items() if d != name}
    open_ = {d: hours for d, hours in (latest.body.get("worked") or {}).items() if d != name}
    if closed is not None:
        shut[name] = texts.code_of("holiday", closed.strip())
    elif worked is not None:
        open_[name] = worked
    return _save(actor, latest, {**latest.body, "closed": _sorted(shut), "worked": _sorted(open_)}, now)


@short
def change_hours(
    *, actor: Actor, key: str, seen: int, title: str, fields: Mapping[str, Any], now: datetime
) -> VersionedDocument:
    """Replace zone, weekly hours, working day and covered years (`fields` of the body); the days stay."""
    latest = _locked(actor, key, seen)
    latest.title = _title(title)
    return _save(actor, latest, {**latest.body, **fields}, now)


@short
def take_statutory_days(*, actor: Actor, key: str, seen: int, now: datetime) -> VersionedDocument:
    """Add the statutory days that the installed packages know by now; days entered by hand stay (C2)."""
    latest = _locked(actor, key, seen)
    spec = CalendarSpec.from_json(latest.body)
    if spec.last_year is None:
        raise Conflict.one("nothing_new")
    grown = seeded(spec, range(spec.last_year + 1, now.year + 2))
    if grown.first_year != spec.last_year + 1:  # the packages know no more, or not the very next year
        raise Conflict.one("nothing_new")
    return _save(actor, latest, replace(grown, first_year=spec.first_year).to_json(), now)


@short
def import_days(
    *, actor: Actor, key: str, seen: int, days: Collection[Day], whole_years: bool, now: datetime
) -> VersionedDocument:
    """Take days over from a file or another year; `whole_years`: they are all special days of their years, which
    thereby count as known. Conflict where nothing would change."""
    latest = _locked(actor, key, seen)
    spec = CalendarSpec.from_json(latest.body)
    new = applied(spec, named(days), whole_years)
    if new == spec:
        raise Conflict.one("nothing_to_import")
    return _save(actor, latest, new.to_json(), now)


def named(days: Collection[Day]) -> list[Day]:
    """Days whose names are kept as statutory ones are, in whatever language they were typed."""
    return [day if day.closed is None else day._replace(closed=texts.code_of("holiday", day.closed)) for day in days]


@short
def copy(*, actor: Actor, source: str, key: str, title: str, now: datetime) -> VersionedDocument:
    """A new calendar with the days and hours of another one."""
    require(actor, RIGHT)
    body = _latest(source).body
    if not key:
        raise Invalid.one("key", "required", field="key")
    if VersionedDocument.objects.filter(kind="calendar", key=key).exists():
        raise Conflict.one("duplicate", "key", value=key)
    return documents.create(actor=actor, kind="calendar", key=key, body=body, title=_title(title), now=now)


def _title(title: str) -> str:
    if not title.strip():
        raise Invalid.one("title", "required", field="title")
    if len(title) > 120:
        raise Invalid.one("title", "too_long", limit=120, length=len(title))
    return title.strip()


def _locked(actor: Actor, key: str, seen: int) -> VersionedDocument:
    """The latest version, with the whole calendar locked: the first version's row stands for it."""
    first = VersionedDocument.objects.select_for_update().filter(kind="calendar", key=key, number=1).first()
    if first is None:
        raise NotFound("calendar", key)
    require(actor, RIGHT)
    latest = _latest(key)
    if latest.number != seen:
        raise Conflict.one("stale")
    return latest


def _latest(key: str) -> VersionedDocument:
    number = VersionedDocument.objects.filter(kind="calendar", key=key).aggregate(n=Max("number"))["n"]
    if number is None:
        raise NotFound("calendar", key)
    return documents.get("calendar", key, number)


def _save(actor: Actor, latest: VersionedDocument, body: dict[str, Any], now: datetime) -> VersionedDocument:
    return documents.create(actor=actor, kind="calendar", key=latest.key, body=body, title=latest.title, now=now)


def _sorted(days: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(days.items()))
