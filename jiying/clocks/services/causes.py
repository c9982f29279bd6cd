"""Why a promise was broken (D8): the agent names a cause, a supervisor approves or corrects it (超时审批)."""

from collections.abc import Collection, Sequence
from datetime import datetime

from jiying.base import journal, subjects, texts
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.clocks.models import BreachCause, Clock
from jiying.clocks.services import cause_alerts

State = BreachCause.State


def _late_clock(actor: Actor, clock_id: int) -> Clock:
    clock = Clock.objects.filter(pk=clock_id).first()
    if clock is None or not subjects.kind(clock.subject_kind).visible(actor, clock.subject_id):
        raise NotFound("clock", clock_id)
    subjects.kind(clock.subject_kind).lock([clock.subject_id], False)
    clock.refresh_from_db()  # the verdict under the lock: a late event may have corrected it meanwhile
    if clock.breached_at is None:
        raise Conflict.one("not_breached", "clock")
    return clock


def _check(code: str) -> None:
    if code not in texts.TERMS["cause"]:
        raise Invalid.one("code", "unknown_value", value=code, known=", ".join(texts.TERMS["cause"]))


@short
def name_cause(*, actor: Actor, clock_id: int, code: str, note: str, now: datetime) -> BreachCause:
    """Name the cause of a breached clock; a cause that a supervisor has judged stays."""
    if "desk.handle" not in actor.rights and "desk.approve_cause" not in actor.rights:
        raise Denied("desk.handle")
    clock = _late_clock(actor, clock_id)
    _check(code)
    old = BreachCause.objects.filter(clock=clock).first()
    if old is not None and old.state != State.NAMED:
        raise Conflict.one("cause_judged", "code")
    cause, _created = BreachCause.objects.update_or_create(
        clock=clock, defaults={"code": code, "note": note, "named_by": actor.person, "named_at": now}
    )
    people = cause_alerts.tell_judges(actor, cause, now)
    _note(actor, clock, "clock.cause_named", {"code": code}, now, people)
    return cause


@short
def approve_cause(*, actor: Actor, clock_id: int, code: str, note: str, now: datetime) -> BreachCause:
    """Approve the named cause, or put another in its place."""
    require(actor, "desk.approve_cause")
    clock = _late_clock(actor, clock_id)
    _check(code)
    cause = BreachCause.objects.filter(clock=clock).first()
    if cause is None:
        raise Conflict.one("cause_missing", "code")
    cause.state = State.APPROVED if cause.code == code else State.CORRECTED
    cause.code, cause.approved_by, cause.approved_at = code, actor.person, now
    if note:
        cause.note = note
    cause.save()
    people = cause_alerts.tell_namer(actor, cause, now)
    _note(actor, clock, "clock.cause_judged", {"code": code, "state": cause.state}, now, people)
    return cause


def blank_notes(subject_kind: str, ids: Collection[int]) -> None:
    """What was written to the causes of these subjects' breaches goes; causes and verdicts stay (an erasure)."""
    clocks = Clock.objects.filter(subject_kind=subject_kind, subject_id__in=ids).values("pk")
    BreachCause.objects.filter(clock__in=clocks).exclude(note="").update(note="")


def _note(actor: Actor, clock: Clock, kind: str, data: dict[str, str], now: datetime, people: Sequence[int]) -> None:
    about = {"clock": clock.pk, "metric": clock.metric, "seq": clock.seq, **data}
    rings = [f"person:{person}" for person in people]
    journal.record(actor, [journal.Fact(clock.subject_kind, clock.subject_id, kind, now, about, rings)], now=now)
