"""Hands requests from the event loop to Django's WSGI handler in a bounded pool of threads, and answers back.

One hop each way: the body was read before, and an answer that fits into `WHOLE` comes back finished. A larger one
(a file, an export) is sent from its thread piece by piece, never faster than the client takes it.
"""

import asyncio
import io
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol
from urllib.parse import quote

from jiying.base.problems import Message, Receive, Scope, Send

WHOLE = 256 * 1024
TAKE_WITHIN_S = 60.0  # a client that takes no piece for so long has gone, and its thread is needed

_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F))  # all else is escaped: Django wants an ASCII query string

Environ = dict[str, Any]
Headers = list[tuple[bytes, bytes]]


class _Answer(Protocol):
    """What Django's WSGI handler returns: its response."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class _Handler(Protocol):
    def __call__(self, environ: Environ, start_response: Any) -> _Answer: ...


def environ_of(scope: Scope, body: bytes) -> Environ:
    """The WSGI environment of an ASGI request whose body is known."""
    host, port = scope.get("server") or ("localhost", 80)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin1"),
        "QUERY_STRING": quote(scope["query_string"], safe=_PLAIN),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = scope["client"][0], str(scope["client"][1])
    _add_headers(environ, scope["headers"])
    if body:  # a chunked body comes without a length, which WSGI wants
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _add_headers(environ: Environ, headers: Headers) -> None:
    for raw, value in headers:
        name, text = raw.decode("latin1"), value.decode("latin1")
        if "_" in name:
            continue  # `X_Forwarded_For` would become what only the proxy may say with `X-Forwarded-For`
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        if key in environ:
            text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        environ[key] = text


@dataclass(slots=True)
class _Head:
    """What the handler said before its body."""

    status: int = 500
    headers: Headers | None = None

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers]

    def message(self) -> Message:
        return {"type": "http.response.start", "status": self.status, "headers": self.headers or []}


def _piece(body: bytes, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


class _Gone(Exception):
    """The client has left before its answer ended."""


@dataclass(slots=True)
class _Work:
    call: Callable[[], Any]
    future: asyncio.Future[Any]


class _Thread(threading.Thread):
    """Does one piece of work after another, and tells the loop of each."""

    def __init__(self, done: Callable[["_Thread", _Work, object, BaseException | None], None]) -> None:
        super().__init__(name="django", daemon=True)
        self._done, self.inbox = done, SimpleQueue[_Work]()

    def run(self) -> None:
        while True:
            work = self.inbox.get()
            result: object = None
            error: BaseException | None = None
            try:
                result = work.call()
            except BaseException as failed:  # it belongs to whoever waits for the result
                error = failed
            try:
                work.future.get_loop().call_soon_threadsafe(self._done, self, work, result, error)
            except RuntimeError:  # the loop has ended, and with it this process
                return


class _Threads:
    """A bounded pool. Who became idle last works first, so that few database connections do most, and know the SQL."""

    def __init__(self, n_threads: int) -> None:
        self._n_left = n_threads
        self._idle: list[_Thread] = []
        self._waiting: deque[_Work] = deque()

    def run(self, call: Callable[[], Any]) -> asyncio.Future[Any]:
        work = _Work(call, asyncio.get_running_loop().create_future())
        if not self._idle and self._n_left:
            self._n_left -= 1
            self._idle.append(_Thread(self._done))
            self._idle[-1].start()
        if self._idle:
            self._idle.pop().inbox.put(work)
        else:
            self._waiting.append(work)
        return work.future

    def _done(self, thread: _Thread, work: _Work, result: object, error: BaseException | None) -> None:
        if self._waiting:
            thread.inbox.put(self._waiting.popleft())
        else:
            self._idle.append(thread)
        if work.future.done():  # nobody waits any more
            return
        if error is None:
            work.future.set_result(result)
        else:
            work.future.set_exception(error)


class Handover:
    """The pool; `answer` serves one request whose body was read."""

    def __init__(self, handler: _Handler, n_threads: int) -> None:
        self._handler = handler
        self._threads = _Threads(n_threads)

    async def answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        stream = _Stream(loop, receive, send)
        try:
            whole = await self._threads.run(partial(self._run, environ_of(scope, body), stream))
        except _Gone:
            return
        finally:
            stream.end()
        if whole is not None:
            head, content = whole
            await send(head.message())
            await send(_piece(content, more=False))

    def _run(self, environ: Environ, stream: "_Stream") -> tuple[_Head, bytes] | None:
        """In a thread: the finished answer, or None after it was streamed."""
        head = _Head()
        answer = self._handler(environ, head.start)
        try:
            pieces = _gathered(answer)
            first = next(pieces, b"")
            second = next(pieces, None)
            if second is None:
                return head, first
            stream.begin(head)
            stream.put(first)
            stream.put(second)
            for piece in pieces:
                stream.put(piece)
            stream.put(b"", more=False)
            return None
        finally:
            answer.close()


def _gathered(answer: _Answer) -> Iterator[bytes]:
    """The body in pieces of at least `WHOLE` but for the last one."""
    parts: list[bytes] = []
    size = 0
    for part in answer:
        parts.append(part)
        size += len(part)
        if size >= WHOLE:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


class _Stream:
    """The way of a long answer from its thread to the client."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Receive, send: Send) -> None:
        self._loop, self._receive, self._send = loop, receive, send
        self._gone = threading.Event()
        self._watch: asyncio.Task[None] | None = None

    def begin(self, head: _Head) -> None:
        """From the thread: the head goes out, and the client is watched from now on."""
        asyncio.run_coroutine_threadsafe(self._begin(head), self._loop).result()

    async def _begin(self, head: _Head) -> None:
        self._watch = asyncio.create_task(self._until_gone())
        await self._send(head.message())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()

    def put(self, piece: bytes, more: bool = True) -> None:
        """From the thread: returns when the piece has been taken."""
        if self._gone.is_set():
            raise _Gone
        sent = asyncio.run_coroutine_threadsafe(self._put(piece, more), self._loop)
        try:
            sent.result(TAKE_WITHIN_S)
        except TimeoutError:
            sent.cancel()
            raise _Gone from None

    async def _put(self, piece: bytes, more: bool) -> None:
        await self._send(_piece(piece, more))

    def end(self) -> None:
        """From the loop: nobody listens any more."""
        if self._watch is not None:
            self._watch.cancel()
