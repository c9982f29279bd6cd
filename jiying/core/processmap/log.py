"""An event log as columns, in any order or case by case, and what makes one of rows: codes, and starts with their ends.

Instants are whole epoch seconds. numpy is loaded only when called, so that a lean web process pays nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Int64s = NDArray[np.int64]

# Transitions of the XES standard; a log with any other uses the attribute as a sub-state, a part of the activity.
STANDARD = frozenset(
    "schedule assign reassign start suspend resume withdraw complete ate_abort pi_abort manualskip autoskip".split()
)


@dataclass(frozen=True)
class Log:
    """One event a row: the case (0..n-1), the activity, when it was complete, and where known when it was started, by
    whom and in which department (-1: not known). Names are found by code; codes of one table may grow between parts.
    """

    case: Array
    activity: Array
    at: Int64s
    activities: tuple[str, ...]
    start: Int64s | None = None
    person: Array | None = None
    group: Array | None = None
    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = (self.case, self.activity, self.at, self.start, self.person, self.group)
        if len({len(column) for column in columns if column is not None}) > 1:
            raise ValueError("the columns of a log must have one length")


@dataclass(frozen=True)
class Sorted:
    """A log case by case, each in the order of (at, row): case k has the rows `first[k]` up to `first[k + 1]`."""

    first: Int64s
    row: Array | None  # where a row stood before; None: it stands where it stood
    log: Log


def by_case(log: Log) -> Sorted:
    """The log case by case. Raises ValueError for codes outside their tables."""
    import numpy as np

    check(log)
    n_cases = int(log.case.max()) + 1 if len(log.case) else 0
    first = np.zeros(n_cases + 1, np.int64)
    np.cumsum(np.bincount(log.case, minlength=n_cases), out=first[1:])
    row = np.lexsort((log.at, log.case))
    return Sorted(first, row, taken(log, row))


def check(log: Log) -> None:
    """Codes are used as places in arrays by loops that check no bounds."""
    for name, column, least, most in (
        ("case", log.case, 0, 1 << 31),
        ("activity", log.activity, 0, len(log.activities)),
        ("person", log.person, -1, len(log.people)),
        ("group", log.group, -1, len(log.groups)),
    ):
        if column is not None and len(column) and not least <= column.min() <= column.max() < most:
            raise ValueError(f"{name} outside {least}..{most - 1}")


def taken(log: Log, rows: Array) -> Log:
    """These rows of a log, in this order."""

    def some(column: Array | None) -> Any:
        return None if column is None else column[rows]

    return Log(
        log.case[rows], log.activity[rows], log.at[rows], log.activities, some(log.start), some(log.person),
        some(log.group), log.people, log.groups,
    )  # fmt: skip


def blocks(log: Log, most: int) -> list[Log]:
    """The log in parts of about so many events, each with all events of its cases, which are numbered anew."""
    import numpy as np

    check(log)
    n_blocks = -(-len(log.at) // most)
    if n_blocks <= 1:
        return [log]
    ends = np.cumsum(np.bincount(log.case))
    cuts = np.searchsorted(ends, np.linspace(0, len(log.at), n_blocks + 1)[1:-1]) + 1
    bounds = np.unique(np.r_[0, cuts, len(ends)]).tolist()
    found = []
    for low, high in zip(bounds, bounds[1:], strict=False):
        part = taken(log, np.flatnonzero((log.case >= low) & (log.case < high)))
        if len(part.at):
            found.append(replace(part, case=part.case - low))
    return found


# ---------------------------------------------------------------- from rows
class Event(NamedTuple):
    """A row of a foreign log: `transition` as the source has it, "" for none; person and group "" where unknown."""

    case: str
    activity: str
    at: int
    transition: str = ""
    person: str = ""
    group: str = ""


class Step(NamedTuple):
    """What was done: from `start` (None: the log does not tell) to `at`."""

    case: str
    activity: str
    at: int
    start: int | None
    person: str
    group: str


def pair(events: Iterable[Event]) -> Iterator[Step]:
    """Steps of a log whose transitions may be starts and ends: an end belongs to the earliest open start of its case
    and activity. A start without an end is a step that took no time; transitions between the two are passed over.

    Without standard transitions each row is a step, named by activity and transition.
    """
    told = list(events)
    transitions = {event.transition.casefold() for event in told if event.transition}
    if transitions - STANDARD:
        yield from (_named(event) for event in told)
    elif "start" not in transitions:
        yield from (_alone(event) for event in told if event.transition.casefold() in ("", "complete"))
    else:
        yield from _paired(told)


def _named(event: Event) -> Step:
    name = f"{event.activity}+{event.transition}" if event.transition else event.activity
    return Step(event.case, name, event.at, None, event.person, event.group)


def _alone(event: Event) -> Step:
    return Step(event.case, event.activity, event.at, None, event.person, event.group)


def _paired(events: list[Event]) -> Iterator[Step]:
    open_starts: dict[tuple[str, str], deque[int]] = {}
    order = sorted(range(len(events)), key=lambda i: events[i].at)
    steps: dict[int, Step] = {}
    for i in order:
        event = events[i]
        waiting = open_starts.setdefault((event.case, event.activity), deque())
        transition = event.transition.casefold()
        if transition == "start":
            waiting.append(i)
        elif transition in ("", "complete"):
            start = events[waiting.popleft()].at if waiting else event.at
            steps[i] = Step(event.case, event.activity, event.at, start, event.person, event.group)
    for i in (i for waiting in open_starts.values() for i in waiting):
        event = events[i]
        steps[i] = Step(event.case, event.activity, event.at, event.at, event.person, event.group)
    yield from (steps[i] for i in sorted(steps))


@dataclass
class Codes:
    """Numbers for what has been met, in the order of meeting it. One for all parts of a log makes them mergeable."""

    cases: dict[str, int] = field(default_factory=dict)
    activities: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)

    def log(self, steps: Iterable[Step]) -> Log:
        """The columns of these steps; starts, people and groups only where any step tells them."""
        import numpy as np

        rows = [
            (
                self.cases.setdefault(step.case, len(self.cases)),
                self.activities.setdefault(step.activity, len(self.activities)),
                step.at,
                step.at if step.start is None else step.start,
                self.people.setdefault(step.person, len(self.people)) if step.person else -1,
                self.groups.setdefault(step.group, len(self.groups)) if step.group else -1,
                step.start is not None,
            )
            for step in steps
        ]
        case, activity, at, start, person, group, has_start = np.array(rows, np.int64).reshape(len(rows), 7).T
        return Log(
            case=case.astype(np.int32),
            activity=activity.astype(np.int16),
            at=np.ascontiguousarray(at),
            activities=tuple(self.activities),
            start=np.ascontiguousarray(start) if has_start.any() else None,
            person=person.astype(np.int32) if (person >= 0).any() else None,
            group=group.astype(np.int32) if (group >= 0).any() else None,
            people=tuple(self.people),
            groups=tuple(self.groups),
        )
