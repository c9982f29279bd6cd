"""Days of a calendar as CSV and ICS files, both ways; what a file changes, and a year copied to another (C2).

Reads without raising: what cannot be read is named with its line. icalendar is imported inside functions only.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from jiying.core.calendars import MAX_YEAR, MIN_YEAR, CalendarSpec, Intervals

MAX_DAYS = 5000
MAX_LABEL = 40
MAX_EVENT_DAYS = 400
CLOSED, WORKED, USUAL = "closed", "worked", "usual"
_KINDS = {
    CLOSED: ("closed", "off", "holiday", "休", "休息", "放假", "关闭"),
    WORKED: ("worked", "work", "duty", "班", "上班", "补班", "调休"),
    USUAL: ("usual", "normal", "平常", "照常"),
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}
_COLUMNS = {"date": "date", "日期": "date", "kind": "kind", "类型": "kind", "name": "name", "名称": "name",
            "hours": "hours", "时间": "hours"}  # fmt: skip
_WEEKDAYS = {name: n for n, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_WEEKDAYS |= {f"周{name}": n for n, name in enumerate("一二三四五六日")}
_SPAN = re.compile(r"(\d{1,2})(?:[:：](\d{2}))?\s*(?:-|–|—|~|～|至|到)\s*(\d{1,2})(?:[:：](\d{2}))?")
_APART = " \t\r\n\u3000,，、;；"
_WORKED_TITLE = re.compile(r"班|补课|make-?up|work(ing)?\s*day", re.IGNORECASE)
_MARK = re.compile(r"\s*[（(\[【]?\s*(休|班|补班|放假|休息)\s*[）)\]】]?\s*$")


class Day(NamedTuple):
    """A day as a file has it: closed under a name, worked with hours or those of a weekday, or (both None) as usual."""

    date: date
    closed: str | None = None
    worked: Intervals | int | None = None


class Unread(NamedTuple):
    """What could not be read: its line (of an ICS file the number of the event), a code, and figures."""

    line: int
    code: str
    params: Mapping[str, Any]


class Read(NamedTuple):
    days: tuple[Day, ...]
    unread: tuple[Unread, ...]


class Changed(NamedTuple):
    """A date whose hours or name differ: (kind, value) before and after, as `state_of` tells them."""

    date: date
    before: tuple[str, Any]
    after: tuple[str, Any]


# --- hours -----------------------------------------------------------------------------------------------------------


def parse_hours(text: str) -> tuple[list[list[int]], str]:
    """Intervals in minutes of the day as people write them (09:00-12:00, 13:30-18:00), and the rest nobody can read."""
    spans: list[list[int]] = []
    rest = text.strip(_APART)
    while rest:
        found = _SPAN.match(rest)
        if found is None or int(found[2] or 0) > 59 or int(found[4] or 0) > 59:
            return spans, rest
        spans.append([int(found[1]) * 60 + int(found[2] or 0), int(found[3]) * 60 + int(found[4] or 0)])
        rest = rest[found.end() :].strip(_APART)
    return spans, ""


def written_hours(spans: Iterable[Iterable[int]]) -> str:
    """Intervals as they are typed."""
    return ", ".join("-".join(f"{x // 60:02d}:{x % 60:02d}" for x in span) for span in sorted(spans, key=tuple))


def nearest_weekday(day: date) -> int:
    """Whose hours a make-up day takes where nothing is said: a Saturday Friday's, a Sunday Monday's."""
    return {5: 4, 6: 0}.get(day.weekday(), day.weekday())


# --- reading ---------------------------------------------------------------------------------------------------------


def read_csv(text: str) -> Read:
    """date, kind, name, hours; the first line names the columns, in any order, in English or Chinese."""
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    try:
        lines = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        return Read((), (Unread(rows.line_num, "not_csv", {"why": str(error)[:80]}),))
    if not lines:
        return Read((), (Unread(1, "empty", {}),))
    heads = [_COLUMNS.get(cell.strip().lower(), "") for cell in lines[0][1]]
    if missing := [name for name in ("date", "kind") if name not in heads]:
        return Read((), (Unread(lines[0][0], "no_column", {"column": ", ".join(missing)}),))
    if len(lines) - 1 > MAX_DAYS:
        return Read((), (Unread(1, "too_many", {"most": MAX_DAYS}),))
    return _once(_csv_day(line, dict(zip(heads, row, strict=False))) for line, row in lines[1:])


_Found = tuple[int, Day | Unread]


def _csv_day(line: int, cells: Mapping[str, str]) -> _Found:
    found = {name: cells.get(name, "").strip().lstrip("'") for name in ("date", "kind", "name", "hours")}
    day = _date(found["date"])
    kind = _KIND_OF.get(found["kind"].lower())
    if day is None:
        return line, Unread(line, "bad_date", {"value": found["date"][:40]})
    if kind is None:
        return line, Unread(line, "bad_kind", {"value": found["kind"][:40]})
    if kind == USUAL:
        return line, Day(day)
    if kind == CLOSED:
        return line, _closed(line, day, found["name"])
    return line, _worked(line, day, found["hours"])


def _date(text: str) -> date | None:
    match = re.fullmatch(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?", text)
    try:
        found = date(*(int(part) for part in match.groups())) if match else None
    except ValueError:
        return None
    return found if found and MIN_YEAR <= found.year <= MAX_YEAR else None


def _closed(line: int, day: date, name: str) -> Day | Unread:
    if not name:
        return Unread(line, "no_name", {})
    return Unread(line, "long_name", {"most": MAX_LABEL}) if len(name) > MAX_LABEL else Day(day, closed=name)


def _worked(line: int, day: date, hours: str) -> Day | Unread:
    if not hours:
        return Day(day, worked=nearest_weekday(day))
    if (weekday := _WEEKDAYS.get(hours.lower())) is not None:
        return Day(day, worked=weekday)
    spans, rest = parse_hours(hours)
    if rest or not spans:
        return Unread(line, "bad_hours", {"value": (rest or hours)[:40]})
    return Day(day, worked=tuple((a, b) for a, b in spans))


def _once(found: Iterable[_Found]) -> Read:
    """The days in order; a date that comes twice is unread the second time."""
    days: dict[date, int] = {}
    kept: list[Day] = []
    unread: list[Unread] = []
    for line, one in found:
        if isinstance(one, Unread):
            unread.append(one)
        elif one.date in days:
            unread.append(Unread(line, "twice", {"date": one.date.isoformat(), "first": days[one.date]}))
        else:
            days[one.date] = line
            kept.append(one)
    return Read(_sorted(kept), tuple(unread))


def _sorted(days: Iterable[Day]) -> tuple[Day, ...]:
    return tuple(sorted(days, key=lambda day: day.date))


def read_ics(data: bytes) -> Read:
    """Whole-day events: a day of rest, or a make-up workday where the event says so (班, make-up, Apple's mark)."""
    from icalendar import Calendar

    try:
        events = list(Calendar.from_ical(data).walk("VEVENT"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        return Read((), (Unread(1, "not_ics", {"why": str(error)[:80]}),))
    if not events:
        return Read((), (Unread(1, "empty", {}),))
    if len(events) > MAX_DAYS:
        return Read((), (Unread(1, "too_many", {"most": MAX_DAYS}),))
    return _once(found for n, event in enumerate(events, 1) for found in _event_days(n, event))


def _event_days(n: int, event: Any) -> Iterator[_Found]:
    if "RRULE" in event or "RDATE" in event:
        yield n, Unread(n, "repeats", {})
        return
    try:
        first, last = _event_span(event)
    except (ValueError, KeyError, AttributeError, TypeError):
        yield n, Unread(n, "bad_date", {"value": str(event.get("DTSTART", ""))[:40]})
        return
    if not (MIN_YEAR <= first.year and last.year <= MAX_YEAR) or (last - first).days >= MAX_EVENT_DAYS or last < first:
        yield n, Unread(n, "bad_span", {"first": first.isoformat(), "last": last.isoformat()})
        return
    title = str(event.get("SUMMARY", "")).strip()
    mark = str(event.get("X-APPLE-SPECIAL-DAY", "")).upper()
    worked = mark == "ALTERNATE-WORKDAY" or (not mark and bool(_WORKED_TITLE.search(title)))
    hours = str(event.get("X-JIYING-HOURS", ""))
    name = _MARK.sub("", title) or title
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        yield n, _worked(n, day, hours) if worked else _closed(n, day, name[:MAX_LABEL])


def _event_span(event: Any) -> tuple[date, date]:
    """First and last date; the end of an event is the day after it. Times at midnight stand for whole days."""
    start = event.decoded("DTSTART")
    end = event.decoded("DTEND") if "DTEND" in event else None
    if end is None:
        end = start + (event.decoded("DURATION") if "DURATION" in event else timedelta(days=1))
    for at in (start, end):
        if isinstance(at, datetime) and (at.hour, at.minute, at.second) != (0, 0, 0):
            raise ValueError("not a whole day")
    first, after = (at.date() if isinstance(at, datetime) else at for at in (start, end))
    return first, max(first, after - timedelta(days=1))


# --- writing ---------------------------------------------------------------------------------------------------------


def days_of(spec: CalendarSpec, year: int | None = None) -> tuple[Day, ...]:
    """The special days of a calendar, of one year or of all."""
    days = [Day(day, closed=name) for day, name in spec.closed.items()]
    days += [Day(day, worked=hours) for day, hours in spec.worked.items()]
    return _sorted(day for day in days if year is None or day.date.year == year)


def write_csv(days: Iterable[Day]) -> str:
    """With a BOM, so that spreadsheets read Chinese names; a name that would be a formula there is guarded."""
    out = io.StringIO()
    out.write("\ufeff")
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(("date", "kind", "name", "hours"))
    for day in days:
        name = day.closed or ""
        guarded = f"'{name}" if name.startswith(("=", "+", "-", "@")) else name
        rows.writerow((day.date.isoformat(), _kind(day), guarded, _told_hours(day)))
    return out.getvalue()


def _kind(day: Day) -> str:
    return CLOSED if day.closed is not None else USUAL if day.worked is None else WORKED


def _told_hours(day: Day) -> str:
    if day.worked is None:
        return ""
    if isinstance(day.worked, int):
        return next(name for name, n in _WEEKDAYS.items() if n == day.worked)
    return written_hours(day.worked)


def write_ics(days: Iterable[Day], name: str, stamp: datetime) -> bytes:
    """Whole-day events that other calendars show; ours reads them back as they were."""
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("PRODID", "-//Jiying//Calendar//EN")
    calendar.add("VERSION", "2.0")
    calendar.add("X-WR-CALNAME", name)
    for day in days:
        event = Event()
        event.add("UID", f"{day.date.isoformat()}-{name}@jiying")
        event.add("DTSTAMP", stamp)
        event.add("DTSTART", day.date)
        event.add("DTEND", day.date + timedelta(days=1))
        event.add("SUMMARY", f"{day.closed}（休）" if day.closed is not None else "补班（班）")
        event.add("X-APPLE-SPECIAL-DAY", "WORK-HOLIDAY" if day.closed is not None else "ALTERNATE-WORKDAY")
        if day.worked is not None:
            event.add("X-JIYING-HOURS", _told_hours(day))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


# --- applying --------------------------------------------------------------------------------------------------------


def applied(spec: CalendarSpec, days: Iterable[Day], whole_years: bool) -> CalendarSpec:
    """The calendar with these days. `whole_years`: they are all special days of their years, which thereby are known;
    other special days of those years go. A gap before them leaves the known years as they are."""
    days = _sorted(days)
    years = {day.date.year for day in days} if whole_years else set()
    named = {day.date for day in days}
    closed = {d: name for d, name in spec.closed.items() if d not in named and d.year not in years}
    worked = {d: hours for d, hours in spec.worked.items() if d not in named and d.year not in years}
    closed |= {day.date: day.closed for day in days if day.closed is not None}
    worked |= {day.date: day.worked for day in days if day.closed is None and day.worked is not None}
    first, last = spec.first_year, spec.last_year
    while last is not None and last + 1 in years:
        last += 1
    while first is not None and first - 1 in years:
        first -= 1
    return replace(
        spec, closed=dict(sorted(closed.items())), worked=dict(sorted(worked.items())), first_year=first, last_year=last
    )


def state_of(spec: CalendarSpec, day: date) -> tuple[str, Any]:
    """(closed, name), (worked, weekday or intervals) or (usual, intervals of the weekday)."""
    if day in spec.closed:
        return CLOSED, spec.closed[day]
    if day in spec.worked:
        return WORKED, spec.worked[day]
    return USUAL, spec.weekly.get(day.weekday(), ())


def changed_days(old: CalendarSpec, new: CalendarSpec) -> list[Changed]:
    """Every date that differs, in order."""
    dates = sorted({*old.closed, *old.worked, *new.closed, *new.worked})
    found = [Changed(day, state_of(old, day), state_of(new, day)) for day in dates]
    return [one for one in found if one.before != one.after]


def copied_year(spec: CalendarSpec, source: int, target: int) -> tuple[Day, ...]:
    """The special days of one year on the same dates of another; the 29th of February only where there is one."""
    found = []
    for day in days_of(spec, source):
        try:
            found.append(day._replace(date=day.date.replace(year=target)))
        except ValueError:
            continue
    return tuple(found)
