"""Days as CSV and ICS files (C2): both ways the same, every unreadable line named, and what a file changes."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.calendar_files import (
    Changed,
    Day,
    applied,
    changed_days,
    copied_year,
    days_of,
    read_csv,
    read_ics,
    write_csv,
    write_ics,
)
from jiying.core.calendars import CalendarSpec

WORKDAY = ((540, 1080),)
SPEC = CalendarSpec(
    tz="Asia/Shanghai",
    weekly={day: WORKDAY for day in range(5)},
    closed={date(2026, 1, 1): "元旦", date(2026, 2, 17): "春节"},
    worked={date(2026, 2, 14): 4},
    first_year=2020,
    last_year=2026,
)
STAMP = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_csv_is_read_as_it_is_typed() -> None:
    found = read_csv(
        "\ufeff日期,类型,名称,时间\n"
        "2027-01-01,休,元旦,\n"
        "2027/1/2,班,,\n"
        "2027年1月3日,worked,,09:00-12:00 13:30-18:00\n"
        "20270104,worked,,周五\n"
        "2027-01-05,usual,,\n"
    )
    assert found.unread == ()
    assert found.days == (
        Day(date(2027, 1, 1), closed="元旦"),
        Day(date(2027, 1, 2), worked=4),  # a Saturday has Friday's hours
        Day(date(2027, 1, 3), worked=((540, 720), (810, 1080))),
        Day(date(2027, 1, 4), worked=4),
        Day(date(2027, 1, 5)),
    )


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("", 1, "empty"),
        ("day,kind\n", 1, "no_column"),
        ("date,kind\n2027-02-29,closed", 2, "bad_date"),
        ("date,kind\n1666-01-01,closed", 2, "bad_date"),
        ("date,kind,name\n2027-01-01,closed,", 2, "no_name"),
        ("date,kind,name\n2027-01-01,closed," + "x" * 41, 2, "long_name"),
        ("date,kind,name\n2027-01-01,maybe,", 2, "bad_kind"),
        ("date,kind,hours\n\n2027-01-01,worked,nine to five", 3, "bad_hours"),
        ("date,kind,hours\n2027-01-01,worked,09:00-12:00 and more", 2, "bad_hours"),
        ("date,kind,name\n2027-01-01,closed,a\n2027-01-01,usual,", 3, "twice"),
        ("date,kind\n" + "2027-01-01,usual\n" * 5001, 1, "too_many"),
    ],
)
def test_each_unreadable_line_is_named(text: str, line: int, code: str) -> None:
    assert (line, code) in [(one.line, one.code) for one in read_csv(text).unread]


def test_good_lines_are_read_beside_bad_ones() -> None:
    found = read_csv("date,kind,name\n2027-01-01,closed,元旦\nrubbish,closed,x\n")
    assert [day.date for day in found.days] == [date(2027, 1, 1)]
    assert [one.line for one in found.unread] == [3]


@given(st.text(max_size=300))
def test_no_text_is_a_failure(text: str) -> None:
    read_csv(text)
    read_csv("date,kind,name,hours\n" + text)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_failure(data: bytes) -> None:
    read_ics(data)
    read_ics(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + data + b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")


def event(*lines: str) -> bytes:
    return "\r\n".join(("BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", "")).encode()


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        (
            ("DTSTART;VALUE=DATE:20270101", "DTEND;VALUE=DATE:20270104", "SUMMARY:元旦（休）"),
            [Day(date(2027, 1, n), closed="元旦") for n in (1, 2, 3)],
        ),
        (("DTSTART;VALUE=DATE:20270109", "SUMMARY:元旦 补班"), [Day(date(2027, 1, 9), worked=4)]),
        (
            ("DTSTART;VALUE=DATE:20270110", "SUMMARY:Spring", "X-APPLE-SPECIAL-DAY:ALTERNATE-WORKDAY"),
            [Day(date(2027, 1, 10), worked=0)],
        ),
        (
            ("DTSTART;VALUE=DATE:20270111", "SUMMARY:值班表休", "X-APPLE-SPECIAL-DAY:WORK-HOLIDAY"),
            [Day(date(2027, 1, 11), closed="值班表")],
        ),
        (
            ("DTSTART:20270112T000000", "DTEND:20270113T000000", "SUMMARY:Closed"),
            [Day(date(2027, 1, 12), closed="Closed")],
        ),
    ],
)
def test_whole_day_events_are_days(lines: tuple[str, ...], days: list[Day]) -> None:
    assert read_ics(event(*lines)) == (tuple(days), ())


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("DTSTART;VALUE=DATE:20270101", "RRULE:FREQ=YEARLY", "SUMMARY:x"), "repeats"),
        (("DTSTART:20270101T090000", "DTEND:20270101T180000", "SUMMARY:x"), "bad_date"),
        (("SUMMARY:x",), "bad_date"),
        (("DTSTART;VALUE=DATE:20270101", "DTEND;VALUE=DATE:20290101", "SUMMARY:x"), "bad_span"),
        (("DTSTART;VALUE=DATE:20270101", "SUMMARY:"), "no_name"),
    ],
)
def test_other_events_are_refused(lines: tuple[str, ...], code: str) -> None:
    assert [one.code for one in read_ics(event(*lines)).unread] == [code]


def test_no_calendar_is_said() -> None:
    assert [one.code for one in read_ics(b"hello").unread] == ["not_ics"]
    assert [one.code for one in read_ics(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n").unread] == ["empty"]


def test_what_is_written_is_read_back() -> None:
    spec = applied(SPEC, [Day(date(2026, 3, 1), worked=((600, 720),)), Day(date(2026, 4, 1), closed="=SUM(A1)")], False)
    days = days_of(spec)
    assert read_csv(write_csv(days)) == (days, ())
    assert ",'=SUM(A1)," in write_csv(days)
    assert read_ics(write_ics(days, "工作日", STAMP)) == (days, ())
    assert [day.date.year for day in days_of(SPEC, 2025)] == []


def test_only_named_days_change() -> None:
    new = applied(SPEC, [Day(date(2026, 1, 1)), Day(date(2026, 5, 1), closed="劳动节")], False)
    assert changed_days(SPEC, new) == [
        Changed(date(2026, 1, 1), ("closed", "元旦"), ("usual", WORKDAY)),
        Changed(date(2026, 5, 1), ("usual", WORKDAY), ("closed", "劳动节")),
    ]
    assert (new.last_year, new.closed[date(2026, 2, 17)]) == (2026, "春节")


def test_whole_years_replace_theirs_and_become_known() -> None:
    new = applied(SPEC, [Day(date(2026, 5, 1), closed="劳动节"), Day(date(2027, 5, 1), closed="劳动节")], True)
    assert list(new.closed) == [date(2026, 5, 1), date(2027, 5, 1)] and new.worked == {}
    assert (new.first_year, new.last_year) == (2020, 2027)
    far = applied(SPEC, [Day(date(2029, 5, 1), closed="劳动节")], True)
    assert far.last_year == 2026  # nobody knows 2027 and 2028
    assert applied(SPEC, [Day(date(2019, 5, 1), closed="劳动节")], True).first_year == 2019


def test_a_year_is_copied_by_date() -> None:
    leap = applied(SPEC, [Day(date(2024, 2, 29), closed="闰日"), Day(date(2024, 3, 1), worked=1)], False)
    assert copied_year(leap, 2024, 2025) == (Day(date(2025, 3, 1), worked=1),)
    assert copied_year(leap, 2024, 2028) == (Day(date(2028, 2, 29), closed="闰日"), Day(date(2028, 3, 1), worked=1))
