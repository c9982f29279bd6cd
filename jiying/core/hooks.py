"""Inbound web hooks: who really sent a call, by the published rules of each side. Pure: keys and the instant are given.

`verify` never trusts and never raises anything but `Unverified`; comparisons take the same time whatever is wrong.
Bodies are not read further than needed to check them: what they say is for `core.social` and `core.phone`.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

TOLERANCE_S = 300
DINGTALK_TOLERANCE_S = 3600  # DingTalk's own rule
MAX_BODY = 256 * 1024
_BLOCK = 32  # bytes that the messages of WeCom and WeChat are padded to


@dataclass(frozen=True, slots=True)
class Came:
    """A call as it came in: header names in small letters."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = field(repr=False)
    asks: bool = False  # a GET: the other side tries whether the address is ours


@dataclass(frozen=True, slots=True)
class Verified:
    """A call of the right sender: its plain body, and a key that is the same when it comes again.

    With `echo` there is nothing to keep: it is the answer that the other side waits for.
    """

    body: bytes = field(repr=False)
    key: str
    echo: str | None = None


class Unverified(Exception):
    """Not from whom it says, too old, or not to be read; `code` says which (`texts` has the words)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


Keys = Mapping[str, str]


def verify(scheme: str, came: Came, keys: Keys, now_s: int) -> Verified:
    """The call if it is genuine. Raises Unverified."""
    if len(came.body) > MAX_BODY:
        raise Unverified("too_large")
    return _SCHEMES[scheme](came, keys, now_s)


# --- ours: HMAC-SHA256 over "timestamp.body" -------------------------------------------------------------------------


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """What goes into X-Jiying-Signature."""
    return "v1=" + hmac.new(_bytes(secret), _bytes(timestamp) + b"." + body, hashlib.sha256).hexdigest()


def _ours(came: Came, keys: Keys, now_s: int) -> Verified:
    timestamp = came.headers.get("x-jiying-timestamp", "")
    given = came.headers.get("x-jiying-signature", "")
    if not timestamp or not given:
        raise Unverified("no_signature")
    _same(sign(_key(keys, "secret"), timestamp, came.body), given)
    _fresh(timestamp, now_s, TOLERANCE_S)
    return Verified(came.body, _event_id(came.body) or _digest(_bytes(timestamp), came.body))


def _event_id(body: bytes) -> str:
    """The sender's own id of an event, by which a repeat is known although it is signed anew."""
    known = _json(body)
    told = known.get("event_id") or known.get("id")
    return f"id:{_digest(_bytes(str(told)))}" if isinstance(told, str | int) and str(told) else ""


# --- DingTalk: base64 of HMAC-SHA256 over "timestamp\nsecret" with the secret ----------------------------------------


def dingtalk_sign(secret: str, timestamp: str) -> str:
    text = _bytes(timestamp) + b"\n" + _bytes(secret)
    return base64.b64encode(hmac.new(_bytes(secret), text, hashlib.sha256).digest()).decode()


def _dingtalk(came: Came, keys: Keys, now_s: int) -> Verified:
    """The signature does not cover the body: only TLS keeps that, and nothing in it is trusted as an address."""
    timestamp, given = came.headers.get("timestamp", ""), came.headers.get("sign", "")
    if not timestamp or not given:
        raise Unverified("no_signature")
    _same(dingtalk_sign(_key(keys, "app_secret"), timestamp), given)
    _fresh(timestamp[:-3], now_s, DINGTALK_TOLERANCE_S)
    told = _json(came.body).get("msgId")
    return Verified(came.body, f"id:{_digest(_bytes(told))}" if isinstance(told, str) else _digest(came.body))


# --- Feishu: SHA-256 over timestamp + nonce + encrypt key + body, the body AES-256-CBC -------------------------------


def feishu_sign(encrypt_key: str, timestamp: str, nonce: str, body: bytes) -> str:
    return hashlib.sha256(_bytes(timestamp) + _bytes(nonce) + _bytes(encrypt_key) + body).hexdigest()


def _feishu(came: Came, keys: Keys, now_s: int) -> Verified:
    """The trial of the address carries no signature by Feishu's rules: it must be encrypted and name the token."""
    encrypted = _json(came.body).get("encrypt")
    if not isinstance(encrypted, str):
        raise Unverified("not_encrypted")
    plain = _feishu_plain(_key(keys, "encrypt_key"), encrypted)
    told = _json(plain)
    header = told.get("header")
    token = header.get("token") if isinstance(header, dict) else told.get("token")
    if told.get("type") == "url_verification":
        _same(_key(keys, "verification_token"), str(token or ""))
        return Verified(b"", "", json.dumps({"challenge": str(told.get("challenge", ""))[:500]}))
    timestamp, nonce = came.headers.get("x-lark-request-timestamp", ""), came.headers.get("x-lark-request-nonce", "")
    given = came.headers.get("x-lark-signature", "")
    if not timestamp or not given:
        raise Unverified("no_signature")
    _same(feishu_sign(_key(keys, "encrypt_key"), timestamp, nonce, came.body), given)
    _fresh(timestamp, now_s, TOLERANCE_S)
    _same(_key(keys, "verification_token"), str(token or ""))
    event = header.get("event_id") if isinstance(header, dict) else told.get("uuid")
    return Verified(plain, f"id:{_digest(_bytes(str(event)))}" if event else _digest(plain))


def _feishu_plain(key: str, encrypted: str) -> bytes:
    raw = _base64(encrypted)
    return _unpadded(_aes(hashlib.sha256(_bytes(key)).digest(), raw[:16], raw[16:]), 16)


# --- WeCom and WeChat: SHA-1 over the sorted parts, the message AES-CBC ----------------------------------------------


def wechat_sign(*parts: str) -> str:
    return hashlib.sha1(b"".join(sorted(map(_bytes, parts)))).hexdigest()  # noqa: S324 - the rule of the other side


def _wecom(came: Came, keys: Keys, now_s: int) -> Verified:
    return _wechat_family(came, keys, now_s, plain_echo=False)


def _wechat(came: Came, keys: Keys, now_s: int) -> Verified:
    return _wechat_family(came, keys, now_s, plain_echo=True)


def _wechat_family(came: Came, keys: Keys, now_s: int, *, plain_echo: bool) -> Verified:
    """An official account tries the address with a plain text, WeCom with an encrypted one; messages are alike."""
    timestamp, nonce = came.query.get("timestamp", ""), came.query.get("nonce", "")
    token = _key(keys, "token")
    if came.asks and plain_echo:
        _same(wechat_sign(token, timestamp, nonce), came.query.get("signature", ""))
        _fresh(timestamp, now_s, TOLERANCE_S)
        return Verified(b"", "", came.query.get("echostr", "")[:500])
    sealed = came.query.get("echostr", "") if came.asks else _encrypted(came.body)
    _same(wechat_sign(token, timestamp, nonce, sealed), came.query.get("msg_signature", ""))
    _fresh(timestamp, now_s, TOLERANCE_S)
    plain = _wechat_plain(_key(keys, "aes_key"), keys.get("receiver", ""), sealed)
    if came.asks:
        return Verified(b"", "", plain.decode("utf-8", "replace")[:500])
    return Verified(plain, _message_id(plain) or _digest(plain))


def _encrypted(body: bytes) -> str:
    return xml_texts(body).get("Encrypt", "")


def _message_id(plain: bytes) -> str:
    """Empty for what cannot be read: it is kept, and whoever reads it says so."""
    try:
        told = xml_texts(plain).get("MsgId", "")
    except Unverified:
        return ""
    return f"id:{_digest(_bytes(told))}" if told else ""


def _wechat_plain(aes_key: str, receiver: str, sealed: str) -> bytes:
    """Random 16 bytes, the length in four, the message, and for whom it is."""
    key = _base64(aes_key + "=")
    plain = _unpadded(_aes(key, key[:16], _base64(sealed)), _BLOCK)
    length = int.from_bytes(plain[16:20], "big")
    message, told = plain[20 : 20 + length], plain[20 + length :]
    if len(message) != length:
        raise Unverified("cannot_decrypt")
    if receiver and not hmac.compare_digest(told, _bytes(receiver)):
        raise Unverified("other_receiver")
    return message


def xml_texts(body: bytes) -> dict[str, str]:
    """{name: text} of the elements below the root; entities and external references are refused."""
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Unverified("unreadable") from error
    return {str(one.tag): one.text or "" for one in root}


# --- parts -----------------------------------------------------------------------------------------------------------


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def key_of_id(told: str) -> str:
    """The key of what the other side names by an id of its own."""
    return f"id:{_digest(_bytes(told))}"


def key_of_body(body: str) -> str:
    return _digest(_bytes(body))


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b".".join(parts)).hexdigest()


def _same(expected: str, given: str) -> None:
    if not hmac.compare_digest(_bytes(expected), _bytes(given)):
        raise Unverified("bad_signature")


def _fresh(timestamp: str, now_s: int, tolerance_s: int) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise Unverified("bad_timestamp")
    if abs(int(timestamp) - now_s) > tolerance_s:
        raise Unverified("too_old")


def _key(keys: Keys, name: str) -> str:
    """An empty key would make every signature computable by everybody."""
    found = keys.get(name, "")
    if not found:
        raise Unverified("no_key")
    return found


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(_bytes(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unverified("cannot_decrypt") from error


def _aes(key: bytes, start: bytes, sealed: bytes) -> bytes:
    if len(key) != 32 or len(start) != 16 or not sealed or len(sealed) % 16:
        raise Unverified("cannot_decrypt")
    opening = Cipher(algorithms.AES(key), modes.CBC(start)).decryptor()
    return opening.update(sealed) + opening.finalize()


def _unpadded(plain: bytes, block: int) -> bytes:
    n = plain[-1]
    if not 1 <= n <= block or plain[-n:] != bytes([n]) * n:
        raise Unverified("cannot_decrypt")
    return plain[:-n]


_SCHEMES: Mapping[str, Callable[[Came, Keys, int], Verified]] = {
    "jiying": _ours,
    "dingtalk": _dingtalk,
    "feishu": _feishu,
    "wecom": _wecom,
    "wechat": _wechat,
}
SCHEMES = tuple(_SCHEMES)
