"""Calendars by property: random calendars in zones with odd clocks, against a count minute by minute in UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jiying.core import kernels
from jiying.core.calendars import Calendar, CalendarSpec, compile_calendar

# Each with a change of offset in the years below: by an hour, by half an hour, in the southern half, by a whole day,
# at midnight, and none at all.
ZONES = {
    "Asia/Shanghai": [],
    "Europe/Berlin": [date(2024, 3, 31), date(2024, 10, 27)],
    "America/New_York": [date(2024, 3, 10), date(2024, 11, 3)],
    "Australia/Lord_Howe": [date(2024, 4, 7), date(2024, 10, 6)],
    "Pacific/Apia": [date(2011, 12, 30)],
    "America/Sao_Paulo": [date(2018, 2, 18), date(2018, 11, 4)],
    "Africa/Casablanca": [date(2024, 3, 10), date(2024, 4, 14)],
}
MINUTE = 60
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def hours(draw: st.DrawFn, grain: int) -> tuple[tuple[int, int], ...]:
    """Up to three open intervals of a day, some adjoining, some to 24:00."""
    cuts = draw(st.lists(st.integers(0, 1440 // grain), max_size=6, unique=True).map(sorted))
    return tuple((a * grain, b * grain) for a, b in zip(cuts[::2], cuts[1::2], strict=False))


@st.composite
def specs(draw: st.DrawFn) -> tuple[CalendarSpec, date]:
    """A calendar that opens, and a day near which something is odd."""
    zone = draw(st.sampled_from(sorted(ZONES)))
    middle = draw(st.sampled_from(ZONES[zone] or [date(2024, 2, 29), date(2025, 12, 31)]))
    grain = draw(st.sampled_from([1, 5, 15, 30]))
    weekly = {day: draw(hours(grain)) for day in range(7)}
    if not any(weekly.values()):
        weekly[draw(st.integers(0, 6))] = ((0, 1440),)
    near = st.integers(-9, 9).map(lambda days: middle + timedelta(days))
    closed = {day: "off" for day in draw(st.lists(near, max_size=3))}
    open_days = [day for day, spans in weekly.items() if spans]
    taken = st.one_of(hours(grain), st.sampled_from(open_days))
    worked = {day: x for day, x in draw(st.dictionaries(near, taken, max_size=3)).items() if day not in closed}
    return CalendarSpec(zone, weekly, closed, worked), middle


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


near_seconds = st.integers(-8 * 86400, 8 * 86400)
durations = st.one_of(st.just(0), st.integers(1, 10**5), st.integers(1, 10**7))


def is_open_by_definition(calendar: Calendar, t: int) -> bool:
    """The wall-clock minute of t lies in an interval of its local day."""
    local = datetime.fromtimestamp(t, calendar.zone)
    minute = local.hour * 60 + local.minute
    return any(a <= minute < b for a, b in calendar.spec.hours_of(local.date()))


@quick
@given(specs(), st.integers(-2, 1), st.integers(0, 3 * 1440))
def test_between_is_the_count_of_open_minutes(case: tuple[CalendarSpec, date], days: int, minutes: int) -> None:
    spec, middle = case
    calendar = compile_calendar(spec)
    a = midnight(middle) + days * 86400
    instants = [a + minute * MINUTE for minute in range(minutes)]
    truth = [is_open_by_definition(calendar, t) for t in instants]
    assert calendar.between(a, a + minutes * MINUTE) == sum(truth) * MINUTE
    assert [calendar.is_open(t) for t in instants[::37]] == truth[::37]
    assert sum(end - start for start, end in calendar.intervals(a, a + minutes * MINUTE)) == sum(truth) * MINUTE


@quick
@given(specs(), near_seconds, durations)
def test_add_is_the_earliest_instant_with_that_much_open_time(
    case: tuple[CalendarSpec, date], shift: int, duration: int
) -> None:
    calendar, a = compile_calendar(case[0]), midnight(case[1]) + shift
    due = calendar.add(a, duration)
    assert due >= a
    assert calendar.between(a, due) == duration
    assert calendar.between(due, a) == -duration
    assert due == a if duration == 0 else calendar.between(a, due - 1) == duration - 1


@quick
@given(specs(), near_seconds, near_seconds, near_seconds, durations, durations)
def test_additive_and_monotone(
    case: tuple[CalendarSpec, date], x: int, y: int, z: int, first: int, second: int
) -> None:
    calendar, base = compile_calendar(case[0]), midnight(case[1])
    a, b, c = base + x, base + y, base + z
    assert calendar.between(a, b) + calendar.between(b, c) == calendar.between(a, c)
    assert calendar.add(calendar.add(a, first), second) == calendar.add(a, first + second)
    assert (calendar.between(a, b) >= 0) if a <= b else (calendar.between(a, b) <= 0)
    assert calendar.add(min(a, b), first) <= calendar.add(max(a, b), first)
    assert abs(calendar.between(a, b)) <= abs(a - b)


@quick
@given(specs(), near_seconds, durations, st.integers(-9, 40))
def test_an_added_holiday_never_brings_a_due_time_nearer(
    case: tuple[CalendarSpec, date], shift: int, duration: int, days: int
) -> None:
    spec, middle = case
    holiday = middle + timedelta(days)
    worked = {day: x for day, x in spec.worked.items() if day != holiday}
    fewer = replace(spec, closed={**spec.closed, holiday: "new"}, worked=worked)
    a = midnight(middle) + shift
    assert compile_calendar(fewer).add(a, duration) >= compile_calendar(spec).add(a, duration)


@quick
@given(specs(), near_seconds)
def test_next_open_is_open_and_nothing_before_it(case: tuple[CalendarSpec, date], shift: int) -> None:
    calendar, t = compile_calendar(case[0]), midnight(case[1]) + shift
    opens = calendar.next_open(t)
    assert opens >= t and calendar.is_open(opens)
    assert calendar.between(t, opens) == 0


@settings(max_examples=10, deadline=None)
@given(specs(), near_seconds, durations)
def test_answers_do_not_depend_on_what_was_asked_before(
    case: tuple[CalendarSpec, date], shift: int, duration: int
) -> None:
    fresh, used, a = compile_calendar(case[0]), compile_calendar(case[0]), midnight(case[1]) + shift
    used.between(midnight(date(1975, 1, 1)), midnight(date(1976, 1, 1)))
    used.add(midnight(date(2040, 1, 1)), 10**6)
    assert used.add(a, duration) == fresh.add(a, duration)


@quick
@given(specs())
def test_json_keeps_the_calendar(case: tuple[CalendarSpec, date]) -> None:
    assert CalendarSpec.from_json(case[0].to_json()) == case[0]


@settings(max_examples=25, deadline=None)
@given(specs(), st.integers(0, 2**32 - 1), st.booleans())
def test_arrays_and_kernels_answer_as_single_calls(case: tuple[CalendarSpec, date], seed: int, cornered: bool) -> None:
    """Random instants, and the very boundaries and their neighbours."""
    calendar, base, rng = compile_calendar(case[0]), midnight(case[1]), np.random.default_rng(seed)
    a, b = base + rng.integers(-(10**7), 10**7, (2, 60))
    d = rng.integers(0, 10**6, 60) * rng.integers(0, 2, 60)
    if cornered:
        bounds = [t for span in calendar.intervals(base - 10**6, base + 10**6) for t in span]
        a = rng.choice(bounds, 60) + rng.integers(-1, 2, 60)
    between = [calendar.between(int(x), int(y)) for x, y in zip(a, b, strict=True)]
    added = [calendar.add(int(x), int(y)) for x, y in zip(a, d, strict=True)]
    assert calendar.between_many(a, b).tolist() == kernels.between_many(calendar, a, b).tolist() == between
    assert calendar.add_many(a, d).tolist() == kernels.add_many(calendar, a, d).tolist() == added


def test_kernel_falls_back_where_the_grain_is_too_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = compile_calendar(CalendarSpec("Europe/Berlin", {day: ((61, 62), (600, 1001)) for day in range(7)}))
    monkeypatch.setattr(kernels, "MAX_SLOTS", 1000)
    a, d = np.array([10**9, 10**9 + 50]), np.array([10**5, 0])
    assert kernels.direct_table(calendar, 10**9, 10**9 + 50) is None
    assert kernels.add_many(calendar, a, d).tolist() == calendar.add_many(a, d).tolist()
    assert kernels.between_many(calendar, a, a + d).tolist() == calendar.between_many(a, a + d).tolist()
