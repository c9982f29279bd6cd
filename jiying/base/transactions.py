"""The one way to run a short transaction: whole or not at all, and again where two crossed in their locks.

One lock order (docs/map.md) makes crossings rare; foreign keys and unique indexes can bring one about all the same.
PostgreSQL then ends one of the two with nothing written, and only the whole transaction may be run again.
"""

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
from django.db import OperationalError, connection, transaction

log = structlog.get_logger()
TRIES = 4
PAUSE_S = 0.02
P = ParamSpec("P")
T = TypeVar("T")
_CROSSED = frozenset(("40P01", "40001"))  # deadlock detected, could not serialize


def is_crossed(error: BaseException) -> bool:
    """Whether the database ended this transaction only because another one stood in its way."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", None) in _CROSSED


def run(work: Callable[[], T]) -> T:
    """Run `work` in a transaction; from the start again, some times, where it crossed another one.

    Inside a transaction it is a part of that one, which alone can be run again: then it is only a savepoint.
    """
    if connection.in_atomic_block:
        with transaction.atomic():
            return work()
    for n in range(1, TRIES):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if not is_crossed(error):
                raise
            log.warning("transaction_crossed", work=getattr(work, "__qualname__", ""), n=n)
            time.sleep(PAUSE_S * 2**n * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
    with transaction.atomic():
        return work()


def short(service: Callable[P, T]) -> Callable[P, T]:
    """Makes a service one short transaction. It must change nothing but rows, since it may run more than once."""

    @wraps(service)
    def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(wraps(service)(lambda: service(*args, **kwargs)))

    return whole
