"""When requests come to the made-up centre: by weekday, hour, statutory days and make-up days. Pure."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from jiying.core.statutory import Statutory, statutory_days

BY_WEEKDAY = (1.25, 1.12, 1.04, 1.0, 0.98, 0.62, 0.52)
BY_HOUR = (4, 2, 1, 1, 1, 2, 6, 14, 40, 84, 100, 88, 58, 62, 88, 96, 84, 68, 46, 44, 48, 40, 24, 10)
HOLIDAY, MAKE_UP, AFTER_CLOSED, AFTER_MAKE_UP = 0.42, 1.1, 1.35, 1.15
_DAY = timedelta(days=1)


def days_known(first: date, last: date) -> Statutory:
    return statutory_days(range(first.year, last.year + 1))


def factor(day: date, known: Statutory) -> float:
    """How busy a day is beside an ordinary Thursday."""
    if day in known.closed:
        return HOLIDAY
    if day in known.worked:
        return MAKE_UP
    usual = BY_WEEKDAY[day.weekday()]
    if day - _DAY in known.closed and day.weekday() < 5:
        return usual * AFTER_CLOSED
    return usual * AFTER_MAKE_UP if day - _DAY in known.worked else usual


def receipts(rng: Random, now: datetime, days: int, per_day: float, zone: str) -> Iterator[datetime]:
    """Instants of receipt over the last days, in order, up to `now`; `per_day` is the mean of an ordinary day."""
    here = ZoneInfo(zone)
    today = now.astimezone(here).date()
    known = days_known(today - _DAY * days, today)
    for back in range(days, -1, -1):
        day = today - _DAY * back
        mean = per_day * factor(day, known)
        count = max(0, round(rng.gauss(mean, mean**0.5)))
        midnight = datetime.combine(day, time(), here)
        hours = rng.choices(range(24), BY_HOUR, k=count)
        seconds = sorted(hour * 3600 + rng.randrange(3600) for hour in hours)
        for second in seconds:
            at = (midnight + timedelta(seconds=second)).astimezone(now.tzinfo)
            if now - _DAY * days <= at < now:
                yield at
