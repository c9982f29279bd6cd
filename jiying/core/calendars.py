"""Business calendars: open time between two instants, and the instant after so much open time (C1-C4).

An instant is open when its local wall-clock minute lies in an interval of its local day. A calendar is compiled to
UTC intervals with prefix sums of open seconds; one operation is two bisections, whatever the distance.
May not import Django, numpy (except inside the array forms) or read the present time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from jiying.core.calendar_problems import CalendarError, Problem, document_problems, parse_worked, zone_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]

__all__ = ["Calendar", "CalendarError", "CalendarSpec", "Interval", "Problem", "compile_calendar", "problems"]

DAY_S = 86400
MIN_YEAR, MAX_YEAR = 1970, 2200
FIRST_INSTANT = 0
LAST_INSTANT = int(datetime(MAX_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

Interval = tuple[int, int]
Intervals = tuple[Interval, ...]


@dataclass(frozen=True)
class CalendarSpec:
    """What people edit: weekly open intervals in local minutes (0..1440), closed dates and make-up workdays.

    `worked` gives a date its own intervals, or the number of the weekday (0 = Monday) whose hours it takes.
    `first_year` and `last_year` are the years whose statutory days are known (None = no limit, as for 24x7).
    `working_day_s` is what one working day means, in open seconds (None = the most common workday).
    """

    tz: str
    weekly: Mapping[int, Intervals]
    closed: Mapping[date, str] = field(default_factory=dict)
    worked: Mapping[date, Intervals | int] = field(default_factory=dict)
    first_year: int | None = None
    last_year: int | None = None
    working_day_s: int | None = None

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> CalendarSpec:
        """Read the stored form; raises CalendarError with every problem found."""
        found = problems(doc)
        if found:
            raise CalendarError(found)
        return cls(
            tz=doc["tz"],
            weekly={int(day): tuple((a, b) for a, b in spans) for day, spans in sorted(doc["weekly"].items())},
            closed={date.fromisoformat(day): label for day, label in sorted((doc.get("closed") or {}).items())},
            worked={date.fromisoformat(day): parse_worked(x) for day, x in sorted((doc.get("worked") or {}).items())},
            first_year=doc.get("first_year"),
            last_year=doc.get("last_year"),
            working_day_s=doc.get("working_day_s"),
        )

    def to_json(self) -> dict[str, Any]:
        """The stored form: plain JSON types, keys in order; `from_json(to_json())` is the same calendar."""
        return {
            "tz": self.tz,
            "weekly": {str(day): [list(x) for x in spans] for day, spans in sorted(self.weekly.items())},
            "closed": {day.isoformat(): label for day, label in sorted(self.closed.items())},
            "worked": {
                day.isoformat(): x if isinstance(x, int) else [list(y) for y in x]
                for day, x in sorted(self.worked.items())
            },
            "first_year": self.first_year,
            "last_year": self.last_year,
            "working_day_s": self.working_day_s,
        }

    def hours_of(self, day: date) -> Intervals:
        """Open intervals of a local date, in minutes of its wall clock."""
        if day in self.closed:
            return ()
        hours = self.worked.get(day, day.weekday())
        return self.weekly.get(hours, ()) if isinstance(hours, int) else hours


def problems(doc: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with a calendar document; an empty list means that it can be saved and compiled."""
    return document_problems(doc)


def compile_calendar(spec: CalendarSpec) -> Calendar:
    """Make the calendar that computes; raises CalendarError when the specification has problems."""
    found = problems(spec.to_json())
    if found:
        raise CalendarError(found)
    return Calendar(spec)


class Calendar:
    """A compiled calendar. Safe to share between threads; its table of years grows by itself when asked farther.

    Instants are integer epoch seconds from 1970-01-01 to the end of 2200 (UTC); CalendarError outside.
    """

    def __init__(self, spec: CalendarSpec) -> None:
        self.spec = spec
        self.zone: ZoneInfo = zone_of(spec.tz)
        self.working_day_s: int = spec.working_day_s or _usual_day_s(spec)
        self._table = _EMPTY
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[Calendar], tuple[CalendarSpec]]:
        """To another process goes what was edited; it is compiled there."""
        return Calendar, (self.spec,)

    def between(self, a: int, b: int) -> int:
        """Open seconds from a to b; negative when b is before a."""
        table = self._table
        if not (table.start <= a < table.end and table.start <= b < table.end):
            table = self._reaching(min(a, b), max(a, b))
        starts, ends, before = table.starts, table.ends, table.before
        i, j = bisect_right(starts, a) - 1, bisect_right(starts, b) - 1
        end_a, end_b = ends[i], ends[j]
        until_a = before[i] - starts[i] + (a if a < end_a else end_a)
        return before[j] - starts[j] + (b if b < end_b else end_b) - until_a

    def add(self, a: int, d: int) -> int:
        """The earliest t >= a with between(a, t) = d, for d >= 0 seconds; it may be a closing instant."""
        if d <= 0:
            if d < 0:
                raise CalendarError.of("negative_duration", seconds=d)
            return a
        table = self._table
        if not table.start <= a < table.end:
            table = self._reaching(a, a)
        wanted = table.open_until(a) + d
        if wanted > table.before[-1]:
            table = self._holding(a, d)
            wanted = table.open_until(a) + d
        i = bisect_left(table.before, wanted) - 1
        return table.starts[i] + wanted - table.before[i]

    def is_open(self, t: int) -> bool:
        """Whether the second that begins at t is open."""
        table = self._reaching(t, t)
        return t < table.ends[bisect_right(table.starts, t) - 1]

    def next_open(self, t: int) -> int:
        """The earliest open instant at or after t."""
        return t if self.is_open(t) else self.add(t, 1) - 1

    def covers(self, t: int) -> bool:
        """Whether the statutory days of t's local year are known to this calendar."""
        year = datetime.fromtimestamp(t, self.zone).year
        first, last = self.spec.first_year, self.spec.last_year
        return (first is None or first <= year) and (last is None or year <= last)

    def intervals(self, a: int, b: int) -> list[Interval]:
        """The open intervals (start, end) between a and b, cut to them, in order."""
        if b <= a:
            return []
        table = self._reaching(a, b)
        first, last = bisect_right(table.ends, a), bisect_left(table.starts, b)
        return [(max(table.starts[i], a), min(table.ends[i], b)) for i in range(first, last)]

    def between_dt(self, a: datetime, b: datetime) -> int:
        """`between` for aware datetimes; a fraction of a second counts as the next full second."""
        return self.between(_instant(a), _instant(b))

    def add_dt(self, a: datetime, d: int) -> datetime:
        """`add` for an aware datetime; the result is in UTC."""
        return datetime.fromtimestamp(self.add(_instant(a), d), UTC)

    def between_many(self, a: Int64s, b: Int64s) -> Int64s:
        """`between` element by element on arrays of epoch seconds."""
        import numpy as np

        a, b = np.asarray(a, np.int64), np.asarray(b, np.int64)
        if not a.size or not b.size:
            return np.zeros(np.broadcast_shapes(a.shape, b.shape), np.int64)
        arrays = self._arrays(int(min(a.min(), b.min())), int(max(a.max(), b.max())))
        return arrays.open_until(b) - arrays.open_until(a)

    def add_many(self, a: Int64s, d: Int64s) -> Int64s:
        """`add` element by element on arrays of epoch seconds and open seconds."""
        import numpy as np

        a, d = np.asarray(a, np.int64), np.asarray(d, np.int64)
        if not a.size or not d.size:
            return np.zeros(np.broadcast_shapes(a.shape, d.shape), np.int64)
        if d.min() < 0:
            raise CalendarError.of("negative_duration", seconds=int(d.min()))
        latest = int(a.max())
        self.add(latest, int(d.max()))  # the latest start with the longest wait: nothing else reaches farther
        arrays = self._arrays(int(a.min()), latest)
        wanted = arrays.open_until(a) + d
        i = np.maximum(np.searchsorted(arrays.before, wanted, "left") - 1, 0)
        return np.where(d == 0, a, arrays.starts[i] + wanted - arrays.before[i])

    def _arrays(self, earliest: int, latest: int) -> _Arrays:
        import numpy as np

        table = self._reaching(earliest, latest)
        if table.arrays is None:  # two threads may both make it: the same arrays, one is dropped
            columns = (np.array(x, np.int64) for x in (table.starts, table.ends, table.before))
            table.arrays = _Arrays(*columns)
        return table.arrays

    def _reaching(self, earliest: int, latest: int) -> _Table:
        """The table, grown so that both instants lie inside."""
        table = self._table
        if table.start <= earliest and latest < table.end:
            return table
        for t in (earliest, latest):
            if not FIRST_INSTANT <= t < LAST_INSTANT:
                raise CalendarError.of("out_of_range", at=t, first_year=MIN_YEAR, last_year=MAX_YEAR)
        with self._lock:
            if not (self._table.start <= earliest and latest < self._table.end):
                self._table = _grown(self, self._table, earliest, latest)
            return self._table

    def _holding(self, a: int, d: int) -> _Table:
        """The table, grown until it holds d open seconds after a."""
        table = self._reaching(a, a)
        while table.before[-1] - table.open_until(a) < d:
            if table.end >= LAST_INSTANT or d > LAST_INSTANT - a:
                raise CalendarError.of("out_of_range", at=a, first_year=MIN_YEAR, last_year=MAX_YEAR)
            table = self._reaching(a, min(max(a + d, table.end), LAST_INSTANT - 1))
        return table


class _Arrays(NamedTuple):
    starts: Int64s
    ends: Int64s
    before: Int64s

    def open_until(self, t: Int64s) -> Int64s:
        import numpy as np

        i = np.searchsorted(self.starts, t, "right") - 1
        result: Int64s = self.before[i] - self.starts[i] + np.minimum(t, self.ends[i])
        return result


class _Table:
    """Open UTC intervals of [start, end), and the open seconds before each; never changed once it is made.

    An empty interval at `start` stands first, so that every instant inside has one at or before it.
    """

    __slots__ = ("arrays", "before", "end", "ends", "start", "starts", "years")

    def __init__(self, years: tuple[int, int], bounds: Interval, spans: tuple[list[int], list[int]]) -> None:
        self.years = years
        self.start, self.end = bounds
        self.starts, self.ends = spans
        lengths = [b - a for a, b in zip(self.starts, self.ends, strict=True)]
        self.before = list(accumulate(lengths, initial=0))
        self.arrays: _Arrays | None = None

    def open_until(self, t: int) -> int:
        """Open seconds from the table's start to t."""
        i = bisect_right(self.starts, t) - 1
        end = self.ends[i]
        return self.before[i] - self.starts[i] + (t if t < end else end)


_EMPTY = _Table((0, 0), (0, 0), ([], []))


def _instant(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise CalendarError.of("naive_datetime")
    return ceil(moment.timestamp())


def _usual_day_s(spec: CalendarSpec) -> int:
    """Open seconds of the most common workday; of equally common ones the longest."""
    days: Sequence[Intervals] = [hours for hours in spec.weekly.values() if hours]
    if not days:
        days = [hours for day in spec.worked if (hours := spec.hours_of(day))]
    counts = Counter(sum(b - a for a, b in hours) * 60 for hours in days)
    return max(counts, key=lambda seconds: (counts[seconds], seconds))


def _grown(calendar: Calendar, old: _Table, earliest: int, latest: int) -> _Table:
    """A table over all years of `old` and of both instants, with a margin that doubles what there was."""
    wanted = (_EPOCH + timedelta(seconds=earliest)).year, (_EPOCH + timedelta(seconds=latest)).year
    first, last = wanted[0] - 1, wanted[1] + 2
    if old is not _EMPTY:
        span = old.years[1] - old.years[0] + 1
        first = min(old.years[0], first) if earliest >= old.start else min(first, old.years[0] - span)
        last = max(old.years[1], last) if latest < old.end else max(last, old.years[1] + span)
    return _compiled(calendar, max(first, MIN_YEAR - 1), min(last, MAX_YEAR + 1))


def _compiled(calendar: Calendar, first_year: int, last_year: int) -> _Table:
    """The table of these local years: each stretch of constant UTC offset is laid out by plain arithmetic.

    Working by stretches, not by boundaries, makes gaps and overlaps right by definition: an instant is open exactly
    when its own wall-clock reading is.
    """
    start = max(int(datetime(first_year, 1, 1, tzinfo=calendar.zone).timestamp()), FIRST_INSTANT)
    end = min(int(datetime(last_year + 1, 1, 1, tzinfo=calendar.zone).timestamp()), LAST_INSTANT)
    spec = calendar.spec
    week = [_seconds(spec.weekly.get((number + 3) % 7, ())) for number in range(7)]  # day 0 of the epoch: a Thursday
    special = {day.toordinal() - _EPOCH_ORDINAL: _seconds(spec.hours_of(day)) for day in (*spec.worked, *spec.closed)}
    starts, ends = [start], [start]
    for stretch in _stretches(calendar.zone, start, end):
        _lay_out(stretch, week, special, starts, ends)
    return _Table((first_year, last_year), (start, end), (starts, ends))


def _seconds(hours: Intervals) -> Intervals:
    return tuple((a * 60, b * 60) for a, b in sorted(hours))


class _Stretch(NamedTuple):
    start: int
    end: int
    offset: int


def _lay_out(
    stretch: _Stretch, week: list[Intervals], special: dict[int, Intervals], starts: list[int], ends: list[int]
) -> None:
    """Append the open intervals of one stretch, cut to it; adjoining intervals become one."""
    start, end, offset = stretch
    for number in range((start + offset) // DAY_S, (end + offset - 1) // DAY_S + 1):
        midnight = number * DAY_S - offset
        for a, b in special.get(number, week[number % 7]):
            x, y = midnight + a, midnight + b
            x, y = (x if x > start else start), (y if y < end else end)
            if x < y:
                if x == ends[-1]:
                    ends[-1] = y
                else:
                    starts.append(x)
                    ends.append(y)


def _stretches(zone: ZoneInfo, start: int, end: int) -> list[_Stretch]:
    """[start, end) cut where the zone's UTC offset changes. Days are probed, a change is then found by halving."""
    found: list[_Stretch] = []
    begun, offset, t = start, _offset(zone, start), start
    while t < end:
        after = min(t + DAY_S, end)
        if (later := _offset(zone, after)) != offset:
            change = _change(zone, t, after, offset)
            found.append(_Stretch(begun, change, offset))
            begun, offset = change, later
        t = after
    if begun < end:
        found.append(_Stretch(begun, end, offset))
    return found


def _offset(zone: ZoneInfo, t: int) -> int:
    moment = _EPOCH + timedelta(seconds=t)
    shift = moment.astimezone(zone).utcoffset()
    if shift is None:
        raise CalendarError.of("unknown_zone", tz=zone.key)
    return shift.days * DAY_S + shift.seconds


def _change(zone: ZoneInfo, before: int, after: int, offset: int) -> int:
    """The first second in (before, after] whose offset is no longer `offset`."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after
