"""The due sweep: turns points whose instant has come into facts and alerts, in batches, each exactly once (C14-C17)."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from jiying.alerts.services import raising
from jiying.base import due, journal, subjects
from jiying.base.actor import SYSTEM
from jiying.base.subjects import Point
from jiying.clocks.models import Clock
from jiying.clocks.queries import instant_of, second_of
from jiying.clocks.services.keeping import arm, keep

SEVERITY = {"warn1": "notice", "warn2": "warning", "due": "breach"}
FACTS = {"warn1": "clock.warned", "warn2": "clock.warned", "due": "clock.breached"}


@dataclass(frozen=True, slots=True)
class _Taken:
    """What this turn has claimed of one kind of subject; `points` are all that have come by now."""

    kind: subjects.Kind
    held: Mapping[int, Any]
    clocks: Sequence[Clock]
    points: Sequence[Point]


def fire(ids: Sequence[int], now: datetime) -> int:
    """Serve the due points of these clocks in the caller's transaction: subject, then clock, then everything else.

    Only points up to the instant of the next clock that waits: over all batches they are facts in order of time (C17).
    A subject that a person holds just now is served in the next turn, for no promise may wait for it; when catching
    up, all wait for it, for order is what counts then.
    """
    rows = Clock.objects.filter(pk__in=ids, wake_at__lte=now).values_list("subject_kind", "subject_id", "pk", "wake_at")
    wanted: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for kind, subject, pk, _at in rows:
        wanted[kind][subject].append(pk)
    instants = [at for *_, at in rows if at]
    until = _until(ids, max(instants, default=now), now)
    pass_by = now - min(instants, default=now) <= due.LATE_AFTER
    taken = [_take(kind, of_subject, until, now, pass_by) for kind, of_subject in sorted(wanted.items())]
    points = sorted((p for t in taken for p in t.points), key=lambda p: (p.at, p.clock_id))
    recipients = {p: told for t in taken for p, told in t.kind.recipients(t.held, t.points).items()}
    clocks = {clock.pk: clock for t in taken for clock in t.clocks}
    _record([p for p in points if p.at <= until], recipients, now)
    raising.raise_alerts([n for n in _notices(points, recipients, clocks) if n.at <= until], now=now)
    for t in taken:
        t.kind.on_clock(t.held, [p for p in t.points if p.at <= until], now)
        t.kind.clocks_changed(t.held)
    return len(clocks)


def _until(ids: Sequence[int], last: datetime, now: datetime) -> datetime:
    """The instant of the first due clock behind these, or `now` where there is none."""
    behind = Clock.objects.filter(wake_at__gte=last, wake_at__lte=now).exclude(pk__in=ids).order_by("wake_at")
    return behind.values_list("wake_at", flat=True).first() or now


def _take(name: str, of_subject: Mapping[int, list[int]], until: datetime, now: datetime, pass_by: bool) -> _Taken:
    """Lock the subjects, claim their clocks and mark what has come. KeyError for a kind that nobody knows."""
    kind = subjects.kind(name)
    held = kind.lock(sorted(of_subject), pass_by)
    if lost := set(of_subject) - set(held) - set(kind.describe(of_subject.keys() - held.keys())):
        raise LookupError(f"no {name} {sorted(lost)}")
    ids = [pk for subject in held for pk in of_subject[subject]]
    claimed = due.claim(Clock, ids, now) if ids else ()
    clocks = list(Clock.objects.filter(pk__in=claimed).order_by("pk"))
    waited = [c.subject_id for c in clocks if c.state == Clock.State.PENDING]
    points = [point for clock in clocks for point in _pop(clock, until, now)]
    _write(clocks)
    for subject in dict.fromkeys(waited):  # late without ever being accepted: it counts from its receipt on (C8)
        keep(name, subject, now)
    return _Taken(kind, held, clocks, points)


def _pop(clock: Clock, until: datetime, now: datetime) -> list[Point]:
    """The points that have come by `now`; those up to `until` are marked as facts.

    A due instant that passed while the clock ran makes it late from that instant.
    """
    points = []
    for code, at in sorted(clock.points, key=lambda p: p[1]):
        instant = instant_of(at)
        if instant is None or instant > now or (code in clock.fired and at <= clock.fired[code]):
            continue
        points.append(
            Point(clock.pk, clock.subject_kind, clock.subject_id, clock.metric, clock.seq, code, instant, now)
        )
        if instant > until:
            continue
        clock.fired[code] = at
        if code == "due" and clock.state in (Clock.State.RUNNING, Clock.State.PENDING):
            clock.state, clock.breached_at = Clock.State.BREACHED, instant
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
    last: dict[tuple[int, int], tuple[Point, subjects.Recipient]] = {}
    for point in points:
        for recipient in recipients.get(point, ()):
            last[point.clock_id, recipient.person_id] = (point, recipient)
    return [
        raising.Notice(
            key=f"clock:{point.clock_id}:{point.code}:{second_of(point.at)}:{person}",
            person_id=person,
            capacity=recipient.capacity,
            kind=f"clock.{point.code}",
            severity=SEVERITY.get(point.code, "critical"),
            subject_kind=point.subject_kind,
            subject_id=point.subject_id,
            at=point.at,
            late=now_is_late(point),
            data=_about(point, clocks[point.clock_id]),
            ways=recipient.ways,
        )
        for (_clock, person), (point, recipient) in last.items()
    ]


def now_is_late(point: Point) -> bool:
    return point.noticed_at - point.at > due.LATE_AFTER


def _about(point: Point, clock: Clock) -> dict[str, Any]:
    return {
        "clock": point.clock_id,
        "metric": point.metric,
        "seq": point.seq,
        "point": point.code,
        "due_at": clock.due_at.isoformat() if clock.due_at else None,
    }
