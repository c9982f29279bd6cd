"""Tickets change hands (D24) and are merged (D3, C13a): clocks stay honest, loads stay true, nobody waits in a ring."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jiying.alerts.models import Alert
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, NotFound
from jiying.base.models import JournalEntry, Person
from jiying.clocks.models import Clock
from jiying.desk.models import AgentLoad, RouteCall, Ticket, TicketTimer
from jiying.desk.services import handling, loads, routing, talking
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, ask, at_once, everything, facts_of, last_fact, sweep, ticket_in


def clock(ticket: Ticket, metric: str, seq: int = 1) -> Clock:
    return Clock.objects.get(subject_kind="ticket", subject_id=ticket.pk, metric=metric, seq=seq)


def load(person: Person, channel: str = "web") -> int:
    return AgentLoad.objects.get(person=person, channel=channel).n_open


# --- transfer --------------------------------------------------------------------------------------------------------


def test_a_transfer_starts_a_new_accept_clock_and_keeps_the_others(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", priority="P1")
    before = clock(ticket, "resolution").due_at
    now = cast.now + 30 * MINUTE
    routing.transfer(
        actor=cast.actor(cast.lin), number=ticket.number, to_person=cast.wang.pk, reason="二线处理", now=now
    )
    ticket.refresh_from_db()
    assert (ticket.assignee, ticket.status, ticket.team) == (cast.wang, "assigned", cast.team1)
    assert clock(ticket, "accept").state == "met"
    second = clock(ticket, "accept", 2)
    assert (second.state, second.started_at, second.due_at) == ("running", now, now + 10 * MINUTE)
    assert (clock(ticket, "resolution").due_at, clock(ticket, "first_response").state) == (before, "met")
    assert (load(cast.lin), load(cast.wang)) == (0, 1)
    told = JournalEntry.objects.get(subject_id=ticket.pk, kind="ticket.assigned", data__to=cast.wang.pk)
    assert {f"person:{cast.lin.pk}", f"person:{cast.wang.pk}"} <= set(told.rings.split())
    assert (told.data["from"], told.data["why"]["reason"]) == (cast.lin.pk, "二线处理")


@pytest.mark.parametrize("to", ["person", "team"])
def test_a_waiting_ticket_that_changes_hands_waits_no_more(cast: Cast, to: str) -> None:
    """Else its clocks rested until somebody solved it: nobody could resume what is not waiting."""
    ticket = ticket_in(cast, "waiting", priority="P1")
    now = cast.now + 30 * MINUTE
    person, team = (cast.wang.pk, None) if to == "person" else (None, cast.team1.pk)
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=person, to_team=team, now=now)
    resolution = clock(ticket, "resolution")
    assert (resolution.state, resolution.paused_at) == ("running", None)
    assert resolution.due_at == cast.now + 4 * HOUR + 30 * MINUTE
    assert facts_of(ticket)[-2:] == ["resumed", "assigned" if to == "person" else "unassigned"]


def test_back_to_the_queue_the_accept_clock_starts_with_the_next_assignment(cast: Cast) -> None:
    ticket = ticket_in(cast, "assigned")
    routing.transfer(actor=SYSTEM, number=ticket.number, to_team=cast.team1.pk, now=cast.now + 2 * MINUTE)
    assert clock(ticket, "accept").state == "cancelled"
    assert clock(ticket, "accept", 2).state == "pending"
    assert load(cast.lin) == 0
    sweep(cast.now + 4 * MINUTE)
    ticket.refresh_from_db()
    assert (ticket.assignee, ticket.status) == (cast.lin, "assigned")
    assert clock(ticket, "accept", 2).due_at == cast.now + 14 * MINUTE


def test_a_late_acceptance_stays_late_whoever_has_the_ticket_then(cast: Cast) -> None:
    ticket = ticket_in(cast, "assigned")
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.wang.pk, now=cast.now + 11 * MINUTE)
    assert clock(ticket, "accept").breached_at == cast.now + 10 * MINUTE
    assert clock(ticket, "accept", 2).state == "running"


def test_a_second_click_hands_over_nothing(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    before = everything()
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.lin.pk, now=cast.now + MINUTE)
    assert everything() == before


def test_by_hand_a_supervisor_may_go_past_the_capacity_knowingly(cast: Cast) -> None:
    AgentLoad.objects.filter(person=cast.wang).update(capacity=0)
    ticket = ticket_in(cast, "assigned")
    routing.transfer(actor=cast.actor(cast.sup), number=ticket.number, to_person=cast.wang.pk, now=cast.now)
    fact = JournalEntry.objects.get(kind="ticket.assigned", data__to=cast.wang.pk)
    assert fact.data["by_hand"] is True
    assert load(cast.wang) == 1


def test_the_place_left_calls_the_router_for_the_agent(cast: Cast) -> None:
    ticket = ticket_in(cast, "assigned")
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.wang.pk, now=cast.now + MINUTE)
    assert RouteCall.objects.get(person=cast.lin).wake_at == cast.now + MINUTE


def test_transfers_that_cross_do_not_wait_in_a_ring(live_cast: Cast) -> None:
    """Lin's tickets to Wang while Wang's go to Lin: each move changes both their loads."""
    lin, wang = live_cast.lin, live_cast.wang
    pairs = [(ticket_in(live_cast, "assigned"), ticket_in(live_cast, "assigned")) for _n in range(6)]
    for _mine, theirs in pairs:
        routing.transfer(actor=SYSTEM, number=theirs.number, to_person=wang.pk, now=live_cast.now)

    def move(number: str, to: int) -> Ticket:
        return routing.transfer(actor=SYSTEM, number=number, to_person=to, now=live_cast.now + MINUTE)

    for mine, theirs in pairs:
        results = at_once([partial(move, mine.number, wang.pk), partial(move, theirs.number, lin.pk)])
        assert all(isinstance(r, Ticket) for r in results), results
    assert (load(lin), load(wang)) == (6, 6)


def test_solving_while_the_router_looks_does_not_wait_in_a_ring(live_cast: Cast) -> None:
    """Who solves calls the router and frees a place; the router holds the call and takes the place."""
    AgentLoad.objects.filter(channel="web").update(capacity=4)
    mine = [ticket_in(live_cast, "accepted") for _n in range(4)]
    waiting = [live_cast.ticket(subject=f"排队 {n}") for n in range(6)]
    assert {t.assignee_id for t in waiting} == {None}
    now = live_cast.now + MINUTE
    for ticket in mine:
        loads.call(live_cast.lin.pk, now)
        works: list[Callable[[], object]] = [
            partial(handling.resolve, actor=SYSTEM, number=ticket.number, now=now),
            partial(sweep, now, "routing"),
            partial(sweep, now, "tickets"),
        ]
        results = at_once(works)
        assert not [r for r in results if isinstance(r, Exception)], results
    sweep(now, "routing")
    carried = Ticket.objects.filter(assignee=live_cast.lin, status__in=loads.CARRIED).count()
    assert carried == load(live_cast.lin) == 4
    assert not RouteCall.objects.exclude(last_error="").exists()
    assert not TicketTimer.objects.exclude(last_error="").exists()


# --- merge -----------------------------------------------------------------------------------------------------------


def test_a_merged_duplicate_stops_its_clocks_alerts_and_questions(cast: Cast) -> None:
    original = ticket_in(cast, "accepted", subject="原件")
    duplicate = ticket_in(cast, "in_progress", subject="重复")
    question = ask(cast, duplicate)
    handling.escalate(actor=SYSTEM, number=duplicate.number, level=1, reason="投诉", now=cast.now)
    sweep(cast.now + 31 * MINUTE)  # half of logistics' hour is over
    assert Alert.objects.filter(subject_kind="collaboration", state="new").exists()
    now = cast.now + 32 * MINUTE
    handling.merge(actor=cast.actor(cast.lin), number=duplicate.number, into=original.number, now=now)
    duplicate.refresh_from_db()
    question.refresh_from_db()
    assert (duplicate.status, duplicate.merged_into, question.state) == ("merged", original, "withdrawn")
    assert not [c for c in Clock.objects.exclude(subject_id=original.pk) if c.is_open]
    assert not Alert.objects.exclude(subject_id=original.pk).filter(state__in=("new", "seen")).exists()
    assert load(cast.lin) == 1
    told = Alert.objects.count()
    sweep(now + timedelta(days=30))
    assert set(Alert.objects.order_by("pk")[told:].values_list("subject_id", flat=True)) <= {original.pk}
    assert "received_duplicate" in facts_of(original)


def test_an_answer_to_a_merged_ticket_comes_too_late(cast: Cast) -> None:
    from jiying.desk.services import collaboration

    duplicate, original = ticket_in(cast, "in_progress"), ticket_in(cast, "accepted")
    question = ask(cast, duplicate)
    handling.merge(actor=SYSTEM, number=duplicate.number, into=original.number, now=cast.now)
    with pytest.raises(Conflict) as refused:
        collaboration.answer(actor=cast.actor(cast.he), collaboration_id=question.pk, answer="x", now=cast.now + MINUTE)
    assert refused.value.faults[0].code == "already_answered"


def test_no_merge_into_what_is_merged_or_missing(cast: Cast) -> None:
    merged, ticket = ticket_in(cast, "merged"), ticket_in(cast, "accepted")
    before = everything()
    with pytest.raises(Conflict):
        handling.merge(actor=SYSTEM, number=ticket.number, into=merged.number, now=cast.now)
    with pytest.raises(NotFound):
        handling.merge(actor=SYSTEM, number=ticket.number, into="GD20990101001", now=cast.now)
    with pytest.raises(NotFound):  # of the other team: it does not exist for Lin
        handling.merge(actor=cast.actor(cast.lin), number=ticket.number, into=_of_other_team(cast).number, now=cast.now)
    assert everything()["desk.Ticket"][:2] == before["desk.Ticket"][:2]


def _of_other_team(cast: Cast) -> Ticket:
    return cast.accepted(by=cast.zhao, subject="二组的")


def test_merges_that_cross_do_not_wait_in_a_ring(live_cast: Cast) -> None:
    for n in range(5):
        first, second = ticket_in(live_cast, "accepted"), ticket_in(live_cast, "accepted")

        def merge(number: str, into: str) -> Ticket:
            return handling.merge(actor=SYSTEM, number=number, into=into, now=live_cast.now)

        results = at_once([partial(merge, first.number, second.number), partial(merge, second.number, first.number)])
        assert sorted(type(r).__name__ for r in results) == ["Conflict", "Ticket"], (n, results)
        assert Ticket.objects.filter(pk__in=(first.pk, second.pk), status="merged").count() == 1


def test_a_withdrawn_ticket_takes_its_questions_with_it(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    question, mark = ask(cast, ticket), last_fact()
    handling.cancel(actor=SYSTEM, number=ticket.number, reason="客户撤回", now=cast.now + MINUTE)
    question.refresh_from_db()
    assert question.state == "withdrawn"
    assert Clock.objects.get(subject_kind="collaboration").state == "cancelled"
    assert JournalEntry.objects.filter(pk__gt=mark, kind="collaboration.withdrawn").count() == 1


def test_who_talks_to_a_customer_is_not_robbed_by_a_transfer_of_his_own(cast: Cast) -> None:
    """First reply stays the ticket's: after a transfer nobody has to give a first response again."""
    ticket = ticket_in(cast, "accepted", priority="P1")
    talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body="您好", now=cast.now + MINUTE)
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.wang.pk, now=cast.now + 2 * MINUTE)
    assert clock(ticket, "first_response").state == "met"
    assert Clock.objects.filter(subject_id=ticket.pk, metric="first_response").count() == 1


@pytest.mark.parametrize("verb", ["resolve", "cancel", "transfer", "channel"])
def test_locks_are_taken_in_the_one_order(cast: Cast, verb: str) -> None:
    """Route calls, then places: the router holds a call while it takes a place, so nobody may do it the other way."""
    ticket, now = ticket_in(cast, "in_progress"), cast.now + MINUTE
    loads.call(cast.lin.pk, cast.now)
    calls = {
        "resolve": lambda: handling.resolve(actor=SYSTEM, number=ticket.number, now=now),
        "cancel": lambda: handling.cancel(actor=SYSTEM, number=ticket.number, reason="x", now=now),
        "transfer": lambda: routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.wang.pk, now=now),
        "channel": lambda: handling.reclassify(actor=SYSTEM, number=ticket.number, channel="chat", now=now),
    }
    with CaptureQueriesContext(connection) as seen:
        calls[verb]()
    told = [q["sql"] or "" for q in seen]  # what psycopg sends in a pipeline is logged without its text
    writes = [sql for sql in told if sql.startswith("UPDATE") or "FOR NO KEY UPDATE" in sql]
    order = [t for sql in writes for t in ("desk_ticket", "desk_routecall", "desk_agentload") if f'"{t}"' in sql[:400]]
    assert order.index("desk_routecall") < order.index("desk_agentload")
    assert order[-1] in ("desk_agentload", "desk_ticket")
