"""One web process: serves `config.asgi` in its own event loop until SIGTERM or SIGINT."""

import asyncio
import os
import signal
import socket

import structlog

from jiying.config import environ, listening

log = structlog.get_logger()


def main() -> int:
    """Serves until it is told to stop; requests at work are finished first."""
    host, port = environ.text("JIYING_HOST", "127.0.0.1"), environ.number("PORT", 8000, low=1, high=65535)
    shared = listening.inherited()
    return asyncio.run(_serve(shared or listening.bind(host, port), polite=shared is not None))


async def _serve(listener: socket.socket, *, polite: bool) -> int:
    from jiying.config.asgi import application
    from jiying.config.connections import Connections

    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    listening.end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    connections = Connections(application, listener, polite=polite)
    application.start(loop)
    connections.start()
    log.info("web_started", pid=os.getpid())
    await stopped.wait()
    application.close_streams()
    await connections.stop()
    log.info("web_stopped", pid=os.getpid())
    return 0
