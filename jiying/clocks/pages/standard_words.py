"""A standard in words: targets, rows, rules, and what a draft changes. No queries: calendar titles are handed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jiying.base import texts
from jiying.core.standards import DEFAULT_KEY, Change, Row, Target


@dataclass(frozen=True, slots=True)
class Names:
    """What the words need from elsewhere: titles of calendars by key, names of departments by code."""

    calendars: Mapping[str, str]
    departments: Mapping[str, str]

    def calendar(self, key: str) -> str:
        return self.calendars.get(key, key)

    def department(self, code: str | None) -> str:
        if code is None:
            return _("Any department")
        return self.departments.get(code) or texts.term("department", code)


def amount(target: Target) -> str:
    """The promised time alone: 15 min, 4 h, 3 working days."""
    n = target.amount
    if target.unit == "min":
        return ngettext("%(n)s min", "%(n)s min", n) % {"n": n}
    if target.unit == "h":
        return ngettext("%(n)s h", "%(n)s h", n) % {"n": n}
    return ngettext("%(n)s working day", "%(n)s working days", n) % {"n": n}


def target(value: Target, names: Names) -> str:
    return _("%(amount)s (%(calendar)s)") % {
        "amount": amount(value),
        "calendar": names.calendar(value.calendar),
    }


def facts(values: tuple[str | None, ...]) -> str:
    """A row by what it holds for: P1 · Phone · VIP · order/refund."""
    if values == (DEFAULT_KEY,):
        return _("Default row")
    channel, priority, tier, category = values
    parts = [
        priority or "",
        texts.term("channel", channel) if channel else "",
        texts.term("tier", tier) if tier else "",
        category or "",
    ]
    return " · ".join(part for part in parts if part) or _("All tickets")


def row(value: Row) -> str:
    return facts((DEFAULT_KEY,)) if value.key == DEFAULT_KEY else facts(value.facts)


def kind(code: str | None) -> str:
    return texts.term("collaboration_kind", code) if code else _("Any request")


def reasons(codes: tuple[str, ...]) -> str:
    return _(", ").join(texts.term("hold_reason", code) for code in codes) or _("never")


def percents(values: tuple[int, ...]) -> str:
    return " / ".join(f"{value}%" for value in values) or _("none")


def minutes(values: tuple[int, ...]) -> str:
    told = [ngettext("%(n)s min", "%(n)s min", value) % {"n": value} for value in values]
    return " / ".join(told) or _("none")


def hours(seconds: int) -> str:
    told = f"{seconds / 3600:g}"
    return ngettext("%(n)s h", "%(n)s h", round(seconds / 3600)) % {"n": told}


def change(one: Change, names: Names) -> dict[str, str]:
    """A changed cell for the list of differences: part, place, old and new, all in words."""
    return {
        "part": texts.term("standard_part", one.part),
        "place": _place(one, names),
        "old": _value(one, one.old, names),
        "new": _value(one, one.new, names),
    }


def _place(one: Change, names: Names) -> str:
    if one.part in ("rows", "default"):
        return f"{facts(one.place)} · {texts.term('metric', one.field)}"
    if one.part == "rules":
        return f"{texts.term('metric', one.place[0])} · {texts.term('rule_field', one.field)}"
    if one.field == "asking":
        return _("Asking department")
    if one.part == "collaboration":
        return f"{names.department(one.place[0])} · {kind(one.place[1])}"
    return texts.term("metric", one.place[0]) if one.place else ""


def _value(one: Change, value: Any, names: Names) -> str:
    if one.field == "asking":
        return names.department(value)
    if value is None:
        return "—"
    if isinstance(value, Target):
        return target(value, names)
    tell: dict[str, Callable[[Any], str]] = {
        "starts": lambda x: texts.term("starts", x),
        "pauses": reasons,
        "warn": percents,
        "late_min": minutes,
        "seconds": hours,
    }
    return tell[one.field](value)
