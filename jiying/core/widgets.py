"""What a chat or form on other people's pages may be framed by, coloured with, and called."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
SUBJECT = 60


def origin(text: str) -> str | None:
    """`https://shop.example:8443` as a browser writes it, or None; `https://*.shop.example` takes all hosts below.

    A path, a user or a character that could end the policy's line makes it none.
    """
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    host = parts.hostname or ""
    if "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def ancestors(origins: Sequence[str]) -> str:
    """The sources of `frame-ancestors`: this site itself and those that are good."""
    return " ".join(["'self'", *dict.fromkeys(good for one in origins if (good := origin(one)))])


def is_colour(text: str) -> bool:
    return bool(_COLOUR.fullmatch(text))


def ink(colour: str) -> str:
    """White or near-black, whichever is easier to read on this colour (WCAG's relative luminance)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    light = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.0575 else "#111827"


def subject(text: str, otherwise: str) -> str:
    """A ticket's subject from what was written first: its first line, cut at a word's end where there is one."""
    line = " ".join((text.strip().splitlines() or [""])[0].split())
    if len(line) <= SUBJECT:
        return line or otherwise
    cut = line[:SUBJECT]
    return (cut.rsplit(" ", 1)[0] if " " in cut[SUBJECT // 2 :] else cut) + "…"


def contact(text: str) -> tuple[str, str]:
    """(phone, e-mail) of a field that takes either."""
    text = text.strip()
    return ("", text) if "@" in text else (text, "")
