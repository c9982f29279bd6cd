"""One web process: granian serves `config.asgi` in this process's own event loop until SIGTERM or SIGINT."""

import asyncio
import os
import signal
import socket
from typing import Any

import structlog
from granian._granian import SocketHolder
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from jiying.config import environ, listening

log = structlog.get_logger()


class _Server(Server):
    """Granian in one process, on a socket that is open already."""

    def listen_on(self, listener: socket.socket) -> None:
        self._jiying_fd = listener.fileno()

    def _init_shared_socket(self) -> None:
        # The three names that granian's workers read; its own way would open a socket for each process.
        holder: Any = SocketHolder
        self._ssp: Any = None
        self._shd: Any = holder(self._jiying_fd, False, listening.BACKLOG)
        self._sfd: Any = self._jiying_fd


def main() -> int:
    """Serves until it is told to stop; requests at work are finished first. Exit code 0, or 1 when serving failed."""
    host, port = environ.text("JIYING_HOST", "127.0.0.1"), environ.number("PORT", 8000, low=1, high=65535)
    listener = listening.inherited() or listening.bind(host, port)
    return asyncio.run(_serve(listener))


async def _serve(listener: socket.socket) -> int:
    from jiying.config.asgi import application

    server: Any = _Server(
        application,
        interface=Interfaces.ASGI,
        websockets=False,
        backlog=listening.BACKLOG,
        log_level=LogLevels.error,
    )
    server.listen_on(listener)
    stopped = asyncio.Event()

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            application.close_streams()
            server.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    listening.end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    log.info("web_started", pid=os.getpid())
    await server.serve()
    log.info("web_stopped", pid=os.getpid())
    return 0 if stopped.is_set() else 1
