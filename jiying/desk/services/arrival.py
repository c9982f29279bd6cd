"""Past tickets as they were (D21, D25): their fields at an instant by the journal, for trials. Changes nothing.

Subject, description and amount are never rewritten. Channel, category, type, tier and priority stand in the fact of the
opening, and each change beside what was before; tags by the changes alone. What the journal does not hold is as it is
now, and named.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from jiying.base.models import JournalEntry
from jiying.desk.models import Ticket
from jiying.desk.services.holding import KIND

OPENED, CHANGED, ESCALATED = "ticket.opened", "ticket.reclassified", "ticket.escalated"
HELD_BY_OPENING = ("channel", "category", "type", "tier", "priority")
KEPT = (*HELD_BY_OPENING, "tags", "escalation")  # fields that can be told for any instant


@dataclass(frozen=True, slots=True)
class Past:
    """A ticket, unsaved, with its fields as they were; `unknown` are those that had to be taken as they are now."""

    ticket: Ticket
    unknown: frozenset[str] = frozenset()


@dataclass(slots=True)
class Story:
    """The facts about one ticket's fields, in the order in which they were true."""

    facts: list[JournalEntry] = field(default_factory=list)


def stories(ids: Iterable[int]) -> Mapping[int, Story]:
    """Of many tickets in one query."""
    rows = JournalEntry.objects.filter(
        subject_kind=KIND, subject_id__in=list(ids), kind__in=(OPENED, CHANGED, ESCALATED)
    )
    found: dict[int, Story] = defaultdict(Story)
    for entry in rows.order_by("at", "id"):
        found[entry.subject_id].facts.append(entry)
    return found


def at_arrival(tickets: Sequence[Ticket]) -> list[Past]:
    """Each as it was when it had just been opened."""
    told = stories(ticket.pk for ticket in tickets)
    return [as_of(ticket, told[ticket.pk], None) for ticket in tickets]


def as_of(ticket: Ticket, story: Story, until: JournalEntry | None) -> Past:
    """As it was when this fact came (its own change included); None: at its opening."""
    old = copy(ticket)
    later = [one for one in story.facts if one.kind == CHANGED and _is_later(one, until)]
    unknown = set()
    for entry in reversed(later):
        before: Mapping[str, Any] = entry.data.get("before") or {}
        unknown |= {name for name in KEPT if name in entry.data and name not in before}
        for name in before.keys() & set(KEPT):
            setattr(old, name, before[name] if name == "tags" else before[name] or "")
            unknown.discard(name)
    old.escalation = _escalation(ticket, story, until)
    return Past(old, frozenset(unknown | _opening(old, story, later, until)))


def _is_later(entry: JournalEntry, until: JournalEntry | None) -> bool:
    return until is None or (entry.at, entry.pk) > (until.at, until.pk)


def _opening(old: Ticket, story: Story, later: Sequence[JournalEntry], until: JournalEntry | None) -> set[str]:
    """What the opening says holds until the first change of it; returns what neither says."""
    opened: Mapping[str, Any] = next((one.data for one in story.facts if one.kind == OPENED), {})
    earlier = [one for one in story.facts if one.kind == CHANGED and one not in later]
    changed = {name for one in earlier for name in one.data}
    unknown = set()
    for name in HELD_BY_OPENING:
        if name in changed:
            continue
        if name in opened:
            setattr(old, name, opened[name] or "")
        elif not any(name in one.data.get("before", {}) for one in later):
            unknown.add(name)
    return unknown


def _escalation(ticket: Ticket, story: Story, until: JournalEntry | None) -> int:
    levels = [one.data.get("level", 0) for one in story.facts if one.kind == ESCALATED and not _is_later(one, until)]
    return int(levels[-1]) if levels else 0
