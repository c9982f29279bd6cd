"""A customer's rights (D13): all that is kept as a file, erasure in two steps, two records made one; reasons (D12)."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import TestCase

from jiying.base import files, jobs, journal, personnel, settings_store, tails
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.models import Attachment, Job, JournalEntry, Setting
from jiying.clocks.models import Clock
from jiying.clocks.services import keeping
from jiying.core import masking
from jiying.desk.models import Customer, Message, SearchText, Ticket
from jiying.desk.queries import privacy as queries
from jiying.desk.services import (
    customers,
    drafts,
    farewell,
    flows,
    handing_out,
    handling,
    indexing,
    merging,
    privacy,
    routing,
    talking,
)
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast
from tests.desk.stage import a_flow

WHO = CustomerData(
    name="张三丰", phone="13812345678", email="zsf@example.com", address="武当山紫霄宫一号院", ref="C-77", region="湖北"
)

TRACES = ("张三丰", "张先生", "13812345678", "zsf@example.com", "紫霄宫", "C-77")
TIMES = ("number", "received_at", "resolved_at", "ended_at", "priority")


def work(job: Job) -> Job:
    """The worker does it, turn by turn."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        for _turn in range(10):
            jobs.handle([job.pk], datetime.now(UTC))
    job.refresh_from_db()
    assert job.finished_at is not None, job.last_error
    return job


def ended(cast: Cast, **fields: Any) -> Ticket:
    """A ticket with words of everybody and a file, to its end."""
    ticket = cast.accepted(**{"customer": WHO, "subject": "张三丰要退款", "description": "电话 13812345678", **fields})
    lin = cast.actor(cast.lin)
    said = talking.reply(actor=lin, number=ticket.number, body="张先生您好", now=cast.now)
    upload = SimpleUploadedFile("id.txt", b"13812345678", "text/plain")
    files.keep([upload], actor=lin, subject_kind="message", subject_id=said.pk, now=cast.now)
    talking.note(actor=lin, number=ticket.number, body="张三丰的身份证已核对", now=cast.now)
    begun = SimpleUploadedFile("draft.txt", "张三丰".encode(), "text/plain")
    drafts.attach(actor=lin, place=drafts.Place(ticket.number, "note"), uploads=[begun], now=cast.now)
    handling.resolve(actor=lin, number=ticket.number, note="已给张三丰退款", now=cast.now)
    handling.confirm(actor=SYSTEM, number=ticket.number, now=cast.now)
    ticket.refresh_from_db()
    return ticket


def everything(cast: Cast) -> str:
    """All that the house's own tables hold, as text: a table that is new is looked into too."""
    labels = ("base", "alerts", "clocks", "desk", "channels")
    models = [model for label in labels for model in apps.get_app_config(label).get_models()]
    return repr([list(model._base_manager.order_by("pk").values_list()) for model in models])


def order(cast: Cast, customer_id: int, *, with_texts: bool = True) -> Job:
    return privacy.order_erasure(
        actor=cast.actor(cast.admin),
        customer_id=customer_id,
        typed=str(customer_id),
        with_texts=with_texts,
        now=cast.now,
    )


# --- erasing ---------------------------------------------------------------------------------------------------------


def test_erasing_leaves_nothing_of_the_person_and_the_chain_holds(cast: Cast) -> None:
    ticket = ended(cast)
    kept = Attachment.objects.get(name="id.txt")
    journal.sequence()
    assert ticket.customer_id is not None
    indexing.index(tickets=[ticket.pk], customers=[ticket.customer_id])
    assert SearchText.objects.exists()
    handing_out.order(actor=cast.actor(cast.admin), customer_id=ticket.customer_id, now=cast.now)
    handed = Attachment.objects.get(pk=work(Job.objects.get()).result["file"])
    before = Ticket.objects.values(*TIMES).get(pk=ticket.pk)
    work(order(cast, ticket.customer_id))
    text = everything(cast)
    assert [word for word in TRACES if word in text] == []
    assert [files.path_of(one).exists() for one in (kept, handed)] == [False, False]
    assert not Attachment.objects.filter(subject_kind__in=("draft", "message", "customer_export")).exists()
    journal.sequence()
    assert list(journal.broken_links()) == []
    assert Ticket.objects.values(*TIMES).get(pk=ticket.pk) == before
    customer = Customer.objects.get(tickets=ticket)
    assert customer.name == f"客户{masking.letters(customer.pk)}-{customer.created_at.year}"
    assert customer.name in cast.client(cast.chen).get(f"/tickets/{ticket.number}/").content.decode()  # no mask over it
    assert customer.region == ""
    kinds = [entry.kind for entry in journal.of("customer", customer.pk)]
    assert kinds == ["customer.exported", "customer.erasure_ordered", "customer.erased"]


def test_clocks_are_the_same_when_they_are_folded_again_after_an_erasure(cast: Cast) -> None:
    """Reasons went out of facts that say who got the ticket and which priority it has; those stay."""
    ticket = cast.accepted(customer=WHO, fields={})
    wang = cast.actor(cast.wang)
    run = flows.start(
        actor=wang, number=ticket.number, flow=a_flow(cast, {"key": "call", "title": "回访"}), now=cast.now
    )
    flows.skip(actor=wang, step_id=run.steps.get().pk, reason="张三丰不愿回访", now=cast.now)
    handling.set_priority(actor=wang, number=ticket.number, priority="P1", reason="张三丰催了三次", now=cast.now)
    lin = cast.actor(cast.lin)
    handling.hold(actor=lin, number=ticket.number, reason="customer", note="等张三丰回电", now=cast.now)
    routing.transfer(actor=wang, number=ticket.number, to_person=cast.wang.pk, reason="张三丰点名", now=cast.now)
    handling.accept(actor=wang, number=ticket.number, now=cast.now)
    handling.resolve(actor=wang, number=ticket.number, note="已退", now=cast.now)
    handling.confirm(actor=SYSTEM, number=ticket.number, now=cast.now)
    work(order(cast, ticket.customer_id or 0))
    assert [word for word in TRACES if word in everything(cast)] == []
    before = Clock.objects.order_by("pk").values("metric", "state", "target_s", "started_at", "ended_at")
    stood = list(before)
    keeping.keep("ticket", ticket.pk, cast.now)
    assert list(before.all()) == stood
    ticket.refresh_from_db()
    assert ticket.priority == "P1"
    assert ticket.priority_reason["manual"] and "reason" not in ticket.priority_reason
    assert "已清除" in cast.client(cast.admin).get(f"/tickets/{ticket.number}/").content.decode()


def test_what_the_index_was_about_to_write_does_not_come_back(cast: Cast) -> None:
    """Its reader prepares before it writes: an erasure between the two is read once more."""
    ticket = ended(cast)
    journal.sequence()
    write = indexing.READER.read([one.entry for one in journal.after(0)])
    work(order(cast, ticket.customer_id or 0))
    write()
    journal.sequence()
    assert "张三丰" in everything(cast)
    tails.catch_up(indexing.READER)
    assert [word for word in TRACES if word in everything(cast)] == []


def test_texts_stay_where_that_is_chosen(cast: Cast) -> None:
    ticket = ended(cast)
    work(order(cast, ticket.customer_id or 0, with_texts=False))
    assert Message.objects.filter(ticket=ticket, body="张先生您好").exists()
    assert Attachment.objects.filter(name="id.txt").exists()
    assert Customer.objects.get(tickets=ticket).phone == ""


def test_erasing_wants_the_right_the_number_and_nothing_open(cast: Cast) -> None:
    ticket = cast.accepted(customer=WHO)
    pk, before = ticket.customer_id or 0, everything(cast)
    with pytest.raises(Denied):
        privacy.order_erasure(actor=cast.actor(cast.sup), customer_id=pk, typed=str(pk), with_texts=True, now=cast.now)
    with pytest.raises(Invalid):
        privacy.order_erasure(actor=cast.actor(cast.admin), customer_id=pk, typed="x", with_texts=True, now=cast.now)
    with pytest.raises(Conflict):
        order(cast, pk)
    assert everything(cast) == before
    assert not Job.objects.exists()


def test_the_page_has_two_steps(cast: Cast) -> None:
    ticket = ended(cast)
    path = f"/customers/{ticket.customer_id}/erase"
    client = cast.client(cast.admin)
    assert cast.client(cast.lin).get(path).status_code == 403
    page = client.get(path).content.decode()
    assert "张三丰" not in page
    assert client.post(path, {"typed": "0", "with_texts": "on"}).status_code == 422
    assert client.post(path, {"typed": str(ticket.customer_id), "with_texts": "on"}).status_code == 302
    assert Job.objects.get().kind == "customer.erase"
    assert "alert-warning" in client.get(f"/customers/{ticket.customer_id}/").content.decode()


def test_a_file_that_hangs_on_two_customers_stays_for_the_other(cast: Cast) -> None:
    first = ended(cast)
    ended(cast, customer=CustomerData(name="李四", phone="13900000001"))
    kept = Attachment.objects.filter(name="id.txt").first()
    assert kept is not None
    work(order(cast, first.customer_id or 0))
    assert files.path_of(kept).exists()


# --- handing out -----------------------------------------------------------------------------------------------------


def test_all_that_is_kept_is_in_the_file(cast: Cast) -> None:
    ticket = ended(cast)
    client = cast.client(cast.admin)
    assert client.post(f"/customers/{ticket.customer_id}/export").status_code == 302
    job = work(Job.objects.get())
    answer = client.get(f"/customers/exports/{job.result['file']}")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    data = json.loads(archive.read("data.json"))
    assert (data["customer"]["phone"], data["customer"]["region"]) == ("13812345678", "湖北")
    assert [one["text"] for one in data["tickets"][0]["messages"]] == ["张先生您好"]  # notes stay inside
    assert "张三丰" in archive.read("index.html").decode()
    assert [name for name in archive.namelist() if name.startswith("files/")]
    kinds = [entry.kind for entry in journal.of("customer", ticket.customer_id or 0)]
    assert kinds == ["customer.exported", "customer.export_downloaded"]


def test_the_file_is_for_those_with_the_right_and_for_some_days(cast: Cast) -> None:
    ticket = ended(cast, description="<script>alert(1)</script>")
    job = work(handing_out.order(actor=cast.actor(cast.admin), customer_id=ticket.customer_id or 0, now=cast.now))
    path = f"/customers/exports/{job.result['file']}"
    assert cast.client(cast.sup).get(path).status_code == 403
    assert cast.client(cast.admin).get(f"/files/{job.result['file']}/").status_code == 404
    row = Attachment.objects.get(pk=job.result["file"])
    with zipfile.ZipFile(files.path_of(row)) as archive:
        assert b"<script>" not in archive.read("index.html")
    handing_out.forget_old(datetime.now(UTC))
    assert Attachment.objects.filter(pk=row.pk).exists()
    handing_out.forget_old(datetime.now(UTC) + timedelta(days=8))
    assert not Attachment.objects.filter(pk=row.pk).exists()
    assert not files.path_of(row).exists()


# --- two are one -----------------------------------------------------------------------------------------------------


def test_two_records_become_one(cast: Cast) -> None:
    old = ended(cast)
    new = ended(cast, customer=CustomerData(name="张三丰", email="new@example.com", tier="vip", ref="C-78"))
    keep, drop = old.customer_id or 0, new.customer_id or 0
    assert [one.id for one in queries.alike(Customer.objects.get(pk=keep))] == [drop]
    with pytest.raises(Denied):
        merging.merge(actor=cast.actor(cast.he), keep_id=keep, drop_id=drop, now=cast.now)
    client = cast.client(cast.admin)
    assert client.post(f"/customers/{keep}/merge", {"other": str(drop)}).status_code == 302
    kept = Customer.objects.get(pk=keep)
    assert (kept.phone, kept.email, kept.tier, kept.ref) == ("13812345678", "zsf@example.com", "vip", "C-77")
    assert Ticket.objects.filter(customer=kept).count() == 2
    assert client.get(f"/customers/{drop}/")["Location"] == f"/customers/{keep}/"
    for data in (CustomerData(ref="C-78"), CustomerData(email="new@example.com")):
        assert cast.ticket(customer=data).customer_id == keep
    with pytest.raises(Conflict):
        merging.merge(actor=cast.actor(cast.admin), keep_id=drop, drop_id=keep, now=cast.now)
    with pytest.raises(Conflict):
        merging.merge(actor=cast.actor(cast.admin), keep_id=keep, drop_id=keep, now=cast.now)


def test_people_of_one_name_with_different_phones_are_two(cast: Cast) -> None:
    first = cast.ticket(customer=CustomerData(name="王芳", phone="13900000001")).customer_id
    other = cast.ticket(customer=CustomerData(name="王芳", phone="13900000002")).customer_id
    by_mail = cast.ticket(customer=CustomerData(name="王芳", email="wf@example.com")).customer_id
    assert [one.id for one in queries.alike(Customer.objects.get(pk=first or 0))] == [by_mail]
    assert {one.id for one in queries.alike(Customer.objects.get(pk=by_mail or 0))} == {first, other}


# --- a farewell ------------------------------------------------------------------------------------------------------


def test_open_tickets_of_somebody_switched_off_are_routed_again(cast: Cast) -> None:
    """They say why; what only waits to be confirmed stays."""
    running, solved = cast.accepted(), cast.accepted(subject="等确认")
    handling.resolve(actor=cast.actor(cast.lin), number=solved.number, now=cast.now)
    admin = cast.actor(cast.admin)
    profile = replace(personnel.profile_of(cast.lin), is_active=False)
    personnel.change(
        actor=admin, person_id=cast.lin.pk, profile=profile, seen=personnel.fingerprint(cast.lin), now=cast.now
    )
    job = work(Job.objects.get(kind=farewell.KIND))
    running.refresh_from_db()
    solved.refresh_from_db()
    assert (running.assignee_id, running.status, running.team_id) == (None, "new", cast.team1.pk)
    assert solved.assignee_id == cast.lin.pk
    assert (job.n_done, job.result) == (1, {"n_left": 1})
    [fact] = [one for one in journal.of("ticket", running.pk) if one.kind == "ticket.unassigned"]
    assert fact.data["why"] == {"decided_by": "agent_gone"}


# --- a reason --------------------------------------------------------------------------------------------------------


def test_a_reveal_can_want_a_reason(cast: Cast) -> None:
    ticket = cast.accepted(customer=WHO)
    wang = cast.actor(cast.wang)
    Setting.objects.create(key=customers.ASKS_REASON, value=True)
    settings_store.forget()
    look: dict[str, Any] = {"actor": wang, "customer_id": ticket.customer_id, "ticket": ticket.number, "now": cast.now}
    with pytest.raises(Invalid):
        customers.reveal(**look)
    assert not JournalEntry.objects.filter(kind="customer.revealed").exists()
    client = cast.client(cast.wang)
    assert 'name="reason"' in client.get(f"/customers/{ticket.customer_id}/").content.decode()
    assert client.post(f"/customers/{ticket.customer_id}/reveal", {"reason": "回拨核实"}).status_code == 200
    assert JournalEntry.objects.get(kind="customer.revealed").data["reason"] == "回拨核实"
    assert "回拨核实" in cast.client(cast.admin).get(f"/customers/{ticket.customer_id}/").content.decode()
