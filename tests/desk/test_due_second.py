"""The second in which a promise is due: who keeps it then is in time, nobody takes a fired breach back (C12, C14)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jiying.base.actor import SYSTEM
from jiying.base.models import JournalEntry
from jiying.clocks.models import Clock
from jiying.clocks.queries import events_of
from jiying.clocks.services.keeping import plan
from jiying.desk.models import Ticket
from jiying.desk.services import handling, routing
from tests.cast import Cast
from tests.desk.stage import MINUTE, sweep

DUE = 10 * MINUTE  # of the shipped accept promise
Excuse = Callable[[Cast, str, Any], Any]
EXCUSES: dict[str, Excuse] = {
    "handed on": lambda c, n, t: routing.transfer(actor=SYSTEM, number=n, to_person=c.wang.pk, now=t),
    "given back": lambda c, n, t: routing.transfer(actor=SYSTEM, number=n, to_team=c.team1.pk, now=t),
    "cancelled": lambda c, n, t: handling.cancel(actor=SYSTEM, number=n, reason="测试", now=t),
    "lower priority": lambda c, n, t: handling.set_priority(actor=SYSTEM, number=n, priority="P4", reason="x", now=t),
}


def first_accept(ticket: Ticket) -> Clock:
    return Clock.objects.get(subject_kind="ticket", subject_id=ticket.pk, metric="accept", seq=1)


@pytest.mark.parametrize("excuse", EXCUSES)
def test_no_excuse_takes_back_a_breach_that_has_fired(cast: Cast, excuse: str) -> None:
    ticket, at = cast.ticket(), cast.now + DUE
    sweep(at, "clocks")
    assert first_accept(ticket).breached_at == at
    EXCUSES[excuse](cast, ticket.number, at)
    assert first_accept(ticket).breached_at == at
    assert not JournalEntry.objects.filter(kind="clock.corrected").exists()
    folded = {(c.metric, c.seq): c.breached_at for c in plan(events_of("ticket", ticket.pk), at + MINUTE)}
    assert folded["accept", 1] == at


def test_the_accept_rule_hands_on_and_the_breach_stays(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from jiying.base.models import Person

    monkeypatch.setattr("jiying.desk.services.telling.get", lambda key: True)
    ticket, at = cast.ticket(), cast.now + DUE
    Person.objects.filter(pk=cast.wang.pk).update(presence="online")
    sweep(at)
    ticket.refresh_from_db()
    assert ticket.assignee_id == cast.wang.pk
    assert first_accept(ticket).breached_at == at


@pytest.mark.parametrize(("late_ms", "state"), [(0, "met"), (1, "breached")])
def test_who_accepts_at_the_due_instant_is_in_time(cast: Cast, late_ms: int, state: str) -> None:
    ticket, at = cast.ticket(), cast.now + DUE + timedelta(milliseconds=late_ms)
    handling.accept(actor=cast.actor(cast.lin), number=ticket.number, now=at)
    assert first_accept(ticket).state == state


def test_an_excuse_before_the_due_instant_is_none_that_must_wait(cast: Cast) -> None:
    ticket = cast.ticket()
    before = cast.now + DUE - timedelta(milliseconds=400)
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.wang.pk, now=before)
    assert first_accept(ticket).state == "cancelled"
