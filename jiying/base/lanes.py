"""Serves the rows of one sweep side by side in lanes, so that what hangs on one other side never holds the others.

A lane is what must stay in order (a subscription, a robot): one thread at a time works in it. The number of threads is
bounded, and lanes that were slow lately share half of them. What is claimed and finished stays in the rows: `base.due`.
"""

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import close_old_connections, connection
from django.utils import timezone

from jiying.base import due

log = structlog.get_logger()
N_LANES = 8
SLOW_S = 2.0
LOOKED_AT = 200  # rows of a look: those of busy lanes are left out of it
TURN_S = 5.0  # then other lanes may have the thread

Lane = tuple[Any, ...]


class Lanes(due.Loop):
    """The loop of a sweep with lanes: it looks which of them have something due, and never waits for one."""

    def __init__(self, sweep: due.Sweep, stop: threading.Event) -> None:
        super().__init__(sweep, stop)
        self._lock = threading.Lock()
        self._busy: set[Lane] = set()
        self._slow: set[Lane] = set()

    def _turn(self) -> float:
        now = timezone.now()
        self.seen_at = now
        if sum(self._begin(lane) for lane in self._due(now)):
            return self.HELD_S
        wake = due.next_wake(self.sweep)
        if wake is None or wake <= now:  # only what is being served
            return self.POLL_S
        return min(self.POLL_S, (wake - now).total_seconds() + 0.001)

    def _due(self, now: datetime) -> list[Lane]:
        """The lanes that have something due and nobody in them, the longest due first."""
        with self._lock:
            busy = list(self._busy)
        rows = self.sweep.model._default_manager.filter(wake_at__lte=now)
        for lane in busy:
            rows = rows.exclude(**self._where(lane))
        found = rows.order_by("wake_at", "pk").values_list(*self.sweep.lanes)[:LOOKED_AT]
        return list(dict.fromkeys(found))

    def _where(self, lane: Lane) -> Mapping[str, Any]:
        return dict(zip(self.sweep.lanes, lane, strict=True))

    def _begin(self, lane: Lane) -> bool:
        """A thread for this lane, where there is room."""
        with self._lock:
            n_slow = len(self._slow & self._busy)
            if len(self._busy) >= N_LANES or (lane in self._slow and n_slow >= N_LANES // 2):
                return False
            self._busy.add(lane)
        threading.Thread(target=self._serve, args=(lane,), name=f"{self.name}-lane", daemon=True).start()
        return True

    def _serve(self, lane: Lane) -> None:
        begun = time.monotonic()
        try:
            while due.run(self.sweep, timezone.now(), lane=self._where(lane)) and not self._is_over(begun):
                pass
            self.stopping.wait(self.HELD_S)  # what is due still is held by somebody, or not to be asked just now
        except Exception:
            log.exception("lane_failed", sweep=self.sweep.name, lane=lane)
            close_old_connections()
            self.stopping.wait(1.0)
        finally:
            connection.close()
            self._end(lane, time.monotonic() - begun >= SLOW_S)

    def _is_over(self, begun: float) -> bool:
        return self.stopping.is_set() or time.monotonic() - begun >= TURN_S

    def _end(self, lane: Lane, is_slow: bool) -> None:
        with self._lock:
            self._busy.discard(lane)
            (self._slow.add if is_slow else self._slow.discard)(lane)


def loop(sweep: due.Sweep, stop: threading.Event) -> due.Loop:
    """The thread that serves a sweep."""
    return Lanes(sweep, stop) if sweep.lanes else due.Loop(sweep, stop)
