"""Attachments: checked, kept under their SHA-256 in the data folder, found again. Who may see one, its feature says.

A file is written before its row, so that a row never lacks its bytes; bytes without a row do no harm.
"""

import hashlib
import os
import tempfile
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile

from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.models import Attachment

LIMIT_MB = 20
MAX_FILES = 10
MAX_NAME = 120
# Ending: media type. The browser's own claim is never believed; nothing that a browser would run is here.
TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "log": "text/plain",
    "csv": "text/csv",
    "eml": "message/rfc822",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "zip": "application/zip",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "wav": "audio/wav",
    "amr": "audio/amr",  # voices of WeChat
    "opus": "audio/ogg",  # and of Feishu
    "mp4": "video/mp4",
}
ACCEPT = ",".join(f".{ending}" for ending in TYPES)  # for <input type=file>


def check(uploads: "Sequence[UploadedFile[Any]]") -> None:
    """Refuse what is too large, too many or of a type that is not accepted; all faults at once."""
    faults = []
    if len(uploads) > MAX_FILES:
        faults.append(Fault("files", "out_of_range", {"low": 0, "high": MAX_FILES}))
    for upload in uploads:
        if _ending(upload.name or "") not in TYPES:
            faults.append(Fault("files", "file_type", {"type": _ending(upload.name or "") or "?"}))
        if (upload.size or 0) > LIMIT_MB * 1024 * 1024:
            faults.append(Fault("files", "file_size", {"limit": LIMIT_MB}))
    if faults:
        raise Invalid(*faults)


def keep(
    uploads: "Sequence[UploadedFile[Any]]", *, actor: Actor, subject_kind: str, subject_id: int, now: datetime
) -> list[Attachment]:
    """Store checked uploads for a subject, in the caller's transaction."""
    check(uploads)
    rows = [
        Attachment(
            subject_kind=subject_kind,
            subject_id=subject_id,
            name=clean_name(upload.name or ""),
            media_type=TYPES[_ending(upload.name or "")],
            size=upload.size or 0,
            sha256=write(upload),
            by=actor.person,
            at=now,
        )
        for upload in uploads
    ]
    return Attachment.objects.bulk_create(rows)


def keep_made(
    made: "File[Any]", *, name: str, media_type: str, subject_kind: str, subject_id: int, now: datetime
) -> Attachment:
    """Store a file that the house has made itself: it may be larger than an upload."""
    digest = write(made)
    return Attachment.objects.create(
        subject_kind=subject_kind,
        subject_id=subject_id,
        name=clean_name(name),
        media_type=media_type,
        size=path_at(digest).stat().st_size,
        sha256=digest,
        at=now,
    )


def forget(rows: Sequence[Attachment]) -> None:
    """Remove the bytes of rows that are gone, unless another row has the same ones. After the commit."""
    kept = set(Attachment.objects.filter(sha256__in=[row.sha256 for row in rows]).values_list("sha256", flat=True))
    for digest in {row.sha256 for row in rows} - kept:
        path_at(digest).unlink(missing_ok=True)


def path_at(digest: str) -> Path:
    return _folder(digest) / digest


def path_of(attachment: Attachment) -> Path:
    return path_at(attachment.sha256)


def clean_name(name: str) -> str:
    """The last part of a name without control, format and path characters; its ending survives the cut."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs") and c not in '<>:"|?*')
    stem, dot, ending = name.strip(" .").rpartition(".")
    if not stem:
        return f"file{dot}{ending}"
    return stem[: MAX_NAME - len(ending) - 1] + dot + ending


def _ending(name: str) -> str:
    _stem, dot, ending = clean_name(name).rpartition(".")
    return ending.lower() if dot else ""


def _folder(digest: str) -> Path:
    return Path(settings.MEDIA_ROOT) / digest[:2]


def write(upload: "File[Any]") -> str:
    """The bytes into the data folder, first under a name of their own, so that half a file is never found."""
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    sha = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=settings.MEDIA_ROOT, delete=False) as file:
        for chunk in upload.chunks():
            sha.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    digest = sha.hexdigest()
    _folder(digest).mkdir(exist_ok=True)
    Path(file.name).replace(_folder(digest) / digest)
    return digest
