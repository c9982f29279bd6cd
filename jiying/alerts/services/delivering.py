"""Sends what waits to leave the house: leased, checked again, one digest for each person and way (C16a-C19).

At least once: a message whose outcome is unknown goes out again, unchanged in key, so that the receiver drops it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.core.mail import EmailMessage
from django.db.models import F

from jiying.alerts.models import Alert, Delivery
from jiying.alerts.services import checks, mails
from jiying.alerts.services.posting import Line, NotSent
from jiying.base import due, journal
from jiying.base.actor import SYSTEM
from jiying.base.models import Person
from jiying.base.transactions import short

log = structlog.get_logger()
LEASE = timedelta(seconds=120)
MAX_ATTEMPTS = 16  # 2 s, 4 s, … then every half hour: about three and a half hours, longer than most outages of mail
GATHER_AT_MOST = timedelta(seconds=60)
State = Delivery.State


def deliver(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, outside any transaction: serves everybody who has one of these deliveries."""
    rows = Delivery.objects.filter(pk__in=ids, wake_at__lte=now).order_by("wake_at", "pk")
    people = dict.fromkeys(rows.values_list("person_id", "way"))
    n_done = 0
    with Line() as line:
        for person_id, way in people:
            for row in _take(person_id, way, now):
                _serve(row, line, now)
                n_done += 1
    return n_done


@short
def _take(person_id: int, way: str, now: datetime) -> list[Delivery]:
    """Lease what is due for this person: a fresh one into which all others flow, and those that may have arrived.

    A message that may have arrived keeps its key, so nothing may be added to it: a receiver that drops it would lose
    the addition. All others have certainly not arrived; even those that wait for their next try join.
    """
    waiting = list(
        Delivery.objects.select_for_update()
        .filter(person_id=person_id, way=way, state=State.WAITING, wake_at__isnull=False)
        .order_by("pk")
    )
    taken = [row for row in waiting if row.lease_until is not None and _is_due(row, now)]
    fresh = [row for row in waiting if row.lease_until is None]
    if any(_is_due(row, now) for row in fresh) and not _gathers(fresh, now):
        taken.append(_merge(fresh))
    for row in taken:
        row.wake_at = row.lease_until = now + LEASE
        row.fence += 1
        row.save(update_fields=["wake_at", "lease_until", "fence", "created_at"])
    return taken


def _gathers(fresh: Sequence[Delivery], now: datetime) -> bool:
    """Whether what was missed is still coming in: then all waits for the end of it, though not for ever."""
    end = max((row.wake_at for row in fresh if row.wake_at and not row.attempts), default=now)
    if end <= now or now - min(row.created_at for row in fresh) >= GATHER_AT_MOST:
        return False
    Delivery.objects.filter(pk__in=[row.pk for row in fresh if _is_due(row, now)]).update(wake_at=end)
    return True


def _is_due(row: Delivery, now: datetime) -> bool:
    return row.wake_at is not None and row.wake_at <= now


def _merge(rows: Sequence[Delivery]) -> Delivery:
    """The newest takes over the alerts of the others, which go: its tries start anew, its wait does not."""
    *others, head = rows
    if others:
        old = [row.pk for row in others]
        Alert.objects.filter(delivery__in=old).update(delivery=head)
        Delivery.objects.filter(pk__in=old).delete()
        head.created_at = min(row.created_at for row in rows)
    return head


def _serve(row: Delivery, line: Line, now: datetime) -> None:
    """Check again, say what holds no more, send the rest."""
    alerts = list(row.alerts.order_by("at", "pk"))
    try:
        gone = _gone(row.person, alerts)
        left = [alert for alert in alerts if alert.pk not in gone]
        message = mails.compose(row, row.person, left, now) if left else None
    except Exception as error:  # a poison row is put off and in the end parked; it never stops the others
        log.exception("delivery_failed", delivery=row.pk)
        _put_off(row, NotSent(f"{type(error).__name__}: {error}"), now)
        return
    if message is None or gone:
        _withhold(row, [alert for alert in alerts if alert.pk in gone], gone, bool(left), now)
    if message is not None:
        _send(row, message, line, now)


def _send(row: Delivery, message: EmailMessage, line: Line, now: datetime) -> None:
    try:
        line.send(message)
    except NotSent as error:
        _put_off(row, error, now)
    except Exception as error:  # a fault of ours on the way out: nobody knows whether it had been taken
        log.exception("delivery_failed", delivery=row.pk)
        _put_off(row, NotSent(f"{type(error).__name__}: {error}", maybe=True), now)
    else:
        due.finish(row, state=State.SENT, sent_at=now, target=message.to[0])


def _gone(person: Person, alerts: Sequence[Alert]) -> dict[int, str]:
    """{alert id: why it need not be told any more}."""
    if not person.is_active:
        return dict.fromkeys((alert.pk for alert in alerts), "person_left")
    if not person.email:
        return dict.fromkeys((alert.pk for alert in alerts), "no_address")
    return checks.passed(alerts)


@short
def _withhold(
    row: Delivery, alerts: Collection[Alert], why: Mapping[int, str], others_left: bool, now: datetime
) -> None:
    """Journal what is not told and why; the delivery ends if nothing else is in it."""
    facts = [
        journal.Fact(
            alert.subject_kind,
            alert.subject_id,
            "alert.withheld",
            now,
            {**alert.data, "alert": alert.pk, "kind": alert.kind, "way": row.way, "why": why[alert.pk]},
        )
        for alert in alerts
    ]
    if others_left:
        Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(delivery=None)
    elif not due.finish(row, state=State.WITHHELD):
        return  # the lease was lost: whoever has the row now says so
    journal.record(SYSTEM, facts, now=now)


def _put_off(row: Delivery, error: NotSent, now: datetime) -> None:
    """Try again later, with back-off; after the last try it is dead, where people see it and can send it again."""
    attempts = row.attempts + 1
    dead = error.final or attempts >= MAX_ATTEMPTS
    Delivery.objects.filter(pk=row.pk, fence=row.fence).update(
        state=State.DEAD if dead else State.WAITING,
        attempts=attempts,
        last_error=str(error)[:2000],
        wake_at=None if dead else now + due.backoff(attempts),
        parked_at=now if dead else None,
        lease_until=row.lease_until if error.maybe else None,
        fence=F("fence") + 1,
    )
    log.warning("delivery_put_off", delivery=row.pk, attempts=attempts, dead=dead, error=str(error))
