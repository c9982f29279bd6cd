"""What runs every so often, once over all workers: whoever inserts the unique `Tick` row of a turn runs it.

A task must do all that is outstanding, never only "this turn's": turns are not made up for after an outage.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.contrib.sessions.models import Session
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from jiying.base.models import CacheRow, IdempotencyKey, Setting, Tick

log = structlog.get_logger()
KEEP = timedelta(days=7)
KEEP_KEYS = timedelta(hours=24)  # the answers beside them may hold personal data


@dataclass(frozen=True, slots=True)
class Task:
    """`run(at)` gets the instant of its turn, a multiple of `every_s` seconds since the epoch; only while `wanted`."""

    name: str
    every_s: int
    run: Callable[[datetime], None]
    wanted: Callable[[], bool] = lambda: True


TASKS: dict[str, Task] = {}


def register(
    name: str, every_s: int, run: Callable[[datetime], None], wanted: Callable[[], bool] = lambda: True
) -> None:
    TASKS[name] = Task(name, every_s, run, wanted)


def turn(task: Task, now: datetime) -> datetime:
    """The instant of the turn that `now` belongs to."""
    return datetime.fromtimestamp(int(now.timestamp()) // task.every_s * task.every_s, UTC)


def claim(task: Task, at: datetime) -> bool:
    """Take a turn: True in exactly one process."""
    if Tick.objects.filter(name=task.name, at=at).exists():
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO base_tick (name, at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [task.name, connection.ops.adapt_datetimefield_value(at)],
        )
        return bool(cursor.rowcount)


def run_due(now: datetime) -> int:
    """Run every task whose turn nobody has taken yet; returns how many. A task that fails never stops the others."""
    n_run = 0
    for task in list(TASKS.values()):
        at = turn(task, now)
        if not task.wanted() or not claim(task, at):
            continue
        n_run += 1
        try:
            task.run(at)
        except Exception:
            log.exception("periodic_failed", task=task.name)
    return n_run


def tidy(at: datetime) -> None:
    """Drops what nobody needs any more: old ticks and idempotency keys, ended sessions, expired cache rows."""
    Tick.objects.filter(at__lt=at - KEEP).delete()
    IdempotencyKey.objects.filter(at__lt=at - KEEP_KEYS).delete()
    Session.objects.filter(expire_date__lt=at).delete()
    CacheRow.objects.filter(expires__lt=at).delete()
    stale = [
        row.pk
        for row in Setting.objects.filter(key__startswith="worker:")
        if row.value.get("at", 0) < at.timestamp() - 3600
    ]
    Setting.objects.filter(pk__in=stale).delete()


register("base.tidy", 3600, tidy)


def count_rows(at: datetime) -> None:
    """SQLite learns how its tables have grown only when asked; without, it chooses indexes blindly."""
    if connection.vendor == "sqlite":
        # In a transaction, which waits for its turn to write: alone it would begin by reading, and fail at once beside
        # anybody who writes.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("PRAGMA analysis_limit=1000")
            # Not PRAGMA optimize: before SQLite 3.46 it leaves out what this connection has not read itself.
            cursor.execute("ANALYZE")


register("base.figures", 3600, count_rows)


class Clockwork(threading.Thread):
    """Looks every second whether a task's turn has come."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(name="periodic", daemon=True)
        self.stopping = stop

    def run(self) -> None:
        while not self.stopping.wait(1.0):
            try:
                run_due(timezone.now())
            except DatabaseError:
                log.exception("periodic_database")
                close_old_connections()
        connection.close()
