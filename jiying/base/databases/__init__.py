"""Django's database backends with what the house's hot paths need (settings name them), and the ways to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

from django.db import connection


class Backend(Protocol):
    """What both backends have besides Django's own."""

    waiting: list[Callable[[], None]] | None

    def prepared_cursor(self) -> Any: ...

    def pipeline(self) -> Any: ...


def _backend() -> Backend:
    return cast(Backend, connection)


def prepared() -> Any:
    """A cursor for plain SQL that is always the same but for its values: on PostgreSQL it is sent and planned once."""
    return _backend().prepared_cursor()


@contextmanager
def together() -> Iterator[None]:
    """On PostgreSQL, prepared statements in here are sent one after another without a wait for each one's answer.

    For statements that depend on no answer of each other; a failure comes at the end. Not for what the ORM does.
    """
    backend = _backend()
    if backend.waiting is not None:
        yield
        return
    with backend.pipeline():
        backend.waiting = []
        try:
            yield
            waiting = backend.waiting
        finally:
            backend.waiting = None
        for read in waiting:
            read()


def later(read: Callable[[], None]) -> None:
    """Read a statement's answer: at the end of `together`, or now."""
    waiting = _backend().waiting
    if waiting is None:
        read()
    else:
        waiting.append(read)
