"""How the audit tells a fact: its subject by name and address, its codes and figures in words; asks once a kind."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from jiying.base import roster, settings_store, texts
from jiying.base.models import Department, JournalEntry, Person, Role, Team

_HUMAN = ("person", "customer")
Told = Mapping[int, tuple[str, str]]  # (words, address) by id; who is gone is not in it


@dataclass(frozen=True, slots=True)
class Words:
    """Names for the facts of one list: of subjects by kind and id, of codes by field."""

    subjects: Mapping[str, Told]
    codes: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, entries: Iterable[JournalEntry]) -> "Words":
        wanted: dict[str, set[int]] = {}
        names: set[str] = set()
        for entry in entries:
            wanted.setdefault(entry.subject_kind, set()).add(entry.subject_id)
            names |= {*entry.data, *entry.data.get("changes", {})}
        return cls(
            {kind: TOLD[kind](ids) for kind, ids in wanted.items() if kind in TOLD},
            {name: CODES[name]() for name in names if name in CODES},
        )

    def subject(self, entry: JournalEntry) -> tuple[str, str]:
        named = self.subjects.get(entry.subject_kind, {}).get(entry.subject_id)
        if named is not None:
            return named
        if entry.subject_kind == "setting":
            key = str(entry.data.get("key", ""))
            return (_setting(key), reverse("settings")) if key else (texts.term("kind", "setting"), "")
        return _nameless(entry.subject_kind, entry.subject_id, str(entry.data.get("name", ""))), ""

    def detail(self, entry: JournalEntry) -> str:
        """The codes and figures of a fact in one line; where it came from and what it is about stand in columns."""
        parts = []
        for name, value in entry.data.items():
            if name == "changes" and isinstance(value, dict):
                parts += [
                    _said(_field(key, entry.subject_kind), self._change(key, old, new))
                    for key, (old, new) in value.items()
                ]
            elif name not in ("ip", "agent") and not (entry.subject_kind == "setting" and name == "key"):
                parts.append(_said(_field(name, entry.subject_kind), self._value(name, value)))
        return " · ".join(parts)

    def _change(self, name: str, old: Any, new: Any) -> str:
        """Before and after; of lists only what came and what went."""
        if not (isinstance(old, list) and isinstance(new, list)):
            return f"{self._value(name, old)} → {self._value(name, new)}"
        came = [f"+ {self._value(name, one)}" for one in new if one not in old]
        went = [f"− {self._value(name, one)}" for one in old if one not in new]
        return _("; ").join([*came, *went])

    def _value(self, name: str, value: Any) -> str:
        if isinstance(value, bool):
            return "✓" if value else "✗"
        if isinstance(value, dict):
            return _(", ").join(f"{self._value(name, key)} {one}" for key, one in value.items()) or "—"
        if isinstance(value, list):
            return _(", ").join(self._value(name, one) for one in value) or "—"
        if value in (None, ""):
            return "—"
        code = str(value)
        return self.codes.get(name, {}).get(code) or texts.term("audit_value", code)


def subject_words(kind: str, pk: int) -> str:
    """One subject by its name."""
    told = TOLD[kind]([pk]) if kind in TOLD else {}
    return told.get(pk, (_nameless(kind, pk), ""))[0]


def _said(field: str, value: str) -> str:
    return f"{field}{_(': ')}{value}"


def _nameless(kind: str, pk: int, name: str = "") -> str:
    """What is no longer there: by the name that the fact kept, else by its number."""
    if name:
        return _("%(kind)s “%(name)s”") % {"kind": texts.term("kind", kind), "name": name}
    return f"{texts.term('kind', kind)} {pk}" if pk else ""


def _setting(key: str) -> str:
    found = settings_store.DEFINITIONS.get(key)
    return str(found.label) if found else key


def _field(name: str, kind: str) -> str:
    """The word for a field: of the audit, of a person's form, or a channel whose places changed.

    What is no human being has a title, not a name: many languages tell the two apart.
    """
    if name == "name" and kind not in _HUMAN:
        return _("Title")
    groups = ("audit_field", "person_field", "channel")
    return next((texts.term(one, name) for one in groups if name in texts.TERMS.get(one, {})), name)


# --- subjects --------------------------------------------------------------------------------------------------------


def _people(ids: Collection[int]) -> Told:
    found = (roster.person(pk) for pk in ids)
    return {one.id: (one.name, reverse("people:person", args=[one.id])) for one in found if one}


def _roles(ids: Collection[int]) -> Told:
    return {one.pk: (one.label, reverse("people:role", args=[one.code])) for one in Role.objects.filter(pk__in=ids)}


def _teams(ids: Collection[int]) -> Told:
    return {one.pk: (one.name, reverse("people:teams")) for one in Team.objects.filter(pk__in=ids)}


def _departments(ids: Collection[int]) -> Told:
    return {one.pk: (one.label, reverse("people:teams")) for one in Department.objects.filter(pk__in=ids)}


# How each kind of subject is named for many ids at once; upper floors add theirs.
TOLD: dict[str, Callable[[Collection[int]], Told]] = {
    "person": _people,
    "role": _roles,
    "team": _teams,
    "department": _departments,
}


# --- codes -----------------------------------------------------------------------------------------------------------


def _role_codes() -> dict[str, str]:
    return {one.code: one.label for one in Role.objects.all()}


def _languages() -> dict[str, str]:
    return {code: str(name) for code, name in settings.LANGUAGES}


# What the codes in a field of a fact stand for.
CODES: dict[str, Callable[[], Mapping[str, str]]] = {
    "role": _role_codes,
    "roles": _role_codes,
    "rights": lambda: {code: str(word) for code, word in texts.TERMS.get("right", {}).items()},
    "team": lambda: dict(Team.objects.values_list("code", "name")),
    "department": lambda: {one.code: one.label for one in Department.objects.all()},
    "mentor": lambda: dict(Person.objects.values_list("username", "name")),
    "language": _languages,
    "skills": lambda: {code: str(word) for code, word in texts.TERMS.get("skill", {}).items()},
}
