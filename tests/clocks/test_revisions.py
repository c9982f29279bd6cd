"""The quarterly revision (C7): falls due by itself, once, with evidence and a clock, and ends with a decision."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client

from jiying.alerts.models import Alert
from jiying.base import documents
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import JournalEntry
from jiying.clocks import queries
from jiying.clocks.models import Clock, Revision
from jiying.clocks.services import revisions
from jiying.clocks.services import standards as drafts
from jiying.clocks.services.redating import stored_as_folded
from jiying.desk.services import collaboration, talking
from tests.cast import Cast
from tests.desk.stage import ask, at_once, sweep
from tests.desk.test_api_tickets import post

HOUR = timedelta(hours=1)
OCTOBER = datetime(2026, 9, 30, 16, 0, tzinfo=UTC)  # the first instant of it in Shanghai


def work_in_september(cast: Cast) -> None:
    """One answer in time and one late; a department that kept its word."""
    for number, waits in enumerate((timedelta(minutes=5), 9 * HOUR)):
        ticket = cast.accepted(subject=f"九月 {number}", priority="P1")
        talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body="您好", now=cast.now + waits)
    asked = ask(cast, cast.accepted(subject="九月 2", priority="P4"))
    collaboration.answer(actor=cast.actor(cast.he), collaboration_id=asked.pk, answer="已发", now=cast.now + HOUR)


@pytest.fixture
def revision(cast: Cast) -> Revision:
    work_in_september(cast)
    found = revisions.fall_due(OCTOBER)
    assert found is not None
    return found


def finish(cast: Cast, now: datetime = OCTOBER + HOUR, **how: Any) -> Revision:
    values = {"actor": cast.actor(cast.ops), "quarter": "2026Q3", "outcome": "kept", "note": "目标合适", "now": now}
    return revisions.finish(**{**values, **how})


def test_it_falls_due_with_the_quarter_and_its_evidence(cast: Cast, revision: Revision) -> None:
    assert (revision.quarter, revision.opened_at) == ("2026Q3", OCTOBER)
    rows = {(metric, row): [met, late] for metric, row, met, late in revision.evidence["rows"]}
    assert rows["first_response", "p1"] == [1, 1]
    assert revision.evidence["departments"] == {"logistics": [1, 0]}
    assert sum(revision.evidence["causes"].values()) >= 1
    clock = Clock.objects.get(subject_kind="revision", subject_id=revision.pk)
    assert (clock.metric, clock.state, clock.started_at) == ("revision", "running", OCTOBER)
    # Ten working days from the first of October: the holiday lasts until the seventh, the tenth is worked.
    assert clock.due_at == datetime(2026, 10, 20, 10, 0, tzinfo=UTC)
    assert list(stored_as_folded()) == []


def test_it_falls_due_once(cast: Cast, revision: Revision) -> None:
    assert revisions.fall_due(OCTOBER + HOUR) is None
    assert revisions.fall_due(OCTOBER + timedelta(days=80)) is None
    assert Revision.objects.count() == 1


def test_six_workers_open_it_once(live_cast: Cast) -> None:
    work_in_september(live_cast)
    results = at_once([partial(revisions.fall_due, OCTOBER)] * 6)
    assert sum(isinstance(found, Revision) for found in results) == 1, results
    assert JournalEntry.objects.filter(kind="revision.asked").count() == 1


def test_a_quarter_without_work_needs_none(cast: Cast) -> None:
    assert revisions.fall_due(cast.now) is None
    assert Revision.objects.count() == 0


def test_a_house_that_begins_later_is_not_late_at_once(cast: Cast) -> None:
    work_in_september(cast)
    found = revisions.fall_due(OCTOBER + timedelta(days=50))
    assert found is not None and found.opened_at == OCTOBER + timedelta(days=50)


def test_who_drafts_is_told_and_when_it_is_late_who_approves(cast: Cast, revision: Revision) -> None:
    told = Alert.objects.filter(kind="revision.open")
    assert set(told.values_list("person__username", flat=True)) == {"ou", "sun"}
    late_at = datetime(2026, 10, 20, 10, 0, 1, tzinfo=UTC)
    sweep(late_at, "clocks")
    breach = JournalEntry.objects.get(kind="clock.breached", subject_kind="revision")
    assert breach.at == late_at - timedelta(seconds=1)
    late = Alert.objects.filter(subject_kind="revision", kind="clock.due")
    assert set(late.values_list("person__username", flat=True)) == {"ou", "sun"}


def test_keeping_the_standard_needs_a_reason(cast: Cast, revision: Revision) -> None:
    with pytest.raises(Invalid):
        finish(cast, note=" ")
    with pytest.raises(Denied):
        finish(cast, actor=cast.actor(cast.lin))
    with pytest.raises(NotFound):
        finish(cast, quarter="2026Q2")
    done = finish(cast)
    assert (done.outcome, done.done_by_id, done.version) == ("kept", cast.ops.pk, None)
    assert Clock.objects.get(subject_kind="revision").state == "met"
    with pytest.raises(Conflict):
        finish(cast)
    assert not Alert.objects.filter(subject_kind="revision").exclude(state="withdrawn").exists()


def test_a_version_must_have_come_of_it(cast: Cast, revision: Revision) -> None:
    for version in (None, 1, 7):
        with pytest.raises(Invalid):
            finish(cast, outcome="changed", version=version)
    with pytest.raises(Invalid):
        finish(cast, outcome="perhaps")
    draft = drafts.begin(actor=cast.actor(cast.ops), now=OCTOBER + HOUR)
    assert finish(cast, outcome="changed", version=draft.number, note="").version == 2


def test_an_approved_version_finishes_it_by_itself(cast: Cast, revision: Revision) -> None:
    ops, sup, now = cast.actor(cast.ops), cast.actor(cast.sup), OCTOBER + HOUR
    draft = drafts.begin(actor=ops, now=now)
    documents.propose(actor=ops, document_id=draft.pk, effective_from=now, redate=False, note="收紧 P1", now=now)
    documents.approve(actor=ops, document_id=draft.pk, capacity="operations", now=now)
    assert Revision.objects.get().is_open
    documents.approve(actor=sup, document_id=draft.pk, capacity="supervisor", now=now)
    found = Revision.objects.get()
    assert (found.outcome, found.version, found.note) == ("changed", 2, "收紧 P1")
    assert found.done_by_id == cast.sup.pk


def test_a_standard_that_promises_nothing_of_it_leaves_ten_working_days(cast: Cast) -> None:
    work_in_september(cast)
    document = documents.get("standard", "default", 1)
    document.body["promises"].pop("revision")
    document.save()
    queries.forget()
    assert revisions.fall_due(OCTOBER) is not None
    assert Clock.objects.get(subject_kind="revision").due_at == datetime(2026, 10, 20, 10, 0, tzinfo=UTC)


# --- pages and API ---------------------------------------------------------------------------------------------------


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_the_page_shows_the_evidence_and_takes_the_decision(cast: Cast, revision: Revision) -> None:
    page = read(cast.client(cast.lin), "/standards/revisions/2026Q3/")
    assert "50.0%" in page and "物流部" in page and "None" not in page and 'value="kept"' not in page
    assert "2026Q3" in read(cast.client(cast.lin), "/standards/revisions/")
    ops = cast.client(cast.ops)
    url = "/standards/revisions/2026Q3/finish"
    assert cast.client(cast.lin).post(url, {"outcome": "kept", "note": "x"}).status_code == 403
    refused = ops.post(url, {"outcome": "kept", "note": ""})
    assert refused.status_code == 422 and "alert-error" in refused.content.decode()
    assert ops.post(url, {"outcome": "changed", "version": "1"}).status_code == 422
    assert ops.post(url, {"outcome": "kept", "note": "目标合适"}).status_code == 302
    assert "目标合适" in read(ops, "/standards/revisions/2026Q3/")
    assert ops.get("/standards/revisions/2026Q1/").status_code == 404


def test_an_empty_list_says_when_one_comes(cast: Cast) -> None:
    assert "jy-empty" in read(cast.client(cast.lin), "/standards/revisions/")
    assert cast.client(cast.he).get("/standards/revisions/").status_code == 403


def test_the_api_tells_and_decides(cast: Cast, revision: Revision) -> None:
    ops = cast.api(cast.ops)
    (row,) = ops.get("/api/v1/standard-revisions").json()["items"]
    figures = {(one["metric"], one["row"]): one["attainment"] for one in row["rows"]}
    assert figures["first_response", "p1"] == 0.5 and row["due_at"].startswith("2026-10-20T")
    path = "/standard-revisions/2026Q3/finish"
    assert post(cast.api(cast.lin), path, {"outcome": "kept", "note": "x"}).status_code == 403
    assert post(ops, path, {"outcome": "kept"}).status_code == 422
    assert post(ops, path, {"outcome": "kept", "note": "合适"}).json()["outcome"] == "kept"
    assert post(ops, path, {"outcome": "kept", "note": "合适"}).status_code == 409
    assert ops.get("/api/v1/standard-revisions/2026Q9").status_code == 404
