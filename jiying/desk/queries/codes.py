"""Cause and solution codes as people read them (D5a): the trees, what fits a ticket, what was booked how often."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from jiying.desk.models import Closing, Code, Ticket
from jiying.desk.queries.categories import in_language, label

KINDS = tuple(Code.Kind)
REPORTED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CodeRow:
    kind: str
    path: str
    label: str  # the whole way down
    name_zh: str
    name_en: str
    category: str
    active: bool
    revision: int
    n_booked: int  # in the last 30 days


@dataclass(frozen=True, slots=True)
class Codes:
    items: list[CodeRow]


@dataclass(frozen=True, slots=True)
class Booked:
    """The codes of one ticket in words; empty where none was chosen."""

    cause: str
    solution: str
    step: str
    at: datetime
    by: str


def codes(now: datetime) -> Codes:
    """All codes in order of kind and tree, with how often each was booked; five queries."""
    rows = list(Code.objects.order_by("kind", "path"))
    names = _names(rows)
    recent = Closing.objects.filter(at__gte=now - REPORTED)
    counts = {
        (str(kind), path): n
        for kind in KINDS
        for path, n in recent.exclude(**{str(kind): ""}).values_list(str(kind)).annotate(n=Count("pk"))
    }
    return Codes(
        [
            CodeRow(
                kind=c.kind,
                path=c.path,
                label=label(c.path, names[c.kind]),
                name_zh=c.name_zh,
                name_en=c.name_en,
                category=c.category,
                active=c.active,
                revision=c.revision,
                n_booked=counts.get((c.kind, c.path), 0),
            )
            for c in sorted(rows, key=lambda c: (KINDS.index(Code.Kind(c.kind)), c.path))
        ]
    )


def _names(rows: list[Code]) -> dict[str, dict[str, str]]:
    names: dict[str, dict[str, str]] = {str(kind): {} for kind in KINDS}
    for c in rows:
        names[c.kind][c.path] = in_language(c.name_zh, c.name_en)
    return names


def choices(category: str) -> dict[str, list[tuple[str, str]]]:
    """{kind: [(path, label)]} of the active codes that fit a ticket of this category; one query."""
    rows = list(Code.objects.filter(active=True).order_by("path"))
    names = _names(rows)
    found: dict[str, list[tuple[str, str]]] = {str(kind): [] for kind in KINDS}
    for c in rows:
        if not c.category or category == c.category or category.startswith(f"{c.category}/"):
            found[c.kind].append((c.path, label(c.path, names[c.kind])))
    return found


def named(kind: str) -> dict[str, str]:
    """{path: label} of all codes of a kind, whether in use or not; one query."""
    names = _names(list(Code.objects.filter(kind=kind)))[kind]
    return {path: label(path, names) for path in names}


def of_ticket(ticket: Ticket) -> Booked | None:
    """What a ticket was booked on when it was solved; two queries."""
    closing = Closing.objects.filter(ticket=ticket).select_related("by").first()
    if closing is None:
        return None
    names = _names(list(Code.objects.filter(path__in=_ways(closing))))
    words = {kind: label(path, names[kind]) if (path := getattr(closing, kind)) else "" for kind in map(str, KINDS)}
    return Booked(**words, at=closing.at, by=closing.by.name if closing.by else "")


def _ways(closing: Closing) -> set[str]:
    """The paths of the codes and of all above them."""
    found = set()
    for kind in KINDS:
        path = getattr(closing, kind)
        while path:
            found.add(path)
            path = path.rpartition("/")[0]
    return found
