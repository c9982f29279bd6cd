"""What messengers and social media say in their calls, as one kind of message (D18). Pure, and trusts no field.

A call without a message (somebody follows, a receipt) gives none; one that cannot be read raises `Unreadable`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jiying.core.hooks import Unverified, xml_texts

MAX_FILES, MAX_KEY = 9, 1000
FROM_CUSTOMER = 3  # the origin of a pulled message of WeCom; 4 are events, 5 what a colleague wrote in WeCom itself
MAX_TEXT, MAX_ID, MAX_NAME, MAX_SUBJECT = 20_000, 120, 80, 200


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A picture, voice or file that the other side keeps. `key` opens it there; `kind`: image, voice, video or file."""

    key: str
    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of somebody outside. `what` is its type where it is no text (image, voice …).

    `reply` is what the other side needs for an answer besides the conversation.
    """

    message_id: str
    conversation: str
    sender: str
    text: str
    what: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    subject: str = ""
    is_public: bool = False
    at_s: int | None = None
    files: tuple[Enclosed, ...] = ()
    reply: Mapping[str, Any] = field(default_factory=dict)


class Unreadable(Exception):
    """A call of the right sender that does not have the form of its kind; `code` says what is missing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read(kind: str, body: bytes) -> Said | None:
    """The message of a call. Raises Unreadable."""
    return _READERS[kind](body)


# --- each side -------------------------------------------------------------------------------------------------------


def _social(body: bytes) -> Said | None:
    """Ours: {id, conversation, sender: {id, name, phone, email}, text, subject, public, at}."""
    told = _object(body)
    if told.get("type") == "ping":
        return None
    sender = _part(told, "sender")
    who = _id(sender.get("id"))
    public = told.get("public") is True
    where = _id(told.get("conversation")) or who
    return _checked(
        Said(
            message_id=_id(told.get("id")),
            conversation=f"public:{where}"[:MAX_ID] if public and where else where,
            sender=who,
            text=_text(told.get("text")),
            name=_text(sender.get("name"), MAX_NAME),
            phone=_text(sender.get("phone"), 40),
            email=_text(sender.get("email"), 254),
            subject=_text(told.get("subject"), MAX_SUBJECT),
            is_public=public,
            at_s=_seconds(told.get("at"), 1),
            reply={"conversation": where},
        )
    )


def _dingtalk(body: bytes) -> Said | None:
    told = _object(body)
    kind = _text(told.get("msgtype"), 20)
    who = _id(told.get("senderStaffId")) or _id(told.get("senderId"))
    where = _id(told.get("conversationId"))
    group = str(told.get("conversationType")) == "2"
    reply = {
        "webhook": _text(told.get("sessionWebhook"), 1000),
        "until_s": _seconds(told.get("sessionWebhookExpiredTime"), 1000),
        "at": who if group else "",
        "robot": _id(told.get("robotCode")),
    }
    content = _part(told, "content")
    text = _text(_part(told, "text").get("content")) if kind in ("text", "") else _text(content.get("recognition"))
    return _checked(
        Said(
            message_id=_id(told.get("msgId")),
            conversation=_joined(where, who) if group else where,
            sender=who,
            text=text or _dingtalk_rich(told),
            what="" if kind in ("text", "richText") else kind,
            name=_text(told.get("senderNick"), MAX_NAME),
            at_s=_seconds(told.get("createAt"), 1000),
            files=_enclosed(kind, _dingtalk_files(kind, content)),
            reply=reply,
        )
    )


def _dingtalk_files(kind: str, content: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """(key, name) of what hangs on it; on a rich text its pictures."""
    parts = content.get("richText")
    if kind == "richText" and isinstance(parts, list):
        return [(one.get("downloadCode"), "") for one in parts if isinstance(one, dict)]
    return [(content.get("downloadCode"), content.get("fileName"))]


def _dingtalk_rich(told: Mapping[str, Any]) -> str:
    parts = _part(told, "content").get("richText")
    found = [_text(one.get("text")) for one in parts if isinstance(one, dict)] if isinstance(parts, list) else []
    return _text(" ".join(part for part in found if part))


def _feishu(body: bytes) -> Said | None:
    told = _object(body)
    if _part(told, "header").get("event_type") != "im.message.receive_v1":
        return None
    event = _part(told, "event")
    message, sender = _part(event, "message"), _part(event, "sender")
    if sender.get("sender_type", "user") != "user":  # a robot: an answer to it could go on for ever
        return None
    ids = _part(sender, "sender_id")
    who = _id(ids.get("open_id")) or _id(ids.get("user_id"))
    chat, kind = _id(message.get("chat_id")), _text(message.get("message_type"), 20)
    return _checked(
        Said(
            message_id=_id(message.get("message_id")),
            conversation=chat if message.get("chat_type") == "p2p" else _joined(chat, who),
            sender=who,
            text=_feishu_text(message),
            what="" if kind in ("text", "post") else kind,
            at_s=_seconds(message.get("create_time"), 1000),
            files=_enclosed(kind, _feishu_files(_feishu_content(message))),
            reply={"chat": chat},
        )
    )


def _feishu_text(message: Mapping[str, Any]) -> str:
    """A text, or the texts of a rich post; the names of robots that were called are left out."""
    content = _feishu_content(message)
    text = _text(content.get("text")) or _text(" ".join(_deep_texts(content.get("content"), 0)))
    called = message.get("mentions")
    for one in called if isinstance(called, list) else ():
        if isinstance(one, dict) and (key := _text(one.get("key"), 40)):
            text = text.replace(key, "")
    return text.strip()


def _feishu_content(message: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        content = json.loads(str(message.get("content", "")))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _feishu_files(content: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """The file itself (of a video not its cover), or the pictures of a rich post."""
    if content.get("file_key"):
        return [(content.get("file_key"), content.get("file_name"))]
    return [(content.get("image_key"), ""), *((key, "") for key in _deep_images(content.get("content"), 0))]


def _deep_images(value: Any, depth: int) -> list[Any]:
    if depth > 4:
        return []
    if isinstance(value, dict):
        return [value.get("image_key")]
    return [key for one in value for key in _deep_images(one, depth + 1)] if isinstance(value, list) else []


def _deep_texts(value: Any, depth: int) -> list[str]:
    if depth > 4:
        return []
    if isinstance(value, dict):
        return [_text(value.get("text"))] if value.get("text") else []
    return [text for one in value for text in _deep_texts(one, depth + 1)] if isinstance(value, list) else []


def _wechat(body: bytes) -> Said | None:
    """WeCom's application messages and those of an official account are alike."""
    try:
        told = xml_texts(body)
    except Unverified as error:
        raise Unreadable("unreadable") from error
    kind = told.get("MsgType", "").strip().lower()
    if kind == "event":
        return None
    who = _id(told.get("FromUserName"))
    texts = {
        "text": told.get("Content"),
        "voice": told.get("Recognition"),
        "location": told.get("Label"),
        "link": f"{told.get('Title', '')} {told.get('Url', '')}",
    }
    return _checked(
        Said(
            message_id=_id(told.get("MsgId")),
            conversation=who,
            sender=who,
            text=_text(texts.get(kind)),
            what="" if kind == "text" else kind[:20],
            at_s=_seconds(told.get("CreateTime"), 1),
            files=_enclosed(kind, [(told.get("MediaId"), told.get("Title") if kind == "file" else "")]),
            reply={"user": who, "agent": _id(told.get("AgentID"))},
        )
    )


def _kf(body: bytes) -> Said | None:
    """One message of a WeCom customer-service account, as it was pulled, with the name that was asked for."""
    told = _object(body)
    message = _part(told, "message")
    if message.get("origin") != FROM_CUSTOMER:
        return None
    kind, account = _text(message.get("msgtype"), 20), _id(message.get("open_kfid"))
    who = _id(message.get("external_userid"))
    about = _part(message, kind)
    texts = {
        "text": about.get("content"),
        "location": f"{_text(about.get('name'))} {_text(about.get('address'))}".strip(),
        "link": f"{_text(about.get('title'))} {_text(about.get('url'))}".strip(),
        "miniprogram": about.get("title"),
    }
    return _checked(
        Said(
            message_id=_id(message.get("msgid")),
            conversation=_joined(account, who),
            sender=who,
            text=_text(texts.get(kind)),
            what="" if kind == "text" else kind,
            name=_text(told.get("name"), MAX_NAME),
            at_s=_seconds(message.get("send_time"), 1),
            files=_enclosed(kind, [(about.get("media_id"), about.get("filename"))]),
            reply={"user": who, "account": account},
        )
    )


_READERS: Mapping[str, Callable[[bytes], Said | None]] = {
    "social": _social,
    "dingtalk": _dingtalk,
    "feishu": _feishu,
    "wecom": _wechat,
    "wechat": _wechat,
    "wecom_kf": _kf,
}
KINDS = tuple(_READERS)


# --- parts -----------------------------------------------------------------------------------------------------------


_FILE_KINDS = {
    **dict.fromkeys(("image", "picture", "post", "richText"), "image"),
    **dict.fromkeys(("voice", "audio"), "voice"),
    **dict.fromkeys(("video", "shortvideo", "media"), "video"),
    "file": "file",
}


def _enclosed(kind: str, told: list[tuple[Any, Any]]) -> tuple[Enclosed, ...]:
    """Each once, and no more than can hang on a message; of messages of another kind none."""
    of = _FILE_KINDS.get(kind, "")
    good = {key: name for key, name in told if isinstance(key, str) and 0 < len(key) <= MAX_KEY}
    found = list(good.items())[:MAX_FILES] if of else []
    return tuple(Enclosed(key, of, _text(name, MAX_NAME)) for key, name in found if "\x00" not in key)


def _checked(said: Said) -> Said:
    if not said.sender or not said.conversation:
        raise Unreadable("no_sender")
    if not said.text and not said.what:
        raise Unreadable("no_text")
    return said


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("unreadable") from error
    if not isinstance(found, dict):
        raise Unreadable("unreadable")
    return found


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any, limit: int = MAX_TEXT) -> str:
    """What a database takes: no NUL, no halves of surrogate pairs; cut where it is longer than may be."""
    text = value if isinstance(value, str) else ""
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode()
    return clean.strip()[:limit]


def _id(value: Any) -> str:
    """An id of the other side; a very long one by its digest."""
    text = _text(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if len(text) <= MAX_ID else hashlib.sha256(text.encode()).hexdigest()


def _joined(*parts: str) -> str:
    return _id("/".join(parts)) if all(parts) else ""


def _seconds(value: Any, divisor: int) -> int | None:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(text) // divisor if text.isascii() and text.isdigit() and len(text) <= 14 else None
