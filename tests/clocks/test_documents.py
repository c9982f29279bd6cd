"""Standards and calendars: drafts, two approvals, effective dates, re-dating of running clocks (C5, C7)."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from jiying.base import documents, due
from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.models import Job, VersionedDocument
from jiying.clocks import queries
from jiying.clocks.models import Clock
from jiying.clocks.services import redating
from jiying.core.standards import SHIPPED
from tests.cast import Cast

HOUR = timedelta(hours=1)


def stricter() -> dict[str, Any]:
    body = copy.deepcopy(SHIPPED)
    body["version"] = 2
    for row in body["rows"]:
        if row["priority"] == "P3":
            row["targets"]["first_response"]["amount"] = 3
    return body


def drafted(cast: Cast, body: dict[str, Any] | None = None) -> VersionedDocument:
    return documents.create(
        actor=cast.actor(cast.sup), kind="standard", key="default", body=body or stricter(), now=cast.now
    )


def approved(cast: Cast, body: dict[str, Any] | None = None, *, redate: bool = False) -> VersionedDocument:
    draft = drafted(cast, body)
    documents.propose(
        actor=cast.actor(cast.sup), document_id=draft.pk, effective_from=cast.now, redate=redate, note="", now=cast.now
    )
    documents.approve(actor=cast.actor(cast.sup), document_id=draft.pk, capacity="supervisor", now=cast.now)
    documents.approve(actor=cast.actor(cast.ops), document_id=draft.pk, capacity="operations", now=cast.now)
    documents.forget()
    draft.refresh_from_db()
    return draft


def test_a_standard_holds_only_after_both_have_approved(cast: Cast) -> None:
    draft = drafted(cast)
    sup, ops = cast.actor(cast.sup), cast.actor(cast.ops)
    documents.propose(
        actor=sup, document_id=draft.pk, effective_from=cast.now + HOUR, redate=False, note="季度修订", now=cast.now
    )
    documents.approve(actor=sup, document_id=draft.pk, capacity="supervisor", now=cast.now)
    documents.forget()
    assert documents.in_force("standard", cast.now + 2 * HOUR) == {"default": 1}
    documents.approve(actor=ops, document_id=draft.pk, capacity="operations", now=cast.now)
    documents.forget()
    assert documents.in_force("standard", cast.now) == {"default": 1}
    documents.forget()
    assert documents.in_force("standard", cast.now + HOUR) == {"default": 2}


def test_one_person_cannot_approve_twice(cast: Cast) -> None:
    draft = drafted(cast)
    cast.sup.roles.add(*cast.ops.roles.all())
    both = cast.actor(cast.sup)
    documents.propose(actor=both, document_id=draft.pk, effective_from=cast.now, redate=False, note="", now=cast.now)
    documents.approve(actor=both, document_id=draft.pk, capacity="supervisor", now=cast.now)
    with pytest.raises(Conflict, match="same_person"):
        documents.approve(actor=both, document_id=draft.pk, capacity="operations", now=cast.now)
    draft.refresh_from_db()
    assert draft.state == "proposed"


def test_who_may_not_approve_changes_nothing(cast: Cast) -> None:
    draft = drafted(cast)
    documents.propose(
        actor=cast.actor(cast.sup), document_id=draft.pk, effective_from=cast.now, redate=False, note="", now=cast.now
    )
    for person in (cast.lin, cast.wang, cast.chen):
        with pytest.raises(Denied):
            documents.approve(actor=cast.actor(person), document_id=draft.pk, capacity="supervisor", now=cast.now)
    assert draft.approvals.count() == 0


def test_a_stale_draft_is_refused(cast: Cast) -> None:
    draft = drafted(cast)
    sup = cast.actor(cast.sup)
    documents.edit(actor=sup, document_id=draft.pk, body=stricter(), revision=0, now=cast.now)
    with pytest.raises(Conflict, match="stale"):
        documents.edit(actor=sup, document_id=draft.pk, body=copy.deepcopy(SHIPPED), revision=0, now=cast.now)


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (("rows", 0, "targets", "accept", "amount"), -5, "standard_not_positive"),
        (("rows", 0, "targets", "accept", "calendar"), "moon", "standard_unknown_calendar"),
        (("rows", 0, "priority"), "P9", "standard_unknown_priority"),
    ],
)
def test_a_wrong_standard_is_refused_with_its_place(
    cast: Cast, place: tuple[Any, ...], value: object, code: str
) -> None:
    body = stricter()
    spot = body
    for step in place[:-1]:
        spot = spot[step]
    spot[place[-1]] = value
    with pytest.raises(Invalid) as refused:
        drafted(cast, body)
    assert code in {f.code for f in refused.value.faults}
    assert ".".join(str(p) for p in place) in {f.field for f in refused.value.faults}
    assert all(f.text for f in refused.value.faults)
    assert VersionedDocument.objects.filter(kind="standard").count() == 1


def test_a_calendar_that_never_opens_is_refused(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        documents.create(
            actor=cast.actor(cast.admin),
            kind="calendar",
            key="night",
            body={"tz": "Asia/Shanghai", "weekly": {}},
            now=cast.now,
        )
    assert [f.code for f in refused.value.faults] == ["calendar_never_opens"]
    assert refused.value.faults[0].text


def test_running_clocks_keep_the_standard_they_started_with(cast: Cast) -> None:
    ticket = cast.accepted()
    before = Clock.objects.get(subject_id=ticket.pk, metric="first_response").due_at
    approved(cast)
    newer = cast.accepted(subject="另一个咨询")
    assert Clock.objects.get(subject_id=ticket.pk, metric="first_response").due_at == before
    assert Clock.objects.get(subject_id=newer.pk, metric="first_response").due_at == cast.now + timedelta(
        hours=4, minutes=30
    )
    assert not Job.objects.exists()


def test_redating_is_a_job_with_progress(cast: Cast) -> None:
    ticket = cast.accepted()
    approved(cast, redate=True)
    job = Job.objects.get()
    while not redating.step(job, cast.now):
        job.save()
    assert (job.n_done, job.n_total) == (1, 1)
    clock = Clock.objects.get(subject_id=ticket.pk, metric="first_response")
    assert clock.due_at == cast.now + timedelta(hours=4, minutes=30)  # 3 h from 10:00, over the lunch break
    assert clock.standard_version == 2
    ticket.refresh_from_db()
    assert ticket.next_due_at == clock.due_at


def test_a_holiday_added_moves_the_due_times_of_running_clocks(cast: Cast) -> None:
    ticket = cast.accepted()
    before = Clock.objects.get(subject_id=ticket.pk, metric="resolution").due_at
    body = copy.deepcopy(documents.get("calendar", "work", 1).body)
    body["closed"]["2026-09-10"] = "厂庆"
    documents.create(actor=cast.actor(cast.ops), kind="calendar", key="work", body=body, now=cast.now)
    job = Job.objects.get()
    while not redating.step(job, cast.now):
        job.save()
    clock = Clock.objects.get(subject_id=ticket.pk, metric="resolution")
    assert before is not None
    assert clock.due_at == before + timedelta(days=1)
    assert clock.calendar_version == 2
    assert list(redating.stored_as_folded()) == []
    assert due.due_ids(due.SWEEPS["clocks"], cast.now, 10) == []


def test_a_year_that_nobody_knows_is_named(cast: Cast) -> None:
    assert queries.uncovered_years(cast.now) == {"work": [2027]}


@pytest.mark.parametrize(("redate", "hours"), [(False, 72), (True, 24)])
def test_silence_is_as_long_as_the_standard_says_that_the_ticket_is_held_to(
    cast: Cast, redate: bool, hours: int
) -> None:
    """C7: what runs keeps its version, unless the approval says otherwise; C13b's period is a part of the version."""
    from jiying.desk.models import TicketTimer
    from jiying.desk.services import handling

    ticket = cast.accepted()
    approved(cast, {**stricter(), "confirmation_s": 24 * 3600}, redate=redate)
    while (job := Job.objects.filter(finished_at=None).first()) and not redating.step(job, cast.now):
        pass
    lin, later = cast.actor(cast.lin), cast.now + HOUR
    handling.resolve(actor=lin, number=ticket.number, now=later)
    assert TicketTimer.objects.get(ticket=ticket, kind="close").wake_at == later + hours * HOUR
    new = cast.accepted(subject="另一件")
    handling.resolve(actor=lin, number=new.number, now=later)
    assert TicketTimer.objects.get(ticket=new, kind="close").wake_at == later + 24 * HOUR
