"""Signatures of inbound hooks: the other sides' published examples, and nothing but `Unverified` for whatever comes."""

import base64
import hashlib
import json
import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from jiying.core import hooks
from jiying.core.hooks import Came, Unverified, verify

NOW = 1_409_659_600
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
WECOM = {"token": "QDG6eK", "aes_key": AES_KEY, "receiver": "wx5823bf96d3bd56c7"}
FEISHU = {"encrypt_key": "test key", "verification_token": "tok"}


def sealed_for_wechat(message: bytes, receiver: str = WECOM["receiver"]) -> str:
    key = base64.b64decode(AES_KEY + "=")
    plain = os.urandom(16) + len(message).to_bytes(4, "big") + message + receiver.encode()
    n = 32 - len(plain) % 32
    sealing = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(sealing.update(plain + bytes([n]) * n) + sealing.finalize()).decode()


def sealed_for_feishu(body: object, key: str = FEISHU["encrypt_key"]) -> str:
    plain, start = json.dumps(body).encode(), os.urandom(16)
    n = 16 - len(plain) % 16
    sealing = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(start)).encryptor()
    return base64.b64encode(start + sealing.update(plain + bytes([n]) * n) + sealing.finalize()).decode()


def wecom(message: bytes, **changes: str) -> Came:
    sealed = sealed_for_wechat(message, changes.pop("receiver", WECOM["receiver"]))
    query = {"timestamp": str(NOW), "nonce": "n1"}
    query["msg_signature"] = hooks.wechat_sign(WECOM["token"], *query.values(), sealed)
    return Came({}, query | changes, f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode())


def feishu(body: object, key: str = FEISHU["encrypt_key"], at: int = NOW) -> Came:
    raw = json.dumps({"encrypt": sealed_for_feishu(body, key)}).encode()
    signature = hooks.feishu_sign(key, str(at), "n1", raw)
    headers = {"x-lark-request-timestamp": str(at), "x-lark-request-nonce": "n1", "x-lark-signature": signature}
    return Came(headers, {}, raw)


def ours(body: bytes, secret: str = "geheim", at: int = NOW) -> Came:
    signature = hooks.sign(secret, str(at), body)
    return Came({"x-jiying-timestamp": str(at), "x-jiying-signature": signature}, {}, body)


def refusal(scheme: str, came: Came, keys: dict[str, str], now: int = NOW) -> str:
    with pytest.raises(Unverified) as refused:
        verify(scheme, came, keys, now)
    return refused.value.code


def test_the_published_trial_of_an_address_by_wecom() -> None:
    query = {
        "msg_signature": "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        "timestamp": "1409659589",
        "nonce": "263014780",
        "echostr": "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
    }
    assert verify("wecom", Came({}, query, b"", asks=True), WECOM, NOW).echo == "1616140317555161061"
    assert refusal("wecom", Came({}, query | {"nonce": "1"}, b"", asks=True), WECOM) == "bad_signature"


def test_the_published_encryption_of_feishu() -> None:
    assert hooks._feishu_plain("test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=") == b"hello world"


def test_messages_of_wecom_and_wechat() -> None:
    message = b"<xml><MsgId>7</MsgId><Content>hi</Content></xml>"
    for scheme in ("wecom", "wechat"):
        first, again = verify(scheme, wecom(message), WECOM, NOW), verify(scheme, wecom(message), WECOM, NOW)
        assert first.body == message and first.echo is None
        assert first.key == again.key  # sealed anew, and still the same message
        assert refusal(scheme, wecom(message, nonce="other"), WECOM) == "bad_signature"
        assert refusal(scheme, wecom(message, receiver="somebody"), WECOM) == "other_receiver"
        assert refusal(scheme, wecom(message), WECOM, NOW + 301) == "too_old"
        assert refusal(scheme, wecom(message), WECOM | {"aes_key": "x" * 43}) == "cannot_decrypt"


def test_wechat_tries_an_address_with_a_plain_text() -> None:
    query = {"timestamp": str(NOW), "nonce": "n", "echostr": "abc"}
    query["signature"] = hooks.wechat_sign("QDG6eK", str(NOW), "n")
    assert verify("wechat", Came({}, query, b"", asks=True), WECOM, NOW).echo == "abc"
    assert refusal("wechat", Came({}, query | {"signature": "0"}, b"", asks=True), WECOM) == "bad_signature"


def test_feishu() -> None:
    event = {"schema": "2.0", "header": {"event_id": "e1", "token": "tok"}, "event": {}}
    first = verify("feishu", feishu(event), FEISHU, NOW)
    assert json.loads(first.body) == event
    assert first.key == verify("feishu", feishu(event, at=NOW + 9), FEISHU, NOW).key
    assert refusal("feishu", feishu(event, at=NOW - 400), FEISHU) == "too_old"
    assert refusal("feishu", feishu(event), FEISHU | {"verification_token": "x"}) == "bad_signature"
    assert refusal("feishu", feishu(event, key="else"), FEISHU) in ("cannot_decrypt", "no_signature", "bad_signature")
    assert refusal("feishu", Came({}, {}, json.dumps(event).encode()), FEISHU) == "not_encrypted"
    unsigned = Came({}, {}, feishu(event).body)
    assert refusal("feishu", unsigned, FEISHU) == "no_signature"


def test_feishu_tries_an_address_without_signing() -> None:
    trial = {"type": "url_verification", "challenge": "ch", "token": "tok"}
    came = Came({}, {}, json.dumps({"encrypt": sealed_for_feishu(trial)}).encode())
    assert json.loads(verify("feishu", came, FEISHU, NOW).echo or "") == {"challenge": "ch"}
    assert refusal("feishu", came, FEISHU | {"verification_token": "other"}) == "bad_signature"


def test_dingtalk_takes_what_is_an_hour_old_at_most() -> None:
    at = f"{NOW}000"
    came = Came({"timestamp": at, "sign": hooks.dingtalk_sign("s", at)}, {}, b'{"msgId": "m1"}')
    assert verify("dingtalk", came, {"app_secret": "s"}, NOW + 3599).key.startswith("id:")
    assert refusal("dingtalk", came, {"app_secret": "s"}, NOW + 3601) == "too_old"
    assert refusal("dingtalk", came, {"app_secret": "t"}) == "bad_signature"


def test_ours() -> None:
    body = b'{"id": "a", "text": "x"}'
    assert verify("jiying", ours(body), {"secret": "geheim"}, NOW).body == body
    same = {verify("jiying", ours(body, at=NOW + n), {"secret": "geheim"}, NOW).key for n in (0, 5)}
    assert len(same) == 1
    assert len({verify("jiying", ours(b"1", at=NOW + n), {"secret": "geheim"}, NOW).key for n in (0, 5)}) == 2
    assert refusal("jiying", Came(ours(body).headers, {}, body + b" "), {"secret": "geheim"}) == "bad_signature"
    assert refusal("jiying", ours(body, at=NOW - 301), {"secret": "geheim"}) == "too_old"
    assert refusal("jiying", Came({}, {}, body), {"secret": "geheim"}) == "no_signature"
    assert refusal("jiying", ours(body, secret=""), {"secret": ""}) == "no_key"
    assert refusal("jiying", ours(b"x" * (hooks.MAX_BODY + 1)), {"secret": "geheim"}) == "too_large"


KEYS = {**WECOM, **FEISHU, "secret": "geheim", "app_secret": "s"}
_names = st.sampled_from(
    ["timestamp", "sign", "x-jiying-timestamp", "x-jiying-signature", "x-lark-signature", "x-lark-request-timestamp"]
)
_asked = st.sampled_from(["timestamp", "nonce", "echostr", "signature", "msg_signature"])


@given(
    scheme=st.sampled_from(hooks.SCHEMES),
    headers=st.dictionaries(_names, st.text()),
    query=st.dictionaries(_asked, st.text()),
    body=st.binary() | st.text().map(lambda t: t.encode("utf-8", "surrogatepass")),
    asks=st.booleans(),
)
def test_whatever_comes_is_refused_and_nothing_else(
    scheme: str, headers: dict[str, str], query: dict[str, str], body: bytes, asks: bool
) -> None:
    with pytest.raises(Unverified):
        verify(scheme, Came(headers, query, body, asks), KEYS, NOW)


@given(st.binary(max_size=200))
def test_whatever_is_signed_rightly_gives_a_message_or_is_refused(plain: bytes) -> None:
    """A sender who knows the keys may still send rubbish."""
    sealed = base64.b64encode(plain).decode()
    query = {"timestamp": str(NOW), "nonce": "n"}
    query["msg_signature"] = hooks.wechat_sign(WECOM["token"], str(NOW), "n", sealed)
    raw = json.dumps({"encrypt": sealed}).encode()
    signature = hooks.feishu_sign("test key", str(NOW), "n", raw)
    headers = {"x-lark-request-timestamp": str(NOW), "x-lark-request-nonce": "n", "x-lark-signature": signature}
    for scheme, came in (
        ("wecom", Came({}, query, f"<xml><Encrypt>{sealed}</Encrypt></xml>".encode())),
        ("feishu", Came(headers, {}, raw)),
        ("wecom", wecom(plain)),
        ("jiying", ours(plain)),
    ):
        try:
            assert verify(scheme, came, KEYS, NOW).key
        except Unverified as refused:
            assert refused.code
