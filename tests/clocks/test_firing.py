"""The due sweep: each point is a fact once, dated at its instant, however late and by how many it is seen (C14-C17)."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from jiying.alerts.models import Alert
from jiying.base import due, journal
from jiying.base.models import JournalEntry
from jiying.clocks.models import Clock
from jiying.clocks.queries import second_of
from jiying.clocks.services import firing
from jiying.desk.models import AgentLoad
from jiying.desk.services import handling, holding, talking
from tests.cast import Cast

MINUTE = timedelta(minutes=1)


def sweep(now: datetime) -> int:
    return due.run(due.SWEEPS["clocks"], now)


def breaches() -> list[tuple[str, datetime]]:
    rows = JournalEntry.objects.filter(kind="clock.breached").order_by("at", "pk")
    return [(row.data["metric"], row.at) for row in rows]


def test_nothing_fires_before_its_instant(cast: Cast) -> None:
    cast.ticket()
    assert sweep(cast.now + 5 * MINUTE - timedelta(milliseconds=1)) == 0
    assert sweep(cast.now + 5 * MINUTE) == 1
    assert [e.data["point"] for e in JournalEntry.objects.filter(kind="clock.warned")] == ["warn1"]


def test_unaccepted_ticket_is_told_to_the_supervisor_at_the_due_instant(cast: Cast) -> None:
    ticket = cast.ticket()
    sweep(cast.now + 10 * MINUTE + timedelta(milliseconds=300))
    accept = Clock.objects.get(subject_id=ticket.pk, metric="accept")
    assert (accept.state, accept.breached_at) == ("breached", cast.now + 10 * MINUTE)
    assert breaches() == [("accept", cast.now + 10 * MINUTE)]
    told = Alert.objects.get(kind="clock.due")
    assert (told.person, told.capacity, told.at, told.late) == (cast.wang, "supervisor", accept.breached_at, False)
    ticket.refresh_from_db()
    assert ticket.is_late


def test_a_point_fires_once(cast: Cast) -> None:
    cast.ticket()
    at = cast.now + 10 * MINUTE
    assert sweep(at) == 1
    assert sweep(at) == 0
    assert sweep(at - MINUTE) == 0  # a clock set back fires nothing twice
    assert len(breaches()) == 1


def test_catching_up_fires_everything_in_order_of_due_time_and_marks_it_late(cast: Cast) -> None:
    first, second = cast.ticket(), cast.ticket(subject="系统故障，无法登录")
    now = cast.now + timedelta(hours=6)
    sweep(now)
    facts = list(JournalEntry.objects.filter(kind__startswith="clock.").order_by("pk"))
    assert [f.at for f in facts] == sorted(f.at for f in facts)
    assert {f.recorded_at for f in facts} == {now}
    by_ticket = {
        t.pk: [f.data["metric"] for f in facts if f.subject_id == t.pk and f.kind == "clock.breached"]
        for t in (first, second)
    }
    assert by_ticket[second.pk] == ["accept", "first_response", "resolution", "resolution_total"]
    assert all(a.late for a in Alert.objects.filter(kind__startswith="clock."))
    # One alert for each clock and person, saying the last point, not one for each point missed.
    assert Alert.objects.filter(person=cast.wang, subject_id=second.pk, kind__startswith="clock.").count() == 4


def test_a_paused_clock_never_fires(cast: Cast) -> None:
    ticket = cast.accepted()
    lin = cast.actor(cast.lin)
    talking.reply(actor=lin, number=ticket.number, body="请发截图", hold_for="customer", now=cast.now)
    assert sweep(cast.now + timedelta(days=400)) == 0
    assert breaches() == []


def test_a_reply_after_the_due_instant_but_before_the_sweep_is_a_breach_without_an_alert(cast: Cast) -> None:
    ticket = cast.accepted(priority="P1")
    late = cast.now + 15 * MINUTE + timedelta(milliseconds=1)
    talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body="您好", now=late)
    clock = Clock.objects.get(subject_id=ticket.pk, metric="first_response")
    assert (clock.state, clock.breached_at) == ("breached", cast.now + 15 * MINUTE)
    sweep(late + MINUTE)
    assert breaches() == [("first_response", cast.now + 15 * MINUTE)]
    assert not Alert.objects.filter(kind="clock.due").exists()


def test_a_reply_at_the_due_second_is_in_time(cast: Cast) -> None:
    ticket = cast.accepted(priority="P1")
    talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body="您好", now=cast.now + 15 * MINUTE)
    assert Clock.objects.get(subject_id=ticket.pk, metric="first_response").state == "met"


def test_any_number_due_at_once_is_served(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    AgentLoad.objects.update(capacity=500)
    for i in range(130):
        cast.ticket(subject=f"请求 {i}", channel="email")
    now = cast.now + 10 * MINUTE
    arithmetic = sorted((c.pk, p, at) for c in Clock.objects.all() for p, at in c.points if at <= second_of(now))
    visited: list[int] = []
    claim = due.claim

    def noting(*args: Any) -> set[int]:
        mine = claim(*args)
        visited.extend(mine)
        return mine

    monkeypatch.setattr(due, "claim", noting)
    assert sweep(now) == len(visited)
    facts = JournalEntry.objects.filter(kind__in=("clock.warned", "clock.breached"))
    fired = sorted((f.data["clock"], f.data["point"], second_of(f.at)) for f in facts)
    assert fired == arithmetic, "each point once, at its instant: two warnings and the due instant of each acceptance"
    assert {pk for pk, _point, _at in fired} == set(visited) == {c.pk for c in Clock.objects.filter(metric="accept")}
    assert (len(set(visited)), len(fired)) == (130, 390)
    assert [m for m, _at in breaches()].count("accept") == 130
    told = JournalEntry.objects.filter(kind__in=("clock.warned", "clock.breached")).order_by("pk")
    assert [e.at for e in told] == sorted(e.at for e in told), "in order of time over all batches"
    # All was missed: one alert for each clock and person, about its last point, though its points came in turns.
    assert Alert.objects.filter(capacity="supervisor").count() == 130
    assert Alert.objects.filter(capacity="assignee", kind="clock.warn2").count() == 130
    assert not Alert.objects.filter(kind="clock.warn1").exists()
    assert sweep(now) == 0


def test_a_poison_row_is_parked_and_the_rest_go_on(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = cast.ticket(), cast.ticket()
    poisoned = Clock.objects.get(subject_id=bad.pk, metric="accept").pk
    real = firing._pop

    def pop(clock: Clock, until: datetime, now: datetime) -> object:
        if clock.pk == poisoned:
            raise ValueError("poison")
        return real(clock, until, now)

    monkeypatch.setattr(firing, "_pop", pop)
    now = cast.now + 10 * MINUTE
    for _turn in range(due.MAX_ATTEMPTS):
        sweep(now)
        now += timedelta(hours=1)
    clock = Clock.objects.get(pk=poisoned)
    assert clock.parked_at is not None
    assert clock.wake_at is None
    assert "poison" in clock.last_error
    assert Clock.objects.get(subject_id=good.pk, metric="accept").state == "breached"


def test_a_clock_whose_subject_is_gone_is_parked(cast: Cast) -> None:
    lost, good = cast.ticket(), cast.ticket()
    Clock.objects.filter(subject_id=lost.pk).update(subject_id=lost.pk + 1000)
    now = cast.now + 10 * MINUTE
    for _turn in range(due.MAX_ATTEMPTS):
        sweep(now)
        now += timedelta(hours=1)
    clock = Clock.objects.get(subject_id=lost.pk + 1000, metric="accept")
    assert clock.parked_at is not None
    assert clock.last_error == f"LookupError: no ticket [{lost.pk + 1000}]"
    assert Clock.objects.get(subject_id=good.pk, metric="accept").state == "breached"


def test_two_sweeps_at_once_fire_each_point_once(live_cast: Cast) -> None:
    for i in range(40):
        live_cast.ticket(subject=f"请求 {i}", channel="email")
    now, gate = live_cast.now + timedelta(hours=30), threading.Barrier(3)

    def run() -> None:
        gate.wait()
        for _turn in range(30):
            sweep(now)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sweep(now)
    facts = JournalEntry.objects.filter(kind__in=("clock.breached", "clock.warned", "clock.escalated"))
    seen = [(f.data["clock"], f.data["point"]) for f in facts]
    assert len(seen) == len(set(seen))
    assert not Clock.objects.filter(wake_at__lte=now).exists()
    assert Clock.objects.filter(metric="accept", state="breached").count() == 20


def test_what_was_fired_is_what_the_journal_says(cast: Cast) -> None:
    """The stored clocks after the sweep equal a fold of the journal at the same instant (C12)."""
    from jiying.clocks.queries import events_of
    from jiying.clocks.services.keeping import plan

    ticket = cast.accepted(priority="P1")
    handling.hold(actor=cast.actor(cast.lin), number=ticket.number, reason="third_party", now=cast.now + 3 * MINUTE)
    handling.resume(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now + 33 * MINUTE)
    now = cast.now + timedelta(hours=9)
    sweep(now)
    folded = {(c.metric, c.seq): (c.state, c.due_at, c.breached_at) for c in plan(events_of("ticket", ticket.pk), now)}
    stored = Clock.objects.filter(subject_kind="ticket", subject_id=ticket.pk)
    assert {(c.metric, c.seq): (c.state, c.due_at, c.breached_at) for c in stored} == folded
    assert journal.of("ticket", ticket.pk)[0].kind == "ticket.opened"


@pytest.mark.parametrize("missed", [True, False], ids=["catching up", "on time"])
def test_who_holds_a_ticket_changes_no_order_of_what_was_missed_and_delays_no_promise(
    live_cast: Cast, missed: bool
) -> None:
    """SQLite has one writer: there everybody waits. On PostgreSQL a due sweep passes by what is held, unless late."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL (JIYING_TEST_DB=postgres)")
    held, other = live_cast.ticket(), live_cast.ticket()
    now = live_cast.now + (timedelta(hours=6) if missed else 5.5 * MINUTE)
    holds, swept = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            holding.lock_many([held.pk], False)
            holds.set()
            swept.wait(0.3)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert holds.wait(5)
    sweep(now)
    facts = list(JournalEntry.objects.filter(kind__in=("clock.warned", "clock.breached")).order_by("pk"))
    seen, told = [f.at for f in facts], {f.subject_id for f in facts}
    swept.set()
    holder.join()
    assert seen == sorted(seen)
    assert told == ({held.pk, other.pk} if missed else {other.pk})
