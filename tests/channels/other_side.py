"""The other side of connections in tests: a local HTTP server that answers as the vendors' interfaces do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class OtherSide:
    """What it was asked, and what it answers: {path: (status, object)}; anything else is answered with `{}`.

    An object may be bytes, which go out as they are, or a function of what it was asked with.
    """

    url: str = ""
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def of(self, path: str) -> list[Any]:
        """The bodies that came to a path."""
        return [body for asked, _headers, body in self.asked if asked.partition("?")[0] == path]


@contextmanager
def other_side() -> Iterator[OtherSide]:
    side = OtherSide()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            side.asked.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
            status, told = side.answers.get(self.path.partition("?")[0], (200, {}))
            told = told(body) if callable(told) else told
            content = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the names of the base class

        def log_message(self, *_about: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    side.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield side
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
