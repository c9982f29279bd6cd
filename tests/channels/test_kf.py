"""WeCom's customer service: a call only rings, the messages are pulled behind a cursor, each becomes one message."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from jiying.base import connections, due
from jiying.base.connections import ConnectionData
from jiying.channels.models import Contact, HookCall, Outbox, Pull
from jiying.channels.services import kf, vendor_calls
from jiying.core import kf as core
from jiying.core import social as core_social
from jiying.desk.models import Message, Ticket
from jiying.desk.services import talking
from tests.cast import Cast
from tests.channels.other_side import other_side
from tests.channels.test_social import sent, work
from tests.channels.wecom_kf import ACCOUNT, SECRETS, WeComKf, bell


@pytest.fixture
def wecom(cast: Cast, settings: Any) -> Iterator[WeComKf]:
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    vendor_calls._keys.clear()
    with other_side() as side:
        data = ConnectionData(name="微信客服", options={"corp_id": "corp1", "api": side.url}, secrets=SECRETS)
        actor = cast.actor(cast.admin)
        connections.save(actor=actor, kind="wecom_kf", code="kf", data=data, revision=None, now=cast.now)
        yield WeComKf(side)


def ring(**more: Any) -> None:
    body, query = bell(int(timezone.now().timestamp()), **more)
    said = Client().post("/hooks/in/wecom_kf/kf", body, content_type="text/xml", query_params=query)
    assert (said.status_code, said.content) == (200, b"success")
    work()


def pull(after: timedelta = timedelta()) -> None:
    due.run(due.SWEEPS["pulls"], timezone.now() + after)


def now_s() -> int:
    return int(timezone.now().timestamp())


def answer(cast: Cast, text: str) -> Message:
    ticket = Ticket.objects.get()
    return talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body=text, now=timezone.now())


def test_a_bell_is_pulled_and_answered(cast: Cast, wecom: WeComKf) -> None:
    for n in range(7):
        wecom.say(n, f"第{n}句", now_s() - 60 + n)
    ring()
    assert not Ticket.objects.exists()
    pull()
    assert wecom.n_pulls == 3 and Pull.objects.get().cursor == "7"
    first = wecom.side.of("/cgi-bin/kf/sync_msg")[0]
    assert (first["token"], first["open_kfid"], first["cursor"]) == ("ENC1", ACCOUNT, "")
    work()
    ticket = Ticket.objects.get()
    assert (ticket.channel, ticket.subject) == ("social", "第0句")
    assert ticket.customer is not None and ticket.customer.name == "客户wm1"
    assert list(Message.objects.order_by("pk").values_list("body", flat=True)) == [f"第{n}句" for n in range(1, 7)]
    assert len(wecom.side.of("/cgi-bin/kf/customer/batchget")) == 3  # pages pulled before anybody was known
    answer(cast, "您好")
    sent()
    told = wecom.sent[0]
    assert (told["touser"], told["open_kfid"], told["text"]) == ("wm1", ACCOUNT, {"content": "您好"})
    assert Outbox.objects.get().state == "sent" and Outbox.objects.get().remote_id == told["msgid"]


def test_the_same_again_makes_nothing_twice(cast: Cast, wecom: WeComKf) -> None:
    wecom.say(1, "在吗", now_s())
    ring()
    pull()
    Pull.objects.update(cursor="")  # as if the place had been lost
    ring(token="ENC2")
    pull()
    work()
    assert Ticket.objects.count() == 1 and not Message.objects.exists()


def test_a_bell_during_a_pull_is_answered_by_another(cast: Cast, wecom: WeComKf) -> None:
    wecom.say(1, "一", now_s())
    ring()
    row = due.lease(Pull, Pull.objects.get().pk, timezone.now())
    assert isinstance(row, Pull)
    page = core.pulled(wecom._sync({"open_kfid": ACCOUNT, "cursor": "", "limit": 9}))
    wecom.say(2, "二", now_s())
    ring(token="ENC2")
    assert Pull.objects.get().lease_until is not None  # not taken from the one who pulls
    assert not kf.keep(row, page, {}, timezone.now())
    pull()
    work()
    assert HookCall.objects.filter(state="done").exclude(ticket=None).count() == 2


def test_who_lost_the_lease_keeps_nothing(cast: Cast, wecom: WeComKf) -> None:
    wecom.say(1, "一", now_s())
    ring()
    slow = due.lease(Pull, Pull.objects.get().pk, timezone.now())
    assert isinstance(slow, Pull)
    page = core.pulled(wecom._sync({"open_kfid": ACCOUNT, "cursor": "", "limit": 9}))
    pull(timedelta(seconds=kf.LEASE_S + 1))  # taken for dead, another one did it
    n = HookCall.objects.count()
    with pytest.raises(kf.LeaseLost):
        kf.keep(slow, page, {}, timezone.now())
    assert HookCall.objects.count() == n and Pull.objects.get().cursor == "1"


def test_history_before_the_account_was_known_is_left(cast: Cast, wecom: WeComKf) -> None:
    wecom.say(1, "前天", now_s() - 2 * 86_400)
    wecom.say(2, "刚才", now_s() - 60)
    wecom.say(3, "同事在企业微信里回复", now_s(), origin=5)
    ring()
    pull()
    work()
    assert [one.subject for one in Ticket.objects.all()] == ["刚才"]


def test_what_wecom_refuses_is_put_off_and_seen(cast: Cast, wecom: WeComKf) -> None:
    good = wecom.side.answers["/cgi-bin/kf/sync_msg"]
    wecom.side.answers["/cgi-bin/kf/sync_msg"] = (200, {"errcode": 95007, "errmsg": "invalid token"})
    wecom.say(1, "在吗", now_s())
    ring()
    pull()
    row = Pull.objects.get()
    assert row.attempts == 1 and "95007" in row.last_error and row.wake_at is not None
    assert "95007" in cast.client(cast.admin).get("/connections/kf/").content.decode()
    wecom.side.answers["/cgi-bin/kf/sync_msg"] = good
    pull(timedelta(minutes=20))
    work()
    assert Ticket.objects.count() == 1 and Pull.objects.get().last_error == ""
    assert "token" in wecom.side.of("/cgi-bin/kf/sync_msg")[0]
    assert ACCOUNT in cast.client(cast.admin).get("/connections/kf/").content.decode()
    assert "售后客服" in connections.test(actor=cast.actor(cast.admin), code="kf", now=timezone.now())


def test_a_reply_that_did_not_arrive_is_told(cast: Cast, wecom: WeComKf) -> None:
    wecom.say(1, "在吗", now_s())
    ring()
    pull()
    work()
    answer(cast, "您好" * 2000)
    sent()
    assert len(wecom.sent[0]["text"]["content"].encode()) <= 2048 and "/p/" in wecom.sent[0]["text"]["content"]
    event = {"event_type": "msg_send_fail", "fail_msgid": Outbox.objects.get().remote_id, "fail_type": 10}
    told = {"msgid": "e1", "send_time": now_s(), "origin": 4, "msgtype": "event", "event": event}
    wecom.messages.append(told)
    ring(token="ENC2")
    pull()
    work()
    row = Outbox.objects.get()
    assert row.state == "failed" and ("拒收" in row.last_error or "refuses" in row.last_error)


def test_other_events_and_accounts(cast: Cast, wecom: WeComKf) -> None:
    xml = b"<xml><MsgType>event</MsgType><Event>%s</Event>%s</xml>"
    assert core.bell(xml % (b"subscribe", b"")) is None
    with pytest.raises(core_social.Unreadable):
        core.bell(xml % (b"kf_msg_or_event", b"<Token>t</Token>"))
    assert Contact.objects.count() == 0


_NAMES = (
    "msg_list next_cursor has_more origin send_time msgid msgtype text event event_type fail_msgid message "
    "external_userid open_kfid content"
).split()
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6),
    max_leaves=12,
)


@given(_anything, st.binary(max_size=200))
def test_nothing_that_is_pulled_breaks(told: Any, body: bytes) -> None:
    page = core.pulled(told if isinstance(told, dict) else {"msg_list": told})
    for one in page.messages:
        core.is_wanted(one, 0)
        core.sender(one)
    for raw in (json.dumps({"message": told}).encode(), body):
        for read in (core.message_of, core.bell, lambda raw: core_social.read("wecom_kf", raw)):
            try:
                read(raw)
            except core_social.Unreadable as error:
                assert error.code  # noqa: PT017 - nothing else may come
