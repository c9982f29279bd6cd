"""Imports an event log of another desk (D10): read, told as tickets, written in bulk, clocks replayed.

Idempotent and resumable by (source, case): what is there is left alone. A dry run writes nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.lookups import IsNull

from jiying.base.actor import IMPORT, Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.loading import insert
from jiying.base.policies import require
from jiying.clocks.models import Clock
from jiying.clocks.queries import versions_in_force
from jiying.clocks.services.past import plan_past
from jiying.core import lifecycle
from jiying.core.metrics import attainment
from jiying.desk.models import Customer, Ticket
from jiying.desk.services import bulk
from jiying.desk.services.history.build import History, HistoryEvent, TicketHistory, clock_events, read_history
from jiying.desk.services.history.mapping import (
    HistoryMapping,
    MappingError,
    choose_mapping,
    parse_mapping,
    require_columns,
    shipped_mappings,
)
from jiying.desk.services.history.readers import open_log
from jiying.desk.services.history.rows import LogFile, LogFileError
from jiying.desk.services.holding import KIND

Counts = Counter[tuple[str, str, str, bool]]  # metric, priority, channel, met
CUSTOMERS = 500  # looked up in one query
_LATE = IsNull(F("breached_at"), False)


@dataclass(slots=True)
class Report:
    """What an import did, or would do: figures as docs/import.md defines them."""

    source: str
    tickets: int = 0
    events: int = 0
    written: int = 0
    known: int = 0
    derived: int = 0
    out_of_place: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)
    notices: Counter[str] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counter)
    seconds: float = 0.0

    def as_data(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return {
            "source": self.source,
            "tickets": self.tickets,
            "events": self.events,
            "written": self.written,
            "already_there": self.known,
            "derived_events": self.derived,
            "out_of_place": self.out_of_place,
            "skipped": self.skipped,
            "notices": dict(sorted(self.notices.items())),
            "attainment": {
                "all": self._by(lambda metric, priority, channel: (metric,)),
                "priority": self._by(lambda metric, priority, channel: (priority, metric)),
                "channel": self._by(lambda metric, priority, channel: (channel, metric)),
            },
            "seconds": round(self.seconds, 2),
        }

    def _by(self, key: Callable[[str, str, str], tuple[str, ...]]) -> dict[str, Any]:
        """Attainment by a key; numerator and denominator stay beside each rate."""
        met: Counter[tuple[str, ...]] = Counter()
        late: Counter[tuple[str, ...]] = Counter()
        for (metric, priority, channel, was_met), n in self.counts.items():
            (met if was_met else late)[key(metric, priority, channel)] += n
        found: dict[str, Any] = {}
        for place in sorted({*met, *late}):
            rate = attainment(met[place], late[place])
            share = None if rate.value is None else round(float(rate.value), 4)
            cell = {"met": met[place], "breached": late[place], "attainment": share}
            spot = found
            for step in place[:-1]:
                spot = spot.setdefault(step, {})
            spot[place[-1]] = cell
        return found


def import_log(
    *,
    actor: Actor,
    path: Path,
    mapping: str = "",
    source: str = "",
    dry_run: bool = False,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Import one log. `mapping` is the name of a shipped one or the path of a TOML file; none: told by the heading.

    Raises Denied, and Invalid for a file or mapping that cannot be used; then nothing is written.
    """
    require(actor, "desk.import")
    begun = time.monotonic()
    log, chosen = open_mapped(path, mapping)
    try:
        history = read_history(log, chosen)
    except LogFileError as error:
        raise refused(error) from error
    report = Report(source or f"import:{chosen.name}"[:40])
    _about_rows(history, report)
    if dry_run:
        _try(history, report, now)
    else:
        _write(history, report, now, progress)
    report.seconds = time.monotonic() - begun
    return report


def open_mapped(path: Path, mapping: str) -> tuple[LogFile, HistoryMapping]:
    """The log and the mapping to read it by. Raises Invalid where one of them cannot be used."""
    try:
        log = open_log(path)
        chosen = _mapping(log, mapping)
        require_columns(chosen, log)
    except LogFileError as error:
        raise refused(error) from error
    except MappingError as error:
        faults = (Fault(p.path, f"history_{p.code}", _params(p.params)) for p in error.problems)
        raise Invalid(*faults) from error
    return log, chosen


def _mapping(log: LogFile, name: str) -> HistoryMapping:
    shipped = shipped_mappings()
    if not name:
        return choose_mapping(log, shipped.values())
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if not path.is_file():
        raise Invalid.one("mapping", "unknown_value", value=name, known=", ".join([*shipped, "FILE.toml"]))
    return parse_mapping(path.read_text(encoding="utf-8"), path.stem)


def refused(error: LogFileError) -> Invalid:
    return Invalid(Fault("file", f"history_{error.code}", error.params))


def _params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a mapping's problem; `detail` says all of them where a sentence has no place for each."""
    told = ", ".join(f"{key}: {value}" for key, value in params.items())
    return {"detail": told, "file": "", "found": "", "known": "", "value": "", **params}


def _about_rows(history: History, report: Report) -> None:
    report.tickets, report.events = history.n_tickets, history.n_events
    report.notices.update(note.code for note in history.notices)
    for note in history.skipped:
        fault = Fault(note.column, f"history_{note.code}", {"value": note.value})
        report.skipped.append(
            {
                "row": note.row,
                "code": note.code,
                "column": note.column,
                "value": note.value,
                "case": note.case,
                "text": fault.text,
            }
        )


def _try(history: History, report: Report, now: datetime) -> None:
    """What the clocks would say, without writing."""
    bound = versions_in_force(now)
    for told in history.tickets():
        _about_ticket(told, report)
        events = clock_events(told, standard=bound["standard"], calendars=bound["calendars"])
        about = (told.facts.priority or "P3", told.facts.channel or "other")
        for clock in plan_past(events, now, now):
            _count(report.counts, clock.metric, clock.state, clock.breached_at is not None, about)


def _about_ticket(told: TicketHistory, report: Report) -> None:
    report.derived += told.n_derived
    report.out_of_place += told.n_out_of_place


def _count(counts: Counts, metric: str, state: str, is_late: bool, about: tuple[str, str]) -> None:
    """Count a clock that has been met or missed; `about` is its ticket's priority and channel."""
    if is_late or state == Clock.State.MET:
        counts[metric, *about, not is_late] += 1


def _write(history: History, report: Report, now: datetime, progress: Callable[[int, int], None] | None) -> None:
    def note(written: bulk.Written) -> None:
        if progress is not None:
            progress(written.n_tickets + written.n_known, report.tickets)

    done = bulk.write(_histories(history, report, now), now=now, timers=False, progress=note)
    report.written, report.known = done.n_tickets, done.n_known
    about = {
        pk: (priority, channel)
        for pk, priority, channel in Ticket.objects.filter(source=report.source).values_list(
            "pk", "priority", "channel"
        )
    }
    ids = Ticket.objects.filter(source=report.source).values("pk")
    stored = Clock.objects.filter(subject_kind=KIND, subject_id__in=ids)
    for pk, metric, state, is_late in stored.values_list("subject_id", "metric", "state", _LATE).iterator():
        _count(report.counts, metric, state, is_late, about[pk])


def _histories(history: History, report: Report, now: datetime) -> Iterator[bulk.History]:
    told: list[TicketHistory] = []
    for ticket in history.tickets():
        _about_ticket(ticket, report)
        told.append(ticket)
        if len(told) == CUSTOMERS:
            yield from _told(told, report.source, now)
            told = []
    yield from _told(told, report.source, now)


def _told(told: list[TicketHistory], source: str, now: datetime) -> Iterator[bulk.History]:
    customers = _customers((t.facts.customer for t in told), source, now)
    for ticket in told:
        row = _row(ticket, source, now)
        row.customer = customers.get(ticket.facts.customer or "")
        yield bulk.History(row, [_fact(ticket, row, e) for e in ticket.events])


def _customers(refs: Iterable[str | None], source: str, now: datetime) -> dict[str, Customer]:
    """The log's customers by their own reference, made where they are new."""
    wanted = {ref: f"{source}:{ref}"[:80] for ref in refs if ref}
    known = {c.ref: c for c in Customer.objects.filter(ref__in=wanted.values())}
    fresh = [
        Customer(ref=key, name=ref[:120], created_at=now)
        for ref, key in wanted.items()
        if key not in known and not known.get(key)
    ]
    with transaction.atomic():
        insert(fresh)
    known.update({c.ref: c for c in fresh})
    return {ref: known[key] for ref, key in wanted.items()}


def _row(told: TicketHistory, source: str, now: datetime) -> Ticket:
    """The ticket as it stood at the end of the log. Its agents are names of another house: they are kept as fields."""
    facts, last = told.facts, {e.kind: e.at for e in told.events}
    names = {"agent": facts.agent, "team": facts.team}
    ended = max((last[k] for k in ("closed", "confirmed", "cancelled", "merged") if k in last), default=None)
    opened: dict[str, Any] = dict(next(e.data for e in told.events if e.kind == "opened"))
    return Ticket(
        subject=(facts.subject or told.external_id)[:200],
        channel=facts.channel or opened.get("channel") or "other",
        type=facts.type or "inquiry",
        category=facts.category or "",
        priority=facts.priority or opened.get("priority") or "P3",
        priority_source="import",
        tier=facts.tier or "standard",
        fields={**dict(facts.custom), **{k: v for k, v in names.items() if v}},
        status=told.status,
        waiting_for=told.waiting_for or "",
        received_at=told.received_at,
        created_at=now,
        assigned_at=last.get("assigned"),
        accepted_at=last.get("accepted"),
        resolved_at=last.get("solved"),
        ended_at=ended if told.status in (lifecycle.CLOSED, lifecycle.CANCELLED, lifecycle.MERGED) else None,
        last_message_at=told.events[-1].at,
        source=source,
        external_id=told.external_id,
    )


def _fact(told: TicketHistory, row: Ticket, event: HistoryEvent) -> bulk.PastFact:
    data: dict[str, Any] = dict(event.data)
    if event.kind == "opened":
        data = {"priority": row.priority, "channel": row.channel, **data}
    if event.actor:
        data["actor"] = event.actor
    if event.derived:
        data["derived"] = True
    return bulk.PastFact(event.kind, event.at, data, IMPORT)
