"""Who hears that a version or a breach cause waits for approval, and of the outcome; what others decided settles."""

import copy
from typing import Any

import pytest

from jiying.alerts import queries as alerts
from jiying.alerts.models import Alert, Delivery
from jiying.alerts.queries import duty
from jiying.alerts.services import checks, plans
from jiying.base import documents
from jiying.base.actor import SYSTEM
from jiying.base.errors import Denied
from jiying.base.models import JournalEntry, Person, VersionedDocument
from jiying.clocks.models import Clock
from jiying.clocks.services import agreements
from jiying.clocks.services.causes import approve_cause, name_cause
from jiying.core.standards import SHIPPED
from jiying.desk.services import rules
from tests.cast import Cast
from tests.desk.stage import HOUR, sweep, ticket_in


def proposed(cast: Cast, by: Person | None = None) -> VersionedDocument:
    body: dict[str, Any] = {**copy.deepcopy(SHIPPED), "version": 2}
    actor = cast.actor(by or cast.sup)
    draft = documents.create(actor=actor, kind="standard", key="default", body=body, now=cast.now)
    return propose(cast, draft, by or cast.sup)


def propose(cast: Cast, draft: VersionedDocument, by: Person) -> VersionedDocument:
    return documents.propose(
        actor=cast.actor(by), document_id=draft.pk, effective_from=cast.now, redate=False, note="季度", now=cast.now
    )


def approve(cast: Cast, document: VersionedDocument, by: Person, capacity: str) -> None:
    documents.approve(actor=cast.actor(by), document_id=document.pk, capacity=capacity, now=cast.now)


def told(kind: str) -> dict[str, str]:
    """{who: state} of the alerts of a kind."""
    return dict(Alert.objects.filter(kind=kind).values_list("person__username", "state"))


def test_a_proposal_is_told_to_those_who_may_approve_and_not_to_who_proposed(cast: Cast, settings: Any) -> None:
    settings.MAIL_ENABLED = True
    document = proposed(cast)
    assert told("approval.waits") == {cast.ops.username: "new"}  # not Sun, who proposed; not the administrator
    fact = JournalEntry.objects.get(kind="document.proposed", subject_id=document.pk)
    assert fact.rings == f"person:{cast.ops.pk}"
    [one] = alerts.new(cast.ops.pk, cast.now)
    assert one.url == f"/standards/{document.number}/"
    assert cast.sup.name in one.text
    assert Delivery.objects.filter(person=cast.ops).count() == 1  # as shipped also by mail


def test_an_alert_settles_when_others_have_decided_and_the_proposer_hears(cast: Cast) -> None:
    second = Person.objects.create_person("sun2", None, name="孙二")
    second.roles.set(cast.sup.roles.all())
    document = proposed(cast, by=cast.ops)
    assert told("approval.waits") == {cast.sup.username: "new", "sun2": "new"}
    waiting = list(Alert.objects.filter(kind="approval.waits"))
    assert checks.passed(waiting) == {}
    approve(cast, document, cast.sup, "supervisor")
    assert told("approval.waits") == {cast.sup.username: "withdrawn", "sun2": "withdrawn"}
    assert told("approval.given") == {}  # operations still have to
    approve(cast, document, cast.ops, "operations")
    assert told("approval.given") == {}  # who gave the last approval drafted it: they know


def test_the_proposer_hears_of_approval_and_of_rejection_with_its_reason_each_time(cast: Cast) -> None:
    document = proposed(cast)
    documents.reject(actor=cast.actor(cast.ops), document_id=document.pk, note="P3 太紧", now=cast.now)
    assert told("approval.waits") == {cast.ops.username: "withdrawn"}
    [back] = alerts.new(cast.sup.pk, cast.now)
    assert (back.alert.kind, back.alert.data["reason"]) == ("approval.back", "P3 太紧")
    assert "P3 太紧" in back.text
    propose(cast, document, cast.sup)  # a second time is told anew
    assert Alert.objects.filter(kind="approval.waits", person=cast.ops, state="new").count() == 1
    approve(cast, document, cast.sup, "supervisor")
    approve(cast, document, cast.ops, "operations")
    assert told("approval.given") == {cast.sup.username: "new"}
    assert not Alert.objects.filter(kind="approval.waits", state="new").exists()


def test_taken_back_by_its_proposer_nobody_need_look(cast: Cast) -> None:
    document = proposed(cast)
    documents.withdraw(actor=cast.actor(cast.sup), document_id=document.pk, note="再想想", now=cast.now)
    assert told("approval.waits") == {cast.ops.username: "withdrawn"}
    assert told("approval.undone") == {}
    [alert] = Alert.objects.filter(kind="approval.waits")
    Alert.objects.update(state="new")
    alert.refresh_from_db()
    assert checks.passed([alert]) == {alert.pk: "reason_passed"}  # a mail on its way is withheld too


def test_a_refused_step_tells_nobody(cast: Cast) -> None:
    document = proposed(cast)
    before = told("approval.waits")
    with pytest.raises(Denied):
        documents.reject(actor=cast.actor(cast.lin), document_id=document.pk, note="x", now=cast.now)
    assert told("approval.waits") == before
    assert told("approval.back") == {}


def test_priority_rules_and_departments_standards_likewise(cast: Cast) -> None:
    draft = rules.begin(actor=cast.actor(cast.ops), now=cast.now)
    propose(cast, draft, cast.ops)
    [rule_set] = alerts.new(cast.sup.pk, cast.now)
    assert rule_set.url.endswith(f"/priority/{draft.number}/")
    Alert.objects.all().delete()
    agreed = standards_draft(cast)
    propose(cast, agreed, cast.sup)
    assert cast.he.username in told("approval.waits")  # answers for logistics, which is asked
    [one] = alerts.new(cast.he.pk, cast.now)
    assert one.url == f"/standards/collaboration/logistics/{agreed.number}/"
    assert "物流部" in one.label or "Logistics" in one.label


def standards_draft(cast: Cast) -> VersionedDocument:
    return agreements.begin(actor=cast.actor(cast.sup), department="logistics", now=cast.now)


def test_the_plan_decides_by_which_ways(cast: Cast, settings: Any) -> None:
    settings.MAIL_ENABLED = True
    body = plans.body(cast.now)
    body["rules"] = [rule for rule in body["rules"] if rule["key"] != "approval"]
    plans.save(actor=cast.actor(cast.admin), body=body, seen=duty.version(cast.now), now=cast.now)
    documents.forget()
    proposed(cast)
    assert told("approval.waits") == {cast.ops.username: "new"}  # in the app all the same
    assert not Delivery.objects.exists()


# --- breach causes ---------------------------------------------------------------------------------------------------


@pytest.fixture
def late(cast: Cast) -> Clock:
    """Lin's resolution that is an hour late."""
    ticket = ticket_in(cast, "in_progress", priority="P1")
    sweep(cast.now + 5 * HOUR)
    return Clock.objects.get(subject_id=ticket.pk, metric="resolution")


def test_a_named_cause_is_told_to_the_agents_leader_and_the_verdict_to_the_agent(cast: Cast, late: Clock) -> None:
    now = cast.now + 6 * HOUR
    about: dict[str, Any] = {"clock_id": late.pk, "now": now}
    name_cause(actor=cast.actor(cast.lin), code="complex_process", note="三方会签", **about)
    name_cause(actor=cast.actor(cast.lin), code="complex_process", note="三方会签，补充", **about)
    assert told("cause.waits") == {cast.wang.username: "new"}
    [one] = [one for one in alerts.new(cast.wang.pk, now, 20) if one.alert.kind == "cause.waits"]
    assert one.title == "三方会签，补充"
    assert cast.lin.name in one.text
    assert "complex_process" not in one.text
    assert checks.passed([one.alert]) == {}
    approve_cause(actor=cast.actor(cast.wang), code="complex_process", note="", **about)
    assert told("cause.waits") == {cast.wang.username: "withdrawn"}
    assert told("cause.approved") == {cast.lin.username: "new"}


def test_a_leader_who_names_a_cause_is_not_asked_to_judge_it(cast: Cast, late: Clock) -> None:
    name_cause(actor=cast.actor(cast.wang), clock_id=late.pk, code="complex_process", note="", now=cast.now + 6 * HOUR)
    assert told("cause.waits") == {cast.sup.username: "new"}  # the next who may, and sees the ticket


def test_a_cause_whose_breach_went_is_not_to_be_judged(cast: Cast, late: Clock) -> None:
    name_cause(actor=cast.actor(cast.lin), clock_id=late.pk, code="complex_process", note="", now=cast.now + 6 * HOUR)
    [alert] = Alert.objects.filter(kind="cause.waits")
    Clock.objects.filter(pk=late.pk).update(breached_at=None)
    assert checks.passed([alert]) == {alert.pk: "reason_passed"}


def test_the_house_itself_proposes_and_nobody_is_left_out(cast: Cast) -> None:
    body: dict[str, Any] = {**copy.deepcopy(SHIPPED), "version": 2}
    draft = documents.create(actor=SYSTEM, kind="standard", key="default", body=body, now=cast.now)
    documents.propose(actor=SYSTEM, document_id=draft.pk, effective_from=cast.now, redate=False, note="", now=cast.now)
    assert told("approval.waits") == {cast.ops.username: "new", cast.sup.username: "new"}
