"""Keeps a house's processes alive: web processes on one socket and a worker; a dead one is started again.

It loads neither settings nor a database driver: this process must never be what fails.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jiying.config import environ, listening

STOP_WITHIN_S = 8.0
BACKOFF_S = (0.2, 10.0)  # first and longest pause before a dead process is started again
SOUND_S = 30.0  # one that lived this long starts with a short pause again
GIVE_UP_AFTER = 5  # deaths in a row before the house was ever ready
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy of the environment is not for us


def say(text: str) -> None:
    sys.stderr.write(f"jiying: {text}\n")
    sys.stderr.flush()


@dataclass
class Child:
    """One supervised process."""

    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    again_at: float = 0.0
    n_deaths: int = 0

    @property
    def name(self) -> str:
        return self.command[-1]

    def died(self, now: float) -> None:
        """Plan the next start: the pause doubles with each death in a row."""
        self.n_deaths = 1 if now - self.started_at > SOUND_S else self.n_deaths + 1
        self.again_at = now + min(BACKOFF_S[1], BACKOFF_S[0] * 2 ** (self.n_deaths - 1))
        self.process = None


@dataclass
class Supervisor:
    """Runs `children` with `environment`; `descriptors` are inherited by each of them."""

    children: list[Child]
    environment: dict[str, str]
    descriptors: tuple[int, ...]
    ready_url: str
    address: str
    stop: threading.Event = field(default_factory=threading.Event)
    ready: bool = False

    def run(self) -> int:
        """Until SIGTERM or SIGINT; 1 if the house could not be started."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        try:
            while not self.stop.wait(0.1):
                self._look_after()
                if not self.ready and self._hopeless():
                    say("the processes end again and again; see the messages above")
                    return 1
                if not self.ready:
                    self._announce()
            return 0
        finally:
            self._stop_all()

    def _look_after(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and (code := child.process.poll()) is not None:
                say(f"{child.name} (pid {child.process.pid}) ended with {_meaning(code)}; it is started again")
                self._forget_metrics(child.process.pid)
                child.died(now)
            if child.process is None and now >= child.again_at:
                child.process = subprocess.Popen(  # noqa: S603 - our own program
                    child.command, env=self.environment, pass_fds=self.descriptors, stdin=subprocess.DEVNULL
                )
                child.started_at = now

    def _forget_metrics(self, pid: int) -> None:
        """The live gauges of a dead web process must not be counted on."""
        folder = Path(self.environment["PROMETHEUS_MULTIPROC_DIR"])
        for path in folder.glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)

    def _hopeless(self) -> bool:
        return any(child.n_deaths >= GIVE_UP_AFTER for child in self.children)

    def _announce(self) -> None:
        try:
            with _DIRECT.open(self.ready_url, timeout=1) as answer:
                self.ready = answer.status == 200
        except (urllib.error.URLError, OSError):
            return
        if self.ready:
            sys.stdout.write(f"Jiying is ready: {self.address}\n")
            sys.stdout.flush()

    def _stop_all(self) -> None:
        """All at once, politely; whoever is still there after STOP_WITHIN_S is killed (everything is crash-safe)."""
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        end = time.monotonic() + STOP_WITHIN_S
        for process in running:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                say(f"pid {process.pid} did not stop in {STOP_WITHIN_S:g} s and is killed")
                process.kill()
                process.wait()


def _meaning(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "jiying", *arguments]


def _bind(host: str, port: int) -> socket.socket:
    """Waits a moment for the port: processes of a house that was just killed may still be ending."""
    end = time.monotonic() + 2
    while True:
        try:
            return listening.bind(host, port)
        except listening.PortInUse:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def up(first: Sequence[str], base_url: str) -> int:
    """Take the port, run `jiying FIRST…` to its end (prepare, or sample data too), then serve."""
    host, port = environ.text("JIYING_HOST", "127.0.0.1"), environ.number("PORT", 8000, low=1, high=65535)
    listener = _bind(host, port)
    if code := subprocess.call(program(*first)):  # noqa: S603 - our own program
        return code
    watched, _kept_open = os.pipe()  # children see its end when this process is gone, however it ended
    metrics = environ.home() / f"metrics-{port}"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    names = ["web"] * environ.number("JIYING_WEB_PROCESSES", 2, low=1, high=64)
    names += ["worker"] * environ.number("JIYING_WORKERS", 1, high=16)
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared with, not bound to
    supervisor = Supervisor(
        children=[Child(program(name)) for name in names],
        environment={
            **os.environ,
            listening.FD_NAME: str(listener.fileno()),
            listening.PARENT_FD_NAME: str(watched),
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        },
        descriptors=(listener.fileno(), watched),
        ready_url=f"http://{local}:{port}/health/{'ready' if 'worker' in names else 'live'}",
        address=base_url or f"http://{local}:{port}",
    )
    return supervisor.run()
