"""Cells of forms about targets: their fields, what the version in force says beside them, and their faults."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from jiying.base import texts
from jiying.base.errors import Refused
from jiying.base.models import Department
from jiying.clocks import queries
from jiying.clocks.pages import standard_words as words
from jiying.core.standards import Target


def names_of(now: datetime) -> words.Names:
    """Titles of calendars and names of departments, in two queries."""
    titles = {one.key: one.label for one in queries.calendars(now)}
    return words.Names(titles, {one.code: one.label for one in Department.objects.all()})


def kinds(more: Iterable[str | None]) -> list[tuple[str, str]]:
    """Kinds of requests to choose from: the shipped ones, and those that a document names."""
    codes = {*texts.TERMS.get("collaboration_kind", ()), *(code for code in more if code)}
    return [(code, words.kind(code)) for code in sorted(codes)]


class Errors:
    """The faults of a refusal, handed out to the cells that they belong to; the rest is shown above the form."""

    def __init__(self, refused: Refused | None) -> None:
        self._left = [(fault.field, fault.text) for fault in (refused.faults if refused else ())]

    def take(self, path: str) -> list[str]:
        """What is wrong at a place or below it."""
        mine = [text for field, text in self._left if field == path or field.startswith(f"{path}.")]
        self._left = [(f, t) for f, t in self._left if not (f == path or f.startswith(f"{path}."))]
        return mine

    def rest(self) -> list[str]:
        return [text for _field, text in self._left]


def cell(path: str, target: Any, was: str | None, names: words.Names, errors: Errors) -> dict[str, Any]:
    """A target's fields; `was` is what the version in force says, None where it has no such cell to compare."""
    given = target if isinstance(target, Mapping) else {}
    amount = given.get("amount", "")
    told = written(given, names)
    return {
        "path": path,
        "amount": amount,
        "unit": given.get("unit", "h"),
        "calendar": given.get("calendar", ""),
        "was": was if was is not None and was != told else "",
        "errors": errors.take(path),
    }


def written(given: Mapping[str, Any], names: words.Names) -> str:
    if not isinstance(given.get("amount"), int):
        return "—" if not given else ""
    return words.target(Target(given["amount"], given.get("unit", ""), given.get("calendar", "")), names)
