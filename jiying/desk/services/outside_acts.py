"""What an outside event sets off (D25b): each act is the ordinary service, called as the house itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from jiying.alerts.services import raising
from jiying.base import journal
from jiying.base.actor import SYSTEM
from jiying.core.outside import Plan
from jiying.desk.models import Customer, OutsideEvent, OutsideKind, Ticket
from jiying.desk.queries import publicity
from jiying.desk.queries.categories import in_language
from jiying.desk.services import intake, talking, telling
from jiying.desk.services.holding import KIND, fact

ALERT = "ticket.outside_event"
_SEVERITY = {"info": "notice", "warning": "warning", "critical": "critical"}
_PLACE = re.compile(r"\{([^{}]{1,20})\}")


@dataclass(frozen=True, slots=True)
class Case:
    """An event with its kind, its customer, and their open tickets, the latest first and locked."""

    event: OutsideEvent
    kind: OutsideKind
    customer: Customer
    tickets: Sequence[Ticket]

    @property
    def title(self) -> str:
        name = in_language(self.kind.name_zh, self.kind.name_en)
        return f"{name} {self.event.reference}".strip()


def perform(case: Case, plan: Plan, now: datetime) -> list[dict[str, Any]]:
    """What was done, and on which tickets."""
    done = []
    for ticket in case.tickets if plan.warn else ():
        _warn(case, ticket, now)
        done.append({"do": "warn", "ticket": ticket.number})
    about = _nearest(case)
    if plan.open:
        about = _open(case, now)
        done.append({"do": "open", "ticket": about.number})
    if plan.tell and about is not None:
        text = fill(case.kind.message, case, about.number, is_public=publicity.is_public(about.pk))
        talking.reply(actor=SYSTEM, number=about.number, body=text, by="auto", now=now)
        done.append({"do": "tell", "ticket": about.number})
    return done


def _warn(case: Case, ticket: Ticket, now: datetime) -> None:
    """A note with what happened, and a pop-up for who has the ticket; for the supervisors while nobody has."""
    talking.note(actor=SYSTEM, number=ticket.number, body=_words(case), now=now)
    people = telling.people_for(ticket, "assignee", now)
    notices = [
        raising.Notice(
            key=f"{ALERT}:{case.event.pk}:{ticket.pk}:{person}",
            person_id=person,
            capacity=capacity,
            kind=ALERT,
            severity=_SEVERITY[case.event.severity],
            subject_kind=KIND,
            subject_id=ticket.pk,
            at=now,
            data={"text": case.title},
        )
        for person, capacity in people
    ]
    raising.raise_alerts(notices, now=now)
    _tell_ticket(case, ticket, [person for person, _capacity in people], now)


def _open(case: Case, now: datetime) -> Ticket:
    """A ticket ahead of the complaint, by the way that every request takes; what happened stands in it as a note."""
    kind, event = case.kind, case.event
    new = intake.NewTicket(
        subject=fill(kind.subject, case, "")[: intake.MAX_SUBJECT],
        channel=kind.channel,
        category=kind.category,
        priority=kind.priority or None,
        customer_id=case.customer.pk,
        opened_by="event",
        origin=(f"{Ticket.AHEAD}{event.source}", event.event_id),
    )
    ticket = intake.open_ticket(actor=SYSTEM, new=new, now=now)
    talking.note(actor=SYSTEM, number=ticket.number, body=_words(case), now=now)
    _tell_ticket(case, ticket, [], now)
    return ticket


def _tell_ticket(case: Case, ticket: Ticket, people: Sequence[int], now: datetime) -> None:
    data = {"event": case.event.pk, "kind": case.kind.code, "source": case.event.source, "text": case.event.reference}
    journal.record(SYSTEM, [fact(ticket, "outside_event", now, data, tell=people)], now=now)


def _words(case: Case) -> str:
    event = case.event
    at = date_format(timezone.localtime(event.occurred_at), "Y-m-d H:i")
    lines = [
        _("Outside event: %(title)s") % {"title": case.title},
        _("Reported by %(source)s, happened at %(at)s") % {"source": event.source, "at": at},
        event.text,
    ]
    return "\n".join(line for line in lines if line)


def _nearest(case: Case) -> Ticket | None:
    """The open ticket that names the same order; else the latest."""
    reference = case.event.reference
    told = (t for t in case.tickets if reference and reference in f"{t.subject} {t.description} {t.fields}")
    return next(told, None) or next(iter(case.tickets), None)


def fill(text: str, case: Case, number: str, *, is_public: bool = False) -> str:
    """The text with its places filled in, named in either language; one that nobody knows stays as it is.

    Where everybody reads along, nothing stands there that is about this customer alone.
    """
    known = {
        ("客户", "customer"): _("customer") if is_public else case.customer.name or _("customer"),
        ("单号", "reference"): "" if is_public else case.event.reference,
        ("内容", "text"): "" if is_public else case.event.text,
        ("类型", "kind"): in_language(case.kind.name_zh, case.kind.name_en),
        ("工单号", "number"): number,
    }
    values = {name: value for names, value in known.items() for name in names}
    return _PLACE.sub(lambda m: values.get(m[1], m[0]), text).strip()
