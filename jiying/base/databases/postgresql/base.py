"""PostgreSQL: prepared statements for the hot paths, and a health check without a round trip."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from django.db.backends.postgresql import base

IDLE_S = 30.0  # a connection that said nothing for so long is asked; a younger one has only to be silent


class PreparedCursor(psycopg.Cursor[Any]):
    """Sends each statement once for a connection; from then on its name and the values."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return super().execute(query, params, **{**options, "prepare": True})


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's."""

    waiting: list[Callable[[], None]] | None = None
    _asked_at = 0.0

    def prepared_cursor(self) -> Any:
        """A cursor for statements that are the same each time but for their values. Not for what the ORM compiles."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(PreparedCursor(self.connection))  # type: ignore[attr-defined]

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors, self.connection.pipeline():
            yield

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if params["prepare_threshold"] is None:
            params["prepare_threshold"] = 0
        return params

    def is_usable(self) -> bool:
        """A server that went away has closed the socket, which is seen without asking it anything."""
        if self.connection is None:
            return False
        now = time.monotonic()
        if not self.errors_occurred and now - self._asked_at < IDLE_S and self._is_silent():
            self._asked_at = now
            return True
        usable = bool(super().is_usable())
        self._asked_at = now if usable else 0.0
        return usable

    def _is_silent(self) -> bool:
        """Whether nothing waits to be read: neither the end of the connection nor the server's last words."""
        poll = select.poll()
        poll.register(self.connection.pgconn.socket, select.POLLIN)
        return not poll.poll(0)
