"""What goes into the fold and what comes out: events, the book of versions, clocks and their points. No rules here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from jiying.core.calendars import Calendar
from jiying.core.standards import Standard


class Event(NamedTuple):
    """One journal entry of a subject. `at` is rounded UP to the full second, so that "at or before due" is exact."""

    at: int
    id: int
    kind: str
    data: Mapping[str, Any]


class Book(Protocol):
    """Access to every version that events name; raises LookupError for one that it does not have."""

    def standard(self, version: int) -> Standard:
        """The standard set of this version."""

    def calendar(self, key: str, version: int) -> Calendar:
        """The compiled calendar of this key and version."""


@dataclass(frozen=True)
class DictBook:
    """A book held in memory: standards by version, calendars by (key, version)."""

    standards: Mapping[int, Standard]
    calendars: Mapping[tuple[str, int], Calendar]

    def standard(self, version: int) -> Standard:
        """The standard set of this version."""
        return self.standards[version]

    def calendar(self, key: str, version: int) -> Calendar:
        """The compiled calendar of this key and version."""
        return self.calendars[key, version]


class Point(NamedTuple):
    """An instant at which somebody may have to be told: 'warn1', 'warn2', ..., 'due', 'late1', ..."""

    code: str
    at: int


class Clock(NamedTuple):
    """One measurement of one metric. Immutable; instants are epoch seconds.

    `state` is pending, running, paused, met, breached or cancelled. A breached clock is open until it has `ended_at`.
    `due_at` of a paused clock is what it was when the pause began: resuming moves it, never to earlier. `runs` are the
    intervals in which it ran, the last one with end None while it runs. `points` is empty while paused and once ended.
    `origin` is the id of the event that made the clock: with the metric it names the clock, whatever comes to light
    later, while `seq` counts anew.
    """

    metric: str
    seq: int
    state: str
    started_at: int | None
    due_at: int | None
    target_s: int
    calendar: tuple[str, int]
    row: str
    ended_at: int | None
    breached_at: int | None
    paused_at: int | None
    paused_reason: str | None
    runs: tuple[tuple[int, int | None], ...]
    points: tuple[Point, ...]
    origin: int

    @property
    def open(self) -> bool:
        """Whether it still measures: not ended, whatever its state."""
        return self.ended_at is None

    def used_s(self, calendar: Calendar, now: int) -> int:
        """Open seconds of the calendar used until `now`, pauses left out."""
        return sum(calendar.between(a, now if b is None else b) for a, b in self.runs if b is not None or a < now)

    def remaining_s(self, calendar: Calendar, now: int) -> int | None:
        """Working seconds left at `now`, negative when late; it stands still while paused; None once ended.

        The whole target while the clock is pending.
        """
        if self.ended_at is not None:
            return None
        if self.started_at is None or self.due_at is None:
            return self.target_s
        return calendar.between(now if self.paused_at is None else self.paused_at, self.due_at)
