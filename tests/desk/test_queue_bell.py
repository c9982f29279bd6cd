"""Tickets that wait for anybody ring for all who may take them: when they come, and when somebody has them (D24)."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from jiying.base import live
from jiying.base.actor import SYSTEM
from jiying.base.models import JournalEntry, Person, Team
from jiying.desk import policies
from jiying.desk.models import Ticket
from jiying.desk.services import handling, routing, talking
from tests.cast import Cast


def rung(after: int = 0) -> list[str]:
    """Kinds of facts that rang for the queue."""
    rows = JournalEntry.objects.filter(pk__gt=after, subject_kind="ticket").order_by("pk")
    return [row.kind.partition(".")[2] for row in rows if "queue" in row.rings.split()]


@pytest.fixture
def waiting(cast: Cast) -> Ticket:
    """A ticket without a team, which nobody could take."""
    Person.objects.update(presence="offline")
    return cast.ticket()


def test_what_nobody_could_take_rings_for_all_who_may(waiting: Ticket) -> None:
    assert (waiting.team_id, waiting.assignee_id) == (None, None)
    assert rung() == ["opened", "queued"]


@pytest.mark.parametrize(
    ("leaves", "kinds"),
    [
        (lambda c, n: handling.accept(actor=c.actor(c.lin), number=n, now=c.now), ["assigned", "accepted"]),
        (lambda c, n: routing.transfer(actor=SYSTEM, number=n, to_person=c.lin.pk, now=c.now), ["assigned"]),
        (lambda c, n: routing.transfer(actor=SYSTEM, number=n, to_team=c.team1.pk, now=c.now), ["unassigned"]),
        (lambda c, n: handling.cancel(actor=SYSTEM, number=n, reason="x", now=c.now), ["cancelled"]),
        (lambda c, n: talking.customer_message(actor=SYSTEM, number=n, body="在吗", now=c.now), ["message"]),
    ],
)
def test_it_rings_when_somebody_has_it(
    cast: Cast, waiting: Ticket, leaves: Callable[[Cast, str], Any], kinds: list[str]
) -> None:
    mark = JournalEntry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    leaves(cast, waiting.number)
    assert rung(mark) == kinds


def test_what_a_team_or_a_person_has_does_not_ring_for_everybody(cast: Cast) -> None:
    ticket = cast.ticket()
    routing.transfer(actor=SYSTEM, number=ticket.number, to_team=cast.team1.pk, now=cast.now)
    handling.accept(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now)
    talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body="好", now=cast.now)
    assert rung() == []


def test_what_comes_back_to_nobody_of_no_team_rings(cast: Cast) -> None:
    ticket = cast.accepted()
    handling.resolve(actor=SYSTEM, number=ticket.number, now=cast.now)
    Ticket.objects.filter(pk=ticket.pk).update(team=None)
    Person.objects.filter(pk=cast.lin.pk).update(is_active=False)
    handling.reject(actor=SYSTEM, number=ticket.number, now=cast.now)
    assert rung() == ["unassigned"]
    assert Team.objects.count() == 2


def test_only_who_may_take_from_it_hears_the_queue(cast: Cast) -> None:
    heard = {p.username for p in cast.everybody() if live.topic(cast.actor(p), "queue")}
    assert heard == {"lin", "wang", "zhao", "sun", "adm"}
    for person in cast.everybody():
        actor = cast.actor(person)
        assert ("queue" in live.topics_of(actor)) == policies.may_take(actor)
        page = cast.client(person).get("/accounts/login/", follow=True).content.decode()
        assert ("queue" in page.partition('data-topics="')[2].partition('"')[0].split()) == (person.username in heard)


def test_lists_of_what_waits_refresh_by_it(cast: Cast) -> None:
    client = cast.client(cast.wang)
    for path in ("/", "/tickets/", "/supervise/"):
        page = client.get(path, follow=True).content.decode()
        assert any("queue" in topics.split() for topics in re.findall(r'data-refresh="([^"]*)"', page)), path
