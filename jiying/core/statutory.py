"""Chinese statutory closed days and make-up workdays (C2), from the packages chinesecalendar and holidays.

The notice for a year appears late in the year before: a year without one is not covered and must be shown as such.
Both packages are imported inside functions only; no other source may be read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from jiying.core.calendars import CalendarSpec

_DAY = timedelta(days=1)
_SWAP = re.compile(r"\d{4}-\d{2}-\d{2}")  # "休息日（由 2026-01-04 调休）": the workday that pays for this rest day
_FESTIVAL = re.compile(r"(清明|端午|中秋)节")
SATURDAY, FRIDAY, MONDAY = 5, 4, 0


@dataclass(frozen=True)
class Statutory:
    """Closed dates with their Chinese names, make-up workdays with the weekday whose hours they take, years known."""

    closed: dict[date, str]
    worked: dict[date, int]
    covered_years: tuple[int, ...]


def statutory_days(years: Iterable[int]) -> Statutory:
    """What the packages really know of these years; a year known to neither gives nothing and is not covered.

    A make-up day has the hours of the weekday that it was swapped for; where that is not recorded, those of the
    nearest weekday (Saturday: Friday, Sunday: Monday). chinesecalendar wins where the two differ.
    """
    asked = sorted(set(years))
    first, second = _of_chinesecalendar(asked), _of_holidays(asked)
    closed: dict[date, str] = {}
    worked: dict[date, int] = {}
    covered = tuple(year for year in asked if year in first.covered_years or year in second.covered_years)
    for year in covered:
        source = first if year in first.covered_years else second
        closed |= {day: name for day, name in source.closed.items() if day.year == year}
        made_up = {day for day in (*first.worked, *second.worked) if day.year == year}
        worked |= {day: second.worked.get(day, _nearest_weekday(day)) for day in sorted(made_up)}
    worked = {day: weekday for day, weekday in worked.items() if day not in closed}
    return Statutory(dict(sorted(closed.items())), worked, covered)


def seeded(spec: CalendarSpec, years: Iterable[int]) -> CalendarSpec:
    """The calendar with statutory days of these years added; days entered by hand stay as they are.

    `first_year` and `last_year` become the latest unbroken run of covered years. A make-up day for a weekday on which
    this calendar never opens makes up for nothing, and is left out.
    """
    days = statutory_days(years)
    if not days.covered_years:
        return spec
    closed = {day: name for day, name in days.closed.items() if day not in spec.worked} | dict(spec.closed)
    worked = {day: x for day, x in days.worked.items() if spec.weekly.get(x) and day not in closed} | dict(spec.worked)
    first = last = days.covered_years[-1]
    while first - 1 in days.covered_years:
        first -= 1
    return replace(spec, closed=closed, worked=worked, first_year=first, last_year=last)


def _nearest_weekday(day: date) -> int:
    return FRIDAY if day.weekday() == SATURDAY else MONDAY


def _of_chinesecalendar(years: list[int]) -> Statutory:
    from chinese_calendar import constants

    names = {str(kind.value): str(kind.chinese) for kind in constants.Holiday}
    covered = tuple(year for year in years if date(year, 10, 1) in constants.holidays)
    closed = {day: names[name] for day, name in constants.holidays.items() if day.year in covered}
    worked = {day: _nearest_weekday(day) for day in constants.workdays if day.year in covered}
    return Statutory(closed, worked, covered)


def _of_holidays(years: list[int]) -> Statutory:
    """A year counts as known only when rest days in it name the workday they were swapped for: the package works
    out lunar festivals for any year, but only a published notice has swaps. The next year is read as well, because
    its notice may make a workday of a date in December."""
    import holidays

    china = holidays.country_holidays("CN", years={*years, *(year + 1 for year in years)}, language="zh_CN")
    swapped = {date.fromisoformat(match[0]): day for day, name in china.items() if (match := _SWAP.search(name))}
    covered = tuple(sorted({day.year for day in swapped.values()}))
    worked = {day: rest.weekday() for day, rest in swapped.items()}
    closed = {day: _plain(name) for day, name in china.items() if day.year in covered and day not in worked}
    return Statutory(_with_weekends(closed, worked), worked, covered)


def _plain(name: str) -> str:
    """The names of the one package as the other says them: 中秋节（补假） is 中秋, a swapped day is 休息日."""
    name = name.split("; ")[-1].partition("（")[0]
    return {"农历除夕": "春节", "春节延长假期": "春节"}.get(name, _FESTIVAL.sub(r"\1", name))


def _with_weekends(closed: dict[date, str], worked: dict[date, int]) -> dict[date, str]:
    """The package leaves out Saturdays and Sundays of a holiday; a shop that opens on them is closed all the same."""
    grown = dict(closed)
    for step in (_DAY, -_DAY):
        for day, name in sorted(grown.items(), reverse=step < timedelta()):
            while (day := day + step).weekday() >= SATURDAY and day not in grown and day not in worked:
                grown[day] = name
    return grown
