"""Calendars by worked example: DST, 24:00, midnight, make-up workdays, closed months, the horizon, bad documents."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from jiying.core.calendars import LAST_INSTANT, Calendar, CalendarError, CalendarSpec, compile_calendar, problems

SHANGHAI, BERLIN, NEW_YORK = "Asia/Shanghai", "Europe/Berlin", "America/New_York"
SPLIT = ((540, 720), (810, 1080))
WEEKDAYS = {day: SPLIT for day in range(5)}
ROUND_THE_CLOCK = {day: ((0, 1440),) for day in range(7)}
HOUR = 3600


def at(zone: str, text: str, fold: int = 0) -> int:
    """Epoch seconds of a local reading such as '2024-03-31 02:30'."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def work(**changes: Any) -> Calendar:
    """Mon-Fri 09:00-12:00 and 13:30-18:00 in Shanghai, with the given parts changed."""
    return compile_calendar(replace(CalendarSpec(SHANGHAI, WEEKDAYS), **changes))


MAKE_UP = {date(2024, 2, 4): 0}
HOLIDAY = {date(2024, 10, 3): "国庆节"}
EVENING = {day: ((1080, 1440),) for day in range(7)}
NIGHT = {day: ((0, 360), (1320, 1440)) for day in range(7)}

BETWEEN = [
    ("make-up Sunday", SHANGHAI, WEEKDAYS, ("2024-02-04 09:00", "2024-02-04 18:00"), 450),
    ("statutory holiday", SHANGHAI, WEEKDAYS, ("2024-10-03 09:00", "2024-10-03 18:00"), 0),
    ("lunch break", SHANGHAI, WEEKDAYS, ("2024-03-05 11:30", "2024-03-05 14:00"), 60),
    ("hours to 24:00", SHANGHAI, EVENING, ("2024-03-05 23:00", "2024-03-06 01:00"), 60),
    ("over midnight", SHANGHAI, NIGHT, ("2024-03-05 23:00", "2024-03-06 05:00"), 360),
    ("gap, round the clock", BERLIN, ROUND_THE_CLOCK, ("2024-03-31 00:00", "2024-03-31 04:00"), 180),
    ("overlap, round the clock", BERLIN, ROUND_THE_CLOCK, ("2024-10-27 00:00", "2024-10-27 04:00"), 300),
    ("gap inside hours", NEW_YORK, {d: ((60, 300),) for d in range(7)}, ("2024-03-10 00:00", "2024-03-10 06:00"), 180),
    ("overlap inside", NEW_YORK, {d: ((60, 300),) for d in range(7)}, ("2024-11-03 00:00", "2024-11-03 06:00"), 300),
    ("opens inside overlap", BERLIN, {6: ((150, 300),)}, ("2024-10-27 00:00", "2024-10-27 06:00"), 180),
    ("closes inside overlap", BERLIN, {6: ((0, 150),)}, ("2024-10-27 00:00", "2024-10-27 06:00"), 180),
    ("only inside the gap", BERLIN, {6: ((120, 180),)}, ("2024-03-31 00:00", "2024-03-31 06:00"), 0),
    ("weekend over DST", BERLIN, {d: ((540, 1020),) for d in range(5)}, ("2024-03-29 16:00", "2024-04-01 10:00"), 120),
    ("half-hour DST", "Australia/Lord_Howe", ROUND_THE_CLOCK, ("2024-04-07 00:00", "2024-04-07 04:00"), 270),
    ("a day that never was", "Pacific/Apia", ROUND_THE_CLOCK, ("2011-12-29 00:00", "2011-12-31 00:00"), 1440),
    ("starts after closing", SHANGHAI, WEEKDAYS, ("2024-03-05 20:00", "2024-03-06 10:00"), 60),
    ("end before start", SHANGHAI, WEEKDAYS, ("2024-03-06 10:00", "2024-03-05 10:00"), -450),
    ("no time at all", SHANGHAI, WEEKDAYS, ("2024-03-06 10:00", "2024-03-06 10:00"), 0),
]


@pytest.mark.parametrize(("zone", "weekly", "ends", "minutes"), [x[1:] for x in BETWEEN], ids=[x[0] for x in BETWEEN])
def test_between_by_worked_example(zone: str, weekly: Any, ends: tuple[str, str], minutes: int) -> None:
    calendar = compile_calendar(CalendarSpec(zone, weekly, closed=HOLIDAY, worked=MAKE_UP if 0 in weekly else {}))
    assert calendar.between(at(zone, ends[0]), at(zone, ends[1])) == minutes * 60


def test_overlap_counts_both_occurrences() -> None:
    calendar = compile_calendar(CalendarSpec(BERLIN, ROUND_THE_CLOCK))
    assert calendar.between(at(BERLIN, "2024-10-27 02:30"), at(BERLIN, "2024-10-27 02:30", fold=1)) == HOUR


ADD = [
    ("zero outside hours stays", "2024-03-05 20:00", 0, "2024-03-05 20:00"),
    ("ends at the closing instant", "2024-03-05 17:00", HOUR, "2024-03-05 18:00"),
    ("one second more", "2024-03-05 17:00", HOUR + 1, "2024-03-06 09:00:01"),
    ("from lunch", "2024-03-05 12:30", HOUR, "2024-03-05 14:30"),
    ("to the lunch break's start", "2024-03-05 09:00", 3 * HOUR, "2024-03-05 12:00"),
    ("over a weekend", "2024-03-08 17:30", HOUR, "2024-03-11 09:30"),
    ("onto a make-up Sunday", "2024-02-02 17:30", HOUR, "2024-02-04 09:30"),
    ("over a holiday", "2024-10-02 17:30", HOUR, "2024-10-04 09:30"),
]


@pytest.mark.parametrize(("start", "seconds", "due"), [x[1:] for x in ADD], ids=[x[0] for x in ADD])
def test_add_by_worked_example(start: str, seconds: int, due: str) -> None:
    calendar = work(closed=HOLIDAY, worked=MAKE_UP)
    assert calendar.add(at(SHANGHAI, start), seconds) == at(SHANGHAI, due)


def test_docs_worked_example() -> None:
    """The example of docs/algorithms/calendars.md: eight hours promised on the Friday before the Spring Festival."""
    closed = {date(2026, 2, day): "春节" for day in range(15, 24)}
    calendar = work(closed=closed, worked={date(2026, 2, 14): 4, date(2026, 2, 28): 0})
    start = at(SHANGHAI, "2026-02-13 16:30")
    due = calendar.add(start, 8 * HOUR)
    assert due == at(SHANGHAI, "2026-02-14 17:00")
    assert calendar.add(start, 3 * calendar.working_day_s) == at(SHANGHAI, "2026-02-25 16:30")
    assert calendar.between(start, at(SHANGHAI, "2026-02-28 18:00")) == 5400 + 6 * 27000


def test_add_on_the_gap_day() -> None:
    calendar = compile_calendar(CalendarSpec(BERLIN, ROUND_THE_CLOCK))
    assert calendar.add(at(BERLIN, "2024-03-31 01:30"), HOUR) == at(BERLIN, "2024-03-31 03:30")


def test_own_hours_of_a_make_up_day_and_weekday_hours() -> None:
    weekly = {0: ((540, 1080),), 4: ((540, 720),)}
    calendar = work(weekly=weekly, worked={date(2026, 2, 14): 4, date(2026, 2, 28): ((600, 660),)})
    assert calendar.intervals(at(SHANGHAI, "2026-02-14 00:00"), at(SHANGHAI, "2026-02-15 00:00")) == [
        (at(SHANGHAI, "2026-02-14 09:00"), at(SHANGHAI, "2026-02-14 12:00"))
    ]
    assert calendar.between(at(SHANGHAI, "2026-02-28 00:00"), at(SHANGHAI, "2026-03-01 00:00")) == HOUR


def test_closed_for_months() -> None:
    season = {date(2026, 11, 1) + timedelta(days): "off season" for days in range(150)}
    calendar = work(closed=season)
    assert calendar.add(at(SHANGHAI, "2026-10-30 17:59"), 120) == at(SHANGHAI, "2027-03-31 09:01")


def test_twenty_four_seven_is_wall_time() -> None:
    calendar = compile_calendar(CalendarSpec(BERLIN, ROUND_THE_CLOCK))
    a = at(BERLIN, "2024-01-15 07:08:09")
    assert [calendar.add(a, d) for d in (0, 1, 10**8)] == [a, a + 1, a + 10**8]
    assert calendar.between(a - 10**9, a) == 10**9
    assert calendar.working_day_s == 86400


def test_is_open_and_next_open() -> None:
    calendar = work()
    opens, shuts = at(SHANGHAI, "2024-03-05 09:00"), at(SHANGHAI, "2024-03-05 12:00")
    assert [calendar.is_open(t) for t in (opens - 1, opens, shuts - 1, shuts)] == [False, True, True, False]
    assert [calendar.next_open(t) for t in (opens - 7, opens, shuts - 1)] == [opens, opens, shuts - 1]
    assert calendar.next_open(shuts) == at(SHANGHAI, "2024-03-05 13:30")


def test_intervals_are_cut_to_their_ends() -> None:
    a, b = at(SHANGHAI, "2024-03-05 10:00"), at(SHANGHAI, "2024-03-05 14:00")
    assert work().intervals(a, b) == [
        (a, at(SHANGHAI, "2024-03-05 12:00")),
        (at(SHANGHAI, "2024-03-05 13:30"), b),
    ]
    assert work().intervals(at(SHANGHAI, "2024-03-05 12:00"), at(SHANGHAI, "2024-03-05 13:30")) == []
    assert work().intervals(b, a) == []


def test_covers_goes_by_the_local_year() -> None:
    calendar = work(first_year=2024, last_year=2026)
    assert not calendar.covers(at(SHANGHAI, "2023-12-31 23:59"))
    assert calendar.covers(at(SHANGHAI, "2024-01-01 00:00"))
    assert calendar.covers(at(SHANGHAI, "2026-12-31 23:59"))
    assert not calendar.covers(at(SHANGHAI, "2027-01-01 00:00"))
    assert work().covers(at(SHANGHAI, "2090-01-01 00:00"))


def test_working_day_is_the_most_common_one() -> None:
    assert work().working_day_s == 27000
    assert work(weekly={0: ((540, 1020),), 1: ((540, 720),), 2: ((0, 480),)}).working_day_s == 8 * HOUR
    assert work(weekly={0: ((540, 1020),), 1: ((540, 720),)}).working_day_s == 8 * HOUR
    assert work(working_day_s=8 * HOUR).working_day_s == 8 * HOUR
    assert work(weekly={}, worked={date(2026, 1, 4): ((0, 60),)}).working_day_s == HOUR


def test_horizon_grows_both_ways_and_ends_clearly() -> None:
    calendar = work()
    middle = at(SHANGHAI, "2024-03-05 10:00")
    near = calendar.between(middle, middle + 86400)
    assert calendar.between(at(SHANGHAI, "2010-01-04 09:00"), at(SHANGHAI, "2010-01-11 09:00")) == 5 * 27000
    assert calendar.add(middle, 60 * 260 * 27000) > at(SHANGHAI, "2080-01-01 00:00")
    assert calendar.between(middle, middle + 86400) == near
    beyond: list[Callable[[], int]] = [
        lambda: calendar.between(-1, middle),
        lambda: calendar.between(middle, LAST_INSTANT),
        lambda: calendar.add(middle, 10**12),
        lambda: calendar.add(LAST_INSTANT - 60, 10 * 86400),
        lambda: calendar.next_open(LAST_INSTANT),
    ]
    for broken in beyond:
        with pytest.raises(CalendarError, match="out_of_range"):
            broken()
    with pytest.raises(CalendarError, match="negative_duration"):
        calendar.add(middle, -1)


def test_whole_range_at_once() -> None:
    calendar = compile_calendar(CalendarSpec(NEW_YORK, ROUND_THE_CLOCK))
    assert calendar.between(0, LAST_INSTANT - 1) == LAST_INSTANT - 1
    assert calendar.add(LAST_INSTANT - 60, 60) == LAST_INSTANT


def test_calendar_that_stops_opening() -> None:
    calendar = work(weekly={}, worked={date(2026, 1, 4): ((540, 600),)})
    start = at(SHANGHAI, "2026-01-01 00:00")
    assert calendar.add(start, HOUR) == at(SHANGHAI, "2026-01-04 10:00")
    with pytest.raises(CalendarError, match="out_of_range"):
        calendar.add(start, HOUR + 1)


def test_threads_that_grow_one_calendar_agree() -> None:
    calendar, truth = work(), work()
    starts = [at(SHANGHAI, f"{year}-06-03 10:00") for year in range(1990, 2060, 2)]
    expected = [truth.add(t, 10**6) for t in starts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            calendar = work()
            assert list(pool.map(calendar.add, starts, [10**6] * len(starts))) == expected


def test_datetimes() -> None:
    calendar = work()
    a = datetime(2024, 3, 5, 9, 0, tzinfo=ZoneInfo(SHANGHAI))
    assert calendar.between_dt(a, a + timedelta(hours=5)) == 3.5 * HOUR
    assert calendar.add_dt(a, 4 * HOUR) == a + timedelta(hours=5, minutes=30)
    assert calendar.add_dt(a, HOUR).tzinfo is UTC
    assert calendar.between_dt(a, a + timedelta(microseconds=1)) == 1  # rounded up: never met because of a fraction
    with pytest.raises(CalendarError, match="naive_datetime"):
        calendar.between_dt(a.replace(tzinfo=None), a)


def test_arrays_of_nothing_and_of_bad_input() -> None:
    calendar, none, some = work(), np.zeros(0, np.int64), np.array([0, 10**9])
    assert calendar.between_many(none, none).shape == (0,)
    assert calendar.add_many(none, none).shape == (0,)
    assert calendar.add_many(some, np.zeros(2, np.int64)).tolist() == some.tolist()
    with pytest.raises(CalendarError, match="negative_duration"):
        calendar.add_many(some, np.array([1, -1]))
    with pytest.raises(CalendarError, match="out_of_range"):
        calendar.between_many(some, some - 1)


# ---------------------------------------------------------------- documents
GOOD: dict[str, Any] = {
    "tz": SHANGHAI,
    "weekly": {"0": [[540, 720], [810, 1080]], "5": []},
    "closed": {"2026-01-01": "元旦"},
    "worked": {"2026-01-04": 0, "2026-02-14": [[540, 600]]},
    "first_year": 2026,
    "last_year": 2026,
    "working_day_s": None,
}


def test_json_there_and_back() -> None:
    spec = CalendarSpec.from_json(json.loads(json.dumps(GOOD)))
    assert spec.to_json() == GOOD
    assert CalendarSpec.from_json(spec.to_json()) == spec
    assert CalendarSpec.from_json({"tz": "UTC", "weekly": {"0": [[0, 1440]]}}).closed == {}


BAD = [
    ({"tz": "Mars/Olympus"}, "tz", "unknown_zone"),
    ({"tz": "../etc"}, "tz", "unknown_zone"),
    ({"tz": "Asia"}, "tz", "unknown_zone"),
    ({"tz": None}, "tz", "unknown_zone"),
    ({"weekly": None}, "weekly", "not_an_object"),
    ({"weekly": {"7": []}}, "weekly.7", "bad_weekday"),
    ({"weekly": {"0": 5}}, "weekly.0", "not_intervals"),
    ({"weekly": {"0": [[540]]}}, "weekly.0.0", "not_an_interval"),
    ({"weekly": {"0": [[540, True]]}}, "weekly.0.0", "not_an_interval"),
    ({"weekly": {"0": [[540, 540]]}}, "weekly.0.0", "end_before_start"),
    ({"weekly": {"0": [[1320, 360]]}}, "weekly.0.0", "end_before_start"),
    ({"weekly": {"0": [[540, 1441]]}}, "weekly.0.0", "outside_day"),
    ({"weekly": {"0": [[-1, 60]]}}, "weekly.0.0", "outside_day"),
    ({"weekly": {"0": [[700, 800], [540, 720]]}}, "weekly.0", "overlapping"),
    ({"weekly": {"0": []}, "worked": {}}, "weekly", "never_opens"),
    ({"weekly": {}, "worked": {"2026-01-04": []}}, "weekly", "never_opens"),
    ({"closed": {"2026-02-30": "x"}}, "closed.2026-02-30", "bad_date"),
    ({"closed": {"20260201": "x"}}, "closed.20260201", "bad_date"),
    ({"closed": {"2026-02-01": 3}}, "closed.2026-02-01", "label_not_text"),
    ({"closed": []}, "closed", "not_an_object"),
    ({"worked": []}, "worked", "not_an_object"),
    ({"worked": {"2026-01-04": 7}}, "worked.2026-01-04", "bad_weekday"),
    ({"worked": {"2026-01-04": 5}}, "worked.2026-01-04", "weekday_without_hours"),
    ({"worked": {"2026-01-04": "x"}}, "worked.2026-01-04", "not_intervals"),
    ({"worked": {"2026-01-01": 0}}, "worked.2026-01-01", "closed_and_worked"),
    ({"first_year": "2026"}, "first_year", "not_a_year"),
    ({"last_year": 2025}, "last_year", "years_reversed"),
    ({"working_day_s": 0}, "working_day_s", "not_positive"),
    ({"holidays": []}, "holidays", "unknown_field"),
]


@pytest.mark.parametrize(("change", "path", "code"), BAD, ids=[f"{x[2]}-{x[1]}" for x in BAD])
def test_problems_are_named_with_their_place(change: dict[str, Any], path: str, code: str) -> None:
    assert problems(GOOD) == []
    assert (path, code) in [(p.path, p.code) for p in problems(GOOD | change)]
    with pytest.raises(CalendarError, match=code):
        CalendarSpec.from_json(GOOD | change)


def test_a_spec_with_problems_does_not_compile() -> None:
    with pytest.raises(CalendarError, match="never_opens"):
        compile_calendar(CalendarSpec("UTC", {}))


# ---------------------------------------------------------------- vectors of another implementation
DATA = Path(os.environ.get("JIYING_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
VECTORS = DATA / "calendars" / "working_hours_vectors.json"


def _spec_of(vector: dict[str, Any]) -> CalendarSpec:
    def minutes(clock: str) -> int:
        hour, minute = clock.split(":")
        return int(hour) * 60 + int(minute)

    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    weekly = {names.index(d): tuple((minutes(a), minutes(b)) for a, b in x) for d, x in vector["hours"].items()}
    return CalendarSpec(vector["timezone"], weekly, closed={date.fromisoformat(d): "off" for d in vector["holidays"]})


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_vectors_of_working_hours() -> None:
    """All pairs that this calendar has an operation for; going backwards is checked as time between."""
    if not VECTORS.exists():
        pytest.skip(f"no test data at {VECTORS}: set JIYING_TEST_DATA to the folder that holds calendars/")
    unit, n_checked = {"add_hours": HOUR, "add_minutes": 60, "add_seconds": 1}, 0
    for vector in json.loads(VECTORS.read_text("utf-8"))["vectors"]:
        calendar, op = compile_calendar(_spec_of(vector)), vector["op"]
        if op in ("add_days", "return_to_working_time"):
            continue
        start = _instant(vector["start"])
        if op == "working_seconds_between":
            assert calendar.between(start, _instant(vector["end"])) == vector["expected"], vector
        elif op == "advance_to_working_time":
            assert calendar.next_open(start) == _instant(vector["expected"]), vector
        elif vector["amount"] > 0:
            assert calendar.add(start, vector["amount"] * unit[op]) == _instant(vector["expected"]), vector
        else:
            assert calendar.between(start, _instant(vector["expected"])) == vector["amount"] * unit[op], vector
        n_checked += 1
    assert n_checked == 30
