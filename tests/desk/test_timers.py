"""What ends a resolved ticket or begins it again (C13b): silence, a word, a message. And the accept rule (D4)."""

from datetime import timedelta

import pytest

from jiying.base import due
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict
from jiying.base.models import JournalEntry
from jiying.clocks.models import Clock
from jiying.desk.models import AgentLoad, Customer, Ticket, TicketTimer
from jiying.desk.services import handling, routing, talking
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, at_once, facts_of, sweep, ticket_in

SILENCE = timedelta(hours=72)


def clock(ticket: Ticket, metric: str, seq: int = 1) -> Clock:
    return Clock.objects.get(subject_kind="ticket", subject_id=ticket.pk, metric=metric, seq=seq)


def open_places(cast: Cast) -> int:
    return AgentLoad.objects.get(person=cast.lin, channel="web").n_open


# --- silence ---------------------------------------------------------------------------------------------------------


def test_72_hours_of_silence_close_as_of_the_solved_mark(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", priority="P1")
    solved_at = cast.now + 3 * HOUR + timedelta(milliseconds=400)
    handling.resolve(actor=SYSTEM, number=ticket.number, now=solved_at)
    sweep(solved_at + SILENCE - timedelta(milliseconds=1))
    assert Ticket.objects.get(pk=ticket.pk).status == "resolved"
    sweep(solved_at + SILENCE)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.ended_at) == ("closed", solved_at + SILENCE)
    for metric in ("resolution", "resolution_total"):
        ended = clock(ticket, metric)
        assert (ended.state, ended.ended_at) == ("met", cast.now + 3 * HOUR + timedelta(seconds=1))
    assert facts_of(ticket)[-1] == "closed"
    assert (ticket.next_due_at, ticket.is_late) == (None, False)


def test_the_worker_down_for_a_week_changes_no_verdict(cast: Cast) -> None:
    ticket = ticket_in(cast, "resolved", priority="P1")
    sweep(cast.now + timedelta(days=10))
    assert clock(ticket, "resolution").state == "met"
    assert Ticket.objects.get(pk=ticket.pk).status == "closed"


def test_solved_again_the_silence_counts_from_then(cast: Cast) -> None:
    ticket = ticket_in(cast, "resolved")
    handling.reject(actor=SYSTEM, number=ticket.number, now=cast.now + 70 * HOUR)
    handling.resolve(actor=SYSTEM, number=ticket.number, now=cast.now + 71 * HOUR)
    sweep(cast.now + 73 * HOUR)
    assert Ticket.objects.get(pk=ticket.pk).status == "resolved"
    sweep(cast.now + 71 * HOUR + SILENCE)
    assert Ticket.objects.get(pk=ticket.pk).status == "closed"


def test_what_is_no_longer_solved_is_not_closed(cast: Cast) -> None:
    for verb in (handling.reject, handling.reopen):
        ticket = ticket_in(cast, "resolved")
        verb(actor=SYSTEM, number=ticket.number, now=cast.now + HOUR)
        sweep(cast.now + 100 * HOUR)
        assert Ticket.objects.get(pk=ticket.pk).status == "in_progress"


def test_closing_by_two_workers_at_once_happens_once(live_cast: Cast) -> None:
    tickets = [ticket_in(live_cast, "resolved") for _n in range(4)]
    now = live_cast.now + SILENCE
    at_once([lambda: due.run(due.SWEEPS["tickets"], now)] * 3)
    sweep(now, "tickets")
    for ticket in tickets:
        assert facts_of(ticket).count("closed") == 1


# --- the customer's word ---------------------------------------------------------------------------------------------


def test_confirmation_ends_the_resolution_at_the_solved_mark(cast: Cast) -> None:
    customer = Customer.objects.create(name="甲")
    ticket = ticket_in(cast, "resolved", priority="P1", customer_id=customer.pk)
    handling.confirm(actor=Actor("customer", customer.pk), number=ticket.number, now=cast.now + 30 * HOUR)
    ended = clock(ticket, "resolution")
    assert (ended.state, ended.ended_at) == ("met", cast.now)
    assert not TicketTimer.objects.filter(wake_at__isnull=False).exists()


def test_not_solved_lets_the_same_clock_run_on(cast: Cast) -> None:
    ticket = ticket_in(cast, "resolved", priority="P1")
    assert open_places(cast) == 0
    handling.reject(actor=SYSTEM, number=ticket.number, now=cast.now + 10 * HOUR)
    running = clock(ticket, "resolution")
    assert (running.state, running.due_at) == ("running", cast.now + 14 * HOUR)
    assert not Clock.objects.filter(metric="resolution", seq=2).exists()
    assert open_places(cast) == 1


def test_a_message_on_a_solved_ticket_is_not_solved_and_waits_for_an_answer(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", priority="P1")
    handling.resolve(actor=SYSTEM, number=ticket.number, now=cast.now)
    talking.customer_message(actor=SYSTEM, number=ticket.number, body="还是不行", now=cast.now + HOUR)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.resolved_at, ticket.assignee) == ("in_progress", None, cast.lin)
    assert clock(ticket, "next_response").due_at == cast.now + HOUR + 15 * MINUTE
    assert clock(ticket, "resolution").due_at == cast.now + 5 * HOUR


def test_a_message_on_a_closed_ticket_reopens_it_with_a_new_clock(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", priority="P1")
    handling.resolve(actor=SYSTEM, number=ticket.number, now=cast.now)
    handling.close(actor=SYSTEM, number=ticket.number, now=cast.now)
    now = cast.now + 100 * HOUR
    talking.customer_message(actor=SYSTEM, number=ticket.number, body="又坏了", now=now)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.ended_at) == ("in_progress", None)
    assert clock(ticket, "resolution").state == "met"
    assert clock(ticket, "resolution", 2).due_at == now + 4 * HOUR
    assert clock(ticket, "next_response").due_at == now + 15 * MINUTE
    assert open_places(cast) == 1


@pytest.mark.parametrize("status", ["waiting", "resolved", "closed"])
def test_a_late_mail_undoes_no_step_that_came_after_it_was_written(cast: Cast, status: str) -> None:
    """Dated before the step it answers: the ticket goes on, and its clocks with it, as of that step."""
    ticket = ticket_in(cast, "in_progress", priority="P1")
    number, step_at = ticket.number, cast.now + 20 * MINUTE
    if status == "waiting":
        handling.hold(actor=SYSTEM, number=number, reason="customer", now=step_at)
    else:
        handling.resolve(actor=SYSTEM, number=number, now=step_at)
    if status == "closed":
        handling.close(actor=SYSTEM, number=number, now=step_at)
    written_at, now = cast.now + 10 * MINUTE, cast.now + 50 * MINUTE
    message = talking.customer_message(actor=SYSTEM, number=number, body="补充", at=written_at, now=now)
    assert message.at == written_at
    ticket.refresh_from_db()
    assert ticket.status == "in_progress"
    resolution = clock(ticket, "resolution", 2 if status == "closed" else 1)
    assert (resolution.state, resolution.paused_at) == ("running", None)
    assert resolution.due_at == (step_at if status == "closed" else cast.now) + 4 * HOUR
    waits = clock(ticket, "next_response")
    assert waits.started_at == (step_at if status == "closed" else written_at)
    assert waits.is_open


def test_a_late_mail_ends_a_wait_when_it_was_written(cast: Cast) -> None:
    ticket = ticket_in(cast, "waiting", priority="P1")
    written_at = cast.now + 10 * MINUTE
    talking.customer_message(actor=SYSTEM, number=ticket.number, body="好", at=written_at, now=cast.now + 2 * HOUR)
    assert clock(ticket, "resolution").due_at == cast.now + 4 * HOUR + 10 * MINUTE


def test_an_older_message_is_not_shown_as_the_latest(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    talking.reply(actor=SYSTEM, number=ticket.number, body="新", now=cast.now + HOUR)
    talking.customer_message(actor=SYSTEM, number=ticket.number, body="旧", at=cast.now, now=cast.now + 2 * HOUR)
    ticket.refresh_from_db()
    assert (ticket.last_message, ticket.last_message_at) == ("新", cast.now + HOUR)


def test_two_processes_that_disagree_about_the_time_lose_no_step(cast: Cast) -> None:
    """Resumed by a process whose clock is slow: the wait is over all the same."""
    ticket = ticket_in(cast, "accepted", priority="P1")
    handling.hold(actor=SYSTEM, number=ticket.number, reason="customer", now=cast.now + 10 * MINUTE)
    handling.resume(actor=SYSTEM, number=ticket.number, now=cast.now + 10 * MINUTE - timedelta(seconds=2))
    assert clock(ticket, "resolution").state == "running"


# --- breaches between two looks of the sweep -------------------------------------------------------------------------


def test_a_verb_between_the_due_instant_and_the_sweep_swallows_no_alert(cast: Cast) -> None:
    """A note written in the second of the breach: the clock runs on late, and those who must know are told."""
    from jiying.alerts.models import Alert

    ticket = ticket_in(cast, "accepted", priority="P1")
    due_at = cast.now + 15 * MINUTE
    talking.note(actor=SYSTEM, number=ticket.number, body="x", now=due_at + timedelta(milliseconds=100))
    assert clock(ticket, "first_response").state == "breached"
    assert Ticket.objects.get(pk=ticket.pk).is_late
    sweep(due_at + timedelta(milliseconds=200))
    told = Alert.objects.filter(kind="clock.due", data__metric="first_response")
    assert {a.person for a in told} == {cast.lin, cast.wang}
    facts = JournalEntry.objects.filter(kind="clock.breached", data__metric="first_response")
    assert [f.at for f in facts] == [due_at]


def test_a_hold_after_the_due_instant_makes_the_breach_a_fact_at_once(cast: Cast) -> None:
    ticket = ticket_in(cast, "accepted", priority="P1")
    now = cast.now + 5 * HOUR
    handling.hold(actor=SYSTEM, number=ticket.number, reason="customer", now=now)
    facts = JournalEntry.objects.filter(kind="clock.breached", data__metric="resolution")
    assert [f.at for f in facts] == [cast.now + 4 * HOUR]
    sweep(now + HOUR)
    assert facts.count() == 1


# --- the accept rule -------------------------------------------------------------------------------------------------


@pytest.fixture
def reroutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jiying.desk.services.telling.get", lambda key: key == "desk.reroute_unaccepted")


def online(cast: Cast) -> None:
    routing.set_presence(actor=SYSTEM, person_id=cast.wang.pk, presence="online", now=cast.now)


def test_not_accepted_in_time_it_goes_to_somebody_else(cast: Cast, reroutes: None) -> None:
    ticket = ticket_in(cast, "assigned")
    online(cast)
    now = cast.now + 10 * MINUTE + timedelta(milliseconds=100)
    sweep(now)
    ticket.refresh_from_db()
    assert (ticket.assignee, ticket.status, ticket.assigned_at) == (cast.wang, "assigned", now)
    assert clock(ticket, "accept").breached_at == cast.now + 10 * MINUTE
    assert clock(ticket, "accept", 2).due_at == cast.now + 20 * MINUTE + timedelta(seconds=1)
    assert open_places(cast) == 0


def test_as_shipped_it_stays_and_the_supervisor_is_told(cast: Cast) -> None:
    ticket = ticket_in(cast, "assigned")
    online(cast)
    sweep(cast.now + 10 * MINUTE)
    assert Ticket.objects.get(pk=ticket.pk).assignee == cast.lin


def test_nobody_else_able_it_stays(cast: Cast, reroutes: None) -> None:
    ticket = ticket_in(cast, "assigned")
    sweep(cast.now + 10 * MINUTE)
    assert Ticket.objects.get(pk=ticket.pk).assignee == cast.lin


def test_never_after_a_public_reply(cast: Cast, reroutes: None) -> None:
    """Lin answered, then it was handed to Zhao, who does not accept: he keeps it (C13a)."""
    ticket = ticket_in(cast, "in_progress")
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.zhao.pk, now=cast.now)
    online(cast)
    sweep(cast.now + 10 * MINUTE)
    assert Ticket.objects.get(pk=ticket.pk).assignee == cast.zhao


def test_accepted_between_the_alert_and_the_rule_it_stays(cast: Cast, reroutes: None) -> None:
    ticket = ticket_in(cast, "assigned")
    online(cast)
    sweep(cast.now + 10 * MINUTE, "clocks")
    handling.accept(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now + 10 * MINUTE)
    sweep(cast.now + 10 * MINUTE, "tickets")
    assert Ticket.objects.get(pk=ticket.pk).assignee == cast.lin


def test_given_to_another_by_hand_meanwhile_it_is_theirs_to_accept(cast: Cast, reroutes: None) -> None:
    ticket = ticket_in(cast, "assigned")
    online(cast)
    sweep(cast.now + 10 * MINUTE, "clocks")
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.zhao.pk, now=cast.now + 10 * MINUTE)
    sweep(cast.now + 10 * MINUTE, "tickets")
    assert Ticket.objects.get(pk=ticket.pk).assignee == cast.zhao


def test_a_stale_timer_closes_nothing(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    TicketTimer.objects.create(ticket=ticket, kind="close", wake_at=cast.now)
    sweep(cast.now)
    assert Ticket.objects.get(pk=ticket.pk).status == "in_progress"
    with pytest.raises(Conflict):
        handling.close(actor=SYSTEM, number=ticket.number, now=cast.now)
