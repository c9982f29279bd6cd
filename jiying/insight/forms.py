"""What is asked of a report, as addresses say it: a period and a filter. Refused whole where it cannot be."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from jiying.base.errors import Fault, Invalid
from jiying.core.metrics import KPIS
from jiying.core.periods import KINDS, LONGEST_DAYS, Period, between, of
from jiying.insight.queries import slices
from jiying.insight.queries.counting import Part
from jiying.insight.queries.reports import FILTERS, Wanted, site_zone

PARTS = ("all", "hit", "miss")


def wanted(given: Mapping[str, str], now: datetime, names: tuple[str, ...] = FILTERS) -> Wanted:
    """Unless a day is asked for: the last period of its kind (a week) that is over. Raises Invalid with every fault."""
    faults: list[Fault] = []
    period = _period(given, now, faults)
    where = tuple((name, given[name]) for name in names if given.get(name))
    faults += slices.faults(dict(where))
    if faults or period is None:
        raise Invalid(*faults)
    return Wanted(period, where)


def _period(given: Mapping[str, str], now: datetime, faults: list[Fault]) -> Period | None:
    kind = given.get("kind") or "week"
    if kind not in KINDS:
        faults.append(Fault("kind", "unknown_value", {"value": kind[:40], "known": ", ".join(KINDS)}))
        return None
    today = now.astimezone(site_zone()).date()
    if kind != "range":
        day = _day(given, "day", of(kind, today).before.first, faults)
        return None if day is None else of(kind, day)
    first = _day(given, "from", today - timedelta(days=7), faults)
    last = _day(given, "to", today - timedelta(days=1), faults)
    if first is None or last is None:
        return None
    if last < first:
        faults.append(Fault("to", "before_since", {"since": first.isoformat()}))
        return None
    if (last - first).days > LONGEST_DAYS:
        faults.append(Fault("to", "too_many", {"limit": LONGEST_DAYS, "length": (last - first).days}))
        return None
    return between(first, last)


def _day(given: Mapping[str, str], name: str, usual: date, faults: list[Fault]) -> date | None:
    text = given.get(name, "")
    if not text:
        return usual
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not 1990 <= found.year <= 2199:
        faults.append(Fault(name, "wrong_form", {"value": text[:40], "form": "YYYY-MM-DD"}))
        return None
    return found


def addressed(given: Mapping[str, str]) -> tuple[int, str]:
    """To whom something is sent, and a word with it."""
    person = _number(given, "person")
    if person is None:
        raise Invalid.one("person", "not_a_reader")
    return person, given.get("note", "")


def kpi(given: Mapping[str, str]) -> str:
    key = given.get("kpi", "")
    if key not in KPIS:
        raise Invalid.one("kpi", "unknown_value", value=key[:40], known=", ".join(KPIS))
    return key


def part(given: Mapping[str, str]) -> Part:
    """Which cases of a figure: all, its hits, the others; of values within bounds (seconds)."""
    which = given.get("part") or "all"
    if which not in PARTS:
        raise Invalid.one("part", "unknown_value", value=which[:40], known=", ".join(PARTS))
    return Part(which, _number(given, "low"), _number(given, "high"))


def _number(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Invalid.one(name, "not_a_number", value=text[:40])
    return int(text)
