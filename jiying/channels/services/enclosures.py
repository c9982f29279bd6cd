"""Pictures, voices and files of messengers: fetched by the worker, checked like every upload, hung on their message.

Outside any transaction and by `base.outgoing`; a crash on the way fetches once more, and hangs it once. What could not
be fetched shows on the message with the reason, and is fetched again at somebody's word.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F

from jiying.base import connections, due, files, journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Invalid
from jiying.base.transactions import short
from jiying.channels.models import Enclosure
from jiying.channels.services import handing_over
from jiying.channels.services.outbox import NotSent
from jiying.core.social import Said
from jiying.desk.models import Message, Ticket
from jiying.desk.policies import require_handle
from jiying.desk.services.holding import fact, lock

log = structlog.get_logger()
State = Enclosure.State
LEASE_S = 120
MAX_ATTEMPTS = 7  # 2 s, 4 s … 128 s: the other sides keep them for days, people look within minutes


def expect(connection_id: int, said: Said, ticket: Ticket, message: Message | None, now: datetime) -> None:
    """In the caller's transaction: what hangs on a message is to be fetched."""
    Enclosure.objects.bulk_create(
        Enclosure(
            connection_id=connection_id,
            ticket=ticket,
            message=message,
            kind=one.kind,
            name=one.name,
            about={"key": one.key, "message": said.message_id, "robot": said.reply.get("robot", "")},
            created_at=now,
            wake_at=now,
        )
        for one in said.files
    )


def serve(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, outside any transaction."""
    n_done = 0
    for pk in ids:
        row = due.lease(Enclosure, pk, now, LEASE_S)
        if isinstance(row, Enclosure):
            _fetch(row, now)
            n_done += 1
    return n_done


def _fetch(row: Enclosure, now: datetime) -> None:
    found = connections.open_by_id(row.connection_id) if row.connection_id else None
    try:
        if found is None:
            raise NotSent("connection_off")
        came = handing_over.fetch(found, row)
        upload = SimpleUploadedFile(came.name, came.body)
        files.check([upload])
    except NotSent as error:
        _put_off(row, str(error), now, final=error.final)
    except Invalid as refused:
        _put_off(row, refused.text, now, final=True)
    except Exception as error:  # a fault of ours: it must not stop the others, and is put off like one of theirs
        log.exception("enclosure_failed", enclosure=row.pk)
        _put_off(row, f"{type(error).__name__}: {error}", now, final=False)
    else:
        _hang(row, upload, now)


@short
def _hang(row: Enclosure, upload: "SimpleUploadedFile", now: datetime) -> None:
    if not due.finish(row, state=State.FETCHED, fetched_at=now, about={}):
        return  # the lease was lost, or its customer was erased: whoever has the row now says so
    kind, pk = ("message", row.message_id) if row.message_id else ("ticket", row.ticket_id)
    files.keep([upload], actor=SYSTEM, subject_kind=kind, subject_id=pk, now=now)
    _record(SYSTEM, row, "file_fetched", now)


@short
def _put_off(row: Enclosure, why: str, now: datetime, *, final: bool) -> None:
    attempts = row.attempts + 1
    is_over = final or attempts >= MAX_ATTEMPTS
    changed = Enclosure.objects.filter(pk=row.pk, fence=row.fence).update(
        state=State.FAILED if is_over else State.WAITING,
        attempts=attempts,
        last_error=why[:2000],
        wake_at=None if is_over else now + due.backoff(attempts),
        parked_at=now if is_over else None,
        lease_until=None,
        fence=F("fence") + 1,
    )
    if changed and is_over:
        _record(SYSTEM, row, "file_failed", now)


def _record(actor: Actor, row: Enclosure, kind: str, now: datetime) -> None:
    ticket = Ticket.objects.get(pk=row.ticket_id)
    journal.record(actor, [fact(ticket, kind, now, {"message": row.message_id, "what": row.kind})], now=now)


@short
def again(*, actor: Actor, number: str, now: datetime) -> int:
    """Fetch once more what of a ticket had been given up; returns how many."""
    ticket = lock(number)
    require_handle(actor, ticket)
    failed = Enclosure.objects.filter(ticket=ticket, state=State.FAILED)
    n = failed.update(state=State.WAITING, wake_at=now, parked_at=None, attempts=0)
    if not n:
        raise Conflict.one("file_not_failed")
    journal.record(actor, [fact(ticket, "file_again", now, {"n": n})], now=now)
    return n


def erase(ticket_ids: Sequence[int], with_texts: bool) -> None:
    """Keys that open an erased customer's files go, and nothing of theirs is fetched any more."""
    Enclosure.objects.filter(ticket__in=ticket_ids).delete()
