"""Speed of business-time arithmetic, one call and batches, beside other libraries: `-m bench.calendars`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from bench.table import Table, median_s, peer, show
from jiying.core import kernels
from jiying.core.calendars import Calendar, CalendarSpec, compile_calendar
from jiying.core.statutory import seeded

ZONE = ZoneInfo("Asia/Shanghai")
FIRST, LAST = 2018, 2026
N_ONE, N_SLOW, N_MANY = 50_000, 100, 1_000_000
NAIVE_OFFSET_S = 8 * 3600


def spec() -> CalendarSpec:
    """Mon-Fri 09:00-12:00 and 13:30-18:00 with the statutory days of nine years."""
    hours = ((540, 720), (810, 1080))
    return seeded(CalendarSpec("Asia/Shanghai", {day: hours for day in range(5)}), range(FIRST, LAST + 1))


def off_days(calendar: Calendar) -> list[date]:
    """Every date that is not worked, weekends too: how peers without make-up days can be told of them."""
    first = date(FIRST, 1, 1)
    dates = (first + timedelta(days) for days in range((date(LAST + 1, 1, 1) - first).days))
    return [day for day in dates if not calendar.spec.hours_of(day)]


def instants(n: int) -> tuple[Any, Any, Any]:
    """Random starts, ends 0-14 days later, and durations of 1 minute to 40 hours."""
    rng = np.random.default_rng(1)
    low, high = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (FIRST, LAST))
    a = rng.integers(low, high, n)
    return a, a + rng.integers(0, 14 * 86400, n), rng.integers(60, 40 * 3600, n)


def build() -> Calendar:
    """Compile, and reach over all years: a calendar compiles its years when first asked."""
    calendar = compile_calendar(spec())
    calendar.between(
        int(datetime(FIRST, 1, 2, tzinfo=UTC).timestamp()), int(datetime(LAST, 12, 1, tzinfo=UTC).timestamp())
    )
    return calendar


def one_call(calendar: Calendar) -> None:
    """Single calls on integers and on datetimes."""
    a, b, d = (x.tolist() for x in instants(N_ONE))
    moments = [(datetime.fromtimestamp(x, UTC), datetime.fromtimestamp(y, UTC)) for x, y in zip(a, b, strict=True)]
    table = Table("Business time, one call", "between, integers")
    pairs, waits = list(zip(a, b, strict=True)), list(zip(a, d, strict=True))
    table.add("between, integers", median_s(lambda: [calendar.between(x, y) for x, y in pairs]), N_ONE)
    table.add("add, integers", median_s(lambda: [calendar.add(x, y) for x, y in waits]), N_ONE)
    table.add("between, aware datetimes", median_s(lambda: [calendar.between_dt(x, y) for x, y in moments]), N_ONE)
    starts = [(x, wait) for (x, _), wait in zip(moments, d, strict=True)]
    table.add("add, aware datetimes in and out", median_s(lambda: [calendar.add_dt(x, y) for x, y in starts]), N_ONE)
    local = [(x.astimezone(ZONE), y.astimezone(ZONE)) for x, y in moments[:N_SLOW]]
    truth = [calendar.between(x, y) for x, y in pairs[:N_SLOW]]
    for measure in (businesstimedelta_row, businesstime_row, pandas_row):
        measure(table, calendar, local, truth)
    table.print()


def businesstimedelta_row(table: Table, calendar: Calendar, moments: list[Any], truth: list[int]) -> None:
    """A seven-day week with every off-day listed: the form in which it knows make-up days."""
    module, pytz = peer("businesstimedelta"), peer("pytz")
    if not module or not pytz:
        return
    zone, week = pytz.timezone("Asia/Shanghai"), list(range(7))
    rules = module.Rules(
        [
            module.WorkDayRule(start_time=time(9), end_time=time(18), working_days=week, tz=zone),
            module.LunchTimeRule(start_time=time(12), end_time=time(13, 30), working_days=week, tz=zone),
            module.HolidayRule({day: "off" for day in off_days(calendar)}, tz=zone),
        ]
    )
    found = [x.hours * 3600 + x.seconds for x in (rules.difference(a, b) for a, b in moments)]
    seconds = median_s(lambda: [rules.difference(a, b) for a, b in moments], 1, 0)
    table.add("businesstimedelta difference", seconds, len(moments), f"right {share(found, truth)}")


def businesstime_row(table: Table, calendar: Calendar, moments: list[Any], truth: list[int]) -> None:
    """One interval a day, naive time: a call for the morning and one for the afternoon."""
    module, holidays = peer("businesstime"), peer("businesstime.holidays")
    if not module or not holidays:
        return
    off = set(off_days(calendar))
    days = type("OffDays", (holidays.Holidays,), {"rules": [], "isholiday": lambda _self, day: day in off})()
    spans = [((9, 0), (12, 0)), ((13, 30), (18, 0))]
    parts = [
        (
            module.BusinessTime(business_hours=(time(*x), time(*y)), weekends=(), holidays=days),
            y[0] * 60 + y[1] - x[0] * 60 - x[1],
        )
        for x, y in spans
    ]
    naive = [(a.replace(tzinfo=None), b.replace(tzinfo=None)) for a, b in moments]

    def difference(a: datetime, b: datetime) -> int:
        found = [(part.businesstimedelta(a, b), minutes) for part, minutes in parts]
        return sum(x.days * minutes * 60 + x.seconds for x, minutes in found)

    found = [difference(a, b) for a, b in naive]
    seconds = median_s(lambda: [difference(a, b) for a, b in naive], 3, 0)
    table.add("businesstime businesstimedelta (two calls)", seconds, len(moments), f"right {share(found, truth)}")


def pandas_row(table: Table, calendar: Calendar, moments: list[Any], _truth: list[int]) -> None:
    """It adds whole hours only, and has no between."""
    pandas = peer("pandas")
    if not pandas:
        return
    off = [np.datetime64(day) for day in off_days(calendar)]
    hour = pandas.offsets.CustomBusinessHour(
        start=["09:00", "13:30"], end=["12:00", "18:00"], weekmask="1111111", holidays=off
    )
    starts = [pandas.Timestamp(a.replace(tzinfo=None)) for a, _ in moments]
    found = [int((x + hour * 8).timestamp()) - NAIVE_OFFSET_S for x in starts]
    truth = [calendar.add(int(a.timestamp()), 8 * 3600) for a, _ in moments]
    seconds = median_s(lambda: [x + hour * 8 for x in starts], 3, 0)
    table.add("pandas CustomBusinessHour, add 8 hours", seconds, len(moments), f"right {share(found, truth)}")


def batches(calendar: Calendar) -> None:
    """A million operations on arrays."""
    a, b, d = instants(N_MANY)
    days: Any = [(x + NAIVE_OFFSET_S).astype("datetime64[s]").astype("datetime64[D]") for x in (a, b)]
    off = np.busdaycalendar("1111111", [np.datetime64(day) for day in off_days(calendar)])
    out = np.empty_like(a)
    same = (kernels.between_many(calendar, a, b) == calendar.between_many(a, b)).all()
    table = Table("Business time, batches of 1,000,000", "numpy busday_count (whole days only)")
    for what, run in (
        ("between, kernel (two tables)", lambda: kernels.between_many(calendar, a, b)),
        ("add, kernel (two tables)", lambda: kernels.add_many(calendar, a, d)),
        ("between, numpy searchsorted", lambda: calendar.between_many(a, b)),
        ("add, numpy searchsorted", lambda: calendar.add_many(a, d)),
        ("numpy busday_count (whole days only)", lambda: np.busday_count(days[0], days[1], busdaycal=off)),
        ("limit: numpy b - a over the same arrays", lambda: np.subtract(b, a, out=out)),
    ):
        table.add(what, median_s(run), N_MANY)
    table.print()
    show(f"kernel and calendar agree: {same}")


def share(found: list[int], truth: list[int]) -> str:
    """How many answers are right."""
    return f"{sum(x == y for x, y in zip(found, truth, strict=True)) / len(truth):.0%}"


def main() -> None:
    """Print both tables, and what compiling costs."""
    show(f"compile nine years with statutory days: {median_s(build) * 1e3:.1f} ms")
    calendar = build()
    one_call(calendar)
    batches(calendar)


if __name__ == "__main__":
    main()
