"""The composer's addresses: drafts and files over a reload, choices, sending on, who else is here; and the editor."""

import re
from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from jiying.base.models import Attachment
from jiying.desk.models import CannedText, Draft, Message, Ticket, Watcher
from jiying.desk.services import canned, talking
from jiying.desk.services.canned import Text
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast

HX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/work/"}


def _url(ticket: Ticket, rest: str) -> str:
    return f"/tickets/{ticket.number}/{rest}"


def test_a_draft_and_its_file_are_there_after_a_reload_and_go_with_the_reply(cast: Cast) -> None:
    ticket, client = cast.accepted(), cast.client(cast.lin)
    assert client.post(_url(ticket, "draft"), {"kind": "reply", "body": "写到一半"}).status_code == 204
    upload = SimpleUploadedFile("图.png", b"\x89PNG\r\n\x1a\n")
    chip = client.post(_url(ticket, "draft/files"), {"kind": "reply", "files": upload}).content.decode()
    assert "图.png" in chip
    page = client.get(_url(ticket, "")).content.decode()
    assert "写到一半</textarea>" in page
    assert "图.png" in page
    assert "写到一半" not in cast.client(cast.wang).get(_url(ticket, "")).content.decode()
    client.post(_url(ticket, "do/reply"), {"body": "**写完**"}, headers=HX)
    message = Message.objects.get()
    assert (message.html, Draft.objects.count()) == ("<p><strong>写完</strong></p>", 0)
    kept = Attachment.objects.get()
    assert (kept.subject_kind, kept.subject_id) == ("message", message.pk)
    page = client.get(_url(ticket, "")).content.decode()
    assert "<p><strong>写完</strong></p>" in page
    assert f"/files/{kept.pk}/?inline" in page
    shown = client.get(f"/files/{kept.pk}/?inline")
    assert shown["Content-Disposition"].startswith("inline")
    assert "sandbox" in shown["Content-Security-Policy"]


def test_a_file_is_taken_off_by_its_writer_only(cast: Cast) -> None:
    ticket, client = cast.accepted(), cast.client(cast.lin)
    upload = SimpleUploadedFile("图.png", b"x")
    client.post(_url(ticket, "draft/files"), {"kind": "note", "files": upload})
    kept = Attachment.objects.get()
    assert cast.client(cast.wang).post(f"/drafts/files/{kept.pk}/remove").status_code == 404
    assert client.post(f"/drafts/files/{kept.pk}/remove").status_code == 200
    assert not Attachment.objects.exists()
    assert not Draft.objects.exists()


def test_a_wrong_file_is_refused_with_a_reason(cast: Cast) -> None:
    ticket, client = cast.accepted(), cast.client(cast.lin)
    answer = client.post(
        _url(ticket, "draft/files"), {"kind": "reply", "files": SimpleUploadedFile("x.exe", b"x")}, headers=HX
    )
    assert answer.status_code == 422
    assert "exe" in answer.content.decode()


def test_the_slash_offers_what_one_may_use_filled_in_for_the_ticket(cast: Cast) -> None:
    ticket = cast.accepted(customer=CustomerData(name="张三丰", phone="13812345678"))
    lin, sup, zhao = (cast.actor(p) for p in (cast.lin, cast.sup, cast.zhao))
    canned.add(actor=sup, text=Text("催物流", "您好{客户}，{number} 由{agent}处理 {?}", "wl", "all"), now=cast.now)
    canned.add(actor=zhao, text=Text("别人的", "x", "wl2"), now=cast.now)
    mine = canned.add(actor=lin, text=Text("退款", "退款中", "tk"), now=cast.now)
    page = cast.client(cast.lin).get(_url(ticket, "pick/texts?q=wl")).content.decode()
    assert f"您好张三丰，{ticket.number} 由林晓处理 {{?}}" in page
    assert "别人的" not in page
    assert "退款" not in page
    masked = cast.client(cast.wang).get(_url(ticket, "pick/texts?q=wl")).content.decode()
    assert "张三丰" not in masked
    assert cast.client(cast.lin).post(f"/canned/{mine.pk}/used").status_code == 204
    assert CannedText.objects.get(pk=mine.pk).n_used == 1
    assert cast.client(cast.zhao).get(_url(ticket, "pick/texts")).status_code == 404


def test_the_at_sign_offers_colleagues_and_marks_who_cannot_see(cast: Cast) -> None:
    ticket = cast.accepted()
    page = cast.client(cast.lin).get(_url(ticket, "pick/people?q=")).content.decode()
    assert page.index("王芳") < page.index("赵一凡")
    assert re.search(r"赵一凡.*?看不到此工单", page, re.S)
    assert "林晓" not in page
    answer = cast.client(cast.lin).post(_url(ticket, "do/note"), {"body": "@赵一凡 看看"}, headers=HX)
    assert "看不到此工单，未收到通知：赵一凡" in answer.content.decode()


def test_a_stale_reply_is_kept_shown_and_sent_the_second_time(cast: Cast) -> None:
    ticket, client = cast.accepted(), cast.client(cast.lin)
    talking.customer_message(actor=cast.actor(cast.lin), number=ticket.number, body="在吗", now=cast.now)
    values = {"body": "旧的", "last_seen": "0"}
    answer = client.post(_url(ticket, "do/reply"), values, headers=HX)
    assert (answer.status_code, answer["HX-Retarget"]) == (409, "#stale-reply")
    found = re.search(r'name="last_seen" value="(\d+)"', answer.content.decode())
    assert found
    assert client.post(_url(ticket, "do/reply"), values | {"last_seen": found[1]}, headers=HX).status_code == 200


def test_send_and_next_goes_to_the_most_urgent_that_one_can_act_on(cast: Cast) -> None:
    first, second = cast.accepted(subject="甲"), cast.accepted(subject="乙")
    client = cast.client(cast.lin)
    answer = client.post(_url(first, "do/reply"), {"body": "好", "then": "next"}, headers=HX)
    assert answer["HX-Push-Url"] == f"/work/?ticket={second.number}"
    assert f'data-number="{second.number}"' in answer.content.decode()
    Ticket.objects.filter(pk=first.pk).update(status="waiting")
    answer = client.post(_url(second, "do/reply"), {"body": "好", "then": "next"}, headers=HX)
    assert answer["HX-Redirect"] == "/work/"


def test_two_at_a_ticket_see_each_other(cast: Cast) -> None:
    ticket = cast.accepted()
    lin, wang = cast.client(cast.lin), cast.client(cast.wang)
    assert "王芳" not in lin.post(_url(ticket, "watch")).content.decode()
    assert "林晓 正在查看" in wang.post(_url(ticket, "watch"), {"writes": "1"}).content.decode()
    assert "王芳 正在回复" in lin.get(_url(ticket, "others")).content.decode()
    Watcher.objects.filter(person=cast.wang).update(at=timezone.now() - timedelta(minutes=2))
    assert "王芳" not in lin.post(_url(ticket, "watch")).content.decode()
    lin.post(_url(ticket, "watch"), {"leave": "1"})
    assert not Watcher.objects.filter(person=cast.lin).exists()
    assert cast.client(cast.zhao).post(_url(ticket, "watch")).status_code == 404


def test_a_preview_is_clean(cast: Cast) -> None:
    page = cast.client(cast.lin).post("/preview", {"body": "**好** <script>x</script>"}).content.decode()
    assert "<strong>好</strong>" in page
    assert "<script>" not in page


def test_the_editor_writes_changes_and_removes(cast: Cast) -> None:
    client = cast.client(cast.lin)
    assert "还没有常用语" in client.get("/canned/").content.decode()
    values = {"title": "问候", "shortcut": "hi", "body": "您好{客户}", "reach": "own"}
    assert client.post("/canned/new/", values | {"reach": "all"}).status_code == 422
    assert client.post("/canned/new/", values).status_code == 302
    row = CannedText.objects.get()
    assert "您好{客户}" in client.get(f"/canned/{row.pk}/").content.decode()
    assert client.post(f"/canned/{row.pk}/", values | {"title": "", "revision": 0}).status_code == 422
    assert client.post(f"/canned/{row.pk}/", values | {"title": "寒暄", "revision": 0}).status_code == 302
    assert client.post(f"/canned/{row.pk}/", values | {"revision": 0}).status_code == 422
    assert cast.client(cast.zhao).get(f"/canned/{row.pk}/").status_code == 404
    assert cast.client(cast.zhao).post(f"/canned/{row.pk}/remove").status_code == 404
    assert CannedText.objects.get().title == "寒暄"
    assert client.post(f"/canned/{row.pk}/remove").status_code == 302
    assert not CannedText.objects.exists()


def test_a_planner_has_no_canned_texts(cast: Cast) -> None:
    cast.lin.roles.clear()
    assert cast.client(cast.lin).get("/canned/").status_code == 403
