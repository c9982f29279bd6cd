"""The waiting queue: what fits is found however far behind, at a cost that does not grow with what waits."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jiying.base import due
from jiying.base.models import Person
from jiying.desk import policies
from jiying.desk.models import AgentLoad, Category, RouteCall, Ticket, TicketTimer
from jiying.desk.services import loads, routing, triage
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast

LATER = timedelta(minutes=1)


@pytest.fixture
def rare(cast: Cast) -> Category:
    """A category that asks for a skill that nobody has."""
    triage.forget()
    return Category.objects.create(path="rare", name_zh="稀有", skills={"rare": 1})


def _waiting(cast: Cast, first: int, n: int, **fields: object) -> None:
    """Tickets that wait in team 1's queue, due long before all others."""
    due_at = cast.now - timedelta(days=1)
    Ticket.objects.bulk_create(
        Ticket(
            number=f"GD20200101{first + k:06d}",
            subject="等待",
            priority="P3",
            priority_source="rule",
            team=cast.team1,
            received_at=due_at,
            created_at=due_at,
            next_due_at=due_at + timedelta(milliseconds=first + k),
            **{"channel": "web", **fields},
        )
        for k in range(n)
    )


def _full(cast: Cast) -> int:
    """Nobody has a place; what comes now waits. Returns Lin's places."""
    row = AgentLoad.objects.get(person=cast.lin, channel="web")
    AgentLoad.objects.update(capacity=0)
    return row.capacity


def _pull(cast: Cast, at: timedelta) -> int:
    """A call of Lin's and its service; how many statements that took, without what is kept."""
    triage.categories()
    policies.holders()
    loads.call(cast.lin.pk, cast.now + at)
    with CaptureQueriesContext(connection) as asked:
        due.run(due.SWEEPS["routing"], cast.now + at, 1)
    return len(asked)


@pytest.mark.usefixtures("still")
def test_ten_thousand_that_nobody_can_take_hide_nothing_and_cost_nothing(cast: Cast, rare: Category) -> None:
    places = _full(cast)
    fits = cast.ticket(subject="能接的")
    AgentLoad.objects.filter(person=cast.lin).update(capacity=places)
    _waiting(cast, 0, 100, category="rare")
    Ticket.objects.filter(pk=fits.pk).update(assignee=None, status="new")
    _pull(cast, LATER)
    few = _pull(cast, 2 * LATER)  # nothing fits any more
    fits.refresh_from_db()
    assert fits.assignee_id == cast.lin.pk
    other = cast.ticket(subject="也能接", tags=["skill:none"])  # waits: nobody has it
    _waiting(cast, 100, 9_900, category="rare")
    assert _pull(cast, 3 * LATER) == few
    Person.objects.filter(pk=cast.lin.pk).update(skills={"none": 1})
    _pull(cast, 4 * LATER)
    other.refresh_from_db()
    assert other.assignee_id == cast.lin.pk


@pytest.mark.parametrize(
    ("skills", "expected"),
    [
        ({}, {"plain"}),
        ({"rare": 1}, {"plain", "rare"}),
        ({"language:en": 1}, {"plain", "english"}),
        ({"稀有": 1}, {"plain", "tagged"}),
    ],
)
def test_what_the_database_leaves_out_is_what_routing_would_refuse(
    cast: Cast, rare: Category, skills: dict[str, int], expected: set[str]
) -> None:
    cast.ticket(subject="plain", tags=["退款"])
    cast.ticket(subject="rare", category="rare")
    cast.ticket(subject="english", customer=CustomerData(name="Ann", email="ann@example.com", language="en"))
    cast.ticket(subject="tagged", tags=["vip", "skill:稀有"])
    found = Ticket.objects.filter(triage.fitting(skills))
    assert set(found.values_list("subject", flat=True)) == expected


def test_who_waits_is_tried_once_more_and_then_waits_for_an_agent(cast: Cast) -> None:
    places = _full(cast)
    ticket = cast.ticket()
    assert due.run(due.SWEEPS["tickets"], cast.now + LATER) == 1
    assert not TicketTimer.objects.filter(wake_at__isnull=False).exists()
    routing.call_able(cast.now + LATER)
    assert not RouteCall.objects.filter(wake_at__isnull=False).exists()  # nobody has a place
    AgentLoad.objects.filter(person=cast.lin).update(capacity=places)  # without a call
    routing.call_able(cast.now + LATER)
    assert due.run(due.SWEEPS["routing"], cast.now + LATER) >= 1
    ticket.refresh_from_db()
    assert ticket.assignee_id == cast.lin.pk


def test_nobody_is_called_while_nothing_waits(cast: Cast) -> None:
    cast.ticket()
    routing.call_able(cast.now)
    assert not RouteCall.objects.exists()


def test_vips_come_first(cast: Cast) -> None:
    places = _full(cast)
    early = cast.ticket(subject="早")
    vip = cast.ticket(subject="贵宾", customer=CustomerData(name="王", phone="13800000001", tier="vip"), priority="P4")
    assert early.next_due_at is not None
    AgentLoad.objects.filter(person=cast.lin, channel="web").update(capacity=1)
    assert places > 1
    _pull(cast, LATER)
    for ticket in (early, vip):
        ticket.refresh_from_db()
    assert (early.assignee_id, vip.assignee_id) == (None, cast.lin.pk)
