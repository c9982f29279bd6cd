"""How each messenger hands out what it keeps for us, by its published calls. Raises NotSent with a sentence for people.

What comes is never believed by the name or the type that it is given alone: pictures, voices and videos are named by
their first bytes, files keep their own name, whose ending `base.files` then judges.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.translation import gettext as _

from jiying.base import files, outgoing
from jiying.base.connections import Open
from jiying.base.texts import term
from jiying.channels.models import Enclosure
from jiying.channels.services.messengers import dingtalk_key, feishu_key, wechat_key, wecom_key
from jiying.channels.services.outbox import NotSent
from jiying.channels.services.vendor_calls import api, as_json, forget, good, key_of, post
from jiying.channels.services.vendor_calls import fetch as ask

LIMIT = files.LIMIT_MB * 1024 * 1024
TIMEOUT_S = 60
# First bytes at a place, and the ending.
_HEADS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "jpg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"GIF8", "gif"),
    (8, b"WEBP", "webp"),
    (0, b"#!AMR", "amr"),
    (0, b"OggS", "opus"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (8, b"WAVE", "wav"),
    (4, b"ftyp", "mp4"),
)


@dataclass(frozen=True, slots=True)
class Came:
    """What was handed out, under the name that it gets here."""

    name: str
    body: bytes


def fetch(found: Open, row: Enclosure) -> Came:
    """One file, whole; one that is larger than an upload may be is refused."""
    if found.kind not in _ASK:
        raise NotSent("no_files", final=True)
    answer = _ASK[found.kind](found, row)
    if answer.is_cut:
        raise NotSent(_("It is larger than %(mb)s MB.") % {"mb": files.LIMIT_MB}, final=True)
    if not answer.body:
        raise NotSent(_("The other side handed out an empty file."))
    return Came(_name(row, answer.body), answer.body)


def _name(row: Enclosure, body: bytes) -> str:
    if row.kind == "file" and row.name:
        return row.name
    ending = next((ending for place, head, ending in _HEADS if body[place : place + len(head)] == head), "")
    if not ending and row.kind == "file":
        return "file"
    if not ending:
        raise NotSent(_("What came is no picture, voice or video that is known here."), final=True)
    return f"{term('enclosed', row.kind)}.{ending}"


# --- each side -------------------------------------------------------------------------------------------------------


def _media(key: Callable[[Open], tuple[str, int]]) -> Callable[[Open, Enclosure], outgoing.Answer]:
    """WeCom and WeChat: a refusal comes as JSON in place of the file, and so does the address of a video."""

    def get(found: Open, row: Enclosure) -> outgoing.Answer:
        query = urlencode({"access_token": key_of(found, key), "media_id": row.about.get("key", "")})
        answer = _get(f"{api(found)}/cgi-bin/media/get?{query}")
        told = _told(answer)
        if told is None:
            return answer
        if isinstance(url := told.get("video_url"), str):
            return _get(url)
        good(told, "errcode", "errmsg", lambda: forget(found))
        raise NotSent(_("The answer holds no file."), final=True)

    return get


def _feishu(found: Open, row: Enclosure) -> outgoing.Answer:
    message, key = quote(str(row.about.get("message", "")), ""), quote(str(row.about.get("key", "")), "")
    kind = "image" if row.kind == "image" else "file"
    url = f"{api(found)}/open-apis/im/v1/messages/{message}/resources/{key}?type={kind}"
    return _get(url, {"Authorization": f"Bearer {key_of(found, feishu_key)}"})


def _dingtalk(found: Open, row: Enclosure) -> outgoing.Answer:
    """A code that came with the message is changed for an address that holds for a short while."""
    if not found.options.get("app_key"):
        raise NotSent("no_app_key", final=True)
    told = {"downloadCode": row.about.get("key", ""), "robotCode": row.about.get("robot") or found.options["app_key"]}
    headers = {"x-acs-dingtalk-access-token": key_of(found, dingtalk_key)}
    base = str(found.options.get("files_api") or "").rstrip("/")
    url = post(f"{base}/v1.0/robot/messageFiles/download", as_json(told), headers).get("downloadUrl")
    if not isinstance(url, str) or not url:
        raise NotSent(_("The answer holds no file."))
    return _get(url)


def _get(url: str, headers: Mapping[str, str] | None = None) -> outgoing.Answer:
    return ask("GET", url, b"", headers, limit=LIMIT, timeout_s=TIMEOUT_S)


def _told(answer: outgoing.Answer) -> Mapping[str, Any] | None:
    """The object where JSON came instead of a file."""
    if len(answer.body) > 10_000 or not answer.body.lstrip().startswith(b"{"):
        return None
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    is_theirs = isinstance(told, dict) and ("errcode" in told or "video_url" in told)
    return told if is_theirs else None


_ASK: Mapping[str, Callable[[Open, Enclosure], outgoing.Answer]] = {
    "wecom": _media(wecom_key),
    "wecom_kf": _media(wecom_key),
    "wechat": _media(wechat_key),
    "feishu": _feishu,
    "dingtalk": _dingtalk,
}
