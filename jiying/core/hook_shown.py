"""A kept call of a hook as an administrator may read it: all of its form, of what it says no more than needed. Pure.

What is not known to be harmless is not shown: names, numbers and addresses are masked, texts give their length alone,
keys and secrets nothing at all.
"""

import json
import re
from typing import Any

from jiying.core import masking
from jiying.core.hooks import Unverified, xml_texts

MAX_SHOWN, MAX_DEPTH, MAX_ITEMS = 12_000, 12, 60
_SECRET = re.compile(r"secret|token|password|passwd|sign|webhook|credential|auth|cookie|welcome_?code|^key$|aes", re.I)
_WORDS = frozenset(
    "event event_type eventtype msgtype message_type type direction public conversationtype chat_type sender_type "
    "schema version format".split()
)
_TIMES = frozenset("at send_time createtime create_time createat sessionwebhookexpiredtime".split())
_PHONES = frozenset("phone mobile tel caller called number from to".split())
_NAMES = frozenset("name nickname nick sendernick realname fullname".split())
_WORD, _NAME = re.compile(r"[A-Za-z_.-]{1,40}"), re.compile(r"[A-Za-z0-9_.:-]{1,40}")
_TIME = re.compile(r"\d{10}|\d{13}")


def shown(body: str) -> str:
    """The call with its structure; XML as pairs of name and text. What is neither gives its beginning, covered."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = _xml(body)
    if told is None:
        return _loose(body)
    return json.dumps(_value("", told, 0), ensure_ascii=False, indent=2)[:MAX_SHOWN]


def _xml(body: str) -> dict[str, str] | None:
    try:
        return xml_texts(body.encode())
    except Unverified:
        return None


def _value(name: str, value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return "…"
    if _SECRET.search(name):
        return "***"
    if isinstance(value, dict):
        items = list(value.items())[:MAX_ITEMS]
        return {_key(one): _value(str(one), part, depth + 1) for one, part in items}
    if isinstance(value, list):
        return [_value(name, part, depth + 1) for part in value[:MAX_ITEMS]]
    if value is None or isinstance(value, bool):
        return value
    return _scalar(name.lower(), str(value), is_number=not isinstance(value, str))


def _key(name: Any) -> str:
    """A name of a field is shown; one that could be anything is not."""
    return str(name) if _NAME.fullmatch(str(name)) and not _loose_digits(str(name)) else "?"


def _scalar(name: str, text: str, *, is_number: bool) -> str:
    if (name in _WORDS and _WORD.fullmatch(text)) or (name in _TIMES and _TIME.fullmatch(text)):
        return text
    if name in _PHONES and sum(c.isdigit() for c in text) >= 5:
        return masking.phone(text)
    if "mail" in name or "@" in text:
        return masking.email(text) if "@" in text else "***"
    if name in _NAMES:
        return masking.name(text)
    if name.endswith(("id", "key", "code")) and text:
        return f"{text[:2]}…({len(text)})"
    if is_number and len(text) <= 3:
        return text
    return f"({len(text)})"


def _loose_digits(text: str) -> bool:
    return sum(c.isdigit() for c in text) >= 7


def _loose(body: str) -> str:
    """Neither JSON nor XML: letters and digits are covered, what holds them together stays."""
    return re.sub(r"[^\W_]", "*", body[:400])
