"""The desk as a machine: any verb by anybody on any ticket at any time, and what must hold after each of them.

A refused call leaves nothing behind; who may not see a ticket cannot tell it from one that does not exist; places are
the tickets held; clocks are what the journal says; what is over stays over.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import transaction
from hypothesis import HealthCheck, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jiying.base import journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, NotFound, Refused
from jiying.base.models import JournalEntry, Person
from jiying.clocks import queries
from jiying.clocks.models import Clock
from jiying.clocks.services.keeping import plan
from jiying.core import lifecycle
from jiying.desk import policies
from jiying.desk.models import AgentLoad, Collaboration, Customer, Message, Ticket, TicketTimer
from jiying.desk.services import collaboration, handling, loads, routing, talking
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.intake import NewTicket, open_ticket
from tests.cast import Cast
from tests.desk.stage import last_fact, sweep

PEOPLE = ("lin", "wang", "zhao", "sup", "chen", "he", "admin")
N_STORIES = int(os.environ.get("JIYING_MODEL_STORIES", "12"))  # more of them: a soak
NOWHERE = "GD20990101999"
Verb = Callable[[Actor, str, datetime, int], Any]


def _person(cast: Cast, n: int) -> int:
    return (cast.lin, cast.wang, cast.zhao, cast.chen)[n % 4].pk


def verbs(cast: Cast, others: list[str]) -> dict[str, Verb]:
    """All verbs on a ticket: (actor, number, now, a number that draws the rest)."""
    wait = ("customer", "third_party", "department")
    return {
        "accept": lambda a, n, t, x: handling.accept(actor=a, number=n, now=t),
        "reply": lambda a, n, t, x: talking.reply(actor=a, number=n, body="好", now=t),
        "reply and wait": lambda a, n, t, x: talking.reply(actor=a, number=n, body="好", hold_for=wait[x % 3], now=t),
        "bot": lambda a, n, t, x: talking.reply(actor=a, number=n, body="自动", by="bot", now=t),
        "call": lambda a, n, t, x: talking.call(actor=a, number=n, direction="in", duration_s=x, now=t),
        "note": lambda a, n, t, x: talking.note(actor=a, number=n, body="记", now=t),
        "customer": lambda a, n, t, x: talking.customer_message(actor=a, number=n, body="在吗", now=t),
        "late customer": lambda a, n, t, x: talking.customer_message(
            actor=a, number=n, body="在吗", at=t - timedelta(seconds=x * x * 40), now=t
        ),
        "hold": lambda a, n, t, x: handling.hold(actor=a, number=n, reason=wait[x % 3], now=t),
        "resume": lambda a, n, t, x: handling.resume(actor=a, number=n, now=t),
        "resolve": lambda a, n, t, x: handling.resolve(actor=a, number=n, now=t),
        "confirm": lambda a, n, t, x: handling.confirm(actor=a, number=n, now=t),
        "reject": lambda a, n, t, x: handling.reject(actor=a, number=n, now=t),
        "close": lambda a, n, t, x: handling.close(actor=a, number=n, now=t),
        "reopen": lambda a, n, t, x: handling.reopen(actor=a, number=n, now=t),
        "cancel": lambda a, n, t, x: handling.cancel(actor=a, number=n, reason="x", now=t),
        "merge": lambda a, n, t, x: handling.merge(actor=a, number=n, into=others[x % len(others)], now=t),
        "priority": lambda a, n, t, x: handling.set_priority(
            actor=a, number=n, priority=f"P{x % 4 + 1}", reason="x", now=t
        ),
        "channel": lambda a, n, t, x: handling.reclassify(
            actor=a, number=n, channel=("web", "chat", "email")[x % 3], now=t
        ),
        "escalate": lambda a, n, t, x: handling.escalate(actor=a, number=n, level=x % 3 + 1, reason="x", now=t),
        "to person": lambda a, n, t, x: routing.transfer(actor=a, number=n, to_person=_person(cast, x), now=t),
        "to team": lambda a, n, t, x: routing.transfer(
            actor=a, number=n, to_team=(cast.team1, cast.team2)[x % 2].pk, now=t
        ),
        "ask": lambda a, n, t, x: collaboration.ask(
            actor=a, number=n, department="logistics", question="?", hold_ticket=bool(x % 2), now=t
        ),
    }


NAMES = (
    *("accept", "reply", "reply and wait", "bot", "call", "note", "customer", "late customer", "hold", "resume"),
    *("resolve", "confirm", "reject", "close", "reopen", "cancel", "merge", "priority", "channel", "escalate"),
    *("to person", "to team", "ask"),
)
RULE_OF = {  # the name of each in the life cycle, where that is another one
    **dict.fromkeys(("reply", "reply and wait", "call"), "reply"),
    **dict.fromkeys(("customer", "late customer"), "customer_message"),
    **{"bot": "note", "channel": "reclassify", "to person": "assign", "to team": "unassign", "ask": "collaborate"},
}


class Desk(RuleBasedStateMachine):
    """Each example lives in a transaction that is rolled back."""

    cast: ClassVar[Cast]

    def __init__(self) -> None:
        super().__init__()
        self.now = self.cast.now
        self.numbers: list[str] = []
        self.over: dict[str, str] = {}
        self._undone = transaction.atomic()
        self._undone.__enter__()
        policies.forget()

    def teardown(self) -> None:
        try:
            if self.numbers:
                self._ends_well()
        finally:
            transaction.set_rollback(True)
            self._undone.__exit__(None, None, None)

    # -- who does what ------------------------------------------------------------------------------------------------

    def actor(self, who: str, ticket: Ticket | None = None) -> Actor:
        if who == "system":
            return SYSTEM
        if who == "customer":
            return Actor("customer", ticket.customer_id if ticket else None)
        if who == "assignee" and ticket is not None and ticket.assignee is not None:
            return self.cast.actor(ticket.assignee)
        return self.cast.actor(getattr(self.cast, "wang" if who == "assignee" else who))

    def do(self, what: str, call: Callable[[], Any]) -> Refused | None:
        """Run it; what is refused must have left nothing."""
        before, mark = self._state(), last_fact()
        try:
            call()
        except Refused as refused:
            note(f"  {what}: refused, {refused}")
            assert (self._state(), last_fact()) == (before, mark), f"{what} was refused and left something"
            return refused
        note(f"  {what}: done")
        assert self._state() == before or last_fact() > mark, f"{what} changed rows and told nobody"
        return None

    def _state(self) -> list[list[tuple[Any, ...]]]:
        models = (Ticket, Message, Collaboration, AgentLoad, Clock, TicketTimer, Customer)
        return [list(m.objects.order_by("pk").values_list()) for m in models]

    @initialize()
    def first(self) -> None:
        self.opens("system", "web", 0, 0)

    @rule(
        who=st.sampled_from(("system", "lin", "zhao")),
        channel=st.sampled_from(("web", "chat", "phone")),
        past_s=st.sampled_from((0, 0, 40, 90_000)),
        keep=st.integers(0, 3),
    )
    @precondition(lambda self: len(self.numbers) < 6)
    def opens(self, who: str, channel: str, past_s: int, keep: int) -> None:
        at, actor = self.now - timedelta(seconds=past_s), self.actor(who)
        told = CustomerData(phone=f"1380000000{keep}", tier=("", "vip")[keep % 2])
        takes = keep == 3 and who != "system"
        new = NewTicket("打不开", channel, received_at=at, customer=told, take_it=takes)
        opened: list[Ticket] = []
        if self.do("open", lambda: opened.append(open_ticket(actor=actor, new=new, now=self.now))) is None:
            self.numbers.append(opened[0].number)
        else:
            assert who != "system"
            assert past_s > 60 or not actor.rights, "who left opens nothing, who dates back needs a right"

    @rule(
        who=st.sampled_from(("assignee", "system")),
        which=st.integers(0, 5),
        drawn=st.integers(0, 60),
        n=st.integers(1, 4),
    )
    def works_on(self, who: str, which: int, drawn: int, n: int) -> None:
        """What the state allows, by those who may: else few stories get anywhere."""
        for step in range(n):
            number = self.numbers[which % len(self.numbers)]
            able = lifecycle.verbs_in(Ticket.objects.values_list("status", flat=True).get(number=number))
            names = [name for name in NAMES if RULE_OF.get(name, name) in able]
            self.acts(names[(drawn + 7 * step) % len(names)], who, which, drawn)
            self.everything_agrees()

    @rule(
        name=st.sampled_from(NAMES),
        who=st.one_of(st.sampled_from(("assignee", "system")), st.sampled_from(PEOPLE)),
        which=st.integers(0, 5),
        drawn=st.integers(0, 60),
    )
    def tries(self, name: str, who: str, which: int, drawn: int) -> None:
        self.acts(name, who, which, drawn)

    def acts(self, name: str, who: str, which: int, drawn: int) -> None:
        ticket = Ticket.objects.get(number=self.numbers[which % len(self.numbers)])
        actor, verb = self.actor(who, ticket), verbs(self.cast, self.numbers)[name]
        sees = policies.sees(actor, ticket)
        refused = self.do(f"{who} {name} {ticket.number}", lambda: verb(actor, ticket.number, self.now, drawn))
        event(f"{name}: {'refused' if refused else 'done'}")
        if sees:
            assert not isinstance(refused, NotFound) or name == "merge", refused
            return
        if name == "merge" and self.numbers[drawn % len(self.numbers)] == ticket.number:
            return  # into itself: refused whether it exists or not
        # It does not exist for them; only that a colleague was quicker is told.
        nowhere = self.do("nowhere", lambda: verb(actor, NOWHERE, self.now, drawn))
        quicker = isinstance(refused, Conflict) and refused.faults[0].code == "taken"
        assert refused is not None and nowhere is not None
        assert quicker or [f.code for f in refused.faults] == [f.code for f in nowhere.faults]

    @rule(name=st.sampled_from(("customer", "confirm", "reject", "resolve", "cancel")), which=st.integers(0, 5))
    def customer_acts(self, name: str, which: int) -> None:
        """Their own tickets, and what is theirs to do; of others' they know nothing."""
        ticket = Ticket.objects.get(number=self.numbers[which % len(self.numbers)])
        other = Actor("customer", (ticket.customer_id or 0) + 1000)
        verb = verbs(self.cast, self.numbers)[name]
        assert isinstance(self.do("stranger", lambda: verb(other, ticket.number, self.now, 0)), Refused)
        mine = Actor("customer", ticket.customer_id)
        refused = self.do(f"customer {name}", lambda: verb(mine, ticket.number, self.now, 0))
        assert refused is not None or name in ("customer", "confirm", "reject")

    @rule(who=st.sampled_from(("system", "he", "lin", "chen")), answers=st.booleans())
    def ends_a_question(self, who: str, answers: bool) -> None:
        asked = Collaboration.objects.filter(state="asked").order_by("pk").first()
        if asked is None:
            return
        actor, pk, now = self.actor(who), asked.pk, self.now
        if answers:
            self.do(
                f"{who} answer", lambda: collaboration.answer(actor=actor, collaboration_id=pk, answer="好", now=now)
            )
        else:
            self.do(f"{who} withdraw", lambda: collaboration.withdraw(actor=actor, collaboration_id=pk, now=now))

    @rule(who=st.sampled_from(("lin", "wang", "zhao")), presence=st.sampled_from(("online", "away")))
    def comes_or_goes(self, who: str, presence: str) -> None:
        pk = getattr(self.cast, who).pk
        self.do("presence", lambda: routing.set_presence(actor=SYSTEM, person_id=pk, presence=presence, now=self.now))

    @rule(who=st.sampled_from(("lin", "zhao")))
    def leaves_or_returns(self, who: str) -> None:
        person = Person.objects.get(pk=getattr(self.cast, who).pk)
        Person.objects.filter(pk=person.pk).update(is_active=not person.is_active)
        policies.forget()

    @rule(seconds=st.sampled_from((0.0, 0.4, 1.0, 599.6, 600.0, 3600.0, 90_000.0, 300_000.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def worker_turns(self) -> None:
        sweep(self.now)

    # -- what holds after each step -----------------------------------------------------------------------------------

    @invariant()
    def everything_agrees(self) -> None:
        tickets = list(Ticket.objects.all())
        clocks: dict[int, list[Clock]] = defaultdict(list)
        for clock in Clock.objects.filter(subject_kind="ticket"):
            clocks[clock.subject_id].append(clock)
        timers = {(t.ticket_id, t.kind): t.wake_at for t in TicketTimer.objects.all()}
        asked = set(Collaboration.objects.filter(state="asked").values_list("ticket_id", flat=True))
        carried = Counter((t.assignee_id, t.channel) for t in tickets if loads.carried(t))
        assert {(x.person_id, x.channel): x.n_open for x in AgentLoad.objects.filter(n_open__gt=0)} == dict(carried)
        for t in tickets:
            note_of = (t.number, t.status)
            assert (t.assignee_id is not None) >= (t.status in ("assigned", "accepted", "in_progress")), note_of
            assert (t.assignee_id is None) >= (t.status == "new"), note_of
            assert (t.status == "waiting") == bool(t.waiting_for), note_of
            assert t.is_ended == (t.ended_at is not None), note_of
            assert (t.status == "merged") == (t.merged_into_id is not None), note_of
            assert (t.status == "resolved") == (timers.get((t.pk, "close")) is not None), note_of
            assert t.status != "new" or timers.get((t.pk, "route")) is not None, "on its way to somebody"
            assert (t.next_due_at, t.is_late) == queries.next_due(clocks[t.pk]), "the row copies its clocks"
            assert not t.is_ended or not [c for c in clocks[t.pk] if c.is_open or c.wake_at], "no clock of it runs"
            if t.status in ("cancelled", "merged"):
                self.over[t.number] = t.status
                assert t.pk not in asked and t.merged_into_id != t.pk
            assert self.over.get(t.number, t.status) == t.status, "what is over stays over"

    def _ends_well(self) -> None:
        sweep(self.now)
        for kind, model in (("ticket", Ticket), ("collaboration", Collaboration)):
            for pk in model.objects.values_list("pk", flat=True):
                self._clocks_are_the_journals(kind, pk)
        told = Counter(
            (e.data["clock"], e.data.get("point", "due"), e.at)
            for e in JournalEntry.objects.filter(kind__in=("clock.breached", "clock.warned", "clock.escalated"))
            if "clock" in e.data
        )
        assert [key for key, n in told.items() if n > 1] == [], "each point fires once"
        numbers = [t.number for t in Ticket.objects.order_by("pk")]
        assert len(set(numbers)) == len(numbers)
        while journal.sequence():
            pass
        assert list(journal.broken_links()) == []

    def _clocks_are_the_journals(self, kind: str, pk: int) -> None:
        names = (
            "state",
            "started_at",
            "due_at",
            "ended_at",
            "breached_at",
            "paused_at",
            "target_s",
            "origin",
            "points",
        )
        stored = {(c.metric, c.seq): c for c in Clock.objects.filter(subject_kind=kind, subject_id=pk)}
        folded = {(c.metric, c.seq): c for c in plan(queries.events_of(kind, pk), self.now)}
        assert stored.keys() == folded.keys()
        for key, row in stored.items():
            differ = {n: (getattr(row, n), getattr(folded[key], n)) for n in names}
            assert {n: both for n, both in differ.items() if both[0] != both[1]} == {}, (kind, pk, key)


def test_whatever_is_done_the_desk_holds(cast: Cast) -> None:
    Desk.cast = cast
    limits = settings(
        max_examples=N_STORIES,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(Desk, settings=limits)
