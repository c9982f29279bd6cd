"""The visitor's chat: begun, written, heard by nobody else; limits, frames, files, and what an agent does in it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signing import Signer
from django.db import connection
from django.db import connections as databases
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jiying.base import connections, live, push
from jiying.base.actor import SYSTEM
from jiying.base.models import Attachment, JournalEntry, Person, Whisper
from jiying.channels.models import Chat, Knock, Transcript
from jiying.channels.services import chatting, knocking, transcripts, widgets
from jiying.desk.models import AgentLoad, Message, Ticket
from jiying.desk.services import handling, talking
from tests.cast import Cast

KEY = "site"
SHOP = "https://shop.example.com"


@pytest.fixture
def widget(cast: Cast) -> widgets.Widget:
    AgentLoad.objects.update_or_create(
        person=cast.lin, channel="chat", defaults={"capacity": 2, "n_open": 0, "idle_since": cast.now}
    )
    Person.objects.filter(pk=cast.lin.pk).update(presence="online")
    return made()


def made(**options: Any) -> widgets.Widget:
    data = connections.ConnectionData(name="官网", options={"origins": [SHOP], **options})
    known = connections.open_one(KEY)
    revision = known.revision if known else None
    connections.save(actor=SYSTEM, kind=widgets.KIND, code=KEY, data=data, revision=revision, now=timezone.now())
    return widgets.opened(KEY)


class Visitor:
    """A browser on the chat's page."""

    def __init__(self, name: str = "first-visitor") -> None:
        self.client, self.token, self.name, self.n = Client(), "", name, 0

    def send(self, path: str, body: Any = None, **headers: str) -> Any:
        headers = {"X-Chat-Token": self.token, **headers}
        if body is None:
            return self.client.get(f"/chat/{KEY}/{path}", headers=headers)
        sent = body if isinstance(body, str) else json.dumps(body)
        return self.client.post(f"/chat/{KEY}/{path}", sent, content_type="application/json", headers=headers)

    def upload(self, key: str, text: str, upload: SimpleUploadedFile) -> Any:
        sent = {"id": key, "text": text, "files": upload}
        return self.client.post(f"/chat/{KEY}/say", sent, headers={"X-Chat-Token": self.token})

    def begin(self, text: str = "订单没到", **fields: Any) -> Any:
        answer = self.send("begin", {"id": f"{self.name}-begin", "text": text, **fields})
        if answer.status_code == 200:
            self.token = answer.json()["token"]
        return answer

    def say(self, text: str, **fields: Any) -> Any:
        self.n += 1
        return self.send("say", {"id": f"{self.name}-{self.n:04d}", "text": text, "after": "0", **fields})

    @property
    def ticket(self) -> Ticket:
        return Ticket.objects.get(pk=int(self.token.partition(".")[0]))


def test_a_chat_is_a_ticket_and_an_answer_comes_back(cast: Cast, widget: widgets.Widget) -> None:
    visitor = Visitor()
    begun = visitor.begin(
        "订单没到\n<b>在哪里</b>", name="张三", contact="13812345678", url=f"{SHOP}/cart", title="购物车"
    ).json()
    ticket = visitor.ticket
    assert (ticket.channel, ticket.status, ticket.assignee_id) == ("chat", "assigned", cast.lin.pk)
    assert (ticket.subject, begun["state"], begun["agent"]) == ("订单没到", "open", "林晓")
    assert [line["text"] for line in begun["lines"]] == ["订单没到\n<b>在哪里</b>"]
    assert Chat.objects.get(ticket=ticket).page_url == f"{SHOP}/cart"
    talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body="您好，我来查一下", now=timezone.now())
    talking.note(actor=cast.actor(cast.lin), number=ticket.number, body="内部：客户很急", now=timezone.now())
    seen = visitor.send("state?after=0").json()
    assert [(line["who"], line["author"], line["text"]) for line in seen["lines"]] == [
        ("agent", "林晓", "您好，我来查一下")
    ]
    last = visitor.say("谢谢").json()
    assert [line["text"] for line in last["lines"]] == ["您好，我来查一下", "谢谢"]
    assert visitor.send(f"state?after={last['said']}").json()["lines"] == []
    message = Message.objects.get(pk=last["said"])
    assert (message.kind, message.ticket_id) == ("customer", ticket.pk)


def test_what_is_sent_twice_is_said_once(cast: Cast, widget: widgets.Widget) -> None:
    visitor = Visitor()
    first, again = visitor.begin().json(), visitor.begin().json()
    assert (first["token"], Ticket.objects.filter(channel="chat").count()) == (again["token"], 1)
    one = visitor.send("say", {"id": "message-0001", "text": "在吗"}).json()["said"]
    assert visitor.send("say", {"id": "message-0001", "text": "在吗"}).json()["said"] == one
    assert Message.objects.filter(ticket=visitor.ticket).count() == 1


def test_a_chat_begun_goes_on_when_nobody_is_online_any_more(cast: Cast, widget: widgets.Widget) -> None:
    visitor = Visitor()
    visitor.begin()
    Person.objects.update(presence="offline")
    assert visitor.begin().status_code == 200  # the same one: its page had lost the answer
    assert visitor.say("还在吗").status_code == 200
    refused = Visitor("second-visitor").begin()
    assert refused.status_code == 409 and refused.json()["errors"][0]["code"] == "chat_closed"


def test_nobody_chats_outside_the_hours(cast: Cast, widget: widgets.Widget, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = made(calendar="work")
    monkeypatch.setattr(timezone, "now", lambda: cast.now + timedelta(hours=12))
    assert not closed.in_hours(timezone.now())
    assert Visitor().begin().status_code == 409
    assert '"open": false' in Client().get(f"/chat/{KEY}/").content.decode()


def test_who_waits_knows_the_place_in_the_queue(cast: Cast, widget: widgets.Widget) -> None:
    visitors = [Visitor(f"visitor-{n}") for n in range(4)]
    states = [visitor.begin().json() for visitor in visitors]
    assert [(one["state"], one["position"]) for one in states] == [
        ("open", 0), ("open", 0), ("waiting", 1), ("waiting", 2)
    ]  # fmt: skip
    assert AgentLoad.objects.get(person=cast.lin, channel="chat").n_open == 2


def test_a_token_opens_its_own_chat_only(cast: Cast, widget: widgets.Widget) -> None:
    one, other = Visitor("visitor-one"), Visitor("visitor-two")
    one.begin("我的地址是幸福路一号")
    other.begin("另一件事")
    for token in (
        f"{one.ticket.pk}.{other.token.partition('.')[2]}",
        "",
        "1.x",
        Signer(salt="jiying.portal", sep=".").sign(str(one.ticket.pk)),
    ):
        thief = Visitor()
        thief.token = token
        for path, body in (
            ("state", None),
            ("transcript", None),
            ("say", {"id": "stolen-01", "text": "x"}),
            ("end", {}),
            ("typing", {}),
            ("leave", {}),
            ("answer", {"solved": True}),
        ):
            assert thief.send(path, body).status_code == 404, (token, path)
        assert chatting.guest(token, timezone.now()) is None
    assert "幸福路" not in other.send("state").content.decode()
    data = connections.ConnectionData(name="另一个", options={})
    connections.save(actor=SYSTEM, kind=widgets.KIND, code="else", data=data, revision=None, now=timezone.now())
    assert one.client.get("/chat/else/state", headers={"X-Chat-Token": one.token}).status_code == 404


def test_a_visitor_hears_only_of_their_chat_and_by_other_names(
    cast: Cast, widget: widgets.Widget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "close_all", lambda: None)  # the test's own
    visitor = Visitor()
    visitor.begin()
    asked = live.Request.of(
        {"query_string": b"topics=queue,me", "headers": [(b"authorization", f"Chat {visitor.token}".encode())]}
    )
    admitted = live.admit(asked)
    assert isinstance(admitted, live.Admitted)
    pk = visitor.ticket.pk
    assert (admitted.who, set(admitted.named)) == (-pk, {f"ticket:{pk}", f"chat:{pk}"})
    client = push.Client(admitted.who, admitted.named, admitted.kinds)
    bells = [push.Bell(n, f"ticket:{pk}", kind, frozenset({f"ticket:{pk}"})) for n, kind in enumerate(
        ("ticket.message", "ticket.escalated", "clock.breached", "whisper.typing", "ticket.solved"), 1)]  # fmt: skip
    for bell in bells:
        client.ring(bell)
    told = live.doorbells(client, bells).decode()
    assert [bell.kind for bell in client.take()[1]] == ["ticket.message", "ticket.solved"]
    assert "ticket" not in told and "escalated" not in told and '"kind":"said"' in told
    forged = live.Request.of({"query_string": b"", "headers": [(b"authorization", b"Chat 1.x")]})
    assert live.admit(forged) is live.SIGNED_OUT


def test_typing_is_heard_and_never_kept(cast: Cast, widget: widgets.Widget) -> None:
    visitor = Visitor()
    visitor.begin()
    n_facts, number = JournalEntry.objects.count(), visitor.ticket.number
    assert visitor.send("typing", {}).status_code == 204
    lin = cast.client(cast.lin)
    assert lin.post(f"/chats/{number}/typing").status_code == 204
    pk = visitor.ticket.pk
    assert list(Whisper.objects.order_by("pk").values_list("topic", "kind")) == [
        (f"ticket:{pk}", "typing"), (f"chat:{pk}", "answering")
    ]  # fmt: skip
    assert JournalEntry.objects.count() == n_facts
    assert cast.client(cast.zhao).post(f"/chats/{number}/typing").status_code == 404
    assert cast.client(cast.chen).post(f"/chats/{number}/typing").status_code == 403


def test_the_agent_ends_and_the_visitor_judges(cast: Cast, widget: widgets.Widget) -> None:
    visitor, lin = Visitor(), cast.actor(cast.lin)
    visitor.begin()
    number = visitor.ticket.number
    talking.reply(actor=lin, number=number, body="已补发", now=timezone.now())
    handling.resolve(actor=lin, number=number, now=timezone.now())
    assert visitor.send("state").json()["state"] == "solved"
    assert visitor.send("answer", {"solved": False, "note": "还没有收到"}).json()["state"] == "open"
    handling.resolve(actor=lin, number=number, now=timezone.now())
    assert visitor.send("answer", {"solved": True}).json()["state"] == "ended"


def test_a_visitor_leaves_comes_back_and_says_good_bye(cast: Cast, widget: widgets.Widget) -> None:
    visitor = Visitor()
    visitor.begin()
    visitor.send("leave", {})
    assert Chat.objects.get().left_at is not None
    visitor.send("state")
    assert Chat.objects.get().left_at is None
    visitor.send("end", {})
    visitor.send("end", {})
    assert JournalEntry.objects.filter(kind="ticket.chat_left").count() == 1
    page = cast.client(cast.lin).get(f"/tickets/{visitor.ticket.number}/").content.decode()
    assert 'id="chat-card"' in page


def test_limits_hold_for_an_address_a_chat_and_a_widget(cast: Cast, widget: widgets.Widget) -> None:
    made(starts_an_hour=2, messages_a_minute=2)
    one, two, three = (Visitor(f"visitor-{n}") for n in range(3))
    assert [v.begin().status_code for v in (one, two, three)] == [200, 200, 429]
    assert [one.say("x").status_code for _n in range(3)] == [200, 200, 429]
    typed = [two.send("typing", {}).status_code for _n in range(chatting.TYPED_A_MINUTE + 1)]
    assert (set(typed[:-1]), typed[-1]) == ({204}, 429)
    made(all_an_hour=2)
    assert three.begin().status_code == 429
    assert not any("127.0.0.1" in row.key for row in Knock.objects.all())
    knocking.drop_old(timezone.now() + timedelta(hours=2))
    assert not Knock.objects.exists()


def test_bad_bodies_are_refused_whole(cast: Cast, widget: widgets.Widget) -> None:
    visitor = Visitor()
    visitor.begin()
    before = Message.objects.count()
    good = {"id": "good-id-1", "text": "x"}
    texts: list[Any] = [5, "  ", "x" * 4001, "a\x00b", None]
    bad: list[Any] = [[], {"text": "y"}, {**good, "id": "x"}, {**good, "id": "bad id/../"}, "[" * 50_000, "{", "1"]
    for body in [*bad, *({**good, "text": text} for text in texts), {**good, "more": "y" * 70_000}]:
        assert visitor.send("say", body).status_code == 422, body
    kind, headers = "application/x-www-form-urlencoded", {"X-Chat-Token": visitor.token}
    assert visitor.client.post(f"/chat/{KEY}/say", "text=x", content_type=kind, headers=headers).status_code == 422
    assert Message.objects.count() == before


def test_other_sites_cannot_send_and_only_named_ones_may_frame(cast: Cast, widget: widgets.Widget) -> None:
    visitor = Visitor()
    assert visitor.send("begin", {"id": "visitor-x1", "text": "x"}, Origin=SHOP).status_code == 403
    assert visitor.send("begin", {"id": "visitor-x1", "text": "x"}, Origin="null").status_code == 403
    assert visitor.send("begin", {"id": "visitor-x1", "text": "x"}, Origin="http://testserver").status_code == 200
    for path in (f"/chat/{KEY}/", f"/chat/{KEY}/form"):
        page = Client().get(path)
        assert f"frame-ancestors 'self' {SHOP}" in page["Content-Security-Policy"]
        assert (
            "unsafe-inline' ;" not in page["Content-Security-Policy"]
            and "script-src 'self';" in page["Content-Security-Policy"]
        )
        assert "X-Frame-Options" not in page and not page.cookies
        assert "Access-Control-Allow-Origin" not in page
    assert Client().get("/accounts/login/")["X-Frame-Options"] == "DENY"
    assert Client().get("/chat/nothing/").status_code == 404
    assert "frame-ancestors 'none'" in Client().get("/chat/nothing/")["Content-Security-Policy"]


def test_what_a_visitor_writes_is_never_markup(cast: Cast, widget: widgets.Widget) -> None:
    made(title_zh="</title><script>alert(1)</script>", greeting_zh="<img src=x onerror=alert(1)>")
    evil = '<script>alert("x")</script><img src=x onerror=alert(1)> javascript:alert(1)'
    visitor = Visitor()
    visitor.begin(evil, name='<svg onload="alert(1)">', url="javascript:alert(1)", title="<script>")
    visitor.say(evil)
    lin = cast.client(cast.lin)
    for page in (
        lin.get(f"/tickets/{visitor.ticket.number}/"),
        lin.get("/chats/"),
        lin.get("/work/"),
        Client().get(f"/chat/{KEY}/"),
    ):
        text = page.content.decode()
        assert "<script>alert" not in text and "<img src=x" not in text and "<svg onload" not in text
        assert 'href="javascript:' not in text
    answer = visitor.send("state")
    assert answer["Content-Type"] == "application/json" and answer["X-Content-Type-Options"] == "nosniff"


def test_files_go_both_ways_and_open_by_their_own_key(cast: Cast, widget: widgets.Widget) -> None:
    visitor, other = Visitor(), Visitor("other-visitor")
    visitor.begin()
    other.begin()
    photo = SimpleUploadedFile("照片.png", b"\x89PNG....", content_type="text/html")
    answer = visitor.upload("with-file-1", "", photo).json()
    (kept,) = answer["lines"][-1]["files"]
    assert (kept["name"], kept["is_picture"]) == ("照片.png", True)
    shown = Client().get(f"/chat/{KEY}/files/{kept['key']}")
    assert (shown.status_code, shown["Content-Type"], shown["X-Content-Type-Options"]) == (200, "image/png", "nosniff")
    assert "sandbox" in shown["Content-Security-Policy"]
    evil = SimpleUploadedFile("a.svg", b"<svg onload='alert(1)'/>", content_type="image/png")
    assert visitor.upload("with-file-2", "x", evil).status_code == 422
    pk = Attachment.objects.get().pk
    forged = kept["key"].replace(f"{visitor.ticket.pk}-{pk}", f"{other.ticket.pk}-{pk}")
    assert Client().get(f"/chat/{KEY}/files/{forged}").status_code == 404
    note = talking.note(actor=cast.actor(cast.lin), number=visitor.ticket.number, body="x", now=timezone.now())
    Attachment.objects.update(subject_id=note.pk)
    assert Client().get(f"/chat/{KEY}/files/{kept['key']}").status_code == 404


def test_an_agents_strip_counts_what_is_unread(cast: Cast, widget: widgets.Widget) -> None:
    visitor = Visitor()
    visitor.begin(name="张三")
    number = visitor.ticket.number
    handling.accept(actor=cast.actor(cast.lin), number=number, now=timezone.now())
    said = [visitor.say(text).json()["said"] for text in ("一", "二")]
    found = cast.api(cast.lin).get("/api/v1/chats").json()
    assert [(one["number"], one["n_unread"], one["newest_id"]) for one in found["items"]] == [(number, 2, said[1])]
    assert cast.api(cast.sup).get("/api/v1/chats").json()["items"] == []
    assert cast.client(cast.wang).post(f"/chats/{number}/seen", {"upto": said[1]}).status_code == 409
    assert cast.client(cast.lin).post(f"/chats/{number}/seen", {"upto": said[0]}).status_code == 204
    assert cast.api(cast.lin).get("/api/v1/chats").json()["items"][0]["n_unread"] == 1
    answer = cast.api(cast.lin).post(f"/api/v1/chats/{number}/seen", {"upto": 10**15}, content_type="application/json")
    assert answer.status_code == 204
    assert Chat.objects.get().seen_id == said[1]
    assert number in cast.client(cast.lin).get("/chats/").content.decode()


@pytest.mark.usefixtures("still")
def test_an_agents_strip_costs_the_same_for_one_chat_and_for_many(cast: Cast, widget: widgets.Widget) -> None:
    AgentLoad.objects.filter(channel="chat").update(capacity=10)
    counts, lin = [], cast.client(cast.lin)
    lin.get("/chats/")  # what is kept is kept now
    for n in range(6):
        Visitor(f"visitor-{n}").begin(name=f"访客{n}")
        if n in (0, 5):
            with CaptureQueriesContext(connection) as seen:
                assert lin.get("/chats/").content.decode().count("data-chat=") == n + 1
            counts.append(len(seen))
    assert counts[0] == counts[1]


@pytest.mark.usefixtures("still")
def test_a_visitors_state_costs_the_same_for_one_message_and_for_many(cast: Cast, widget: widgets.Widget) -> None:
    visitor, counts = Visitor(), []
    visitor.begin()
    for n in range(12):
        visitor.say(f"第 {n} 句")
        if n in (0, 11):
            with CaptureQueriesContext(connection) as seen:
                assert len(visitor.send("state").json()["lines"]) == n + 2
            counts.append(len(seen))
    assert counts[0] == counts[1] <= 6


def test_a_chat_is_answered_though_the_visitor_wrote_meanwhile(cast: Cast, widget: widgets.Widget) -> None:
    visitor = Visitor()
    visitor.begin()
    visitor.say("快点")
    written = talking.Written("马上", last_seen=0)
    assert talking.reply(actor=cast.actor(cast.lin), number=visitor.ticket.number, body=written, now=timezone.now()).pk


def test_the_transcript_is_public_messages_and_is_mailed_by_the_worker(
    cast: Cast, widget: widgets.Widget, settings: Any, mailoutbox: list[Any]
) -> None:
    visitor, lin = Visitor(), cast.actor(cast.lin)
    visitor.begin()
    settings.MAIL_ENABLED = True
    assert visitor.send("transcript", {"address": "a@example.com"}).status_code == 409  # nothing was answered yet
    talking.reply(actor=lin, number=visitor.ticket.number, body="已补发", now=timezone.now())
    talking.note(actor=lin, number=visitor.ticket.number, body="内部备注", now=timezone.now())
    text = visitor.send("transcript").content.decode()
    assert "订单没到" in text and "林晓: 已补发" in text and "内部备注" not in text
    assert visitor.send("transcript", {"address": "a@example.com\nBcc: b@example.com"}).status_code == 422
    assert visitor.send("transcript", {"address": "a@example.com"}).status_code == 202
    assert transcripts.serve([Transcript.objects.get().pk], timezone.now()) == 1
    assert (mailoutbox[0].to, "已补发" in mailoutbox[0].body) == (["a@example.com"], True)
    assert transcripts.serve([Transcript.objects.get().pk], timezone.now()) == 0
    assert [visitor.send("transcript", {"address": "a@example.com"}).status_code for _n in range(2)] == [202, 429]
    settings.MAIL_ENABLED = False
    assert visitor.send("transcript", {"address": "a@example.com"}).status_code == 409
