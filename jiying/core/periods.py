"""Periods of reports: a day, an ISO week, a month or from–to, in whole days of the site's zone. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["day", "week", "month", "range"]
KINDS: tuple[Kind, ...] = ("day", "week", "month", "range")
LONGEST_DAYS = 3660
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of `first` to the end of `last`."""

    kind: Kind
    first: date
    last: date

    def since(self, zone: ZoneInfo) -> datetime:
        return datetime.combine(self.first, time(), zone)

    def until(self, zone: ZoneInfo) -> datetime:
        """The first instant that is not in it any more."""
        return datetime.combine(self.last + _DAY, time(), zone)

    @property
    def before(self) -> "Period":
        """The period before, as long; before a month the month before."""
        if self.kind == "month":
            return of("month", self.first - _DAY)
        length = self.last - self.first + _DAY
        return Period(self.kind, self.first - length, self.last - length)

    @property
    def after(self) -> "Period":
        if self.kind == "month":
            return of("month", self.last + _DAY)
        length = self.last - self.first + _DAY
        return Period(self.kind, self.first + length, self.last + length)


def of(kind: Kind, day: date) -> Period:
    """The day, week (from Monday) or month that a day lies in."""
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(kind, monday, monday + timedelta(days=6))
    if kind == "month":
        first = day.replace(day=1)
        return Period(kind, first, (first + timedelta(days=31)).replace(day=1) - _DAY)
    return Period(kind, day, day)


def between(first: date, last: date) -> Period:
    """From one day to another, both in it. Raises ValueError for an end before the beginning, or for over ten years."""
    if last < first or (last - first).days > LONGEST_DAYS:
        raise ValueError(f"{first} to {last}")
    return Period("range", first, last)


# Stretches that end with the present: so many whole days until yesterday, or the present or last week or month.
RECENT_DAYS = {"7d": 7, "14d": 14, "28d": 28, "56d": 56, "91d": 91, "182d": 182, "364d": 364}
RECENT = (*RECENT_DAYS, "week", "last_week", "month", "last_month")


def recent(name: str, today: date) -> Period:
    """Raises KeyError for an unknown name."""
    if name in ("week", "last_week"):
        present = of("week", today)
        return present if name == "week" else present.before
    if name in ("month", "last_month"):
        present = of("month", today)
        return present if name == "month" else present.before
    return between(today - timedelta(days=RECENT_DAYS[name]), today - _DAY)


def parts(period: Period, step: Kind) -> list[Period]:
    """The days or weeks that a period touches, in order; of a week that it cuts, the whole one."""
    found = [of(step, period.first)]
    while found[-1].last < period.last:
        found.append(found[-1].after)
    return found
