"""Threads of the worker that read mailboxes: one each, told by the server (IDLE) or looking from time to time.

A mailbox that fails is tried again with growing pauses, and never stops another one. Changed settings start it anew.
"""

import random
import threading
import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone, translation

from jiying.base import connections
from jiying.base.connections import Failed
from jiying.channels.services.mail import boxes, imap, keeping
from jiying.channels.services.mail.boxes import Box

log = structlog.get_logger()
LOOK_S = 2.0  # at the settings
LONGEST_PAUSE_S = 60.0
SLICE_S = 1.0  # how soon a stop is seen
IDLE_S = 240.0  # some providers cut quiet lines after five minutes
SURE_S = 30.0  # what comes while a server turns to telling it may forget: all is looked at again after so long
RENEW = timedelta(seconds=20)


class Reader(threading.Thread):
    """Reads one mailbox until it is stopped."""

    def __init__(self, box: Box, stop: threading.Event) -> None:
        super().__init__(name=f"mail-{box.code}", daemon=True)
        self.box, self._all, self._mine = box, stop, threading.Event()
        self._renewed_at = 0.0

    def end(self) -> None:
        self._mine.set()

    @property
    def stopping(self) -> bool:
        return self._all.is_set() or self._mine.is_set()

    def run(self) -> None:
        n_failed = 0
        while not self.stopping:
            try:
                if keeping.lease(self.box.pk, timezone.now()):
                    self._follow()
                n_failed = 0
            except Failed as error:
                n_failed += 1
                self._say(str(error))
            except Exception as error:  # a fault of ours, or the database is away: tried again, and seen by people
                n_failed += 1
                log.exception("mailbox_failed", mailbox=self.box.code)
                close_old_connections()
                self._say(f"{type(error).__name__}: {error}")
            self._pause(min(LONGEST_PAUSE_S, 2.0 ** min(n_failed, 6)) * random.uniform(0.7, 1.3))  # noqa: S311 - jitter
        self._leave()

    def _follow(self) -> None:
        """One signed-in line, until it ends."""
        with translation.override(settings.LANGUAGE_CODE), imap.session(self.box.imap) as session:
            while not self.stopping:
                keeping.take_in(self.box, session)
                connections.succeeded(self.box.pk, timezone.now())
                if not self._wait(session):
                    return

    def _wait(self, session: imap.Session) -> bool:
        """Until there may be news; False where the mailbox went to another process."""
        if not session.can_idle:
            self._pause(self.box.poll_s)
            return self._keeps()
        session.idle()
        end = time.monotonic() + min(IDLE_S, max(SURE_S, self.box.poll_s))
        try:
            while not self.stopping and time.monotonic() < end:
                if session.told(SLICE_S):
                    break
                if not self._keeps():
                    return False
        finally:
            session.done()
        return True

    def _keeps(self) -> bool:
        if time.monotonic() - self._renewed_at < RENEW.total_seconds():
            return True
        self._renewed_at = time.monotonic()
        return keeping.lease(self.box.pk, timezone.now())

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < end:
            self._mine.wait(min(SLICE_S, max(0.0, end - time.monotonic())))

    def _say(self, error: str) -> None:
        try:
            connections.failed(self.box.pk, error, timezone.now())
        except DatabaseError:
            close_old_connections()

    def _leave(self) -> None:
        try:
            keeping.release(self.box.pk)
        except DatabaseError:
            log.warning("mailbox_not_released", mailbox=self.box.code)
        connection.close()


class Keeper(threading.Thread):
    """Starts a reader for every mailbox that is switched on, and ends those that are not, or were changed."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(name="mailboxes", daemon=True)
        self.stopping = stop
        self.readers: dict[int, Reader] = {}

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.look()
            except Exception:
                log.exception("mailboxes_failed")
                close_old_connections()
            self.stopping.wait(LOOK_S)
        for reader in self.readers.values():
            reader.join(3.0)
        connection.close()

    def look(self) -> None:
        wanted = {box.pk: box for box in boxes.opened()}
        for pk, reader in list(self.readers.items()):
            box = wanted.get(pk)
            if box is None or box.revision != reader.box.revision:
                reader.end()
            if not reader.is_alive():
                del self.readers[pk]
        for pk, box in wanted.items():
            if pk not in self.readers:
                self.readers[pk] = Reader(box, self.stopping)
                self.readers[pk].start()
