"""A journal as columns for the compiled fold, and the encoder that makes them of events (C10, C12).

May not judge anything: which events change a clock is for `fold_loops` to say. Loads no numba, and numpy only to
make a log.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from jiying.core import fold_loops as k
from jiying.core.calendars import Calendar
from jiying.core.clocks import Book, Event
from jiying.core.clocks.subject import in_order
from jiying.core.standards import HOLD_REASONS, TICKET_METRICS, Facts, Standard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Key = TypeVar("Key", bound=Hashable)
WORD_BITS = 28


@dataclass(frozen=True)
class Terms:
    """What holds for a ticket: a standard, and the compiled calendars that it names (the versions that are bound)."""

    standard: Standard
    calendars: Mapping[str, Calendar]


@dataclass(frozen=True)
class FoldLog:
    """The journal as columns, in order of journal id; `at` may go back, as events that arrive late do.

    `ticket` is 0..n-1 and `cells[ticket]` the group in which its clocks are counted; `at` is rounded up to the second.
    `kind` is one of the codes of `fold_loops` (others are passed over) and `data` what it says:

    - OPENED: number of its facts x the number of bindings + number of its binding
    - ASSIGNED: a number for the person, from 1 on; 0 for nobody
    - HELD: place of the reason in HOLD_REASONS, 3 for any other
    - RECLASSIFIED: number of the facts that hold from here on
    - REDATED, and BOUND (new versions for what starts later): number of the binding
    - else 0

    A message is WROTE (by the customer), ANSWERED (by a person, public, outgoing or a call), or no event here. A
    closing that names an earlier solved instant is preceded by SOLVED at that instant.
    """

    ticket: NDArray[Any]
    at: NDArray[np.int64]
    kind: NDArray[Any]
    data: NDArray[Any]
    cells: NDArray[Any]
    facts: tuple[Facts, ...]
    bindings: tuple[Terms, ...]


@dataclass(frozen=True)
class TicketLog:
    """The same ticket by ticket: `told[firsts[n]:lasts[n]]` are the events of ticket n, (at, data << KIND_BITS | kind).

    Those of one instant are in order of journal id; the fold sorts by instant, in place.
    """

    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]
    told: NDArray[np.int64]
    cells: NDArray[Any]
    facts: tuple[Facts, ...]
    bindings: tuple[Terms, ...]


@dataclass(frozen=True)
class Pack:
    """Events of some tickets: `turns[firsts[n]:firsts[n + 1]]` are those of the ticket `ids[n]`, as
    at << WORD_BITS | what was said, in words of the pack; `entries` are their journal ids.

    `ids` rise; the events of a ticket are in order of instant and journal id.
    """

    ids: NDArray[np.int64]
    firsts: NDArray[np.int64]
    turns: NDArray[np.int64]
    entries: NDArray[np.int64]


@dataclass(frozen=True)
class Encoded(Generic[Key]):
    """A log, the key of each of its tickets by number, and the keys of tickets that only `clocks.fold` can fold."""

    log: FoldLog
    tickets: tuple[Key, ...]
    left: tuple[Key, ...]


def encode(
    events_by_ticket: Mapping[Key, Iterable[Event]], book: Book, cell_of: Callable[[Key], int] | None = None
) -> Encoded[Key]:
    """The columns of these tickets' events; `cell_of` numbers the cells of the tally (all 0 without it).

    Left out are tickets of which something was asked before they were opened, that were opened without a standard, or
    held for a reason that is the name of a status. Collaboration and other promises are not in the log; the versions
    that their requests bind are. Raises LookupError if the book lacks a version that an event names.
    """
    import numpy as np

    codes = _Codes()
    tickets: list[Key] = []
    left: list[Key] = []
    rows: list[tuple[int, int, int, int]] = []
    for key, events in events_by_ticket.items():
        found = _Ticket(codes).rows(events)
        if found is None:
            left.append(key)
        else:
            rows += [(len(tickets), *row) for row in found]
            tickets.append(key)
    ticket, at, kind, data = np.array(rows, np.int64).reshape(len(rows), 4).T
    if codes.bindings:
        facts_at, binding_at = np.divmod(data, _WIDE)
        data = np.where(kind == k.OPENED, facts_at * len(codes.bindings) + binding_at, data)
    log = FoldLog(
        ticket=ticket.astype(np.int32),
        at=np.ascontiguousarray(at),
        kind=kind.astype(np.int8),
        data=data.astype(np.int32),
        cells=np.array([cell_of(key) if cell_of else 0 for key in tickets], np.int32),
        facts=tuple(codes.facts),
        bindings=tuple(_terms(book, *binding) for binding in codes.bindings),
    )
    return Encoded(log, tuple(tickets), tuple(left))


_Binding = tuple[Any, tuple[tuple[str, int], ...]]
_WIDE = 1 << 32  # facts and binding of an opening in one number, until the number of bindings is known


@dataclass
class _Codes:
    """Numbers of what has been met so far; a dict keeps the order."""

    facts: dict[Facts, int] = field(default_factory=dict)
    bindings: dict[_Binding, int] = field(default_factory=dict)
    people: dict[Any, int] = field(default_factory=dict)


def _terms(book: Book, version: int, calendars: tuple[tuple[str, int], ...]) -> Terms:
    """The bound versions; calendars that no target of the standard names are not looked up."""
    standard = book.standard(version)
    named = {target.calendar for row in (*standard.rows, standard.default) for target in row.targets.values()}
    return Terms(standard, {key: book.calendar(key, number) for key, number in calendars if key in named})


class _LeftError(Exception):
    """This ticket needs the fold in Python."""


class _Ticket:
    """What an encoder must know of a ticket: which facts and versions hold, and whether an event can bind them."""

    def __init__(self, codes: _Codes) -> None:
        self._codes = codes
        self._opened = False
        self._standard: Any = None
        self._calendars: dict[str, int] = {}
        self._facts = Facts()
        self._asked: set[str] = set()

    def rows(self, events: Iterable[Event]) -> list[tuple[int, int, int]] | None:
        """(at, kind, data) in the order of the fold; None if the ticket must be left to it."""
        found = []
        try:
            for event in in_order(events):
                handler = _HANDLERS.get(event.kind)
                row = handler(self, event.data) if handler is not None else None
                if row is not None:
                    found.append((event.at, *row))
                    if row[0] == k.CANCELLED:
                        break
        except _LeftError:
            return None
        return found

    def _open(self, data: Mapping[str, Any]) -> tuple[int, int] | None:
        if self._opened:
            return None
        self._opened = True
        self._facts = Facts(*(data.get(name) for name in Facts._fields))
        binding = self._bind(data)
        return k.OPENED, self._facts_number() * _WIDE + binding

    def _assign(self, data: Mapping[str, Any]) -> tuple[int, int] | None:
        to, people = data.get("to"), self._codes.people
        return self._if_opened(k.ASSIGNED, 0 if to is None else people.setdefault(to, len(people) + 1))

    def _message(self, data: Mapping[str, Any]) -> tuple[int, int] | None:
        by = data.get("by")
        if by == "customer":
            return self._if_opened(k.WROTE)
        told = data.get("way") == "call" or data.get("direction") == "out"
        return self._if_opened(k.ANSWERED) if by == "person" and data.get("public", True) and told else None

    def _hold(self, data: Mapping[str, Any]) -> tuple[int, int] | None:
        reason = str(data.get("reason", "customer"))
        if reason in ("solved", "closed", "over"):
            raise _LeftError
        return self._if_opened(k.HELD, HOLD_REASONS.index(reason) if reason in HOLD_REASONS else len(HOLD_REASONS))

    def _reclassify(self, data: Mapping[str, Any]) -> tuple[int, int] | None:
        if not self._opened:
            return None
        self._facts = self._facts._replace(**{name: data[name] for name in Facts._fields if name in data})
        return k.RECLASSIFIED, self._facts_number()

    def _redate(self, data: Mapping[str, Any]) -> tuple[int, int] | None:
        return (k.REDATED, self._bind(data)) if self._opened else None

    def _ask(self, data: Mapping[str, Any]) -> tuple[int, int] | None:
        metric = str(data.get("metric", "collaboration"))
        if metric in TICKET_METRICS or metric in self._asked:
            return None
        if not self._opened:
            raise _LeftError
        self._asked.add(metric)
        return k.BOUND, self._bind(data)

    def _answer(self, data: Mapping[str, Any]) -> None:
        metric = data.get("metric")
        if metric is None:
            self._asked.clear()
        self._asked.discard(metric)

    def _if_opened(self, kind: int, data: int = 0) -> tuple[int, int] | None:
        return (kind, data) if self._opened else None

    def _facts_number(self) -> int:
        return self._codes.facts.setdefault(self._facts, len(self._codes.facts))

    def _bind(self, data: Mapping[str, Any]) -> int:
        """As `Subject._bind`; the number of what holds then."""
        version = data.get("standard")
        if version is not None:
            self._standard = version
        if self._standard is None:
            raise _LeftError
        self._calendars = {**self._calendars, **(data.get("calendars") or {})}
        binding = self._standard, tuple(sorted(self._calendars.items()))
        return self._codes.bindings.setdefault(binding, len(self._codes.bindings))


def _plain(kind: int) -> Callable[[_Ticket, Mapping[str, Any]], tuple[int, int] | None]:
    return lambda ticket, data: ticket._if_opened(kind)


_HANDLERS: dict[str, Callable[[_Ticket, Mapping[str, Any]], tuple[int, int] | None]] = {
    "opened": _Ticket._open,
    "assigned": _Ticket._assign,
    "transferred": _Ticket._assign,
    "unassigned": _plain(k.ASSIGNED),
    "accepted": _plain(k.ACCEPTED),
    "message": _Ticket._message,
    "held": _Ticket._hold,
    "resumed": _plain(k.RESUMED),
    "solved": _plain(k.SOLVED),
    "confirmed": _plain(k.CLOSED),
    "closed": _plain(k.CLOSED),
    "rejected": _plain(k.REJECTED),
    "reopened": _plain(k.REOPENED),
    "cancelled": _plain(k.CANCELLED),
    "merged": _plain(k.CANCELLED),
    "reclassified": _Ticket._reclassify,
    "redated": _Ticket._redate,
    "asked": _Ticket._ask,
    "answered": _Ticket._answer,
    "withdrawn": _Ticket._answer,
}
