"""The live feed of the made-up centre: a new ticket now and then, agents and customers going on with what is open.

Everything goes through the ordinary services, as the persons themselves. Those who were printed at the start are left
alone: nobody accepts, answers or solves in their place. Runs only where `sample` has switched it on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log
from random import Random
from typing import Any

import structlog
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from jiying.base import settings_store
from jiying.base.actor import SYSTEM, Actor, of_person
from jiying.base.errors import Refused
from jiying.base.models import Person, Setting
from jiying.core import lifecycle
from jiying.desk.models import Collaboration, Customer, FlowStep, Message, Ticket
from jiying.desk.services import codes, collaboration, flows, handling, routing, talking, triage
from jiying.desk.services.intake import NewTicket, open_ticket
from jiying.desk.services.sample import processes, words
from jiying.desk.services.sample.centre import FEED_ON, LEFT_ALONE
from jiying.desk.services.sample.words import Scenario

EVERY_S = 10
TICKET_EVERY_S = 20
STEPS = 4  # at most so many steps a turn: after a pause of hours the centre catches up gently
LOOK = 400  # open tickets looked at in a turn
BREAKS = 0.02
log_ = structlog.get_logger()


def is_on() -> bool:
    return bool(settings_store.get(FEED_ON))


def turn(at: datetime) -> None:
    """One turn. What a service refuses (somebody was quicker) is left; the next turn looks anew."""
    if not is_on():
        return
    now = timezone.now()
    rng = Random(f"feed:{at.timestamp()}")  # noqa: S311 - made-up work, no secrets
    feed = Feed(rng, now)
    steps = list(feed.steps())
    rng.shuffle(steps)
    if rng.random() < EVERY_S / TICKET_EVERY_S:
        steps.insert(0, feed.open)
    if rng.random() < BREAKS:
        steps.insert(0, feed.change_presence)
    for step in steps[: STEPS + 1]:
        try:
            step()
        except Refused as refused:
            log_.info("feed_refused", reason=str(refused))


@dataclass(frozen=True, slots=True)
class Open:
    """An open ticket as the feed sees it; `last` is who spoke last: reply, customer, call."""

    pk: int
    number: str
    status: str
    category: str
    priority: str
    customer_id: int | None
    assignee_id: int | None
    waiting_for: str
    since: datetime
    last: str


class Feed:
    """What may happen in one turn."""

    def __init__(self, rng: Random, now: datetime) -> None:
        self.rng, self.now = rng, now
        row = Setting.objects.filter(key=LEFT_ALONE).first()
        self.left_alone = frozenset(row.value if row else ())

    def steps(self) -> Iterator[Callable[[], object]]:
        """All steps whose time has come, for tickets of anybody but those who are left alone."""
        for ticket in self._tickets():
            draw = Random(f"{ticket.pk}:{ticket.status}:{ticket.since.timestamp()}")  # noqa: S311 - as above
            found = self._customers_step(ticket, draw)
            if found is None and ticket.assignee_id is not None and ticket.assignee_id not in self.left_alone:
                found = self._agents_step(ticket, draw)
            if found is not None and ticket.since + found[0] <= self.now:
                yield found[1]

    def _tickets(self) -> Iterable[Open]:
        last = Message.objects.filter(ticket=OuterRef("pk")).exclude(kind="note").order_by("-at", "-pk")
        rows = Ticket.objects.filter(ended_at__isnull=True).exclude(status=lifecycle.NEW)
        columns = ("pk", "number", "status", "category", "priority", "customer_id", "assignee_id", "waiting_for")
        moments = ("assigned_at", "accepted_at", "resolved_at", "last_message_at", "received_at")
        found = rows.annotate(last=Subquery(last.values("kind")[:1])).order_by("-pk")
        for row in found.values(*columns, *moments, "last")[:LOOK]:
            since = max(row[m] for m in moments if row[m] is not None)
            yield Open(**{c: row[c] for c in columns}, since=since, last=row["last"] or "")

    # -- new work -----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """A request of a known customer; calls are taken by an agent who has time."""
        customers = list(Customer.objects.filter(ref__startswith="C", language="").values_list("pk", flat=True))
        if not customers:
            return
        scenario = self.rng.choices(words.SCENARIOS, [s.weight for s in words.SCENARIOS])[0]
        channel = self.rng.choices(list(scenario.channels), list(scenario.channels.values()))[0]
        places = _places(self.rng)
        new: dict[str, Any] = {
            "subject": self.rng.choice(scenario.subjects).format(**places),
            "description": self.rng.choice(scenario.descriptions).format(**places),
            "type": scenario.type,
            "category": scenario.category,
            "channel": channel,
            "customer_id": self.rng.choice(customers),
            "fields": processes.answers(self.rng, scenario.category, places["order"], whole=channel == "phone"),
        }
        agent = self._free_agent(scenario) if channel == "phone" else None
        if agent is None:
            open_ticket(actor=SYSTEM, new=NewTicket(**new), now=self.now)
            return
        actor = of_person(agent)
        ticket = open_ticket(actor=actor, new=NewTicket(**new, opened_by="agent", take_it=True), now=self.now)
        body = self.rng.choice(words.CALLED)
        seconds = self.rng.randrange(40, 300)
        talking.call(
            actor=actor, number=ticket.number, direction="in", duration_s=seconds, note=body, now=timezone.now()
        )

    def _free_agent(self, scenario: Scenario) -> Person | None:
        category = triage.category_of(scenario.category)
        people = Person.objects.filter(is_active=True, presence="online", loads__channel="phone")
        found = people.filter(team=category.team_id if category else None).exclude(pk__in=self.left_alone)
        free = [p for p in found.distinct().order_by("pk") if p.loads.filter(channel="phone", n_open__lt=4).exists()]
        return self.rng.choice(free) if free else None

    def change_presence(self) -> None:
        """Somebody goes on a break, or comes back from one."""
        people = Person.objects.filter(is_active=True, loads__isnull=False).exclude(pk__in=self.left_alone)
        away = list(people.filter(presence__in=("away", "break")).distinct().order_by("presence_at"))
        if len(away) > 3 or (away and self.rng.random() < 0.5):
            self._presence(away[0], "online", "")
            return
        online = list(people.filter(presence="online").distinct().order_by("pk"))
        if len(online) > 12:
            self._presence(self.rng.choice(online), "break", self.rng.choice(("用餐", "喝水", "培训")))

    def _presence(self, person: Person, presence: str, reason: str) -> None:
        routing.set_presence(
            actor=of_person(person), person_id=person.pk, presence=presence, reason=reason, now=self.now
        )

    # -- customers ----------------------------------------------------------------------------------------------------

    def _customers_step(self, ticket: Open, draw: Random) -> "_Step | None":
        """The customer answers a question, asks again, or confirms; this happens on everybody's tickets."""
        if ticket.customer_id is None:
            return None
        customer = Actor("customer", ticket.customer_id)
        scenario = _scenario(ticket.category)
        if ticket.status == lifecycle.WAITING and ticket.waiting_for == "customer":
            return _after(draw, 900, 0.8), lambda: self._customer_says(ticket, scenario.replies)
        if ticket.status == lifecycle.RESOLVED and draw.random() < 0.5:
            return _after(draw, 1500, 0.8), lambda: handling.confirm(actor=customer, number=ticket.number, now=self.now)
        if ticket.status == lifecycle.IN_PROGRESS and ticket.last != "customer" and draw.random() < 0.18:
            return _after(draw, 900, 0.6), lambda: self._customer_says(ticket, words.ASKED_AGAIN)
        return None

    def _customer_says(self, ticket: Open, texts: tuple[str, ...]) -> None:
        body = self.rng.choice(texts).format(**_places(self.rng))
        actor = Actor("customer", ticket.customer_id)
        talking.customer_message(actor=actor, number=ticket.number, body=body, now=self.now)

    # -- agents and departments ---------------------------------------------------------------------------------------

    def _agents_step(self, ticket: Open, draw: Random) -> "_Step | None":
        scenario = _scenario(ticket.category)
        if ticket.status == lifecycle.ASSIGNED:
            slow = draw.random() < 0.12  # so late that the supervisor is told
            return _after(draw, 780 if slow else 80, 0.3 if slow else 0.7), lambda: self._accept(ticket)
        if ticket.status == lifecycle.ACCEPTED:
            return _after(draw, _FIRST[ticket.priority], 0.6), lambda: self._reply(ticket, scenario.answers)
        if ticket.status == lifecycle.IN_PROGRESS:
            return self._working(ticket, scenario, draw)
        if ticket.status == lifecycle.WAITING and ticket.waiting_for == "department":
            return _after(draw, 1800, 0.7), lambda: self._department_answers(ticket, scenario)
        if ticket.status == lifecycle.WAITING and ticket.waiting_for == "third_party":
            return _after(draw, 5400, 0.5), lambda: self._resume(ticket)
        return None

    def _working(self, ticket: Open, scenario: Scenario, draw: Random) -> "_Step":
        if ticket.last == "customer":
            return _after(draw, 300, 0.7), lambda: self._reply(ticket, words.UPDATES)
        drawn = draw.random()
        if drawn < 0.2:
            return _after(draw, 400, 0.6), lambda: self._reply(ticket, scenario.questions, hold_for="customer")
        asked_before = Collaboration.objects.filter(ticket_id=ticket.pk).exists()
        if drawn < 0.38 and scenario.department and not asked_before:
            return _after(draw, 500, 0.6), lambda: self._ask(ticket, scenario)
        return _after(draw, 1500, 0.6), lambda: self._solve(ticket, scenario)

    def _agent(self, ticket: Open) -> Actor:
        return of_person(Person.objects.get(pk=ticket.assignee_id or 0))

    def _accept(self, ticket: Open) -> None:
        handling.accept(actor=self._agent(ticket), number=ticket.number, now=self.now)

    def _reply(self, ticket: Open, texts: tuple[str, ...], hold_for: str = "") -> None:
        body = self.rng.choice(texts).format(**_places(self.rng))
        talking.reply(actor=self._agent(ticket), number=ticket.number, body=body, hold_for=hold_for, now=self.now)

    def _resume(self, ticket: Open) -> None:
        handling.resume(actor=self._agent(ticket), number=ticket.number, now=self.now)

    def _solve(self, ticket: Open, scenario: Scenario) -> None:
        self._do_tasks(ticket)
        self._reply(ticket, scenario.solutions)
        handling.resolve(
            actor=self._agent(ticket),
            number=ticket.number,
            booked=_booked(self.rng, scenario),
            now=self.now + timedelta(seconds=1),
        )

    def _do_tasks(self, ticket: Open) -> None:
        """What the flow of the category wants; now and then something optional is skipped."""
        steps = FlowStep.objects.filter(run__ticket_id=ticket.pk, state="open").order_by("run_id", "n")
        for step in steps:
            if not step.mandatory and self.rng.random() < 0.4:
                reason = self.rng.choice(processes.SKIPPED)
                flows.skip(actor=SYSTEM, step_id=step.pk, reason=reason, now=self.now)
                continue
            for n in range(len(step.checklist)):
                flows.tick(actor=SYSTEM, step_id=step.pk, item=n, done=True, now=self.now)
            actor = SYSTEM if step.role == "lead" else self._agent(ticket)
            flows.finish(actor=actor, step_id=step.pk, now=self.now)

    def _ask(self, ticket: Open, scenario: Scenario) -> None:
        collaboration.ask(
            actor=self._agent(ticket),
            number=ticket.number,
            department=scenario.department,
            question=self.rng.choice(scenario.asks).format(**_places(self.rng)),
            kind=scenario.kind,
            hold_ticket=True,
            now=self.now,
        )

    def _department_answers(self, ticket: Open, scenario: Scenario) -> None:
        for asked in Collaboration.objects.filter(ticket_id=ticket.pk, state="asked").order_by("pk"):
            people = Person.objects.filter(is_active=True, department=asked.department_id, roles__code="responder")
            person = people.exclude(pk__in=self.left_alone).order_by("pk").first()
            if person is None:
                return
            answer = self.rng.choice(scenario.told or words.UPDATES).format(**_places(self.rng))
            collaboration.answer(actor=of_person(person), collaboration_id=asked.pk, answer=answer, now=self.now)


_Step = tuple[timedelta, Callable[[], object]]
_FIRST: Mapping[str, int] = {"P1": 150, "P2": 420, "P3": 700, "P4": 1500}


def _after(draw: Random, median_s: float, spread: float) -> timedelta:
    return timedelta(seconds=draw.lognormvariate(log(median_s), spread) + 2)


def _scenario(category: str) -> Scenario:
    """The usual request of a category; any will do for one that was made by hand."""
    return max(
        (s for s in words.SCENARIOS if s.category == category), key=lambda s: s.weight, default=words.SCENARIOS[0]
    )


def _booked(rng: Random, scenario: Scenario) -> codes.Booked:
    """What an agent books the ticket on."""
    return codes.Booked(scenario.cause, rng.choice(processes.SOLUTIONS), rng.choice(("", *processes.STEPS)))


def _places(rng: Random) -> dict[str, str]:
    return {
        "product": rng.choice(words.PRODUCTS),
        "order": f"DD{rng.randrange(10**7, 10**8)}",
        "city": rng.choice(words.CITIES),
        "n": str(rng.randrange(2, 9)),
    }
