"""What group robots and web hooks are sent: their vendors' signatures, bodies and answers. Pure.

A digest is cut to what the vendor takes: first the texts get shorter, then the addresses go; no alert is left out.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

WIDTHS = (160, 60, 24, 8)
# Marks of Markdown and of mentions, by look-alikes that mean nothing: a subject line must not call a whole group.
_HARMLESS = str.maketrans("[]<>*_`#\\~|", "［］＜＞＊＿｀＃＼～｜")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Item:
    """One alert of a digest; `url` is whole, `title` empty where it may not leave the house."""

    label: str
    text: str
    priority: str = ""
    title: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means. `wait_s`: asked to rest so long; `is_final`: no further try can help."""

    error: str = ""
    wait_s: int = 0
    is_final: bool = False


def sign_hook(secret: str, timestamp: int, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256 in hex over `TIMESTAMP.BODY`: what our own web hooks carry."""
    return "v1=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def dingtalk_url(url: str, secret: str, now_ms: int) -> str:
    """The robot's address with its signature, where it has a secret."""
    if not secret:
        return url
    digest = hmac.new(secret.encode(), f"{now_ms}\n{secret}".encode(), hashlib.sha256).digest()
    signed = urlencode({"timestamp": now_ms, "sign": base64.b64encode(digest).decode()})
    return f"{url}{'&' if '?' in url else '?'}{signed}"


def feishu_sign(secret: str, now_s: int) -> dict[str, str]:
    """The two fields of the body; the key is `TIMESTAMP\\nSECRET`, and nothing is hashed with it."""
    if not secret:
        return {}
    digest = hmac.new(f"{now_s}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return {"timestamp": str(now_s), "sign": base64.b64encode(digest).decode()}


def dingtalk_body(heading: str, items: Sequence[Item], limit: int = 18_000) -> bytes:
    def make(width: int, links: bool) -> dict[str, Any]:
        text = "\n".join([f"#### {_plain(heading, 200)}", *(f"- {_markdown(one, width, links)}" for one in items)])
        return {"msgtype": "markdown", "markdown": {"title": _plain(heading, 60), "text": text}}

    return _fit(make, limit)


def wecom_body(heading: str, items: Sequence[Item], limit: int = 4_000) -> bytes:
    """Its limit is on the text alone; as a limit of the whole body it errs to the safe side."""

    def make(width: int, links: bool) -> dict[str, Any]:
        text = "\n".join([f"**{_plain(heading, 100)}**", *(f"> {_markdown(one, width, links)}" for one in items)])
        return {"msgtype": "markdown", "markdown": {"content": text}}

    return _fit(make, limit)


def feishu_body(heading: str, items: Sequence[Item], signed: Mapping[str, str], limit: int = 19_000) -> bytes:
    def make(width: int, links: bool) -> dict[str, Any]:
        post = {"title": _short(heading, 100), "content": [_feishu_line(one, width, links) for one in items]}
        return {**signed, "msg_type": "post", "content": {"post": {"zh_cn": post}}}

    return _fit(make, limit)


def _feishu_line(one: Item, width: int, links: bool) -> list[dict[str, str]]:
    label = (
        {"tag": "a", "text": one.label, "href": one.url} if links and one.url else {"tag": "text", "text": one.label}
    )
    return [label, {"tag": "text", "text": f" {_rest(one, width)}"}]


def plain(heading: str, items: Sequence[Item], width: int = 160) -> str:
    """Lines of text, for ways without marks."""
    lines = (f"{one.label} {_rest(one, width)}{' ' + one.url if one.url else ''}" for one in items)
    return "\n".join([heading, *lines])


def _fit(make: Any, limit: int) -> bytes:
    """The widest form that the vendor takes."""
    body = b""
    for width, links in [*((width, True) for width in WIDTHS), (WIDTHS[-1], False)]:
        body = json.dumps(make(width, links), ensure_ascii=False).encode()
        if len(body) <= limit:
            break
    return body


def _markdown(one: Item, width: int, links: bool) -> str:
    label = _plain(one.label, 60)
    return f"{f'[{label}]({one.url})' if links and one.url else label} {_rest(one, width).translate(_HARMLESS)}"


def _rest(one: Item, width: int) -> str:
    return " · ".join(part for part in (one.priority, _short(one.text, 160), _short(one.title, width)) if part)


def _plain(text: str, width: int) -> str:
    return _short(text, width).translate(_HARMLESS)


def _short(text: str, width: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


# --- answers ---------------------------------------------------------------------------------------------------------

DINGTALK_REST_S, REST_S = 600, 60
MAX_REST_S = 3600
TOO_FAST: Mapping[str, Mapping[int, int]] = {
    "dingtalk": {130101: DINGTALK_REST_S, 90018: REST_S, 410100: REST_S},
    "feishu": {9499: REST_S, 11232: REST_S, 11233: REST_S},
    "wecom": {45009: REST_S, 45033: REST_S},
}
CODES = {"dingtalk": ("errcode", "errmsg"), "feishu": ("code", "msg"), "wecom": ("errcode", "errmsg")}


def verdict(vendor: str, status: int, retry_after: str, body: str) -> Verdict:
    """What a vendor answered: these say 200 to all, and what they mean in the body."""
    if common := http_verdict(status, retry_after, body):
        return common
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    code, message = CODES[vendor]
    number = told.get(code, told.get("StatusCode")) if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(number, int):
        return Verdict(f"{status} {body[:200]}")
    if number == 0:
        return Verdict()
    return Verdict(f"{number} {str(told.get(message, ''))[:200]}", TOO_FAST[vendor].get(number, 0))


def http_verdict(status: int, retry_after: str, body: str) -> Verdict | None:
    """What the status alone says; None where it says yes. A wish for rest is heard with any status of trouble."""
    if 200 <= status < 300:
        return None
    rest = min(MAX_REST_S, int(retry_after)) if retry_after.isascii() and retry_after.isdecimal() else 0
    if status == 429:
        rest = rest or REST_S
    return Verdict(f"{status} {body[:200]}".strip(), rest, is_final=status in (410, 413))
