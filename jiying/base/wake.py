"""Waits for another transaction's commit: LISTEN on PostgreSQL, polling `PRAGMA data_version` on SQLite.

A wake-up may come for nothing and is never a promise: whoever waits must also look by itself from time to time.
"""

import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from typing import Any, Protocol

import psycopg
import structlog
from django.db import close_old_connections, connections
from psycopg import sql

log = structlog.get_logger()
POLL_S = 0.05
RECONNECT_S = (0.2, 5.0)  # first and longest pause before the next try


class Waiter(Protocol):
    """`wait` returns after a commit, after `seconds`, or when `stop` is set; True if a commit was seen."""

    def wait(self, seconds: float, stop: threading.Event) -> bool: ...

    def close(self) -> None: ...


def waiter(channel: str) -> Waiter:
    """A waiter with a connection of its own; `channel` is what PostgreSQL notifies, SQLite wakes for every commit."""
    if connections["default"].vendor == "postgresql":
        return _Listener(channel)
    return _Poller(str(connections["default"].settings_dict["NAME"]))


class Follower(threading.Thread, ABC):
    """A thread that has its turn after each commit of a channel, and by itself from time to time.

    A turn that fails is logged, and the next comes a second later: nothing is lost, since each does all that is there.
    """

    channel = ""
    LOOK_S = 1.0  # looks by itself this often, should a wake-up be lost
    GATHER_S = 0.01  # under load one turn serves many commits; nobody notices the moment

    def __init__(self, name: str, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.stopping = stop

    @abstractmethod
    def turn(self) -> bool:
        """Does what is there; True where more is waiting already."""

    def run(self) -> None:
        listening: Waiter | None = None
        while not self.stopping.is_set():
            try:
                listening = listening or waiter(self.channel)
                if not self.turn() and listening.wait(self.LOOK_S, self.stopping):
                    self.stopping.wait(self.GATHER_S)
            except Exception:
                log.exception("turn_failed", thread=self.name)
                close_old_connections()
                self.stopping.wait(1.0)
        if listening:
            listening.close()
        connections["default"].close()


class _Poller:
    """SQLite: `data_version` changes when another connection, of whatever process, has committed."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
        self._seen = self._version()

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        end = time.monotonic() + seconds
        while not stop.is_set():
            version = self._version()
            if version != self._seen:
                self._seen = version
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            stop.wait(min(POLL_S, left))
        return False

    def close(self) -> None:
        self._connection.close()


class _Listener:
    """PostgreSQL: NOTIFY on one channel. A lost connection is made again, and its gap counts as a commit."""

    SLICE_S = 0.25  # how soon `stop` is seen

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._connection: psycopg.Connection[Any] | None = None
        self._pause_s = RECONNECT_S[0]

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        try:
            if self._connection is None:
                self._connect()
                return True
            return self._wait(self._connection, seconds, stop)
        except psycopg.OperationalError as error:
            self.close()
            log.warning("listen_lost", channel=self._channel, error=str(error).strip()[:200], again_in_s=self._pause_s)
            stop.wait(self._pause_s)
            self._pause_s = min(RECONNECT_S[1], self._pause_s * 2)
            return False

    def _connect(self) -> None:
        parameters = connections["default"].get_connection_params()
        parameters = {
            k: v for k, v in parameters.items() if k not in ("cursor_factory", "context", "prepare_threshold")
        }
        self._connection = psycopg.connect(**parameters, autocommit=True)
        self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        self._pause_s = RECONNECT_S[0]

    def _wait(self, connection: "psycopg.Connection[Any]", seconds: float, stop: threading.Event) -> bool:
        end = time.monotonic() + seconds
        while not stop.is_set():
            left = end - time.monotonic()
            if left <= 0:
                return False
            if any(True for _ in connection.notifies(timeout=min(self.SLICE_S, left), stop_after=1)):
                return True
        return False

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
