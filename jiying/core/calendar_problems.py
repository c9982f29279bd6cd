"""What can be wrong with a calendar document (C1-C3), as codes that the floors above put into words.

May not compile calendars, import Django or raise for bad input: whatever JSON holds is answered with problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTES = 1440
FIELDS = frozenset(("tz", "weekly", "closed", "worked", "first_year", "last_year", "working_day_s"))


@dataclass(frozen=True)
class Problem:
    """One thing wrong: where in the document ('weekly.0.1'), a code to translate, and its placeholders' values."""

    path: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


class CalendarError(ValueError):
    """A calendar that cannot be used, or an operation beyond what it can compute; `problems` says why."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{p.path or 'calendar'}: {p.code} {dict(p.params)}" for p in problems))

    @classmethod
    def of(cls, code: str, **params: Any) -> CalendarError:
        """The error of one problem that has no place in a document."""
        return cls([Problem("", code, params)])


@cache
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a path such as "../x" or a folder such as "Asia"
        return None


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name; CalendarError 'unknown_zone' when there is none."""
    zone = _zone(name)
    if zone is None:
        raise CalendarError([Problem("tz", "unknown_zone", {"tz": name})])
    return zone


def parse_worked(value: Any) -> tuple[tuple[int, int], ...] | int:
    """A make-up workday's hours from checked JSON: a weekday number, or intervals."""
    return value if isinstance(value, int) else tuple((a, b) for a, b in value)


def document_problems(doc: Mapping[str, Any]) -> list[Problem]:
    """All problems of a calendar document, in the order of its parts."""
    if not isinstance(doc, Mapping):
        return [Problem("", "not_an_object")]
    found = [Problem(str(name), "unknown_field") for name in doc if name not in FIELDS]
    found += _zone_problems(doc.get("tz"))
    found += _weekly_problems(doc.get("weekly"))
    found += _closed_problems(doc.get("closed"))
    found += _worked_problems(doc.get("worked"), doc.get("weekly"))
    found += _year_problems(doc)
    if found:
        return found
    return list(_contradictions(doc))


def _zone_problems(tz: Any) -> Iterator[Problem]:
    if not isinstance(tz, str) or not tz or _zone(tz) is None:
        yield Problem("tz", "unknown_zone", {"tz": tz})


def _weekly_problems(weekly: Any) -> Iterator[Problem]:
    if not isinstance(weekly, Mapping):
        yield Problem("weekly", "not_an_object")
        return
    for day, spans in weekly.items():
        if str(day) not in "0123456" or len(str(day)) != 1:
            yield Problem(f"weekly.{day}", "bad_weekday", {"day": day})
        yield from _span_problems(f"weekly.{day}", spans)


def _span_problems(path: str, spans: Any) -> Iterator[Problem]:
    if not isinstance(spans, list | tuple):
        yield Problem(path, "not_intervals")
        return
    good: list[tuple[int, int]] = []
    for number, span in enumerate(spans):
        where = f"{path}.{number}"
        if not isinstance(span, list | tuple) or len(span) != 2 or not all(_whole(x) for x in span):
            yield Problem(where, "not_an_interval")
        elif not (0 <= span[0] <= MINUTES and 0 <= span[1] <= MINUTES):
            yield Problem(where, "outside_day", {"start": span[0], "end": span[1]})
        elif span[1] <= span[0]:
            yield Problem(where, "end_before_start", {"start": span[0], "end": span[1]})
        else:
            good.append((span[0], span[1]))
    good.sort()
    for (_, end), (start, _) in zip(good, good[1:], strict=False):
        if start < end:
            yield Problem(path, "overlapping", {"start": start, "end": end})


def _closed_problems(closed: Any) -> Iterator[Problem]:
    if closed is None:
        return
    if not isinstance(closed, Mapping):
        yield Problem("closed", "not_an_object")
        return
    for day, label in closed.items():
        yield from _date_problems("closed", day)
        if not isinstance(label, str):
            yield Problem(f"closed.{day}", "label_not_text")


def _worked_problems(worked: Any, weekly: Any) -> Iterator[Problem]:
    if worked is None:
        return
    if not isinstance(worked, Mapping):
        yield Problem("worked", "not_an_object")
        return
    hours = weekly if isinstance(weekly, Mapping) else {}
    for day, value in worked.items():
        yield from _date_problems("worked", day)
        path = f"worked.{day}"
        if not _whole(value):
            yield from _span_problems(path, value)
        elif not 0 <= value <= 6:
            yield Problem(path, "bad_weekday", {"day": value})
        elif not (hours.get(str(value)) or hours.get(value)):
            yield Problem(path, "weekday_without_hours", {"day": value})


def _date_problems(part: str, day: Any) -> Iterator[Problem]:
    try:
        parsed = date.fromisoformat(day)
    except (TypeError, ValueError):
        yield Problem(f"{part}.{day}", "bad_date", {"date": day})
        return
    if parsed.isoformat() != day:  # 20260101 and 2026-W01-4 are dates too, but would name the same day twice
        yield Problem(f"{part}.{day}", "bad_date", {"date": day})


def _year_problems(doc: Mapping[str, Any]) -> Iterator[Problem]:
    first, last = doc.get("first_year"), doc.get("last_year")
    for name, year in (("first_year", first), ("last_year", last)):
        if year is not None and not _whole(year):
            yield Problem(name, "not_a_year", {"year": year})
    if _whole(first) and _whole(last) and last < first:
        yield Problem("last_year", "years_reversed", {"first_year": first, "last_year": last})
    seconds = doc.get("working_day_s")
    if seconds is not None and not (_whole(seconds) and seconds > 0):
        yield Problem("working_day_s", "not_positive", {"seconds": seconds})


def _contradictions(doc: Mapping[str, Any]) -> Iterator[Problem]:
    closed, worked = doc.get("closed") or {}, doc.get("worked") or {}
    for day in sorted(closed.keys() & worked.keys()):
        yield Problem(f"worked.{day}", "closed_and_worked", {"date": day})
    opens = any(doc["weekly"].values()) or any(_whole(x) or x for day, x in worked.items() if day not in closed)
    if not opens:
        yield Problem("weekly", "never_opens")


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
