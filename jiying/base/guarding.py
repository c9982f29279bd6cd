"""Keeps what a library speaks by itself from reaching inside addresses, as `outgoing` does for what we speak (Z4).

Python tells of every connection just before it is made (its audit events). Within `guarded`, each is checked there: the
address that is checked is the one connected to, so that a name whose answer changes in between leads nowhere.
"""

import ipaddress
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from jiying.base import outgoing

_CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_RUNS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"})


class _Here(threading.local):
    """Of this thread: whether it is guarded, by which names it came."""

    depth = 0
    names: tuple[str, ...] = ()
    refused: outgoing.Refused | None = None


_here = _Here()


@contextmanager
def guarded(*names: str) -> Iterator[None]:
    """In this thread, connections inside raise `outgoing.Refused`, also where a library swallows what was raised at it.

    `names` are the hosts that were asked for: those that JIYING_INSIDE_HOSTS allows may lead inside.
    """
    _install()
    before = _here.depth, _here.names, _here.refused
    _here.depth, _here.names, _here.refused = 1, names, None
    try:
        yield
    except outgoing.Refused:
        raise
    except Exception as error:
        if _here.refused is not None:
            raise _here.refused from error
        raise
    else:
        if _here.refused is not None:
            raise _here.refused
    finally:
        _here.depth, _here.names, _here.refused = before


@lru_cache(maxsize=1)
def _install() -> None:
    sys.addaudithook(_look)


def _look(event: str, args: tuple[Any, ...]) -> None:
    """Of every audit event of the process: first what costs nothing."""
    if event in _CONNECTS:
        if _here.depth:
            _check(args[1] if len(args) > 1 else None)
    elif event in _RUNS and _here.depth:
        _refuse(_("Only addresses that begin with https:// or http:// can be opened."))


def _check(address: Any) -> None:
    """An address as sockets have it: (host, port, …); anything else is a way into this very machine."""
    host = address[0] if isinstance(address, tuple) and address else ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        _refuse(_("%(host)s is not an address that can be checked.") % {"host": str(host)[:80] or "–"})
    names = _here.names or ("",)
    if not any(outgoing.is_allowed(name, host) for name in names):
        about = {"host": names[0] or host, "address": host}
        _refuse(
            _("%(host)s is an inside address (%(address)s). Allow it by JIYING_INSIDE_HOSTS where that is meant.")
            % about
        )


def _refuse(text: str) -> None:
    _here.refused = outgoing.Refused(text)
    raise _here.refused
