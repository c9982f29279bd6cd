"""Opens tickets (D1): number, priority, category, clocks and assignment are there when the call returns."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError

from jiying.base import counters, journal, roster, transactions
from jiying.base.actor import SYSTEM, Actor
from jiying.base.databases import together
from jiying.base.errors import Conflict, Fault, Invalid
from jiying.base.inserting import insert
from jiying.base.models import IdempotencyKey
from jiying.base.policies import require
from jiying.clocks.models import Clock
from jiying.clocks.queries import next_due, second_of, versions_in_force
from jiying.clocks.services.keeping import plan, store_new
from jiying.core import clocks as core_clocks
from jiying.core import routing
from jiying.core.priority import Request
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.core.support_lines import Happened
from jiying.core.support_lines import choose as choose_line
from jiying.desk.models import Customer, Ticket, TicketTimer
from jiying.desk.services import asking, customers, dating, flows, form_setup, line_setup, links, loads, telling, triage
from jiying.desk.services.holding import KIND, rings

TYPES = ("inquiry", "complaint", "suggestion", "fault")
MAX_SUBJECT, MAX_DESCRIPTION = 200, 20_000
TRIES = 6


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A request as it came in. `opened_by` is customer, agent or event; `priority` given = set by hand."""

    subject: str
    channel: str
    description: str = ""
    type: str = ""  # empty: its category's, else an inquiry
    category: str = ""
    tags: tuple[str, ...] = ()
    priority: str | None = None
    received_at: datetime | None = None
    customer: customers.CustomerData | None = None
    customer_id: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    opened_by: str = "customer"
    take_it: bool = False  # the agent who opens it keeps it
    amount: int | None = None
    idempotency_key: str = ""
    asked: asking.Asked | None = None  # what the intake form made of `fields`; found out here
    origin: tuple[str, str] = ("", "")  # source and its own key, each of which makes one ticket only
    team_id: int | None = None  # whose it is where its category names no team
    split_from: str = ""  # number of the ticket that it is split off (services.splitting)

    def digest(self) -> str:
        body = {name: value for name, value in asdict(self).items() if name not in ("asked", "origin", "team_id")}
        plain = json.dumps(body, sort_keys=True, default=str)
        return hashlib.sha256(plain.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Opened:
    """A ticket with its clocks as they were stored; for a repeat, which stored nothing, `clocks` is None and `answer`
    what was kept beside the key."""

    ticket: Ticket
    clocks: list[Clock] | None
    answer: str = ""


Answer = Callable[[Ticket, list[Clock]], str]  # what a repeat is told: written where the ticket is, or not at all


def _no_answer(ticket: Ticket, clocks: list[Clock]) -> str:
    return ""


def open_ticket(*, actor: Actor, new: NewTicket, now: datetime) -> Ticket:
    """`receive` for callers that need the ticket only."""
    return receive(actor=actor, new=new, now=now).ticket


def receive(*, actor: Actor, new: NewTicket, now: datetime, answer: Answer = _no_answer) -> Opened:
    """Open a ticket, classified, routed and with its clocks; the same idempotency key gives the same ticket again, and
    what `answer` wrote of it in the transaction that made it.

    Raises Denied, Invalid (all faults at once), Conflict (the key was used for another request).
    """
    require(actor, "desk.create")
    if new.take_it:
        require(actor, "desk.handle")
    new = replace(new, subject=new.subject.strip())
    if (known := _known(actor, new)) is not None:  # before all checks: what was a fresh receipt is past on a repeat
        return known
    new = replace(new, asked=_asked(new, now))
    if faults := _faults(actor, new, now):
        raise Invalid(*faults)
    place = _take_number(new, now) if counters.is_apart() else None
    tried: frozenset[int] = frozenset()
    for _try in range(TRIES):
        try:
            return transactions.run(partial(_create, actor, new, place, tried, now, answer))
        except _PlaceTaken as lost:  # two tickets chose the last place of one agent: this one chooses again
            tried |= {lost.person_id}
        except IntegrityError:
            if (known := _known(actor, new)) is not None:
                return known
            if _try == TRIES - 1:
                raise
    return transactions.run(partial(_create, actor, replace(new, take_it=False), place, None, now, answer))


class _PlaceTaken(Exception):
    def __init__(self, person_id: int) -> None:
        super().__init__(person_id)
        self.person_id = person_id


def faults_of(*, actor: Actor, new: NewTicket, now: datetime) -> list[Fault]:
    """What `receive` would refuse of a request; writes nothing."""
    return _faults(actor, replace(new, subject=new.subject.strip(), asked=_asked(new, now)), now)


def _answer_faults(new: NewTicket) -> list[Fault]:
    """What is wrong with the customer's data, and with the answers to the intake form."""
    faults = customers.faults(new.customer) if new.customer is not None else []
    if new.asked is not None:
        faults.extend(asking.faults(new.asked, new.channel, new.opened_by == "agent"))
    return faults


def _asked(new: NewTicket, now: datetime) -> asking.Asked:
    """The answers to the intake form of the category, with what is known of the customer filled in."""
    if form_setup.of_category(new.category, now) is None:
        return asking.Asked(new.fields)
    known = asking.known_of(customers.look_up(new)) | asking.known_of_data(new.customer)
    return asking.answers(new.category, new.channel, new.fields, known, now)


def _faults(actor: Actor, new: NewTicket, now: datetime) -> list[Fault]:
    faults = []
    if not new.subject:
        faults.append(Fault("subject", "required", {"field": "subject"}))
    for name, text, limit in (
        ("subject", new.subject, MAX_SUBJECT),
        ("description", new.description, MAX_DESCRIPTION),
    ):
        if len(text) > limit:
            faults.append(Fault(name, "too_long", {"limit": limit, "length": len(text)}))
        if "\x00" in text:
            faults.append(Fault(name, "control_character", {}))
    for name, value, known in (
        ("channel", new.channel, CHANNELS),
        ("type", new.type or TYPES[0], TYPES),
        ("priority", new.priority or "P3", PRIORITIES),
    ):
        if value not in known:
            faults.append(Fault(name, "unknown_value", {"value": value, "known": ", ".join(known)}))
    if new.category and new.category not in (known_paths := triage.categories()):
        some = ", ".join(sorted(known_paths)[:20])
        faults.append(Fault("category", "unknown_value", {"value": new.category[:80], "known": some}))
    faults.extend(triage.tag_faults("tags", new.tags))
    faults.extend(dating.faults(actor, "received_at", new.received_at, now))
    faults.extend(_answer_faults(new))
    return faults


def _known(actor: Actor, new: NewTicket) -> Opened | None:
    """What this key made before; another request under the same key is refused."""
    if not new.idempotency_key:
        return None
    row = IdempotencyKey.objects.filter(actor=actor.caller, key=new.idempotency_key).first()
    if row is None:
        return None
    if row.digest != new.digest():
        raise Conflict.one("idempotency_mismatch", "Idempotency-Key")
    return Opened(Ticket.objects.get(pk=row.subject_id or 0), None, row.answer)


_Place = tuple[str, int | None]  # a ticket's number, and its id where that was taken with it


def _take_number(new: NewTicket, now: datetime) -> _Place:
    """`GD20240501001`: rising within the local day of the site's zone, never reused, gaps allowed (D2)."""
    day = local_day(dating.instant(new.received_at, now))
    n, pk = counters.take_with_id(counter(day), Ticket)
    return number(day, n), pk


def local_day(received_at: datetime) -> str:
    return received_at.astimezone(ZoneInfo(settings.TIME_ZONE)).strftime("%Y%m%d")


def counter(day: str) -> str:
    """The name of the counter that a day's numbers come from."""
    return f"ticket:{day}"


def number(day: str, n: int) -> str:
    return f"GD{day}{n:03d}"


def _create(
    actor: Actor, new: NewTicket, place: _Place | None, tried: frozenset[int] | None, now: datetime, answer: Answer
) -> Opened:
    """All of it in the caller's transaction; `tried` None leaves the ticket in the queue."""
    number, pk = place or _take_number(new, now)
    known = customers.find_or_create(actor, new, now)
    customer = known.customer if known else None
    ticket = _row(actor, new, number, customer, now)
    ticket.pk = pk
    ticket.customer_told = dict(known.told) if known else {}
    choice = _choose(actor, new, ticket, customer, tried)
    if choice is not None and choice.person is not None:
        ticket.assignee_id, ticket.assigned_at, ticket.status = choice.person, now, "assigned"
        ticket.team_id = ticket.team_id or roster.team_of(choice.person)
    if new.take_it and ticket.assignee_id == actor.id:
        ticket.status, ticket.accepted_at = "accepted", now
    facts = _facts(ticket, new, choice, now)
    clocks = plan(_events(facts), now)
    ticket.next_due_at, ticket.is_late = next_due(clocks)
    with together() if pk else nullcontext():
        insert([ticket])
        bells = rings(ticket, *_told(ticket, new, now))
        entries = journal.record(
            actor, [journal.Fact(KIND, ticket.pk, f"ticket.{k}", at, data, bells) for k, at, data in facts], now=now
        )
    store_new(KIND, ticket.pk, clocks, entries)
    if new.idempotency_key:
        IdempotencyKey.objects.create(
            actor=actor.caller,
            key=new.idempotency_key,
            digest=new.digest(),
            subject_kind=KIND,
            subject_id=ticket.pk,
            answer=answer(ticket, clocks),
            at=now,
        )
    _after_opening(ticket, now)
    if new.split_from:
        links.split_off(actor, ticket, new.split_from, now)
    _take_place(ticket, new, now)
    return Opened(ticket, clocks)


def _after_opening(ticket: Ticket, now: datetime) -> None:
    """Its category's task flow starts with it; what goes up by rule does a moment later, by a timer."""
    if begun := flows.begin_by_category(SYSTEM, ticket, now):
        journal.record(SYSTEM, begun, now=now)
    what = Happened("opened", ticket.category, ticket.type, ticket.priority)
    if choose_line(line_setup.rules(now), what) is not None:
        TicketTimer.objects.create(ticket=ticket, kind="up_opened", wake_at=now)


def _told(ticket: Ticket, new: NewTicket, now: datetime) -> list[int]:
    """Its agent is told, and of a VIP's ticket at arrival the responsible; not who opens it and keeps it."""
    if new.take_it:
        return []
    if ticket.tier == "vip":
        return telling.tell_vip(ticket, now)
    telling.tell_assigned(ticket, now)
    return []


def _row(actor: Actor, new: NewTicket, number: str, customer: Customer | None, now: datetime) -> Ticket:
    received_at = dating.instant(new.received_at, now)
    tier = customer.tier if customer else "standard"
    request = Request(
        channel=new.channel,
        subject=new.subject,
        description=new.description,
        type=triage.type_of(new.type, new.category),
        category=new.category or None,
        tier=tier,
        amount=new.amount,
        tags=frozenset(new.tags),
    )
    asked = new.asked or asking.Asked(new.fields)
    priority, reason = triage.decide_priority(request, now)
    if new.priority is not None:
        reason = {"manual": True, "by_rule": priority, "by": actor.id}
    return Ticket(
        number=number,
        subject=new.subject,
        description=new.description,
        customer=customer,
        channel=new.channel,
        type=request.type or TYPES[0],
        category=new.category,
        tags=list(new.tags),
        fields=dict(asked.values),
        form=asked.form,
        is_incomplete=bool(asked.wrong),
        priority=new.priority or priority,
        priority_source="manual" if new.priority else "rule",
        priority_reason=reason,
        amount=new.amount,
        tier=tier,
        region=customer.region if customer else "",
        opened_by=actor.person if new.opened_by == "agent" else None,
        received_at=received_at,
        created_at=now,
        last_message=new.description[:160],
        last_message_at=received_at,
        source=new.origin[0],
        external_id=new.origin[1],
    )


def _choose(
    actor: Actor, new: NewTicket, ticket: Ticket, customer: Customer | None, tried: frozenset[int] | None
) -> routing.Choice | None:
    ticket.team_id = triage.team_for(ticket) or new.team_id
    if tried is None:
        return None
    if new.take_it and actor.id is not None and actor.kind in ("person", "token"):
        return routing.Choice(actor.id, "opened_it", 1, 1, {}, ())
    need = triage.need_of(ticket, customer, tried)
    return routing.choose(need, triage.candidates(ticket.channel, ticket.team_id))


_Facts = list[tuple[str, datetime, dict[str, Any]]]


def _facts(ticket: Ticket, new: NewTicket, choice: routing.Choice | None, now: datetime) -> _Facts:
    opened: dict[str, Any] = {
        "number": ticket.number,
        "channel": ticket.channel,
        "priority": ticket.priority,
        "priority_reason": ticket.priority_reason,
        "tier": ticket.tier,
        "category": ticket.category or None,
        "type": ticket.type,
        "by": new.opened_by,
        **versions_in_force(now),
    }
    facts: _Facts = [("opened", ticket.received_at, opened)]
    if choice is None or choice.person is None:
        explained = choice.as_data() if choice else {"decided_by": "nobody"}
        return [*facts, ("queued", now, explained)]
    facts.append(("assigned", now, {"to": choice.person, "why": choice.as_data()}))
    if ticket.status == "accepted":
        facts.append(("accepted", now, {"by": choice.person}))
    return facts


def _events(facts: _Facts) -> list[core_clocks.Event]:
    return [core_clocks.Event(second_of(at), n, kind, data) for n, (kind, at, data) in enumerate(facts)]


def _take_place(ticket: Ticket, new: NewTicket, now: datetime) -> None:
    """Last of all, for the shortest hold on the agent's row."""
    if ticket.assignee_id is None:
        TicketTimer.objects.create(ticket=ticket, kind="route", wake_at=now + timedelta(seconds=1))
    elif new.take_it:
        loads.take_anyway(ticket.assignee_id, ticket.channel, now)
    elif not loads.take(ticket.assignee_id, ticket.channel, now):
        raise _PlaceTaken(ticket.assignee_id)
