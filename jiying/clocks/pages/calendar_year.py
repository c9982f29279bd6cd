"""A calendar as people read it: twelve months with 休 and 班, hours by weekday, what a version changed. No queries."""

import calendar as months
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from django.utils.dates import MONTHS
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jiying.base import texts
from jiying.core.calendars import CalendarSpec


@dataclass(frozen=True, slots=True)
class Day:
    """`kind`: open, off (a usual day of rest), closed (休) or worked (班); `told` is the name or the hours."""

    date: date
    kind: str
    told: str
    is_today: bool

    @property
    def mark(self) -> str:
        return {"closed": _("Off"), "worked": _("Duty")}.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class Month:
    name: str
    weeks: Sequence[Sequence[Day | None]]


def year_of(spec: CalendarSpec, year: int, today: date) -> list[Month]:
    """The twelve months, weeks from Monday; None fills the first and last week."""
    sheets = months.Calendar(firstweekday=0)
    return [
        Month(
            str(MONTHS[number]),
            [
                [_day(spec, date(year, number, d), today) if d else None for d in week]
                for week in sheets.monthdayscalendar(year, number)
            ],
        )
        for number in range(1, 13)
    ]


def _day(spec: CalendarSpec, day: date, today: date) -> Day:
    hours = clock_times(spec.hours_of(day))
    if day in spec.closed:
        return Day(day, "closed", texts.term("holiday", spec.closed[day]), day == today)
    if day in spec.worked:
        return Day(day, "worked", hours or _("closed"), day == today)
    return Day(day, "open" if hours else "off", hours or _("closed"), day == today)


def clock_times(spans: Sequence[Sequence[int]]) -> str:
    """Intervals for reading: 09:00–12:00 13:30–18:00."""
    return " ".join(
        "–".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in span) for span in sorted(spans, key=tuple)
    )


def weekday(number: int) -> str:
    return texts.term("weekday", str(number))


def week_of(spec: CalendarSpec) -> list[tuple[str, str]]:
    """Hours by run of equal weekdays: [("Monday to Friday", "09:00–18:00"), …]; closed days are named too."""
    days = [(number, clock_times(spec.weekly.get(number, ()))) for number in range(7)]
    found = []
    for hours, run in groupby(days, key=lambda item: item[1]):
        numbers = [number for number, _hours in run]
        first, last = weekday(numbers[0]), weekday(numbers[-1])
        name = first if len(numbers) == 1 else _("%(first)s to %(last)s") % {"first": first, "last": last}
        found.append((name, _("round the clock") if hours == "00:00–24:00" else hours or _("closed")))
    return found


def special_days(spec: CalendarSpec, year: int) -> tuple[int, int]:
    """How many closed and how many make-up days a year has."""
    return sum(day.year == year for day in spec.closed), sum(day.year == year for day in spec.worked)


def changes(old: Mapping[str, Any], new: Mapping[str, Any], most: int = 6) -> list[str]:
    """What a version changed beside the one before it, in words; a long list is cut and counted."""
    told = []
    if old.get("tz") != new.get("tz"):
        told.append(_("Time zone: %(zone)s") % {"zone": new.get("tz")})
    for number in range(7):
        before, after = (clock_times((body.get("weekly") or {}).get(str(number), ())) for body in (old, new))
        if before != after:
            told.append(_told(weekday(number), f"{before or _('closed')} → {after or _('closed')}"))
    told += _changed_days(old, new)
    if old.get("working_day_s") != new.get("working_day_s"):
        told.append(_("Length of a working day"))
    if any(old.get(name) != new.get(name) for name in ("first_year", "last_year")):
        told.append(_("Statutory days known up to %(year)s") % {"year": new.get("last_year") or "—"})
    if len(told) > most:
        rest = len(told) - most
        told = [*told[:most], ngettext("and %(n)s more change", "and %(n)s more changes", rest) % {"n": rest}]
    return told


def _changed_days(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    before, after = _days(old), _days(new)
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [
        _told(date_format(date.fromisoformat(name), "DATE_FORMAT"), after.get(name, _("as usual"))) for name in names
    ]


def _told(what: str, values: str) -> str:
    return _("%(what)s: %(values)s") % {"what": what, "values": values}


def _days(body: Mapping[str, Any]) -> dict[str, str]:
    closed = {day: _closed(label) for day, label in (body.get("closed") or {}).items()}
    worked = {day: _worked(hours) for day, hours in (body.get("worked") or {}).items()}
    return {**closed, **worked}


def told(state: tuple[str, Any]) -> str:
    """A day's state (`core.calendar_files.state_of`) in words."""
    kind, value = state
    if kind == "closed":
        return _closed(value)
    return _worked(value) if kind == "worked" else clock_times(value) or _("closed")


def _closed(label: str) -> str:
    return _("closed (%(name)s)") % {"name": texts.term("holiday", label)}


def _worked(hours: Any) -> str:
    told = weekday(hours) if isinstance(hours, int) else clock_times(hours)
    return _("worked (%(hours)s)") % {"hours": told}
