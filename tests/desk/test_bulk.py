"""Histories written in bulk: the same clocks as verb by verb, exact loads, written once, nothing fired twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from jiying.alerts.models import Alert
from jiying.base import checks, due, journal
from jiying.base.actor import IMPORT, SYSTEM, Actor
from jiying.base.models import Counter, JournalEntry, JournalPending
from jiying.clocks.models import Clock
from jiying.desk.models import AgentLoad, Collaboration, Message, Ticket, TicketTimer
from jiying.desk.services import collaboration, handling, talking, timers
from jiying.desk.services.bulk import History, PastFact, PastRequest, write
from tests.cast import NOW, Cast

SAME = (
    "metric",
    "seq",
    "state",
    "started_at",
    "due_at",
    "ended_at",
    "breached_at",
    "paused_at",
    "paused_reason",
    "target_s",
    "calendar",
    "calendar_version",
    "standard_version",
    "row",
    "runs",
    "points",
    "fired",
    "wake_at",
)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def clocks_of(kind: str, subject_id: int) -> list[dict[str, Any]]:
    rows = Clock.objects.filter(subject_kind=kind, subject_id=subject_id).order_by("metric", "seq")
    return [{name: getattr(row, name) for name in SAME} for row in rows]


def facts_of(kind: str, subject_id: int) -> list[PastFact]:
    """The journal of a subject as the bulk writer takes it; breaches are its own to find."""
    entries = [e for e in journal.of(kind, subject_id) if not e.kind.startswith("clock.")]
    return [PastFact(e.kind.partition(".")[2], e.at, dict(e.data)) for e in entries]


def history_of(ticket: Ticket) -> History:
    """A second ticket with the same life."""
    requests = []
    for asked in Collaboration.objects.filter(ticket=ticket):
        facts = facts_of("collaboration", asked.pk)
        asked.pk, asked._state.adding = None, True
        requests.append(PastRequest(asked, facts))
    facts = facts_of("ticket", ticket.pk)
    facts[0].data.pop("number")
    twin = Ticket.objects.get(pk=ticket.pk)
    twin.pk, twin.number, twin._state.adding = None, "", True
    return History(twin, facts, requests)


def simple(received_at: datetime, *more: PastFact, **fields: Any) -> History:
    values = {"subject": "咨询", "channel": "web", "priority": "P3", "priority_source": "import", **fields}
    ticket = Ticket(received_at=received_at, created_at=received_at, **values)
    about = {"channel": ticket.channel, "priority": ticket.priority, "tier": "standard", "category": None}
    return History(ticket, [PastFact("opened", received_at, about), *more])


def everyday(cast: Cast, lin: Actor) -> tuple[Ticket, datetime]:
    """Late acceptance, a hold with an answer, solved, rejected by the customer, solved again and confirmed."""
    ticket = cast.ticket()
    n = ticket.number
    handling.accept(actor=lin, number=n, now=NOW + minutes(12))
    talking.reply(actor=lin, number=n, body="请提供订单号", hold_for="customer", now=NOW + minutes(20))
    talking.customer_message(actor=SYSTEM, number=n, body="123", now=NOW + minutes(90))
    talking.reply(actor=lin, number=n, body="已查到", now=NOW + minutes(95))
    handling.resolve(actor=lin, number=n, now=NOW + minutes(120))
    talking.customer_message(actor=SYSTEM, number=n, body="还是没有", now=NOW + minutes(130))
    handling.resolve(actor=lin, number=n, now=NOW + minutes(200))
    handling.confirm(actor=lin, number=n, now=NOW + minutes(230))
    return ticket, NOW + minutes(300)


def urgent(cast: Cast, lin: Actor) -> tuple[Ticket, datetime]:
    """A P1 that is late in everything and still open, with a question that logistics answered late."""
    ticket = cast.accepted(priority="P1", subject="系统故障")
    asked = collaboration.ask(
        actor=lin,
        number=ticket.number,
        department="logistics",
        question="在哪？",
        hold_ticket=True,
        now=NOW + minutes(30),
    )
    collaboration.answer(actor=cast.actor(cast.he), collaboration_id=asked.pk, answer="在途", now=NOW + minutes(100))
    return ticket, NOW + minutes(400)


def silent(cast: Cast, lin: Actor) -> tuple[Ticket, datetime]:
    """Solved, closed by the house after three days without a word, reopened, priority raised, and not yet due."""
    ticket = cast.accepted()
    talking.reply(actor=lin, number=ticket.number, body="您好", now=NOW + minutes(5))
    handling.resolve(actor=lin, number=ticket.number, now=NOW + minutes(60))
    later = NOW + timedelta(hours=75)
    assert timers.serve_timers(list(TicketTimer.objects.values_list("pk", flat=True)), later)
    assert Ticket.objects.get(pk=ticket.pk).status == "closed"
    handling.reopen(actor=lin, number=ticket.number, reason="复发", now=later + minutes(10))
    sup = cast.actor(cast.sup)
    handling.set_priority(actor=sup, number=ticket.number, priority="P2", reason="影响大", now=later + minutes(20))
    return ticket, later + minutes(30)


@pytest.mark.parametrize("life", [everyday, urgent, silent])
def test_the_same_clocks_as_verb_by_verb(cast: Cast, life: Any) -> None:
    ticket, end = life(cast, cast.actor(cast.lin))
    history = history_of(ticket)
    write([history], now=end)
    due.run(due.SWEEPS["clocks"], end)  # the live one's points that have come; the other's are past
    written = history.ticket
    assert written.pk != ticket.pk and written.number != ticket.number
    assert clocks_of("ticket", written.pk) == clocks_of("ticket", ticket.pk)
    for mine, live in zip(written.collaborations.all(), ticket.collaborations.all(), strict=True):
        assert clocks_of("collaboration", mine.pk) == clocks_of("collaboration", live.pk) != []
    ticket.refresh_from_db()
    written.refresh_from_db()
    assert (written.next_due_at, written.is_late) == (ticket.next_due_at, ticket.is_late)
    assert breach_facts(written.pk) == breach_facts(ticket.pk)


def breach_facts(pk: int) -> list[tuple[datetime, str, int]]:
    rows = JournalEntry.objects.filter(subject_kind="ticket", subject_id=pk, kind="clock.breached")
    return sorted((e.at, e.data["metric"], e.data["seq"]) for e in rows)


def test_what_lies_behind_tells_nobody_and_what_lies_ahead_still_fires(cast: Cast) -> None:
    assigned = PastFact("assigned", NOW - minutes(9), {"to": cast.lin.pk})
    fields = {"status": "assigned", "assignee": cast.lin, "team": cast.team1}
    history = simple(NOW - minutes(9), assigned, assigned_at=NOW - minutes(9), **fields)
    write([history], now=NOW)
    accept = Clock.objects.get(subject_id=history.ticket.pk, metric="accept")
    assert set(accept.fired) == {"warn1", "warn2"} and accept.wake_at == NOW + minutes(1)
    due.run(due.SWEEPS["clocks"], NOW)
    assert Alert.objects.count() == 0
    due.run(due.SWEEPS["clocks"], NOW + minutes(2))
    accept.refresh_from_db()
    assert accept.state == "breached" and accept.breached_at == NOW + minutes(1)
    assert [a.person_id for a in Alert.objects.all()] == [cast.wang.pk]
    history.ticket.refresh_from_db()
    assert history.ticket.is_late


def test_points_after_fired_until_are_left_to_the_sweep(cast: Cast) -> None:
    assigned = PastFact("assigned", NOW - minutes(15), {"to": cast.lin.pk})
    fields = {"status": "assigned", "assignee": cast.lin, "team": cast.team1}
    history = simple(NOW - minutes(15), assigned, assigned_at=NOW - minutes(15), **fields)
    write([history], now=NOW, fired_until=NOW - minutes(6))
    assert breach_facts(history.ticket.pk) == []
    due.run(due.SWEEPS["clocks"], NOW)
    assert breach_facts(history.ticket.pk) == [(NOW - minutes(5), "accept", 1)]
    assert Alert.objects.filter(person=cast.wang).count() == 1


def test_written_once_however_often_it_is_given(cast: Cast) -> None:
    def lives() -> list[History]:
        return [
            simple(NOW - minutes(90 - n), source="log", external_id=str(n), status="closed", ended_at=NOW)
            for n in range(5)
        ]

    first = write(lives()[:3], now=NOW, batch=2)
    again = write([*lives(), lives()[4]], now=NOW, batch=6)
    assert (first.n_tickets, first.n_known) == (3, 0)
    assert (again.n_tickets, again.n_known) == (2, 4)
    assert Ticket.objects.filter(source="log").count() == 5
    assert not JournalPending.objects.exists()
    assert list(checks.faults()) == []


def test_numbers_rise_with_receipt_within_the_local_day(cast: Cast) -> None:
    live = cast.ticket()
    days = [NOW - timedelta(days=1), NOW - timedelta(days=1) + minutes(5), NOW - minutes(3), NOW - minutes(2)]
    histories = [simple(at) for at in days]
    write(histories, now=NOW, timers=False)
    assert live.number == "GD20260909001"
    numbers = [h.ticket.number for h in histories]
    assert numbers == ["GD20260908001", "GD20260908002", "GD20260909002", "GD20260909003"]
    assert Counter.objects.get(name="ticket:20260909").value == 3
    assert not TicketTimer.objects.filter(ticket__in=[h.ticket for h in histories]).exists()


def test_messages_duplicates_and_loads(cast: Cast) -> None:
    AgentLoad.objects.filter(person=cast.zhao).delete()
    said = PastFact("message", NOW - minutes(5), {"direction": "in", "by": "customer", "public": True})
    said.message = Message(kind="customer", by="customer", body="在吗", at=said.at)
    original = simple(NOW - minutes(9), said, status="in_progress", assignee=cast.lin, channel="chat")
    merged = PastFact("merged", NOW - minutes(1), actor=IMPORT)
    duplicate = simple(NOW - minutes(8), merged, status="merged", ended_at=NOW, assignee=cast.lin)
    duplicate.duplicate_of = original
    other = simple(NOW - minutes(7), status="waiting", assignee=cast.zhao)
    written = write([original, duplicate, other], now=NOW)
    assert written.n_messages == 1
    message = original.ticket.messages.get()
    assert [e.data["message"] for e in journal.of("ticket", original.ticket.pk) if "message" in e.data] == [message.pk]
    duplicate.ticket.refresh_from_db()
    assert duplicate.ticket.merged_into == original.ticket
    about = {e.kind: (e.data, e.actor_kind) for e in JournalEntry.objects.filter(kind__contains="d")}
    assert about["ticket.merged"] == ({"into": original.ticket.number}, "import")
    assert about["ticket.received_duplicate"] == ({"number": duplicate.ticket.number}, "import")
    counts = {(x.person_id, x.channel): x.n_open for x in AgentLoad.objects.filter(n_open__gt=0)}
    assert counts == {(cast.lin.pk, "chat"): 1, (cast.zhao.pk, "web"): 1}


def test_a_duplicate_before_its_original_is_refused_and_nothing_is_half_written(cast: Cast) -> None:
    history = simple(NOW - minutes(8), status="merged", ended_at=NOW)
    history.duplicate_of = simple(NOW - minutes(9))
    with pytest.raises(ValueError, match="has not been written"):
        write([history], now=NOW)
    assert not Ticket.objects.exists() and not Clock.objects.exists()
