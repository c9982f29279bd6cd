"""Refusals as problem+json (RFC 9457), for the API and for what answers outside Django's middleware.

The text is in the language of the request: its cookie's, else that of Accept-Language, else the site's.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any

import structlog
from django.conf import settings
from django.utils import translation
from django.utils.translation import trans_real

from jiying.base.errors import Fault

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def body(status: int, title: str, faults: Sequence[Fault]) -> dict[str, Any]:
    """The problem in the active language; `title` is a code, `errors` name field, code and text."""
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": " ".join(fault.text for fault in faults),
        "errors": [{"field": fault.field, "code": fault.code, "text": fault.text} for fault in faults],
    }


def header(scope: Scope, name: bytes) -> str:
    """A header of an ASGI request; empty if there is none."""
    return next((value.decode("latin1") for key, value in scope["headers"] if key == name), "")


def cookies(scope: Scope) -> dict[str, str]:
    """The cookies of an ASGI request; none where they cannot be read."""
    try:
        return {key: morsel.value for key, morsel in SimpleCookie(header(scope, b"cookie")).items()}
    except CookieError:
        return {}


def language(scope: Scope) -> str:
    """The language code for an ASGI request, as `middleware.language_and_zone` chooses it."""
    known = dict(settings.LANGUAGES)
    chosen = cookies(scope).get(settings.LANGUAGE_COOKIE_NAME, "")
    if chosen in known:
        return chosen
    for asked, _quality in trans_real.parse_accept_lang_header(header(scope, b"accept-language").lower()):
        try:
            return translation.get_supported_language_variant(asked)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


async def send(
    scope: Scope, send: Send, status: int, title: str, faults: Sequence[Fault], retry_after_s: int = 0
) -> None:
    """Answer an ASGI request with a problem that has an id, as those of Django's side have."""
    fault_id = secrets.token_hex(6)
    log.info("refused", status=status, title=title, path=scope["path"][:200], request=fault_id)
    with translation.override(language(scope)):
        problem = {**body(status, title, faults), "fault_id": fault_id}
    content = json.dumps(problem, ensure_ascii=False).encode()
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"cache-control", b"no-store"),
        (b"x-request-id", fault_id.encode()),
    ]
    if retry_after_s:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
