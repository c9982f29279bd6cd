"""The outer application of a web process: `/live` and `/health/live` natively, all else by Django's WSGI handler.

Never Django's ASGI handler: it costs two to three times the CPU (docs/adr). Bodies are read and measured here, so that
a slow sender holds no thread and an oversize one never reaches Django.
"""

import asyncio
import os
from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from jiying.config import environ

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jiying.config.settings")
Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a missing one
_django = get_wsgi_application()  # sets Django up, which the imports below need

from jiying.base import live, problems  # noqa: E402
from jiying.base.errors import Fault  # noqa: E402
from jiying.base.problems import Receive, Scope, Send  # noqa: E402
from jiying.config.handover import Handover  # noqa: E402

MAX_BODY = 25 * 1024 * 1024
MAX_API_BODY = 2 * 1024 * 1024
DRAIN = 4  # an oversize body is read on up to this many times the limit, so that the sender gets to read the answer
PLAIN = (b"content-type", b"text/plain; charset=utf-8")


class Application:
    """The ASGI application; `start` before the first request, `close_streams` before the server waits for the last."""

    def __init__(self) -> None:
        n_threads = environ.number("JIYING_THREADS", 8, low=1, high=256)
        self._django = Handover(_django, n_threads)
        self._live = live.Live(max_streams=environ.number("JIYING_STREAMS", 2000, low=1))

    def close_streams(self) -> None:
        self._live.close()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._live.start(loop)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/health/live":
            await _text(send, 200, "alive\n")
        elif scope["path"] == "/live":
            await self._live(scope, receive, send)
        else:
            await self._to_django(scope, receive, send)

    async def _to_django(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = MAX_API_BODY if _is_api_json(scope) else MAX_BODY
        body = await _read(scope, receive, limit)
        if body is None:
            await problems.send(scope, send, 413, "too_large", [Fault("", "too_large", {"limit": limit})])
            return
        await self._django.answer(scope, body, receive, send)


def _is_api_json(scope: Scope) -> bool:
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return bool(scope["path"].startswith("/api/")) and not kind.startswith(b"multipart/")


def _declared(scope: Scope) -> int:
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(text) if text.isdigit() else 0


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None if it is larger than `limit`, or its sender went away."""
    parts, size, more = [], 0, True
    if _declared(scope) > limit * DRAIN:
        return None
    while more and size <= limit * DRAIN:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size, more = size + len(part), message.get("more_body", False)
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
    return b"".join(parts) if size <= limit else None


async def _text(send: Send, status: int, text: str) -> None:
    headers = [PLAIN, (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


application = Application()
