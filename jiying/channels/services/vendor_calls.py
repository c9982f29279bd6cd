"""Calls to the interfaces of messengers: asked in JSON, refusals told in the body, access keys kept until they run out.

Raises NotSent with a sentence for people; knows nothing of tickets and keeps nothing but the keys.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from jiying.base import outgoing
from jiying.base.connections import Open
from jiying.channels.services.outbox import NotSent

TIMEOUT_S = 10
MAX_ANSWER = 100_000
BUSY = frozenset({408, 425, 429})
_KEEP_BACK_S = 300  # a key is asked for anew so long before it runs out
_keys: dict[tuple[int, int], tuple[str, float]] = {}


def as_json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


def post(
    url: str, body: bytes, headers: Mapping[str, str] | None = None, *, limit: int = MAX_ANSWER
) -> Mapping[str, Any]:
    headers = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return ask("POST", url, body, headers, limit=limit)


def ask(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None, *, limit: int = MAX_ANSWER
) -> Mapping[str, Any]:
    """The answer's object (empty where it is none). Raises NotSent for all that is no success."""
    answer = fetch(method, url, body, headers, limit=limit)
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def fetch(
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    limit: int,
    timeout_s: float = TIMEOUT_S,
) -> outgoing.Answer:
    """A good answer as it came. Raises NotSent."""
    try:
        answer = outgoing.request(method, url, body=body, headers=headers or {}, timeout_s=timeout_s, limit=limit)
    except outgoing.Refused as error:
        raise NotSent(str(error), final=True) from error
    except outgoing.Unreachable as error:
        raise NotSent(str(error)) from error
    if not answer.is_ok:
        final = answer.status < 500 and answer.status not in BUSY
        why = _("Answered with %(status)s: %(text)s") % {"status": answer.status, "text": answer.text[:200]}
        raise NotSent(why, final=final)
    return answer


# Codes of the four sides that say: later it may work (busy, too often, an access key that ran out).
_WECHAT_LATER = frozenset({-1, 45009, 45011, 40001, 40014, 42001, 41001, 130101})
_FEISHU_LATER = frozenset({99991400, 99991661, 99991663, 99991664, 11232, 11233})
_LATER = _WECHAT_LATER | _FEISHU_LATER


def good(
    answer: Mapping[str, Any], code: str, text: str, forget: Callable[[], object] = lambda: None
) -> Mapping[str, Any]:
    """These sides answer 200 to what they refuse, and say why in the body."""
    told = answer.get(code)
    if told == 0:
        return answer
    if not isinstance(told, int):
        raise NotSent(_("The answer has no result code."))
    forget()
    why = _("Refused with code %(code)s: %(text)s") % {"code": told, "text": str(answer.get(text, ""))[:200]}
    raise NotSent(why, final=told not in _LATER)


def key_of(found: Open, ask: Callable[[Open], tuple[str, int]]) -> str:
    """The access key of a connection as it is configured now."""
    place = found.pk, found.revision
    kept = _keys.get(place)
    if kept is not None and kept[1] > time.monotonic():
        return kept[0]
    key, seconds = ask(found)
    if not key:
        raise NotSent("no_access_key")
    _keys[place] = key, time.monotonic() + max(0, min(seconds, 7200) - _KEEP_BACK_S)
    return key


def forget(found: Open) -> None:
    _keys.pop((found.pk, found.revision), None)


def whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def api(found: Open) -> str:
    return str(found.options.get("api") or "").rstrip("/")
