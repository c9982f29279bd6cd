"""Mailboxes at real servers that encrypt and ask for a sign-in: what goes, and what is refused in plain words."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jiying.base import connections
from jiying.base.actor import of_person
from jiying.base.connections import Failed
from jiying.base.models import Connection
from jiying.channels.models import Mail, Mailbox
from jiying.channels.services.mail import following, imap, smtp
from tests.cast import Cast
from tests.channels.test_mail import Post, _answered, ticket_of
from tests.servers import Certificate, Dovecot, SmtpSink, certificate, smtp_sink, wait_until

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def good(folder: Path) -> Certificate:
    return certificate(folder, HOST)


@pytest.fixture(scope="module")
def other(folder: Path) -> Certificate:
    return certificate(folder, "other.example")


@pytest.fixture(scope="module")
def safe(good: Certificate) -> Iterator[Dovecot]:
    server = Dovecot(good).start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def trusted(
    settings: Any, monkeypatch: pytest.MonkeyPatch, good: Certificate, other: Certificate, folder: Path
) -> None:
    settings.INSIDE_HOSTS = [HOST]
    both = folder / "both.pem"
    both.write_bytes(good.pem.read_bytes() + other.pem.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(both))


def connected(cast: Cast, dovecot: Dovecot, sink: SmtpSink, safety: str, user: str, **options: Any) -> Post:
    port = dovecot.secure_port if safety == "tls" else dovecot.port
    told = {"imap_port": port, "imap_safety": safety, "smtp_safety": safety, "smtp_signs_in": True}
    return Post(cast, dovecot, sink, user, **told, **options)


def tried(post: Post) -> str:
    now = post.cast.now
    return connections.test(actor=of_person(post.cast.admin), code=post.row.code, now=now)


@pytest.mark.parametrize("safety", ["tls", "starttls"])
def test_mail_comes_and_goes_encrypted_and_signed_in(cast: Cast, safe: Dovecot, good: Certificate, safety: str) -> None:
    with smtp_sink(safety, good) as sink:
        post = connected(cast, safe, sink, safety, f"safe-{safety}")
        assert "signed in for sending" in tried(post) or "登录" in tried(post)
        row = post.read()
        assert row.state == "taken"
        _answered(post, ticket_of(row))
        post.send()
        (sent,) = sink.received
        assert sent["X-Envelope-To"] == "zhang@customer.cn"
        assert set(sink.signed_in) == {post.user}


@pytest.mark.parametrize("safety", ["tls", "starttls"])
def test_a_certificate_of_another_name_is_named_and_nothing_is_said(
    cast: Cast, other: Certificate, safety: str
) -> None:
    server = Dovecot(other).start()
    try:
        with smtp_sink(safety, other) as sink:
            post = connected(cast, server, sink, safety, f"other-{safety}")
            with pytest.raises(Failed, match=r"127.0.0.1.*mismatch"):
                tried(post)
            with pytest.raises(smtp.Refused, match="mismatch"), smtp.line(post.box.smtp):
                pytest.fail("no line to a server that is not the one")
            assert (sink.received, sink.signed_in) == ([], [])
    finally:
        log = server.log.read_text(errors="replace")
        server.stop()
    assert "Login:" not in log


@pytest.mark.parametrize("safety", ["tls", "starttls"])
def test_a_certificate_that_nobody_trusts_is_named(
    cast: Cast, safe: Dovecot, good: Certificate, other: Certificate, safety: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(other.pem))
    with smtp_sink(safety, good) as sink:
        post = connected(cast, safe, sink, safety, f"alone-{safety}")
        for way in (lambda: imap.session(post.box.imap), lambda: smtp.line(post.box.smtp)):
            with pytest.raises(Failed, match="self.signed certificate"), way():
                pytest.fail("no line to a server that nobody trusts")
        assert sink.signed_in == []


def test_a_server_without_encryption_gets_no_password(cast: Cast, dovecot: Dovecot) -> None:
    with smtp_sink() as sink:
        post = connected(cast, dovecot, sink, "starttls", "plain")
        with pytest.raises(Failed, match="STARTTLS"), imap.session(post.box.imap):
            pytest.fail("no line")
        with pytest.raises(Failed, match="STARTTLS"), smtp.line(post.box.smtp):
            pytest.fail("no line")
    assert "plain" not in dovecot.log.read_text(errors="replace")


def test_a_wrong_password_for_sending_is_told_and_the_answer_waits(
    cast: Cast, safe: Dovecot, good: Certificate
) -> None:
    with smtp_sink("tls", good) as sink:
        post = connected(cast, safe, sink, "tls", "wrongout")
        row = post.read()
        data = connections.ConnectionData(post.row.name, post.row.options, {"smtp_password": "no"})
        admin, revision = of_person(cast.admin), post.row.revision
        connections.save(actor=admin, kind="mailbox", code=post.user, data=data, revision=revision, now=cast.now)
        _answered(post, ticket_of(row))
        post.send()
        assert sink.received == []
        state = Connection.objects.get(pk=post.row.pk)
        assert state.n_failed == 1
        assert "wrongout" in state.last_error
        assert "535" in state.last_error
        assert ticket_of(row).outbox.get().state == "waiting"


@pytest.mark.django_db(transaction=True)
def test_a_wrong_password_stands_in_the_live_state_and_heals(live_cast: Cast, safe: Dovecot, good: Certificate) -> None:
    with smtp_sink("tls", good) as sink:
        post = connected(live_cast, safe, sink, "tls", "wrongin")
        keep(post, "no")
        with reading(post):
            wait_until(lambda: bool(state(post).n_failed), 15, "the failure to be seen")
        assert "wrongin" in state(post).last_error
        page = live_cast.client(live_cast.admin).get(f"/connections/{post.user}/").content.decode()
        assert "wrongin" in page and "AUTHENTICATIONFAILED" in page.upper()
        keep(post, Dovecot.PASSWORD)
        with reading(post):
            wait_until(lambda: state(post).n_failed == 0 and state(post).ok_at is not None, 15, "it to heal")


@pytest.mark.django_db(transaction=True)
def test_a_server_that_tells_no_news_is_looked_at(live_cast: Cast, good: Certificate) -> None:
    server = Dovecot(good, "IMAP4rev1 ID NAMESPACE UIDPLUS").start()
    try:
        with smtp_sink("tls", good) as sink:
            post = connected(live_cast, server, sink, "tls", "noidle", poll_s=2)
            with imap.session(post.box.imap) as session:
                assert not session.can_idle
            assert "2" in tried(post)
            with reading(post):
                wait_until(lambda: Mailbox.objects.filter(uid_validity__isnull=False).exists(), 10, "the first look")
                post.arrives()
                wait_until(Mail.objects.exists, 10, "the mail to be found")
    finally:
        server.stop()


@pytest.mark.django_db(transaction=True)
def test_a_server_that_forgets_to_tell_news_is_looked_at_all_the_same(
    live_cast: Cast, good: Certificate, safe: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail that comes while the server turns to telling: Dovecot told of one only minutes later."""
    monkeypatch.setattr(following, "SURE_S", 3.0)
    monkeypatch.setattr(imap.Session, "told", lambda _session, seconds: bool(threading.Event().wait(seconds)))
    with smtp_sink("tls", good) as sink:
        post = connected(live_cast, safe, sink, "tls", "forgets", poll_s=2)
        with imap.session(post.box.imap) as session:
            assert session.can_idle
        with reading(post):
            wait_until(lambda: Mailbox.objects.filter(uid_validity__isnull=False).exists(), 10, "the first look")
            post.arrives()
            wait_until(Mail.objects.exists, 20, "the mail to be found")


# --- helpers ---------------------------------------------------------------------------------------------------------


class reading:  # noqa: N801 - used as a statement
    """A reader of the mailbox at work."""

    def __init__(self, post: Post) -> None:
        self.stop = threading.Event()
        self.reader = following.Reader(post.box, self.stop)

    def __enter__(self) -> None:
        self.reader.start()

    def __exit__(self, *_about: object) -> None:
        self.stop.set()
        self.reader.join(10)


def keep(post: Post, password: str) -> None:
    row = state(post)
    data = connections.ConnectionData(row.name, row.options, {"password": password})
    admin = of_person(post.cast.admin)
    connections.save(actor=admin, kind="mailbox", code=post.user, data=data, revision=row.revision, now=post.cast.now)


def state(post: Post) -> Connection:
    return Connection.objects.get(pk=post.row.pk)
