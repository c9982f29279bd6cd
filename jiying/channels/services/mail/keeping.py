"""Mails from the server into the house: stored as they are before anybody reads them, each once by its UID.

The original is on the disk before its row, rows and the mailbox's place are one transaction: a crash at any moment
loses nothing, and what is fetched again finds its row.
"""

import os
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import BytesIO

from django.core.files import File
from django.db.models import Q
from django.utils import timezone

from jiying.base import files
from jiying.base.models import Attachment
from jiying.base.transactions import short
from jiying.channels.models import Mail, Mailbox
from jiying.channels.services.mail.boxes import Box
from jiying.channels.services.mail.imap import Fetched, Session

KIND, MEDIA_TYPE = "mail", "message/rfc822"
LEASE = timedelta(seconds=60)
BACK = timedelta(days=2)  # what a renumbered folder is looked through again for
_ME = f"{socket.gethostname()}:{os.getpid()}"


# --- who reads -------------------------------------------------------------------------------------------------------


def lease(pk: int, now: datetime) -> bool:
    """Take or keep the mailbox for this process; False while another one has it."""
    Mailbox.objects.get_or_create(connection_id=pk)
    free = Q(holder=_ME) | Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    if holder := Mailbox.objects.filter(connection_id=pk).values_list("holder", flat=True).first():
        free |= Q(holder=holder) if _is_gone(holder) else Q(pk__isnull=True)
    until = now + LEASE
    return bool(Mailbox.objects.filter(free, connection_id=pk).update(holder=_ME, lease_until=until))


def release(pk: int) -> None:
    Mailbox.objects.filter(connection_id=pk, holder=_ME).update(holder="", lease_until=None)


def _is_gone(holder: str) -> bool:
    """Whether it was a process of this machine that runs no more: its mailbox need not wait for the lease's end."""
    host, _colon, pid = holder.rpartition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


# --- what is new -----------------------------------------------------------------------------------------------------


def take_in(box: Box, session: Session) -> int:
    """Store all that is new; returns how many."""
    validity, next_uid = session.open(box.folder)
    place = _place(box, validity, next_uid)
    since = None
    if place.uid_validity != validity:  # the server numbered anew: what we have already is dropped by its content
        last = Mail.objects.filter(connection_id=box.pk).order_by("-received_at").first()
        since = (last.received_at - BACK).date() if last else None
        place.last_uid = 0
    n_kept = 0
    for batch in session.fetch(session.after(place.last_uid, since)):
        n_kept += keep(box=box, validity=validity, fetched=batch, now=timezone.now())
    if place.uid_validity != validity:
        Mailbox.objects.filter(pk=place.pk).update(uid_validity=validity)
    return n_kept


def _place(box: Box, validity: int, next_uid: int) -> Mailbox:
    place, _made = Mailbox.objects.get_or_create(connection_id=box.pk)
    if place.uid_validity is None:
        place.uid_validity = validity
        place.last_uid = 0 if box.takes_old else next_uid - 1
        place.save(update_fields=["uid_validity", "last_uid"])
    return place


def keep(*, box: Box, validity: int, fetched: Sequence[Fetched], now: datetime) -> int:
    """Bytes first, then the rows; returns how many are new."""
    digests = [files.write(File(BytesIO(one.raw if one.raw is not None else one.head))) for one in fetched]
    return _rows(box, validity, list(zip(fetched, digests, strict=True)), now)


@short
def _rows(box: Box, validity: int, stored: Sequence[tuple[Fetched, str]], now: datetime) -> int:
    uids = [one.uid for one, _digest in stored]
    ours = Mail.objects.filter(connection_id=box.pk, uid_validity=validity, uid__in=uids)
    known = set(ours.values_list("uid", flat=True))
    made = [_row(box, validity, one, digest, now) for one, digest in stored if one.uid not in known]
    Mail.objects.bulk_create(made)
    Attachment.objects.bulk_create(
        Attachment(
            subject_kind=KIND,
            subject_id=row.pk,
            name="mail.eml",
            media_type=MEDIA_TYPE,
            size=row.size,
            sha256=row.sha256,
            at=now,
        )
        for row in made
    )
    Mailbox.objects.filter(connection_id=box.pk).update(uid_validity=validity, last_uid=max(uids))
    return len(made)


def _row(box: Box, validity: int, one: Fetched, digest: str, now: datetime) -> Mail:
    """A mail too large to be fetched waits too: reading it says so, with what its headers tell."""
    received = min(one.received_at or now, now)
    return Mail(
        connection_id=box.pk,
        uid_validity=validity,
        uid=one.uid,
        sha256=digest,
        size=one.size if one.raw is None else len(one.raw),
        reason="" if one.raw is not None else "too_large",
        received_at=received,
        stored_at=now,
        wake_at=now,
    )
