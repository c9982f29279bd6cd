"""Rows and a mapping become tickets with a legal life cycle of events, ready to be written or replayed. Pure.

Every row that is kept gives exactly one event that is not derived; steps that the log leaves out are added and marked.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from jiying.core.clocks import Event
from jiying.desk.services.history.mapping import HistoryMapping
from jiying.desk.services.history.plan import EPOCH, MICROSECOND, Facts, Plan, Record
from jiying.desk.services.history.rows import LogFile, RowNote
from jiying.desk.services.history.story import tell


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event of a ticket, in the terms of the journal (`kind` without the prefix `ticket.`) and of core.clocks.

    `data` holds the log's own words in `activity` and `transition` unless the event is `derived` (not in the log).
    """

    at_us: int
    kind: str
    data: Mapping[str, Any]
    actor: str | None
    derived: bool
    row: int = field(compare=False)

    @property
    def at(self) -> dt.datetime:
        """The exact instant, aware (UTC)."""
        return EPOCH + self.at_us * MICROSECOND

    @property
    def at_s(self) -> int:
        """The instant for `core`: whole seconds since 1970, rounded up."""
        return -(-self.at_us // 1_000_000)


@dataclass(frozen=True, slots=True)
class TicketHistory:
    """One case. `facts` are the last known ones (what was known at receipt is in the `opened` event).

    `events` are in order; `n_rows` of them are not derived. `n_out_of_place` rows mean a step that the life cycle does
    not allow at that point and are kept as `imported`. `fingerprint` changes with the case's rows, so that a repeated
    import knows what is new."""

    external_id: str
    facts: Facts
    status: str
    waiting_for: str | None
    received_us: int
    events: tuple[HistoryEvent, ...]
    n_rows: int
    n_out_of_place: int
    fingerprint: str = field(compare=False)

    @property
    def received_at(self) -> dt.datetime:
        """When the request came in, aware (UTC)."""
        return EPOCH + self.received_us * MICROSECOND

    @property
    def n_derived(self) -> int:
        return len(self.events) - self.n_rows


@dataclass(frozen=True)
class History:
    """A whole log, read: `n_events` rows in `n_tickets` cases are kept, `skipped` says why the others are not.

    `notices` say what is odd about those that are kept, or about the file (row 0)."""

    mapping: HistoryMapping
    skipped: tuple[RowNote, ...]
    notices: tuple[RowNote, ...]
    n_events: int
    _cases: Mapping[str, list[Record]] = field(repr=False)

    @property
    def n_tickets(self) -> int:
        return len(self._cases)

    def tickets(self) -> Iterator[TicketHistory]:
        """The tickets by time of receipt, then by external id; each is worked out when it is asked for."""
        order = sorted((_received_us(records), case) for case, records in self._cases.items())
        for received_us, case in order:
            yield _ticket(case, received_us, self._cases[case], self.mapping)


def read_history(log: LogFile, mapping: HistoryMapping) -> History:
    """Reads a log through a mapping whose columns it has (`require_columns`). Raises LogFileError if it is damaged."""
    plan = Plan(mapping)
    skipped: list[RowNote] = []
    notices = list(log.notices)
    cases: dict[str, list[Record]] = {}
    seen: dict[bytes, int] = {}
    for row in log.rows(plan.wanted):
        found = row if isinstance(row, RowNote) else plan.read(row)
        if isinstance(found, RowNote):
            skipped.append(found)
            continue
        first = seen.setdefault(found.digest, found.number)
        if first != found.number:
            note = RowNote(found.number, "row_twice", value=str(first), case=found.case)
            (skipped if mapping.skip_duplicates else notices).append(note)
            if mapping.skip_duplicates:
                continue
        cases.setdefault(found.case, []).append(found)
    for case, records in cases.items():
        notices += _put_in_order(case, records)
    notices += plan.remarks
    n_events = sum(map(len, cases.values()))
    return History(mapping, tuple(skipped), tuple(notices), n_events, cases)


def _put_in_order(case: str, records: list[Record]) -> list[RowNote]:
    """Sorts by time (rows of one instant stay in the order of the log); tells which rows stood before their time."""
    notes = [
        RowNote(record.number, "time_out_of_order", case=case, value=_iso(record.at_us))
        for before, record in zip(records, records[1:], strict=False)
        if record.at_us < before.at_us
    ]
    if notes:
        records.sort(key=lambda record: record.at_us)
    first = records[0]
    if first.opened_us is not None and first.opened_us > first.at_us:
        notes.append(RowNote(first.number, "opened_after_first_event", case=case, value=_iso(first.opened_us)))
    return notes


def _iso(at_us: int) -> str:
    return (EPOCH + at_us * MICROSECOND).isoformat()


def _received_us(records: list[Record]) -> int:
    first = records[0]
    return first.at_us if first.opened_us is None else min(first.opened_us, first.at_us)


def _ticket(case: str, received_us: int, records: list[Record], mapping: HistoryMapping) -> TicketHistory:
    story = tell(records, received_us, mapping)
    return TicketHistory(
        external_id=case,
        facts=story.facts,
        status=story.status,
        waiting_for=story.waiting_for,
        received_us=received_us,
        events=tuple(HistoryEvent(*told) for told in story.events),
        n_rows=len(records),
        n_out_of_place=story.n_out_of_place,
        fingerprint=blake2b(b"".join(record.digest for record in records), digest_size=16).hexdigest(),
    )


def clock_events(ticket: TicketHistory, *, standard: int, calendars: Mapping[str, int]) -> list[Event]:
    """The ticket's events as `core.clocks.fold` takes them, bound at receipt to these versions; ids count from 1."""
    bound = {"standard": standard, "calendars": dict(calendars)}
    return [
        Event(event.at_s, place, event.kind, {**event.data, **bound} if event.kind == "opened" else event.data)
        for place, event in enumerate(ticket.events, start=1)
    ]
