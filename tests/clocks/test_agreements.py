"""Collaboration standards (C6a): both departments approve, requests are held to them, attainment, withdrawing."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jiying.base import documents, due
from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.models import Job, JournalEntry, VersionedDocument
from jiying.clocks import queries
from jiying.clocks.models import Clock
from jiying.clocks.queries import AGREEMENT, evidence
from jiying.clocks.services import agreements
from jiying.desk.services import collaboration
from tests.cast import Cast
from tests.desk.stage import ask, everything
from tests.desk.test_api_tickets import post

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BODY = {"asking": "service", "entries": [{"kind": None, "target": {"amount": 30, "unit": "min", "calendar": "24x7"}}]}


def drafted(cast: Cast, body: dict[str, Any] | None = None) -> VersionedDocument:
    draft = agreements.begin(actor=cast.actor(cast.ops), department="logistics", now=cast.now)
    return documents.edit(actor=cast.actor(cast.ops), document_id=draft.pk, body=body or BODY, revision=0, now=cast.now)


def proposed(cast: Cast, *, redate: bool = False, at: datetime | None = None) -> VersionedDocument:
    return documents.propose(
        actor=cast.actor(cast.ops),
        document_id=drafted(cast).pk,
        effective_from=at or cast.now,
        redate=redate,
        note="",
        now=cast.now,
    )


def approved(cast: Cast, **how: Any) -> VersionedDocument:
    document = proposed(cast, **how)
    for person, capacity in ((cast.sup, "asking"), (cast.he, "responding")):
        document = documents.approve(actor=cast.actor(person), document_id=document.pk, capacity=capacity, now=cast.now)
    documents.forget()
    return document


def test_every_house_begins_with_the_shipped_ones(cast: Cast) -> None:
    held = queries.agreements(cast.now)
    assert held.keys() == {"logistics", "rd", "second_line", "any"}
    promise = queries.promise_of("logistics", "question", cast.now)
    assert promise["target"] == {"amount": 1, "unit": "h", "calendar": "24x7"}


def test_it_holds_when_both_departments_have_approved(cast: Cast) -> None:
    document = proposed(cast)
    documents.approve(actor=cast.actor(cast.he), document_id=document.pk, capacity="responding", now=cast.now)
    documents.forget()
    assert documents.in_force(AGREEMENT, cast.now)["logistics"] == 1
    documents.approve(actor=cast.actor(cast.sup), document_id=document.pk, capacity="asking", now=cast.now)
    documents.forget()
    assert documents.in_force(AGREEMENT, cast.now)["logistics"] == 2


@pytest.mark.parametrize(
    ("who", "capacity"),
    [("sup", "responding"), ("ops", "responding"), ("he", "asking"), ("lin", "asking"), ("admin", "responding")],
)
def test_nobody_speaks_for_the_other_side(cast: Cast, who: str, capacity: str) -> None:
    document = proposed(cast)
    before = everything()
    with pytest.raises(Denied):
        documents.approve(
            actor=cast.actor(getattr(cast, who)), document_id=document.pk, capacity=capacity, now=cast.now
        )
    assert everything() == before


def test_capacities_of_standards_are_none_of_agreements(cast: Cast) -> None:
    document = proposed(cast)
    with pytest.raises(Invalid):
        documents.approve(actor=cast.actor(cast.sup), document_id=document.pk, capacity="supervisor", now=cast.now)


def test_a_request_is_held_to_what_was_agreed(cast: Cast) -> None:
    first = ask(cast, cast.accepted())
    approved(cast)
    second = ask(cast, cast.accepted(subject="又一张"))
    clocks = {c.subject_id: c for c in Clock.objects.filter(metric="collaboration")}
    assert (clocks[first.pk].target_s, clocks[second.pk].target_s) == (3600, 1800)
    assert clocks[second.pk].row == "logistics/*"
    asked = JournalEntry.objects.get(kind="collaboration.asked", subject_id=second.pk)
    assert asked.data["agreement"] == {"key": "logistics", "version": 2}


def test_running_requests_keep_their_promise_unless_redated(cast: Cast) -> None:
    asked = ask(cast, cast.accepted())
    other = ask(cast, cast.accepted(subject="研发"), department="logistics", kind="joint")
    approved(cast, redate=True)
    job = Job.objects.get()
    assert job.params["kind"] == AGREEMENT
    due.run(due.SWEEPS["jobs"], cast.now + MINUTE)
    due.run(due.SWEEPS["jobs"], timezone.now() + MINUTE)  # finds nothing more
    clock = Clock.objects.get(subject_kind="collaboration", subject_id=asked.pk)
    assert (clock.target_s, clock.due_at) == (1800, cast.now + 30 * MINUTE)
    assert Clock.objects.get(subject_kind="collaboration", subject_id=other.pk).target_s == 1800
    assert not Clock.objects.filter(subject_kind="ticket", target_s=1800, metric="collaboration").exists()
    job.refresh_from_db()
    assert (job.n_done, job.n_total) == (2, 2) and job.finished_at


def test_attainment_is_counted_by_department(cast: Cast) -> None:
    in_time, late = ask(cast, cast.accepted()), ask(cast, cast.accepted(subject="又一张"))
    he = cast.actor(cast.he)
    collaboration.answer(actor=he, collaboration_id=in_time.pk, answer="已发", now=cast.now + MINUTE)
    collaboration.answer(actor=he, collaboration_id=late.pk, answer="已发", now=cast.now + 2 * HOUR)
    kept = evidence.by_department(cast.now, cast.now + 3 * HOUR)
    assert kept == {"logistics": evidence.Kept(1, 1)} and kept["logistics"].rate == 0.5
    assert evidence.by_place("logistics", cast.now, cast.now + 3 * HOUR) == {"logistics/*": evidence.Kept(1, 1)}
    assert evidence.by_department(cast.now + 3 * HOUR, cast.now + 9 * HOUR) == {}
    assert evidence.causes(cast.now, cast.now + 3 * HOUR)[""] >= 1


# --- taking back -----------------------------------------------------------------------------------------------------


def test_a_proposal_is_taken_back_with_a_reason(cast: Cast) -> None:
    document = proposed(cast)
    documents.approve(actor=cast.actor(cast.sup), document_id=document.pk, capacity="asking", now=cast.now)
    with pytest.raises(Invalid):
        documents.withdraw(actor=cast.actor(cast.ops), document_id=document.pk, note=" ", now=cast.now)
    with pytest.raises(Denied):
        documents.withdraw(actor=cast.actor(cast.he), document_id=document.pk, note="不行", now=cast.now)
    found = documents.withdraw(actor=cast.actor(cast.ops), document_id=document.pk, note="数字写错了", now=cast.now)
    assert (found.state, found.approvals.count()) == ("draft", 0)
    assert JournalEntry.objects.get(kind="document.withdrawn").data["note"] == "数字写错了"


def test_what_was_approved_can_be_withdrawn_until_it_holds(cast: Cast) -> None:
    document = approved(cast, redate=True, at=cast.now + HOUR)
    ops = cast.actor(cast.ops)
    documents.withdraw(actor=ops, document_id=document.pk, note="推迟", now=cast.now + MINUTE)
    documents.forget()
    assert documents.in_force(AGREEMENT, cast.now + 2 * HOUR)["logistics"] == 1
    asked = ask(cast, cast.accepted())
    due.run(due.SWEEPS["jobs"], cast.now + HOUR)
    assert Job.objects.get().finished_at
    assert Clock.objects.get(subject_kind="collaboration", subject_id=asked.pk).target_s == 3600


def test_what_holds_cannot_be_withdrawn(cast: Cast) -> None:
    document = approved(cast)
    with pytest.raises(Conflict) as refused:
        documents.withdraw(actor=cast.actor(cast.ops), document_id=document.pk, note="不要了", now=cast.now + MINUTE)
    assert refused.value.faults[0].code == "in_force_already"


def test_a_rejection_needs_its_reason_and_somebody_concerned(cast: Cast) -> None:
    document = proposed(cast)
    with pytest.raises(Denied):
        documents.reject(actor=cast.actor(cast.chen), document_id=document.pk, note="不行", now=cast.now)
    with pytest.raises(Invalid):
        documents.reject(actor=cast.actor(cast.he), document_id=document.pk, note="", now=cast.now)
    found = documents.reject(actor=cast.actor(cast.he), document_id=document.pk, note="做不到", now=cast.now)
    assert found.state == "draft"


def test_one_draft_for_each_department(cast: Cast) -> None:
    drafted(cast)
    with pytest.raises(Conflict):
        agreements.begin(actor=cast.actor(cast.ops), department="logistics", now=cast.now)
    agreements.begin(actor=cast.actor(cast.ops), department="service", now=cast.now)


# --- pages -----------------------------------------------------------------------------------------------------------

ROOT = "/standards/collaboration/"


def test_the_way_of_a_draft_through_the_pages(cast: Cast) -> None:
    ops, he, sup = cast.client(cast.ops), cast.client(cast.he), cast.client(cast.sup)
    assert ops.post(f"{ROOT}logistics/begin")["Location"] == f"{ROOT}logistics/2/edit"
    form = {
        "revision": "0",
        "asking": "service",
        "entries.0.kind": "",
        "entries.0.target.amount": "2",
        "entries.0.target.unit": "h",
        "entries.0.target.calendar": "work",
        "entries.1.kind": "defect",
        "entries.1.target.amount": "x",
        "entries.1.target.unit": "h",
        "entries.1.target.calendar": "work",
    }
    refused = ops.post(f"{ROOT}logistics/2/edit", form)
    assert refused.status_code == 422 and 'value="x"' in refused.content.decode()
    saved = ops.post(f"{ROOT}logistics/2/edit", {**form, "entries.1.target.amount": "4", "done": ""})
    assert saved["Location"] == f"{ROOT}logistics/2/"
    when = {"effective_from": "2026-09-09T10:00", "note": "季度修订"}
    assert ops.post(f"{ROOT}logistics/2/propose", when).status_code == 302
    assert he.post(f"{ROOT}logistics/2/approve", {"capacity": "asking"}).status_code == 403
    assert he.post(f"{ROOT}logistics/2/approve", {"capacity": "responding"}).status_code == 302
    shown = sup.get(f"{ROOT}logistics/2/").content.decode()
    assert "何伟" in shown and 'value="asking"' in shown and 'value="responding"' not in shown
    assert sup.post(f"{ROOT}logistics/2/approve", {"capacity": "asking"}).status_code == 302
    assert VersionedDocument.objects.get(kind=AGREEMENT, key="logistics", number=2).state == "approved"


def _read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_pages_for_readers_and_strangers(cast: Cast) -> None:
    proposed(cast)
    page = _read(cast.client(cast.lin), ROOT)
    assert "物流部" in page and "研发部" in page and "None" not in page
    for path in ("logistics/", "logistics/2/", "any/", "rd/"):
        assert "None" not in _read(cast.client(cast.lin), ROOT + path)
    assert cast.client(cast.lin).get(f"{ROOT}logistics/2/edit").status_code == 403
    assert cast.client(cast.ops).get(f"{ROOT}nothing/").status_code == 404
    assert cast.client(cast.ops).post(f"{ROOT}logistics/2/explode").status_code == 404


# --- API -------------------------------------------------------------------------------------------------------------


def test_the_way_of_a_draft_through_the_api(cast: Cast) -> None:
    ops, he, sup = cast.api(cast.ops), cast.api(cast.he), cast.api(cast.sup)
    path = "/collaboration-standards"
    made = post(ops, path, {"department": "logistics", "body": BODY})
    assert made.status_code == 201 and made["Location"] == "/api/v1/collaboration-standards/logistics/2"
    assert post(ops, path, {"department": "nowhere", "body": BODY}).status_code == 404
    assert post(ops, path, {"department": "service", "body": {**BODY, "asking": "nowhere"}}).status_code == 422
    one = f"{path}/logistics/2"
    difference = ops.get(f"/api/v1{one}/difference").json()
    assert [c["place"] for c in difference["changes"]] == [["logistics", None], ["logistics"]]
    assert post(ops, f"{one}/propose", {"effective_from": "2026-09-09T10:00:00+08:00"}).json()["state"] == "proposed"
    assert post(ops, f"{one}/withdraw", {"note": "改数"}).json()["state"] == "draft"
    assert post(ops, f"{one}/propose", {"effective_from": "2026-09-09T10:00:00+08:00"}).status_code == 200
    assert post(sup, f"{one}/approve", {"capacity": "responding"}).status_code == 403
    assert post(sup, f"{one}/approve", {"capacity": "asking"}).json()["state"] == "proposed"
    assert post(he, f"{one}/approve", {"capacity": "responding"}).json()["state"] == "approved"
    assert ops.get(f"/api/v1{one}/progress").json()["state"] == "none"
    documents.forget()
    rows = {row["department"]: row for row in ops.get(f"/api/v1{path}").json()["items"]}
    assert rows["logistics"]["promises"] == [{"kind": None, "amount": 30, "unit": "min", "calendar": "24x7"}]
    assert rows["logistics"]["attainment"] is None
    assert [row["number"] for row in ops.get(f"/api/v1{path}/logistics").json()["items"]] == [2, 1]


def test_standards_are_withdrawn_and_discarded_by_api(cast: Cast) -> None:
    ops = cast.api(cast.ops)
    body = documents.get("standard", "default", 1).body
    assert post(ops, "/standards", {"body": body}).status_code == 201
    assert post(ops, "/standards/2/propose", {"effective_from": "2026-09-09T10:00:00+08:00"}).status_code == 200
    assert post(ops, "/standards/2/withdraw", {"note": ""}).status_code == 422
    assert post(ops, "/standards/2/withdraw", {"note": "再改"}).json()["state"] == "draft"
    assert post(cast.api(cast.lin), "/standards/2/discard").status_code == 403
    assert post(ops, "/standards/2/discard").json()["state"] == "rejected"
    assert ops.get("/api/v1/standards/2/progress").json() == {
        "state": "none", "n_done": 0, "n_total": 0, "starts_at": None, "finished_at": None,
    }  # fmt: skip
