"""A kept mail, read into the fields of its row: what people see of it wherever it ends up. Decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from django.core.files import File as DjangoFile
from django.urls import reverse

from jiying.base import files
from jiying.base.models import Attachment
from jiying.channels.models import Mail
from jiying.core import mail as core
from jiying.core.mail import File, Parsed, Unreadable
from jiying.core.mail.html import with_pictures

SHOWN = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
OTHER = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a mail whose bytes lie in the data folder already."""

    name: str
    media_type: str
    size: int
    sha256: str
    cid: str


def has_original(row: Mail) -> bool:
    """Not any more, once it was erased."""
    return bool(row.sha256) and files.path_at(row.sha256).exists()


def read(row: Mail) -> Parsed | Unreadable:
    """The mail itself. One that is too large to be fetched is not read, its headers are."""
    if not has_original(row):
        return Unreadable("gone")
    raw = files.path_at(row.sha256).read_bytes()
    return Unreadable("too_large", str(row.size)) if row.reason == "too_large" else core.parse(raw)


def headers_of(row: Mail) -> Parsed | None:
    """What the headers tell of a mail that is not read."""
    if not has_original(row):
        return None
    raw = files.path_at(row.sha256).read_bytes()[:65_536]
    head = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    plain = b"\n".join(line for line in head.split(b"\n") if not line.lower().startswith((b"content-", b"mime-")))
    found = core.parse(plain + b"\n\n")
    return found if isinstance(found, Parsed) else None


def fill(row: Mail, found: Parsed) -> None:
    """The row's fields from the mail; pictures still by their content id."""
    row.header_id = found.message_id[:255]
    row.thread = [one for one in found.references if len(one) <= 255]
    row.sender = found.sender.key[:254] if found.sender else ""
    row.sender_name = found.sender.name[:120] if found.sender else ""
    row.answer_to = found.answer_to.addr[:254] if found.answer_to else ""
    row.to, row.cc = [one.key for one in found.to], [one.key for one in found.cc]
    row.subject = found.subject[:500]
    row.sent_at = datetime.fromtimestamp(found.sent_at, UTC) if found.sent_at is not None else None
    row.said, row.quoted, row.signature = found.said, found.quoted, found.signature
    row.html, row.html_quoted = found.html, found.html_quoted
    row.left = [one.name for one in found.files if one.left]
    row.is_cut = found.cut


def store(found: Parsed) -> list[Kept]:
    """The bytes of its files into the data folder, before any row tells of them."""
    return [_kept(one) for one in found.files if not one.left]


def _kept(one: File) -> Kept:
    ending = one.name.rpartition(".")[2].lower() if "." in one.name else ""
    name = one.name
    if ending not in files.TYPES and one.media_type in _ENDINGS and one.cid:
        ending = _ENDINGS[one.media_type]
        name = f"{name}.{ending}"
    digest = files.write(DjangoFile(BytesIO(one.content)))
    return Kept(name, files.TYPES.get(ending, OTHER), len(one.content), digest, one.cid)


def hang(row: Mail, kept: Sequence[Kept], subject_kind: str, subject_id: int, now: datetime) -> None:
    """The files at their place in the ticket, and the pictures of the HTML by their addresses there."""
    rows = Attachment.objects.bulk_create(
        Attachment(
            subject_kind=subject_kind,
            subject_id=subject_id,
            name=files.clean_name(one.name),
            media_type=one.media_type,
            size=one.size,
            sha256=one.sha256,
            at=now,
        )
        for one in kept
    )
    addresses = _addresses(kept, rows)
    row.html, row.html_quoted = with_pictures(row.html, addresses), with_pictures(row.html_quoted, addresses)


def _addresses(kept: Sequence[Kept], rows: Sequence[Attachment]) -> dict[str, str]:
    pairs = zip(kept, rows, strict=True)
    return {
        one.cid: reverse("desk:file", args=[row.pk]) + "?inline"
        for one, row in pairs
        if one.cid and one.media_type in SHOWN
    }


def written(row: Mail) -> Mapping[str, Any]:
    """All that reading may have changed, to be written with the end of the lease."""
    return {name: getattr(row, name) for name in _WRITTEN}


_WRITTEN = (
    *("state", "reason", "detail", "header_id", "thread", "sender", "sender_name", "answer_to", "to", "cc", "subject"),
    *("sent_at", "said", "quoted", "signature", "html", "html_quoted", "left", "is_cut", "ticket_id", "message_id"),
    *("handled_at", "handled_by_id"),
)
