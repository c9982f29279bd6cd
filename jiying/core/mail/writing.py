"""A mail that goes out, as bytes: threaded, in text and HTML, quoting what it answers. No header can be smuggled in.

The same letter is the same mail on every try: Message-ID and date are given, never made here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from html import escape

from jiying.core.mail.nature import LOOP_MARK
from jiying.core.mail.types import Address, File

MAX_SUBJECT, MAX_QUOTE = 250, 200
_BEFORE = re.compile(r"^\s*(?:(?:re|aw|sv|antw|fw|fwd|回复|回覆|答复|答覆|转发|轉寄)\s*(?:\[\d+\])?\s*[:：]\s*)+", re.I)
_QUOTE_STYLE = "margin:0 0 0 8px;padding-left:8px;border-left:2px solid #ccc"
_ID = re.compile(r"<[^<>\s]{3,250}>")


class NotAnAddress(ValueError):
    """Nobody can be written to under this address."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent. `quoted` is what it answers, `attribution` the line above it; `html` is clean."""

    message_id: str
    sender: Address
    to: Address
    subject: str
    number: str  # of the ticket; stands in the subject
    text: str
    sent_at: int
    html: str = ""
    signature: str = ""
    quoted: str = ""
    attribution: str = ""
    answers: str = ""  # the Message-ID that it answers
    references: Sequence[str] = ()
    files: Sequence[File] = field(default_factory=tuple)
    automatic: bool = False
    loop: str = ""


def compose(letter: Letter) -> bytes:
    """The mail. Raises NotAnAddress where one of the two is none."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = _header(letter.sender), _header(letter.to)
    mail["Subject"] = subject(letter.subject, letter.number, is_answer=bool(letter.answers))
    mail["Date"] = formatdate(letter.sent_at)
    mail["Message-ID"] = _one_id(letter.message_id)
    if answers := _one_id(letter.answers):
        mail["In-Reply-To"] = answers
        others = [one for one in map(_one_id, letter.references) if one and one != answers]
        mail["References"] = " ".join([*others[-20:], answers])
    if letter.loop:
        mail[LOOP_MARK] = line(letter.loop)
    if letter.automatic:
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(_text(letter), cte="quoted-printable" if letter.text.isascii() else "base64")
    mail.add_alternative(_html(letter), subtype="html", cte="base64")
    for file in letter.files:
        main, _slash, sub = file.media_type.partition("/")
        mail.add_attachment(
            file.content, maintype=main or "application", subtype=sub or "octet-stream", filename=file.name
        )
    return mail.as_bytes()


def subject(text: str, number: str, *, is_answer: bool = True) -> str:
    """Its subject: of an answer with one Re:, and the ticket's number so that it finds its way even without headers."""
    plain = _BEFORE.sub("", line(text)) or number
    tail = "" if number in plain else f" [{number}]"
    return f"{'Re: ' if is_answer else ''}{plain[: MAX_SUBJECT - len(tail)]}{tail}"


def line(text: str) -> str:
    """On one line and without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _header(address: Address) -> HeaderAddress:
    try:
        return HeaderAddress(line(address.name)[:100], addr_spec=address.addr)
    except (ValueError, IndexError, MessageError) as error:  # whichever the library's own parser trips over
        raise NotAnAddress(address.addr) from error


def _one_id(text: str) -> str:
    found = _ID.fullmatch(text.strip())
    return found[0] if found else ""


def _text(letter: Letter) -> str:
    parts = [letter.text.strip()]
    if letter.signature.strip():
        parts.append(f"-- \n{letter.signature.strip()}")
    if letter.quoted.strip():
        lines = letter.quoted.strip().split("\n")[:MAX_QUOTE]
        parts.append("\n".join([letter.attribution, *(f"> {one}".rstrip() for one in lines)]))
    return "\n\n".join(parts) + "\n"


def _html(letter: Letter) -> str:
    said = letter.html or _paragraphs(letter.text)
    parts = ['<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>', f"<div>{said}</div>"]
    if letter.signature.strip():
        parts.append(f'<div class="signature">-- <br>{_lines(letter.signature.strip())}</div>')
    if letter.quoted.strip():
        quoted = _lines("\n".join(letter.quoted.strip().split("\n")[:MAX_QUOTE]))
        parts.append(
            f'<div class="gmail_quote"><p>{escape(letter.attribution)}</p>'
            f'<blockquote type="cite" style="{_QUOTE_STYLE}">{quoted}</blockquote></div>'
        )
    return "".join([*parts, "</body></html>\n"])


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_lines(part)}</p>" for part in re.split(r"\n{2,}", text.strip()))


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")
