"""Events to subscribers by web hook (D20): a reader of the journal notes what each is to hear, the worker sends it.

At least once, and for each subscription in order of the journal's positions: what is behind a try that failed waits. A
subscription that fails for days is switched off, and its administrators hear of it; nothing that waits is lost by that.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import F

from jiying.alerts.services import raising
from jiying.alerts.services.approvals import concerned
from jiying.base import connections, due, journal, outgoing, tails
from jiying.base.actor import SYSTEM
from jiying.base.connections import Open
from jiying.base.models import Connection, JournalEntry, JournalPosition
from jiying.base.transactions import short
from jiying.channels.models import HookDelivery
from jiying.channels.queries import hooks_out as rows
from jiying.core import hook_events, robots

log = structlog.get_logger()
State = HookDelivery.State
KIND, ALERT = "hook_out", "connection.switched_off"
LEASE_S, TIMEOUT_S, MAX_ANSWER = 60, 10, 500
IN_A_TURN = 50
REFUSALS = 5  # an answer that refuses this very event: the others need not wait for ever
GIVES_UP = timedelta(days=3)
OFF_S = 600  # what waits for a subscription that is switched off is looked at so often
KEPT = timedelta(days=30)
OLD = timedelta(days=1)
# These speak of the event, other errors of the subscriber: there the event waits until it is well again.
ABOUT_EVENT = frozenset({400, 405, 406, 409, 410, 411, 413, 414, 415, 422})


# --- put in ----------------------------------------------------------------------------------------------------------


def read(entries: Sequence[JournalEntry]) -> Callable[[], object]:
    """What these facts are to whom."""
    events = {entry.pk: event for entry in entries if (event := _event(entry))}
    if not events or not Connection.objects.filter(kind=KIND, active=True).exists():
        return lambda: None
    places = JournalPosition.objects.filter(entry__in=events).values_list("entry_id", "position", "entry__recorded_at")
    found = [(entry, position, events[entry], at) for entry, position, at in places]
    return lambda: put(found)


READER = tails.Reader("channels.hooks_out", read)
Found = tuple[int, int, str, datetime]
_ABOUT = ("pk", "options", "created_at")


def _event(entry: JournalEntry) -> str | None:
    """What was true long before it was recorded is history, that was imported: no event."""
    if entry.subject_kind != "ticket" or entry.recorded_at - entry.at >= OLD:
        return None
    return hook_events.event_of(entry.kind, entry.data)


def put(found: Sequence[Found]) -> int:
    """In the caller's transaction: a row for each subscription that was there and chose it; one that is there stays."""
    made = [
        HookDelivery(connection_id=pk, entry_id=entry, position=position, event=event, created_at=at, wake_at=at)
        for pk, options, begun in Connection.objects.filter(kind=KIND, active=True).values_list(*_ABOUT)
        for entry, position, event, at in found
        if event in options.get("events", ()) and at >= begun
    ]
    HookDelivery.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


# --- sent ------------------------------------------------------------------------------------------------------------


def serve(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, outside any transaction: each subscription that has something due, in its order."""
    due_rows = HookDelivery.objects.filter(pk__in=ids, wake_at__lte=now)
    n_done = 0
    for pk in dict.fromkeys(due_rows.order_by("wake_at", "pk").values_list("connection_id", flat=True)):
        n_done += _serve_one(pk, now)
    return n_done


def _serve_one(connection_id: int, now: datetime) -> int:
    """One subscription: from its first waiting event on, until one does not go."""
    waiting = HookDelivery.objects.filter(connection_id=connection_id, wake_at__isnull=False).order_by("position")
    open = connections.open_by_id(connection_id)
    for n_done in range(IN_A_TURN):
        first = waiting.first()
        if first is None:
            return n_done
        if open is None:
            waiting.filter(wake_at__lte=now).update(wake_at=now + timedelta(seconds=OFF_S))
            return n_done
        if first.wake_at is None or first.wake_at > now or due.lease(HookDelivery, first.pk, now, LEASE_S) is None:
            _wait_behind(first.pk, connection_id, now)
            return n_done
        if not _send(HookDelivery.objects.select_related("entry").get(pk=first.pk), open, now):
            _wait_behind(first.pk, connection_id, now)
            return n_done + 1
    return IN_A_TURN


def _wait_behind(first_id: int, connection_id: int, now: datetime) -> None:
    """The others of a subscription have their turn after its first one."""
    wake = HookDelivery.objects.filter(pk=first_id).values_list("wake_at", flat=True).first()
    if wake is not None and wake > now:
        others = HookDelivery.objects.filter(connection_id=connection_id, wake_at__lte=now).exclude(pk=first_id)
        others.update(wake_at=wake)


def _send(row: HookDelivery, open: Open, now: datetime) -> bool:
    """True where the next one may go: this one arrived, or was refused for good."""
    begun = time.monotonic()
    try:
        answer = post(open, rows.payload(row, bool(open.options.get("with_people"))), int(now.timestamp()))
        status, text = answer.status, answer.text
        error = "" if answer.is_ok else f"{status} {text[:200]}".strip()
    except (outgoing.Refused, outgoing.Unreachable) as trouble:
        status, text, error = None, "", str(trouble)
    except Exception as fault:  # a fault of ours on this one: the others need not wait for it for ever
        log.exception("hook_failed", delivery=row.pk)
        status, text, error = None, "", f"{type(fault).__name__}: {fault}"
    about: dict[str, Any] = {
        "status": status,
        "duration_ms": int((time.monotonic() - begun) * 1000),
        "answer": text.replace("\x00", "")[:MAX_ANSWER],
        "tried_at": now,
        "attempts": row.attempts + 1,
    }
    if not error:
        due.finish(row, state=State.SENT, failing_since=None, **about)
        connections.succeeded(open.pk, now, lag_s=max(0.0, (now - row.created_at).total_seconds()))
        return True
    return _put_off(row, open, error, about, now)


def post(open: Open, payload: dict[str, Any], at: int) -> outgoing.Answer:
    """One call: the body signed with the instant of this try, so that an old one cannot be played again."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "X-Jiying-Event": str(payload["type"]),
        "X-Jiying-Id": str(payload["id"]),
        "X-Jiying-Timestamp": str(at),
        "X-Jiying-Signature": robots.sign_hook(open.secrets.get("secret", ""), at, body),
    }
    url = str(open.options["url"])
    return outgoing.request("POST", url, body=body, headers=headers, timeout_s=TIMEOUT_S, limit=10_000)


def _put_off(row: HookDelivery, open: Open, error: str, about: dict[str, Any], now: datetime) -> bool:
    """Later again; a refusal of this very event ends after a few tries. True where it ended."""
    since = row.failing_since or now
    is_refused = about["status"] in ABOUT_EVENT and about["attempts"] >= REFUSALS
    HookDelivery.objects.filter(pk=row.pk, fence=row.fence).update(
        state=State.FAILED if is_refused else State.WAITING,
        wake_at=None if is_refused else now + due.backoff(min(about["attempts"], 11)),
        parked_at=now if is_refused else None,
        lease_until=None,
        last_error=error[:2000],
        failing_since=since,
        fence=F("fence") + 1,
        **about,
    )
    connections.failed(open.pk, error, now)
    log.warning("hook_put_off", delivery=row.pk, attempts=about["attempts"], error=error)
    if not is_refused and now - since >= GIVES_UP:
        switch_off(open, error, now)
    return is_refused


@short
def switch_off(open: Open, error: str, now: datetime) -> None:
    """It failed for days: no more tries until somebody mends it and switches it on; administrators hear of it."""
    changed = Connection.objects.filter(pk=open.pk, active=True).update(active=False, revision=F("revision") + 1)
    if not changed:
        return
    HookDelivery.objects.filter(connection_id=open.pk, wake_at__isnull=False).update(failing_since=None)
    people = [person.pk for person in concerned([connections.RIGHT])]
    notices = [
        raising.Notice(
            key=f"{ALERT}:{open.pk}:{int(now.timestamp())}:{person}",
            person_id=person,
            capacity="responder",
            kind=ALERT,
            severity="breach",
            subject_kind="connection",
            subject_id=open.pk,
            at=now,
            data={"error": error[:200]},
        )
        for person in people
    ]
    raising.raise_alerts(notices, now=now)
    about = {"kind": open.kind, "code": open.code, "changes": {"active": [True, False]}, "error": error[:200]}
    rings = [f"person:{person}" for person in people]
    journal.record(SYSTEM, [journal.Fact("connection", open.pk, "connection.changed", now, about, rings)], now=now)


def tidy(now: datetime) -> None:
    """The log is kept for a month; what waits or failed stays until somebody has seen to it."""
    HookDelivery.objects.filter(state=State.SENT, created_at__lt=now - KEPT).delete()
