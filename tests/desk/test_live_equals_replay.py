"""C12 through the real services: whatever is done in whatever order, what is stored is what the journal says.

Random verbs at random instants, late messages of customers among them, the sweep in between. Besides: loads are the
tickets carried, a ticket's row copies its clocks, no row changes without a fact, and the chain holds.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from jiying.base import journal
from jiying.base.actor import SYSTEM
from jiying.base.errors import Refused
from jiying.base.models import JournalEntry
from jiying.clocks import queries
from jiying.clocks.models import Clock
from jiying.clocks.services.keeping import plan
from jiying.core import lifecycle
from jiying.desk.models import AgentLoad, Collaboration, Message, Ticket
from jiying.desk.services import collaboration, handling, loads, routing, talking
from tests.cast import Cast
from tests.desk.stage import last_fact, sweep

# All that the fold gives; what was fired and when to wake is the sweep's own.
FOLDED = (
    *("state", "started_at", "due_at", "ended_at", "breached_at", "paused_at", "paused_reason", "target_s"),
    *("calendar", "calendar_version", "standard_version", "row", "runs", "points", "origin"),
)
Call = Callable[["Story"], Any]


@dataclass
class Story:
    """One random life: who acts, on what, and when."""

    cast: Cast
    numbers: list[str]
    seconds: float
    pick: int
    late_s: float = 0.0

    @property
    def now(self) -> Any:
        return self.cast.now + timedelta(seconds=self.seconds)

    @property
    def ticket(self) -> Ticket:
        return Ticket.objects.get(number=self.numbers[self.pick % len(self.numbers)])

    def handle(self, call: Callable[..., Any], **values: Any) -> Any:
        return call(actor=SYSTEM, number=self.ticket.number, now=self.now, **values)


def _accept(s: Story) -> Any:
    person = s.ticket.assignee or s.cast.lin
    return handling.accept(actor=s.cast.actor(person), number=s.ticket.number, now=s.now)


def _reply(s: Story, **values: Any) -> Any:
    person = s.ticket.assignee or s.cast.lin
    return talking.reply(actor=s.cast.actor(person), number=s.ticket.number, body="好", now=s.now, **values)


def _late(s: Story) -> Any:
    at = s.now - timedelta(seconds=s.late_s)
    return s.handle(talking.customer_message, body="在吗", at=at)


def _answer(s: Story) -> Any:
    asked = Collaboration.objects.filter(ticket=s.ticket, state="asked").first()
    if asked is not None:
        collaboration.answer(actor=SYSTEM, collaboration_id=asked.pk, answer="在路上", now=s.now)


def _withdraw(s: Story) -> Any:
    asked = Collaboration.objects.filter(ticket=s.ticket, state="asked").first()
    if asked is not None:
        collaboration.withdraw(actor=SYSTEM, collaboration_id=asked.pk, now=s.now)


def _open(s: Story) -> None:
    earlier = s.now - timedelta(seconds=s.late_s)
    s.numbers.append(s.cast.ticket(now=s.now, received_at=earlier).number)


def _presence(s: Story) -> Any:
    presence = "online" if s.pick % 2 else "away"
    return routing.set_presence(actor=SYSTEM, person_id=s.cast.wang.pk, presence=presence, now=s.now)


VERBS: dict[str, Call] = {
    "open": _open,
    "accept": _accept,
    "reply": _reply,
    "reply_and_hold": lambda s: _reply(s, hold_for="customer"),
    "bot": lambda s: s.handle(talking.reply, body="自动回复", by="bot"),
    "call": lambda s: s.handle(talking.call, direction="in", duration_s=60),
    "note": lambda s: s.handle(talking.note, body="记"),
    "customer": lambda s: s.handle(talking.customer_message, body="在吗"),
    "late_customer": _late,
    "hold": lambda s: s.handle(handling.hold, reason=("customer", "third_party", "department")[s.pick % 3]),
    "resume": lambda s: s.handle(handling.resume),
    "resolve": lambda s: s.handle(handling.resolve),
    "confirm": lambda s: s.handle(handling.confirm),
    "reject": lambda s: s.handle(handling.reject),
    "close": lambda s: s.handle(handling.close),
    "reopen": lambda s: s.handle(handling.reopen),
    "cancel": lambda s: s.handle(handling.cancel, reason="测试"),
    "merge": lambda s: s.handle(handling.merge, into=s.numbers[(s.pick + 1) % len(s.numbers)]),
    "priority": lambda s: s.handle(handling.set_priority, priority=f"P{s.pick % 4 + 1}", reason="x"),
    "channel": lambda s: s.handle(handling.reclassify, channel=("chat", "email", "web")[s.pick % 3]),
    "escalate": lambda s: s.handle(handling.escalate, level=s.pick % 3 + 1, reason="x"),
    "to_wang": lambda s: s.handle(routing.transfer, to_person=s.cast.wang.pk),
    "to_zhao": lambda s: s.handle(routing.transfer, to_person=s.cast.zhao.pk),
    "to_queue": lambda s: s.handle(routing.transfer, to_team=s.cast.team1.pk),
    "ask": lambda s: s.handle(collaboration.ask, department="logistics", question="?", hold_ticket=bool(s.pick % 2)),
    "answer": _answer,
    "withdraw": _withdraw,
    "presence": _presence,
    "sweep": lambda s: sweep(s.now),
}
# What a status allows is drawn nine times of ten: a story of refusals goes nowhere.
NEEDS = {
    **{name: name for name in ("accept", "note", "hold", "resume", "resolve", "confirm", "reject", "close", "reopen")},
    **{name: name for name in ("cancel", "merge", "priority", "escalate")},
    **dict.fromkeys(("reply", "reply_and_hold", "call"), "reply"),
    **dict.fromkeys(("customer", "late_customer"), "customer_message"),
    **dict.fromkeys(("to_wang", "to_zhao"), "assign"),
    **dict.fromkeys(("ask", "answer", "withdraw"), "collaborate"),
    **{"bot": "note", "channel": "reclassify", "to_queue": "unassign"},
}
ENDS = {"cancel", "merge"}


def drawn(rng: Random, status: str) -> str:
    """The name of the next move."""
    if rng.random() < 0.1:
        return rng.choice(list(VERBS))
    able = lifecycle.verbs_in(status)
    names = [n for n in VERBS if NEEDS.get(n, "note") in able and (n not in ENDS or rng.random() < 0.2)]
    return rng.choice(names)


class _Undo(Exception):
    """Leaves an example's transaction without a trace."""


@pytest.mark.parametrize("reroute", [False, True])
@given(rng=st.randoms(use_true_random=True))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_what_is_stored_is_what_the_journal_says(
    reroute: bool, cast: Cast, rng: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jiying.desk.services.telling.get", lambda key: reroute)
    try:
        with transaction.atomic():
            _live(Story(cast, [cast.ticket(priority="P1").number], 0.0, 0), rng)
            raise _Undo
    except _Undo:
        pass


def _live(story: Story, rng: Random) -> None:
    for _move in range(rng.randint(4, 16)):
        story.seconds = round(story.seconds + rng.choice([0.0, 0.4, 1.0, 900.0, rng.uniform(0, 90_000)]), 3)
        story.pick, story.late_s = rng.randrange(12), round(rng.choice([1.0, 700.0, rng.uniform(0, 200_000)]), 3)
        name = drawn(rng, story.ticket.status)
        note(f"{story.seconds} {name} pick={story.pick} late_s={story.late_s}")
        _step(name, story)
        _loads_hold()
        _rows_hold()
    _clocks_hold(story)
    sweep(story.now)
    _clocks_hold(story, swept=True)
    _rows_hold()
    while journal.sequence():
        pass
    assert list(journal.broken_links()) == []


def _step(name: str, story: Story) -> None:
    before, mark = _state(), last_fact()
    try:
        VERBS[name](story)
    except Refused:
        event("refused")
        assert (_state(), last_fact()) == (before, mark), f"{name} was refused and left something"
        return
    event(name)
    if _state() != before:
        assert last_fact() > mark, f"{name} changed rows and told nobody"


def _state() -> list[list[tuple[Any, ...]]]:
    """What verbs are about."""
    return [list(m.objects.order_by("pk").values_list()) for m in (Ticket, Message, Collaboration, AgentLoad, Clock)]


def _clocks_hold(story: Story, swept: bool = False) -> None:
    """Each stored clock is the fold's at the instant when it was last looked at; after the sweep, at this instant."""
    subjects = [("ticket", pk) for pk in Ticket.objects.values_list("pk", flat=True)]
    subjects += [("collaboration", pk) for pk in Collaboration.objects.values_list("pk", flat=True)]
    for kind, pk in subjects:
        stored = {(c.metric, c.seq): c for c in Clock.objects.filter(subject_kind=kind, subject_id=pk)}
        folded = {(c.metric, c.seq): c for c in plan(queries.events_of(kind, pk), story.now)}
        assert stored.keys() == folded.keys()
        for key, row in stored.items():
            differing = [n for n in FOLDED if getattr(row, n) != getattr(folded[key], n)]
            # A due instant that passed since the last look is the sweep's to see.
            unseen = row.wake_at is not None and row.wake_at <= story.now
            if swept or not unseen:
                assert differing == [], (kind, key, [(getattr(row, n), getattr(folded[key], n)) for n in differing])
        if swept:
            _breaches_hold(kind, pk, stored)


def _breaches_hold(kind: str, pk: int, stored: dict[tuple[str, int], Clock]) -> None:
    """Every breach that stands is a fact dated at its due instant (C14)."""
    facts = JournalEntry.objects.filter(subject_kind=kind, subject_id=pk, kind="clock.breached")
    told = {(f.data["metric"], f.at) for f in facts}
    corrected = {
        f.data["metric"] for f in JournalEntry.objects.filter(subject_kind=kind, subject_id=pk, kind="clock.corrected")
    }
    for (metric, _seq), row in stored.items():
        if row.breached_at is not None and metric not in corrected:
            assert (metric, row.breached_at) in told


def _rows_hold() -> None:
    for ticket in Ticket.objects.all():
        clocks = Clock.objects.filter(subject_kind="ticket", subject_id=ticket.pk)
        assert (ticket.next_due_at, ticket.is_late) == queries.next_due(clocks)
        _clocks_follow(ticket, [clock for clock in clocks if clock.is_open])


def _clocks_follow(ticket: Ticket, still_open: list[Clock]) -> None:
    """The fold's idea of where the ticket stands is the ticket's: the one waits exactly while the other does."""
    by_metric = {clock.metric: clock for clock in still_open}
    if ticket.is_ended:
        assert by_metric == {}
        return
    rests = ticket.status in ("waiting", "resolved")
    for metric in ("resolution", "resolution_total"):
        assert (by_metric[metric].paused_at is not None) == rests, (metric, ticket.status)
    assert ("accept" in by_metric) == (ticket.status in ("new", "assigned"))
    assert (ticket.status == "assigned") == ("accept" in by_metric and by_metric["accept"].started_at is not None)


def _loads_hold() -> None:
    carried = Counter((t.assignee_id, t.channel) for t in Ticket.objects.all() if loads.carried(t))
    kept = {(x.person_id, x.channel): x.n_open for x in AgentLoad.objects.all() if x.n_open}
    assert kept == dict(carried)
