"""Doorbells: one tail of the journal for each web process, fanned out to clients by topic.

A doorbell says that something happened to a subject, never what: the page fetches it through its ordinary checked
address. `Hub` and `Client` live in the event loop's thread, `Tail` in its own.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db import connection

from jiying.base import journal, wake
from jiying.base.models import Whisper

log = structlog.get_logger()
QUEUE = 256  # doorbells that may wait for a slow client; beyond that it is told to refresh everything
BATCH = 500
CATCH_UP = 1000  # positions that are made up for after a reconnect


@dataclass(frozen=True, slots=True)
class Bell:
    """One journal entry as the stream tells it."""

    position: int
    subject: str
    kind: str
    topics: frozenset[str]


def whisper(subject: str, kind: str, now: datetime) -> None:
    """Ring for whoever listens to a subject, without a fact: who looks, who types. In the caller's transaction.

    A whisper may get lost (streams take them up by id, and transactions end in another order); who whispers asks again
    by itself after a while.
    """
    Whisper.objects.create(topic=subject, kind=kind, at=now)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("NOTIFY jiying_position")


def whispers_after(last: int, limit: int = BATCH) -> tuple[int, list[Bell]]:
    """(the last id, the rings without a position) after an id. Reads the database."""
    rows = list(Whisper.objects.filter(pk__gt=last).order_by("pk")[:limit])
    bells = [Bell(0, row.topic, f"whisper.{row.kind}", frozenset([row.topic])) for row in rows]
    return (rows[-1].pk if rows else last), bells


def drop_old_whispers(at: datetime) -> None:
    """The last one stays: where ids begin anew with an empty table, streams would wait for the old ones."""
    last = Whisper.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    Whisper.objects.filter(at__lt=at - timedelta(minutes=1), pk__lt=last).delete()


def bells_after(position: int, limit: int = BATCH) -> list[Bell]:
    """The doorbells after a position, in order. Reads the database."""
    found = []
    for place, subject_kind, subject_id, kind, rings in journal.rings_after(position, limit):
        subject = f"{subject_kind}:{subject_id}"
        found.append(Bell(place, subject, kind, frozenset([subject, *rings.split()])))
    return found


@dataclass(eq=False)
class Client:
    """One stream. `named` maps each topic to the names under which the client asked for it.

    `kinds`, for a guest, are the kinds of fact that are told, by names that outsiders know; None tells all as it is.
    """

    person_id: int
    named: Mapping[str, frozenset[str]]
    kinds: Mapping[str, str] | None = None
    queue: deque[Bell] = field(default_factory=deque)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    overflown: bool = False
    ended: str = ""

    def wants(self, bell: Bell) -> bool:
        return not bell.topics.isdisjoint(self.named)

    def names(self, bell: Bell) -> list[str]:
        return sorted(name for topic in bell.topics for name in self.named.get(topic, ()))

    def hears(self, bell: Bell) -> bool:
        return self.kinds is None or bell.kind in self.kinds

    def ring(self, bell: Bell) -> None:
        if not self.hears(bell):
            return
        if len(self.queue) >= QUEUE:
            self.queue.clear()
            self.overflown = True
        if not self.overflown:
            self.queue.append(bell)
        self.awake.set()

    def end(self, reason: str) -> None:
        self.ended = self.ended or reason
        self.awake.set()

    def take(self) -> tuple[bool, list[Bell]]:
        """(whether everything must be refreshed, the waiting doorbells); both are cleared."""
        self.awake.clear()
        taken = self.overflown, list(self.queue)
        self.overflown = False
        self.queue.clear()
        return taken


class Hub:
    """Who listens to what. Everything that came up to `position` has been handed out."""

    def __init__(self) -> None:
        self.position = 0
        self._clients: dict[str, set[Client]] = {}
        self.clients: set[Client] = set()

    def add(self, client: Client) -> None:
        self.clients.add(client)
        for topic in client.named:
            self._clients.setdefault(topic, set()).add(client)

    def remove(self, client: Client) -> None:
        self.clients.discard(client)
        for topic in client.named:
            listening = self._clients.get(topic, set())
            listening.discard(client)
            if not listening:
                self._clients.pop(topic, None)

    def hand_out(self, bells: Iterable[Bell]) -> None:
        for bell in bells:
            if bell.position <= self.position:
                continue
            self.position = bell.position
            for client in set().union(*(self._clients.get(topic, ()) for topic in bell.topics)):
                client.ring(bell)

    def whisper(self, bells: Iterable[Bell]) -> None:
        """Hand out rings that have no position: they are not made up for after a reconnect."""
        for bell in bells:
            for client in set().union(*(self._clients.get(topic, ()) for topic in bell.topics)):
                client.ring(bell)

    def end_all(self, reason: str) -> None:
        for client in self.clients:
            client.end(reason)

    def of_person(self, person_id: int) -> int:
        return sum(client.person_id == person_id for client in self.clients)


class Tail(wake.Follower):
    """Follows the journal by position and hands its doorbells to the hub in the event loop's thread."""

    channel = "jiying_position"
    LOOK_S = 2.0
    GATHER_S = 0.02

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__("tail", threading.Event())
        self.hub, self.loop = hub, loop
        self.ready = threading.Event()
        self._position: int | None = None
        self._whisper = 0

    def turn(self) -> bool:
        if self._position is None:
            self._position = journal.last_position()
            self._whisper = Whisper.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            self._in_loop(self._begin, self._position)
        while bells := bells_after(self._position):
            self._position = bells[-1].position
            self._in_loop(self.hub.hand_out, bells)
        self._whisper, whispers = whispers_after(self._whisper)
        if whispers:
            self._in_loop(self.hub.whisper, whispers)
        return False

    def _begin(self, position: int) -> None:
        self.hub.position = position
        self.ready.set()

    def _in_loop(self, call: object, *arguments: object) -> None:
        try:
            self.loop.call_soon_threadsafe(call, *arguments)  # type: ignore[arg-type]
        except RuntimeError:  # the loop has ended: so does this process
            self.stopping.set()
