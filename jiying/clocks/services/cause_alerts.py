"""Who is told that a breach cause waits for judgement, and what became of it (D8, C18).

The agent's own leaders judge; where the team has none, everybody who may and sees the subject. May not judge itself.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from jiying.alerts.models import Alert
from jiying.alerts.queries import duty
from jiying.alerts.services import raising, reading
from jiying.alerts.services.approvals import concerned
from jiying.base import subjects
from jiying.base.actor import Actor, of_person
from jiying.clocks.models import BreachCause

KIND = "cause"
RIGHT = "desk.approve_cause"
WAITS = "cause.waits"


def tell_judges(actor: Actor, cause: BreachCause, now: datetime) -> list[int]:
    """In the transaction that names the cause. Returns whom its fact rings for; naming it anew tells nobody twice."""
    people = _judges(actor, cause)
    raising.raise_alerts([_notice(WAITS, actor, cause, person, now) for person in people], now=now)
    return people


def tell_namer(actor: Actor, cause: BreachCause, now: datetime) -> list[int]:
    """Judged: the others need not look any more, and who named it hears of it. Returns whom the fact rings for."""
    waiting = Alert.objects.filter(subject_kind=KIND, subject_id=cause.pk, kind=WAITS)
    people = list(waiting.values_list("person_id", flat=True))
    reading.withdraw(KIND, [cause.pk], now, kind=WAITS)
    if cause.named_by_id is not None and cause.named_by_id != actor.id:
        notice = _notice(f"cause.{cause.state}", actor, cause, cause.named_by_id, now)
        raising.raise_alerts([notice], now=now)
        people.append(cause.named_by_id)
    return people


def _judges(actor: Actor, cause: BreachCause) -> list[int]:
    clock = cause.clock
    if clock is None:
        return []
    sees = subjects.kind(clock.subject_kind).visible
    able = [one for one in concerned({RIGHT}) if one.pk != actor.id and sees(of_person(one), clock.subject_id)]
    own = [one.pk for one in able if one.team_id is not None and one.team_id == actor.team_id]
    return own or [one.pk for one in able]


def _notice(kind: str, actor: Actor, cause: BreachCause, person: int, now: datetime) -> raising.Notice:
    """Judged again, it is told again: an approved cause may be corrected later."""
    point, capacity = ("cause", "approver") if kind == WAITS else ("decided", "proposer")
    mark = "" if kind == WAITS else f":{cause.code}"
    metric = cause.clock.metric if cause.clock else ""
    return raising.Notice(
        key=f"{kind}:{cause.pk}{mark}:{person}",
        person_id=person,
        capacity=capacity,
        kind=kind,
        severity="notice",
        subject_kind=KIND,
        subject_id=cause.pk,
        at=now,
        data={"who": actor.person.name if actor.person else "", "cause": cause.code, "metric": metric},
        ways=duty.plan(now).ways(point, capacity),
    )


# --- as a kind of subject --------------------------------------------------------------------------------------------


def still_waits(alerts: Sequence[Alert]) -> set[int]:
    """Ids of those whose cause is still to be judged, and whose breach still stands."""
    rows = BreachCause.objects.filter(
        pk__in={alert.subject_id for alert in alerts}, state=BreachCause.State.NAMED, clock__breached_at__isnull=False
    )
    open_ = set(rows.values_list("pk", flat=True))
    return {alert.pk for alert in alerts if alert.subject_id in open_}


def _visible(actor: Actor, cause_id: int) -> bool:
    cause = BreachCause.objects.filter(pk=cause_id).select_related("clock").first()
    if cause is None or cause.clock is None:
        return False
    return subjects.kind(cause.clock.subject_kind).visible(actor, cause.clock.subject_id)


def _describe(ids: Collection[int]) -> Mapping[int, subjects.Described]:
    """As the late subject is named, with what was written to the cause: read now, so that an erasure reaches it."""
    rows = list(BreachCause.objects.filter(pk__in=ids, clock__isnull=False).select_related("clock"))
    about: dict[str, set[int]] = {}
    for row in rows:
        if row.clock is not None:
            about.setdefault(row.clock.subject_kind, set()).add(row.clock.subject_id)
    late = {kind: subjects.kind(kind).describe(found) for kind, found in about.items()}
    named = {row.pk: (row, late[row.clock.subject_kind].get(row.clock.subject_id)) for row in rows if row.clock}
    return {
        pk: subjects.Described(one.label, row.note[:80] or one.title, one.url, one.priority)
        for pk, (row, one) in named.items()
        if one is not None
    }


SUBJECT = subjects.Kind(
    name=KIND,
    lock=lambda ids, skip_locked: BreachCause.objects.select_for_update(skip_locked=skip_locked).in_bulk(ids),
    visible=_visible,
    describe=_describe,
    still_true=lambda ids: set(BreachCause.objects.filter(pk__in=ids).values_list("pk", flat=True)),
)
