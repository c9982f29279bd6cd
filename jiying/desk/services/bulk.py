"""The one bulk writer of ticket histories (imports, sample data): whole lives of tickets, finished or still running.

Clocks come from the same fold as live ones; tickets, messages, questions to departments, clocks and journal entries are
written in batches, each in one transaction. It checks no life cycle: whoever tells a history tells a legal one.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from jiying.base import counters, journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.loading import insert
from jiying.clocks import queries
from jiying.clocks.models import Clock
from jiying.clocks.services.past import breaches, plan_past
from jiying.core import clocks as core
from jiying.core import lifecycle
from jiying.desk.models import AgentLoad, Collaboration, Message, Ticket, TicketTimer
from jiying.desk.services import collaboration, intake, loads
from jiying.desk.services.holding import KIND

BATCH = 250  # tickets a transaction: on SQLite everybody else waits for it
NUMBERED = 10_000  # journal entries that get their positions in one transaction


@dataclass(slots=True)
class PastFact:
    """One fact of a ticket or of a question: `kind` without its prefix (`accepted`, `message` …).

    `message` is the unsaved row of what was said, `request` the question that the fact is about: the writer puts their
    ids into `data`. An `opened` or `asked` fact without versions of its own is bound to those in force now.
    """

    kind: str
    at: datetime
    data: dict[str, Any] = field(default_factory=dict)
    actor: Actor = SYSTEM
    message: Message | None = None
    request: "PastRequest | None" = None


@dataclass(slots=True)
class PastRequest:
    """A question to a department: its unsaved row (without ticket), and its facts `asked`, `answered`, `withdrawn`."""

    row: Collaboration
    facts: list[PastFact] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """The life of one ticket up to now. `ticket` is its unsaved row as it stands at the end.

    The writer sets number (where empty), next due instant, lateness and original of a duplicate. (`source`,
    `external_id`) names it to the outside, and is written once however often it is given. `facts` may stand in any
    order; `duplicate_of` must have been given before.
    """

    ticket: Ticket
    facts: list[PastFact]
    requests: list[PastRequest] = field(default_factory=list)
    duplicate_of: "History | None" = None


@dataclass(slots=True)
class Written:
    """What was written; `n_known` histories were there already and have been left alone."""

    n_tickets: int = 0
    n_known: int = 0
    n_messages: int = 0
    n_clocks: int = 0
    n_facts: int = 0


def write(
    histories: Iterable[History],
    *,
    now: datetime,
    fired_until: datetime | None = None,
    timers: bool = True,
    batch: int = BATCH,
    progress: Callable[[Written], None] | None = None,
) -> Written:
    """Write histories, given in order of receipt, and number their journal entries at the end.

    Points of clocks up to `fired_until` (`now` where not given) are past and tell nobody; later ones fire live.
    `timers` False: open tickets are neither routed nor closed after silence by themselves. Raises LookupError where a
    history names versions that do not exist, ValueError for a duplicate whose original has not been written.
    """
    written = Written()
    stream = iter(histories)
    while found := list(islice(stream, batch)):
        _Batch(_unknown(found, written), now, fired_until or now, timers).write(written)
        if progress is not None:
            progress(written)
    number_entries()
    return written


def number_entries() -> None:
    """Give all waiting journal entries their positions in few strokes, so that live ones need not queue behind."""
    while journal.sequence(NUMBERED):
        pass


def _unknown(found: Sequence[History], written: Written) -> list[History]:
    """Those that are not stored yet."""
    ids: dict[str, set[str]] = defaultdict(set)
    for history in found:
        if history.ticket.external_id:
            ids[history.ticket.source].add(history.ticket.external_id)
    known = {
        (source, external)
        for source, wanted in ids.items()
        for external in Ticket.objects.filter(source=source, external_id__in=wanted).values_list(
            "external_id", flat=True
        )
    }
    fresh = []
    for history in found:
        key = (history.ticket.source, history.ticket.external_id)
        if key[1] and key in known:
            written.n_known += 1
            continue
        known.add(key)
        fresh.append(history)
    return fresh


class _Batch:
    """Some histories on their way: everything is worked out first, then written in one transaction."""

    def __init__(self, histories: Sequence[History], now: datetime, fired_until: datetime, timers: bool) -> None:
        self.histories, self.now, self.fired_until, self.timers = histories, now, fired_until, timers
        self.bound = queries.versions_in_force(now)
        self.clocks: list[tuple[Ticket | Collaboration, list[Clock]]] = []

    def write(self, written: Written) -> None:
        _number([h.ticket for h in self.histories])
        self._fold()
        with transaction.atomic():
            n_messages = self._rows()
            clocks = self._clocks()
            n_facts = journal.record_each(self._facts(clocks), now=self.now)
            if self.timers:
                insert(self._timers())
            _add_loads([h.ticket for h in self.histories])
        written.n_tickets += len(self.histories)
        written.n_messages += n_messages
        written.n_clocks += len(clocks)
        written.n_facts += n_facts

    def _fold(self) -> None:
        for history in self.histories:
            for fact in history.facts:
                if fact.kind == "opened":
                    fact.data = {"number": history.ticket.number, **self.bound, **fact.data}
            clocks = self._plan(history.facts)
            history.ticket.next_due_at, history.ticket.is_late = queries.next_due(clocks)
            self.clocks.append((history.ticket, clocks))
            for request in history.requests:
                for fact in request.facts:
                    fact.data = {"metric": "collaboration", **fact.data}
                    if fact.kind == "asked":
                        promise = queries.promise_of(fact.data["department"], fact.data["kind"], self.now)
                        fact.data = {**self.bound, **promise, **fact.data}
                self.clocks.append((request.row, self._plan(request.facts)))

    def _plan(self, facts: Sequence[PastFact]) -> list[Clock]:
        events = [core.Event(queries.second_of(f.at), n, f.kind, f.data) for n, f in enumerate(facts)]
        return plan_past(events, self.now, self.fired_until)

    def _rows(self) -> int:
        """Tickets, their messages and questions; their ids are put into the facts."""
        insert([h.ticket for h in self.histories])
        self._duplicates()
        told = [(h.ticket, f) for h in self.histories for f in h.facts]
        for ticket, fact in told:
            if fact.message is not None:
                fact.message.ticket = ticket
        insert([f.message for _ticket, f in told if f.message is not None])
        for history in self.histories:
            for request in history.requests:
                request.row.ticket = history.ticket
        insert([r.row for h in self.histories for r in h.requests])
        for _ticket, fact in told:
            if fact.message is not None:
                fact.data["message"] = fact.message.pk
            if fact.request is not None:
                fact.data["collaboration"] = fact.request.row.pk
        return sum(f.message is not None for _ticket, f in told)

    def _duplicates(self) -> None:
        changed = []
        for history in self.histories:
            if history.duplicate_of is None:
                continue
            original = history.duplicate_of.ticket
            if original.pk is None:
                raise ValueError(f"the original of {history.ticket.number} has not been written")
            history.ticket.merged_into = original
            changed.append(history.ticket)
        if changed:
            Ticket.objects.bulk_update(changed, ["merged_into"])

    def _clocks(self) -> list[Clock]:
        rows = []
        for subject, clocks in self.clocks:
            kind = KIND if isinstance(subject, Ticket) else collaboration.KIND
            for clock in clocks:
                clock.subject_kind, clock.subject_id = kind, subject.pk
                rows.append(clock)
        insert(rows)
        return rows

    def _facts(self, clocks: Sequence[Clock]) -> Iterator[tuple[Actor, journal.Fact]]:
        for history in self.histories:
            ticket, original = history.ticket, history.duplicate_of
            for fact in history.facts:
                if fact.kind == "merged" and original is not None:
                    fact.data["into"] = original.ticket.number
                    about = {"number": ticket.number}
                    subject = original.ticket.pk
                    yield fact.actor, journal.Fact(KIND, subject, "ticket.received_duplicate", fact.at, about)
                yield fact.actor, journal.Fact(KIND, ticket.pk, f"ticket.{fact.kind}", fact.at, fact.data)
            for request in history.requests:
                kind, pk = collaboration.KIND, request.row.pk
                for fact in request.facts:
                    yield fact.actor, journal.Fact(kind, pk, f"{kind}.{fact.kind}", fact.at, fact.data)
        for breach in breaches(clocks):
            yield SYSTEM, breach

    def _timers(self) -> list[TicketTimer]:
        silence = timedelta(seconds=queries.standard(self.bound["standard"]).confirmation_s)
        rows = []
        for ticket in (h.ticket for h in self.histories):
            if ticket.status == lifecycle.RESOLVED and ticket.resolved_at is not None:
                rows.append(TicketTimer(ticket=ticket, kind="close", wake_at=ticket.resolved_at + silence))
            elif ticket.status == lifecycle.NEW and ticket.assignee_id is None:
                rows.append(TicketTimer(ticket=ticket, kind="route", wake_at=self.now + timedelta(seconds=1)))
        return rows


def _number(tickets: Iterable[Ticket]) -> None:
    """Take numbers by day of receipt, before any lock is held: whoever opens a ticket now does not wait (D2)."""
    by_day: Mapping[str, list[Ticket]] = defaultdict(list)
    for ticket in sorted((t for t in tickets if not t.number), key=lambda t: t.received_at):
        by_day[intake.local_day(ticket.received_at)].append(ticket)
    for day, found in by_day.items():
        first = counters.take(intake.counter(day), len(found)) - len(found) + 1
        for n, ticket in enumerate(found, first):
            ticket.number = intake.number(day, n)


def _add_loads(tickets: Iterable[Ticket]) -> None:
    """Add the open tickets to their agents' loads; last, and in one order, as every other change of them."""
    counted: Counter[tuple[int, str]] = Counter()
    given: dict[tuple[int, str], datetime] = {}
    for ticket in tickets:
        if loads.carried(ticket) and ticket.assignee_id is not None:
            key = (ticket.assignee_id, ticket.channel)
            counted[key] += 1
            given[key] = max(given.get(key, ticket.received_at), ticket.assigned_at or ticket.received_at)
    for (person, channel), n in sorted(counted.items()):
        at = given[person, channel]
        changed = AgentLoad.objects.filter(person_id=person, channel=channel).update(
            n_open=F("n_open") + n, idle_since=Greatest(F("idle_since"), Value(at))
        )
        if not changed:
            AgentLoad.objects.create(
                person_id=person,
                channel=channel,
                capacity=loads.DEFAULT_CAPACITY.get(channel, 10),
                n_open=n,
                idle_since=at,
            )
