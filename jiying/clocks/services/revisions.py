"""The quarterly revision of the standard set (C7): falls due by itself with its evidence, ends with a decision.

A kind of subject of its own: its clock warns and turns late like any other promise. One for each quarter, however many
workers look; a quarter in which nothing was decided needs none.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from jiying.alerts.services import approvals, raising
from jiying.alerts.services import reading as alerts
from jiying.base import journal, subjects
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.models import VersionedDocument
from jiying.base.policies import has, require
from jiying.base.transactions import short
from jiying.clocks import queries
from jiying.clocks.models import Revision
from jiying.clocks.queries import STANDARD, evidence
from jiying.clocks.services.keeping import keep
from jiying.core import quarters

KIND = "revision"
VIEW, RIGHT, OVERSIGHT = "clocks.view", "clocks.edit", "clocks.approve_supervisor"
FIRST = {"amount": 10, "unit": "wd", "calendar": "work"}  # for standard sets that promise nothing of it
LATE_START = timedelta(days=7)  # seen later than this (a new house, imported history): it counts from then
MAX_NOTE = 2000
State = VersionedDocument.State


def fall_due(at: datetime) -> Revision | None:
    """Open the revision of the quarter that has ended, unless it is there or nothing was decided in it."""
    zone = ZoneInfo(settings.TIME_ZONE)
    quarter = quarters.ended_before(at, zone)
    if Revision.objects.filter(quarter=quarter).exists():
        return None
    since, until = quarters.bounds(quarter, zone)
    found = evidence.gather(since, until)
    if not (found["rows"] or found["departments"]):
        return None
    return _open(quarter, found, until if at - until < LATE_START else at, at)


def look(at: datetime) -> None:
    """The periodic task."""
    fall_due(at)


@short
def _open(quarter: str, found: Mapping[str, Any], opened_at: datetime, now: datetime) -> Revision | None:
    """All in one transaction; None where another worker was quicker."""
    row, is_new = Revision.objects.get_or_create(
        quarter=quarter, defaults={"opened_at": opened_at, "evidence": dict(found)}
    )
    if not is_new:
        return None
    bound = queries.versions_in_force(now)
    data = {"metric": KIND, "quarter": quarter, **bound}
    if KIND not in queries.standard(bound["standard"]).promises:
        data["target"] = FIRST
    people = _concerned(RIGHT)
    rings = [f"person:{person}" for person in people]
    journal.record(SYSTEM, [journal.Fact(KIND, row.pk, f"{KIND}.asked", opened_at, data, rings)], now=now)
    keep(KIND, row.pk, now)
    raising.raise_alerts([_notice(row, person, now) for person in people], now=now)
    return row


def _notice(row: Revision, person: int, now: datetime) -> raising.Notice:
    return raising.Notice(
        key=f"revision.open:{row.pk}:{person}",
        person_id=person,
        capacity="responder",
        kind="revision.open",
        severity="notice",
        subject_kind=KIND,
        subject_id=row.pk,
        at=now,
        data={"quarter": row.quarter},
    )


def _concerned(right: str) -> list[int]:
    return [person.pk for person in approvals.concerned({right})]


@short
def finish(
    *, actor: Actor, quarter: str, outcome: str, note: str, version: int | None = None, now: datetime
) -> Revision:
    """Decide: the standard stays (with the reason), or a version drafted since then comes of it."""
    require(actor, RIGHT)
    row = Revision.objects.select_for_update().filter(quarter=quarter).first()
    if row is None:
        raise NotFound(KIND, quarter)
    if not row.is_open:
        raise Conflict.one("revision_done")
    if outcome not in Revision.Outcome.values:
        raise Invalid.one("outcome", "unknown_value", value=outcome, known=", ".join(Revision.Outcome.values))
    if outcome == "kept" and not note.strip():
        raise Invalid.one("note", "required", field="note")
    if len(note) > MAX_NOTE:
        raise Invalid.one("note", "too_long", limit=MAX_NOTE, length=len(note))
    if outcome == "changed" and not _is_new(version, row):
        raise Invalid.one("version", "revision_no_version", version=version or "–")
    return _end(actor, row, outcome, note.strip(), version if outcome == "changed" else None, now)


def _is_new(version: int | None, row: Revision) -> bool:
    return version in {one.number for one in queries.drafted_since(row.opened_at)}


def finish_by_version(document: VersionedDocument, actor: Actor, now: datetime) -> None:
    """A version that was approved answers the revisions that were open when it was drafted."""
    for row in Revision.objects.select_for_update().filter(done_at=None, opened_at__lte=document.created_at):
        _end(actor, row, "changed", document.note, document.number, now)


def _end(actor: Actor, row: Revision, outcome: str, note: str, version: int | None, now: datetime) -> Revision:
    row.outcome, row.note, row.version, row.done_by, row.done_at = outcome, note, version, actor.person, now
    row.save(update_fields=["outcome", "note", "version", "done_by", "done_at"])
    data = {"metric": KIND, "outcome": outcome, "version": version, "note": note}
    journal.record(actor, [journal.Fact(KIND, row.pk, f"{KIND}.answered", now, data)], now=now)
    keep(KIND, row.pk, now)
    alerts.withdraw(KIND, [row.pk], now)
    return row


# --- as a kind of subject --------------------------------------------------------------------------------------------


def _lock(ids: Collection[int], skip_locked: bool) -> Mapping[int, Revision]:
    rows = Revision.objects.select_for_update(skip_locked=skip_locked, of=("self",)).filter(pk__in=ids)
    return {row.pk: row for row in rows.order_by("pk")}


def _recipients(
    held: Mapping[int, Revision], points: Sequence[subjects.Point]
) -> Mapping[subjects.Point, Sequence[subjects.Recipient]]:
    """Those who draft; once it is late also those who approve."""
    drafting, approving = _concerned(RIGHT), _concerned(OVERSIGHT)
    found = {}
    for point in points:
        people = dict.fromkeys(drafting, "responder")
        if point.code not in ("warn1", "warn2"):
            people = dict.fromkeys(approving, "supervisor") | people
        found[point] = [subjects.Recipient(person, capacity) for person, capacity in people.items()]
    return found


def _describe(ids: Collection[int]) -> Mapping[int, subjects.Described]:
    titles = {one.number: one.label for one in queries.history("standard", STANDARD, 1)}
    title = next(iter(titles.values()), "")
    return {
        row.pk: subjects.Described(row.quarter, title, reverse("standards:revision", args=[row.quarter]))
        for row in Revision.objects.filter(pk__in=ids)
    }


def _still_true(ids: Collection[int]) -> Collection[int]:
    return set(Revision.objects.filter(pk__in=ids, done_at=None).values_list("pk", flat=True))


SUBJECT = subjects.Kind(
    name=KIND,
    lock=_lock,
    visible=lambda actor, revision_id: has(actor, VIEW),
    recipients=_recipients,
    describe=_describe,
    still_true=_still_true,
)
