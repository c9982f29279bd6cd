"""Reads of the clocks floor: compiled standards and calendars by version, a subject's clocks, pills for lists."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jiying.base import documents, journal
from jiying.base.models import Job, JournalEntry, VersionedDocument
from jiying.clocks.models import Clock
from jiying.core import clocks as core
from jiying.core.calendars import Calendar, CalendarSpec, compile_calendar
from jiying.core.standards import Agreement, Standard, parse, parse_agreement, promised

AGREEMENT = "collaboration"  # the kind of documents that departments agree on, one for each
STANDARD = "default"  # the one standard set; its rows tell channels, priorities, tiers and categories apart


@lru_cache(maxsize=64)
def standard(version: int) -> Standard:
    """A version of the standard set. Versions never change, so what was parsed is kept."""
    return parse({**documents.get("standard", STANDARD, version).body, "version": version})


@lru_cache(maxsize=128)
def calendar(key: str, version: int) -> Calendar:
    """A version of a calendar, compiled once for each process."""
    return compile_calendar(CalendarSpec.from_json(documents.get("calendar", key, version).body))


class StoredBook:
    """The versions that `core.clocks.fold` asks for, from the database."""

    def standard(self, version: int) -> Standard:
        return standard(version)

    def calendar(self, key: str, version: int) -> Calendar:
        return calendar(key, version)


BOOK = StoredBook()


@lru_cache(maxsize=64)
def agreement(key: str, version: int) -> Agreement:
    """An approved version of a department's collaboration standard (C6a)."""
    return parse_agreement(key, version, documents.get(AGREEMENT, key, version).body)


def agreements(now: datetime) -> dict[str, Agreement]:
    """The versions in force by department; `any` holds for those without one of their own."""
    return {key: agreement(key, number) for key, number in documents.in_force(AGREEMENT, now).items()}


def promise_of(department: str, kind: str | None, now: datetime) -> dict[str, Any]:
    """What a request to a department binds itself to: target, place and agreement. Empty where nothing is agreed."""
    found = promised(agreements(now), department, kind)
    if found is None:
        return {}
    return {
        "target": found.entry.target._asdict(),
        "row": found.row[:80],
        "agreement": {"key": found.agreement.key, "version": found.agreement.version},
    }


def versions_in_force(now: datetime) -> dict[str, Any]:
    """What the `opened` event of a subject binds it to: {"standard": n, "calendars": {key: n}}."""
    return {
        "standard": documents.in_force("standard", now)[STANDARD],
        "calendars": dict(documents.in_force("calendar", now)),
    }


def standard_of(subject_kind: str, subject_id: int, now: datetime) -> Standard:
    """The standard that a subject is held to: the version that it started with or was re-dated to (C7).

    For a subject without any clock, the one in force.
    """
    rows = Clock.objects.filter(subject_kind=subject_kind, subject_id=subject_id)
    version = rows.values_list("standard_version", flat=True).first()
    return standard(version or versions_in_force(now)["standard"])


def second_of(at: datetime) -> int:
    """The second in which an instant ends: so "stopped at or before due" is exact in whole seconds (ADR 0006)."""
    return math.ceil(at.timestamp())


def instant_of(second: int | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, UTC)


def event_of(entry: JournalEntry) -> core.Event:
    """A journal entry as the fold takes it: its code without the feature's prefix."""
    return core.Event(second_of(entry.at), entry.pk, entry.kind.partition(".")[2], entry.data)


def events_of(subject_kind: str, subject_id: int) -> list[core.Event]:
    own = f"{subject_kind}."
    return [event_of(e) for e in journal.of(subject_kind, subject_id) if e.kind.startswith(own)]


def of_subject(subject_kind: str, subject_id: int) -> list[Clock]:
    rows = Clock.objects.filter(subject_kind=subject_kind, subject_id=subject_id)
    return list(rows.select_related("cause").order_by("metric", "seq"))


@dataclass(frozen=True, slots=True)
class Pill:
    """A clock as the browser ticks it: epoch seconds; `open` are the open intervals from now to the due instant."""

    clock: Clock
    due: int | None
    warn1: int | None
    warn2: int | None
    left_s: int | None  # working seconds left at `now`; negative when late
    open: str  # "start-end,start-end"
    calendar: str


MAX_INTERVALS = 40  # enough for some weeks of working days; beyond, the browser shows the due day only


def pill(clock: Clock, now: datetime) -> Pill:
    due = second_of(clock.due_at) if clock.due_at else None
    points = dict((code, at) for code, at in clock.points)
    fired = clock.fired
    left, spans = None, ""
    if due is not None:
        hours = calendar(clock.calendar, clock.calendar_version)
        at = second_of(clock.paused_at) if clock.paused_at else int(now.timestamp())
        left = hours.between(at, due)
        if clock.state == Clock.State.RUNNING and left > 0:
            spans = ",".join(f"{a}-{b}" for a, b in hours.intervals(at, due)[:MAX_INTERVALS])
    return Pill(
        clock=clock,
        due=due,
        warn1=fired.get("warn1", points.get("warn1")),
        warn2=fired.get("warn2", points.get("warn2")),
        left_s=left,
        open=spans,
        calendar=clock.calendar,
    )


OPEN_STATES = (Clock.State.PENDING, Clock.State.RUNNING, Clock.State.PAUSED, Clock.State.BREACHED)
# Which clock a list row shows: what is late or due comes before what waits.
_RANK = {Clock.State.BREACHED: 0, Clock.State.RUNNING: 0, Clock.State.PENDING: 1, Clock.State.PAUSED: 2}


def next_pills(subject_kind: str, ids: Collection[int], now: datetime) -> dict[int, Pill]:
    """For each subject the clock that matters next, in one query."""
    rows = Clock.objects.filter(
        subject_kind=subject_kind,
        subject_id__in=ids,
        ended_at__isnull=True,
        state__in=OPEN_STATES,
        due_at__isnull=False,
    )
    best: dict[int, Clock] = {}
    for row in rows:
        other = best.get(row.subject_id)
        if other is None or _urgency(row) < _urgency(other):
            best[row.subject_id] = row
    return {subject: pill(row, now) for subject, row in best.items()}


def _urgency(clock: Clock) -> tuple[int, float]:
    return _RANK[Clock.State(clock.state)], clock.due_at.timestamp() if clock.due_at else math.inf


def next_due(clocks: Iterable[Clock]) -> tuple[datetime | None, bool]:
    """What a subject's own row copies: its next due instant (a late one counts first), and whether any is late."""
    open_clocks = [c for c in clocks if c.is_open and c.due_at is not None]
    ticking = [c.due_at for c in open_clocks if c.state in (Clock.State.RUNNING, Clock.State.BREACHED) and c.due_at]
    waiting = [c.due_at for c in open_clocks if c.state == Clock.State.PENDING and c.due_at]
    late = any(c.state == Clock.State.BREACHED for c in open_clocks)
    return (min(ticking or waiting, default=None), late)


def calendars(now: datetime) -> list[VersionedDocument]:
    """The version in force of each calendar, by key."""
    found = [documents.get("calendar", key, n) for key, n in documents.in_force("calendar", now).items()]
    return sorted(found, key=lambda d: d.key)


def uncovered_years(now: datetime) -> Mapping[str, list[int]]:
    """{calendar key: years from now on, up to the next one, whose statutory days are not known} (C2)."""
    gaps = {document.key: uncovered(document.body, now) for document in calendars(now)}
    return {key: years for key, years in gaps.items() if years}


def uncovered(body: Mapping[str, Any], now: datetime) -> list[int]:
    """Of one calendar: this year and the next, as far as nobody knows their statutory days."""
    last = body.get("last_year")
    return [year for year in (now.year, now.year + 1) if last is not None and year > last]


def coverage_warnings(now: datetime) -> dict[str, str]:
    """For `/health/ready`: which calendars lack which years."""
    gaps = uncovered_years(now)
    told = "; ".join(f"{key}: {', '.join(map(str, years))}" for key, years in sorted(gaps.items()))
    return {"calendars": f"statutory days not known ({told})"} if gaps else {}


def history(kind: str, key: str, limit: int = 20) -> list[VersionedDocument]:
    """The versions of a document, newest first, with who made and who approved them."""
    rows = VersionedDocument.objects.filter(kind=kind, key=key).select_related("created_by")
    return list(rows.prefetch_related("approvals__person").order_by("-number")[:limit])


def drafted_since(at: datetime) -> list[VersionedDocument]:
    """Versions of the standard set made since then that were not given up and did not hold before, the newest first."""
    made = VersionedDocument.objects.filter(kind="standard", key=STANDARD, created_at__gte=at)
    made = made.exclude(state=VersionedDocument.State.REJECTED)
    return list(made.exclude(state=VersionedDocument.State.APPROVED, effective_from__lte=at).order_by("-number"))


def latest_number(kind: str, key: str) -> int:
    """The number of the newest version, in force or not; 0 where there is none."""
    rows = VersionedDocument.objects.filter(kind=kind, key=key).order_by("-number")
    return rows.values_list("number", flat=True).first() or 0


def latest_job(job_kind: str, **params: Any) -> Job | None:
    """The newest background job of this kind with these parameters."""
    found = {f"params__{name}": value for name, value in params.items()}
    return Job.objects.filter(kind=job_kind, **found).select_related("created_by").order_by("-pk").first()


def facts_of_document(document_id: int) -> list[JournalEntry]:
    """What happened to a version: drafted, edited, proposed, approved, rejected."""
    return journal.of("document", document_id)


def forget() -> None:
    """Drop all that is kept (between tests)."""
    standard.cache_clear()
    agreement.cache_clear()
    calendar.cache_clear()
    documents.forget()
