"""The category tree as people read it."""

from dataclasses import dataclass

from django.utils.translation import get_language

from jiying.desk.models import Category


@dataclass(frozen=True, slots=True)
class Choice:
    path: str
    label: str  # the whole way down: 物流 / 配送延误


def choices() -> list[Choice]:
    """All active categories in order of the tree, in the reader's language; one query."""
    rows = Category.objects.filter(active=True).order_by("path")
    names = {c.path: in_language(c.name_zh, c.name_en) for c in rows}
    return [Choice(path, label(path, names)) for path in names]


def label(path: str, names: dict[str, str]) -> str:
    parts = path.split("/")
    ways = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return " / ".join(names.get(way, part) for way, part in zip(ways, parts, strict=True))


def in_language(chinese: str, english: str) -> str:
    """The name in the reader's language, or the one that there is."""
    if (get_language() or "").startswith("zh"):
        return chinese or english
    return english or chinese
