"""The one listening socket of a house: opened by whoever starts it, inherited by the web processes.

Shared on purpose: while a killed web process is started again, no caller is refused, and the port is ours alone.
"""

import errno
import os
import socket
import threading
from collections.abc import Callable

FD_NAME = "JIYING_LISTEN_FD"
PARENT_FD_NAME = "JIYING_PARENT_FD"
BACKLOG = 1024


class PortInUse(Exception):
    """Somebody listens on the port already."""


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket; raises PortInUse, or OSError for an address that is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it; without it an answer's second packet waits 40 ms for a delayed ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(f"port {port} of {host} is in use; choose another with PORT=NUMBER") from None
        if error.errno == errno.EACCES:
            raise OSError(error.errno, f"port {port} needs more rights; choose another with PORT=NUMBER") from None
        raise
    return listener


def inherited() -> socket.socket | None:
    """The socket that the supervisor handed over, or None."""
    number = os.environ.get(FD_NAME)
    return socket.socket(fileno=int(number)) if number else None


def end_with_parent(stop: Callable[[], None]) -> None:
    """Calls `stop` once the supervisor is gone, however it died: its end of a pipe closes then."""
    number = os.environ.get(PARENT_FD_NAME)
    if not number:
        return

    def watch() -> None:
        os.read(int(number), 1)
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()
