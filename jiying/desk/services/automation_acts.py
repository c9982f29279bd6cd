"""What an automation can do to a ticket: each action is the ordinary service, called as the automation.

An action that a service refuses is undone by itself and noted with its reason.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from jiying.alerts.services import raising
from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Invalid, NotFound, Refused
from jiying.base.models import Person, Team
from jiying.base.transactions import short
from jiying.core import masking
from jiying.core.automations import Action
from jiying.desk.models import AutomationRun, Ticket
from jiying.desk.queries import publicity
from jiying.desk.queries.writing import fill_in
from jiying.desk.services import collaboration, flows, handling, routing, talking, telling
from jiying.desk.services.holding import KIND, fact, lock

ALERT = "ticket.automated"
_Act = Callable[[Actor, str, Action, AutomationRun, datetime], object]


def perform(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> dict[str, Any]:
    """One action, whole or not at all; what came of it."""
    done: dict[str, Any] = {"do": action.do, "value": action.value}
    try:
        _whole(actor, number, action, run, now)
    except Refused as refused:
        first = refused.faults[0]
        return {**done, "fault": {"code": first.code, "params": {k: str(v) for k, v in first.params.items()}}}
    return done


@short
def _whole(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    _ACTS[action.do](actor, number, action, run, now)


def _priority(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    handling.set_priority(actor=actor, number=number, priority=action.value, reason=run.title, now=now)


def _category(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    handling.reclassify(actor=actor, number=number, category=action.value, now=now)


def _add_tags(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    tags = list(dict.fromkeys([*lock(number).tags, *action.tags]))
    handling.reclassify(actor=actor, number=number, tags=tags[:20], now=now)


def _drop_tags(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    tags = [tag for tag in lock(number).tags if tag not in action.tags]
    handling.reclassify(actor=actor, number=number, tags=tags, now=now)


def _team(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    team = Team.objects.filter(code=action.value).first()
    if team is None:
        raise NotFound("team", action.value)
    ticket = lock(number)
    if ticket.team_id != team.pk or ticket.assignee_id is not None:
        routing.transfer(actor=actor, number=number, to_team=team.pk, reason=run.title, now=now)


def _person(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    person = Person.objects.filter(username=action.value).first()
    if person is None:
        raise NotFound("person", action.value)
    routing.transfer(actor=actor, number=number, to_person=person.pk, reason=run.title, now=now)


def _dedicated(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    routing.to_dedicated(actor=actor, number=number, now=now)


def _escalate(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    """Up only: a rule never takes back what a person has raised."""
    if lock(number).escalation < int(action.value):
        handling.escalate(actor=actor, number=number, level=int(action.value), reason=action.text, now=now)


def _note(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    talking.note(actor=actor, number=number, body=_text(action, number), now=now)


def _reply(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    talking.reply(actor=actor, number=number, body=_text(action, number), by="auto", now=now)


def _tell(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    """A pop-up; where nobody fills the place, the supervisors."""
    ticket = lock(number)
    people = telling.people_for(ticket, action.value, now)
    if not people:
        raise Invalid.one("value", "nobody_to_tell")
    text = _text(action, number)[:300]
    raising.raise_alerts(
        [
            raising.Notice(
                key=f"{ALERT}:{run.pk}:{action.value}:{person}",
                person_id=person,
                capacity=capacity,
                kind=ALERT,
                severity="warning",
                subject_kind=KIND,
                subject_id=ticket.pk,
                at=now,
                data={"text": text, "rule": run.title},
            )
            for person, capacity in people
        ],
        now=now,
    )
    told = [person for person, _capacity in people]
    data = {"people": told, "rule": run.title, "note": text}
    journal.record(actor, [fact(ticket, "told", now, data, tell=told)], now=now)


def _flow(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    flows.start(actor=actor, number=number, flow=action.value, now=now)


def _ask(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    question = _text(action, number)
    collaboration.ask(actor=actor, number=number, department=action.value, question=question, now=now)


def _resolve(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    handling.resolve(actor=actor, number=number, note=_text(action, number), now=now)


def _close(actor: Actor, number: str, action: Action, run: AutomationRun, now: datetime) -> None:
    handling.close(actor=actor, number=number, note=run.title, now=now)


_ACTS: dict[str, _Act] = {
    "priority": _priority,
    "category": _category,
    "add_tags": _add_tags,
    "drop_tags": _drop_tags,
    "team": _team,
    "person": _person,
    "dedicated": _dedicated,
    "escalate": _escalate,
    "note": _note,
    "reply": _reply,
    "tell": _tell,
    "flow": _flow,
    "ask": _ask,
    "resolve": _resolve,
    "close": _close,
}


def _text(action: Action, number: str) -> str:
    """The text with its places filled in, as in canned texts: {customer}, {客户} … Only customers read whole names.

    Where everybody reads along, the customer is not named, nor what an agent may have written into the subject.
    """
    ticket = Ticket.objects.select_related("customer", "assignee", "team").get(number=number)
    due, name = ticket.next_due_at, ticket.customer.name if ticket.customer else ""
    is_public = action.do == "reply" and publicity.is_public(ticket.pk)
    return fill_in(
        action.text,
        {
            "customer": _("customer") if is_public else name if action.do == "reply" else masking.name(name),
            "number": ticket.number,
            "subject": "" if is_public else ticket.subject,
            "due": date_format(timezone.localtime(due), "m-d H:i") if due else "–",
            "agent": ticket.assignee.name if ticket.assignee else "",
            "team": ticket.team.name if ticket.team else "",
        },
    )
