"""SQLite: who waits for the one write lock looks again the sooner, the longer it waited, so that nobody starves.

SQLite's own pauses grow to a tenth of a second: whoever waited longest would come last.
"""

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db.backends.sqlite3 import base

FIRST_S, SHORTEST_S = 0.003, 0.0003


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's, but for the wait at the beginning of a transaction."""

    waiting: list[Callable[[], None]] | None = None

    def prepared_cursor(self) -> Any:
        """Every cursor: SQLite's driver keeps what it has compiled."""
        return self.cursor()

    def pipeline(self) -> AbstractContextManager[None]:
        return nullcontext()  # there is no way to a server, and so nothing to save

    def _start_transaction_under_autocommit(self) -> None:
        with self.wrap_database_errors:
            self._wait_for_lock()

    def _wait_for_lock(self) -> None:
        limit_s = float(self.settings_dict["OPTIONS"].get("timeout", 5))
        pause, end = FIRST_S, time.monotonic() + limit_s
        self.connection.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    self.connection.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                        raise
                time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
                pause = max(SHORTEST_S, pause * 0.7)
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {round(limit_s * 1000)}")
