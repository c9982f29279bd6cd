"""Calendars, a book and short spellings of events for the tests of clocks. Holds no test."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jiying.core.calendars import Calendar, CalendarSpec, compile_calendar
from jiying.core.clocks import Clock, DictBook, Event, fold
from jiying.core.standards import SHIPPED, Standard, parse

ZONE = "Asia/Shanghai"
MIN, HOUR = 60, 3600
CALENDARS = {"24x7": 1, "work": 1}


def at(text: str) -> int:
    """'23 09:00' is that local time in November 2026 (the 23rd is a Monday)."""
    day, clock = text.split()
    hour, minute = clock.split(":")
    return int(datetime(2026, 11, int(day), int(hour), int(minute), tzinfo=ZoneInfo(ZONE)).timestamp())


def work_calendar(closed: Mapping[str, str] | None = None) -> Calendar:
    """Monday to Friday 9-12 and 13:30-18: a working day of 7.5 hours."""
    weekly = {str(day): [[540, 720], [810, 1080]] for day in range(5)}
    return compile_calendar(CalendarSpec.from_json({"tz": ZONE, "weekly": weekly, "closed": dict(closed or {})}))


ALWAYS = compile_calendar(CalendarSpec.from_json({"tz": ZONE, "weekly": {str(day): [[0, 1440]] for day in range(7)}}))
WORK = work_calendar()
WORK_WITH_HOLIDAY = work_calendar({"2026-11-24": "holiday"})


def changed(change: Mapping[str, Any], base: Mapping[str, Any] = SHIPPED) -> dict[str, Any]:
    """The shipped document with some values replaced; a key is a dotted path."""
    doc = deepcopy(dict(base))
    for path, value in change.items():
        place: Any = doc
        *parents, last = path.split(".")
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        place[int(last) if isinstance(place, list) else last] = value
    return doc


def target(amount: int, unit: str = "min", calendar: str = "24x7") -> dict[str, Any]:
    """A target as in the document."""
    return {"amount": amount, "unit": unit, "calendar": calendar}


STRICT = parse(changed({
    "rows.2.targets.update": target(30),
    "rules.first_response": {"starts": "receipt", "pauses": ["customer"], "warn": [50, 80], "late_min": [30, 60]},
}), version=2)  # fmt: skip
WAITS = parse(changed({"rules.first_response.pauses": ["customer"]}), version=4)
HALVED = parse(changed({"rows.2.targets.resolution": target(2, "h")}), version=3)


def book(*more: Standard) -> DictBook:
    """Standard 1 is the shipped one, 2 STRICT, 3 HALVED, 4 WAITS; calendar work 2 has a holiday on Tuesday the 24th."""
    standards = {1: parse(SHIPPED), 2: STRICT, 3: HALVED, 4: WAITS, **{x.version: x for x in more}}
    return DictBook(standards, {("24x7", 1): ALWAYS, ("work", 1): WORK, ("work", 2): WORK_WITH_HOLIDAY})


BOOK = book()


def events(*told: tuple[str, str] | tuple[str, str, Mapping[str, Any]]) -> list[Event]:
    """('23 09:00', 'held', {...}) and so on, numbered in the order given."""
    return [Event(at(x[0]), number, x[1], x[2] if len(x) == 3 else {}) for number, x in enumerate(told, 1)]


def opened(priority: str = "P1", channel: str = "email", standard: int = 1, by: str = "customer") -> dict[str, Any]:
    """Data of an opening."""
    return {
        "channel": channel, "priority": priority, "tier": None, "category": None, "by": by, "standard": standard,
        "calendars": CALENDARS,
    }  # fmt: skip


REPLY = {"direction": "out", "public": True, "by": "person", "way": "message"}
NOTE = {**REPLY, "public": False}
BOT = {**REPLY, "by": "bot"}
AUTO = {**REPLY, "by": "auto"}
ASKS = {"direction": "in", "public": True, "by": "customer", "way": "message"}
MISSED_CALL = {**ASKS, "way": "call"}
CALL = {**REPLY, "way": "call"}
CALL_IN = {**CALL, "direction": "in"}


def clocks(told: list[Event], now: str, used: DictBook = BOOK) -> dict[str, Clock]:
    """The clocks at `now` as 'metric' for the first and 'metric 2' ... for later ones."""
    found = fold(told, used, at(now))
    return {x.metric if x.seq == 1 else f"{x.metric} {x.seq}": x for x in found}
