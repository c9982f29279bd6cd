"""Automations at work (D25): set off by facts, at once or after a time, explained, cut where they go round, tried."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from jiying.alerts.models import Alert
from jiying.base import due, journal, tails
from jiying.base.actor import SYSTEM
from jiying.base.errors import Denied, Invalid
from jiying.base.models import JournalEntry
from jiying.desk.models import AutomationRun, Message, Ticket
from jiying.desk.queries import automations as queries
from jiying.desk.queries import story
from jiying.desk.services import automation_setup, automations, handling, talking
from jiying.desk.services import automation_trials as trials
from tests.cast import Cast
from tests.desk.stage import MINUTE, ticket_in

SWEEP = due.Sweep("automations", AutomationRun, automations.serve, batch=1)
P1 = {"do": "priority", "value": "P1"}


def save(cast: Cast, key: str, *then: dict[str, Any], on: bool = True, conditions: Any = (), **when: Any) -> None:
    """A rule that was there a minute ago."""
    body = {"on": on, "when": {"event": "opened", **when}, "if": list(conditions), "then": list(then)}
    automation_setup.save(actor=SYSTEM, key=key, title=f"规则 {key}", body=body, now=cast.now - MINUTE)


def work(now: datetime, times: int = 1) -> None:
    """What the worker does: number the journal, read it, let due runs act."""
    for _time in range(times):
        while journal.sequence():
            pass
        tails.catch_up(automations.READER)
        due.run(SWEEP, now)


def facts(ticket: Ticket, kind: str) -> list[JournalEntry]:
    return [one for one in journal.of("ticket", ticket.pk) if one.kind == kind]


def test_a_rule_acts_on_what_fits_and_tells_the_journal_why(cast: Cast) -> None:
    save(cast, "refund", P1, {"do": "add_tags", "value": "退款"}, conditions=[{"field": "words", "values": ["退款"]}])
    hit, miss = cast.ticket(subject="我要退款"), cast.ticket(subject="怎么开发票")
    work(cast.now)
    hit.refresh_from_db()
    miss.refresh_from_db()
    assert (hit.priority, hit.tags, hit.priority_source) == ("P1", ["退款"], "rule")
    assert (miss.priority, miss.tags) != ("P1", ["退款"])
    (told,) = facts(hit, "ticket.automated")
    assert (told.data["rule"], told.data["version"], told.data["event"]) == ("refund", 1, "opened")
    assert told.data["why"] == {"held": [{"field": "words", "op": "is", "values": ["退款"]}]}
    assert {one.actor_kind for one in facts(hit, "ticket.reclassified")} == {"automation"}
    run = AutomationRun.objects.get()
    assert (run.state, run.ticket_id, [one["do"] for one in run.outcome]) == ("done", hit.pk, ["priority", "add_tags"])
    line = story.lines([told])[0]
    assert "规则 refund" in line.text and "规则 refund" in line.by and any("退款" in text for text in line.detail)


def test_facts_read_twice_count_once_and_what_is_older_than_a_rule_does_not(cast: Cast) -> None:
    before = cast.ticket(subject="早一些", now=cast.now - 2 * MINUTE)
    save(cast, "a", {"do": "note", "text": "看一下"})
    ticket = cast.ticket()
    work(cast.now)
    tails.put(automations.READER, 0)
    work(cast.now, 2)
    assert Message.objects.filter(ticket=ticket, kind="note").count() == 1
    assert not Message.objects.filter(ticket=before).exists()


def test_history_sets_nothing_off(cast: Cast) -> None:
    save(cast, "a", P1)
    old = cast.ticket(received_at=cast.now - timedelta(days=30))
    work(cast.now)
    old.refresh_from_db()
    assert old.priority != "P1" and not AutomationRun.objects.exists()


def test_after_a_wait_the_conditions_are_asked_and_the_wait_begins_anew(cast: Cast) -> None:
    """Waiting for the customer for a day: they are reminded once, a day after the last hold."""
    waits = [{"field": "status", "values": ["waiting"]}, {"field": "waiting_for", "values": ["customer"]}]
    save(
        cast,
        "remind",
        {"do": "reply", "text": "{客户}，{工单号} 还在等您"},
        conditions=waits,
        event="held",
        wait=24,
        unit="h",
    )
    ticket, lin = ticket_in(cast, "waiting"), cast.actor(cast.lin)
    work(cast.now)
    first = AutomationRun.objects.get().wake_at
    later = cast.now + timedelta(hours=3)
    handling.resume(actor=lin, number=ticket.number, now=later)
    handling.hold(actor=lin, number=ticket.number, reason="customer", now=later + MINUTE)
    work(later + 2 * MINUTE)
    again = AutomationRun.objects.get().wake_at
    assert first is not None and again is not None and again - first >= timedelta(hours=3)
    work(first + MINUTE)
    assert not Message.objects.filter(ticket=ticket, by="auto").exists()
    work(again)
    reply = Message.objects.get(ticket=ticket, by="auto")
    assert ticket.number in reply.body and reply.author is None
    ticket.refresh_from_db()
    assert ticket.status == "waiting"


def test_what_no_longer_holds_when_the_wait_is_over_is_left(cast: Cast) -> None:
    save(cast, "remind", P1, conditions=[{"field": "status", "values": ["waiting"]}], event="held", wait=1, unit="h")
    ticket = ticket_in(cast, "waiting")
    work(cast.now)
    handling.resume(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now + MINUTE)
    work(cast.now + timedelta(hours=2))
    ticket.refresh_from_db()
    assert ticket.priority != "P1" and not AutomationRun.objects.exists()


def test_a_rule_that_is_switched_off_does_nothing_also_where_it_waits(cast: Cast) -> None:
    save(cast, "a", P1, wait=10)
    ticket = cast.ticket()
    work(cast.now)
    automation_setup.switch(actor=SYSTEM, key="a", on=False, now=cast.now + MINUTE)
    from jiying.base import documents

    documents.forget()
    work(cast.now + timedelta(minutes=11))
    ticket.refresh_from_db()
    assert ticket.priority != "P1"


def test_rings_of_rules_are_cut(cast: Cast) -> None:
    """`ping` and `pong` undo each other for ever, were they not cut; the log says so."""
    save(
        cast,
        "ping",
        {"do": "priority", "value": "P2"},
        event="changed",
        conditions=[{"field": "priority", "values": ["P1"]}],
    )
    save(
        cast,
        "pong",
        {"do": "priority", "value": "P1"},
        event="changed",
        conditions=[{"field": "priority", "values": ["P2"]}],
    )
    ticket = cast.accepted()
    handling.set_priority(actor=cast.actor(cast.wang), number=ticket.number, priority="P1", reason="急", now=cast.now)
    work(cast.now + MINUTE, 10)
    states = sorted(AutomationRun.objects.values_list("rule", "state"))
    assert ("ping", "cut") in states and states.count(("ping", "done")) == 1 and states.count(("pong", "done")) == 1
    cut = AutomationRun.objects.get(rule="ping", state="cut")
    assert cut.outcome == [{"cut": "loop"}] and "ping" in cut.chain
    assert not AutomationRun.objects.filter(state="waiting").exists()


def test_its_own_doing_never_sets_a_rule_off(cast: Cast) -> None:
    save(cast, "own", {"do": "add_tags", "value": "x"}, event="changed")
    ticket = cast.accepted()
    handling.set_priority(actor=cast.actor(cast.wang), number=ticket.number, priority="P1", reason="急", now=cast.now)
    work(cast.now + MINUTE, 5)
    assert list(AutomationRun.objects.values_list("rule", "state")) == [("own", "done")]


def test_what_a_service_refuses_is_noted_and_stops_nothing_else(cast: Cast) -> None:
    save(cast, "a", {"do": "resolve", "text": "已处理"}, {"do": "add_tags", "value": "看过"})
    ticket = cast.ticket()
    work(cast.now)
    run = AutomationRun.objects.get()
    assert run.state == "partly" and run.outcome[0]["fault"]["code"] == "wrong_state" and "fault" not in run.outcome[1]
    ticket.refresh_from_db()
    assert (ticket.status, ticket.tags) == ("assigned", ["看过"])
    row = queries.runs(SYSTEM).items[0]
    assert row.did[0].refused and not row.did[1].refused


def test_who_leads_is_alerted_when_a_vips_ticket_is_late(cast: Cast) -> None:
    from jiying.clocks.models import Clock
    from jiying.clocks.services import firing

    late = [{"field": "metric", "values": ["accept"]}]
    save(cast, "late", {"do": "tell", "value": "leads", "text": "{工单号} 超时"}, event="late", conditions=late)
    ticket = cast.ticket()
    later = cast.now + timedelta(hours=2)
    due.run(due.Sweep("clocks", Clock, firing.fire), later)
    work(later)
    alert = Alert.objects.get(kind="ticket.automated")
    assert (alert.person_id, alert.data["text"]) == (cast.wang.pk, f"{ticket.number} 超时")
    assert facts(ticket, "ticket.told")[0].data["people"] == [cast.wang.pk]


def test_a_rule_acts_on_one_ticket_so_often_a_day_and_no_more(cast: Cast) -> None:
    from jiying.core.automations import MAX_A_DAY

    save(cast, "a", {"do": "note", "text": "收到"}, event="customer_message")
    ticket = cast.ticket()
    for n in range(MAX_A_DAY + 2):
        talking.customer_message(actor=SYSTEM, number=ticket.number, body=f"{n}", now=cast.now + n * MINUTE)
    work(cast.now + timedelta(hours=1), 2)
    assert Message.objects.filter(ticket=ticket, kind="note").count() == MAX_A_DAY
    assert AutomationRun.objects.filter(state="cut").count() == 2


# --- trying, rights --------------------------------------------------------------------------------------------------


def test_a_trial_does_it_for_real_and_leaves_nothing(cast: Cast) -> None:
    ticket = cast.accepted(subject="我要退款")
    n_facts, admin = JournalEntry.objects.count(), cast.actor(cast.admin)
    body = {"when": {"event": "opened"}, "if": [], "then": [P1, {"do": "close"}]}
    tried = trials.on_ticket(actor=admin, body=body, title="试", number=ticket.number, now=cast.now)
    assert tried.fits and [("fault" in one) for one in tried.outcome] == [False, True]
    assert [one.kind for one in tried.entries] == ["ticket.reclassified"]
    ticket.refresh_from_db()
    assert ticket.priority != "P1" and JournalEntry.objects.count() == n_facts
    assert not AutomationRun.objects.exists()
    past = trials.on_past(actor=admin, body=body, now=cast.now + MINUTE)
    assert (past.n_tickets, past.n_events, past.n_fits) == (1, 1, 1)


def test_only_who_edits_rules_saves_switches_and_tries(cast: Cast) -> None:
    body = {"when": {"event": "opened"}, "if": [], "then": [P1]}
    wang = cast.actor(cast.wang)
    with pytest.raises(Denied):
        automation_setup.save(actor=wang, key="a", title="a", body=body, now=cast.now)
    with pytest.raises(Denied):
        automation_setup.switch(actor=wang, key="a", on=False, now=cast.now)
    with pytest.raises(Denied):
        trials.on_past(actor=wang, body=body, now=cast.now)
    with pytest.raises(Invalid):
        automation_setup.save(actor=SYSTEM, key="a b", title="a", body=body, now=cast.now)


def test_the_editor_saves_shows_faults_and_tries(cast: Cast) -> None:
    client = cast.client(cast.ops)
    ticket = cast.ticket(subject="我要退款")
    form = {
        "title": "退款加急",
        "key": "refund",
        "on": "on",
        "event": "opened",
        "wait": "",
        "unit": "min",
        "if.0.field": "words",
        "if.0.op": "is",
        "if.0.values": "退款，退货",
        "if.1.field": "channel",
        "if.1.op": "not",
        "if.1.values": ["phone", "chat"],
        "then.0.do": "priority|P1",
        "then.1.do": "add_tags|",
        "then.1.text": "退款",
        "number": ticket.number,
    }
    tried = client.post("/setup/automations/new", {**form, "try": "1"})
    assert tried.status_code == 200 and not AutomationRun.objects.exists()
    assert queries.rules(cast.now).items == []
    assert client.post("/setup/automations/new", {**form, "then.0.do": "team|moon"}).status_code == 422
    assert client.post("/setup/automations/new", form).status_code == 302
    row = queries.rule("refund", cast.now)
    assert row.body["if"] == [
        {"field": "words", "op": "is", "values": ["退款", "退货"]},
        {"field": "channel", "op": "not", "values": ["phone", "chat"]},
    ]
    assert row.body["then"][1] == {"do": "add_tags", "value": "退款", "text": ""}
    shown = client.get("/setup/automations/refund").content.decode()
    assert "退款，退货" in shown or "退款, 退货" in shown
    assert client.post("/setup/automations/refund/switch", {}).status_code == 302
    assert queries.rule("refund", cast.now).on is False
    assert client.get("/setup/automations/log").status_code == 200
    assert cast.client(cast.wang).get("/setup/automations/").status_code == 403


def test_the_api_saves_tries_and_shows_the_log(cast: Cast) -> None:
    api, ticket = cast.api(cast.ops), cast.ticket()
    body = {
        "title": "加急",
        "when": {"event": "opened"},
        "conditions": [{"field": "channel", "values": ["web"]}],
        "actions": [P1],
    }
    tried = api.post("/api/v1/automation-trials", {**body, "number": ticket.number}, content_type="application/json")
    assert tried.status_code == 200 and tried.json()["ticket"]["fits"] is True
    assert api.put("/api/v1/automations/urgent", body, content_type="application/json").status_code == 200
    assert (
        api.post("/api/v1/automations/urgent/switch", {"on": False}, content_type="application/json").json()["on"]
        is False
    )
    assert [row["key"] for row in api.get("/api/v1/automations").json()["items"]] == ["urgent"]
    assert api.get("/api/v1/automation-runs").json() == {"items": [], "next": None}
    assert (
        api.put(
            "/api/v1/automations/urgent", {**body, "actions": [{"do": "fly"}]}, content_type="application/json"
        ).status_code
        == 422
    )
