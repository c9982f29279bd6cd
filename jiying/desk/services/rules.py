"""Priority rules as versioned documents (D21): how they are checked when saved, and tried on past tickets.

A draft begins as the version in force; it holds after a supervisor and operations have approved it, as standards do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Fault, Invalid
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core import priority as core
from jiying.desk.models import Ticket
from jiying.desk.policies import visible
from jiying.desk.services import arrival, triage

KEY = triage.PRIORITY_RULES
RIGHT = "desk.edit_rules"
READING = (RIGHT, "clocks.approve_supervisor", "clocks.approve_operations")  # who drafts, and who approves
State = VersionedDocument.State


def _faults(body: Any) -> list[Fault]:
    try:
        core.parse(body)
    except core.PriorityError as error:
        return [Fault(p.path, f"priority_{p.code}", _listed(p.params)) for p in error.problems]
    return []


def _listed(params: Mapping[str, Any]) -> dict[str, Any]:
    """Choices in a row, as a sentence takes them."""
    return {name: ", ".join(map(str, x)) if isinstance(x, list | tuple) else x for name, x in params.items()}


PRIORITY = documents.DocumentKind(
    "priority", RIGHT, _faults, url=lambda document: reverse("desk:priority_version", args=[document.number])
)


def require_reading(actor: Actor) -> None:
    if not any(right in actor.rights for right in READING):
        raise Denied(RIGHT)


@short
def begin(*, actor: Actor, now: datetime) -> VersionedDocument:
    """A draft equal to the version in force."""
    require(actor, RIGHT)
    base = documents.get("priority", KEY, documents.in_force("priority", now)[KEY])
    return draft(actor=actor, body=base.body, note="", now=now)


@short
def draft(*, actor: Actor, body: Any, note: str, now: datetime) -> VersionedDocument:
    """A draft. Conflict while another draft or proposal is open: one after the other."""
    require(actor, RIGHT)
    rows = VersionedDocument.objects.select_for_update().filter(kind="priority", key=KEY)
    if any(row.state in (State.DRAFT, State.PROPOSED) for row in rows):
        raise Conflict.one("draft_open")
    return documents.create(actor=actor, kind="priority", key=KEY, body=body, note=note, now=now)


@dataclass(frozen=True, slots=True)
class Move:
    """A ticket that other rules would judge otherwise than those in force; `had` is what it has now."""

    number: str
    subject: str
    was: str
    now: str
    had: str
    rule: str  # key of the rule that would decide
    before: str  # key of the rule that decided


@dataclass(frozen=True, slots=True)
class Tried:
    """Rules held against past tickets, beside those in force. `n_by_hand`: people corrected the priority of so many;
    `n_right` of these the rules would have met, `n_right_before` those in force do. Judged is what was known when
    they came in; of `n_unknown` the journal does not hold all of it, which was taken as it is now."""

    since: datetime
    n_tickets: int
    n_changed: int
    moves: Mapping[tuple[str, str], int]
    by_rule: Mapping[str, int]
    n_by_hand: int
    n_right: int
    n_right_before: int
    examples: Sequence[Move]
    n_unknown: int = 0


LIMIT, SHOWN = 3000, 30
JUDGED_BY = frozenset({"channel", "category", "type", "tier", "tags"})


def try_rules(*, actor: Actor, body: Any, since: datetime, now: datetime, limit: int = LIMIT) -> Tried:
    """What other rules would have made of the latest tickets since then, before anybody switches them on."""
    require_reading(actor)
    if faults := _faults(body):
        raise Invalid(*faults)
    rules, held = core.parse(body), triage.rules(documents.in_force("priority", now)[KEY])
    rows = Ticket.objects.filter(visible(actor), received_at__gte=since).order_by("-received_at")[:limit]
    tickets = {ticket.number: ticket for ticket in rows}
    past = {one.ticket.number: one for one in arrival.at_arrival(list(tickets.values()))}
    asked = {number: request_of(one.ticket) for number, one in past.items()}
    before = {number: core.decide(held, request) for number, request in asked.items()}
    trial = core.try_on(
        rules, (core.Past(number, asked[number], before[number].priority) for number in tickets), n_examples=SHOWN
    )
    by_hand = [number for number, ticket in tickets.items() if ticket.priority_source == "manual"]
    return Tried(
        since=since,
        n_tickets=trial.n_requests,
        n_changed=trial.n_changed,
        moves=trial.moves,
        by_rule=trial.by_rule,
        n_by_hand=len(by_hand),
        n_right=sum(core.decide(rules, asked[n]).priority == tickets[n].priority for n in by_hand),
        n_right_before=sum(before[n].priority == tickets[n].priority for n in by_hand),
        examples=[
            Move(
                number=one.ref,
                subject=tickets[one.ref].subject,
                was=one.was,
                now=one.now,
                had=tickets[one.ref].priority,
                rule=one.rule_key,
                before=before[one.ref].rule_key,
            )
            for one in trial.examples
        ],
        n_unknown=sum(bool(one.unknown & JUDGED_BY) for one in past.values()),
    )


def request_of(ticket: Ticket) -> core.Request:
    """A stored ticket as the rules see it."""
    return core.Request(
        channel=ticket.channel,
        subject=ticket.subject,
        description=ticket.description,
        type=ticket.type,
        category=ticket.category or None,
        tier=ticket.tier,
        amount=ticket.amount,
        tags=frozenset(ticket.tags),
    )
