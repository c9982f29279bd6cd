"""The customer's answer (Q1): one for a ticket, by the link, or as a score that a telephone system reports.

It may be changed until the survey ends; the last answer counts, each is a fact. Words stay out of the journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Fault, Invalid, NotFound
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core import lifecycle
from jiying.core.surveys import ITEM_SCALE, SCALES, is_bad
from jiying.desk.models import Ticket
from jiying.desk.services.holding import fact, lock
from jiying.quality.models import Survey, SurveyDesign
from jiying.quality.policies import REPORT
from jiying.quality.services import asking, callbacks

MAX_COMMENT = 2_000
MAX_CHANGES = 20  # a person changes their mind less often, a script is stopped
WAYS, OWN_WAYS = ("phone", "api"), ("link", "chat")
State = Survey.State


@dataclass(frozen=True, slots=True)
class Given:
    """A score on the survey's scale, marks of its items from 1 to 5, and what the customer wants to say."""

    score: int
    marks: Mapping[str, int] = field(default_factory=dict)
    comment: str = ""


@short
def answer(*, actor: Actor, number: str, given: Given, way: str = "link", now: datetime) -> Survey:
    """By the customer, who was asked. The answer takes the place of their earlier one."""
    if way not in OWN_WAYS:
        raise Invalid.one("way", "unknown_value", value=way[:40], known=", ".join(OWN_WAYS))
    ticket = lock(number)
    if actor.kind != "customer" or ticket.customer_id != actor.id:
        raise NotFound("ticket", number)
    survey = _of(ticket)
    if survey is None or survey.state not in (State.OPEN, State.ANSWERED) or now >= survey.expires_at:
        raise Conflict.one("survey_over")
    return _take(actor, ticket, survey, given, way, now)


def answer_in_chat(actor: Actor, ticket: Ticket, score: int, comment: str, now: datetime) -> None:
    """The whole in one click, in the chat's own window; marks that were given by the link before stay."""
    known = Survey.objects.filter(ticket=ticket).values_list("marks", flat=True).first()
    given = Given(score, known or {}, comment.replace("\r\n", "\n"))
    answer(actor=actor, number=ticket.number, given=given, way="chat", now=now)


@short
def report(*, actor: Actor, number: str, given: Given, way: str = "phone", now: datetime) -> Survey:
    """By a system that asked the customer itself, such as a telephone menu: also before the ticket is closed.

    Where nobody has been asked yet, the design that fits the ticket asks now, whatever its share.
    """
    require(actor, REPORT)
    ticket = lock(number)
    if way not in WAYS:
        raise Invalid.one("way", "unknown_value", value=way[:40], known=", ".join(WAYS))
    if ticket.status in (lifecycle.CANCELLED, lifecycle.MERGED) or ticket.customer_id is None:
        raise Conflict.one("survey_none")
    survey = _of(ticket)
    if survey is None or survey.state == State.WITHDRAWN:
        designs = SurveyDesign.objects.filter(active=True).order_by("pk")
        design = asking.design_for(ticket, designs)
        if design is None:
            raise Conflict.one("survey_none")
        survey = asking.make(ticket, design, survey, now, now)
    elif survey.state == State.PLANNED:
        survey.opens_at = now
    elif survey.state == State.EXPIRED or now >= survey.expires_at:
        raise Conflict.one("survey_over")
    return _take(actor, ticket, survey, given, way, now)


def _of(ticket: Ticket) -> Survey | None:
    found = Survey.objects.select_for_update(of=("self",)).filter(ticket=ticket)
    return found.select_related("design").first()


def _take(actor: Actor, ticket: Ticket, survey: Survey, given: Given, way: str, now: datetime) -> Survey:
    if faults := _faults(survey, given):
        raise Invalid(*faults)
    is_change = survey.state == State.ANSWERED
    if is_change and survey.n_changes >= MAX_CHANGES:
        raise Conflict.one("survey_changed_often")
    survey.score, survey.marks, survey.comment = given.score, dict(given.marks), given.comment.strip()
    survey.state, survey.way, survey.wake_at = State.ANSWERED, way, None
    survey.n_changes += is_change
    survey.answered_at = now
    survey.save()
    told: dict[str, Any] = {"kind": survey.kind, "score": survey.score, "marks": survey.marks, "way": way}
    kind = "survey_changed" if is_change else "survey_answered"
    journal.record(actor, [fact(ticket, kind, now, told)], now=now)
    if is_bad(survey.kind, given.score):
        callbacks.open_for(survey, ticket, now)
    return survey


def _faults(survey: Survey, given: Given) -> list[Fault]:
    scale, faults = SCALES[survey.kind], []
    if not scale.low <= given.score <= scale.high:
        faults.append(Fault("score", "out_of_range", {"low": scale.low, "high": scale.high}))
    for name, mark in given.marks.items():
        if name not in survey.items:
            known = ", ".join(survey.items)
            faults.append(Fault("marks", "unknown_value", {"value": name[:40], "known": known}))
        elif not ITEM_SCALE.low <= mark <= ITEM_SCALE.high:
            faults.append(Fault("marks", "out_of_range", {"low": ITEM_SCALE.low, "high": ITEM_SCALE.high}))
    if len(given.comment) > MAX_COMMENT:
        faults.append(Fault("comment", "too_long", {"limit": MAX_COMMENT, "length": len(given.comment)}))
    if "\x00" in given.comment:
        faults.append(Fault("comment", "control_character", {}))
    return faults
