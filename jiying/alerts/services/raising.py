"""Raises alerts in the transaction of the fact that causes them: rows only, nothing networked.

The caller's journal fact carries the ring `person:ID` that brings the pop-up to the screen.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from jiying.alerts.models import Alert, Delivery
from jiying.base.inserting import insert
from jiying.base.models import Person

# From this severity on a message leaves the house besides the pop-up.
MAILED = frozenset({"breach", "critical"})
# What was missed comes in many batches: a message of it waits until nothing has been added for so long.
GATHER = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one person. The same `key` is never told twice, however often it is raised."""

    key: str
    person_id: int
    capacity: str
    kind: str
    severity: str
    subject_kind: str
    subject_id: int
    at: datetime
    late: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)


def raise_alerts(notices: Sequence[Notice], *, now: datetime) -> int:
    """Insert alerts, and one delivery for each person and way for all of them together: a digest, not a storm (C18).

    Returns how many were new.
    """
    fresh = _untold(notices)
    if not fresh:
        return 0
    mailed = [n for n in fresh if n.severity in MAILED]
    late = {n.person_id for n in mailed if n.late}
    deliveries = _deliveries({n.person_id: now + GATHER if n.person_id in late else now for n in mailed}, now)
    alerts = [
        Alert(
            key=n.key,
            person_id=n.person_id,
            capacity=n.capacity,
            kind=n.kind,
            severity=n.severity,
            subject_kind=n.subject_kind,
            subject_id=n.subject_id,
            data=dict(n.data),
            at=n.at,
            noticed_at=now,
            late=n.late,
            delivery=deliveries.get(n.person_id) if n.severity in MAILED else None,
        )
        for n in fresh
    ]
    # Whoever raised the same key in the same instant wins; our delivery is then empty, and ends without a message.
    Alert.objects.bulk_create(alerts, ignore_conflicts=True)
    return len(alerts)


def raise_once(notice: Notice, *, now: datetime) -> None:
    """One pop-up whose key is new by its making: a single insert, for the path of creating tickets."""
    insert(
        [
            Alert(
                key=notice.key,
                person_id=notice.person_id,
                capacity=notice.capacity,
                kind=notice.kind,
                severity=notice.severity,
                subject_kind=notice.subject_kind,
                subject_id=notice.subject_id,
                data=dict(notice.data),
                at=notice.at,
                noticed_at=now,
            )
        ]
    )


def _untold(notices: Sequence[Notice]) -> list[Notice]:
    """Each key once, without those told before: a repeat must not make a delivery."""
    by_key = {n.key: n for n in notices}
    told = set(Alert.objects.filter(key__in=by_key).values_list("key", flat=True)) if by_key else set()
    return [n for key, n in by_key.items() if key not in told]


def _deliveries(people: Mapping[int, datetime], now: datetime) -> dict[int, Delivery]:
    """One for each person, not to be sent before the instant given."""
    if not people or not settings.MAIL_ENABLED:
        return {}
    targets = Person.objects.filter(pk__in=people, is_active=True).exclude(email="").values_list("pk", "email")
    rows = [
        Delivery(person_id=pk, way="mail", target=email, key=secrets.token_hex(16), wake_at=people[pk], created_at=now)
        for pk, email in targets
    ]
    return {row.person_id: row for row in Delivery.objects.bulk_create(rows)}
