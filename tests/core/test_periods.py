"""Periods of reports: whole days of a zone; the period before is as long, and before a month the month before."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.periods import KINDS, between, of

DAYS = st.dates(date(1990, 1, 31), date(2190, 1, 1))


@given(DAYS, st.sampled_from(KINDS))
def test_periods_follow_each_other_without_a_gap(day, kind):
    period = of(kind, day)
    assert period.first <= day <= period.last
    assert period.before.last == period.first - timedelta(days=1)
    assert period.after.first == period.last + timedelta(days=1)
    assert period.after.before == period == period.before.after


def test_weeks_begin_on_monday_and_months_have_their_own_length():
    assert (of("week", date(2026, 9, 9)).first, of("week", date(2026, 9, 9)).last) == (
        date(2026, 9, 7),
        date(2026, 9, 13),
    )
    assert of("month", date(2028, 2, 3)).last == date(2028, 2, 29)
    assert of("month", date(2026, 1, 31)).before == of("month", date(2025, 12, 1))


def test_days_are_those_of_the_zone():
    day = of("day", date(2026, 9, 9))
    shanghai = ZoneInfo("Asia/Shanghai")
    assert day.since(shanghai) == datetime(2026, 9, 8, 16, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    change = of("day", date(2026, 10, 25))
    assert change.until(berlin).astimezone(UTC) - change.since(berlin).astimezone(UTC) == timedelta(hours=25)


def test_a_stretch_cannot_end_before_it_begins():
    assert between(date(2026, 9, 1), date(2026, 9, 10)).before == between(date(2026, 8, 22), date(2026, 8, 31))
    for first, last in ((date(2026, 9, 2), date(2026, 9, 1)), (date(2000, 1, 1), date(2026, 1, 1))):
        with pytest.raises(ValueError):
            between(first, last)
