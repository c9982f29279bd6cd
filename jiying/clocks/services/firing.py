"""The due sweep: turns points whose instant has come into facts and alerts, in batches, each exactly once (C14-C17)."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from jiying.alerts.services import raising
from jiying.base import due, journal, subjects
from jiying.base.actor import SYSTEM
from jiying.base.subjects import Point
from jiying.clocks.models import Clock
from jiying.clocks.queries import instant_of, second_of
from jiying.clocks.services.keeping import arm, keep

LATE_AFTER = timedelta(minutes=1)  # a point noticed later than this was missed, not fired: its notice says so
SEVERITY = {"warn1": "notice", "warn2": "warning", "due": "breach"}
FACTS = {"warn1": "clock.warned", "warn2": "clock.warned", "due": "clock.breached"}


def fire(ids: Sequence[int], now: datetime) -> int:
    """Serve the due points of these clocks in the caller's transaction: subject, then clock, then everything else."""
    wanted: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    rows = Clock.objects.filter(pk__in=ids, wake_at__lte=now).values_list("pk", "subject_kind", "subject_id")
    for pk, kind, subject in rows:
        wanted[kind][subject].append(pk)
    return sum(_fire_kind(kind, of_subject, now) for kind, of_subject in sorted(wanted.items()))


def _fire_kind(name: str, of_subject: Mapping[int, list[int]], now: datetime) -> int:
    kind = subjects.kind(name)
    held = kind.lock(sorted(of_subject), True)  # a subject that a person holds just now is served in the next turn
    ids = [pk for subject in held for pk in of_subject[subject]]
    if not ids:
        return 0
    claimed = due.claim(Clock, ids, now)
    clocks = list(Clock.objects.filter(pk__in=claimed).order_by("pk"))
    waited = [c.subject_id for c in clocks if c.state == Clock.State.PENDING]
    points = [point for clock in clocks for point in _pop(clock, now)]
    points.sort(key=lambda p: (p.at, p.clock_id))
    _write(clocks)
    for subject in dict.fromkeys(waited):  # late without ever being accepted: it counts from its receipt on (C8)
        keep(name, subject, now)
    recipients = kind.recipients(held, points)
    _record(points, recipients, now)
    raising.raise_alerts(_notices(points, recipients, {c.pk: c for c in clocks}), now=now)
    kind.on_clock(held, points, now)
    kind.clocks_changed(held)
    return len(clocks)


def _pop(clock: Clock, now: datetime) -> list[Point]:
    """Mark the clock's due points as facts; a due instant that passed while it ran makes it late from that instant."""
    points = []
    for code, at in sorted(clock.points, key=lambda p: p[1]):
        instant = instant_of(at)
        if instant is None or instant > now or (code in clock.fired and at <= clock.fired[code]):
            continue
        clock.fired[code] = at
        if code == "due" and clock.state in (Clock.State.RUNNING, Clock.State.PENDING):
            clock.state, clock.breached_at = Clock.State.BREACHED, instant
        points.append(
            Point(clock.pk, clock.subject_kind, clock.subject_id, clock.metric, clock.seq, code, instant, now)
        )
    arm(clock)
    return points


def _write(clocks: Sequence[Clock]) -> None:
    """One statement a row, sent together: a CASE over fifty rows costs more than fifty updates by key."""
    fired = "%s::jsonb" if connection.vendor == "postgresql" else "%s"
    adapt = connection.ops.adapt_datetimefield_value
    rows = [(c.state, adapt(c.breached_at), json.dumps(c.fired), adapt(c.wake_at), c.pk) for c in clocks]
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE clocks_clock SET state = %s, breached_at = %s, fired = {fired}, wake_at = %s "  # noqa: S608
            "WHERE id = %s",
            rows,
        )


def _record(points: Sequence[Point], recipients: Mapping[Point, Sequence[subjects.Recipient]], now: datetime) -> None:
    journal.record(
        SYSTEM,
        [
            journal.Fact(
                p.subject_kind,
                p.subject_id,
                FACTS.get(p.code, "clock.escalated"),
                p.at,
                {"clock": p.clock_id, "metric": p.metric, "seq": p.seq, "point": p.code},
                [f"person:{r.person_id}" for r in recipients.get(p, ())],
            )
            for p in points
        ],
        now=now,
    )


def _notices(
    points: Sequence[Point], recipients: Mapping[Point, Sequence[subjects.Recipient]], clocks: Mapping[int, Clock]
) -> list[raising.Notice]:
    """One notice for each clock and person: where several points came at once, the last one says it all."""
    last: dict[tuple[int, int], tuple[Point, str]] = {}
    for point in points:
        for recipient in recipients.get(point, ()):
            last[point.clock_id, recipient.person_id] = (point, recipient.capacity)
    return [
        raising.Notice(
            key=f"clock:{point.clock_id}:{point.code}:{second_of(point.at)}:{person}",
            person_id=person,
            capacity=capacity,
            kind=f"clock.{point.code}",
            severity=SEVERITY.get(point.code, "critical"),
            subject_kind=point.subject_kind,
            subject_id=point.subject_id,
            at=point.at,
            late=now_is_late(point),
            data=_about(point, clocks[point.clock_id]),
        )
        for (_clock, person), (point, capacity) in last.items()
    ]


def now_is_late(point: Point) -> bool:
    return point.noticed_at - point.at > LATE_AFTER


def _about(point: Point, clock: Clock) -> dict[str, Any]:
    return {
        "clock": point.clock_id,
        "metric": point.metric,
        "seq": point.seq,
        "point": point.code,
        "due_at": clock.due_at.isoformat() if clock.due_at else None,
    }
