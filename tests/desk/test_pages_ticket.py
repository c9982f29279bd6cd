"""A ticket's page: what it tells, what its forms do, and that nobody's text becomes markup."""

from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from jiying.base.models import Attachment, JournalEntry, Person
from jiying.clocks.models import BreachCause, Clock
from jiying.desk.models import Message, Ticket
from jiying.desk.services import collaboration, handling, talking
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast

HX = {"HX-Request": "true"}
EVIL = "<script>alert(1)</script>"


def _page(cast: Cast, ticket: Ticket, person: Person | None = None, **extra: Any) -> str:
    answer = cast.client(person or cast.lin).get(f"/tickets/{ticket.number}/", **extra)
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_people_write_is_never_markup(cast: Cast) -> None:
    data = CustomerData(name=f"<img src=x onerror=alert(2)>{EVIL}", phone="13812345678", organisation=EVIL)
    ticket = cast.accepted(subject=EVIL, description=EVIL, customer=data, tags=("<b>x</b>",), fields={EVIL: EVIL})
    lin = cast.actor(cast.lin)
    talking.reply(actor=lin, number=ticket.number, body=EVIL, now=cast.now)
    talking.note(actor=lin, number=ticket.number, body="<img src=x onerror=alert(3)>", now=cast.now)
    handling.hold(actor=lin, number=ticket.number, reason="customer", note=EVIL, now=cast.now)
    client = cast.client(cast.lin)
    paths = ("/work/", "/tickets/", f"/tickets/{ticket.number}/", f"/work/?ticket={ticket.number}")
    for path in (*paths, f"/customers/{ticket.customer_id}/", f"/tickets/{ticket.number}/do/transfer"):
        for headers in ({}, HX):
            page = client.get(path, headers=headers).content.decode()
            assert EVIL not in page, path
            assert "<img src=x" not in page, path
            assert "<b>x</b>" not in page, path
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in client.get("/work/").content.decode()


def test_no_page_shows_an_empty_value_as_none(cast: Cast) -> None:
    bare = cast.ticket(channel="other")
    for page in (_page(cast, bare), _page(cast, bare, headers=HX), _page(cast, bare, cast.wang)):
        assert "None" not in page


def test_the_conversation_and_the_journal_tell_everything(cast: Cast) -> None:
    ticket = cast.accepted(description="三天没有更新", customer=CustomerData(name="张三丰", phone="13812345678"))
    lin = cast.actor(cast.lin)
    talking.reply(actor=lin, number=ticket.number, body="已联系物流", hold_for="customer", now=cast.now)
    talking.customer_message(actor=lin, number=ticket.number, body="好的", now=cast.now)
    talking.note(actor=lin, number=ticket.number, body="包裹滞留", now=cast.now)
    talking.call(actor=lin, number=ticket.number, direction="out", duration_s=180, note="已告知", now=cast.now)
    page = _page(cast, ticket)
    for text in ("三天没有更新", "已联系物流", "好的", "包裹滞留", "已告知", "张三丰", "13812345678"):
        assert text in page
    assert 'class="jy-said is-note"' in page
    assert page.count('<svg class="jy-clockline"') >= 2


def test_customers_are_masked_to_all_but_their_agent(cast: Cast) -> None:
    data = CustomerData(name="张三丰", phone="13812345678", email="zhang@example.com")
    ticket = cast.accepted(customer=data)
    assert "张三丰" in _page(cast, ticket)
    for person in (cast.wang, cast.chen):
        page = _page(cast, ticket, person)
        assert "13812345678" not in page
        assert "张三丰" not in page
        assert "zhang@example.com" not in page
        assert "138****5678" in page
    assert "张三丰" not in cast.client(cast.lin).get("/work/").content.decode()


def test_a_reveal_is_journalled_and_needs_the_right(cast: Cast) -> None:
    ticket = cast.accepted(customer=CustomerData(name="张三丰", phone="13812345678"))
    url = f"/tickets/{ticket.number}/reveal"
    assert cast.client(cast.chen).post(url).status_code == 403
    assert not JournalEntry.objects.filter(kind="customer.revealed").exists()
    shown = cast.client(cast.wang).post(url, headers=HX).content.decode()
    assert "13812345678" in shown
    assert "<html" not in shown
    fact = JournalEntry.objects.get(kind="customer.revealed")
    assert (fact.actor_id, fact.data["ticket"]) == (cast.wang.pk, ticket.number)
    assert "13812345678" not in _page(cast, ticket, cast.wang)


def test_reply_and_wait_are_one_step(cast: Cast) -> None:
    ticket = cast.accepted()
    client = cast.client(cast.lin)
    answer = client.post(f"/tickets/{ticket.number}/do/reply", {"body": "请补充订单号", "then": "wait"}, headers=HX)
    assert answer.status_code == 200
    assert 'id="ticket"' in answer.content.decode()
    ticket.refresh_from_db()
    assert (ticket.status, ticket.waiting_for) == ("waiting", "customer")
    plain = client.post(f"/tickets/{ticket.number}/do/resume")
    assert (plain.status_code, plain.headers["Location"]) == (302, f"/tickets/{ticket.number}/")
    client.post(f"/tickets/{ticket.number}/do/reply", {"body": "已补发", "then": "resolve"})
    ticket.refresh_from_db()
    assert ticket.status == "resolved"


def test_an_answer_that_cannot_be_followed_by_its_step_is_not_sent(cast: Cast) -> None:
    ticket = cast.accepted()
    lin = cast.actor(cast.lin)
    talking.reply(actor=lin, number=ticket.number, body="一", hold_for="customer", now=cast.now)
    answer = cast.client(cast.lin).post(f"/tickets/{ticket.number}/do/reply", {"body": "二", "then": "wait"})
    assert answer.status_code == 409
    assert Message.objects.filter(ticket=ticket, kind="reply").count() == 1


def test_a_stale_form_is_refused_in_place(cast: Cast) -> None:
    ticket = cast.accepted()
    client = cast.client(cast.wang)
    seen = ticket.revision
    talking.note(actor=cast.actor(cast.lin), number=ticket.number, body="新情况", now=cast.now)
    forms = {
        "priority": {"priority": "P1", "reason": "客户着急"},
        "fields": {"category": "order", "channel": "web", "tags": ""},
        "hold": {"reason": "customer"},
        "transfer": {"to": f"person:{cast.zhao.pk}"},
        "resolve": {"note": "好了"},
    }
    before = Ticket.objects.filter(pk=ticket.pk).values_list().get()
    for verb, data in forms.items():
        answer = client.post(f"/tickets/{ticket.number}/do/{verb}", {**data, "revision": seen}, headers=HX)
        assert answer.status_code == 409, verb
        assert answer.headers["HX-Retarget"] == "#d-verb-body"
        assert "alert-danger" in answer.content.decode()
    assert Ticket.objects.filter(pk=ticket.pk).values_list().get() == before
    fresh = {**forms["priority"], "revision": Ticket.objects.get(pk=ticket.pk).revision}
    assert client.post(f"/tickets/{ticket.number}/do/priority", fresh, headers=HX).status_code == 200
    ticket.refresh_from_db()
    assert ticket.priority == "P1"


def test_a_faulty_form_keeps_what_was_filled_in(cast: Cast) -> None:
    ticket = cast.accepted()
    url = f"/tickets/{ticket.number}/do/ask"
    answer = cast.client(cast.lin).post(url, {"department": "nowhere", "question": "在哪里"}, headers=HX)
    assert answer.status_code == 422
    assert "在哪里" in answer.content.decode()
    assert 'class="invalid-feedback' in answer.content.decode()


def test_transfer_shows_presence_and_load_and_gives_the_ticket_away(cast: Cast) -> None:
    ticket = cast.accepted()
    client = cast.client(cast.lin)
    form = client.get(f"/tickets/{ticket.number}/do/transfer", headers=HX).content.decode()
    assert "赵一凡" in form
    assert "0/20" in form
    assert 'data-presence="offline"' in form
    data = {"to": f"person:{cast.zhao.pk}", "reason": "更熟悉", "revision": ticket.revision}
    gone = client.post(f"/tickets/{ticket.number}/do/transfer", data, headers=HX)
    assert gone.headers["HX-Redirect"] == "/work/"  # it is with the other team now, out of Lin's sight
    ticket.refresh_from_db()
    assert ticket.assignee_id == cast.zhao.pk


def test_a_late_clock_asks_for_its_cause_and_a_lead_judges_it(cast: Cast) -> None:
    ticket = cast.ticket(priority="P1")
    late = cast.now + timedelta(minutes=30)
    handling.accept(actor=cast.actor(cast.lin), number=ticket.number, now=late)
    clock = Clock.objects.get(subject_kind="ticket", subject_id=ticket.pk, metric="accept")
    assert clock.breached_at is not None
    url = f"/clocks/{clock.pk}/cause"
    assert f'href="{url}"' in _page(cast, ticket)
    agent, lead = cast.client(cast.lin), cast.client(cast.wang)
    assert cast.client(cast.zhao).get(url).status_code == 404
    assert agent.post(url, {"code": "overlooked", "note": "漏看"}).status_code == 302
    assert BreachCause.objects.get(clock=clock).state == "named"
    assert f'href="{url}?next=/supervise/"' in lead.get("/supervise/").content.decode()
    assert lead.post(url, {"code": "lack_of_resources", "note": ""}).status_code == 302
    cause = BreachCause.objects.get(clock=clock)
    assert (cause.state, cause.code, cause.approved_by_id) == ("corrected", "lack_of_resources", cast.wang.pk)
    assert agent.post(url, {"code": "other", "note": ""}).status_code == 409


def test_asking_a_department_shows_its_own_clock(cast: Cast) -> None:
    ticket = cast.accepted()
    data = {"department": "logistics", "kind": "question", "question": "包裹在哪", "hold_ticket": "on"}
    answer = cast.client(cast.lin).post(f"/tickets/{ticket.number}/do/ask", data, headers=HX)
    page = answer.content.decode()
    assert "包裹在哪" in page
    assert 'data-clock="collaboration"' in page
    ticket.refresh_from_db()
    assert (ticket.status, ticket.waiting_for) == ("waiting", "department")
    question = ticket.collaborations.get()
    collaboration.withdraw(actor=cast.actor(cast.lin), collaboration_id=question.pk, now=cast.now)
    assert f"/asked/{question.pk}/withdraw" in page
    assert f"/asked/{question.pk}/withdraw" not in _page(cast, ticket)


def test_live_parts_leave_the_composer_alone(cast: Cast) -> None:
    ticket = cast.accepted()
    part = cast.client(cast.lin).get(f"/tickets/{ticket.number}/live", headers=HX).content.decode()
    assert part.count("<hx-partial") == 3
    assert "<textarea" not in part
    whole = _page(cast, ticket)
    assert f'data-refresh="ticket:{ticket.pk}"' in whole
    assert f'data-draft="reply:{ticket.number}"' in whole


# --- attachments -----------------------------------------------------------------------------------------------------


def _file(name: str = "截图.png", body: bytes = b"\x89PNG data", kind: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, body, content_type=kind)


def test_attachments_are_kept_and_served_as_downloads(cast: Cast) -> None:
    ticket = cast.accepted()
    data = {"body": "见附件", "files": [_file(), _file("../../etc/pass<wd>.txt", b"text", "text/html")]}
    assert cast.client(cast.lin).post(f"/tickets/{ticket.number}/do/reply", data).status_code == 302
    first, second = Attachment.objects.order_by("pk")
    assert (first.name, first.media_type, first.size) == ("截图.png", "image/png", 9)
    assert (second.name, second.media_type) == ("passwd.txt", "text/plain")
    answer = cast.client(cast.lin).get(f"/files/{first.pk}/")
    assert b"".join(answer.streaming_content) == b"\x89PNG data"  # type: ignore[attr-defined]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert cast.client(cast.zhao).get(f"/files/{first.pk}/").status_code == 404
    assert cast.client().get(f"/files/{first.pk}/").status_code == 302
    assert "截图.png" in _page(cast, ticket)


def test_a_refused_file_refuses_the_whole_reply(cast: Cast) -> None:
    ticket = cast.accepted()
    for bad in (_file("run.exe"), _file("page.html"), _file("noending"), _file("x.svg")):
        answer = cast.client(cast.lin).post(f"/tickets/{ticket.number}/do/note", {"body": "x", "files": [bad]})
        assert answer.status_code == 422
    assert not Message.objects.filter(ticket=ticket).exists()
    assert not Attachment.objects.exists()


def test_too_large_a_file_is_refused(cast: Cast, monkeypatch: Any) -> None:
    monkeypatch.setattr("jiying.base.files.LIMIT_MB", 0)
    ticket = cast.accepted()
    answer = cast.client(cast.lin).post(f"/tickets/{ticket.number}/do/note", {"body": "x", "files": [_file()]})
    assert answer.status_code == 422
    assert not Attachment.objects.exists()


def test_the_same_bytes_lie_once(cast: Cast) -> None:
    from jiying.base import files

    ticket = cast.accepted()
    for body in ("一", "二"):
        cast.client(cast.lin).post(f"/tickets/{ticket.number}/do/note", {"body": body, "files": [_file()]})
    one, other = Attachment.objects.all()
    assert files.path_of(one) == files.path_of(other)
    assert files.path_of(one).read_bytes() == b"\x89PNG data"
