"""The one executor: work that is done part by part, in this process, or on a Dask cluster where one is named.

Which of the two is the operator's choice (DASK_SCHEDULER); nothing falls back from one to the other. A function that is
spread is plain, of a module that needs no Django settings, and its parts and results can be pickled.
"""

import asyncio
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.utils.translation import gettext as _

from jiying.warehouse import store
from jiying.warehouse.asking import Unseen

Part = TypeVar("Part")
Result = TypeVar("Result")
ANSWER_S = 10.0  # the scheduler must answer within
LOOK_S = 2.0  # so often a job looks whether the cluster still lives
ALONE_S = 60.0  # so long it waits for a worker to come, or to come back


class Unusable(Exception):
    """The cluster that was named cannot be used; the text says what, where, and how to mend it."""


def each(function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """The function's result for each part, in their order. Raises Unusable, and what the function raises."""
    if not settings.DASK_SCHEDULER:
        return [function(part) for part in parts]
    with _client() as client:
        return _gathered(client, function, parts)


def faults() -> Iterable[str]:
    """For `jiying check`: what is wrong with the cluster that is named; nothing where none is."""
    if not settings.DASK_SCHEDULER:
        return
    try:
        with _client() as client:
            if not _n_workers(client):
                yield _alone()
            for machine, is_seen in sorted(set(client.run(_sees, str(store.folder())).values())):
                if not is_seen:
                    yield _unseen(machine)
    except Unusable as error:
        yield str(error)


# --- Dask ------------------------------------------------------------------------------------------------------------


@contextmanager
def _client() -> Iterator[Any]:
    """A client of the scheduler, closed at the end. Raises Unusable."""
    if find_spec("distributed") is None:
        raise Unusable(
            _("DASK_SCHEDULER is set, but Dask is not installed here: pip install -r %(file)s")
            % {"file": "requirements/scale.txt"}
        )
    import dask
    from distributed import Client  # before the setting below, which would take this package's own settings with it

    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):  # columns of logs are large
        try:
            asyncio.run(_greeted())
            client = _connected(Client)
        except (OSError, ValueError, TypeError) as error:  # not there, no address, TLS without certificates
            raise _lost(error) from error
        with client:
            yield client


def _connected(client: Any) -> Any:
    for _n in range(2):
        try:
            return client(_address(), timeout=ANSWER_S, set_as_default=False)
        except AssertionError:  # it gives its own thread ten seconds to start: a machine may stall for longer
            continue
    return client(_address(), timeout=ANSWER_S, set_as_default=False)


async def _greeted() -> None:
    """A Dask scheduler has answered, within the time that it is given.

    A client that finds none must never be made: it waits for ever for the first word of whoever else listens there,
    and one that failed holds its process up, should Python throw it away just while the next one starts.
    """
    from distributed.comm.core import connect
    from distributed.security import Security

    try:
        async with asyncio.timeout(ANSWER_S):
            how = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
            comm = await connect(_address(), timeout=ANSWER_S, **how)  # type: ignore[no-untyped-call]
    except Exception as error:
        if isinstance(error, OSError | ValueError | TypeError) and not isinstance(error, TimeoutError):
            raise
        # Nothing was said within the time, or what a stranger said is no greeting: Dask stumbles over it in many ways.
        raise OSError(_("no Dask scheduler answers there")) from error
    await comm.close()


def _address() -> str:
    address: str = settings.DASK_SCHEDULER
    return address if "://" in address else f"tcp://{address}"


def _gathered(client: Any, function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """A worker that dies costs the time of its part: the scheduler gives it to another."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError, FuturesCancelledError
    from distributed.comm.core import CommClosedError

    try:
        futures = client.map(function, parts, pure=False)
        with client.as_current():
            _wait(client, futures)
        return list(client.gather(futures))
    except Unseen as error:
        raise Unusable(_unseen(str(error))) from error
    except KilledWorker as error:
        raise Unusable(
            _(
                "A part of the work was lost with each worker of the Dask cluster at %(address)s that tried it, mostly "
                "for want of memory: give its workers more."
            )
            % {"address": _address()}
        ) from error
    except ImportError as error:
        raise Unusable(
            _(
                "The Dask cluster at %(address)s cannot run Jiying (%(error)s): install this release and "
                "requirements/scale.txt on the machines of its scheduler and of all its workers."
            )
            % {"address": _address(), "error": error}
        ) from error
    except (CommClosedError, FutureCancelledError, FuturesCancelledError) as error:
        raise _lost(error) from error


def _wait(client: Any, futures: Sequence[Any]) -> None:
    """Until all are done, or one has failed. Raises Unusable where no worker has been there for long."""
    from distributed import wait

    seen_at = time.monotonic()
    while True:
        try:
            wait(futures, timeout=LOOK_S)  # type: ignore[no-untyped-call]
            return
        except TimeoutError:
            if client.status != "running":
                raise _lost(OSError(client.status)) from None
            if _n_workers(client):
                seen_at = time.monotonic()
            elif time.monotonic() - seen_at > ALONE_S:
                raise Unusable(_alone()) from None


def _n_workers(client: Any) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])


def _sees(folder: str) -> tuple[str, bool]:
    """Runs on each worker: its machine, and whether the copy is seen there."""
    return platform.node(), Path(folder, "manifest.json").exists()


# --- in words --------------------------------------------------------------------------------------------------------


def _lost(error: Exception) -> Unusable:
    return Unusable(
        _(
            "The Dask scheduler at %(address)s (DASK_SCHEDULER) cannot be reached: %(error)s. Start it there "
            "(dask scheduler), correct the address, or take DASK_SCHEDULER away to work without a cluster."
        )
        % {"address": _address(), "error": error}
    )


def _alone() -> str:
    return _("The Dask scheduler at %(address)s has no workers. Start some: dask worker %(address)s") % {
        "address": _address()
    }


def _unseen(machine: str) -> str:
    return _(
        "The Dask worker on %(machine)s does not see the columnar copy in %(folder)s: share this folder with all "
        "workers, under the same path (JIYING_WAREHOUSE)."
    ) % {"machine": machine, "folder": store.folder()}
