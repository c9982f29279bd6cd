"""When rules run that go by the clock: worked examples, days off, and properties over zones with and without DST."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core import timetable
from jiying.core.timetable import Timetable, next_after

SHANGHAI, BERLIN, APIA = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Apia")
HOLIDAY = {date(2026, 10, day) for day in range(1, 8)}
MAKE_UP = {date(2026, 9, 20), date(2026, 10, 10)}  # a Sunday and a Saturday that are worked


def always(day: date) -> bool:
    return True


def works(day: date) -> bool:
    return day in MAKE_UP or (day.weekday() < 5 and day not in HOLIDAY)


def times(
    table: Timetable, since: str, n: int, zone: ZoneInfo = SHANGHAI, is_open: Callable[[date], bool] = works
) -> list[str]:
    """The next n times in words, from a local time on."""
    at = int(datetime.fromisoformat(since).replace(tzinfo=zone).timestamp())
    found = []
    for _time in range(n):
        following = next_after(table, at, zone, is_open)
        assert following is not None
        at = following
        found.append(datetime.fromtimestamp(at, zone).strftime("%a %m-%d %H:%M"))
    return found


def test_each_day_also_when_the_time_has_just_come() -> None:
    table = Timetable("day", (), 9 * 60)
    assert times(table, "2026-09-09T08:59:59", 2) == ["Wed 09-09 09:00", "Thu 09-10 09:00"]
    assert times(table, "2026-09-09T09:00:00", 1) == ["Thu 09-10 09:00"]


def test_working_days_respect_holidays_and_make_up_workdays() -> None:
    table = Timetable("day", (), 9 * 60, workdays=True)
    assert times(table, "2026-09-18T10:00", 2) == ["Sun 09-20 09:00", "Mon 09-21 09:00"]
    assert times(table, "2026-09-30T10:00", 3) == ["Thu 10-08 09:00", "Fri 10-09 09:00", "Sat 10-10 09:00"]


def test_a_weekly_turn_on_a_day_off_moves_and_meets_another_once() -> None:
    table = Timetable("week", (0, 3), 8 * 60, workdays=True)  # Monday and Thursday
    assert times(table, "2026-09-28T09:00", 3) == ["Thu 10-08 08:00", "Mon 10-12 08:00", "Thu 10-15 08:00"]
    assert times(Timetable("week", (3,), 0), "2026-09-30T09:00", 2) == ["Thu 10-01 00:00", "Thu 10-08 00:00"]


def test_days_of_the_month_and_the_last_day_of_a_short_one() -> None:
    table = Timetable("month", (1, 31), 23 * 60 + 59)
    assert times(table, "2027-01-30T00:00", 4) == [
        "Sun 01-31 23:59", "Mon 02-01 23:59", "Sun 02-28 23:59", "Mon 03-01 23:59",
    ]  # fmt: skip
    assert times(Timetable("month", (1,), 540, workdays=True), "2026-09-30T00:00", 1) == ["Thu 10-08 09:00"]


def test_where_the_clocks_change() -> None:
    night = Timetable("day", (), 2 * 60 + 30)
    assert times(night, "2026-03-28T12:00", 2, BERLIN) == ["Sun 03-29 03:30", "Mon 03-30 02:30"]  # 02:30 is skipped
    at = next_after(night, int(datetime(2026, 10, 24, 12, tzinfo=UTC).timestamp()), BERLIN, always)
    assert at is not None
    assert datetime.fromtimestamp(at, UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first of two
    assert times(night, "2026-10-25T02:30", 1, BERLIN) == ["Mon 10-26 02:30"]  # not a second time


def test_a_calendar_that_never_opens_has_no_next_time() -> None:
    assert next_after(Timetable("day", (), 0, workdays=True), 0, SHANGHAI, lambda day: False) is None


TABLES = st.one_of(
    st.builds(Timetable, st.just("day"), st.just(()), st.integers(0, 1439), st.booleans()),
    st.builds(Timetable, st.just("week"), st.sets(st.integers(0, 6), min_size=1).map(lambda s: tuple(sorted(s))),
              st.integers(0, 1439), st.booleans()),
    st.builds(Timetable, st.just("month"), st.sets(st.integers(1, 31), min_size=1).map(lambda s: tuple(sorted(s))),
              st.integers(0, 1439), st.booleans()),
)  # fmt: skip
INSTANTS = st.integers(1_300_000_000, 1_900_000_000)


@given(TABLES, INSTANTS, st.sampled_from([SHANGHAI, BERLIN, APIA]))
def test_it_is_later_rests_in_between_and_comes_at_most_once_a_day(
    table: Timetable, since: int, zone: ZoneInfo
) -> None:
    found, at = [], since
    for _time in range(6):
        following = next_after(table, at, zone, works)
        assert following is not None and following > at
        assert next_after(table, following - 1, zone, works) == following  # nothing lies in between
        at = following
        found.append(datetime.fromtimestamp(at, zone))
    days = [one.date() for one in found]
    assert all(a < b for a, b in pairwise(days))
    assert not table.workdays or all(works(day) for day in days)
    shown = {one.hour * 60 + one.minute for one in found}
    assert shown == {table.minute} or zone is not SHANGHAI  # only where no clocks are changed


@given(TABLES, INSTANTS)
def test_shanghai_has_every_named_day_and_no_other(table: Timetable, since: int) -> None:
    """Against a walk over all minutes' days, without days off."""
    plain = Timetable(table.every, table.days, table.minute)
    start = datetime.fromtimestamp(since, SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = [
        day
        for n in range(70)
        if plain.names((day := start + timedelta(days=n)).date())
        and day + timedelta(minutes=plain.minute) > datetime.fromtimestamp(since, SHANGHAI)
    ]
    at = since
    for day in wanted[:8]:
        following = next_after(plain, at, SHANGHAI, always)
        assert following == int((day + timedelta(minutes=plain.minute)).timestamp())
        at = following


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ({}, {"when.every", "when.at"}),
        ({"every": "day", "at": "9:00"}, set()),
        ({"every": "day", "at": "24:00"}, {"when.at"}),
        ({"every": "day", "at": "９:00"}, {"when.at"}),
        ({"every": "week", "at": "09:00", "days": []}, {"when.days"}),
        ({"every": "week", "at": "09:00", "days": [7]}, {"when.days"}),
        ({"every": "month", "at": "09:00", "days": [0, True]}, {"when.days"}),
        ({"every": "year", "at": "09:00", "workdays": "yes"}, {"when.every", "when.workdays"}),
    ],
)
def test_what_is_wrong_with_one(when: dict[str, object], where: set[str]) -> None:
    assert {problem.path for problem in timetable.problems("when", when)} == where
