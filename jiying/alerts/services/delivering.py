"""Sends what waits to leave the house: leased, checked again, one digest for each person and way (C16a-C19).

At least once: a message whose outcome is unknown goes out again, unchanged in key, so that the receiver drops it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db.models import Count, F

from jiying.alerts.models import Alert, Delivery
from jiying.alerts.services import leaving
from jiying.alerts.services.outlets import Later, Outlet, Target
from jiying.alerts.services.posting import Line, NotSent
from jiying.base import due, journal
from jiying.base.actor import SYSTEM
from jiying.base.transactions import short

log = structlog.get_logger()
LEASE = timedelta(seconds=120)
MAX_ATTEMPTS = 16  # 2 s, 4 s, … then every half hour: about three and a half hours, longer than most outages of mail
GATHER_AT_MOST = timedelta(seconds=60)
MAX_MERGED = 500  # deliveries that are looked at in one turn
State = Delivery.State


def deliver(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, outside any transaction: serves everybody who has one of these deliveries."""
    rows = Delivery.objects.filter(pk__in=ids, wake_at__lte=now).order_by("wake_at", "pk")
    targets = dict.fromkeys(Target(*one) for one in rows.values_list("person_id", "way", "connection_id"))
    n_done = 0
    with Line() as line:
        for target in targets:
            outlet = Outlet(target, line, now)
            if outlet.rests():
                continue
            for row, may_be_there in _take(target, outlet.n_items, now):
                _serve(row, outlet, may_be_there, now)
                n_done += 1
    return n_done


@short
def _take(target: Target, n_items: int, now: datetime) -> list[tuple[Delivery, bool]]:
    """Lease what is due for this target: a fresh one into which others flow, and those that may have arrived (True).

    A message that may have arrived keeps its key, so nothing may be added to it: a receiver that drops it would lose
    the addition. All others have certainly not arrived; even those that wait for their next try join.
    """
    waiting = list(
        Delivery.objects.select_for_update()
        .filter(target.rows, state=State.WAITING, wake_at__isnull=False)
        .order_by("pk")[:MAX_MERGED]
    )
    taken = [(row, True) for row in waiting if row.lease_until is not None and _is_due(row, now)]
    fresh = [row for row in waiting if row.lease_until is None]
    if any(_is_due(row, now) for row in fresh) and not _gathers(fresh, now):
        taken.append((_merge(_together(fresh, n_items)), False))
    for row, _may_be_there in taken:
        row.wake_at = row.lease_until = now + LEASE
        row.fence += 1
        row.save(update_fields=["wake_at", "lease_until", "fence", "created_at"])
    return taken


def _together(fresh: list[Delivery], n_items: int) -> list[Delivery]:
    """The first of them whose alerts one message of this way can carry; the others have their turn after it."""
    if not n_items:
        return fresh
    counts = dict(
        Delivery.objects.filter(pk__in=[row.pk for row in fresh]).annotate(n=Count("carried")).values_list("pk", "n")
    )
    found: list[Delivery] = []
    room = n_items
    for row in fresh:
        room -= counts[row.pk]
        if found and room < 0:
            break
        found.append(row)
    return found


def _gathers(fresh: Sequence[Delivery], now: datetime) -> bool:
    """Whether what was missed is still coming in: then all waits for the end of it, though not for ever."""
    end = max((row.wake_at for row in fresh if row.wake_at and not row.attempts), default=now)
    if end <= now and due.catches_up(now) and any(row.told.filter(late=True).exists() for row in fresh):
        end = now + leaving.GATHER
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
        Delivery.carried.through.objects.filter(delivery__in=old).update(delivery=head)
        Delivery.objects.filter(pk__in=old).delete()
        head.created_at = min(row.created_at for row in rows)
    return head


def _serve(row: Delivery, outlet: Outlet, may_be_there: bool, now: datetime) -> None:
    """Check again, say what holds no more, send the rest."""
    alerts = list(row.told.order_by("at", "pk"))
    try:
        gone = outlet.gone(row, alerts)
        left = [alert for alert in alerts if alert.pk not in gone]
        send = outlet.letter(row, left) if left else None
    except Exception as error:  # a poison row is put off and in the end parked; it never stops the others
        log.exception("delivery_failed", delivery=row.pk)
        _put_off(row, NotSent(f"{type(error).__name__}: {error}"), now)
        return
    if send is None or gone:
        _withhold(row, [alert for alert in alerts if alert.pk in gone], gone, bool(left), now)
    if send is not None:
        _send(row, send, may_be_there, now)


def _send(row: Delivery, send: Callable[[], str], may_be_there: bool, now: datetime) -> None:
    try:
        target = send()
    except Later as error:
        _give_back(row, error.until, may_be_there)
    except NotSent as error:
        _put_off(row, error, now)
    except Exception as error:  # a fault of ours on the way out: nobody knows whether it had been taken
        log.exception("delivery_failed", delivery=row.pk)
        _put_off(row, NotSent(f"{type(error).__name__}: {error}", maybe=True), now)
    else:
        due.finish(row, state=State.SENT, sent_at=now, target=target)


def _give_back(row: Delivery, until: datetime, may_be_there: bool) -> None:
    """No try was made: the limit of its robot is reached. It waits, and others may join it until then."""
    Delivery.objects.filter(pk=row.pk, fence=row.fence).update(
        wake_at=until, lease_until=until if may_be_there else None, fence=F("fence") + 1
    )


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
        row.let_go([alert.pk for alert in alerts])
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
        wake_at=None if dead else now + max(due.backoff(attempts), timedelta(seconds=error.wait_s)),
        parked_at=now if dead else None,
        lease_until=row.lease_until if error.maybe else None,
        fence=F("fence") + 1,
    )
    log.warning("delivery_put_off", delivery=row.pk, attempts=attempts, dead=dead, error=str(error))
