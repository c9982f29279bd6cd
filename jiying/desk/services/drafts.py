"""What one has begun to write (D5): kept per person, ticket and kind, with its files, until it is sent or thrown away.

Nobody else ever sees a draft; so it has no journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet

from jiying.base import files
from jiying.base.actor import Actor
from jiying.base.errors import Denied, Invalid, NotFound
from jiying.base.models import Attachment
from jiying.base.transactions import short
from jiying.desk.models import Draft, Message, Ticket
from jiying.desk.policies import require_visible

KINDS = ("reply", "note", "call")
SUBJECT = "draft"
KEEP = timedelta(days=30)
MAX_BODY = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody writes: on which ticket, and what kind of thing."""

    number: str
    kind: str


@short
def save(*, actor: Actor, place: Place, body: str, last_seen: int = 0, now: datetime) -> Draft | None:
    """Keep what is written so far; an empty text without files is no draft. Returns what is kept."""
    if len(body) > MAX_BODY:
        raise Invalid.one("body", "too_long", limit=MAX_BODY, length=len(body))
    if "\x00" in body:
        raise Invalid.one("body", "control_character")
    ticket = _ticket(actor, place)
    found = _find(actor, ticket, place.kind)
    if found is None:
        return _begin(actor, ticket, place.kind, body, last_seen, now) if body.strip() else None
    found.body, found.changed_at = body, now
    if not body.strip() and not _files(found).exists():
        found.delete()
        return None
    found.save(update_fields=["body", "changed_at"])
    return found


@short
def discard(*, actor: Actor, place: Place, now: datetime) -> bool:
    """Throw away a draft with its files; True if there was one."""
    found = _find(actor, _ticket(actor, place), place.kind)
    if found is None:
        return False
    _files(found).delete()
    found.delete()
    return True


@short
def attach(
    *, actor: Actor, place: Place, uploads: "Sequence[UploadedFile[Any]]", last_seen: int = 0, now: datetime
) -> list[Attachment]:
    """Hang files on a draft, which begins by it; they stay there over reloads until the message is sent."""
    ticket = _ticket(actor, place)
    if not uploads:
        raise Invalid.one("files", "required", field="files")
    files.check(uploads)
    draft = _find(actor, ticket, place.kind) or _begin(actor, ticket, place.kind, "", last_seen, now)
    n_files = _files(draft).count() + len(uploads)
    if n_files > files.MAX_FILES:
        raise Invalid.one("files", "too_many", limit=files.MAX_FILES, length=n_files)
    return files.keep(uploads, actor=actor, subject_kind=SUBJECT, subject_id=draft.pk, now=now)


@short
def detach(*, actor: Actor, attachment_id: int, now: datetime) -> None:
    """Take a file off one's own draft."""
    draft = of_file(actor, attachment_id)
    Attachment.objects.filter(pk=attachment_id).delete()
    if not draft.body.strip() and not _files(draft).exists():
        draft.delete()


def spend(actor: Actor, message: Message, kind: str) -> None:
    """The message was sent: its draft's files become the message's, the draft goes. In the caller's transaction."""
    found = Draft.objects.filter(person=actor.person, ticket_id=message.ticket_id, kind=kind).first()
    if found is None:
        return
    _files(found).update(subject_kind="message", subject_id=message.pk)
    found.delete()


def of_file(actor: Actor, attachment_id: int) -> Draft:
    """One's own draft that a file hangs on; anybody else's does not exist."""
    file = Attachment.objects.filter(pk=attachment_id, subject_kind=SUBJECT).first()
    draft = Draft.objects.filter(pk=file.subject_id, person=actor.person).first() if file else None
    if draft is None:
        raise NotFound("file", attachment_id)
    return draft


def drop_old(at: datetime) -> None:
    """Drafts are no archive: what nobody came back to goes."""
    old = list(Draft.objects.filter(changed_at__lt=at - KEEP).values_list("pk", flat=True))
    Attachment.objects.filter(subject_kind=SUBJECT, subject_id__in=old).delete()
    Draft.objects.filter(pk__in=old).delete()


def _ticket(actor: Actor, place: Place) -> Ticket:
    """The ticket that one may see and so write on; who may send there is asked when it is sent."""
    if actor.id is None or actor.person is None:
        raise Denied("desk.handle")
    if place.kind not in KINDS:
        raise Invalid.one("kind", "unknown_value", value=place.kind, known=", ".join(KINDS))
    ticket = Ticket.objects.filter(number=place.number).first()
    if ticket is None:
        raise NotFound("ticket", place.number)
    require_visible(actor, ticket)
    return ticket


def _find(actor: Actor, ticket: Ticket, kind: str) -> Draft | None:
    return Draft.objects.select_for_update().filter(person=actor.person, ticket=ticket, kind=kind).first()


def _begin(actor: Actor, ticket: Ticket, kind: str, body: str, last_seen: int, now: datetime) -> Draft:
    """A new draft; two tabs that begin at once share one."""
    values = {"body": body, "last_seen": last_seen, "changed_at": now}
    draft, _made = Draft.objects.update_or_create(
        person=actor.person,
        ticket=ticket,
        kind=kind,
        defaults={"body": body, "changed_at": now},
        create_defaults=values,
    )
    return draft


def _files(draft: Draft) -> QuerySet[Attachment]:
    return Attachment.objects.filter(subject_kind=SUBJECT, subject_id=draft.pk)
