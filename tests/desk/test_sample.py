"""The made-up centre: the same for a seed, nothing half-done, clocks that run out, a feed that lets people be."""

import stat
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Q

from jiying.alerts.models import Alert
from jiying.base import checks, due, periodic, settings_store
from jiying.base.models import JournalEntry, JournalPending, Person, Setting
from jiying.clocks.models import BreachCause, Clock
from jiying.clocks.queries import next_due
from jiying.core import lifecycle
from jiying.desk.models import AgentLoad, Collaboration, Customer, Message, Ticket
from jiying.desk.services.loads import CARRIED
from jiying.desk.services.sample import centre, demand, feed
from tests.cast import forget_all, seed

NOW = datetime(2026, 9, 9, 2, 30, tzinfo=UTC)  # a Wednesday, half past ten in Shanghai
SMALL = centre.Wanted(seed=7, days=5, per_day=30)
VERBS = {
    "assigned": "assign", "accepted": "accept", "held": "hold", "resumed": "resume", "solved": "resolve",
    "confirmed": "confirm", "rejected": "reject", "closed": "close", "reopened": "reopen", "cancelled": "cancel",
    "merged": "merge",
}  # fmt: skip


@pytest.fixture
def bare(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A prepared house with nobody in it."""
    forget_all()
    monkeypatch.setattr(settings, "HOME", tmp_path)
    seed()
    yield tmp_path
    forget_all()


@pytest.fixture
def made(bare: Path) -> centre.Made:
    return centre.make(SMALL, NOW)


def told() -> list[Any]:
    """All tickets with everything that happened to them, without the database's own keys."""
    kinds: dict[int, list[Any]] = defaultdict(list)
    for entry in JournalEntry.objects.filter(subject_kind="ticket").order_by("at", "kind"):
        kinds[entry.subject_id].append((entry.kind, entry.at))
    rows = Ticket.objects.order_by("number").values_list(
        "pk", "number", "subject", "status", "priority", "assignee__username", "customer__ref", "next_due_at"
    )
    return [(*row[1:], kinds[row[0]]) for row in rows]


def test_the_same_seed_and_instant_give_the_same_centre(bare: Path) -> None:
    seen = []
    for number in (7, 7, 8):
        with transaction.atomic():
            centre.make(centre.Wanted(seed=number, days=2, per_day=20), NOW)
            seen.append(told())
            transaction.set_rollback(True)
        forget_all()
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_the_made_centre_is_sound(made: centre.Made, subtests: pytest.Subtests) -> None:
    """What only looks at it, in one test: making it takes five seconds."""
    for check in (
        nothing_is_half_done,
        loads_are_the_open_tickets_and_routing_kept_within_places,
        every_life_is_legal_and_explained,
        it_looks_like_a_centre_at_work,
    ):
        with subtests.test(check.__name__):
            check(made)


def nothing_is_half_done(made: centre.Made) -> None:
    assert list(checks.faults()) == []
    assert not JournalPending.objects.exists()
    by_floors = Q(source="mail") | Q(phone_calls__opened_it=True) | Q(conversations__isnull=False)
    n_beside = Ticket.objects.filter(Q(source__startswith=Ticket.AHEAD) | by_floors).distinct().count()
    assert made.written.n_tickets + n_beside == Ticket.objects.count() > 150
    clocks: dict[int, list[Clock]] = defaultdict(list)
    for clock in Clock.objects.filter(subject_kind="ticket"):
        clocks[clock.subject_id].append(clock)
    for ticket in Ticket.objects.all():
        assert (ticket.next_due_at, ticket.is_late) == next_due(clocks[ticket.pk])
        assert {c.metric for c in clocks[ticket.pk]} >= {"accept", "first_response", "resolution", "resolution_total"}
    asked = {c.pk for c in Collaboration.objects.all()}
    assert asked and {c.subject_id for c in Clock.objects.filter(subject_kind="collaboration")} == asked


def loads_are_the_open_tickets_and_routing_kept_within_places(made: centre.Made) -> None:
    counted = Counter(
        Ticket.objects.filter(status__in=CARRIED, assignee__isnull=False).values_list("assignee_id", "channel")
    )
    loads = {(x.person_id, x.channel): x for x in AgentLoad.objects.all()}
    assert {key: x.n_open for key, x in loads.items() if x.n_open} == dict(counted)
    assert all(x.n_open <= x.capacity + 1 for x in loads.values())  # a reopened ticket may go past


def every_life_is_legal_and_explained(made: centre.Made) -> None:
    entries: dict[int, list[JournalEntry]] = defaultdict(list)
    for entry in JournalEntry.objects.filter(subject_kind="ticket").order_by("at", "id"):
        entries[entry.subject_id].append(entry)
    tickets = Ticket.objects.in_bulk()
    for pk, life in entries.items():
        assert life[0].kind == "ticket.opened" and life[0].data["priority_reason"], life
        status = lifecycle.NEW
        for entry in life:
            kind = entry.kind.removeprefix("ticket.")
            if kind in VERBS:
                status = lifecycle.step(VERBS[kind], status).after
            if kind == "message" and entry.data["by"] == "person" and entry.data["public"]:
                status = lifecycle.step("reply", status).after
                status = lifecycle.IN_PROGRESS if status == lifecycle.ACCEPTED else status
            if kind == "assigned":
                assert entry.data["why"]["decided_by"]
        assert status == tickets[pk].status
    said = set(JournalEntry.objects.filter(kind="ticket.message").values_list("data__message", flat=True))
    assert said == set(Message.objects.values_list("pk", flat=True))


def it_looks_like_a_centre_at_work(made: centre.Made) -> None:
    status = Counter(Ticket.objects.values_list("status", flat=True))
    assert min(status[s] for s in ("new", "assigned", "accepted", "in_progress", "waiting", "resolved")) > 0
    assert status["closed"] > 50 and 90 <= made.n_open <= 260
    assert set(Ticket.objects.values_list("priority", flat=True)) == {"P1", "P2", "P3", "P4"}
    assert set(Ticket.objects.values_list("channel", flat=True)) >= {"phone", "chat", "email", "social", "web"}
    assert {"approved", "named"} <= set(BreachCause.objects.values_list("state", flat=True))
    assert Customer.objects.filter(tier="vip", dedicated__isnull=False).count() > 10
    decided = set(JournalEntry.objects.filter(kind="ticket.assigned").values_list("data__why__decided_by", flat=True))
    assert {"dedicated", "load", "opened_it"} <= decided
    first = Clock.objects.filter(metric="first_response", state__in=("met", "breached"))
    met = first.filter(state="met").count() / first.count()
    assert 0.6 < met < 0.99


def test_a_warning_comes_within_a_minute_and_a_breach_within_minutes(made: centre.Made) -> None:
    own = Person.objects.get(username="agent")
    mine = Ticket.objects.filter(assignee=own, status="assigned").values("pk")
    clocks = Clock.objects.filter(subject_kind="ticket", subject_id__in=mine, metric="accept", state="running")
    points = [(code, at - NOW.timestamp()) for c in clocks for code, at in c.points]
    assert any(code.startswith("warn") and 20 <= left <= 60 for code, left in points)
    assert any(code == "due" and 60 <= left <= 240 for code, left in points)
    sweep = due.SWEEPS["clocks"]
    due.run(sweep, NOW)
    lead = Person.objects.get(username="lead")
    assert Alert.objects.filter(person=lead).exists()  # what came in the last minutes is on the lead's list at once
    before = Alert.objects.filter(person=own).count()
    due.run(sweep, NOW + timedelta(minutes=1))
    assert Alert.objects.filter(person=own, kind__startswith="clock.warn").count() > 0
    assert Alert.objects.filter(person=own).count() > before
    due.run(sweep, NOW + timedelta(minutes=4))
    assert Alert.objects.filter(person=lead, kind="clock.due", at__gt=NOW).exists()


def test_the_feed_goes_on_and_leaves_the_printed_people_alone(
    made: centre.Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = set(Setting.objects.get(key=centre.LEFT_ALONE).value)
    assert {p.username for p in Person.objects.filter(pk__in=alone)} == {"agent", "lead", "admin"}
    n_before, last = Ticket.objects.count(), JournalEntry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    for n in range(1, 91):
        now = NOW + timedelta(seconds=n * feed.EVERY_S)
        monkeypatch.setattr("jiying.desk.services.sample.feed.timezone.now", lambda now=now: now)
        feed.turn(now)
    fresh = JournalEntry.objects.filter(pk__gt=last)
    kinds = Counter(fresh.values_list("kind", flat=True))
    assert 30 <= Ticket.objects.count() - n_before <= 60
    assert min(kinds[f"ticket.{k}"] for k in ("opened", "assigned", "accepted", "message", "solved")) > 0
    assert not fresh.filter(actor_kind="person", actor_id__in=alone).exists()
    assert {e.actor_kind for e in fresh} >= {"person", "customer", "system"}
    loads_are_the_open_tickets_and_routing_kept_within_places(made)


def test_a_refusal_or_a_stop_does_not_stop_the_worker(made: centre.Made, monkeypatch: pytest.MonkeyPatch) -> None:
    at = NOW + timedelta(minutes=5)
    monkeypatch.setattr("jiying.desk.services.sample.feed.timezone.now", lambda: at)
    Person.objects.exclude(username__in=("agent", "lead", "admin")).update(is_active=False)  # may do nothing any more
    for n in range(10):
        feed.turn(at + timedelta(seconds=10 * n))
    n = JournalEntry.objects.count()
    call_command("sample", stop_feed=True, stdout=StringIO())
    settings_store.forget()
    assert not periodic.TASKS["desk.feed"].wanted()
    feed.turn(at)
    assert JournalEntry.objects.count() == n + 1  # only that it was switched off


def test_the_feed_is_not_wanted_in_a_house_without_sample(bare: Path) -> None:
    assert not periodic.TASKS["desk.feed"].wanted()
    with pytest.raises(CommandError, match="no sample here"):
        call_command("sample", stop_feed=True)


def test_the_command_prints_sign_ins_that_work_and_keeps_them_to_itself(bare: Path) -> None:
    out = StringIO()
    call_command("sample", days=1, tickets_per_day=5.0, no_feed=True, stdout=out)
    kept = centre.kept_sign_ins()
    assert set(kept) == {"agent", "lead", "admin"} and all(p in out.getvalue() for p in kept.values())
    assert stat.S_IMODE((bare / "sign-ins.txt").stat().st_mode) == 0o600
    for name, password in kept.items():
        assert authenticate(username=name, password=password) == Person.objects.get(username=name)
    others = Person.objects.exclude(username__in=kept)
    assert others.count() > 35 and not any(p.has_usable_password() for p in others)
    assert not settings_store.get(centre.FEED_ON)
    again = StringIO()
    call_command("sample", if_empty=True, stdout=again)
    assert kept["agent"] in again.getvalue() and "Writing" not in again.getvalue()
    with pytest.raises(CommandError, match="empty house only"):
        call_command("sample")


def test_somebody_is_there_already(bare: Path) -> None:
    Person.objects.create_person("first", None, name="first")
    out = StringIO()
    call_command("sample", if_empty=True, stdout=out)
    assert out.getvalue() == "" and Person.objects.count() == 1


def test_demand_follows_weekday_hour_and_statutory_days() -> None:
    from random import Random

    now = datetime(2026, 10, 20, 16, 0, tzinfo=UTC)
    receipts = list(demand.receipts(Random(3), now, 60, 200, "Asia/Shanghai"))
    assert receipts == sorted(receipts) and now - timedelta(days=60) <= receipts[0] and receipts[-1] < now
    local = [at + timedelta(hours=8) for at in receipts]
    by_day, by_hour = Counter(at.date() for at in local), Counter(at.hour for at in local)
    assert by_hour[10] > 5 * by_hour[3]
    holiday, make_up, ordinary = (
        by_day[datetime(2026, m, d, tzinfo=UTC).date()] for m, d in ((10, 2), (10, 10), (9, 17))
    )
    assert holiday < 0.6 * ordinary < make_up
