"""The workshop itself: the parts that other tests stand on, and the house rules that a tool can see."""

import smtplib
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest

from tests import servers
from tests.house import House

ROOT = Path(__file__).resolve().parents[2]


def _mail(to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "desk@example.com", to, "工单提醒"
    message.set_content("您的工单已受理。")
    return message


def test_mail_sink_keeps_what_it_accepted(smtp: servers.SmtpSink) -> None:
    with smtplib.SMTP("127.0.0.1", smtp.port) as client:
        client.send_message(_mail("a@example.com"))
    received = smtp.wait_for(1)
    assert [(m["Subject"], m["X-Envelope-To"]) for m in received] == [("工单提醒", "a@example.com")]


def test_mail_sink_refuses_when_told(smtp: servers.SmtpSink) -> None:
    smtp.answer = "451 later"
    with smtplib.SMTP("127.0.0.1", smtp.port) as client, pytest.raises(smtplib.SMTPDataError, match="later"):
        client.send_message(_mail("a@example.com"))
    assert (smtp.received, smtp.n_refused) == ([], 1)


def test_own_postgres_is_durable_and_leaves_nothing_behind() -> None:
    with servers.postgres() as server:
        with psycopg.connect(server.url) as connection:
            shown = [connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "synchronous_commit")]
        folder = server.folder
    assert shown == [("on",), ("on",)]
    assert not folder.exists()


def test_a_copied_database_is_apart_from_its_template() -> None:
    with servers.postgres() as server:
        first = server.create_database("first")
        with psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS n")
        second = servers.create_database(first, "second", "first")
        with psycopg.connect(second) as connection:
            connection.execute("UPDATE t SET n = 2")
        with psycopg.connect(first) as connection:
            assert connection.execute("SELECT n FROM t").fetchone() == (1,)
        servers.drop_database(second)
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(second)


def test_a_house_inherits_no_steering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    monkeypatch.setenv("JIYING_LOG_LEVEL", "DEBUG")
    house = House(tmp_path, extra={"JIYING_SMTP_URL": "smtp://127.0.0.1:1"})
    environment = house.environment()
    assert environment["DATABASE_URL"] == ""
    assert "JIYING_LOG_LEVEL" not in environment
    assert environment["JIYING_SMTP_URL"] == "smtp://127.0.0.1:1"


def _modules() -> list[Path]:
    found = [path for room in ("jiying", "tests", "bench") for path in (ROOT / room).rglob("*.py")]
    return [path for path in found if "migrations" not in path.parts and path.stat().st_size]


def test_every_module_says_what_it_is_for() -> None:
    """A docstring opens it: what it is for, what it may not do."""
    silent = [p for p in _modules() if not p.read_text(encoding="utf-8").startswith(('"""', 'r"""'))]
    assert [str(p.relative_to(ROOT)) for p in silent] == []


def test_no_module_is_longer_than_600_lines() -> None:
    """Past that it becomes a package of the same name."""
    long = [p for p in _modules() if p.read_text(encoding="utf-8").count("\n") > 600]
    assert [str(p.relative_to(ROOT)) for p in long] == []


def test_locks_carry_hashes_and_no_host() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert not [word for word in ("://", "--index", "--find-links", "--extra") if word in text], lock.name
