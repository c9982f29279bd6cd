"""Jiying as its users run it: real processes with a data folder and a database of their own.

A `House` starts, waits for, kills and tidies up; it never imports Jiying, so that nothing is shared but the database.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.servers import ServerError, free_port, tail, wait_until

ROOT = Path(__file__).resolve().parent.parent


def clean_environment() -> dict[str, str]:
    """The caller's environment without anything that would steer a house."""
    steering = ("JIYING_", "DATABASE_URL", "DJANGO_", "PYTEST_", "PORT", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(steering)}


@dataclass
class Running:
    """One started process with those that it started in turn; what it says goes to `log`."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def said(self) -> str:
        """Everything it wrote so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def children(self, word: str = "") -> list[psutil.Process]:
        """Its descendants whose command line holds `word`: the way to strike only a worker or only a web process."""
        with suppress(psutil.NoSuchProcess):
            return [c for c in psutil.Process(self.pid).children(recursive=True) if word in " ".join(c.cmdline())]
        return []

    def kill(self) -> None:
        """kill -9 for it and all its descendants at once, as a power cut would; no handler runs."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout_s: float = 20) -> int:
        """Asks politely (SIGTERM) and returns the exit code; what is left after `timeout_s` is killed."""
        if self.alive:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout_s)
        self.kill()
        return self.process.returncode


@dataclass
class House:
    """A data folder, a database, a port, and the processes that were started in it."""

    home: Path
    database_url: str = ""  # empty: SQLite in `home`
    port: int = field(default_factory=free_port)
    extra: dict[str, str] = field(default_factory=dict)  # more environment, for example JIYING_SMTP_URL
    running: list[Running] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        given = {"JIYING_HOME": str(self.home), "PORT": str(self.port), "DATABASE_URL": self.database_url}
        return {**clean_environment(), **given, **self.extra, **(more or {})}

    def run(self, *arguments: str, timeout_s: float = 180, stdin: str = "") -> str:
        """Runs `jiying ARGUMENTS` to its end and returns its standard output; ServerError if it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "jiying", *arguments],
            env=self.environment(),
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"jiying {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def start(self, *arguments: str, more: Mapping[str, str] | None = None) -> Running:
        """Starts `jiying ARGUMENTS` in a session of its own, and returns at once."""
        self.home.mkdir(parents=True, exist_ok=True)
        log = self.home / f"{len(self.running)}-{arguments[0]}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "jiying", *arguments],
                env=self.environment(more),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started = Running(process, log)
        self.running.append(started)
        return started

    def up(self, *arguments: str, timeout_s: float = 120) -> Running:
        """`jiying up`, ready to serve."""
        started = self.start("up", *arguments)
        self.wait_ready(started, timeout_s)
        return started

    def wait_ready(self, started: Running, timeout_s: float = 120) -> None:
        """Waits until /health/ready says 200; ServerError with the end of the log when it does not."""

        def ready() -> bool:
            if not started.alive:
                raise ServerError(f"{started.log.name}: ended with {started.process.returncode}\n{tail(started.log)}")
            return self.answers("/health/ready")

        try:
            wait_until(ready, timeout_s, f"{self.url}/health/ready")
        except ServerError as error:
            raise ServerError(f"{error}\n{tail(started.log)}") from error

    def answers(self, path: str) -> bool:
        """Whether a GET of `path` gives 200 now."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as response:  # noqa: S310 (our own address)
                return bool(response.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def port_is_free(self) -> bool:
        """Whether nobody listens on its port any more."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0

    def logs(self) -> str:
        """The ends of all logs, for a failed test's report."""
        return "\n".join(f"--- {r.log.name} (pid {r.pid})\n{tail(r.log)}" for r in self.running)

    def close(self) -> None:
        """Kills whatever still runs."""
        for started in self.running:
            started.kill()


def migrated(house: House) -> House:
    """The house with its tables made, ready to be copied."""
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--verbosity", "0"],
        env=house.environment({"DJANGO_SETTINGS_MODULE": "jiying.config.settings"}),
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    return house


def furnish(home: Path, template: House, database_url: str = "") -> House:
    """A new house that starts as a copy of `template` (its own key and files; for SQLite its database too)."""
    shutil.copytree(template.home, home, dirs_exist_ok=True)
    return House(home, database_url)
