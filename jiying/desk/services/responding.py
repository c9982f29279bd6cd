"""What a department does with a question besides answering it (D6): names who answers, hands it on, declines it.

Each is a decision with its reason in the journal. May not reach the ticket but through what answers do to it.
"""

from collections.abc import Collection
from datetime import datetime

from jiying.alerts.services import raising
from jiying.alerts.services import reading as alerts
from jiying.base.actor import Actor
from jiying.base.errors import Denied, Invalid
from jiying.base.models import Department, Person
from jiying.base.transactions import short
from jiying.desk.models import Collaboration
from jiying.desk.policies import speaks_for
from jiying.desk.services import collaboration as asking
from jiying.desk.services.collaboration import KIND
from jiying.desk.services.holding import decide, settle

MAX_HELPERS = 10
State = Collaboration.State


@short
def name_people(
    *, actor: Actor, collaboration_id: int, person_id: int | None, helper_ids: Collection[int] = (), now: datetime
) -> Collaboration:
    """Who of the department answers, and who helps; nobody named: all its responders are told, as before."""
    found = _of_department(actor, collaboration_id)
    helpers = sorted(set(helper_ids) - {person_id})
    if len(helpers) > MAX_HELPERS:
        raise Invalid.one("helpers", "too_many", limit=MAX_HELPERS, length=len(helpers))
    wanted = {*helpers, *([person_id] if person_id is not None else [])}
    rows = Person.objects.filter(pk__in=wanted, department_id=found.department_id, is_active=True)
    if missing := wanted - set(rows.values_list("pk", flat=True)):
        field = "person" if person_id in missing else "helpers"
        raise Invalid.one(field, "not_found", kind="person", key=min(missing))
    if (person_id, helpers) == (found.person_id, found.helpers):
        return found
    found.person_id, found.helpers = person_id, helpers
    found.save(update_fields=["person", "helpers"])
    asking.tell_asked(actor, found, now)
    asking.record(actor, found, "named", {"person": person_id, "helpers": helpers}, now)
    return found


@short
def decline(*, actor: Actor, collaboration_id: int, reason: str, now: datetime) -> Collaboration:
    """It is not theirs to answer: the clock stops, the ticket goes on, and who asked is told why."""
    found = _of_department(actor, collaboration_id)
    return _end(actor, found, State.DECLINED, asking.checked_text("reason", reason), now)


@short
def hand_on(*, actor: Actor, collaboration_id: int, department: str, note: str, now: datetime) -> Collaboration:
    """To another department, as a question of its own with a clock of its own; who asked stays who asked."""
    found = _of_department(actor, collaboration_id)
    reason = asking.checked_text("note", note)
    decide(found.ticket, "collaborate")
    other = Department.objects.filter(code=department).first()
    if other is None or other.pk == found.department_id:
        known = Department.objects.exclude(pk=found.department_id).order_by("code").values_list("code", flat=True)
        raise Invalid.one("department", "unknown_value", value=department, known=", ".join(known))
    question = f"{found.question}\n\n{reason}"[: asking.MAX_TEXT]
    wanted = asking.Question(other, question, found.kind, None, found.holds_ticket, found.asked_by)
    new, facts = asking.put(actor, found.ticket, wanted, now)
    _end(actor, found, State.HANDED_ON, reason, now)
    settle(actor, found.ticket, facts, now=now)
    return new


def _of_department(actor: Actor, collaboration_id: int) -> Collaboration:
    """The open question, locked, for who may speak for its department."""
    found = asking.open_one(actor, collaboration_id)
    if not speaks_for(actor, found):
        raise Denied("desk.answer")
    return found


def _end(actor: Actor, found: Collaboration, state: str, reason: str, now: datetime) -> Collaboration:
    found.answer, found.state, found.answered_by, found.answered_at = reason, state, actor.person, now
    found.save(update_fields=["answer", "state", "answered_by", "answered_at"])
    asking.record(actor, found, "answered", {"metric": "collaboration", "how": state}, now)
    alerts.withdraw(KIND, [found.pk], now)
    _tell_asker(actor, found, now)
    asking.wake(actor, found, "collaboration_answered", now, how=state)
    return found


def _tell_asker(actor: Actor, found: Collaboration, now: datetime) -> None:
    if found.asked_by_id is None or found.asked_by_id == actor.id:
        return
    notice = raising.Notice(
        key=f"collaboration.{found.state}:{found.pk}",
        person_id=found.asked_by_id,
        capacity="asker",
        kind=f"collaboration.{found.state}",
        severity="warning",
        subject_kind=KIND,
        subject_id=found.pk,
        at=now,
        data={"who": actor.person.name if actor.person else ""},
    )
    raising.raise_alerts([notice], now=now)
