"""The audit (审计): facts of administration and access out of the journal, newest first, told in words; chain checks.

A fact that belongs here gets a mark beside it when it is recorded, so that millions of facts about tickets are never
searched through.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from jiying.base import audit_words, jobs, journal, roster, texts
from jiying.base.actor import Actor
from jiying.base.models import AuditMark, Job, JournalEntry, JournalPosition
from jiying.base.policies import require

RIGHT = "system.audit"
PAGE = 50
CHECK = "audit.chain"
LINKS = 20_000  # checked in one batch
MOST_FAULTS = 20
ACCESS = (
    "person.signed_in",
    "person.signed_out",
    "person.sign_in_failed",
    "person.password_changed",
    "person.password_reset",
    "person.factor_added",
    "person.factor_removed",
    "person.factors_reset",
    "person.sessions_ended",
    "token.issued",
    "token.revoked",
)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One fact: `what` and `detail` in the reader's language, `data` as it was recorded."""

    id: int
    at: datetime
    kind: str
    what: str
    actor: str
    subject_kind: str
    subject_id: int
    subject: str
    subject_url: str
    detail: str
    ip: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditPage:
    items: list[AuditRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is cut to; None: not cut. `person` acted or is the subject."""

    person: int | None = None
    kind: str = ""
    since: date | None = None
    until: date | None = None
    subject_kind: str = ""
    subject_id: int | None = None


def page(actor: Actor, wanted: Wanted, before: int | None, limit: int = PAGE) -> AuditPage:
    require(actor, RIGHT)
    marks = AuditMark.objects.filter(_cut(wanted)).select_related("entry").order_by("-entry_id")
    if before is not None:
        marks = marks.filter(entry_id__lt=before)
    found = [mark.entry for mark in marks[: limit + 1]]
    return AuditPage(rows(found[:limit]), str(found[limit - 1].pk) if len(found) > limit else None)


def _cut(wanted: Wanted) -> Q:
    cut = Q()
    if wanted.person is not None:
        acted = Q(entry__actor_id=wanted.person, entry__actor_kind__in=("person", "token"))
        cut &= acted | Q(entry__subject_kind="person", entry__subject_id=wanted.person)
    if wanted.kind:
        cut &= Q(kind=wanted.kind)
    zone = timezone.get_current_timezone()
    if wanted.since is not None:
        cut &= Q(entry__at__gte=datetime.combine(wanted.since, datetime.min.time(), zone))
    if wanted.until is not None:
        cut &= Q(entry__at__lt=datetime.combine(wanted.until + timedelta(days=1), datetime.min.time(), zone))
    if wanted.subject_kind:
        cut &= Q(entry__subject_kind=wanted.subject_kind)
    if wanted.subject_id is not None:
        cut &= Q(entry__subject_id=wanted.subject_id)
    return cut


def access_of(person_id: int, n: int) -> list[AuditRow]:
    """The last facts of access about one person, for themselves."""
    found = JournalEntry.objects.filter(subject_kind="person", subject_id=person_id, kind__in=ACCESS)
    return rows(list(found.order_by("-at", "-pk")[:n]))


def kinds() -> list[tuple[str, str]]:
    """Kinds of facts that there are, with their words."""
    found = AuditMark.objects.order_by("kind").values_list("kind", flat=True).distinct()
    return sorted(((kind, texts.term("audit", kind)) for kind in found), key=lambda pair: pair[1])


# --- words -----------------------------------------------------------------------------------------------------------


def rows(entries: Iterable[JournalEntry]) -> list[AuditRow]:
    found = list(entries)
    words = audit_words.Words.of(found)
    return [_row(entry, words) for entry in found]


def _row(entry: JournalEntry, words: audit_words.Words) -> AuditRow:
    subject, url = words.subject(entry)
    return AuditRow(
        id=entry.pk,
        at=entry.at,
        kind=entry.kind,
        what=texts.term("audit", entry.kind),
        actor=actor_name(entry),
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        subject=subject,
        subject_url=url,
        detail=words.detail(entry),
        ip=str(entry.data.get("ip", "")),
        data=entry.data,
    )


def actor_name(entry: JournalEntry) -> str:
    by = roster.person(entry.actor_id) if entry.actor_kind in ("person", "token") else None
    if by is None:
        return texts.term("actor", entry.actor_kind)
    return f"{by.name} (API)" if entry.actor_kind == "token" else by.name


# --- the chain -------------------------------------------------------------------------------------------------------


def check_chain(*, actor: Actor, now: datetime) -> Job:
    """Ask the worker to walk the whole chain; its last result stays on the page."""
    require(actor, RIGHT)
    running = last_check()
    if running is not None and running.finished_at is None:
        return running
    return jobs.start(kind=CHECK, params={}, by=actor.person, now=now)


def last_check() -> Job | None:
    return Job.objects.filter(kind=CHECK).order_by("-pk").first()


def last_check_for(actor: Actor) -> Job | None:
    require(actor, RIGHT)
    return last_check()


def _check_step(job: Job, now: datetime) -> bool:
    """One batch of links; what is wrong is kept by position, at most some of it."""
    position = int(job.cursor.get("position", 0))
    job.n_total = JournalPosition.objects.count() if not position else job.n_total
    faults: list[Any] = list(job.result.get("faults", []))
    last, chain, found = journal.check_part(position, str(job.cursor.get("hash", journal.GENESIS)), LINKS)
    faults += [[at, what] for at, what in found]
    job.n_done += last - position if last else 0
    job.result = {"faults": faults[:MOST_FAULTS], "n_faults": int(job.result.get("n_faults", 0)) + len(found)}
    if not last:
        return True
    job.cursor = {"position": last, "hash": chain}
    return False


jobs.register(CHECK, _check_step)


def faults_of(job: Job | None) -> Sequence[tuple[int, str]]:
    return [(int(at), str(what)) for at, what in (job.result.get("faults", []) if job else [])]
