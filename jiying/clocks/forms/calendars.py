"""Calendar forms: hours as people write them (09:00-12:00, 13:30-18:00), a day's choice, the week's fields.

Reads only what cannot be text in a document; everything else is left to the document's own checks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jiying.base.errors import Fault, Invalid
from jiying.clocks.services.calendars import Hours
from jiying.core.calendar_files import parse_hours

MODES = ("usual", "closed", "weekday", "own")


def read_hours(field: str, text: str) -> list[list[int]]:
    """Intervals in minutes of the day; an empty text is a closed day. Invalid names the field."""
    spans, rest = parse_hours(text)
    if rest:
        raise Invalid.one(field, "hours_unreadable", value=rest[:60])
    return spans


@dataclass(frozen=True, slots=True)
class DayChoice:
    """Closed under a name, worked with hours, or (both None) as the weekday is."""

    closed: str | None = None
    worked: Hours | None = None


def read_day(post: Mapping[str, str]) -> DayChoice:
    mode = post.get("mode", "")
    if mode == "usual":
        return DayChoice()
    if mode == "closed":
        return DayChoice(closed=post.get("label", ""))
    if mode == "weekday":
        return DayChoice(worked=read_number("weekday", post.get("weekday", "")))
    if mode == "own":
        hours = read_hours("hours", post.get("hours", ""))
        if not hours:
            raise Invalid.one("hours", "hours_unreadable", value="")
        return DayChoice(worked=hours)
    raise Invalid.one("mode", "unknown_value", value=mode, known=", ".join(MODES))


def read_number(field: str, text: str) -> int:
    """A whole number of at most nine digits."""
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise Invalid.one(field, "not_a_number", value=text[:20])
    return int(text)


def read_week(post: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a calendar's body besides its days; Invalid with every line that cannot be read."""
    faults: list[Fault] = []
    fields: dict[str, Any] = {"tz": post.get("tz", "").strip(), "weekly": {}}
    for day in "0123456":
        try:
            spans = read_hours(f"weekly.{day}", post.get(f"weekly.{day}", ""))
        except Invalid as refused:
            faults += refused.faults
        else:
            fields["weekly"] |= {day: spans} if spans else {}
    for name, read in (("first_year", _year), ("last_year", _year), ("working_day_s", _working_day)):
        try:
            fields[name] = read(name, post.get(name, "").strip())
        except Invalid as refused:
            faults += refused.faults
    if faults:
        raise Invalid(*faults)
    return fields


def _year(field: str, text: str) -> int | None:
    return read_number(field, text) if text else None


def _working_day(field: str, text: str) -> int | None:
    """Hours with a fraction, as open seconds."""
    if not text:
        return None
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text):
        raise Invalid.one(field, "not_hours", value=text[:20])
    return round(float(text) * 3600)
