"""When a rule that goes by the clock on the wall runs: each day, on weekdays or on days of the month, at HH:MM. Pure.

`next_after` gives the first instant later than another. Local days are walked, never seconds, so that a day has one
instant in any zone: a time that the clocks skip in spring runs as much later as they were put forward, a time that they
show twice in autumn runs the first time. A day off may hand its turn to the next working day.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jiying.core.calendars import Problem

EVERY = ("day", "week", "month")
DAYS: Mapping[str, range] = {"week": range(7), "month": range(1, 32)}  # Monday is 0, as calendars have it
MOVE = 60  # a day off looks so many days ahead for a working one; where there is none, its turn is left out
_LOOK = 800  # days; leap years and calendars that end included
_ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Timetable:
    """`days`: weekdays or days of the month, empty for each day; `minute` of the local day."""

    every: str
    days: tuple[int, ...]
    minute: int
    workdays: bool = False

    @property
    def at(self) -> str:
        return f"{self.minute // 60:02d}:{self.minute % 60:02d}"

    def names(self, day: date) -> bool:
        """Whether this day is one of it; of a short month the last day stands for those that it lacks."""
        if self.every == "day":
            return True
        if self.every == "week":
            return day.weekday() in self.days
        is_last = (day + _ONE).month != day.month
        return day.day in self.days or (is_last and any(wanted > day.day for wanted in self.days))


def next_after(table: Timetable, after: int, zone: ZoneInfo, is_open: Callable[[date], bool]) -> int | None:
    """The first epoch second later than `after` at which it runs; None where its calendar never opens again."""
    first = datetime.fromtimestamp(after, zone).date() - timedelta(days=MOVE if table.workdays else 1)
    for day in _days(table, first, is_open):
        at = instant(day, table.minute, zone)
        if at > after:
            return at
    return None


def _days(table: Timetable, first: date, is_open: Callable[[date], bool]) -> Iterator[date]:
    """The days on which it runs, in order; a day may come twice where days off move to it."""
    for n in range(_LOOK):
        day = first + timedelta(days=n)
        if not table.names(day):
            continue
        found = day if not table.workdays else _working(day, is_open)
        if found is not None:
            yield found


def _working(day: date, is_open: Callable[[date], bool]) -> date | None:
    return next((one for n in range(MOVE) if is_open(one := day + timedelta(days=n))), None)


def instant(day: date, minute: int, zone: ZoneInfo) -> int:
    """The epoch second of a time of day; of two the first, of none the one that the clocks then show instead."""
    return int(datetime.combine(day, time(minute // 60, minute % 60), zone).timestamp())


# --- reading one -----------------------------------------------------------------------------------------------------


def parse(when: Mapping[str, Any]) -> Timetable:
    """From a document without problems."""
    days = tuple(sorted(set(when.get("days", ())))) if when["every"] in DAYS else ()
    return Timetable(when["every"], days, minute_of(when["at"]) or 0, bool(when.get("workdays", False)))


def minute_of(text: Any) -> int | None:
    """Minute of the day of `HH:MM`; None for what is no time of day."""
    hours, colon, minutes = text.partition(":") if isinstance(text, str) else ("", "", "")
    if not colon or not (hours + minutes).isascii() or not (hours.isdecimal() and minutes.isdecimal()):
        return None
    if len(hours) > 2 or len(minutes) != 2 or int(hours) > 23 or int(minutes) > 59:
        return None
    return int(hours) * 60 + int(minutes)


def problems(path: str, when: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with `every`, `days`, `at` and `workdays`."""
    found = []
    every, days = when.get("every", ""), when.get("days", [])
    if every not in EVERY:
        code = "unknown_value" if every else "required"
        found.append(
            Problem(f"{path}.every", code, {"value": str(every)[:40], "known": ", ".join(EVERY)} if every else
                    {"field": "every"})
        )  # fmt: skip
    if minute_of(when.get("at", "")) is None:
        found.append(Problem(f"{path}.at", "bad_time_of_day", {"value": str(when.get("at", ""))[:20]}))
    if not isinstance(when.get("workdays", False), bool):
        found.append(Problem(f"{path}.workdays", "wrong_type", {"expected": "true, false"}))
    return found + (_bad_days(f"{path}.days", days, DAYS[every]) if every in DAYS else [])


def _bad_days(path: str, days: Any, known: range) -> list[Problem]:
    if not isinstance(days, list | tuple) or not days:
        return [Problem(path, "required", {"field": "days"})]
    if any(type(day) is not int or day not in known for day in days):
        return [Problem(path, "out_of_range", {"low": known[0], "high": known[-1]})]
    return []
