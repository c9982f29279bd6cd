"""Collaboration standards (C6a): what a department has promised to others, by kind of request, agreed by both sides.

One document for each responding department, and one under the key `any` for the others. May not ask who approves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jiying.core.calendars import Problem
from jiying.core.standards.difference import Change
from jiying.core.standards.form import StandardError, _fact, _target, _text_or_none
from jiying.core.standards.table import Target

ANY = "any"
MAX_ENTRIES = 100


class Entry(NamedTuple):
    """The answer promised for a kind of request; None is every kind."""

    kind: str | None
    target: Target


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version. `asking` is the department that agrees for those who ask; None: any other one."""

    key: str
    version: int
    asking: str | None
    entries: tuple[Entry, ...]

    def entry_for(self, kind: str | None) -> Entry | None:
        """The entry of this kind before the one for every kind; None without either."""
        found = [x for x in self.entries if x.kind in (None, kind)]
        return max(found, key=lambda x: x.kind is not None, default=None)


class Promised(NamedTuple):
    """What holds for a request: the agreement it comes from, and its place `department/kind` (`*`: every kind)."""

    agreement: Agreement
    entry: Entry
    row: str


def promised(agreements: Mapping[str, Agreement], department: str, kind: str | None) -> Promised | None:
    """The most specific promise: the department's own kind, its own for every kind, then those of all departments."""
    for agreement in (agreements.get(department), agreements.get(ANY)):
        entry = agreement.entry_for(kind) if agreement else None
        if agreement is not None and entry is not None:
            return Promised(agreement, entry, f"{department}/{entry.kind or '*'}")
    return None


def agreement_problems(doc: Any, calendars: Collection[str] | None = None) -> list[Problem]:
    """Everything wrong with a document; `calendars` are the known keys (None: not checked)."""
    if not isinstance(doc, Mapping):
        return [Problem("", "not_an_object")]
    found = [Problem(str(name), "unknown_field") for name in doc if name not in ("asking", "entries")]
    found += _fact("asking", "department", doc.get("asking"))
    return found + list(_entries(doc.get("entries"), calendars))


def _entries(entries: Any, calendars: Collection[str] | None) -> Iterator[Problem]:
    if not isinstance(entries, list | tuple):
        yield Problem("entries", "not_a_list")
        return
    if not entries:
        yield Problem("entries", "no_targets")
    if len(entries) > MAX_ENTRIES:
        yield Problem("entries", "too_many", {"most": MAX_ENTRIES})
        return
    seen: set[str | None] = set()
    for number, entry in enumerate(entries):
        path = f"entries.{number}"
        if not isinstance(entry, Mapping):
            yield Problem(path, "not_an_object")
            continue
        for name in entry:
            if name not in Entry._fields:
                yield Problem(f"{path}.{name}", "unknown_field")
        yield from _fact(f"{path}.kind", "kind", entry.get("kind"))
        if (kind := _text_or_none(entry.get("kind"))) in seen:
            yield Problem(path, "duplicate_facts")
        seen.add(kind)
        yield from _target(f"{path}.target", entry.get("target"), calendars)


def parse_agreement(key: str, version: int, doc: Mapping[str, Any]) -> Agreement:
    """The agreement of a document. Raises StandardError with every problem."""
    if found := agreement_problems(doc):
        raise StandardError(found)
    entries = tuple(Entry(x.get("kind"), Target(**x["target"])) for x in doc["entries"])
    return Agreement(key, version, doc.get("asking"), entries)


def agreement_changes(old: Agreement | None, new: Agreement) -> list[Change]:
    """What a version changes beside the one before it, entry by entry; a first version promises everything anew."""
    before = {x.kind: x.target for x in old.entries} if old else {}
    after = {x.kind: x.target for x in new.entries}
    places = [*before, *(kind for kind in after if kind not in before)]
    found = [
        Change("collaboration", (new.key, kind), "collaboration", before.get(kind), after.get(kind))
        for kind in places
        if before.get(kind) != after.get(kind)
    ]
    if old is not None and old.asking != new.asking:
        found.append(Change("collaboration", (new.key,), "asking", old.asking, new.asking))
    return found


def by_department(entries: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Entries of a standard set as they stood before departments agreed by themselves: {key: document}."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        document = found.setdefault(entry.get("department") or ANY, {"asking": None, "entries": []})
        document["entries"].append({"kind": entry.get("kind"), "target": dict(entry["target"])})
    return found
