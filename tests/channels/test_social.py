"""Messengers in and out: a signed message becomes a ticket, goes on where it was, and is answered the same way."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jiying.base import connections, due, journal, tails
from jiying.base.actor import SYSTEM
from jiying.base.connections import ConnectionData
from jiying.base.errors import Conflict
from jiying.base.models import Connection
from jiying.channels.models import Contact, Conversation, HookCall, Outbox
from jiying.channels.services import hooks as services
from jiying.channels.services import outbox, vendor_calls
from jiying.core import hooks
from jiying.desk.models import Customer, Message, Ticket
from jiying.desk.queries import publicity
from jiying.desk.services import automation_setup, automations, handing_out, handling, merging, privacy, talking
from tests.cast import Cast
from tests.channels.other_side import OtherSide, other_side
from tests.core.test_hooks import AES_KEY, sealed_for_feishu, sealed_for_wechat

SECRETS = {
    "social": {"secret": "geheim"},
    "dingtalk": {"app_secret": "ding"},
    "feishu": {"app_secret": "s", "encrypt_key": "test key", "verification_token": "tok"},
    "wecom": {"app_secret": "s", "token": "QDG6eK", "aes_key": AES_KEY},
    "wechat": {"app_secret": "s", "token": "QDG6eK", "aes_key": AES_KEY},
}


@pytest.fixture
def side(settings: Any) -> Iterator[OtherSide]:
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    vendor_calls._keys.clear()
    with other_side() as found:
        yield found


def connect(cast: Cast, kind: str, side: OtherSide | None = None, **options: Any) -> Connection:
    url = side.url if side else "https://example.com"
    options = {"social": {"reply_url": f"{url}/replies"}}.get(kind, {"api": url}) | options
    options |= {"feishu": {"app_id": "cli"}, "wechat": {"app_id": "wx1"}}.get(kind, {})
    options |= {"corp_id": "corp1", "agent_id": 218} if kind == "wecom" else {}
    data = ConnectionData(name=f"{kind}渠道", options=options, secrets=SECRETS[kind])
    actor = cast.actor(cast.admin)
    return connections.save(actor=actor, kind=kind, code=kind, data=data, revision=None, now=cast.now)


def post(told: Any, *, secret: str = "geheim", at: datetime | None = None, code: str = "social") -> Any:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    timestamp = str(int((at or timezone.now()).timestamp()))
    headers = {"X-Jiying-Timestamp": timestamp, "X-Jiying-Signature": hooks.sign(secret, timestamp, body)}
    client = Client(raise_request_exception=False)
    return client.post(f"/hooks/in/social/{code}", body, content_type="application/json", headers=headers)


def told(n: int, text: str, **more: Any) -> dict[str, Any]:
    return {"id": f"m{n}", "conversation": "k1", "sender": {"id": "u1", "name": "张三"}, "text": text, **more}


def work() -> None:
    """What the worker does."""
    due.run(due.SWEEPS["hooks_in"], timezone.now())


def sent(after: timedelta = timedelta()) -> None:
    while journal.sequence():
        pass
    tails.catch_up(outbox.READER)
    due.run(due.SWEEPS["outbox"], timezone.now() + after)


def answer(cast: Cast, ticket: Ticket, text: str) -> Message:
    ticket.refresh_from_db()
    if ticket.assignee_id != cast.lin.pk:
        pytest.fail("nobody has the ticket")
    return talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body=text, now=timezone.now())


def test_from_a_signed_message_to_a_signed_reply(cast: Cast, side: OtherSide) -> None:
    found = connect(cast, "social", side)
    assert post(told(1, "包裹没到")).status_code == 200
    assert not Ticket.objects.exists() and HookCall.objects.get().state == "waiting"
    work()
    ticket = Ticket.objects.get()
    assert (ticket.channel, ticket.subject, ticket.assignee_id) == ("social", "包裹没到", cast.lin.pk)
    assert ticket.customer is not None and ticket.customer.name == "张三"
    post(told(2, "在吗"))
    work()
    assert list(Message.objects.values_list("ticket_id", "kind", "body")) == [(ticket.pk, "customer", "在吗")]
    answer(cast, ticket, "正在查")
    sent()
    path, headers, body = side.asked[0]
    assert (path, body["text"], body["conversation"], body["to"]) == ("/replies", "正在查", "k1", "u1")
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert headers["x-jiying-signature"] == hooks.sign("geheim", headers["x-jiying-timestamp"], raw)
    assert headers["idempotency-key"] == body["id"] == Outbox.objects.get().key
    assert Outbox.objects.get().state == "sent"
    found.refresh_from_db()
    assert found.ok_at is not None and found.n_failed == 0


def test_the_same_message_again_changes_nothing(cast: Cast) -> None:
    connect(cast, "social")
    for later in (0, 2, 4):  # signed anew, as senders do who heard no answer
        assert post(told(1, "在吗"), at=timezone.now() + timedelta(seconds=later)).status_code == 200
        work()
    assert (HookCall.objects.count(), Ticket.objects.count(), Message.objects.count()) == (1, 1, 0)


def test_strangers_are_turned_away(cast: Cast) -> None:
    connect(cast, "social")
    assert post(told(1, "x"), secret="wrong").status_code == 401
    assert post(told(1, "x"), at=timezone.now() - timedelta(minutes=6)).status_code == 401
    assert post(told(1, "x"), code="nothing").status_code == 404
    assert post(b"x" * (hooks.MAX_BODY + 1)).status_code == 413
    assert Client().get("/hooks/in/social/social").status_code == 401
    assert not HookCall.objects.exists()
    page = cast.client(cast.admin).get("/connections/social/").content.decode()
    assert "/hooks/in/social/social" in page and "签名" in page
    Connection.objects.update(active=False)
    assert post(told(1, "x")).status_code == 404


def test_what_cannot_be_read_is_kept_and_tried_again(cast: Cast) -> None:
    connect(cast, "social")
    assert post(b'{"text": "no sender"}').status_code == 200
    post(b"\xff\xfe not json")
    work()
    assert sorted(one["reason"] for one in HookCall.objects.values_list("fault", flat=True)) == [
        "no_sender",
        "unreadable",
    ]
    page = cast.client(cast.admin).get("/hooks/in/?state=refused").content.decode()
    assert "没有写明" in page or "It does not say who wrote." in page
    pk = HookCall.objects.order_by("pk")[0].pk
    assert cast.client(cast.lin).post(f"/hooks/in/{pk}/retry").status_code == 403
    assert cast.client(cast.admin).post(f"/hooks/in/{pk}/retry").status_code == 302
    with pytest.raises(Conflict):
        services.retry(actor=cast.actor(cast.admin), call_id=pk, now=timezone.now())
    work()
    assert HookCall.objects.get(pk=pk).state == "refused"
    items = cast.api(cast.admin).get("/api/v1/hook-calls?state=refused").json()["items"]
    assert len(items) == 2 and items[0]["may_retry"]


def test_a_kept_call_is_opened_masked_mended_and_sent_through_again(cast: Cast) -> None:
    connect(cast, "social")
    post(told(1, "我是张三，电话 13812345678", sender={"id": "u1", "name": "张三丰", "phone": "13812345678"}))
    Connection.objects.update(active=False)
    work()
    call = HookCall.objects.get()
    assert call.fault == {"reason": "connection_off"}
    assert cast.client(cast.lin).get(f"/hooks/in/{call.pk}/").status_code == 403
    assert cast.client(cast.admin).get("/hooks/in/999999/").status_code == 404
    page = cast.client(cast.admin).get(f"/hooks/in/{call.pk}/").content.decode()
    assert "138****5678" in page and "13812345678" not in page and "张三" not in page and "conversation" in page
    shown = cast.api(cast.admin).get(f"/api/v1/hook-calls/{call.pk}").json()
    assert shown["call"]["may_retry"] and "13812345678" not in shown["body"]
    Connection.objects.update(active=True)
    assert cast.client(cast.admin).post(f"/hooks/in/{call.pk}/retry").status_code == 302
    work()
    assert Ticket.objects.count() == 1
    HookCall.objects.update(body="")
    assert cast.client(cast.admin).get(f"/hooks/in/{call.pk}/").status_code == 200


def test_after_the_end_a_new_ticket_and_after_a_merge_the_one_that_is_left(cast: Cast) -> None:
    connect(cast, "social")
    post(told(1, "第一件事"))
    work()
    first = Ticket.objects.get()
    lin = cast.actor(cast.lin)
    handling.accept(actor=lin, number=first.number, now=timezone.now())
    handling.resolve(actor=lin, number=first.number, now=timezone.now())
    post(told(2, "还是不行"))
    work()
    first.refresh_from_db()
    assert first.status != "resolved" and Ticket.objects.count() == 1  # not solved after all
    other = cast.ticket(subject="另一张", customer_id=first.customer_id, now=timezone.now())
    handling.merge(actor=cast.actor(cast.wang), number=first.number, into=other.number, now=timezone.now())
    post(told(3, "补充"))
    work()
    assert Message.objects.get(body="补充").ticket_id == other.pk
    handling.cancel(actor=cast.actor(cast.wang), number=other.number, reason="测试", now=timezone.now())
    post(told(4, "新的事"))
    work()
    newest = Ticket.objects.order_by("-pk")[0]
    assert newest.subject == "新的事" and newest.customer_id == first.customer_id


def test_a_public_post_is_marked_and_its_writer_warned(cast: Cast, side: OtherSide) -> None:
    connect(cast, "social", side)
    post(told(1, "大家别买", public=True))
    post(told(2, "私信"))
    work()
    public, private = Ticket.objects.order_by("pk")
    assert {t.is_public for t in Conversation.objects.all()} == {True, False}
    client = cast.client(cast.lin)
    page = client.get(f"/tickets/{public.number}/").content.decode()
    assert "公开发布" in page and "所有人都能看到" in page
    assert "公开发布" not in client.get(f"/tickets/{private.number}/").content.decode()
    answer(cast, public, "抱歉")
    sent()
    assert side.of("/replies")[0]["public"] is True


def test_nothing_automatic_names_the_customer_in_public(cast: Cast, side: OtherSide) -> None:
    """The opening post itself sets the rule off: by then the thread is known to be public."""
    text = "您好 {客户}（{主题}），单号 {number}"
    body = {"on": True, "when": {"event": "opened"}, "then": [{"do": "reply", "text": text}]}
    before = timezone.now() - timedelta(minutes=1)
    automation_setup.save(actor=SYSTEM, key="hello", title="自动问候", body=body, now=before)
    connect(cast, "social", side)
    post(told(1, "张三的快递又丢了", public=True))
    post(told(2, "私下问一句", conversation="k2"))
    work()
    while journal.sequence():
        pass
    tails.catch_up(automations.READER)
    due.run(due.SWEEPS["automations"], timezone.now())
    sent()
    public, private = (one["text"] for one in sorted(side.of("/replies"), key=lambda one: not one["public"]))
    assert "张三" not in public and public.startswith("您好 客户") and "GD" in public
    assert private.startswith("您好 张三")


def test_no_personal_link_is_posted_in_public(cast: Cast, side: OtherSide) -> None:
    connect(cast, "social", side)
    post(told(1, "大家别买", public=True))
    post(told(2, "私下", conversation="k2"))
    work()
    for ticket in Ticket.objects.order_by("pk"):
        answer(cast, ticket, "很抱歉" * 2000)
        assert publicity.is_public(ticket.pk) == (ticket.subject == "大家别买")
    sent()
    by = {one["public"]: one["text"] for one in side.of("/replies")}
    assert "/p/" in by[False] and "/p/" not in by[True] and by[True].endswith("…")


def test_the_customers_data_go_with_them(cast: Cast, side: OtherSide) -> None:
    connect(cast, "social", side)
    post(told(1, "在吗", sender={"id": "u1", "name": "张三", "phone": "13812345678"}))
    post(b'{"text": "13812345678", "sender": {}}')  # led to nobody
    work()
    customer = Customer.objects.get()
    assert handing_out.collect(customer)["accounts"] == [{"channel": "social", "account": "u1", "name": "张三"}]
    privacy._erase_customer(customer, timezone.now())
    assert not Contact.objects.exists() and not Conversation.objects.exists()
    assert set(HookCall.objects.values_list("body", flat=True)) == {""}
    post(told(2, "又是我"))
    work()
    assert Ticket.objects.order_by("-pk")[0].customer_id != customer.pk


def test_an_account_of_a_merged_customer_is_the_others(cast: Cast) -> None:
    connect(cast, "social")
    post(told(1, "在吗"))
    work()
    old = Customer.objects.get()
    kept = Customer.objects.create(name="张三丰")
    merging.merge(actor=cast.actor(cast.admin), keep_id=kept.pk, drop_id=old.pk, now=timezone.now())
    handling.cancel(actor=cast.actor(cast.wang), number=Ticket.objects.get().number, reason="x", now=timezone.now())
    post(told(2, "新的事"))
    work()
    assert Ticket.objects.order_by("-pk")[0].customer_id == kept.pk


# --- vendors ---------------------------------------------------------------------------------------------------------


def through_dingtalk(side: OtherSide, n: int = 1, **more: Any) -> Any:
    at = f"{int(timezone.now().timestamp())}000"
    body = {
        "msgId": f"d{n}", "conversationId": "cid", "conversationType": "1", "senderStaffId": "s1", "senderNick": "李四",
        "msgtype": "text", "text": {"content": "你好"}, "sessionWebhook": f"{side.url}/robot/sendBySession?session=x",
        "sessionWebhookExpiredTime": int((timezone.now().timestamp() + 3600) * 1000), **more,
    }  # fmt: skip
    headers = {"timestamp": at, "sign": hooks.dingtalk_sign("ding", at)}
    return Client().post("/hooks/in/dingtalk/dingtalk", body, content_type="application/json", headers=headers)


def through_feishu(side: OtherSide, n: int = 1) -> Any:
    message = {"message_id": f"om{n}", "chat_id": "oc1", "chat_type": "p2p", "message_type": "text",
               "content": json.dumps({"text": "你好"})}  # fmt: skip
    sender = {"sender_id": {"open_id": "ou1"}, "sender_type": "user"}
    header = {"event_id": f"e{n}", "event_type": "im.message.receive_v1", "token": "tok"}
    event = {"schema": "2.0", "header": header, "event": {"sender": sender, "message": message}}
    raw, at = json.dumps({"encrypt": sealed_for_feishu(event)}), str(int(timezone.now().timestamp()))
    headers = {"X-Lark-Request-Timestamp": at, "X-Lark-Request-Nonce": "n"}
    headers["X-Lark-Signature"] = hooks.feishu_sign("test key", at, "n", raw.encode())
    return Client().post("/hooks/in/feishu/feishu", raw, content_type="application/json", headers=headers)


def through_wechat(kind: str, n: int = 1) -> Any:
    xml = f"<xml><FromUserName>o1</FromUserName><MsgType>text</MsgType><Content>你好</Content><MsgId>{n}</MsgId></xml>"
    sealed = sealed_for_wechat(xml.encode(), {"wecom": "corp1", "wechat": "wx1"}[kind])
    at = str(int(timezone.now().timestamp()))
    query = {"timestamp": at, "nonce": "n", "msg_signature": hooks.wechat_sign("QDG6eK", at, "n", sealed)}
    body = f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    return Client().post(f"/hooks/in/{kind}/{kind}", body, content_type="text/xml", query_params=query)


def test_dingtalk(cast: Cast, side: OtherSide) -> None:
    connect(cast, "dingtalk", side)
    assert through_dingtalk(side).status_code == 200
    work()
    side.answers["/robot/sendBySession"] = (200, {"errcode": 0, "errmsg": "ok"})
    answer(cast, Ticket.objects.get(), "您好")
    sent()
    assert side.of("/robot/sendBySession") == [{"msgtype": "text", "text": {"content": "您好"}}]
    assert Outbox.objects.get().state == "sent"


def test_dingtalk_replies_go_to_dingtalk_only_and_while_it_allows(cast: Cast, side: OtherSide) -> None:
    connect(cast, "dingtalk", side)
    through_dingtalk(side, sessionWebhook="http://127.0.0.1:1/elsewhere")
    work()
    ticket = Ticket.objects.get()
    answer(cast, ticket, "您好")
    sent()
    assert Outbox.objects.get().last_error == "foreign_webhook"
    through_dingtalk(side, 2, sessionWebhookExpiredTime=1)
    work()
    answer(cast, ticket, "还在吗")
    sent()
    assert Outbox.objects.order_by("-pk")[0].last_error == "webhook_over"
    assert not side.asked


def test_feishu(cast: Cast, side: OtherSide) -> None:
    connect(cast, "feishu", side)
    assert through_feishu(side).status_code == 200
    assert through_feishu(side).status_code == 200  # Feishu tries again where it heard nothing
    work()
    token = "/open-apis/auth/v3/tenant_access_token/internal"
    side.answers[token] = (200, {"code": 0, "tenant_access_token": "t-1", "expire": 7200})
    side.answers["/open-apis/im/v1/messages"] = (200, {"code": 0, "data": {"message_id": "om9"}})
    ticket = Ticket.objects.get()
    answer(cast, ticket, "您好")
    answer(cast, ticket, "稍等")
    for n in range(3):
        sent(timedelta(seconds=2 * n))
    first, _second = side.of("/open-apis/im/v1/messages")
    assert (first["receive_id"], json.loads(first["content"])) == ("oc1", {"text": "您好"})
    row = Outbox.objects.order_by("pk")[0]
    assert (first["uuid"], row.remote_id) == (row.key, "om9")
    assert len(side.of(token)) == 1  # asked once, for both
    assert [h["authorization"] for p, h, _b in side.asked if "im/v1" in p] == ["Bearer t-1"] * 2
    assert connections.test(actor=cast.actor(cast.admin), code="feishu", now=timezone.now())


@pytest.mark.parametrize(("kind", "token", "path"), [
    ("wecom", "/cgi-bin/gettoken", "/cgi-bin/message/send"),
    ("wechat", "/cgi-bin/stable_token", "/cgi-bin/message/custom/send"),
])  # fmt: skip
def test_wecom_and_wechat(cast: Cast, side: OtherSide, kind: str, token: str, path: str) -> None:
    connect(cast, kind, side)
    assert through_wechat(kind).content == b"success"
    work()
    side.answers[token] = (200, {"errcode": 0, "access_token": "a1", "expires_in": 7200})
    side.answers[path] = (200, {"errcode": 42001, "errmsg": "access_token expired"})
    answer(cast, Ticket.objects.get(), "您好")
    sent()
    assert Outbox.objects.get().state == "waiting" and "42001" in Outbox.objects.get().last_error
    side.answers[path] = (200, {"errcode": 0, "msgid": "x9"})
    sent(timedelta(seconds=30))
    assert Outbox.objects.get().state == "sent"
    assert side.of(path)[-1]["touser"] == "o1" and side.of(path)[-1]["text"] == {"content": "您好"}
    assert len(side.of(token)) == 2  # a new key after the old one was refused


def test_a_reply_after_48_hours_is_given_up_with_the_reason(cast: Cast, side: OtherSide) -> None:
    connect(cast, "wechat", side)
    through_wechat("wechat")
    work()
    side.answers["/cgi-bin/stable_token"] = (200, {"errcode": 0, "access_token": "a1", "expires_in": 7200})
    side.answers["/cgi-bin/message/custom/send"] = (200, {"errcode": 45015, "errmsg": "response out of time limit"})
    ticket = Ticket.objects.get()
    answer(cast, ticket, "您好")
    sent()
    assert Outbox.objects.get().state == "failed"
    assert "response out of time limit" in cast.client(cast.lin).get(f"/tickets/{ticket.number}/").content.decode()


# --- hostile bodies --------------------------------------------------------------------------------------------------

_KINDS = ("social", "dingtalk", "feishu", "wecom", "wechat")
_quick = hypothesis_settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@_quick
@given(
    st.sampled_from(_KINDS),
    st.binary(max_size=400),
    st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
)
def test_no_door_breaks(cast: Cast, kind: str, body: bytes, query: dict[str, str]) -> None:
    if not Connection.objects.filter(code=kind).exists():
        connect(cast, kind)
    client = Client(raise_request_exception=True)
    path = f"/hooks/in/{kind}/{kind}"
    posted = client.post(path, body, content_type="application/json", query_params=query)
    assert 400 <= posted.status_code < 500
    assert 400 <= client.get(path, query_params=query).status_code < 500


_told = st.dictionaries(
    st.sampled_from(["id", "conversation", "sender", "text", "subject", "public", "at", "type"]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.fixed_dictionaries({"id": st.text(), "phone": st.text()}),
)


@_quick
@given(_told.map(lambda told: json.dumps(told).encode()) | st.binary(max_size=300))
def test_whatever_is_signed_is_done_or_kept_with_a_reason(cast: Cast, body: bytes) -> None:
    if not Connection.objects.filter(code="social").exists():
        connect(cast, "social")
    assert post(body).status_code == 200
    work()
    call = HookCall.objects.order_by("-pk").first()
    assert call is not None and call.state in ("done", "nothing", "refused") and call.parked_at is None
    assert call.attempts == 0, call.last_error
    assert bool(call.fault) == (call.state == "refused")
