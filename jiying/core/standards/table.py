"""The parsed standard set and the choice of its row (C6, C6a, C9). May not check a document: `form` does that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

CHANNELS = ("phone", "chat", "email", "social", "web", "other")
PRIORITIES = ("P1", "P2", "P3", "P4")
TICKET_METRICS = ("accept", "first_response", "next_response", "update", "resolution", "resolution_total")
HOLD_REASONS = ("customer", "third_party", "department")
UNITS = {"min": 60, "h": 3600}  # and 'wd', whose seconds the calendar knows
DEFAULT_KEY = "default"
FACTS = ("channel", "priority", "tier", "category")


class Target(NamedTuple):
    """A promised time: `amount` minutes ('min'), hours ('h') or working days ('wd') of a named calendar."""

    amount: int
    unit: str
    calendar: str

    def seconds(self, working_day_s: int) -> int:
        """Open seconds of the calendar; a working day counts as the calendar's `working_day_s`."""
        return self.amount * (working_day_s if self.unit == "wd" else UNITS[self.unit])


@dataclass(frozen=True, slots=True)
class Row:
    """Targets for the tickets that match its facts; None matches every ticket."""

    key: str
    channel: str | None
    priority: str | None
    tier: str | None
    category: str | None
    targets: Mapping[str, Target]

    @property
    def facts(self) -> tuple[str | None, str | None, str | None, str | None]:
        """Its place in the table: channel, priority, tier, category."""
        return self.channel, self.priority, self.tier, self.category

    @property
    def specificity(self) -> tuple[int, int, int, int]:
        """What ranks it among matching rows, the greatest wins: tier, depth of category, priority, channel."""
        depth = len(self.category.split("/")) if self.category else 0
        return int(self.tier is not None), depth, int(self.priority is not None), int(self.channel is not None)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a metric's clocks run: their start, the hold reasons that pause them, and their points.

    `warn` are percents of the target's open seconds, `late_min` wall minutes after the due instant.
    """

    starts: str
    pauses: tuple[str, ...] = ()
    warn: tuple[int, ...] = (50, 80)
    late_min: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Collaboration:
    """The answer promised by a department for a kind of request; None stands for every department or kind (C6a)."""

    department: str | None
    kind: str | None
    target: Target

    @property
    def key(self) -> str:
        """Its name on a clock: 'department/kind' with * for any."""
        return f"{self.department or '*'}/{self.kind or '*'}"


class Facts(NamedTuple):
    """What of a ticket decides its row; `category` is a path such as 'order/refund'."""

    channel: str | None = None
    priority: str | None = None
    tier: str | None = None
    category: str | None = None


@dataclass(frozen=True)
class Standard:
    """One version of a standard set."""

    version: int
    rows: tuple[Row, ...]
    default: Row
    rules: Mapping[str, Rule]
    confirmation_s: int = 72 * 3600
    collaboration: tuple[Collaboration, ...] = ()
    promises: Mapping[str, Target] = field(default_factory=dict)
    _chosen: dict[Facts, Row] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def metrics(self) -> frozenset[str]:
        """The metrics for which at least one row has a target."""
        return frozenset(metric for row in (*self.rows, self.default) for metric in row.targets)

    def row_for(self, facts: Facts) -> Row:
        """The row that wins for these facts, remembered; `choose` says why."""
        row = self._chosen.get(facts)
        if row is None:
            if len(self._chosen) > 10_000:  # facts come from tickets: a long-lived process must not keep them all
                self._chosen.clear()
            row = self._chosen[facts] = choose(self, facts).row
        return row

    def rule(self, metric: str) -> Rule:
        """How clocks of this metric run; promises without a rule start when asked and never pause."""
        return self.rules.get(metric, _PROMISE)

    def collaboration_for(self, department: str | None, kind: str | None) -> Collaboration | None:
        """Department and kind before department before kind before the entry for all; None without any."""
        found = [x for x in self.collaboration if x.department in (None, department) and x.kind in (None, kind)]
        return max(found, key=lambda x: (x.department is not None, x.kind is not None), default=None)


class Considered(NamedTuple):
    """One row looked at: its key, the fact that did not match ('' when all did), and its specificity."""

    row: str
    failed: str
    specificity: tuple[int, int, int, int]


class Choice(NamedTuple):
    """The winning row, and every row that was considered, in the order of the table."""

    row: Row
    reasons: tuple[Considered, ...]


_PROMISE = Rule(starts="request")


def choose(standard: Standard, facts: Facts) -> Choice:
    """The most specific matching row, else the default row (C9), with the reasons."""
    best: Row | None = None
    reasons = []
    for row in standard.rows:
        failed = _failed(row, facts)
        reasons.append(Considered(row.key, failed, row.specificity))
        if not failed and (best is None or row.specificity > best.specificity):
            best = row
    return Choice(best or standard.default, tuple(reasons))


def _failed(row: Row, facts: Facts) -> str:
    """The first fact of the row that the ticket does not have, or ''."""
    for name, wanted, given in zip(FACTS[:3], row.facts[:3], facts[:3], strict=True):
        if wanted is not None and wanted != given:
            return name
    if row.category is not None:
        path = facts.category or ""
        if path != row.category and not path.startswith(row.category + "/"):
            return "category"
    return ""
