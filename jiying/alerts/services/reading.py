"""What is done with alerts: seen, acknowledged, withdrawn with their subject; a dead message sent again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import QuerySet

from jiying.alerts.models import Alert, Delivery
from jiying.base import due, journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, NotFound
from jiying.base.policies import require
from jiying.base.transactions import short

State = Alert.State
_OPEN = (State.NEW, State.SEEN)


@short
def mark_seen(*, actor: Actor, alert_ids: Collection[int], now: datetime) -> int:
    """The person has seen these pop-ups; no decision, so no journal. Denied if any is somebody else's."""
    _own(actor, alert_ids)
    new = _locked(Alert.objects.filter(pk__in=alert_ids, state=State.NEW))
    return Alert.objects.filter(pk__in=new).update(state=State.SEEN, seen_at=now)


@short
def acknowledge(*, actor: Actor, alert_id: int, now: datetime) -> bool:
    """The person takes note; True if this changed anything. Denied if it is somebody else's alert."""
    if not _own(actor, [alert_id]):
        raise NotFound("alert", alert_id)
    Alert.objects.select_for_update(no_key=True).filter(pk=alert_id).first()  # one alone can wait for nobody in a ring
    return bool(_note(actor, Alert.objects.filter(pk=alert_id), now))


@short
def acknowledge_all(*, actor: Actor, up_to: int, now: datetime) -> int:
    """Take note of all own alerts that the person's page showed: those with an id up to `up_to`."""
    if actor.id is None:
        raise Denied("alerts.own")
    mine = Alert.objects.filter(person_id=actor.id, pk__lte=up_to, state__in=_OPEN)
    return _note(actor, mine, now)


def withdraw(
    subject_kind: str,
    subject_ids: Collection[int],
    now: datetime,
    about: Mapping[str, Sequence[int]] | None = None,
    kind: str = "",
    without: Collection[int] = (),
) -> int:
    """The reason has passed: open alerts of these subjects are settled, in the caller's transaction.

    `about` narrows it to alerts whose data hold one of the values: {"clock": [7, 8]}; `kind` to one kind of alert;
    people `without` keep theirs.
    """
    rows = Alert.objects.filter(subject_kind=subject_kind, subject_id__in=subject_ids, state__in=_OPEN)
    if kind:
        rows = rows.filter(kind=kind)
    if without:
        rows = rows.exclude(person__in=without)
    for name, values in (about or {}).items():
        rows = rows.filter(**{f"data__{name}__in": list(values)})
    ids = list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    return Alert.objects.filter(pk__in=ids).update(state=State.WITHDRAWN) if ids else 0


@short
def send_again(*, actor: Actor, delivery_id: int, now: datetime) -> None:
    """Try a dead message anew, with its key; its alerts are checked again before it goes."""
    row = Delivery.objects.select_for_update().filter(pk=delivery_id).first()
    require(actor, "system.health")
    if row is None:
        raise NotFound("delivery", delivery_id)
    if not due.retry_parked(Delivery, row.pk, now):
        raise Conflict.one("delivery_not_failed")
    Delivery.objects.filter(pk=row.pk).update(state=Delivery.State.WAITING)
    fact = journal.Fact("delivery", row.pk, "delivery.sent_again", now, {"way": row.way, "error": row.last_error})
    journal.record(actor, [fact], now=now)


def _own(actor: Actor, alert_ids: Collection[int]) -> set[int]:
    """Those of the ids that exist, if all of them are the actor's."""
    owners = dict(Alert.objects.filter(pk__in=alert_ids).values_list("pk", "person_id"))
    if any(owner != actor.id for owner in owners.values()):
        raise Denied("alerts.own")
    return set(owners)


def _locked(alerts: QuerySet[Alert]) -> list[int]:
    """Ids of a person's alerts, locked; without those that somebody is settling with their subject just now.

    A verb holds its subject and settles alerts of it in several steps: who waited here with other alerts in hand would
    close a ring. What is left out is settled in a moment, or can be noted with the next click.
    """
    return list(alerts.select_for_update(skip_locked=True, no_key=True).order_by("pk").values_list("pk", flat=True))


def _note(actor: Actor, alerts: QuerySet[Alert], now: datetime) -> int:
    """Lock, write and journal on each subject; what was noted or settled before stays as it is."""
    ids = _locked(alerts.filter(state__in=_OPEN))
    rows = list(Alert.objects.filter(pk__in=ids).order_by("pk"))
    Alert.objects.filter(pk__in=[row.pk for row in rows]).update(state=State.ACKNOWLEDGED, acknowledged_at=now)
    journal.record(
        actor,
        [
            journal.Fact(
                row.subject_kind,
                row.subject_id,
                "alert.acknowledged",
                now,
                {**row.data, "alert": row.pk, "kind": row.kind},
                [f"person:{row.person_id}"],
            )
            for row in rows
        ],
        now=now,
    )
    return len(rows)
