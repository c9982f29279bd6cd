"""Readers of the journal: each follows it by position, seconds behind, with a place of its own in the database.

What a reader writes and its new place are one transaction: after a crash it goes on where it stood, and no fact counts
twice. Nobody who records a fact waits for a reader. Features register theirs in `AppConfig.ready`.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.db import OperationalError, close_old_connections, connection, transaction

from jiying.base import journal
from jiying.base.models import Counter, JournalEntry

log = structlog.get_logger()
BATCH = 300
PAUSE_S = 0.7  # between two looks: what comes together is read together; hardly any while there is a queue
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Reader:
    """`read(entries)` prepares without writing, and returns what writes in the transaction that moves the place on.

    It must give the same for facts that are read again, and take what it writes from the rows as they are now.
    """

    name: str
    read: Callable[[Sequence[JournalEntry]], Callable[[], object]]

    @property
    def key(self) -> str:
        return f"tail:{self.name}"


READERS: dict[str, Reader] = {}


def register(reader: Reader) -> None:
    READERS[reader.name] = reader


def place(reader: Reader) -> int:
    """The position up to which a reader has read."""
    return Counter.objects.filter(name=reader.key).values_list("value", flat=True).first() or 0


def put(reader: Reader, position: int) -> None:
    """Set a reader's place: after it has made everything anew up to there."""
    row = Counter(name=reader.key, value=position)
    Counter.objects.bulk_create([row], update_conflicts=True, unique_fields=["name"], update_fields=["value"])


def turn(reader: Reader, limit: int = BATCH) -> int:
    """Read what has come; returns how many facts, 0 also where another worker was quicker."""
    begun = place(reader)
    found = journal.after(begun, limit)
    if not found:
        return 0
    write = reader.read([one.entry for one in found])
    Counter.objects.get_or_create(name=reader.key)
    with transaction.atomic():
        moved = Counter.objects.filter(name=reader.key, value=begun).update(value=found[-1].position)
        if moved:
            write()
    return len(found) if moved else 0


def catch_up(reader: Reader) -> None:
    """Read up to the end (tests, commands)."""
    while turn(reader):
        pass


class Follower(threading.Thread):
    """Runs one reader until it is stopped."""

    def __init__(self, reader: Reader, stop: threading.Event) -> None:
        super().__init__(name=f"tail-{reader.name}", daemon=True)
        self.reader, self.stopping, self.n_failed = reader, stop, 0

    def run(self) -> None:
        n_read = 0
        while not self.stopping.wait(0.02 if n_read == BATCH else self._pause_s()):
            n_read = 0
            try:
                n_read = turn(self.reader)
                self.n_failed = 0
            except Exception as error:
                if isinstance(error, OperationalError) and "locked" in str(error):
                    continue  # a busy SQLite file is "later"
                self.n_failed += 1
                log.exception("tail_failed", reader=self.reader.name)
                close_old_connections()
        connection.close()

    def _pause_s(self) -> float:
        return float(min(LONGEST_PAUSE_S, PAUSE_S * 2 ** min(self.n_failed, 10)))
