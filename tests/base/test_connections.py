"""Connections with the world: filled in by their fields, secrets kept and never shown, tried out, watched."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from jiying.base import audit_words, connections
from jiying.base.actor import of_person
from jiying.base.connections import ConnectionData, Failed, Field, Kind
from jiying.base.errors import Conflict, Denied, Fault, Invalid, NotFound
from jiying.base.models import Connection, JournalEntry
from tests.cast import Cast

TOLD: list[connections.Open] = []


def _try(found: connections.Open) -> str:
    TOLD.append(found)
    if found.secrets.get("password") != "open sesame":
        raise Failed("密码不对")
    return f"已登录 {found.options['host']}"


def _pairs(options: Any) -> list[Fault]:
    return [Fault("port", "out_of_range", {"low": 1, "high": 10})] if options["tls"] and options["port"] == 25 else []


POST = Kind(
    "post",
    "信箱",
    "mail",
    fields=(
        Field("host", "主机", "host", required=True),
        Field("port", "端口", "number", default=993, low=1, high=65535),
        Field("tls", "加密", "tick", default=True),
        Field("folder", "文件夹", "choice", default="INBOX", choices=lambda: (("INBOX", "收件箱"), ("Spam", "垃圾"))),
        Field("senders", "发件人", "lines"),
        Field("events", "事件", "lines", choices=(("a", "甲"), ("b", "乙"))),
        Field("page", "页面", "url"),
    ),
    secrets=(Field("password", "密码", required=True), Field("token", "令牌")),
    check=_pairs,
    test=_try,
    more=lambda found, _now: [("地址", f"/hooks/{found.code}")],
)


@pytest.fixture(autouse=True)
def _spoken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    TOLD.clear()
    monkeypatch.setattr(connections, "KINDS", {"post": POST})
    yield


def save(cast: Cast, revision: int | None = None, person: Any = None, **changed: Any) -> Connection:
    options = {"host": "imap.example.com", **changed.pop("options", {})}
    about = {"name": "客服邮箱", "options": options, "secrets": {"password": "open sesame"}} | changed
    actor = of_person(person or cast.admin)
    return connections.save(
        actor=actor, kind="post", code="inbox", data=ConnectionData(**about), revision=revision, now=cast.now
    )


def faults(call: Any) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        call()
    return {(fault.field, fault.code) for fault in refused.value.faults}


def test_what_is_not_given_is_as_its_field_says_and_secrets_are_sealed(cast: Cast) -> None:
    row = save(cast)
    assert row.options == {
        "host": "imap.example.com", "port": 993, "tls": True, "folder": "INBOX", "senders": [], "events": [],
        "page": "",
    }  # fmt: skip
    assert "open sesame" not in str(row.sealed)
    found = connections.open_one("inbox")
    assert found is not None
    assert found.secrets == {"password": "open sesame"}
    assert "open sesame" not in repr(found)
    fact = JournalEntry.objects.get(kind="connection.created")
    assert fact.data["secrets"] == ["password"]
    assert "open sesame" not in str(fact.data)


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_kept(cast: Cast) -> None:
    wrong = {
        "host": "no host", "port": 99999, "tls": "yes", "folder": "Drafts", "senders": "a", "events": ["c"],
        "page": "ftp://x", "colour": "red",
    }  # fmt: skip
    assert faults(lambda: save(cast, name=" ", options=wrong, secrets={})) == {
        ("host", "wrong_form"), ("port", "out_of_range"), ("tls", "wrong_type"), ("folder", "unknown_value"),
        ("senders", "wrong_type"), ("events", "unknown_value"), ("page", "wrong_form"), ("colour", "unknown_field"),
        ("name", "required"), ("password", "required"),
    }  # fmt: skip
    assert faults(lambda: save(cast, options={"port": 25})) == {("port", "out_of_range")}  # across fields
    assert not Connection.objects.exists()
    assert not JournalEntry.objects.filter(subject_kind="connection").exists()


def test_secrets_stay_unless_given_and_follow_to_no_other_place(cast: Cast) -> None:
    save(cast, secrets={"password": "open sesame", "token": "t"})
    save(cast, 1, name="另一个名字", secrets={"password": ""})
    found = connections.open_one("inbox")
    assert found is not None
    assert found.secrets == {"password": "open sesame", "token": "t"}
    moved = {"host": "imap.evil.example"}
    assert faults(lambda: save(cast, 2, options=moved, secrets={})) == {
        ("password", "secret_again"), ("token", "secret_again"),
    }  # fmt: skip
    assert faults(lambda: save(cast, 2, options=moved, secrets={"password": "p"})) == {("token", "secret_again")}
    save(cast, 2, options=moved, secrets={"password": "p"}, forget=["token"])
    found = connections.open_one("inbox")
    assert found is not None
    assert found.secrets == {"password": "p"}


def test_who_was_slower_is_refused_and_who_may_not_changes_nothing(cast: Cast) -> None:
    save(cast)
    with pytest.raises(Conflict):
        save(cast)
    with pytest.raises(Conflict):
        save(cast, 0)
    with pytest.raises(Denied):
        save(cast, 1, person=cast.sup)
    with pytest.raises(Denied):
        connections.test(actor=of_person(cast.lin), code="inbox", now=cast.now)
    with pytest.raises(NotFound):
        connections.test(actor=of_person(cast.admin), code="nowhere", now=cast.now)
    assert (Connection.objects.get().revision, TOLD) == (1, [])


def test_how_it_fares(cast: Cast) -> None:
    row, now = save(cast), cast.now
    connections.succeeded(row.pk, now, lag_s=1.5)
    connections.succeeded(row.pk, now + timedelta(seconds=3), lag_s=9)  # too soon to be written down
    row.refresh_from_db()
    assert (row.ok_at, row.lag_s) == (now, 1.5)
    for n in (1, 2):
        connections.failed(row.pk, "x" * 2000, now + timedelta(seconds=3 + n))
    row.refresh_from_db()
    assert (row.n_failed, len(row.last_error)) == (2, connections.MAX_ERROR)
    connections.succeeded(row.pk, now + timedelta(seconds=6))
    row.refresh_from_db()
    assert (row.n_failed, row.last_error, row.ok_at) == (0, "", now + timedelta(seconds=6))


def test_the_page_makes_tries_and_changes_one(cast: Cast) -> None:
    client = cast.client(cast.admin)
    assert "信箱" in client.get("/connections/").content.decode()
    sent = {"code": "inbox", "name": "客服邮箱", "o_host": "imap.example.com", "o_port": "993", "o_tls": "on",
            "o_folder": "INBOX", "o_senders": "a@x.com\r\n\r\n b@x.com", "o_events": ["a"], "o_page": "",
            "s_password": "wrong", "active": "on"}  # fmt: skip
    assert client.post("/connections/new/post", sent | {"o_host": "a b"}).status_code == 422
    answer = client.post("/connections/new/post", sent)
    assert (answer.status_code, answer["Location"]) == (302, "/connections/inbox/")
    assert Connection.objects.get().options["senders"] == ["a@x.com", "b@x.com"]
    page = client.post("/connections/inbox/test").content.decode()
    assert "密码不对" in page
    assert "/hooks/inbox" in page
    assert ">wrong<" not in page
    assert 'value="wrong"' not in page
    sent |= {"revision": "1", "s_password": "open sesame"}
    assert client.post("/connections/inbox/", sent).status_code == 302
    assert "已登录 imap.example.com" in client.post("/connections/inbox/test").content.decode()
    assert client.post("/connections/inbox/", sent).status_code == 409
    assert 'data-row="connection:inbox"' in client.get("/connections/").content.decode()


def test_programs_do_the_same(cast: Cast) -> None:
    client = cast.api(cast.admin)
    kinds = client.get("/api/v1/connection-kinds").json()["items"]
    assert [(one["code"], [field["name"] for field in one["secrets"]]) for one in kinds] == [
        ("post", ["password", "token"])
    ]
    body = {"kind": "post", "name": "客服邮箱", "options": {"host": "imap.example.com"}, "secrets": {"password": "p"}}
    made = _put(client, body)
    assert (made.status_code, made.json()["secrets"]) == (200, {"password": True, "token": False})
    assert client.post("/api/v1/connections/inbox/test").json() == {"works": False, "text": "密码不对"}
    shown = client.get("/api/v1/connections").json()["items"][0]
    assert (shown["state"], shown["last_error"], shown["n_failed"]) == ("fails", "密码不对", 1)
    changed = _put(client, body | {"revision": 1, "secrets": {"password": "open sesame"}, "active": False})
    assert (changed.status_code, changed.json()["state"]) == (200, "off")
    assert connections.opened("post") == []
    assert client.post("/api/v1/connections/inbox/test").json()["works"]
    assert _put(client, body | {"revision": 1}).status_code == 409
    assert _put(cast.api(cast.sup), body | {"revision": 2}).status_code == 403


def _put(client: Client, body: dict[str, Any]) -> Any:
    return client.put("/api/v1/connections/inbox", body, content_type="application/json")


def test_the_audit_calls_what_is_no_human_being_by_its_title(cast: Cast) -> None:
    row = save(cast)
    save(cast, row.revision, name="新信箱")
    entry = JournalEntry.objects.get(kind="connection.changed")
    with translation.override("zh-hans"):
        assert "名称：客服邮箱 → 新信箱" in audit_words.Words.of([entry]).detail(entry)
