"""A mailbox over IMAP: signed in, looked at without changing anything, told of news. Keeps nothing by itself."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from django.utils.translation import gettext as _
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError

from jiying.base import outgoing
from jiying.base.connections import Failed
from jiying.base.guarding import guarded
from jiying.core.mail import MAX_BYTES

CONNECT_S, READ_S = 10, 60
BATCH, BATCH_BYTES = 50, 8_000_000


@dataclass(frozen=True, slots=True)
class Login:
    host: str
    port: int
    safety: str  # tls | starttls | none
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail as it lies there; `raw` None where it is too large, then `head` holds its headers."""

    uid: int
    size: int
    received_at: datetime | None
    raw: bytes | None
    head: bytes = b""


class Session:
    """A signed-in connection. Folders are opened for reading only."""

    def __init__(self, client: IMAPClient) -> None:
        self._client = client
        self.can_idle = bool(client.has_capability("IDLE"))

    def count(self, folder: str) -> int:
        return int(self._select(folder)[b"EXISTS"])

    def open(self, folder: str) -> tuple[int, int]:
        """UIDVALIDITY, and the UID that the next mail will have."""
        told = self._select(folder)
        return int(told[b"UIDVALIDITY"]), int(told.get(b"UIDNEXT") or 0) or self._last_uid() + 1

    def _select(self, folder: str) -> dict[bytes, Any]:
        try:
            told: dict[bytes, Any] = self._client.select_folder(folder, readonly=True)
        except IMAPClientError as error:
            about = {"folder": folder, "why": _plain(error)}
            raise Failed(_("The folder %(folder)s cannot be opened: %(why)s") % about) from error
        return told

    def _last_uid(self) -> int:
        return max(self._client.search(["ALL"]), default=0)

    def after(self, uid: int, since: date | None = None) -> list[int]:
        """The UIDs behind this one, in order; `since` the day when they arrived."""
        self._client.noop()
        wanted: list[Any] = ["UID", f"{uid + 1}:*"]
        found = self._client.search([*wanted, "SINCE", since] if since else wanted)
        return sorted(one for one in found if one > uid)  # n:* names the last one even where it is older

    def fetch(self, uids: Sequence[int]) -> Iterator[list[Fetched]]:
        """The mails in batches; of one that is too large only the headers."""
        for start in range(0, len(uids), BATCH):
            told = self._client.fetch(uids[start : start + BATCH], ["RFC822.SIZE", "INTERNALDATE"])
            batch: list[int] = []
            weight = 0
            for uid in sorted(told):
                size = int(told[uid].get(b"RFC822.SIZE") or 0)
                if batch and weight + size > BATCH_BYTES:
                    yield self._whole(batch, told)
                    batch, weight = [], 0
                batch.append(uid)
                weight += min(size, MAX_BYTES)
            if batch:
                yield self._whole(batch, told)

    def _whole(self, uids: Sequence[int], told: dict[int, Any]) -> list[Fetched]:
        sizes = {uid: int(told[uid].get(b"RFC822.SIZE") or 0) for uid in uids}
        fits = [uid for uid in uids if sizes[uid] <= MAX_BYTES]
        bodies = self._client.fetch(fits, ["BODY.PEEK[]"]) if fits else {}
        rest = [uid for uid in uids if sizes[uid] > MAX_BYTES]
        heads = self._client.fetch(rest, ["BODY.PEEK[HEADER]"]) if rest else {}
        return [
            Fetched(
                uid=uid,
                size=sizes[uid],
                received_at=_instant(told[uid].get(b"INTERNALDATE")),
                raw=bodies[uid].get(b"BODY[]") if uid in bodies else None,
                head=bytes(heads[uid].get(b"BODY[HEADER]") or b"")[:65_536] if uid in heads else b"",
            )
            for uid in uids
            if uid in bodies or uid in heads  # taken away meanwhile
        ]

    def idle(self) -> None:
        self._client.idle()

    def told(self, seconds: float) -> bool:
        """Whether the server told of something within these seconds."""
        return bool(self._client.idle_check(timeout=seconds))

    def done(self) -> None:
        self._client.idle_done()


@contextmanager
def session(login: Login) -> Iterator[Session]:
    """Signs in; whatever goes wrong on the line becomes `Failed` with a sentence."""
    client = _connect(login)
    try:
        _sign_in(client, login)
        yield Session(client)
    except (IMAPClientError, OSError, ssl.SSLError) as error:
        raise Failed(_("The mail server broke off: %(why)s") % {"why": _plain(error)}) from error
    finally:
        with suppress(Exception):  # a line that is gone cannot be closed
            client.logout()


def _connect(login: Login) -> IMAPClient:
    context = ssl.create_default_context()
    try:
        with guarded(login.host):
            client = IMAPClient(
                login.host,
                login.port,
                ssl=login.safety == "tls",
                ssl_context=context if login.safety == "tls" else None,
                timeout=SocketTimeout(connect=CONNECT_S, read=READ_S),
            )
        client.normalise_times = False
        if login.safety == "starttls":
            _encrypt(client, context)
    except ssl.SSLCertVerificationError as error:
        about = {"host": login.host, "why": error.verify_message}
        raise Failed(_("The certificate of %(host)s cannot be trusted: %(why)s") % about) from error
    except (IMAPClientError, OSError, outgoing.Refused) as error:
        about = {"host": login.host, "port": str(login.port), "why": _plain(error)}
        raise Failed(_("%(host)s:%(port)s cannot be reached: %(why)s") % about) from error
    return client


def _encrypt(client: IMAPClient, context: ssl.SSLContext) -> None:
    """Nothing more is said on a line that cannot be encrypted."""
    try:
        client.starttls(context)
    except BaseException:
        with suppress(OSError):  # the line under it may be closed by then
            client.shutdown()
        raise


def _sign_in(client: IMAPClient, login: Login) -> None:
    try:
        client.login(login.user, login.password)
    except LoginError as error:
        raise Failed(
            _("The mail server refused %(user)s: %(why)s") % {"user": login.user, "why": _plain(error)}
        ) from error
    if client.has_capability("ID"):  # NetEase opens no folder for programs that do not name themselves
        with suppress(IMAPClientError):
            client.id_({"name": "Jiying", "vendor": "Jiying"})


def _plain(error: BaseException) -> str:
    """What the server said, on one line and short; never what we sent."""
    text = error.args[0] if error.args else ""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(error)
    return " ".join(text.split())[:200] or type(error).__name__


def _instant(at: Any) -> datetime | None:
    return at.astimezone(UTC) if isinstance(at, datetime) and at.tzinfo else None
