"""What messengers say, read into one kind of message; whatever else comes is `Unreadable` and nothing worse."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core import social
from jiying.core.social import Said, Unreadable, read


def said(kind: str, told: Any) -> Said:
    found = read(kind, told if isinstance(told, bytes) else json.dumps(told).encode())
    assert found is not None
    return found


def code(kind: str, told: Any) -> str:
    with pytest.raises(Unreadable) as refused:
        read(kind, told if isinstance(told, bytes) else json.dumps(told).encode())
    return refused.value.code


def test_ours() -> None:
    told = {
        "id": "m1",
        "sender": {"id": "u1", "name": "张三", "phone": "138"},
        "text": " 在吗\x00 ",
        "at": 1_700_000_000,
    }
    found = said("social", told)
    assert (found.text, found.conversation, found.sender, found.name) == ("在吗", "u1", "u1", "张三")
    assert found.at_s == 1_700_000_000 and not found.is_public
    public = said("social", {**told, "conversation": "post9", "public": True})
    assert public.is_public and public.conversation == "public:post9" and public.reply == {"conversation": "post9"}
    assert said("social", {**told, "id": "x" * 500}).message_id != "x" * 120
    assert code("social", {"text": "x"}) == "no_sender"
    assert code("social", {"sender": {"id": 1}}) == "no_text"
    assert code("social", b"[]") == code("social", b"{") == code("social", b"[" * 100_000) == "unreadable"
    assert read("social", b'{"type": "ping"}') is None
    assert "\ud800" not in said("social", b'{"sender": {"id": "a"}, "text": "x\\ud800y"}').text


DING = {
    "conversationId": "cid1", "conversationType": "1", "msgId": "m1", "senderNick": "李四", "senderStaffId": "s1",
    "senderId": "$:x", "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=x",
    "sessionWebhookExpiredTime": 1613635652738, "createAt": 1613630252678, "msgtype": "text",
    "text": {"content": " 你好"},
}  # fmt: skip


def test_dingtalk() -> None:
    found = said("dingtalk", DING)
    assert (found.text, found.name, found.conversation, found.at_s) == ("你好", "李四", "cid1", 1613630252)
    assert found.reply["until_s"] == 1613635652 and found.reply["at"] == ""
    group = said("dingtalk", DING | {"conversationType": "2"})
    assert group.conversation == "cid1/s1" and group.reply["at"] == "s1"
    assert said("dingtalk", DING | {"msgtype": "picture", "text": None}).what == "picture"
    rich = DING | {
        "msgtype": "richText",
        "content": {"richText": [{"text": "甲"}, {"type": "picture"}, {"text": "乙"}]},
    }
    assert said("dingtalk", rich).text == "甲 乙"


def feishu(**message: Any) -> dict[str, Any]:
    about = {"message_id": "om1", "chat_id": "oc1", "chat_type": "p2p", "message_type": "text"}
    return {
        "header": {"event_type": "im.message.receive_v1"},
        "event": {"sender": {"sender_id": {"open_id": "ou1"}, "sender_type": "user"}, "message": about | message},
    }  # fmt: skip


def test_feishu() -> None:
    text = {"content": json.dumps({"text": "@_user_1 你好"}), "mentions": [{"key": "@_user_1"}], "chat_type": "group"}
    found = said("feishu", feishu(**text))
    assert (found.text, found.conversation, found.reply) == ("你好", "oc1/ou1", {"chat": "oc1"})
    post = {"title": "", "content": [[{"tag": "text", "text": "甲"}, {"tag": "img"}], [{"tag": "text", "text": "乙"}]]}
    assert said("feishu", feishu(content=json.dumps(post), message_type="post")).text == "甲 乙"
    assert said("feishu", feishu(content="{}", message_type="image")).what == "image"
    assert read("feishu", b'{"header": {"event_type": "im.chat.updated_v1"}}') is None
    robot = feishu(**text)
    robot["event"]["sender"]["sender_type"] = "app"
    assert read("feishu", json.dumps(robot).encode()) is None


def wechat(**parts: str) -> bytes:
    return f"<xml>{''.join(f'<{k}><![CDATA[{v}]]></{k}>' for k, v in parts.items())}</xml>".encode()


def test_wechat_and_wecom() -> None:
    about = {"FromUserName": "o1", "CreateTime": "1409659589", "MsgId": "7"}
    for kind in ("wechat", "wecom"):
        found = said(kind, wechat(**about, MsgType="text", Content="在吗", AgentID="218"))
        assert (found.text, found.sender, found.reply) == ("在吗", "o1", {"user": "o1", "agent": "218"})
        assert said(kind, wechat(**about, MsgType="voice", Recognition="听得见吗")).text == "听得见吗"
        assert said(kind, wechat(**about, MsgType="image")).what == "image"
        assert read(kind, wechat(**about, MsgType="event", Event="subscribe")) is None
        assert code(kind, wechat(MsgType="text", Content="x")) == "no_sender"
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><MsgType>&b;</MsgType></xml>'
    assert code("wechat", bomb) == "unreadable"


_names = st.sampled_from(
    ["sender", "id", "text", "content", "msgtype", "richText", "header", "event_type", "event", "message", "mentions",
     "sender_id", "open_id", "chat_id", "conversationId", "senderId", "at", "createAt", "name", "public"]
)  # fmt: skip
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=6),
    max_leaves=12,
)


@given(st.sampled_from(social.KINDS), st.binary() | _json.map(lambda told: json.dumps(told).encode()))
def test_whatever_comes_is_a_message_or_none_or_unreadable(kind: str, body: bytes) -> None:
    try:
        found = read(kind, body)
    except Unreadable:
        return
    if found is not None:
        for text in (found.text, found.name, found.conversation, found.sender, found.subject):
            text.encode()  # what a database takes
            assert "\x00" not in text
        assert len(found.conversation) <= social.MAX_ID and len(found.text) <= social.MAX_TEXT
