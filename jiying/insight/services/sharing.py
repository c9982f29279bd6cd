"""Sends a replay or a kept report to somebody who may see such figures: a pop-up, and a mail with the workbook.

The reader's workbook has what the reader may see, not what the sender may.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from jiying.alerts.services.raising import Notice, raise_alerts
from jiying.base import journal, subjects
from jiying.base.actor import Actor, of_person
from jiying.base.errors import Denied, Invalid, Refused
from jiying.base.models import Job, Person
from jiying.base.transactions import short
from jiying.desk.policies import scope
from jiying.insight.queries import kept, replay_book, replays
from jiying.insight.services import making, workbook

REPLAY, REPORT = "replay", making.KIND
NOTE = 500


def readers(actor: Actor) -> list[Person]:
    """Who else may see such figures: of all tickets, or of the actor's own team. By name."""
    part = scope(actor)
    people = Person.objects.filter(is_active=True).exclude(pk=actor.id or 0).prefetch_related("roles")
    return [one for one in people.order_by("name", "pk") if _reads(one, part.team_id)]


def _reads(person: Person, team_id: int | None) -> bool:
    try:
        part = scope(of_person(person))
    except Denied:
        return False
    return part.team_id in (None, team_id) or team_id is None


@short
def send_replay(*, actor: Actor, replay_id: int, person_id: int, note: str, now: datetime) -> None:
    """Raises Denied, NotFound, Invalid for somebody who may not see it or a replay that is not done."""
    if replays.of(actor, replay_id).state != "done":
        raise Invalid.one("", "replay_not_done")
    _send(REPLAY, replay_id, actor, _reader(actor, person_id), note, now)


@short
def send_report(*, actor: Actor, report_id: int, person_id: int, note: str, now: datetime) -> None:
    """Raises Denied, NotFound, Invalid for somebody who may not see it."""
    kept.one(actor, report_id)
    reader_ = _reader(actor, person_id)
    if not kept.sees(of_person(reader_), report_id):
        raise Invalid.one("person", "not_a_reader")
    _send(REPORT, report_id, actor, reader_, note, now)


def _reader(actor: Actor, person_id: int) -> Person:
    part = scope(actor)
    found = Person.objects.filter(is_active=True, pk=person_id).prefetch_related("roles").first()
    if found is None or not _reads(found, part.team_id):
        raise Invalid.one("person", "not_a_reader")
    return found


def _send(kind: str, subject_id: int, actor: Actor, reader_: Person, note: str, now: datetime) -> None:
    words = " ".join(note.split())
    if len(words) > NOTE:
        raise Invalid.one("note", "too_long", limit=NOTE, length=len(words))
    by = actor.person.name if actor.person else "API"
    fact = journal.Fact(kind, subject_id, f"{kind}.sent", now, {"to": reader_.pk}, [f"person:{reader_.pk}"])
    journal.record(actor, [fact], now=now)
    notice = Notice(
        key=f"{kind}.sent:{subject_id}:{reader_.pk}:{now.isoformat()}",
        person_id=reader_.pk,
        capacity="reader",
        kind=f"{kind}.noted" if words else f"{kind}.sent",
        severity="notice",
        subject_kind=kind,
        subject_id=subject_id,
        at=now,
        data={"by": by, "note": words},
        ways=("mail",),
    )
    raise_alerts([notice], now=now)


# --- what the mail carries -------------------------------------------------------------------------------------------


def replay_file(actor: Actor, replay_id: int) -> subjects.Enclosure | None:
    try:
        row = replays.of(actor, replay_id)
    except Refused:  # the reader has lost the right since
        return None
    return subjects.Enclosure(f"replay-{replay_id}.xlsx", replay_book.write(row, replay_book.words(row)), workbook.TYPE)


def _describe(ids: Collection[int]) -> Mapping[int, subjects.Described]:
    return {
        row.id: subjects.Described(_("Replay"), replay_book.words(row), reverse("replays:show", args=[row.id]))
        for row in replays.heads(ids)
    }


def _visible(actor: Actor, replay_id: int) -> bool:
    try:
        replays.job(actor, replay_id)
    except Refused:
        return False
    return True


SUBJECT = subjects.Kind(
    name=REPLAY,
    lock=lambda ids, skip_locked: Job.objects.select_for_update(skip_locked=skip_locked).in_bulk(ids),
    visible=_visible,
    describe=_describe,
    still_true=lambda ids: {row.id for row in replays.heads(ids)},
    enclosed=replay_file,
)
