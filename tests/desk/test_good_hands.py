"""A ticket is only given to somebody who may handle tickets and sees them; who left gets none back (D24, D26)."""

from collections.abc import Callable
from typing import Any

import pytest

from jiying.alerts.models import Alert
from jiying.base.actor import SYSTEM
from jiying.base.errors import Invalid
from jiying.base.models import JournalEntry, Person, Role
from jiying.desk import policies
from jiying.desk.models import AgentLoad, Ticket
from jiying.desk.services import handling, routing, talking
from tests.cast import Cast
from tests.desk.stage import HOUR, everything, facts_of, sweep, ticket_in


def leaves(cast: Cast) -> None:
    Person.objects.filter(pk=cast.lin.pk).update(is_active=False)


def loses_the_right(cast: Cast) -> None:
    Person.objects.get(pk=cast.lin.pk).roles.set(Role.objects.filter(code="qa"))


GOING = pytest.mark.parametrize("goes", [leaves, loses_the_right])


@pytest.mark.parametrize("who", ["chen", "ops", "he", "manager"])
def test_nobody_gets_a_ticket_who_may_not_handle_any(cast: Cast, who: str) -> None:
    ticket, before = ticket_in(cast, "accepted"), everything()
    with pytest.raises(Invalid) as refused:
        routing.transfer(actor=SYSTEM, number=ticket.number, to_person=getattr(cast, who).pk, now=cast.now)
    assert [(f.field, f.code) for f in refused.value.faults] == [("to", "cannot_hold")]
    assert everything() == before


def test_who_handles_but_sees_nothing_gets_none_either(cast: Cast) -> None:
    blind = Role.objects.create(code="blind", name="x", rights=["desk.handle"])
    Person.objects.get(pk=cast.zhao.pk).roles.set([blind])
    with pytest.raises(Invalid):
        routing.transfer(actor=SYSTEM, number=cast.ticket().number, to_person=cast.zhao.pk, now=cast.now)
    blind.rights = ["desk.handle", "desk.view_own"]
    blind.save()
    ticket = routing.transfer(actor=SYSTEM, number=cast.ticket().number, to_person=cast.zhao.pk, now=cast.now)
    assert (ticket.assignee_id, ticket.team_id) == (cast.zhao.pk, cast.team2.pk)


@GOING
def test_routing_passes_over_who_may_not_handle_tickets(cast: Cast, goes: Callable[[Cast], None]) -> None:
    goes(cast)
    policies.forget()
    ticket = cast.ticket()
    assert (ticket.status, ticket.assignee_id) == ("new", None)
    routing.set_presence(actor=SYSTEM, person_id=cast.lin.pk, presence="away", now=cast.now)
    routing.set_presence(actor=SYSTEM, person_id=cast.lin.pk, presence="online", now=cast.now)
    sweep(cast.now + HOUR, "routing", "tickets")
    ticket.refresh_from_db()
    assert ticket.assignee_id is None


@GOING
@pytest.mark.parametrize(
    ("status", "back"),
    [
        ("closed", lambda n, t: handling.reopen(actor=SYSTEM, number=n, reason="又坏了", now=t)),
        ("resolved", lambda n, t: handling.reject(actor=SYSTEM, number=n, now=t)),
        ("resolved", lambda n, t: talking.customer_message(actor=SYSTEM, number=n, body="没好", now=t)),
        ("closed", lambda n, t: talking.customer_message(actor=SYSTEM, number=n, body="又坏了", now=t)),
    ],
)
def test_what_comes_back_to_nobody_is_routed_again_and_explained(
    cast: Cast, goes: Callable[[Cast], None], status: str, back: Callable[[str, Any], Any]
) -> None:
    ticket = ticket_in(cast, status)
    goes(cast)
    Person.objects.filter(pk=cast.wang.pk).update(presence="online")
    policies.forget()
    back(ticket.number, cast.now)
    found = Ticket.objects.get(pk=ticket.pk)
    assert (found.status, found.assignee_id, found.team_id) == ("new", None, cast.team1.pk)
    gone = JournalEntry.objects.get(subject_kind="ticket", subject_id=ticket.pk, kind="ticket.unassigned")
    assert gone.data == {"from": cast.lin.pk, "why": {"decided_by": "agent_gone"}}
    sweep(cast.now, "tickets")
    found.refresh_from_db()
    assert (found.status, found.assignee_id) == ("assigned", cast.wang.pk)
    assert facts_of(ticket)[-1] == "assigned"
    held = {(x.person_id, x.channel): x.n_open for x in AgentLoad.objects.filter(n_open__gt=0)}
    assert held == {(cast.wang.pk, ticket.channel): 1}


def test_who_is_there_still_gets_his_own_back(cast: Cast) -> None:
    ticket = ticket_in(cast, "closed")
    handling.reopen(actor=SYSTEM, number=ticket.number, now=cast.now)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.assignee_id) == ("in_progress", cast.lin.pk)


def test_back_and_forth_in_one_instant_tells_each_of_them(cast: Cast) -> None:
    ticket = ticket_in(cast, "new")
    for person in (cast.zhao, cast.wang, cast.zhao):
        routing.transfer(actor=SYSTEM, number=ticket.number, to_person=person.pk, now=cast.now)
    told = Alert.objects.filter(kind="ticket.assigned", subject_id=ticket.pk).order_by("pk")
    told = told.exclude(person=cast.lin)
    assert [(a.person_id, a.state) for a in told] == [
        (cast.zhao.pk, "withdrawn"), (cast.wang.pk, "withdrawn"), (cast.zhao.pk, "new"),
    ]  # fmt: skip
