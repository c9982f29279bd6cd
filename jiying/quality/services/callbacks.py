"""Call-backs after bad ratings (Q2, 差评溯源): opened by the answer, followed by the team's leaders to a named cause.

A kind of subject of its own. Its clock ends when the customer was reached, or when it is closed unreached; the promise
stands among the others of the standard set.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from jiying.alerts.services import raising
from jiying.alerts.services import reading as alerts
from jiying.alerts.services.approvals import concerned
from jiying.base import journal, subjects
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.policies import has, require
from jiying.base.transactions import short
from jiying.clocks import queries as clocks
from jiying.clocks.models import Clock
from jiying.clocks.services.keeping import keep
from jiying.desk.models import Ticket
from jiying.desk.policies import require_visible, sees
from jiying.desk.services.holding import fact
from jiying.quality.models import Callback, Survey
from jiying.quality.policies import CALLBACKS

KIND, ALERT = "callback", "callback.open"
FIRST = {"amount": 24, "unit": "h", "calendar": "24x7"}  # for standard sets that promise nothing of it
CAUSES = (
    *("slow", "not_solved", "wrong_answer", "attitude", "promise_broken", "handed_around"),
    *("product", "policy", "logistics", "misclick", "other"),
)
MAX_NOTE = 2_000
MAX_TRIES = 999
State = Callback.State


def open_for(survey: Survey, ticket: Ticket, now: datetime) -> None:
    """In the transaction of the answer, the ticket locked. A second bad answer to a survey opens no second one."""
    row, is_new = Callback.objects.get_or_create(survey=survey, defaults={"opened_at": now})
    if not is_new:
        return
    bound = clocks.versions_in_force(now)
    data: dict[str, Any] = {"metric": KIND, "ticket": ticket.number, **bound}
    if KIND not in clocks.standard(bound["standard"]).promises:
        data["target"] = FIRST
    leaders = _leaders(ticket.team_id)
    rings = [f"person:{person}" for person in leaders]
    facts = [journal.Fact(KIND, row.pk, f"{KIND}.asked", now, data, rings), fact(ticket, "callback_opened", now)]
    journal.record(SYSTEM, facts, now=now)
    _keep(row, now)
    raising.raise_alerts([_notice(row, survey, person, now) for person in leaders], now=now)


def _leaders(team_id: int | None) -> list[int]:
    """Those of the team who may call back; where it has none, all who may and see every ticket."""
    able = concerned({CALLBACKS})
    own = [one.pk for one in able if team_id is not None and one.team_id == team_id]
    return own or _overseers()


def _overseers() -> list[int]:
    return [one.pk for one in concerned({CALLBACKS}) if "desk.view_all" in one.rights()]


def _notice(row: Callback, survey: Survey, person: int, now: datetime) -> raising.Notice:
    return raising.Notice(
        key=f"{ALERT}:{row.pk}:{person}",
        person_id=person,
        capacity="supervisor",
        kind=ALERT,
        severity="warning",
        subject_kind=KIND,
        subject_id=row.pk,
        at=now,
        data={"score": survey.score, "survey": survey.kind},
    )


@short
def tried(*, actor: Actor, callback_id: int, now: datetime) -> Callback:
    """Called, and reached nobody; the clock runs on."""
    row = _held(actor, callback_id, (State.OPEN,))
    if row.n_tries >= MAX_TRIES:
        raise Conflict.one("callback_tries")
    row.n_tries += 1
    row.save(update_fields=["n_tries"])
    journal.record(actor, [journal.Fact(KIND, row.pk, f"{KIND}.tried", now, {"n": row.n_tries})], now=now)
    return row


@short
def reached(*, actor: Actor, callback_id: int, note: str = "", now: datetime) -> Callback:
    """Spoken with the customer: the promise is kept, the cause is still to be named."""
    row = _held(actor, callback_id, (State.OPEN,))
    row.note = _checked(note) or row.note
    row.state, row.reached_by, row.reached_at = State.REACHED, actor.person, now
    row.save(update_fields=["state", "note", "reached_by", "reached_at"])
    facts = [_answered(row, "reached", now), fact(row.survey.ticket, "callback_reached", now)]
    _settle(actor, row, facts, now)
    return row


@short
def close(*, actor: Actor, callback_id: int, cause: str, note: str, now: datetime) -> Callback:
    """The cause and what came of it. Without having reached the customer, the note says why not."""
    row = _held(actor, callback_id, (State.OPEN, State.REACHED))
    if cause not in CAUSES:
        raise Invalid.one("cause", "unknown_value", value=cause[:40], known=", ".join(CAUSES))
    if not (text := _checked(note)):
        raise Invalid.one("note", "required", field="note")
    was_reached = row.state == State.REACHED
    row.state, row.cause, row.note, row.closed_by, row.closed_at = State.CLOSED, cause, text, actor.person, now
    row.save(update_fields=["state", "cause", "note", "closed_by", "closed_at"])
    about = {"cause": cause, "reached": was_reached}
    ended = journal.Fact(KIND, row.pk, f"{KIND}.settled", now, about) if was_reached else _answered(row, "closed", now)
    _settle(actor, row, [ended, fact(row.survey.ticket, "callback_closed", now, about)], now)
    return row


def _held(actor: Actor, callback_id: int, states: Collection[str]) -> Callback:
    """Locked, for those who may call back and see its ticket."""
    require(actor, CALLBACKS)
    row = _lock([callback_id], False).get(callback_id)
    if row is None:
        raise NotFound(KIND, callback_id)
    require_visible(actor, row.survey.ticket)
    if row.state not in states:
        raise Conflict.one("callback_moved_on")
    return row


def _checked(note: str) -> str:
    text = note.strip()
    if len(text) > MAX_NOTE:
        raise Invalid.one("note", "too_long", limit=MAX_NOTE, length=len(text))
    if "\x00" in text:
        raise Invalid.one("note", "control_character")
    return text


def _answered(row: Callback, how: str, now: datetime) -> journal.Fact:
    return journal.Fact(KIND, row.pk, f"{KIND}.answered", now, {"metric": KIND, "how": how})


def _settle(actor: Actor, row: Callback, facts: Sequence[journal.Fact], now: datetime) -> None:
    journal.record(actor, facts, now=now)
    _keep(row, now)
    alerts.withdraw(KIND, [row.pk], now)


def _keep(row: Callback, now: datetime) -> None:
    """Fold its clock; lists sort by the copied instant, and keep showing it when it is over."""
    for clock in keep(KIND, row.pk, now):
        row.due_at, row.is_late = clock.due_at, clock.breached_at is not None
    row.save(update_fields=["due_at", "is_late"])


# --- as a kind of subject --------------------------------------------------------------------------------------------


def _lock(ids: Collection[int], skip_locked: bool) -> Mapping[int, Callback]:
    rows = Callback.objects.select_for_update(skip_locked=skip_locked, of=("self",)).filter(pk__in=ids)
    return {row.pk: row for row in rows.select_related("survey__ticket").order_by("pk")}


def _visible(actor: Actor, callback_id: int) -> bool:
    ticket = Ticket.objects.filter(survey__callback=callback_id).first()
    return ticket is not None and has(actor, CALLBACKS) and sees(actor, ticket)


def _recipients(
    held: Mapping[int, Callback], points: Sequence[subjects.Point]
) -> Mapping[subjects.Point, Sequence[subjects.Recipient]]:
    """The team's leaders; once it is late also those who oversee every team."""
    found = {}
    for point in points:
        row = held.get(point.subject_id)
        if row is None or row.state != State.OPEN:
            continue
        people = dict.fromkeys(_leaders(row.survey.ticket.team_id), "responder")
        if point.code not in ("warn1", "warn2"):
            people |= {one: "supervisor" for one in _overseers() if one not in people}
        found[point] = [subjects.Recipient(person, capacity) for person, capacity in people.items()]
    return found


def _describe(ids: Collection[int]) -> Mapping[int, subjects.Described]:
    return {
        row.pk: subjects.Described(
            row.survey.ticket.number,
            row.survey.ticket.subject,
            reverse("quality:callbacks") + f"#callback-{row.pk}",
            row.survey.ticket.priority,
        )
        for row in Callback.objects.filter(pk__in=ids).select_related("survey__ticket")
    }


def _still_true(ids: Collection[int]) -> Collection[int]:
    return set(Callback.objects.filter(pk__in=ids, state=State.OPEN).values_list("pk", flat=True))


def _copy_due(held: Mapping[int, Callback]) -> None:
    """After the sweep fired a point."""
    for clock in Clock.objects.filter(subject_kind=KIND, subject_id__in=held):
        Callback.objects.filter(pk=clock.subject_id).update(due_at=clock.due_at, is_late=clock.breached_at is not None)


SUBJECT = subjects.Kind(
    name=KIND,
    lock=_lock,
    visible=_visible,
    recipients=_recipients,
    describe=_describe,
    still_true=_still_true,
    clocks_changed=_copy_due,
)
