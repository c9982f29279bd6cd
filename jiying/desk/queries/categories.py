"""The category tree as people read it: choices for forms, and whole rows for its editor and the API."""

from dataclasses import dataclass

from django.utils.translation import get_language

from jiying.base.errors import NotFound
from jiying.desk.models import Category


@dataclass(frozen=True, slots=True)
class Choice:
    path: str
    label: str  # the whole way down: 物流 / 配送延误


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A category with all that its tickets get from it."""

    path: str
    label: str
    name_zh: str
    name_en: str
    team: str | None
    team_name: str
    skills: dict[str, int]
    type: str
    flow: str
    form: str
    codes: str
    active: bool
    revision: int


@dataclass(frozen=True, slots=True)
class Categories:
    items: list[CategoryRow]


def choices() -> list[Choice]:
    """All active categories in order of the tree, in the reader's language; one query."""
    rows = Category.objects.filter(active=True).order_by("path")
    names = {c.path: in_language(c.name_zh, c.name_en) for c in rows}
    return [Choice(path, label(path, names)) for path in names]


def codes_of(path: str) -> str:
    """Whether a category, or the nearest above it, asks for codes when solved: "", optional or required."""
    ways = [path.rsplit("/", n)[0] for n in range(path.count("/") + 1)]
    found = dict(Category.objects.filter(path__in=ways, active=True).values_list("path", "codes"))
    return next((found[way] for way in ways if way in found), "")


def tree() -> list[CategoryRow]:
    """Every category, also those switched off, in order of the tree."""
    rows = list(Category.objects.select_related("team").order_by("path"))
    names = {c.path: in_language(c.name_zh, c.name_en) for c in rows}
    return [row(c, label(c.path, names)) for c in rows]


def one(path: str) -> CategoryRow:
    """A category with its way down the tree; NotFound where there is none."""
    found = next((r for r in tree() if r.path == path), None)
    if found is None:
        raise NotFound("category", path)
    return found


def row(category: Category, label: str) -> CategoryRow:
    return CategoryRow(
        path=category.path,
        label=label,
        name_zh=category.name_zh,
        name_en=category.name_en,
        team=category.team.code if category.team else None,
        team_name=category.team.name if category.team else "",
        skills=dict(category.skills),
        type=category.type,
        flow=category.flow,
        form=category.form,
        codes=category.codes,
        active=category.active,
        revision=category.revision,
    )


def label(path: str, names: dict[str, str]) -> str:
    parts = path.split("/")
    ways = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return " / ".join(names.get(way, part) for way, part in zip(ways, parts, strict=True))


def in_language(chinese: str, english: str) -> str:
    """The name in the reader's language, or the one that there is."""
    if (get_language() or "").startswith("zh"):
        return chinese or english
    return english or chinese
