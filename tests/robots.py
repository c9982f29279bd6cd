"""A local HTTP server that plays a robot, a gateway or a subscriber: it keeps what it got."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Got:
    """One request; `at` is what the test's clock said when it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: Any

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    status: int = 200
    body: str = '{"errcode": 0, "errmsg": "ok"}'
    headers: dict[str, str] = field(default_factory=dict)


class Robot(ThreadingHTTPServer):
    """`answers` are given one after the other, the last one for ever; `clock` stamps what comes."""

    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answers = [Answer()]
        self.clock: Callable[[], Any] = lambda: None
        self.hangs = threading.Event()  # set: requests are taken, and answered by nobody
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/robot/send?access_token=t0ken"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Robot

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        got = Got(self.command, self.path, dict(self.headers.items()), body, self.server.clock())
        self.server.got.append(got)
        if self.server.hangs.is_set():
            time.sleep(60)
            return
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        told = answer.body.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(told)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST

    def log_message(self, *args: Any) -> None:
        """Quiet."""
