"""One clock while it is being folded: runs, pauses, target and verdict. Knows intervals and calendars, no events."""

from __future__ import annotations

from typing import NamedTuple

from jiying.core.calendars import Calendar
from jiying.core.clocks.types import Clock, Point
from jiying.core.standards import Facts, Rule

NEVER = 1 << 62


class Promise(NamedTuple):
    """What a clock is held to now; `target_s` None means that nothing is promised for the metric.

    `facts` chose the row. `lead` is the time allowed for acceptance (open seconds of its calendar) before a clock that
    starts at acceptance.
    """

    target_s: int | None
    calendar: Calendar | None
    calendar_ref: tuple[str, int]
    row: str
    rule: Rule
    facts: Facts
    lead: tuple[Calendar, int] | None = None


class Watch:
    """A clock under way. All instants come in rising order; the caller calls `pass_to` before each of them.

    Phases: idle (no start known, no due time), awaiting (acceptance has not come; due is the last instant for
    acceptance and target together), started. `since_at` is the receipt for an awaiting watch, else its start.
    """

    __slots__ = (
        "_due", "breached_at", "cancelled", "dated_at", "dropped_at", "ended_at", "metric", "origin", "paused_at",
        "phase",        "promise", "reason", "run_at", "runs", "shown", "since_at",
    )  # fmt: skip

    def __init__(self, metric: str, promise: Promise, at: int, phase: str = "started", origin: int = 0) -> None:
        self.metric, self.origin = metric, origin
        self.promise = promise
        self.phase = phase
        self.since_at = self.dated_at = at
        self.runs: list[tuple[int, int]] = []
        self.run_at: int | None = None if phase == "idle" else at
        self.paused_at: int | None = None
        self.reason: str | None = None
        self.breached_at: int | None = None
        self.ended_at: int | None = None
        self.cancelled = False
        self.shown = promise.target_s is not None
        self.dropped_at: int | None = None
        self._due: int | None = None

    def due_at(self) -> int:
        """The due instant, NEVER without one; for a paused watch as if it were resumed at once."""
        if self._due is None:
            anchor = self.run_at if self.run_at is not None else self.paused_at
            self._due = self._due_from(anchor)
        return self._due

    def pass_to(self, at: int) -> None:
        """Time goes on to `at`: a due instant that passed while running is a breach from then on (C14)."""
        if self.breached_at is None and self.run_at is not None and at > self.due_at():
            self.breached_at = self._due

    def begin(self, at: int) -> None:
        """Acceptance or assignment has come: count from `at` on, unless the wait for it is already a breach (C8)."""
        if self.phase == "awaiting" and self.breached_at is not None:
            return
        self.runs = [(max(a, at), b) for a, b in self.runs if b > at]
        if self.paused_at is None:
            self.run_at = at if self.run_at is None else max(self.run_at, at)
        self.phase, self.since_at, self._due = "started", at, None

    def pause(self, at: int, reason: str) -> None:
        """Stop counting; the due instant is kept, as nothing has been used since."""
        if self.run_at is None:
            self.reason = reason
            return
        self.due_at()
        if at > self.run_at:
            self.runs.append((self.run_at, at))
        self.run_at, self.paused_at, self.reason = None, at, reason

    def resume(self, at: int) -> None:
        """Count again; the rest of the target is due from here on."""
        if self.paused_at is None:
            return
        if self.runs and self.runs[-1][1] == at:
            self.run_at = self.runs.pop()[0]
        else:
            self.run_at = at
            if self.breached_at is None:
                self._due = None
        self.paused_at = self.reason = None

    def retarget(self, promise: Promise, at: int) -> None:
        """Take another target from the same start. A breach that time brought stays; one that only a later change of
        target brought (due before that change) is judged anew.
        """
        if self.breached_at is None or self.breached_at < self.dated_at:
            self._take(promise, at)

    def redate(self, promise: Promise, at: int) -> None:
        """Take another calendar or standard as if it had always held; a breach is judged anew too."""
        late, dated_at = self.breached_at is not None, self.dated_at
        self._take(promise, at)
        if late and self.due_at() < (at if self.paused_at is None else self.paused_at):
            self.breached_at, self.dated_at = self._due, dated_at

    def _take(self, promise: Promise, at: int) -> None:
        if promise.target_s is not None:
            self.shown, self.dropped_at = True, None
        elif self.promise.target_s is not None:
            self.dropped_at = at
        self.promise, self.dated_at = promise, at
        self.breached_at = self._due = None

    def end(self, at: int) -> None:
        """Stop for good, with the verdict: met if and only if `at` is not after the due instant."""
        if self.breached_at is None:
            if self.paused_at is not None and at > self.paused_at:
                self._due = self._due_from(at)
            if at > self.due_at():
                self.breached_at = self._due
        self._close(at)

    def cancel(self, at: int) -> None:
        """Stop without a verdict; a breach stays one."""
        self.cancelled = True
        self.due_at()
        self._close(at)

    def reopen(self, promise: Promise, at: int) -> None:
        """Run on after an end (total resolution only): the time between is a pause, a breach stays."""
        self.ended_at, self.cancelled = None, False
        if self.breached_at is None:
            self._take(promise, at)
        self.paused_at = at
        self.resume(at)

    def _close(self, at: int) -> None:
        if self.run_at is not None:
            if at > self.run_at:
                self.runs.append((self.run_at, at))
            self.run_at = None
        self.ended_at, self.paused_at, self.reason = at, None, None

    def _due_from(self, anchor: int | None) -> int:
        promise = self.promise
        if anchor is None or promise.target_s is None or promise.calendar is None:
            return NEVER
        since = self.since_at
        if self.phase == "awaiting" and promise.lead is not None:
            since = self._reach(promise.lead[0], promise.lead[1], since, anchor)
        return self._reach(promise.calendar, promise.target_s, since, anchor)

    def _reach(self, calendar: Calendar, amount_s: int, since_at: int, anchor_at: int) -> int:
        """When the watch has run `amount_s` open seconds after `since_at`, if it runs on from `anchor_at`."""
        left_s = amount_s
        for start_at, end_at in self.runs:
            if end_at <= since_at:
                continue
            start_at = max(start_at, since_at)
            used_s = calendar.between(start_at, end_at)
            if used_s >= left_s:
                reached_at = calendar.add(start_at, left_s)
                if reached_at < end_at:
                    return reached_at
            left_s -= used_s
        return calendar.add(max(anchor_at, since_at), left_s)

    def clock(self, seq: int, now: int) -> Clock:
        """The clock as it stands at `now`, which is at or after all that has been told."""
        due_at = self.due_at()
        ended_at, cancelled = self.ended_at, self.cancelled
        if self.promise.target_s is None:  # the promise was dropped by a change of row
            ended_at, cancelled = self.dropped_at, True
        breached_at = self.breached_at
        if breached_at is None and self.run_at is not None and now >= due_at:
            breached_at = due_at
        started = self.phase == "started" or (self.phase == "awaiting" and breached_at is not None)
        running = ended_at is None and self.run_at is not None and started
        runs: tuple[tuple[int, int | None], ...] = tuple(self.runs) if started else ()
        return Clock(
            self.metric,
            seq,
            self._state(ended_at, cancelled, breached_at, started),
            self.since_at if started else None,
            None if due_at == NEVER else due_at,
            self.promise.target_s or 0,
            self.promise.calendar_ref,
            self.promise.row,
            ended_at,
            breached_at,
            self.paused_at if ended_at is None else None,
            self.reason if ended_at is None else None,
            (*runs, (self.run_at, None)) if running and self.run_at is not None else runs,
            self._points(due_at) if ended_at is None and self.run_at is not None else (),
            self.origin,
        )

    def _state(self, ended_at: int | None, cancelled: bool, breached_at: int | None, started: bool) -> str:
        if breached_at is not None:
            return "breached"
        if ended_at is not None:
            return "cancelled" if cancelled else "met"
        if not started:
            return "pending"
        return "running" if self.paused_at is None else "paused"

    def _points(self, due_at: int) -> tuple[Point, ...]:
        """Warnings by share of the target used, the due instant, and escalations by wall minutes not paused since."""
        if due_at == NEVER or self.run_at is None:
            return ()
        promise = self.promise
        points = []
        if self.phase == "started" and promise.calendar is not None and promise.target_s is not None:
            for number, percent in enumerate(promise.rule.warn, 1):
                amount_s = promise.target_s * percent // 100
                at = self._reach(promise.calendar, amount_s, self.since_at, self.run_at)
                points.append(Point(f"warn{number}", at))
        points.append(Point("due", due_at))
        for number, minutes in enumerate(promise.rule.late_min, 1):
            points.append(Point(f"late{number}", self._late_at(due_at, minutes * 60)))
        return tuple(points)

    def _late_at(self, due_at: int, after_s: int) -> int:
        late_at = due_at + after_s
        if self.runs and self.run_at is not None:
            resumed = [a for a, _ in self.runs[1:]] + [self.run_at]
            for (_, paused_at), resumed_at in zip(self.runs, resumed, strict=True):
                if due_at <= paused_at < late_at:
                    late_at += resumed_at - paused_at
        return late_at
