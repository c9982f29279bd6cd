"""Chinese statutory days: known truths, agreement of the two sources, and years that nobody knows yet."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from jiying.core import statutory
from jiying.core.calendars import CalendarSpec, compile_calendar
from jiying.core.statutory import Statutory, seeded, statutory_days

HOURS = ((540, 720), (810, 1080))
WORK = CalendarSpec("Asia/Shanghai", {day: HOURS for day in range(5)})


def test_make_up_workdays_of_2026() -> None:
    days = statutory_days([2026])
    assert sorted(days.worked) == [date(2026, *x) for x in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))]
    assert days.worked[date(2026, 1, 4)] == 4  # Sunday, for Friday the 2nd
    assert days.worked[date(2026, 9, 20)] == 1  # Sunday, for Tuesday 6 October
    assert days.covered_years == (2026,)


def test_closed_days_have_chinese_names_and_hold_weekends() -> None:
    closed = statutory_days([2026]).closed
    assert closed[date(2026, 2, 15)] == "春节"  # a Sunday: off even for a shop that opens on Sundays
    assert closed[date(2026, 10, 7)] == "国庆节"
    assert date(2026, 2, 14) not in closed
    assert {day.year for day in closed} == {2026}


def test_a_year_without_a_notice_is_not_covered() -> None:
    days = statutory_days([2026, 2027, 2028])
    assert days.covered_years == (2026,)
    assert not [day for day in (*days.closed, *days.worked) if day.year != 2026]
    assert statutory_days([2027]) == statutory_days([]) == Statutory({}, {}, ())


def test_a_make_up_day_announced_by_the_next_years_notice() -> None:
    """31 December 2005 was worked for 3 January 2006; chinesecalendar does not have it."""
    assert statutory_days([2005]).worked[date(2005, 12, 31)] == 1


def test_an_older_year_comes_from_the_second_source() -> None:
    days = statutory_days([2003])
    assert days.covered_years == (2003,)
    assert days.worked[date(2003, 9, 27)] == 0  # for Monday 6 October
    assert days.closed[date(2003, 10, 4)] == "国庆节"  # the Saturday within


def test_both_sources_agree_on_every_weekday_and_make_up_day() -> None:
    years = list(range(2006, 2027))
    first, second = statutory._of_chinesecalendar(years), statutory._of_holidays(years)

    def weekdays(days: Statutory) -> set[date]:
        return {day for day in days.closed if day.weekday() < 5 and day.year in years}

    assert len(weekdays(first)) > 300
    assert weekdays(first) == weekdays(second)
    assert set(first.worked) == {day for day in second.worked if day.year in years}


@pytest.mark.parametrize("year", range(2004, 2027))
def test_closed_and_worked_never_meet(year: int) -> None:
    days = statutory_days([year])
    assert days.covered_years == (year,)
    assert not days.closed.keys() & days.worked.keys()
    assert all(day.weekday() >= 5 for day in days.worked)


def test_seeded_calendar_works_the_make_up_saturday() -> None:
    spec = seeded(WORK, range(2024, 2030))
    calendar = compile_calendar(spec)
    assert (spec.first_year, spec.last_year) == (2024, 2026)
    midnight = 1771084800 - 86400  # 2026-02-14 00:00 in Shanghai
    assert calendar.between(midnight, midnight + 86400) == 27000
    assert calendar.between(midnight + 86400, midnight + 10 * 86400) == 0
    assert not calendar.covers(midnight + 365 * 86400)


def test_seeding_keeps_what_was_entered_by_hand() -> None:
    by_hand = replace(WORK, closed={date(2026, 1, 4): "盘点"}, worked={date(2026, 10, 1): HOURS})
    spec = seeded(by_hand, [2026])
    assert spec.closed[date(2026, 1, 4)] == "盘点" and date(2026, 1, 4) not in spec.worked
    assert spec.worked[date(2026, 10, 1)] == HOURS and date(2026, 10, 1) not in spec.closed
    assert compile_calendar(spec).spec == spec
    assert seeded(by_hand, [2031]) == by_hand


def test_seeding_leaves_out_make_up_days_for_weekdays_never_worked() -> None:
    spec = seeded(replace(WORK, weekly={day: HOURS for day in range(4)}), [2026])
    assert date(2026, 1, 4) not in spec.worked  # for a Friday
    assert date(2026, 9, 20) in spec.worked  # for a Tuesday


def test_importing_the_room_does_not_load_the_sources() -> None:
    """Web processes import core; the holiday tables load only when a calendar is seeded."""
    code = "import sys, jiying.core.statutory; print([m for m in ('holidays', 'chinese_calendar') if m in sys.modules])"
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert result.stdout.strip() == "[]"


def test_weekend_fill_stops_at_workdays() -> None:
    friday = date(2026, 5, 1)
    filled = statutory._with_weekends({friday: "x"}, {friday + timedelta(2): 0})
    assert filled == {friday: "x", friday + timedelta(1): "x"}
