"""A kept call as an administrator reads it: its form stays, nothing personal and no secret does."""

import json

from hypothesis import given
from hypothesis import strategies as st

from jiying.core.hook_shown import MAX_SHOWN, shown


def test_the_form_stays_and_what_is_personal_goes() -> None:
    told = {
        "event": "ringing", "caller": "13812345678", "call_id": "abc-123456", "duration_s": 95, "public": True,
        "sender": {"name": "张三丰", "email": "zhang@example.com", "id": "user-9988"},
        "text": {"content": "我住在北京路 5 号"}, "sessionWebhook": "https://oapi.example.com/robot?session=s3cret",
        "verification_token": "geheim", "seven": [13912345678],
    }  # fmt: skip
    found = json.loads(shown(json.dumps(told)))
    assert (found["event"], found["caller"], found["public"]) == ("ringing", "138****5678", True)
    assert found["sender"] == {"name": "张*丰", "email": "z***@example.com", "id": "us…(9)"}
    assert found["text"] == {"content": "(10)"} and found["sessionWebhook"] == found["verification_token"] == "***"
    assert found["seven"] == ["(11)"]


def test_xml_and_what_is_neither() -> None:
    xml = "<xml><MsgType>event</MsgType><Token>ENC123</Token><FromUserName>oABC</FromUserName></xml>"
    assert json.loads(shown(xml)) == {"MsgType": "event", "Token": "***", "FromUserName": "(4)"}
    assert shown("13812345678 geheim!") == "*********** ******!"


_SECRET = st.sampled_from(
    ["13812345678", "zhang.san@example.com", "s3cr3tValue", "张三丰欧阳娜娜", "住在北京路五号的客户"]
)
_names = st.sampled_from(["text", "token", "caller", "name", "x", "event", "id", "msgtype", "data", "mail", "at"])
_told = st.recursive(
    _SECRET,
    lambda inner: st.dictionaries(_names, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=8,
)


@given(_told, _SECRET)
def test_nothing_personal_comes_through(told: object, key: str) -> None:
    for body in (json.dumps({"body": told, key: told}), f"<xml><a>{key}</a></xml>", f"{key} {key}"):
        found = shown(body)
        assert len(found) <= MAX_SHOWN
        for secret in ("13812345678", "zhang.san@", "北京路", "欧阳娜"):
            assert secret not in found


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "replace")))
def test_whatever_came_can_be_shown(body: str) -> None:
    assert len(shown(body)) <= MAX_SHOWN
