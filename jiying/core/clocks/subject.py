"""The state machine: which events start, pause, end and re-date which clocks of a subject (C8, C11-C13b).

It refuses nothing: an event that the state does not allow changes no clock. May not look at the present time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

from jiying.core.calendars import Calendar
from jiying.core.clocks.types import Book, Clock, Event
from jiying.core.clocks.watch import Promise, Watch
from jiying.core.standards import TICKET_METRICS, Facts, Rule, Standard, Target

SOLVED, CLOSED, OVER = "solved", "closed", "over"
_HELD_BY_SOLVED = frozenset(("resolution", "resolution_total", "next_response", "update"))
_REQUEST = Rule(starts="request")
BY_DEPARTMENT = ("collaboration", "take_in")  # their targets are told apart by who is asked (C6a)
_AT_OPENING = ("accept", "first_response", "resolution", "resolution_total")
_NO_DATA: Mapping[str, Any] = {}
_order = itemgetter(0, 1)


def fold(events: Iterable[Event], book: Book, now: int) -> tuple[Clock, ...]:
    """Every clock of one subject at `now` (epoch seconds, rounded DOWN), in the order in which they came to be.

    Events may come in any order; they count in that of (at, id). Raises LookupError if the book lacks a version that an
    event names, CalendarError if a due time lies beyond what calendars can compute.
    """
    subject = Subject(book)
    for event in in_order(events):
        subject.apply(event)
    return subject.clocks(now)


def in_order(events: Iterable[Event]) -> list[Event]:
    """By (at, id); a closing that names an earlier solved instant puts a solved mark there."""
    told = list(events)
    for event in told[:]:
        if event.kind == "closed":
            as_of = event.data.get("as_of")
            if as_of is not None and as_of < event.at:
                told.append(Event(as_of, event.id, "solved", _NO_DATA))
    told.sort(key=_order)
    return told


class Subject:
    """The clocks of one subject. `apply` takes events in their order; `clocks` may be asked at any time between."""

    __slots__ = (
        "_asked_after_solved", "_asks", "_book", "_calendars", "_event", "_facts", "_opened", "_standard",
        "_unanswered", "_watches", "accepted_at", "assignee", "running", "solved_at", "status",
    )  # fmt: skip

    def __init__(self, book: Book) -> None:
        self._book = book
        self._standard: Standard | None = None
        self._calendars: dict[str, int] = {}
        self._facts = Facts()
        self._opened = False
        self._event = 0  # the id of the one that is taken in just now
        self._watches: list[Watch] = []
        self._asks: dict[str, Mapping[str, Any]] = {}
        self._asked_after_solved = False
        self._unanswered = False
        self.running: dict[str, Watch] = {}
        self.status: str | None = None  # None while worked on, else a hold reason, SOLVED, CLOSED or OVER
        self.assignee: Any = None
        self.accepted_at: int | None = None
        self.solved_at: int | None = None

    def apply(self, event: Event) -> None:
        """Take the next event; kinds that concern no clock, and events that the state does not allow, do nothing."""
        handler = _HANDLERS.get(event.kind)
        if handler is None or self.status == OVER or not (self._opened or self._asks or event.kind in _FIRST):
            return
        at, self._event = event.at, event.id
        for watch in self.running.values():
            watch.pass_to(at)
        handler(self, at, event.data)

    def clocks(self, now: int) -> tuple[Clock, ...]:
        """All clocks at `now`, numbered for each metric; changes nothing."""
        numbers: dict[str, int] = {}
        found = []
        for watch in self._watches:
            if watch.shown:
                seq = numbers[watch.metric] = numbers.get(watch.metric, 0) + 1
                found.append(watch.clock(seq, now))
        return tuple(found)

    def _open(self, at: int, data: Mapping[str, Any]) -> None:
        if self._opened:
            return
        self._opened = True
        self._bind(data)
        self._facts = Facts(*(data.get(name) for name in Facts._fields))
        for metric in _AT_OPENING:
            self._start(metric, at)
        self._start_update(at)
        self._settle(at)

    def _assign(self, at: int, data: Mapping[str, Any]) -> None:
        to = data.get("to")
        if to is None:
            self._unassign(at, data)
        elif to != self.assignee and self.status != CLOSED:
            watch = self.running.get("accept")
            if watch is not None and watch.phase == "started":
                self._stop("accept", at, cancel=True)
                watch = None
            if watch is None:
                watch = self._start("accept", at)
            watch.begin(at)
            self.assignee = to
            self._settle(at)

    def _unassign(self, at: int, data: Mapping[str, Any]) -> None:
        if self.assignee is not None:
            self.assignee = None
            self._stop("accept", at, cancel=True)
            if self.status != CLOSED:
                self._start("accept", at)

    def _accept(self, at: int, data: Mapping[str, Any] | None = None) -> None:
        """Somebody has taken it: ends accept, and starts what starts at the first acceptance."""
        watch = self.running.get("accept")
        if watch is not None:
            if watch.phase == "idle":
                watch.begin(at)
            self._stop("accept", at)
        if self.accepted_at is None:
            self.accepted_at = at
            for other in self.running.values():
                if other.phase == "awaiting":
                    other.begin(at)

    def _message(self, at: int, data: Mapping[str, Any]) -> None:
        by = data.get("by")
        call = data.get("way") == "call"
        if by == "customer":
            self._asked_by_customer(at)
        elif by == "person" and data.get("public", True) and (call or data.get("direction") == "out"):
            self._answered_by_person(at)

    def _asked_by_customer(self, at: int) -> None:
        if "first_response" in self.running:  # that clock already measures this wait
            return
        if self.status == CLOSED:
            self._unanswered = True
            return
        self._asked_after_solved = True
        if "next_response" not in self.running:
            self._start("next_response", at)
        self._settle(at)

    def _answered_by_person(self, at: int) -> None:
        self._unanswered = False
        if self.status == CLOSED:
            return
        self._accept(at)
        self._stop("first_response", at)
        self._stop("next_response", at)
        update = self.running.get("update")
        if update is None or update.phase == "awaiting" or update.since_at < at:  # else the acceptance just began it
            self._stop("update", at)
            self._start_update(at)
        self._settle(at)

    def _hold(self, at: int, data: Mapping[str, Any]) -> None:
        if self.status not in (SOLVED, CLOSED):
            self.status = str(data.get("reason", "customer"))
            self._settle(at)

    def _resume(self, at: int, data: Mapping[str, Any]) -> None:
        if self.status not in (SOLVED, CLOSED):
            self.status = None
            self._settle(at)

    def _solve(self, at: int, data: Mapping[str, Any]) -> None:
        if self.status not in (SOLVED, CLOSED):
            self._accept(at)
            self.status, self.solved_at, self._asked_after_solved = SOLVED, at, False
            self._settle(at)

    def _reject(self, at: int, data: Mapping[str, Any]) -> None:
        if self.status == SOLVED:
            self.status = None
            self._settle(at)

    def _close(self, at: int, data: Mapping[str, Any]) -> None:
        """Confirmed, or silent for the confirmation period: the resolution ends as of the solved mark (C13b)."""
        if self.status == CLOSED:
            return
        done_at = self._solved_mark(at)
        self._stop("resolution", done_at)
        self._stop("resolution_total", done_at)
        for metric in [x for x in self.running if x not in self._asks]:
            self._stop(metric, at, cancel=True)
        self.status = CLOSED

    def _reopen(self, at: int, data: Mapping[str, Any]) -> None:
        if self.status not in (SOLVED, CLOSED):
            return
        if self.status == SOLVED:
            self._stop("resolution", self._solved_mark(at))
        self.status = None
        if "resolution_total" not in self.running:
            for watch in self._watches:
                if watch.metric == "resolution_total":
                    watch.reopen(self._promise("resolution_total"), at)
                    self.running["resolution_total"] = watch
        self._start("resolution", at)
        self._start_update(at)
        if self._unanswered:
            self._unanswered = False
            self._start("next_response", at)
        self._settle(at)

    def _solved_mark(self, at: int) -> int:
        return self.solved_at if self.status == SOLVED and self.solved_at is not None else at

    def _finish(self, at: int, data: Mapping[str, Any]) -> None:
        """Cancelled, merged or withdrawn: nothing is measured any more, and nothing later counts."""
        for metric in list(self.running):
            self._stop(metric, at, cancel=True)
        self.status = OVER

    def _reclassify(self, at: int, data: Mapping[str, Any]) -> None:
        self._facts = self._facts._replace(**{name: data[name] for name in Facts._fields if name in data})
        for metric, watch in self.running.items():
            watch.retarget(self._promise(metric), at)
            self._begin_late(watch)

    def _redate(self, at: int, data: Mapping[str, Any]) -> None:
        self._bind(data)
        for metric, promise in (data.get("promised") or {}).items():
            if metric in self._asks:
                self._asks[metric] = {**self._asks[metric], **promise}
        for metric, watch in self.running.items():
            held_to = watch.promise.facts
            watch.redate(self._promise(metric, held_to), at)
            if held_to != self._facts:  # a breach kept its row until now: if it is none any more, the present row holds
                watch.retarget(self._promise(metric), at)
            self._begin_late(watch)
        self._settle(at)

    def _begin_late(self, watch: Watch) -> None:
        """A wait for acceptance that is no breach any more counts from the acceptance that has come meanwhile."""
        if watch.phase == "awaiting" and self.accepted_at is not None:
            watch.begin(self.accepted_at)

    def _ask(self, at: int, data: Mapping[str, Any]) -> None:
        metric = str(data.get("metric", "collaboration"))
        if metric not in self.running and metric not in TICKET_METRICS:
            self._bind(data)
            self._asks[metric] = data
            self._start(metric, at)
            self._settle(at)

    def _answer(self, at: int, data: Mapping[str, Any]) -> None:
        for metric in self._asked_now(data):
            self._stop(metric, at)

    def _withdraw(self, at: int, data: Mapping[str, Any]) -> None:
        for metric in self._asked_now(data):
            self._stop(metric, at, cancel=True)

    def _asked_now(self, data: Mapping[str, Any]) -> list[str]:
        """The open promise that the event names, or all of them."""
        metric = data.get("metric")
        return [x for x in self.running if x in self._asks and metric in (None, x)]

    def _bind(self, data: Mapping[str, Any]) -> None:
        """Take the versions that the event names; what it does not name stays."""
        version = data.get("standard")
        if version is not None:
            self._standard = self._book.standard(version)
        self._calendars = {**self._calendars, **(data.get("calendars") or {})}

    def _start(self, metric: str, at: int) -> Watch:
        promise = self._promise(metric)
        phase = "started"
        if metric == "accept":
            phase = "idle"
        elif promise.rule.starts == "acceptance" and self.accepted_at is None:
            phase = "awaiting"
        watch = Watch(metric, promise, at, phase, self._event)
        self._watches.append(watch)
        self.running[metric] = watch
        return watch

    def _start_update(self, at: int) -> None:
        """The next periodic update, if any row of the standard promises one."""
        if "update" not in self.running and self._standard is not None and "update" in self._standard.metrics:
            self._start("update", at)

    def _stop(self, metric: str, at: int, *, cancel: bool = False) -> None:
        watch = self.running.pop(metric, None)
        if watch is not None:
            if cancel:
                watch.cancel(at)
            else:
                watch.end(at)

    def _settle(self, at: int) -> None:
        """Pause and resume every open clock as the status and its rule have it."""
        for watch in self.running.values():
            if watch.phase == "idle":
                continue
            if self.status is not None and self._held(watch, self.status):
                watch.pause(at, self.status)
            else:
                watch.resume(at)

    def _held(self, watch: Watch, status: str) -> bool:
        metric = watch.metric
        if status == SOLVED:
            waits = metric == "next_response" and self._asked_after_solved
            return metric in _HELD_BY_SOLVED and not waits
        return status in watch.promise.rule.pauses

    def _promise(self, metric: str, facts: Facts | None = None) -> Promise:
        """What is promised for the metric by the bound versions, for the present facts or the given ones."""
        standard = self._standard
        facts = self._facts if facts is None else facts
        rule = _REQUEST if standard is None else standard.rule(metric)
        row, target, target_s = self._target(metric, facts)
        if target is None:
            return Promise(None, None, ("", 0), row, rule, facts)
        calendar = self._calendar(target.calendar)
        lead = None
        if rule.starts == "acceptance" and standard is not None:
            accept = standard.row_for(facts).targets.get("accept")
            if accept is not None:
                allowing = self._calendar(accept.calendar)
                lead = allowing, accept.seconds(allowing.working_day_s)
        seconds = target.seconds(calendar.working_day_s) if target_s is None else target_s
        calendar_ref = target.calendar, self._calendars[target.calendar]
        return Promise(seconds, calendar, calendar_ref, row, rule, facts, lead)

    def _target(self, metric: str, facts: Facts) -> tuple[str, Target | None, int | None]:
        """Row key and target of the metric; seconds where the request itself names them."""
        asked = self._asks.get(metric)
        standard = self._standard
        if asked is None:
            if standard is None:
                return "", None, None
            row = standard.row_for(facts)
            return row.key, row.targets.get(metric), None
        if "target_s" in asked:
            return "", Target(1, "min", asked["calendar"]), int(asked["target_s"])
        if "target" in asked:
            return str(asked.get("row", "")), Target(**asked["target"]), None
        if standard is not None and metric in BY_DEPARTMENT:
            found = standard.collaboration_for(asked.get("department"), asked.get("kind"))
            return ("", None, None) if found is None else (found.key, found.target, None)
        return metric, None if standard is None else standard.promises.get(metric), None

    def _calendar(self, key: str) -> Calendar:
        version = self._calendars.get(key)
        if version is None:
            raise LookupError(f"no version of calendar {key!r} is bound to this subject")
        return self._book.calendar(key, version)


_Handler = Callable[[Subject, int, Mapping[str, Any]], None]
_HANDLERS: dict[str, _Handler] = {
    "opened": Subject._open,
    "assigned": Subject._assign,
    "transferred": Subject._assign,
    "unassigned": Subject._unassign,
    "accepted": Subject._accept,
    "message": Subject._message,
    "held": Subject._hold,
    "resumed": Subject._resume,
    "solved": Subject._solve,
    "confirmed": Subject._close,
    "closed": Subject._close,
    "rejected": Subject._reject,
    "reopened": Subject._reopen,
    "cancelled": Subject._finish,
    "merged": Subject._finish,
    "reclassified": Subject._reclassify,
    "redated": Subject._redate,
    "asked": Subject._ask,
    "answered": Subject._answer,
    "withdrawn": Subject._withdraw,
}
_FIRST = frozenset(("opened", "asked"))
