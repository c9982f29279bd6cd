"""Due rows and the loop that serves them: find by index, claim by compare-and-set, handle, retry with back-off, park.

SKIP LOCKED is never the guarantee (SQLite ignores it): a claim is an UPDATE that still sees the row due.
"""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import structlog
from django.db import OperationalError, close_old_connections, connection
from django.db.models import F, Min
from django.utils import timezone

from jiying.base import transactions
from jiying.base.models.due import DueRow

log = structlog.get_logger()
LATE_AFTER = timedelta(minutes=1)  # what is noticed later than this was missed: its notice says so (C17)
BATCH = 50
MAX_ATTEMPTS = 8
MAX_BACKOFF_S = 1800


@dataclass(frozen=True, slots=True)
class Sweep:
    """One table of due rows. `handle(ids, now)` claims and does the rows that are still due; returns how many.

    `networked` handlers must not run in a transaction: they lease each row, talk, and finish with the fence.
    `batch` rows share a transaction; 1 where a handler locks what people wait for. `tells`: its rows become alerts.
    `lanes` names the columns of which rows are served side by side (`base.lanes`), those of equal values one by one.
    """

    name: str
    model: type[DueRow]
    handle: Callable[[Sequence[int], datetime], int]
    networked: bool = False
    batch: int = BATCH
    tells: bool = False
    lanes: tuple[str, ...] = ()


SWEEPS: dict[str, Sweep] = {}
_Place = tuple[int, str]  # id, and wake_at as the database writes it


def register(sweep: Sweep) -> None:
    SWEEPS[sweep.name] = sweep


def due_ids(sweep: Sweep, now: datetime, limit: int) -> list[int]:
    """The rows that are due at `now`, the longest due first."""
    return [pk for pk, _at in _due(sweep, now, limit)]


def _due(
    sweep: Sweep, now: datetime, limit: int, after: _Place | None = None, lane: Mapping[str, Any] | None = None
) -> list[_Place]:
    """Places of due rows in the one order that there is, those behind `after` only.

    Plain SQL: making a row of the ORM costs as much as claiming it, and so does making an instant of each.
    """
    table, pk = _names(sweep.model)
    within, values = _within(lane or {})
    values = [connection.ops.adapt_datetimefield_value(now), *values]
    behind = ""
    if after is not None:  # the first condition alone bounds the range of the index
        behind = f"AND wake_at >= %s AND (wake_at > %s OR {pk} > %s)"
        values += [after[1], after[1], after[0]]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {pk}, CAST(wake_at AS text) AS place FROM {table} WHERE wake_at <= %s {within} {behind} "  # noqa: S608 - own names
            f"ORDER BY wake_at, {pk} LIMIT {int(limit)}",
            values,
        )
        places: list[_Place] = cursor.fetchall()
        return places


def _within(lane: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The condition of a lane, and its values."""
    parts = [f"AND {connection.ops.quote_name(name)} {_is(value)}" for name, value in lane.items()]
    return " ".join(parts), [value for value in lane.values() if value is not None]


def _is(value: Any) -> str:
    return "IS NULL" if value is None else "= %s"


def _names(model: type[DueRow]) -> tuple[str, str]:
    """The table and its key, quoted."""
    quote = connection.ops.quote_name
    return quote(model._meta.db_table), quote(str(model._meta.pk.column))


def next_wake(sweep: Sweep) -> datetime | None:
    at: datetime | None = sweep.model._default_manager.filter(wake_at__isnull=False).aggregate(at=Min("wake_at"))["at"]
    return at


def catches_up(now: datetime) -> bool:
    """Whether a sweep whose rows become alerts still works off what was missed."""
    wakes = (next_wake(sweep) for sweep in SWEEPS.values() if sweep.tells)
    return any(wake is not None and now - wake > LATE_AFTER for wake in wakes)


def claim(model: type[DueRow], ids: Sequence[int], now: datetime) -> set[int]:
    """Take those rows that are still due, in the caller's transaction: their `wake_at` is cleared, the fence raised."""
    if not ids:
        return set()
    table, pk = _names(model)
    wanted = ",".join(str(int(one)) for one in ids)  # in the text: a thousand parameters cost more than the claim
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET wake_at = NULL, fence = fence + 1 "  # noqa: S608 - own names and whole numbers
            f"WHERE {pk} IN ({wanted}) AND wake_at <= %s RETURNING {pk}",
            [connection.ops.adapt_datetimefield_value(now)],
        )
        return {row[0] for row in cursor.fetchall()}


def lease(model: type[DueRow], pk: int, now: datetime, seconds: int = 120) -> DueRow | None:
    """Take one row for work outside a transaction; a worker that dies loses it when the lease ends."""
    changed = model._default_manager.filter(pk=pk, wake_at__lte=now).update(
        wake_at=now + timedelta(seconds=seconds), fence=F("fence") + 1, lease_until=now + timedelta(seconds=seconds)
    )
    return model._default_manager.get(pk=pk) if changed else None


def renew(row: DueRow, now: datetime, seconds: int = 120) -> bool:
    """Keep leased work for longer; False if the lease was lost meanwhile and somebody else has the row."""
    until = now + timedelta(seconds=seconds)
    held = type(row)._default_manager.filter(pk=row.pk, fence=row.fence, lease_until__isnull=False)
    return bool(held.update(wake_at=until, lease_until=until))


def finish(row: DueRow, **fields: Any) -> bool:
    """End leased work; False if the lease was lost meanwhile and somebody else has the row."""
    done: dict[str, Any] = {"wake_at": None, "lease_until": None, "last_error": "", **fields}
    return bool(type(row)._default_manager.filter(pk=row.pk, fence=row.fence).update(**done))


def fail(model: type[DueRow], pk: int, error: str, now: datetime) -> bool:
    """Note a failure: try again later with capped, jittered back-off, or park it after the last try. True if parked."""
    row = model._default_manager.get(pk=pk)
    attempts = row.attempts + 1
    parked = attempts >= MAX_ATTEMPTS
    wake = None if parked else now + backoff(attempts)
    model._default_manager.filter(pk=pk, fence=row.fence).update(
        attempts=attempts,
        last_error=error[:2000],
        wake_at=wake,
        lease_until=None,
        parked_at=now if parked else None,
        fence=F("fence") + 1,
    )
    return parked


def backoff(attempts: int) -> timedelta:
    base = min(MAX_BACKOFF_S, 2**attempts)
    return timedelta(seconds=base * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret


def retry_parked(model: type[DueRow], pk: int, now: datetime) -> bool:
    """Send a parked row again (from the page of dead letters)."""
    return bool(
        model._default_manager.filter(pk=pk, parked_at__isnull=False).update(parked_at=None, attempts=0, wake_at=now)
    )


def run(sweep: Sweep, now: datetime, limit: int = 1000, lane: Mapping[str, Any] | None = None) -> int:
    """Serve what is due at `now`, the longest due first; returns how many rows were handled. Never raises for a row.

    A row that its handler sets to a later instant, still due, has its turn again when that instant has.
    `lane`: only rows with these values.
    """
    place: _Place | None = None
    n_seen = n_done = 0
    while n_seen < limit and (batch := _due(sweep, now, min(sweep.batch, limit - n_seen), place, lane)):
        place, n_seen = batch[-1], n_seen + len(batch)
        ids = [pk for pk, _at in batch]
        fences = _fences(sweep, ids) if sweep.networked else {}
        try:
            n_done += _handle(sweep, ids, now)
        except Exception as error:
            if _is_busy(error):
                return n_done
            _give_back(sweep, fences, error, now)
            n_done += sum(_handle_alone(sweep, pk, now) for pk in ids)
    return n_done


def _fences(sweep: Sweep, ids: Sequence[int]) -> dict[int, int]:
    return dict(sweep.model._default_manager.filter(pk__in=ids).values_list("pk", "fence"))


def _leased_since(sweep: Sweep, fences: Mapping[int, int], now: datetime) -> dict[int, bool]:
    """{id of a row that is leased now: whether once only since these fences}: then whoever asks has leased it."""
    rows = sweep.model._default_manager.filter(pk__in=fences, lease_until__gt=now).values_list("pk", "fence")
    return {pk: fence == fences[pk] + 1 for pk, fence in rows}


def _give_back(sweep: Sweep, fences: Mapping[int, int], error: Exception, now: datetime) -> None:
    """What a networked handler had leased when it raised waits for its next try, not for the end of its lease."""
    for pk in [pk for pk, is_ours in _leased_since(sweep, fences, now).items() if is_ours]:
        parked = fail(sweep.model, pk, f"{type(error).__name__}: {error}", now)
        log.exception("leased_row_failed", sweep=sweep.name, row=pk, parked=parked)


def _handle(sweep: Sweep, ids: Sequence[int], now: datetime) -> int:
    if sweep.networked:
        return sweep.handle(ids, now)
    return transactions.run(partial(sweep.handle, ids, now))


def _handle_alone(sweep: Sweep, pk: int, now: datetime) -> int:
    """One row in its own transaction, so that a poison row never stops the others."""
    fences = _fences(sweep, [pk]) if sweep.networked else {}
    try:
        return _handle(sweep, [pk], now)
    except Exception as error:
        if _is_busy(error) or not _leased_since(sweep, fences, now).get(pk, True):
            return 0
        parked = fail(sweep.model, pk, f"{type(error).__name__}: {error}", now)
        log.exception("due_row_failed", sweep=sweep.name, row=pk, parked=parked)
        return 0


def _is_busy(error: BaseException) -> bool:
    """A locked SQLite file, or locks that crossed time and again, is "later" and not a failure of the row."""
    return transactions.is_crossed(error) or (isinstance(error, OperationalError) and "locked" in str(error))


class Loop(threading.Thread):
    """Serves one sweep until it is stopped: sleeps until the next due instant, at most `POLL_S`, or until woken."""

    POLL_S = 0.2
    HELD_S = 0.02  # what is due is held by somebody just now: a short while, not a spin
    instances: ClassVar[list["Loop"]] = []

    def __init__(self, sweep: Sweep, stop: threading.Event) -> None:
        super().__init__(name=f"sweep-{sweep.name}", daemon=True)
        self.sweep, self.stopping, self.seen_at = sweep, stop, timezone.now()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                pause = self._turn()
            except Exception:
                log.exception("sweep_failed", sweep=self.sweep.name)
                close_old_connections()
                pause = 1.0
            self.stopping.wait(pause)
        connection.close()

    def _turn(self) -> float:
        """One look by index; seconds to sleep after it."""
        now = timezone.now()
        self.seen_at = now
        wake = next_wake(self.sweep)
        if wake is None:
            return self.POLL_S
        if wake > now:
            return min(self.POLL_S, (wake - now).total_seconds() + 0.001)
        return 0.0 if run(self.sweep, now) else self.HELD_S
