"""Replies on their way out: a reader of the journal puts what agents said into the outbox, the worker sends it.

Which way a reply goes and how it is spoken is registered by each way in `AppConfig.ready`: the desk knows none of them.
At least once: what may have arrived goes again under the same key, by which the other side drops it where it can.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import F

from jiying.alerts.services import raising
from jiying.base import connections, due, journal, tails
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, NotFound
from jiying.base.models import JournalEntry
from jiying.base.transactions import short
from jiying.channels.models import Outbox
from jiying.desk.models import Message, Ticket
from jiying.desk.policies import require_handle
from jiying.desk.services.holding import KIND, fact

log = structlog.get_logger()
State = Outbox.State
ALERT = "ticket.reply_failed"
OFF = "connection_off"
LEASE_S = 120
MAX_ATTEMPTS = 9  # 2 s, 4 s, … 256 s: who waits for an answer is not served by one that comes after hours
OLD = timedelta(days=1)  # what was said so long before it was recorded is history: nobody waits for it


class NotSent(Exception):
    """A reply that did not go out, with a sentence for people. `final`: trying again would not help."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


@dataclass(frozen=True, slots=True)
class Way:
    """By which connection a reply goes out, and what that must know of it."""

    connection_id: int | None  # None: by the house itself
    about: Mapping[str, Any]


# Each says of which of these replies (their tickets are loaded) it is the way: {message id: way}. The first one wins.
WAYS: list[Callable[[Sequence[Message]], Mapping[int, Way]]] = []
# {kind of connection: sends one, outside any transaction; the other side's own id of it}. Raises NotSent.
SENDERS: dict[str, Callable[[Outbox, connections.Open], str]] = {}
# What leaves without a connection of its own, by the `by` of its way: sends one. Raises NotSent.
BESIDE: dict[str, Callable[[Outbox], str]] = {}
# {kind of connection: tries}, where an outage of the other side is to be waited for longer.
TRIES: dict[str, int] = {}


# --- put in ----------------------------------------------------------------------------------------------------------


def read(entries: Sequence[JournalEntry]) -> Callable[[], object]:
    """What was said in public to customers among these facts goes out, where a way is known."""
    wanted = [one.data["message"] for one in entries if _is_reply(one)]
    return lambda: put(wanted)


READER = tails.Reader("channels.outbox", read)


def _is_reply(entry: JournalEntry) -> bool:
    data = entry.data
    said = entry.kind == f"{KIND}.message" and data.get("direction") == "out" and data.get("public") is True
    return said and data.get("way") == "message" and "message" in data and entry.recorded_at - entry.at < OLD


def put(message_ids: Sequence[int]) -> None:
    """In the caller's transaction; a message that is there already stays as it is."""
    said = Message.objects.filter(pk__in=message_ids, kind="reply").exclude(body="").select_related("ticket")
    messages = list(said.order_by("pk"))
    ways: dict[int, Way] = {}
    for find in WAYS if messages else ():
        ways = {**find(messages), **ways}
    rows = [
        Outbox(
            message=message,
            ticket=message.ticket,
            connection_id=way.connection_id,
            about=dict(way.about),
            key=secrets.token_hex(16),
            created_at=message.at,
            wake_at=message.at,
        )
        for message in messages
        if (way := ways.get(message.pk)) is not None
    ]
    Outbox.objects.bulk_create(rows, ignore_conflicts=True)


# --- sent ------------------------------------------------------------------------------------------------------------


def serve(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, outside any transaction. Replies of one ticket keep their order: a later one waits."""
    n_done = 0
    for pk in ids:
        if _waits_for_another(pk, now):
            continue
        if due.lease(Outbox, pk, now, LEASE_S) is not None:
            _send(Outbox.objects.select_related("message", "ticket", "connection").get(pk=pk), now)
            n_done += 1
    return n_done


def _waits_for_another(pk: int, now: datetime) -> bool:
    """Whether an earlier reply of the same ticket is still being tried: this one then has its turn just after it."""
    row = Outbox.objects.get(pk=pk)
    before = Outbox.objects.filter(ticket_id=row.ticket_id, pk__lt=pk, wake_at__isnull=False)
    first = before.order_by("pk").values_list("wake_at", flat=True).first()
    if first is None:
        return False
    later = max(first, now) + timedelta(seconds=1)
    Outbox.objects.filter(pk=pk, wake_at__lte=now).update(wake_at=later)
    return True


def _send(row: Outbox, now: datetime) -> None:
    if not row.message.body:  # erased meanwhile
        due.finish(row, state=State.WITHHELD)
        return
    try:
        remote_id = _speak(row)
    except NotSent as error:
        _put_off(row, error, now)
    except Exception as error:  # a fault of ours: it must not stop the others, and is put off like one of theirs
        log.exception("reply_failed", outbox=row.pk)
        _put_off(row, NotSent(f"{type(error).__name__}: {error}"), now)
    else:
        _sent(row, remote_id, now)


def _speak(row: Outbox) -> str:
    if send := BESIDE.get(str(row.about.get("by", ""))):
        return send(row)
    found = connections.open_by_id(row.connection_id) if row.connection_id else None
    if found is None or found.kind not in SENDERS:
        raise NotSent(OFF)
    return SENDERS[found.kind](row, found)


@short
def _sent(row: Outbox, remote_id: str, now: datetime) -> None:
    if not due.finish(row, state=State.SENT, sent_at=now, remote_id=remote_id[:200]):
        return  # the lease was lost: whoever has the row now says so
    _record(SYSTEM, row, "reply_sent", now)
    if row.connection_id:
        connections.succeeded(row.connection_id, now)


@short
def _put_off(row: Outbox, error: NotSent, now: datetime) -> None:
    """Try again later; after the last try it is given up, where its agent sees it."""
    attempts = row.attempts + 1
    kind = row.connection.kind if row.connection else ""
    is_over = error.final or attempts >= TRIES.get(kind, MAX_ATTEMPTS)
    changed = Outbox.objects.filter(pk=row.pk, fence=row.fence).update(
        state=State.FAILED if is_over else State.WAITING,
        attempts=attempts,
        last_error=str(error)[:2000],
        wake_at=None if is_over else now + due.backoff(attempts),
        parked_at=now if is_over else None,
        lease_until=None,
        fence=F("fence") + 1,
    )
    if row.connection_id and str(error) != OFF:  # what is switched off did not fail
        connections.failed(row.connection_id, str(error), now)
    if changed and is_over:
        _record(SYSTEM, row, "reply_failed", now)
        _tell(row, now)


def came_back(row: Outbox, why: str, now: datetime) -> None:
    """What had been taken for sent did not arrive, says the other side: given up, in the caller's transaction."""
    changed = Outbox.objects.filter(pk=row.pk, state=State.SENT).update(
        state=State.FAILED, last_error=why[:2000], parked_at=now, fence=F("fence") + 1
    )
    if changed:
        _record(SYSTEM, row, "reply_failed", now)
        _tell(row, now)


def _tell(row: Outbox, now: datetime) -> None:
    """Who has the ticket is told: the customer waits for an answer that they will not get."""
    if row.ticket.assignee_id is None:
        return
    notice = raising.Notice(
        f"{ALERT}:{row.pk}:{row.fence}", row.ticket.assignee_id, "assignee", ALERT, "warning", KIND, row.ticket_id, now
    )
    raising.raise_alerts([notice], now=now)


def _record(actor: Actor, row: Outbox, kind: str, now: datetime) -> None:
    ticket = Ticket.objects.get(pk=row.ticket_id)
    journal.record(actor, [fact(ticket, kind, now, {"message": row.message_id})], now=now)


@short
def again(*, actor: Actor, message_id: int, now: datetime) -> Outbox:
    """Send a reply once more that had been given up, under the same key."""
    row = Outbox.objects.select_for_update(of=("self",)).select_related("ticket").filter(message=message_id).first()
    if row is None:
        raise NotFound("message", message_id)
    require_handle(actor, row.ticket)
    if row.state != State.FAILED:
        raise Conflict.one("reply_not_failed")
    row.state, row.wake_at, row.parked_at, row.attempts = State.WAITING, now, None, 0
    row.save()
    _record(actor, row, "reply_again", now)
    return row


def erase(ticket_ids: Sequence[int], with_texts: bool) -> None:
    """Addresses of an erased customer go, whether or not the texts do."""
    Outbox.objects.filter(ticket__in=ticket_ids).update(about={}, remote_id="", last_error="")
