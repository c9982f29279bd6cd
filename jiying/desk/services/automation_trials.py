"""Trying an automation before it is saved (D25): on one ticket, for real but undone; and on what happened lately.

Nothing of a trial stays: it runs in a transaction that is rolled back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid, NotFound
from jiying.base.models import JournalEntry
from jiying.base.policies import require
from jiying.core import automations as core
from jiying.desk.models import AutomationRun, Ticket
from jiying.desk.policies import require_visible, visible
from jiying.desk.services import arrival, automation_times, automations
from jiying.desk.services import automation_setup as setup
from jiying.desk.services.holding import KIND

PAST = timedelta(days=30)
MOST = 1000  # of the latest tickets
SHOWN = 20


@dataclass(frozen=True, slots=True)
class OnTicket:
    """What the rule would do to a ticket as it is now; `outcome` and `entries` only where all conditions hold."""

    number: str
    checked: Sequence[core.Checked]
    fits: bool
    outcome: Sequence[Mapping[str, Any]]
    entries: Sequence[JournalEntry]


@dataclass(frozen=True, slots=True)
class OnPast:
    """How often the rule would have acted; conditions are held against the tickets as they were at each fact.

    `as_now` are the conditions' fields that the journal does not tell for an instant: asked as they are now.
    A rule that goes by the clock is tried on the open tickets as if its time were now; `coming` are its next times.
    """

    n_tickets: int
    n_events: int
    n_fits: int
    examples: Sequence[tuple[str, str, datetime]]  # number, subject, when
    coming: Sequence[datetime] = ()
    as_now: Sequence[str] = ()


def checked_rule(actor: Actor, body: Any) -> core.Rule:
    require(actor, setup.RIGHT)
    if faults := [Fault(p.path, p.code, p.params) for p in core.problems(body, setup.known())]:
        raise Invalid(*faults)
    return core.parse(body)


def on_ticket(*, actor: Actor, body: Any, title: str, number: str, now: datetime) -> OnTicket:
    """Let the rule act on a ticket, look at what it did, and undo it."""
    rule = checked_rule(actor, body)
    ticket = Ticket.objects.filter(number=number).select_related("team").first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_visible(actor, ticket)
    about = {"metric": next((c.values[0] for c in rule.conditions if c.field == "metric"), "")}
    checked = core.check(rule, automations.seen(rule, ticket, about, now))
    if not core.fits(checked):
        return OnTicket(number, checked, False, (), ())
    with transaction.atomic():
        outcome, entries = _acted(ticket, rule, title, checked, now)
        transaction.set_rollback(True)
    return OnTicket(number, checked, True, outcome, entries)


def _acted(
    ticket: Ticket, rule: core.Rule, title: str, checked: Sequence[core.Checked], now: datetime
) -> tuple[list[dict[str, Any]], list[JournalEntry]]:
    run = AutomationRun.objects.create(
        rule="trial",
        version=0,
        title=title[:120] or "–",
        ticket=ticket,
        cause_id=0,
        event=rule.event,
        why=[one.as_data() for one in checked],
        created_at=now,
    )
    outcome = automations.act(run, rule, now)
    own = JournalEntry.objects.filter(subject_kind=KIND, subject_id=ticket.pk, actor_kind="automation", actor_id=run.pk)
    return outcome, list(own.exclude(kind="ticket.automated").order_by("id"))


def on_past(*, actor: Actor, body: Any, now: datetime) -> OnPast:
    """How often the rule would have acted on the tickets of the last month that the actor may see."""
    rule = checked_rule(actor, body)
    if rule.times is not None:
        return _by_the_clock(actor, rule, now)
    rows = Ticket.objects.filter(visible(actor), received_at__gte=now - PAST).select_related("team")
    tickets = {ticket.pk: ticket for ticket in rows.order_by("-received_at")[:MOST]}
    kinds, _data = core.EVENTS[rule.event]
    entries = JournalEntry.objects.filter(subject_kind=KIND, subject_id__in=tickets, kind__in=kinds).order_by("-at")
    told = arrival.stories(tickets)
    n_events, hits = 0, []
    unknown: set[str] = set()
    for entry in entries:
        if rule.event not in core.event_of(entry.kind, entry.data):
            continue
        n_events += 1
        ticket = tickets[entry.subject_id]
        past = arrival.as_of(ticket, told[ticket.pk], entry)
        unknown |= past.unknown
        if core.fits(core.check(rule, automations.seen(rule, past.ticket, entry.data, entry.at))):
            hits.append((ticket.number, ticket.subject, entry.at))
    return OnPast(len(tickets), n_events, len(hits), hits[:SHOWN], as_now=_as_now(rule, unknown))


_TOLD = frozenset({*arrival.KEPT, "words", "metric", "hours"})  # for any instant


def _as_now(rule: core.Rule, unknown: Collection[str]) -> list[str]:
    """The fields of its conditions that were asked as they are now, on some tickets at least."""
    asked = dict.fromkeys(condition.field for condition in rule.conditions)
    return [name for name in asked if name not in _TOLD or name in unknown]


def _by_the_clock(actor: Actor, rule: core.Rule, now: datetime) -> OnPast:
    rows = automation_times.candidates(rule).filter(visible(actor))
    tickets = list(rows.order_by("-received_at")[:MOST])
    fitting = automation_times.fits(rule, tickets, now)
    examples = [(one.number, one.subject, one.received_at) for one in fitting[:SHOWN]]
    return OnPast(rows.count(), 1, len(fitting), examples, automation_times.coming(rule, now))
