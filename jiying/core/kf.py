"""WeCom's customer-service accounts (微信客服): their call says only that there is something; what, is pulled. Pure.

Trusts no field of either: what is not as it should be is left out, or raises `Unreadable`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jiying.core.hooks import Unverified, xml_texts
from jiying.core.social import FROM_CUSTOMER, Unreadable

EVENT = "kf_msg_or_event"
SYSTEM_EVENT = 4
MAX_ACCOUNT, MAX_TOKEN, MAX_CURSOR = 120, 128, 200


@dataclass(frozen=True, slots=True)
class Bell:
    """Something came for an account; the token shows, for ten minutes, that a pull follows this call."""

    account: str
    token: str


@dataclass(frozen=True, slots=True)
class Pulled:
    """A page of what came, in order, and where the next one begins."""

    messages: tuple[Mapping[str, Any], ...]
    cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """What had been taken for sent did not reach the customer; `reason` is WeCom's number for why."""

    message_id: str
    reason: int


def is_bell(body: bytes) -> bool:
    """Whether this is the call itself, and not a message that was pulled."""
    return body.lstrip().startswith(b"<")


def bell(body: bytes) -> Bell | None:
    """None for other events of the same address."""
    try:
        told = xml_texts(body)
    except Unverified as error:
        raise Unreadable("unreadable") from error
    if told.get("Event", "").strip() != EVENT:
        return None
    account, token = told.get("OpenKfId", "").strip(), told.get("Token", "").strip()
    if not account or len(account) > MAX_ACCOUNT:
        raise Unreadable("no_account")
    return Bell(account, token if len(token) <= MAX_TOKEN else "")


def pulled(answer: Mapping[str, Any]) -> Pulled:
    """The page of a good answer."""
    told, cursor = answer.get("msg_list"), answer.get("next_cursor")
    messages = tuple(one for one in told if isinstance(one, dict)) if isinstance(told, list) else ()
    cursor = cursor if isinstance(cursor, str) and len(cursor) <= MAX_CURSOR else ""
    return Pulled(messages, cursor, answer.get("has_more") in (1, True))


def is_wanted(message: Mapping[str, Any], since_s: int) -> bool:
    """What customers wrote since, and the news that a reply did not arrive. An odd time keeps nothing out."""
    sent = message.get("send_time")
    if isinstance(sent, int) and sent < since_s:
        return False
    return message.get("origin") == FROM_CUSTOMER or not_delivered(message) is not None


def sender(message: Mapping[str, Any]) -> str:
    """Whose name may be asked for; empty for none."""
    who = message.get("external_userid")
    return who if message.get("origin") == FROM_CUSTOMER and isinstance(who, str) and len(who) <= MAX_ACCOUNT else ""


def not_delivered(message: Mapping[str, Any]) -> NotDelivered | None:
    event = message.get("event")
    if message.get("origin") != SYSTEM_EVENT or not isinstance(event, dict):
        return None
    failed, why = event.get("fail_msgid"), event.get("fail_type")
    if event.get("event_type") != "msg_send_fail" or not isinstance(failed, str) or not failed:
        return None
    return NotDelivered(failed[:MAX_ACCOUNT], why if isinstance(why, int) else 0)


def message_of(body: bytes) -> Mapping[str, Any]:
    """The message that was kept. Raises Unreadable."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("unreadable") from error
    message = told.get("message") if isinstance(told, dict) else None
    if not isinstance(message, dict):
        raise Unreadable("unreadable")
    return message
