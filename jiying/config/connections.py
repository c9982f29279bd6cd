"""HTTP connections of a web process: taken from the shared socket in turns, and read with limits of time and size.

uvicorn's protocol does the talking. What is added: a process that has more connections lets the others go first (one
interpreter runs one request at a time, so a burst must not land in one of them), and a head has its end.
"""

import asyncio
import errno
import random
import re
import socket
from email.utils import formatdate
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

log = structlog.get_logger()
STEP_S = 0.00025  # for each connection that a process has, it waits so much longer before it takes one more
MAX_STEPS = 8
FULL_S = 1.0  # no file descriptors left: others may be given back meanwhile
KEEP_ALIVE_S = 75  # longer than a proxy keeps its own, so that it never writes into a connection that is being closed
MAX_HEAD = 64 * 1024
HEAD_WITHIN_S = 30.0
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def _escaped(data: bytes) -> bytes:
    """A request whose address holds Chinese as it was typed (curl sends it so): escaped, as HTTP wants it."""
    end = data.find(b"\n")
    if end < 0 or data[:end].isascii():
        return data
    return _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], data[:end]) + data[end:]


class _Connection(HttpToolsProtocol):
    """One connection, closed if a head takes too long or is too large."""

    _deadline: asyncio.TimerHandle | None = None
    _in_message, _in_head, _n_head = False, False, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data if self._in_message else _escaped(data))
        if not self._in_head or self.transport.is_closing():
            return
        self._n_head += len(data)
        if self._n_head > MAX_HEAD:
            self.send_400_response("The head of this request is too large.")
        elif self._deadline is None:
            self._arm()

    def on_message_begin(self) -> None:
        self._in_message, self._in_head, self._n_head = True, True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._disarm()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_message = False
        super().on_message_complete()

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Connections:
    """All connections of this process; `polite` where other processes take from the same socket."""

    def __init__(self, application: Any, listener: socket.socket, *, polite: bool) -> None:
        self._loop, self._listener, self._polite = asyncio.get_running_loop(), listener, polite
        self._config = uvicorn.Config(
            application,
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # who is believed about whom they forward: `base.signin`, by JIYING_PROXIES
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self._config.load()
        self._state = ServerState()
        self._taking: set[asyncio.Task[Any]] = set()
        self._open = True

    def start(self) -> None:
        self._listener.setblocking(False)
        self._tick()
        self._listen()

    async def stop(self) -> None:
        """Take no more, finish the requests at work, close what is idle."""
        self._open = False
        self._loop.remove_reader(self._listener)
        for connection in list(self._state.connections):
            connection.shutdown()
        while self._state.tasks or self._taking:
            await asyncio.wait({*self._state.tasks, *self._taking})
        await asyncio.sleep(0)  # what was written last is on its way before the loop ends

    def _tick(self) -> None:
        """The answers' date, made once a second."""
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        if self._open:
            self._loop.call_later(1.0, self._tick)

    def _listen(self) -> None:
        if self._open:
            self._loop.add_reader(self._listener, self._come)

    def _come(self) -> None:
        """Somebody knocks: at once for a process without connections, later for one that has some."""
        n_steps = min(len(self._state.connections) + len(self._taking), MAX_STEPS) if self._polite else 0
        if n_steps == 0:
            self._take()
            return
        self._loop.remove_reader(self._listener)
        self._loop.call_later(n_steps * STEP_S * random.uniform(0.8, 1.2), self._take_in_turn)  # noqa: S311 - fairness

    def _take_in_turn(self) -> None:
        if self._open:
            self._listen()
            self._take()

    def _take(self) -> None:
        """One connection, unless another process was quicker."""
        try:
            client, _address = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                raise
            log.error("connections_full", error=str(error))
            self._loop.remove_reader(self._listener)
            self._loop.call_later(FULL_S, self._listen)
            return
        client.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, client))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    def _protocol(self) -> _Connection:
        return _Connection(self._config, self._state, {}, self._loop)
