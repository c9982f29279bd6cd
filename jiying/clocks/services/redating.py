"""Re-dates running clocks after a calendar edit, or a standard approved with "re-date" (C5, C7): one job with progress.

Each subject gets a `redated` fact with the new versions; the fold does the rest. Ended clocks keep their verdict.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import takewhile
from typing import Any

from django.db.models import QuerySet

from jiying.base import documents, journal, subjects
from jiying.base.actor import SYSTEM
from jiying.base.models import Job, VersionedDocument
from jiying.clocks.models import Clock
from jiying.clocks.queries import AGREEMENT, OPEN_STATES, events_of, promise_of
from jiying.clocks.services.keeping import keep
from jiying.core.clocks.subject import BY_DEPARTMENT
from jiying.core.standards import ANY

BATCH = 50


def step(job: Job, now: datetime) -> bool:
    """One batch of subjects, in the caller's transaction; True when none is left, or the version was withdrawn."""
    about = {name: job.params[name] for name in ("kind", "key", "number")}
    if not VersionedDocument.objects.filter(**about, state=VersionedDocument.State.APPROVED).exists():
        return True
    rows = _concerned(job)
    if not job.n_total:
        job.n_total = rows.values("subject_kind", "subject_id").distinct().count()
    last = int(job.cursor.get("clock", 0))
    found = list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", "subject_kind", "subject_id")[:BATCH])
    if not found:
        job.n_done = job.n_total
        return True
    # One kind a transaction: who answers a question locks its ticket first, then the question.
    found = list(takewhile(lambda row: row[1] == found[0][1], found))
    kind, ids = found[0][1], sorted({subject for _pk, _kind, subject in found})
    job.n_done = min(job.n_total, job.n_done + _redate(kind, ids, _binder(job, kind, now), now))
    job.cursor = {"clock": found[-1][0]}
    return False


def _concerned(job: Job) -> QuerySet[Clock]:
    """Open clocks that go by an older version of what was changed; of requests to departments, those it is for."""
    rows = Clock.objects.filter(ended_at__isnull=True, state__in=OPEN_STATES)
    kind, key = job.params["kind"], job.params["key"]
    if kind == "calendar":
        return rows.filter(calendar=key, calendar_version__lt=job.params["number"])
    if kind == AGREEMENT:
        rows = rows.filter(metric__in=BY_DEPARTMENT)
        return rows if key == ANY else rows.filter(row__startswith=f"{key}/")
    return rows.filter(standard_version__lt=job.params["number"])


_Binder = Callable[[int], dict[str, Any]]


def _binder(job: Job, kind: str, now: datetime) -> _Binder:
    """What each subject is bound to from now on."""
    if job.params["kind"] == "calendar":
        return lambda subject: {"calendars": {job.params["key"]: job.params["number"]}}
    calendars = dict(documents.in_force("calendar", now))
    if job.params["kind"] == AGREEMENT:
        return lambda subject: {"calendars": calendars, "promised": _promised(kind, subject, now)}
    return lambda subject: {"standard": job.params["number"], "calendars": calendars}


def _promised(kind: str, subject: int, now: datetime) -> dict[str, Any]:
    """What departments promise today for what was asked: {metric: promise}."""
    asked = [e.data for e in events_of(kind, subject) if e.kind == "asked" and "department" in e.data]
    return {str(a["metric"]): promise_of(str(a["department"]), a.get("kind"), now) for a in asked}


def _redate(name: str, ids: list[int], bound: _Binder, now: datetime) -> int:
    kind = subjects.kind(name)
    held = kind.lock(ids, False)
    facts = [journal.Fact(name, subject, f"{name}.redated", now, bound(subject)) for subject in held]
    journal.record(SYSTEM, facts, now=now)
    for subject in held:
        keep(name, subject, now)
    kind.clocks_changed(held)
    return len(held)


def stored_as_folded() -> Iterable[str]:
    """For `jiying check`: every open clock is what its journal says."""
    from django.utils import timezone

    from jiying.clocks.services.keeping import plan

    now = timezone.now()
    rows = Clock.objects.filter(ended_at__isnull=True, state__in=OPEN_STATES)
    for kind, subject in rows.values_list("subject_kind", "subject_id").distinct().iterator():
        folded = {(c.metric, c.seq): (c.due_at, c.ended_at) for c in plan(events_of(kind, subject), now)}
        for clock in Clock.objects.filter(subject_kind=kind, subject_id=subject):
            says = folded.pop((clock.metric, clock.seq), None)
            if says != (clock.due_at, clock.ended_at):
                yield f"clocks: {kind} {subject} {clock.metric}#{clock.seq} differs from its journal"
        for metric, seq in folded:
            yield f"clocks: {kind} {subject} lacks {metric}#{seq}"
