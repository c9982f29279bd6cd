"""The worker: one process with a thread for each sweep and each reader of the journal, and those that serve them all.

On PostgreSQL any number may run at once. On SQLite one works, and a second waits for its end as a hot standby.
"""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, close_old_connections, connection, connections
from django.utils import timezone

from jiying.base import due, heartbeat, journal, lanes, tails, wake
from jiying.base.models import JournalPending
from jiying.base.periodic import Clockwork
from jiying.base.readiness import unapplied

log = structlog.get_logger()
STOP_WITHIN_S = 4.5
MORE: list[Callable[[threading.Event], threading.Thread]] = []  # of upper floors; each ends soon after `stop`


class Sequencer(wake.Follower):
    """Numbers committed journal entries as soon as they are there."""

    channel = "jiying_journal"

    def __init__(self, stop: threading.Event) -> None:
        super().__init__("sequencer", stop)
        self.sequenced_at = time.time()

    def turn(self) -> bool:
        # Asked first, without a transaction: on SQLite each `sequence` takes the file's one write lock.
        n_numbered = journal.sequence() if JournalPending.objects.exists() else 0
        self.sequenced_at = time.time()
        return n_numbered >= journal.SEQUENCED


class Heart(threading.Thread):
    """Says every few seconds that this worker lives, and how far its threads are."""

    def __init__(self, stop: threading.Event, sequencer: Sequencer, loops: list[due.Loop]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.stopping, self.sequencer, self.loops = stop, sequencer, loops

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._beat()
            except DatabaseError:
                log.exception("heartbeat_failed")
                close_old_connections()
            self.stopping.wait(heartbeat.EVERY_S)
        connection.close()

    def _beat(self) -> None:
        sweeps = {loop.sweep.name: loop.seen_at.timestamp() for loop in self.loops}
        heartbeat.write(sequenced_at=self.sequencer.sequenced_at, sweeps=sweeps, now=timezone.now())


def threads(stop: threading.Event) -> list[threading.Thread]:
    loops = [lanes.loop(sweep, stop) for sweep in due.SWEEPS.values()]
    sequencer = Sequencer(stop)
    followers = [tails.Follower(reader, stop) for reader in tails.READERS.values()]
    more = [make(stop) for make in MORE]
    return [sequencer, *loops, *followers, *more, Clockwork(stop), Heart(stop, sequencer, loops)]


def lock_path() -> str | None:
    """The file that the one worker of a SQLite database holds; None on PostgreSQL."""
    if connection.vendor != "sqlite":
        return None
    return f"{connections['default'].settings_dict['NAME']}.worker"


@contextmanager
def turn_to_work(stop: threading.Event) -> Iterator[bool]:
    """Waits until this worker may work; False if `stop` came first. The system frees the lock of a killed worker."""
    path = lock_path()
    if path is None:
        yield not stop.is_set()
        return
    with open(path, "ab") as file:
        waited = False
        while not stop.is_set():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    log.info("worker_standby", reason="another worker serves this SQLite file")
                waited = True
                stop.wait(0.2)
        yield not stop.is_set()


def is_running() -> bool:
    """Whether a worker holds this SQLite database now (the lock, not the heartbeat: true until the very end)."""
    path = lock_path()
    if path is None or not os.path.exists(path):
        return False
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _wait_for_tables(stop: threading.Event) -> None:
    """A worker may start before its database: waits for it and for its migrations, and says so once a minute."""
    said_at = -60.0
    while not stop.is_set():
        try:
            missing = unapplied()
            why = f"{len(missing)} migrations to apply (jiying prepare)" if missing else ""
        except DatabaseError as error:
            why = str(error).strip() or type(error).__name__
            close_old_connections()
        if not why:
            return
        if time.monotonic() - said_at >= 60:
            log.warning("worker_waits", reason=why[:300])
            said_at = time.monotonic()
        stop.wait(1.0)


def main() -> int:
    """Works until SIGTERM or SIGINT (exit code 0), or until a thread dies (1: the supervisor starts anew)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with turn_to_work(stop) as mine:
        if not mine:
            return 0
        _wait_for_tables(stop)
        running = threads(stop)
        for thread in running:
            thread.start()
        log.info("worker_started", sweeps=sorted(due.SWEEPS))
        healthy = _watch(running, stop)
        _join(running)
    log.info("worker_stopped")
    return 0 if healthy else 1


def _watch(running: list[threading.Thread], stop: threading.Event) -> bool:
    while not stop.wait(0.5):
        dead = [thread.name for thread in running if not thread.is_alive()]
        if dead and not stop.is_set():
            log.error("worker_thread_died", threads=dead)
            stop.set()
            return False
    return True


def _join(running: list[threading.Thread]) -> None:
    """Lets present batches end; what does not end in time is left to its transaction's roll-back or its lease."""
    end = time.monotonic() + STOP_WITHIN_S
    for thread in running:
        thread.join(max(0.0, end - time.monotonic()))
    try:
        heartbeat.remove()
    except DatabaseError as error:
        log.warning("heartbeat_left", error=str(error).strip()[:200])
    connection.close()
