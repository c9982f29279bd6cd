"""The worker's thread that keeps the copy up to date, and what metrics and readiness tell of it."""

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog
from django.db import OperationalError, close_old_connections, connection
from prometheus_client.core import GaugeMetricFamily

from jiying.base import journal
from jiying.warehouse import exporting, reader

log = structlog.get_logger()
PAUSE_S = 2.0
SHARE = 40  # it rests so many times as long as it worked, as far as the copy stays near:
NEAR_S = 4.0  # a fact is to be in the copy so soon, also one that came just after a stroke had begun
LONGEST_PAUSE_S = 60.0
BEHIND_S = 60.0  # a copy that is older than this is reported


def rest_s(worked_s: float, n_read: int) -> float:
    """How long to rest after a stroke: many small strokes cost more than few, a copy far behind does not rest."""
    if n_read >= exporting.BATCH:
        return 0.0
    near = NEAR_S - 2 * worked_s  # a fact waits for the stroke that it missed, the rest and its own stroke
    return max(worked_s / 2, min(near, max(PAUSE_S, SHARE * worked_s)))


class Follower(threading.Thread):
    """Copies until it is stopped. Where another worker writes the same folder, it waits for its end."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(name="warehouse", daemon=True)
        self.stopping, self.n_failed = stop, 0

    def run(self) -> None:
        pause_s = 0.1
        while not self.stopping.wait(pause_s):
            begun = time.monotonic()
            n_read = self._turn()
            rest = rest_s(time.monotonic() - begun, n_read)
            pause_s = min(LONGEST_PAUSE_S, rest * 2 ** min(self.n_failed, 10))
        connection.close()

    def _turn(self) -> int:
        try:
            n_read = exporting.turn(stopping=self.stopping.is_set)
            self.n_failed = 0
            return n_read
        except Exception as error:
            if isinstance(error, OperationalError) and "locked" in str(error):
                return 0  # a busy SQLite file is "later"
            self.n_failed += 1
            log.exception("warehouse_failed")
            close_old_connections()
            return 0


def gauges() -> Iterable[GaugeMetricFamily]:
    """For Prometheus: how far the copy is behind the journal; nothing where there is none."""
    try:
        state = reader.state()
    except reader.Missing:
        return
    behind = GaugeMetricFamily("jiying_warehouse_behind", "Facts that the columnar copy has yet to take")
    behind.add_metric([], state.behind)
    yield behind
    lag = GaugeMetricFamily("jiying_warehouse_lag_seconds", "Age of the oldest fact that it has yet to take")
    lag.add_metric([], state.behind_s)
    yield lag


def warnings(now: datetime) -> Mapping[str, str]:
    """For readiness: a copy that does not follow. Codes and figures for machines."""
    if not reader.is_installed():
        return {}
    try:
        state = reader.state()
    except reader.Missing:
        return {"warehouse": "no copy yet"} if journal.last_position() else {}
    if state.behind_s < BEHIND_S:
        return {}
    return {"warehouse": f"{state.behind} facts behind, the oldest for {state.behind_s:.0f} s"}
