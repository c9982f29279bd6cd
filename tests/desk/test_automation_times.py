"""Automations that go by the clock on the wall: once at each time, made up for once, cut, tried, edited, by the API."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from jiying.base import due
from jiying.base.actor import SYSTEM
from jiying.base.errors import Invalid
from jiying.base.models import JournalEntry
from jiying.desk.models import AutomationRun, AutomationTime, Message, Ticket
from jiying.desk.queries import automations as queries
from jiying.desk.services import automation_setup, automation_times, automations, handling
from jiying.desk.services import automation_trials as trials
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, ticket_in

DAY = timedelta(days=1)
SWEEP = due.Sweep("automation_times", AutomationTime, automation_times.serve, batch=1)
RUNS = due.Sweep("automations", AutomationRun, automations.serve, batch=1)
NOTE = {"do": "note", "text": "请跟进"}
HELD = [{"field": "status", "values": ["waiting"]}, {"field": "waiting_for", "values": ["customer"]}]


def save(cast: Cast, key: str = "morning", *, then: Any = (NOTE,), conditions: Any = (), **when: Any) -> None:
    """A rule of today, 10:30 in Shanghai as far as nothing else is said; it is 10:00."""
    body = {
        "on": when.pop("on", True),
        "when": {"event": "time", "every": "day", "at": "10:30", **when},
        "if": list(conditions),
        "then": list(then),
    }
    automation_setup.save(actor=SYSTEM, key=key, title="每早检查", body=body, now=cast.now)


def work(now: datetime) -> None:
    due.run(SWEEP, now)
    due.run(RUNS, now)


def n_notes(ticket: Ticket) -> int:
    return Message.objects.filter(ticket=ticket, kind="note", body="请跟进").count()


def test_it_acts_at_its_time_once_on_each_open_ticket_that_fits(cast: Cast) -> None:
    hit, miss = ticket_in(cast, "waiting"), ticket_in(cast, "in_progress")
    closed = cast.ticket()
    handling.cancel(actor=cast.actor(cast.sup), number=closed.number, reason="重复", now=cast.now)
    save(cast, conditions=HELD)
    work(cast.now + 29 * MINUTE)
    assert n_notes(hit) == 0
    for _time in range(2):  # two workers that look at the same instant
        work(cast.now + 30 * MINUTE)
    assert (n_notes(hit), n_notes(miss), n_notes(closed)) == (1, 0, 0)
    work(cast.now + DAY + 30 * MINUTE)
    assert n_notes(hit) == 2
    came = JournalEntry.objects.filter(kind=automation_times.CAME).order_by("id")
    assert [one.at for one in came] == [cast.now + 30 * MINUTE, cast.now + DAY + 30 * MINUTE]
    [told] = JournalEntry.objects.filter(kind="ticket.automated", subject_id=hit.pk).order_by("id")[:1]
    assert (told.data["event"], told.data["rule"]) == ("time", "morning")


def test_what_was_missed_is_made_up_for_once(cast: Cast) -> None:
    ticket = ticket_in(cast, "waiting")
    save(cast)
    late = cast.now + 5 * DAY + HOUR
    work(late)
    work(late + HOUR)
    assert n_notes(ticket) == 1
    assert AutomationTime.objects.get().wake_at == cast.now + 6 * DAY + 30 * MINUTE


def test_a_worker_that_dies_on_the_way_leaves_nothing_half_done(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is a transaction: what was not committed is done again, what was is not."""
    monkeypatch.setattr(automation_times, "BATCH", 2)
    tickets = [cast.ticket(subject=f"第 {n} 张") for n in range(5)]
    save(cast)
    at = cast.now + 30 * MINUTE
    fits, calls = automation_times.fits, []

    def dies(*args: Any) -> list[Ticket]:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fits(*args)

    monkeypatch.setattr(automation_times, "fits", dies)
    with pytest.raises(KeyboardInterrupt):
        due.run(SWEEP, at + MINUTE)
    assert AutomationRun.objects.count() == 2  # the first batch stands
    monkeypatch.setattr(automation_times, "fits", fits)
    for _turn in range(4):
        work(at + MINUTE)
    assert [n_notes(ticket) for ticket in tickets] == [1] * 5
    assert JournalEntry.objects.filter(kind=automation_times.CAME).count() == 1
    assert AutomationTime.objects.get().wake_at == at + DAY


def test_days_off_by_the_working_calendar(cast: Cast) -> None:
    save(cast, workdays=True)
    row = AutomationTime.objects.get()
    for wanted in (9, 10, 11, 14, 15, 16, 17, 18, 20, 21):  # 2026-09-20 is a Sunday that is worked
        assert row.at.day == wanted
        automation_times.serve([row.pk], row.at)
        row.refresh_from_db()


def test_how_long_in_its_state(cast: Cast) -> None:
    old = ticket_in(cast, "waiting")
    save(cast, conditions=[*HELD, {"field": "state_for", "values": ["2d"]}])
    young_at = cast.now + DAY
    young = cast.accepted(subject="新的")
    handling.hold(actor=cast.actor(cast.lin), number=young.number, reason="customer", now=young_at)
    work(cast.now + 2 * DAY + 31 * MINUTE)
    assert (n_notes(old), n_notes(young)) == (1, 0)
    work(cast.now + 3 * DAY + 31 * MINUTE)
    assert (n_notes(old), n_notes(young)) == (2, 1)


def test_switched_off_it_rests_and_another_time_counts_from_now(cast: Cast) -> None:
    ticket = ticket_in(cast, "waiting")
    save(cast)
    automation_setup.switch(actor=SYSTEM, key="morning", on=False, now=cast.now)
    assert not AutomationTime.objects.exists()
    work(cast.now + DAY)
    assert n_notes(ticket) == 0
    save(cast, at="09:00")
    assert AutomationTime.objects.get().at == cast.now + DAY - HOUR
    automation_setup.save(
        actor=SYSTEM, key="morning", title="x", body={"when": {"event": "opened"}, "if": [], "then": [NOTE]},
        now=cast.now,
    )  # fmt: skip
    assert not AutomationTime.objects.exists()


def test_rules_that_set_one_another_off_are_cut(cast: Cast) -> None:
    """What a timed rule does may set off others, but these never itself; and so often a day, no more."""
    ticket = ticket_in(cast, "waiting")
    save(cast)
    row = AutomationTime.objects.get()
    for n in range(22):
        AutomationTime.objects.filter(pk=row.pk).update(at=row.at, wake_at=cast.now + 31 * MINUTE, cause=None)
        work(cast.now + 31 * MINUTE + n * timedelta(seconds=1))
    assert n_notes(ticket) == 20
    assert AutomationRun.objects.filter(state="cut").count() == 2


@pytest.mark.usefixtures("still")
def test_the_cost_of_a_batch_does_not_grow_with_its_tickets(cast: Cast, django_assert_max_num_queries: Any) -> None:
    for n in range(12):
        cast.ticket(subject=f"第 {n} 张")
    save(
        cast, conditions=[{"field": "state_for", "values": ["1h"]}, {"field": "priority", "values": ["P1", "P2", "P3"]}]
    )
    row = AutomationTime.objects.get()
    with django_assert_max_num_queries(16, connection=connection):
        automation_times.serve([row.pk], cast.now + 30 * MINUTE + 2 * HOUR)
    assert AutomationRun.objects.count() >= 10


def test_tried_and_listed_before_its_time(cast: Cast) -> None:
    hit = ticket_in(cast, "waiting")
    cast.ticket()
    body = {"when": {"event": "time", "every": "week", "days": [0, 4], "at": "08:30"}, "if": HELD, "then": [NOTE]}
    found = trials.on_past(actor=cast.actor(cast.ops), body=body, now=cast.now)
    assert (found.n_fits, [one[0] for one in found.examples]) == (1, [hit.number])
    assert [at.isoformat()[:16] for at in found.coming] == ["2026-09-11T00:30", "2026-09-14T00:30", "2026-09-18T00:30"]
    assert not AutomationRun.objects.exists()
    save(cast)
    assert queries.rule("morning", cast.now).next_at == cast.now + 30 * MINUTE


def test_bad_times_are_refused_by_place(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        save(cast, every="month", days=[32], at="25:00")
    assert {fault.field for fault in refused.value.faults} == {"when.days", "when.at"}
    with pytest.raises(Invalid):
        save(cast, wait=3)


def test_the_editor_and_the_api(cast: Cast) -> None:
    browser = cast.client(cast.ops)
    form = {
        "key": "weekly", "title": "每周一检查", "on": "on", "event": "time", "every": "week", "weekday": ["0"],
        "at": "09:15", "workdays": "on", "then.0.do": "note|", "then.0.text": "请看",
    }  # fmt: skip
    page = browser.post("/setup/automations/new", {**form, "try": "1"})
    assert page.status_code == 200, page.content
    assert browser.post("/setup/automations/new", form).status_code == 302
    assert queries.rule("weekly", cast.now).body["when"] == {
        "event": "time", "every": "week", "days": [0], "at": "09:15", "workdays": True,
    }  # fmt: skip
    assert 'value="09:15"' in browser.get("/setup/automations/weekly").content.decode()
    bad = browser.post("/setup/automations/new", {**form, "key": "x", "at": "", "weekday": []})
    assert bad.status_code == 422
    api = cast.api(cast.ops, "desk.edit_rules")
    rule = {"when": {"event": "time", "every": "month", "days": [1], "at": "07:00"}, "actions": [NOTE], "title": "月初"}
    saved = api.put("/api/v1/automations/monthly", rule, content_type="application/json")
    assert saved.status_code == 200, saved.content
    assert saved.json()["next_at"]
    tried = api.post("/api/v1/automation-trials", rule, content_type="application/json").json()
    assert len(tried["coming"]) == 3
