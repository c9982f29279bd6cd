"""Keeps stored clocks equal to the fold of their journal. The caller holds the subject's lock and recorded the event.

Always a whole fold: a late or corrected event needs no path of its own, and live and replay cannot differ (C12).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F

from jiying.alerts.services import reading as alerts
from jiying.base import journal
from jiying.base.actor import SYSTEM
from jiying.base.inserting import insert
from jiying.base.models import JournalEntry
from jiying.clocks.models import BreachCause, Clock
from jiying.clocks.queries import BOOK, events_of, instant_of, second_of
from jiying.core import clocks as core

_FIELDS = (
    "seq",
    "origin",
    "state",
    "started_at",
    "due_at",
    "ended_at",
    "breached_at",
    "paused_at",
    "paused_reason",
    "target_s",
    "calendar",
    "calendar_version",
    "standard_version",
    "row",
    "runs",
    "points",
    "fired",
    "wake_at",
)


def plan(events: Sequence[core.Event], now: datetime) -> list[Clock]:
    """The clocks that events give, as rows not yet stored: a new ticket is inserted with its due time at once."""
    version = _version(events)
    return [_row(clock, version) for clock in core.fold(events, BOOK, int(now.timestamp()))]


def store_new(subject_kind: str, subject_id: int, planned: Sequence[Clock], entries: Sequence[JournalEntry]) -> None:
    """Insert the clocks of a subject that was just created, in one statement.

    `entries` are the facts of which they were planned, with the ids that these had not got then: 0, 1, 2 …
    """
    for row in planned:
        row.subject_kind, row.subject_id = subject_kind, subject_id
        row.origin = entries[row.origin or 0].pk
    insert(planned)


def keep(subject_kind: str, subject_id: int, now: datetime) -> list[Clock]:
    """Fold the subject's journal again and write what changed; returns all its clocks.

    A breach of a clock that ends or rests now becomes a fact dated at its due instant; one that runs on is the sweep's,
    which also alerts. A verdict that a late event changed is journalled as a correction. Alerts whose reason has passed
    with it leave the screens.
    """
    stored = list(
        Clock.objects.select_for_update().filter(subject_kind=subject_kind, subject_id=subject_id).order_by("pk")
    )
    planned = plan(events_of(subject_kind, subject_id), now)
    known = same_clocks(stored, planned)
    facts: list[journal.Fact] = []
    new: list[Clock] = []
    changed: list[tuple[Clock, Clock]] = []
    for n, row in enumerate(planned):
        row.subject_kind, row.subject_id = subject_kind, subject_id
        old = known.get(n)
        if old is not None:
            _carry(old, row)
        facts.extend(_verdict_facts(old, row, now))
        arm(row)
        if old is None:
            new.append(row)
        elif _differs(old, row):
            changed.append((old, row))
    kept = {old.pk for old in known.values()}
    gone = [old for old in stored if old.pk not in kept]
    facts.extend(_withdraw_causes(gone, now))
    _write(new, changed, gone)
    settled = [row.pk for old, row in changed if _settles_alerts(old, row)] + [row.pk for row in gone]
    if settled:
        alerts.withdraw(subject_kind, [subject_id], now, {"clock": settled})
    if facts:
        journal.record(SYSTEM, facts, now=now)
    return list(Clock.objects.filter(subject_kind=subject_kind, subject_id=subject_id).order_by("metric", "seq"))


def same_clocks(stored: Sequence[Clock], planned: Sequence[Clock]) -> dict[int, Clock]:
    """{place in `planned`: the stored row of the same clock}; what was fired and why it was late go by it.

    A clock is named by what began it, never by its number: a message that comes late may begin an earlier one, and all
    after it count anew. Rows of histories written in bulk do not know yet what began them. A wait that is measured from
    an earlier message now is still the same wait: the row of the later one is its.
    """
    found: dict[int, Clock] = {}
    left = {row.pk: row for row in stored}
    for same in (_same_origin, _same_start, _same_number, _same_wait):
        for n, row in enumerate(planned):
            if n in found:
                continue
            old = next((o for o in left.values() if o.metric == row.metric and same(o, row)), None)
            if old is not None:
                found[n] = left.pop(old.pk)
    return found


def _same_origin(old: Clock, row: Clock) -> bool:
    return old.origin == row.origin


def _same_start(old: Clock, row: Clock) -> bool:
    return old.origin is None and old.started_at is not None and old.started_at == row.started_at


def _same_number(old: Clock, row: Clock) -> bool:
    return old.origin is None and old.seq == row.seq


def _same_wait(old: Clock, row: Clock) -> bool:
    if old.started_at is None or row.started_at is None:
        return False
    return row.started_at <= old.started_at and (row.ended_at is None or old.started_at <= row.ended_at)


def _withdraw_causes(gone: Sequence[Clock], now: datetime) -> list[journal.Fact]:
    """The causes named for clocks that never were: kept, but no breach's any more."""
    if not gone:
        return []
    clocks = {row.pk: row for row in gone}
    causes = list(BreachCause.objects.filter(clock__in=clocks).order_by("pk"))
    BreachCause.objects.filter(pk__in=[c.pk for c in causes]).update(state=BreachCause.State.WITHDRAWN, clock=None)
    alerts.withdraw("cause", [c.pk for c in causes], now, kind="cause.waits")
    facts = []
    for cause in causes:
        row = clocks[cause.clock_id or 0]
        about = {"clock": row.pk, "metric": row.metric, "seq": row.seq, "cause": cause.pk, "code": cause.code}
        facts.append(_fact(row, "clock.cause_withdrawn", now, {**about, "was": cause.state}))
    return facts


def _settles_alerts(old: Clock, row: Clock) -> bool:
    """Whether what was said of this clock holds no more: it ended, pauses, or is due at another instant."""
    return bool(row.fired) and (not row.is_open or row.paused_at is not None or row.due_at != old.due_at)


def _version(events: Sequence[core.Event]) -> int:
    versions = [e.data["standard"] for e in events if "standard" in e.data]
    return int(versions[-1]) if versions else 0


def _row(clock: core.Clock, version: int) -> Clock:
    key, calendar_version = clock.calendar
    row = Clock(
        metric=clock.metric,
        seq=clock.seq,
        origin=clock.origin,
        state=str(clock.state),
        started_at=instant_of(clock.started_at),
        due_at=instant_of(clock.due_at),
        ended_at=instant_of(clock.ended_at),
        breached_at=instant_of(clock.breached_at),
        paused_at=instant_of(clock.paused_at),
        paused_reason=clock.paused_reason or "",
        target_s=clock.target_s,
        calendar=key,
        calendar_version=calendar_version,
        standard_version=version,
        row=clock.row,
        runs=[list(run) for run in clock.runs],
        points=[[point.code, point.at] for point in clock.points],
    )
    arm(row)
    return row


def arm(row: Clock) -> None:
    """Set `wake_at` to the first point that has not been a fact yet."""
    waiting = [at for code, at in row.points if not _was_fired(row.fired, code, at)]
    row.wake_at = instant_of(min(waiting)) if waiting else None


def _was_fired(fired: Mapping[str, int], code: str, at: int) -> bool:
    """A point fires again only if it moved to a later instant (another target): then it is another promise."""
    return code in fired and at <= fired[code]


def _carry(old: Clock, row: Clock) -> None:
    """Give the new row the old one's identity and fired points."""
    row.pk, row.fired = old.pk, dict(old.fired)
    row.fence, row.attempts, row.parked_at, row.last_error = old.fence, old.attempts, old.parked_at, old.last_error


def _differs(old: Clock, row: Clock) -> bool:
    return any(getattr(old, name) != getattr(row, name) for name in _FIELDS)


def _is_untold(row: Clock) -> bool:
    """Whether the breach has not been a fact yet."""
    return row.breached_at is not None and not _was_fired(row.fired, "due", second_of(row.breached_at))


def _is_left_to_sweep(row: Clock) -> bool:
    """A clock that runs on late still has its due point: the sweep makes the fact and alerts those who must know."""
    return any(code == "due" for code, _at in row.points)


def _verdict_facts(old: Clock | None, row: Clock, now: datetime) -> list[journal.Fact]:
    """What became of the verdict; a breach that is told here is marked as fired."""
    about: dict[str, Any] = {"metric": row.metric, "seq": row.seq, **({"clock": row.pk} if old else {})}
    if row.breached_at is not None and _is_untold(row):
        if _is_left_to_sweep(row):
            return []
        row.fired["due"] = second_of(row.breached_at)
        return [_fact(row, "clock.breached", row.breached_at, about)]
    if old is None:
        return []
    was_told = old.breached_at is None or not _is_untold(old)
    other_end = old.ended_at and row.ended_at and old.ended_at != row.ended_at
    if (was_told and old.breached_at != row.breached_at) or other_end:
        return [_fact(row, "clock.corrected", now, {**about, "was": _verdict(old), "is": _verdict(row)})]
    return []


def _verdict(row: Clock) -> dict[str, Any]:
    return {
        "state": row.state,
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
    }


def _fact(row: Clock, kind: str, at: datetime, data: Mapping[str, Any]) -> journal.Fact:
    return journal.Fact(row.subject_kind, row.subject_id, kind, at, data)


_APART = 10_000  # numbers of clocks on their way to others, so that none is taken twice meanwhile


def _write(new: list[Clock], changed: list[tuple[Clock, Clock]], gone: list[Clock]) -> None:
    if gone:  # a correction took away the event that had started them
        Clock.objects.filter(pk__in=[row.pk for row in gone]).delete()
    if counted := [row.pk for old, row in changed if old.seq != row.seq]:
        Clock.objects.filter(pk__in=counted).update(seq=F("seq") + _APART)
    for _old, row in changed:
        row.save(update_fields=list(_FIELDS))
    if new:
        insert(new)
