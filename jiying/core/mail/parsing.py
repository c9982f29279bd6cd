"""Raw bytes of a mail -> `Parsed`, or `Unreadable` with the reason: no exception leaves `parse`, whatever it is given.

Limits come first: size, parts and depth are looked at before a part is read. Archives are never opened.
"""

import hashlib
import re
from binascii import Error, a2b_base64, a2b_qp, a2b_uu
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import getaddresses, mktime_tz, parsedate_tz

from jiying.core.mail import charsets, folding, html
from jiying.core.mail.names import kept_name, left_out
from jiying.core.mail.nature import LOOP_MARK, Found, nature_of
from jiying.core.mail.types import Address, File, Parsed, Unreadable

MAX_BYTES = 36_000_000  # what 25 MB of files weigh as mail: no common provider delivers more
MAX_PARTS, MAX_DEPTH, MAX_FILES = 200, 12, 40
MAX_TEXT = 200_000
MAX_HEADER = 20_000
MAX_REFERENCES = 50
_DATES = (631_152_000, 4_102_444_800)  # 1990 to 2100: others are a broken clock
_ID = re.compile(r"<[^<>\s]{3,250}>")
_CID = re.compile(r"<?([^<>\s\"']{1,200})>?")
_ADDR = re.compile(r"[^\s<>()\[\]\"',;:@\x00-\x1f]{1,64}@[^\s<>()\[\]\"',;:@\x00-\x1f]{1,190}")
_BOUNDARY = re.compile(rb"boundary\s*=", re.I)
_PART = re.compile(rb"^content-type:", re.I | re.M)


def parse(raw: bytes) -> Parsed | Unreadable:
    """Read a mail. What is wrong in a part costs that part only."""
    if refused := _refused(raw):
        return refused
    try:
        mail = BytesParser(policy=compat32).parsebytes(raw)
        return _read(mail)
    except RecursionError:
        return Unreadable("too_deep")
    except Exception as error:  # whatever a stranger sends: it is kept and shown, and the next mail is read
        return Unreadable("broken", f"{type(error).__name__}: {error}"[:200])


def _refused(raw: bytes) -> Unreadable | None:
    if len(raw) > MAX_BYTES:
        return Unreadable("too_large", str(len(raw)))
    if not raw.strip():
        return Unreadable("empty")
    if (n := len(_BOUNDARY.findall(raw))) > MAX_DEPTH * 4:
        return Unreadable("too_deep", str(n))
    if (n := len(_PART.findall(raw))) > MAX_PARTS * 3:
        return Unreadable("too_many_parts", str(n))
    return None


@dataclass(slots=True)
class _Body:
    """What the parts of a mail amount to."""

    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    n_parts: int = 0
    cut: bool = False


class _TooMany(Exception):
    pass


def _read(mail: Message) -> Parsed | Unreadable:
    body = _Body()
    try:
        _walk(mail, body, 0)
    except _TooMany as many:
        return Unreadable(str(many))
    headers = _Headers(mail)
    if not headers.any and not body.texts and not body.files:
        return Unreadable("empty")
    return _put_together(mail, headers, body)


def _put_together(mail: Message, headers: "_Headers", body: _Body) -> Parsed:
    source = "".join(body.htmls)
    halves = html.split(source) if source.strip() else html.Halves("", "", "", "")
    text = _cut("\n\n".join(body.texts), body).strip()
    is_by_text = any(c.isalnum() for c in text)
    folded = folding.fold(text) if is_by_text else folding.fold(halves.said_text[:MAX_TEXT])
    quoted = (
        folded.quoted if is_by_text else "\n\n".join(t for t in (folded.quoted, halves.quoted_text) if t)[:MAX_TEXT]
    )
    subject, sender = headers.words("Subject")[:500], headers.address("From") or headers.address("Sender")
    found = nature_of(mail, sender.addr if sender else "", subject, text or halves.said_text, headers.words)
    whole = text if is_by_text else "\n\n".join(t for t in (halves.said_text, halves.quoted_text) if t)[:MAX_TEXT]
    told = _Told(headers, sender, subject, headers.date(), folded.said, tuple(body.files))
    return _parsed(told, found, folded, halves, (whole, quoted), body.cut or len(source) > html.MAX_HTML)


@dataclass(frozen=True, slots=True)
class _Told:
    headers: "_Headers"
    sender: Address | None
    subject: str
    sent_at: int | None
    said: str
    files: tuple[File, ...]

    @property
    def message_id(self) -> str:
        return next(iter(self.headers.ids("Message-ID", "Message-Id")), "")

    def fingerprint(self) -> str:
        files = [hashlib.sha256(one.content).hexdigest() for one in self.files]
        return _digest(self._who(), str(self.sent_at), self.subject, self.said, *files)

    def identity(self) -> str:
        return _digest(self.message_id, self._who(), self.subject, self.said) if self.message_id else ""

    def _who(self) -> str:
        return self.sender.key if self.sender else ""


def _parsed(
    told: _Told, found: Found, folded: folding.Folded, halves: html.Halves, texts: tuple[str, str], cut: bool
) -> Parsed:
    headers = told.headers
    return Parsed(
        message_id=told.message_id,
        references=headers.references(),
        sender=told.sender,
        reply_to=headers.address("Reply-To"),
        to=headers.addresses("To"),
        cc=headers.addresses("Cc"),
        subject=told.subject,
        sent_at=told.sent_at,
        text=texts[0],
        said=folded.said,
        quoted=texts[1],
        signature=folded.signature,
        html=halves.said,
        html_quoted=halves.quoted,
        files=told.files,
        nature=found.nature,
        why=found.why,
        bounce=found.bounce,
        loop=headers.words(LOOP_MARK)[:200],
        cut=cut,
        fingerprint=told.fingerprint(),
        identity=told.identity(),
    )


def _digest(*parts: str) -> str:
    plain = "\x1f".join(" ".join(part.split()) for part in parts)
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


def _cut(text: str, body: _Body) -> str:
    if len(text) > MAX_TEXT:
        body.cut = True
    return text[:MAX_TEXT]


# --- headers ---------------------------------------------------------------------------------------------------------


class _Headers:
    """A mail's headers as they were sent, decoded one by one; a broken one is as good as none."""

    def __init__(self, mail: Message) -> None:
        self._raw: dict[str, str] = {}
        for name, value in mail.raw_items():
            self._raw.setdefault(str(name).lower().strip(), str(value)[:MAX_HEADER])

    @property
    def any(self) -> bool:
        return bool(self._raw)

    def words(self, name: str) -> str:
        return charsets.header(self._raw.get(name.lower(), ""))

    def ids(self, *names: str) -> list[str]:
        found = [one for name in names for one in _ID.findall(self._raw.get(name.lower(), ""))]
        return [one for one in dict.fromkeys(found) if one.isascii()]

    def references(self) -> tuple[str, ...]:
        """From the eldest to the one that is answered."""
        answered = self.ids("In-Reply-To")[:3]
        others = [one for one in self.ids("References") if one not in answered]
        return tuple([*others[-MAX_REFERENCES:], *answered])

    def address(self, name: str) -> Address | None:
        return next(iter(self.addresses(name)), None)

    def addresses(self, name: str) -> tuple[Address, ...]:
        raw = self._raw.get(name.lower(), "")
        if not raw:
            return ()
        try:
            pairs = getaddresses([re.sub(r"[\r\n]+", " ", raw)])
        except Exception:  # the library's own parser trips over some: then by the shape of addresses alone
            pairs = []
        found = [_address(label, addr) for label, addr in pairs]
        good = [one for one in found if one is not None]
        if not good:
            good = [Address(one) for one in _ADDR.findall(charsets.header(raw))]
        return tuple({one.key: one for one in reversed(good)}.values())[::-1][:100]

    def date(self) -> int | None:
        try:
            told = parsedate_tz(self.words("Date"))
            at = mktime_tz(told) if told else None
        except Exception:  # dates that do not exist
            return None
        return int(at) if at is not None and _DATES[0] <= at < _DATES[1] else None


def _address(label: str, addr: str) -> Address | None:
    found = _ADDR.search(charsets.header(addr)) or _ADDR.search(charsets.header(label))
    if found is None or not found[0].strip("."):
        return None
    name = charsets.header(label).strip("\"' ")
    return Address(found[0], "" if name == found[0] else name[:120])


# --- parts -----------------------------------------------------------------------------------------------------------


def _walk(part: Message, body: _Body, depth: int) -> None:
    body.n_parts += 1
    if depth > MAX_DEPTH:
        raise _TooMany("too_deep")
    if body.n_parts > MAX_PARTS:
        raise _TooMany("too_many_parts")
    kind = part.get_content_type()
    payload = part.get_payload()
    if part.get_content_maintype() == "multipart" and isinstance(payload, list):
        for inner in payload:
            if isinstance(inner, Message):
                _walk(inner, body, depth + 1)
    elif kind.startswith("message/") and isinstance(payload, list):
        _attach_mail(part, payload[0] if payload else None, body)
    else:
        _leaf(part, kind, body)


def _attach_mail(part: Message, inner: object, body: _Body) -> None:
    """A mail within the mail: a file, and never looked into."""
    if part.get_content_type() != "message/rfc822" or not isinstance(inner, Message):
        return
    try:
        content = inner.as_bytes()
    except Exception:  # what the library cannot write again stays in the original
        return
    name = _Headers(inner).words("Subject")[:80] or "mail"
    _add(body, File(kept_name(f"{name}.eml"), "message/rfc822", content))


def _leaf(part: Message, kind: str, body: _Body) -> None:
    _make_legible(part)
    content = _content(part)
    name = _file_name(part)
    if kind.startswith("multipart/"):  # a mail whose parts are missing
        kind = "text/plain"
    way = charsets.header(str(part.get("Content-Disposition") or "")).lower()
    is_text = kind in ("text/plain", "text/html") and not way.startswith("attachment") and not name
    if is_text:
        text = charsets.decode(content, _charset(part))
        (body.htmls if kind == "text/html" else body.texts).append(text[: html.MAX_HTML + 1])
        return
    if kind in ("message/delivery-status", "text/rfc822-headers") or (not content and not name):
        return
    cid = _CID.search(str(part.get("Content-ID") or ""))
    made = kept_name(name or f"file{_ENDINGS.get(kind, '')}")
    _add(body, File(made, kind, content, cid[1] if cid else "", left_out(made)))


def _make_legible(part: Message) -> None:
    """Bytes that nobody encoded in the headers of a part, as text: the library would replace them."""
    for name, value in list(part.raw_items()):
        data = str(value).encode("utf-8", "surrogateescape")
        if not data.isascii() and name.lower() in ("content-type", "content-disposition"):
            del part[name]
            part[name] = " ".join(charsets.guess(data).split())


_ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "application/pdf": ".pdf",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/plain": ".txt",
    "text/html": ".html",
}


def _add(body: _Body, file: File) -> None:
    if len(body.files) < MAX_FILES:
        body.files.append(file)
    else:
        body.cut = True


def _charset(part: Message) -> str:
    try:
        return str(part.get_param("charset", "") or "")
    except Exception:  # parameters in shapes that the library does not expect
        return ""


def _file_name(part: Message) -> str:
    """By RFC 2231, by encoded words in quotes as Outlook writes them, or as bare bytes."""
    for header, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        try:
            told = part.get_param(parameter, None, header)
        except Exception:  # the same
            told = None
        if isinstance(told, tuple):
            charset, _language, text = told
            return charsets.decode(str(text).encode("latin-1", "surrogateescape"), charset or "utf-8").strip()
        if told:
            return charsets.header(str(told)).strip()
    return ""


def _content(part: Message) -> bytes:
    """The bytes of a part. What was not encoded as it says is taken as it stands."""
    way = re.sub(r"[\s;].*", "", str(part.get("Content-Transfer-Encoding") or "").strip().lower(), flags=re.S)
    del part["Content-Transfer-Encoding"]  # now the library gives the bytes as they came, and does not read them
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return b""
    try:
        if way == "base64":
            return _base64(data)
        if way == "quoted-printable":
            return a2b_qp(data)
        if way in ("x-uuencode", "uuencode", "x-uue", "uue"):
            return _uu(data)
    except (Error, ValueError):
        return data
    return data


def _base64(data: bytes) -> bytes:
    plain = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    return a2b_base64(plain + b"=" * (-len(plain) % 4))


def _uu(data: bytes) -> bytes:
    lines = iter(data.splitlines())
    for line in lines:
        if line.startswith(b"begin "):
            break
    found = []
    for line in lines:
        if line.strip() in (b"end", b"`"):
            break
        try:
            found.append(a2b_uu(line))
        except Error:
            n = (((line[:1] or b" ")[0] - 32) & 63) * 4 + 5
            found.append(a2b_uu(line[: n // 3]))
    return b"".join(found)
