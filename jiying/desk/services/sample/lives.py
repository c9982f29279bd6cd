"""The life of one made-up ticket, told step by step as the desk's verbs would have recorded it. Writes nothing.

Every step is checked against `core.lifecycle`; priorities come from the rules in force, agents from `world`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log
from random import Random
from typing import Any

from jiying.base.actor import SYSTEM, Actor
from jiying.base.models import Person
from jiying.clocks import queries
from jiying.clocks.services.keeping import plan
from jiying.core import clocks as core_clocks
from jiying.core import lifecycle
from jiying.core.priority import Request
from jiying.desk.models import Collaboration, Customer, Message, Ticket
from jiying.desk.services import triage
from jiying.desk.services.bulk import History, PastFact, PastRequest
from jiying.desk.services.loads import carried
from jiying.desk.services.sample import words
from jiying.desk.services.sample.staff import Agent
from jiying.desk.services.sample.words import Scenario
from jiying.desk.services.sample.world import World

SILENCE = timedelta(hours=72)
# Seconds: median and spread (sigma) of lognormal delays.
ACCEPTING = (100, 0.8)
ANSWERING = {"P1": (240, 0.6), "P2": (2000, 0.75), "P3": (5400, 0.9), "P4": (15000, 0.8)}
WORKING = {"P1": (3600, 0.65), "P2": (15000, 0.75), "P3": (24000, 0.9), "P4": (60000, 0.8)}
STRAINED = 2.5  # so many times as long in a bad week
CUSTOMER = (2700, 1.1)
RESPONDER = {"logistics": (1900, 0.6), "rd": (26000, 0.8), "finance": (9000, 0.8)}


@dataclass(frozen=True, slots=True)
class Script:
    """How a ticket of the present is to stand: it stops at `stop`, with these facts given instead of drawn."""

    stop: str = ""  # assigned | accepted | answered | asked | customer | third_party | department
    accept_s: int | None = None
    answer_s: int | None = None
    priority: str = ""
    is_own: bool = False


class Life:
    """One ticket, its people, and its history as far as it has been told."""

    def __init__(
        self, world: World, key: str, customer: Customer, scenario: Scenario, script: Script | None = None
    ) -> None:
        self.world, self.customer, self.scenario = world, customer, scenario
        self.script = script or Script()
        self.is_own = self.script.is_own
        self.rng = Random(key)  # noqa: S311 - made-up tickets, no secrets
        self.places = {
            "product": self.rng.choice(words.PRODUCTS),
            "order": f"DD{self.rng.randrange(10**7, 10**8)}",
            "city": self.rng.choice(words.CITIES),
            "n": str(self.rng.randrange(2, 9)),
        }
        self.agent: Agent | None = None
        self.original: Life | None = None
        self.ticket = Ticket()
        self.history = History(self.ticket, [])

    # -- small tools --------------------------------------------------------------------------------------------------

    @property
    def at(self) -> datetime:
        return self.world.at

    @property
    def person(self) -> Person:
        if self.agent is None:
            raise AssertionError(f"nobody is responsible in {self.ticket.status}")
        return self.agent.person

    @property
    def by_agent(self) -> Actor:
        return Actor("person", self.person.pk, self.person)

    @property
    def by_lead(self) -> Actor:
        lead = self.world.staff.leads.get(self.ticket.team_id or 0, self.world.staff.supervisor)
        return Actor("person", lead.pk, lead)

    @property
    def by_customer(self) -> Actor:
        return Actor("customer", self.customer.pk)

    def one_of(self, texts: tuple[str, ...]) -> str:
        return self.rng.choice(texts).format(**self.places)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def after(self, pace: tuple[float, float]) -> datetime:
        return self.at + timedelta(seconds=round(self.rng.lognormvariate(log(pace[0]), pace[1])) + 3)

    def on_shift(self, at: datetime) -> datetime:
        return self.world.next_on_shift(self.agent, at) if self.agent else at

    def tell(self, kind: str, actor: Actor = SYSTEM, **data: Any) -> PastFact:
        fact = PastFact(kind, self.at, data, actor)
        self.history.facts.append(fact)
        return fact

    def go(self, verb: str) -> None:
        """Make a permitted change of status (raises NotAllowed: then this file tells nonsense)."""
        self.ticket.status = lifecycle.step(verb, self.ticket.status).after
        if self.ticket.status != lifecycle.WAITING:
            self.ticket.waiting_for = ""

    def next_due_at(self) -> datetime | None:
        """What the queue is sorted by; the facts are bound to the versions of today, as they will be when written."""
        bound = queries.versions_in_force(self.world.now)
        events = [
            core_clocks.Event(queries.second_of(f.at), n, f.kind, {**bound, **f.data} if f.kind == "opened" else f.data)
            for n, f in enumerate(self.history.facts)
        ]
        return queries.next_due(plan(events, self.at))[0]

    # -- the story ----------------------------------------------------------------------------------------------------

    def steps(self) -> Iterator[datetime | None]:
        """The whole life; it ends where the script stops, or when nothing more is to come."""
        taken = self.receive()
        if self.agent is None:
            yield None
        if self.script.stop == "assigned":
            return
        if not taken:
            yield from self._wait_for_acceptance()
        if self.script.stop == "accepted":
            return
        if self.original is not None and self._merge():
            return
        if self.chance(0.015):
            yield self.on_shift(self.after((300, 0.5)))
            self._cancel()
            return
        yield from self._answer_first(by_phone=taken)
        if self.script.stop:
            yield from self._stop_there()
            return
        yield from self._work()
        yield from self._end()

    def receive(self) -> bool:
        """Receipt and routing; True if an agent opened the ticket and keeps it (while talking on the phone)."""
        self._fill()
        ticket = self.ticket
        choice = self.world.choose(self, self.at)
        takes = choice.person is not None and (
            self.script.stop == "accepted" if self.is_own else ticket.channel == "phone" and not self.script.stop
        )
        by = self.world.by_id[choice.person].person if choice.person is not None and takes else None
        self._classify(by)
        opened = {
            "channel": ticket.channel,
            "priority": ticket.priority,
            "priority_reason": ticket.priority_reason,
            "tier": ticket.tier,
            "category": ticket.category or None,
            "type": ticket.type,
            "by": "agent" if by else "customer",
        }
        who = Actor("person", by.pk, by) if by else self.by_customer
        self.tell("opened", who, **opened)
        ticket.opened_by = by
        if choice.person is None:
            self.history.facts.append(PastFact("queued", self.at, choice.as_data()))
            self.world.wait_in_queue(self)
            return False
        why = {**choice.as_data(), "decided_by": "opened_it"} if by else choice.as_data()
        self.assigned(self.world.by_id[choice.person], {"why": why})
        if by:
            self.accept()
        return by is not None

    def _fill(self) -> None:
        ticket, scenario = self.ticket, self.scenario
        ticket.received_at = ticket.created_at = self.at
        ticket.subject = self.one_of(scenario.subjects)
        if self.original is not None:
            ticket.subject = self.rng.choice(words.REPEATED).format(subject=self.original.ticket.subject)[:200]
        ticket.description = self.one_of(scenario.descriptions)
        ticket.customer, ticket.tier, ticket.region = self.customer, self.customer.tier, self.customer.region
        ticket.type, ticket.category = scenario.type, scenario.category
        if not ticket.channel:
            ticket.channel = self.rng.choices(list(scenario.channels), list(scenario.channels.values()))[0]
        ticket.team_id = triage.team_for(ticket)
        ticket.status = lifecycle.NEW
        ticket.last_message, ticket.last_message_at = ticket.description[:160], self.at
        self._classify(None)

    def _classify(self, by: Person | None) -> None:
        """By the rules; now and then the agent who opens it sets another priority."""
        ticket = self.ticket
        request = Request(
            channel=ticket.channel,
            subject=ticket.subject,
            description=ticket.description,
            type=ticket.type,
            category=ticket.category,
            tier=ticket.tier,
        )
        priority, reason = triage.decide_priority(request, self.world.now)
        wanted = self.script.priority or ("P2" if self.chance(0.05) else priority)
        ticket.priority, ticket.priority_source, ticket.priority_reason = priority, "rule", reason
        if by is not None and wanted != priority:
            ticket.priority, ticket.priority_source = wanted, "manual"
            ticket.priority_reason = {"manual": True, "by_rule": priority, "by": by.pk}

    def assigned(self, agent: Agent, why: dict[str, Any], actor: Actor = SYSTEM) -> None:
        ticket, person = self.ticket, agent.person
        before = ticket.assignee_id if carried(ticket) else None
        self.go("assign")
        self.agent = agent
        ticket.assignee, ticket.assigned_at = person, self.at
        ticket.team_id = ticket.team_id or person.team_id
        self.tell("assigned", actor, to=person.pk, **why)
        self.world.take(person.pk, ticket.channel)
        if before is not None:
            self.world.give_back(before, ticket.channel)

    def accept(self) -> None:
        self.go("accept")
        self.ticket.accepted_at = self.ticket.accepted_at or self.at
        self.tell("accepted", self.by_agent, by=self.person.pk)

    def _wait_for_acceptance(self) -> Iterator[datetime]:
        """Some are not accepted in time: then the team leader steps in and gives the ticket to somebody else."""
        pace = (900, 0.5) if self.chance(0.05) else ACCEPTING
        at = self.on_shift(self.after(pace))
        if self.script.accept_s is not None:
            at = self.at + timedelta(seconds=self.script.accept_s)
        late_at = self.at + timedelta(minutes=self.rng.randrange(13, 30))
        if at > late_at and self.script.accept_s is None:
            yield late_at
            self._hand_over("长时间未接单，重新分派")
            at = self.on_shift(self.after(ACCEPTING))
        yield at
        self.accept()

    def _hand_over(self, reason: str) -> bool:
        choice = self.world.choose(self, self.at, (self.person.pk,))
        if choice.person is None:
            return False
        why = {"from": self.person.pk, "why": {"decided_by": "hand", "reason": reason}, "by_hand": True}
        self.assigned(self.world.by_id[choice.person], why, self.by_lead)
        return True

    # -- talking ------------------------------------------------------------------------------------------------------

    def say(self, kind: str, body: str, actor: Actor, **about: Any) -> None:
        """A message row with its fact."""
        by = "customer" if kind == "customer" else "person"
        call = {k: about.get(k, "") for k in ("direction", "duration_s", "recording_url")} if kind == "call" else {}
        row = Message(kind=kind, by=by, author=actor.person, body=body, call=call, at=self.at)
        self.tell("message", actor, by=by, **about).message = row
        if kind != "note":
            self.ticket.last_message, self.ticket.last_message_at = body[:160], self.at

    def reply(self, body: str) -> None:
        self.go("reply")
        self.say("reply", body, self.by_agent, direction="out", public=True, way="message")
        self._answered()

    def call(self, body: str, direction: str, seconds: int) -> None:
        self.go("reply")
        self.say("call", body, self.by_agent, direction=direction, public=True, way="call", duration_s=seconds)
        self._answered()

    def _answered(self) -> None:
        self.ticket.public_reply_at = self.ticket.public_reply_at or self.at
        if self.ticket.status == lifecycle.ACCEPTED:
            self.ticket.status = lifecycle.IN_PROGRESS

    def note(self, body: str) -> None:
        self.go("note")
        self.say("note", body, self.by_agent, direction="out", public=False, way="note")

    def customer_says(self, body: str) -> None:
        """By whatever way: wakes a waiting ticket, takes back a resolved one, reopens a closed one."""
        status, waiting_for = self.ticket.status, self.ticket.waiting_for
        lifecycle.step("customer_message", status)
        self.say("customer", body, self.by_customer, direction="in", public=True, way="message")
        if status == lifecycle.WAITING and waiting_for == "customer":
            self.resume(self.by_customer)
        elif status == lifecycle.RESOLVED:
            self._back_to_work("reject", "rejected", note="")
        elif status == lifecycle.CLOSED:
            self._back_to_work("reopen", "reopened", reason="customer_message")

    def _back_to_work(self, verb: str, kind: str, **data: Any) -> None:
        self.go(verb)
        self.ticket.resolved_at = self.ticket.ended_at = None
        self.tell(kind, self.by_customer, **data)
        self.world.take(self.person.pk, self.ticket.channel)

    def hold(self, reason: str) -> None:
        self.go("hold")
        self.ticket.waiting_for = reason
        self.tell("held", self.by_agent, reason=reason, note="")

    def resume(self, actor: Actor) -> None:
        self.go("resume")
        self.tell("resumed", actor)

    def _answer_first(self, *, by_phone: bool) -> Iterator[datetime]:
        if by_phone:
            seconds = self.rng.randrange(60, 540)
            yield self.at + timedelta(seconds=seconds)
            self.call(self.one_of(words.CALLED), "in", seconds)
            return
        seconds_given = self.script.answer_s
        median, spread = ANSWERING[self.ticket.priority]
        slow = STRAINED if self.world.is_strained(self.ticket) else 1.0
        drawn = self.on_shift(self.after((slow * median, spread)))
        yield drawn if seconds_given is None else self.at + timedelta(seconds=seconds_given)
        self.reply(self.one_of(self.scenario.answers))

    def _stop_there(self) -> Iterator[datetime]:
        """The present standing that the script wants."""
        stop = self.script.stop
        yield self.at + timedelta(seconds=self.rng.randrange(30, 120))
        if stop == "asked":
            self.customer_says(self.one_of(words.ASKED_AGAIN))
        elif stop == "customer":
            self.reply(self.one_of(self.scenario.questions))
            self.hold("customer")
        elif stop == "third_party":
            self.note("已联系第三方服务商，等待回复。")
            self.hold("third_party")
        elif stop == "department":
            self.ask(holds=True)

    # -- working ------------------------------------------------------------------------------------------------------

    def _work(self) -> Iterator[datetime]:
        done_at = self.after(WORKING[self.ticket.priority])
        if self.chance(0.3):
            self.note(self.one_of(self.scenario.notes))
        if self.chance(0.3):
            yield from self._ask_customer()
        if self.scenario.department and self.chance(0.34):
            yield from self._ask_department()
        if self.chance(0.2):
            yield from self._customer_asks_again()
        for share, happens in (
            (0.06 if self.scenario.type == "complaint" else 0.015, self._escalate),
            (0.03, self._reprioritise),
            (0.03, self._third_party),
            (0.035, self._change_hands),
        ):
            if self.chance(share):
                yield from happens()
        yield self.on_shift(max(done_at, self.at))
        if self.chance(0.12):
            self.call(self.one_of(words.CALLED), "out", self.rng.randrange(40, 400))

    def _ask_customer(self) -> Iterator[datetime]:
        yield self.on_shift(self.after((400, 0.8)))
        self.reply(self.one_of(self.scenario.questions))
        self.hold("customer")
        if self.chance(0.08):  # no answer: the agent reminds and goes on
            yield self.on_shift(self.at + timedelta(hours=self.rng.randrange(20, 50)))
            self.resume(self.by_agent)
            self.reply("您好，之前的信息还没有收到，我们先按现有资料处理。")
            return
        yield self.after(CUSTOMER)
        self.customer_says(self.one_of(self.scenario.replies))
        yield self.on_shift(self.after((900, 0.8)))
        self.reply(self.one_of(words.UPDATES))

    def _ask_department(self) -> Iterator[datetime]:
        yield self.on_shift(self.after((500, 0.7)))
        holds = self.chance(0.6)
        request = self.ask(holds)
        pace = RESPONDER[self.scenario.department]
        yield self._office_hours(self.after(pace if self.chance(0.9) else (pace[0] * 4, pace[1])))
        self._department_answers(request)
        if self.chance(0.5):
            yield self.on_shift(self.after((900, 0.7)))
            self.reply(self.one_of(words.UPDATES))

    def _office_hours(self, at: datetime) -> datetime:
        """Departments answer between eight and nine, and on every day but in the night."""
        local = at.astimezone(self.world.zone)
        if 8 <= local.hour < 21:
            return at
        morning = local.replace(hour=8, minute=self.rng.randrange(60)) + timedelta(days=local.hour >= 21)
        return morning.astimezone(at.tzinfo)

    def ask(self, holds: bool) -> PastRequest:
        staff, scenario = self.world.staff, self.scenario
        lifecycle.step("collaborate", self.ticket.status)
        row = Collaboration(
            department=staff.departments[scenario.department],
            kind=scenario.kind,
            question=self.one_of(scenario.asks),
            holds_ticket=holds,
            asked_by=self.person,
            asked_at=self.at,
        )
        about = {"department": scenario.department, "kind": scenario.kind}
        request = PastRequest(row, [PastFact("asked", self.at, about, self.by_agent)])
        self.history.requests.append(request)
        self.tell("collaboration_asked", self.by_agent, department=scenario.department).request = request
        if holds:
            self.hold("department")
        return request

    def _department_answers(self, request: PastRequest) -> None:
        person = self.rng.choice(self.world.staff.responders[self.scenario.department])
        actor, row = Actor("person", person.pk, person), request.row
        row.answer, row.state = self.one_of(self.scenario.told), Collaboration.State.ANSWERED
        row.answered_by, row.answered_at = person, self.at
        request.facts.append(PastFact("answered", self.at, {}, actor))
        self.tell("collaboration_answered", actor, department=self.scenario.department).request = request
        if row.holds_ticket and self.ticket.status == lifecycle.WAITING:
            self.resume(actor)

    def _customer_asks_again(self) -> Iterator[datetime]:
        yield self.after((7200, 0.8))
        self.customer_says(self.one_of(words.ASKED_AGAIN))
        yield self.on_shift(self.after(ANSWERING[self.ticket.priority]))
        self.reply(self.one_of(words.UPDATES))

    def _escalate(self) -> Iterator[datetime]:
        yield self.on_shift(self.after((1800, 0.7)))
        lifecycle.step("escalate", self.ticket.status)
        self.ticket.escalation = self.rng.choices((1, 2, 3), (80, 17, 3))[0]
        self.tell("escalated", self.by_agent, level=self.ticket.escalation, reason=self.one_of(words.ESCALATED))

    def _reprioritise(self) -> Iterator[datetime]:
        yield self.after((1500, 0.7))
        ticket, before, reason = self.ticket, self.ticket.priority, self.one_of(words.REPRIORITISED)
        lifecycle.step("priority", ticket.status)
        ticket.priority = {"P1": "P2", "P2": "P1", "P3": "P2", "P4": "P3"}[before]
        actor = self.by_lead
        ticket.priority_source = "manual"
        ticket.priority_reason = {"manual": True, "before": before, "reason": reason, "by": actor.id}
        self.tell("reclassified", actor, priority=ticket.priority, before={"priority": before}, reason=reason)

    def _third_party(self) -> Iterator[datetime]:
        yield self.on_shift(self.after((1200, 0.7)))
        self.note("已联系第三方服务商，等待回复。")
        self.hold("third_party")
        yield self.on_shift(self.after((30000, 0.7)))
        self.resume(self.by_agent)

    def _change_hands(self) -> Iterator[datetime]:
        yield self.on_shift(self.after((3600, 0.7)))
        if self._hand_over(self.one_of(words.HANDED_OVER)):
            yield self.on_shift(self.after(ACCEPTING))
            self.accept()
            self.reply(self.one_of(words.UPDATES))

    # -- ending -------------------------------------------------------------------------------------------------------

    def resolve(self) -> None:
        self.go("resolve")
        self.ticket.resolved_at = self.at
        self.tell("solved", self.by_agent, note="", cause=self.scenario.cause)
        self.world.give_back(self.person.pk, self.ticket.channel)

    def _end(self) -> Iterator[datetime]:
        self.reply(self.one_of(self.scenario.solutions))
        self.resolve()
        if self.chance(0.05):
            yield self.after((5400, 0.8))
            yield from self._once_more(words.NOT_SOLVED)
        if self.chance(0.45):
            yield min(self.after((6000, 1.0)), self.at + SILENCE)
            self.go("confirm")
            self.ticket.ended_at = self.at
            self.tell("confirmed", self.by_customer)
        else:
            yield self.at + SILENCE
            self.go("close")
            solved_at = self.ticket.resolved_at or self.at
            self.ticket.ended_at = self.at
            self.tell("closed", after_silence=True, as_of=queries.second_of(solved_at))
        if self.chance(0.012):
            yield self.at + timedelta(hours=self.rng.randrange(5, 120), seconds=self.rng.randrange(3600))
            yield from self._once_more(words.NOT_SOLVED)
            yield self.at + SILENCE / 2
            self.go("confirm")
            self.ticket.ended_at = self.at
            self.tell("confirmed", self.by_customer)

    def _once_more(self, texts: tuple[str, ...]) -> Iterator[datetime]:
        self.customer_says(self.one_of(texts))
        yield self.on_shift(self.after(ANSWERING[self.ticket.priority]))
        self.reply(self.one_of(words.UPDATES))
        yield self.on_shift(self.after(WORKING[self.ticket.priority]))
        self.reply(self.one_of(self.scenario.solutions))
        self.resolve()

    def _cancel(self) -> None:
        self._stop("cancel", "cancelled", reason=self.one_of(words.CANCELLED))

    def _merge(self) -> bool:
        """A repeated request goes into the first one, if that is still about."""
        original = self.original
        if original is None or original.ticket.status not in lifecycle.LIVE:
            return False
        self.history.duplicate_of = original.history
        self._stop("merge", "merged")
        return True

    def _stop(self, verb: str, kind: str, **data: Any) -> None:
        self.go(verb)
        self.ticket.ended_at = self.at
        self.tell(kind, self.by_agent, **data)
        self.world.give_back(self.person.pk, self.ticket.channel)
