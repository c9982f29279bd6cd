"""The customer's page of a ticket: who gets in, what is shown, what a customer can do there, and what never leaks."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signing import Signer
from django.test import Client

from jiying.base.errors import Conflict, Denied, NotFound
from jiying.base.models import Attachment, JournalEntry
from jiying.channels.queries import portal as queries
from jiying.channels.services import portal
from jiying.clocks.models import Clock
from jiying.desk.models import Message, Ticket
from jiying.desk.services import handling, talking
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast

HIDDEN = "内部备注：客户情绪激动"


def _ticket(cast: Cast, **fields: Any) -> Ticket:
    customer = CustomerData(name="张三", phone="13812345678")
    return cast.accepted(subject="充电宝不充电", customer=customer, **fields)


def _path(cast: Cast, ticket: Ticket) -> str:
    url = portal.address(actor=cast.actor(cast.lin), number=ticket.number)
    return re.sub(r"^https?://[^/]+", "", url)


def test_the_customer_sees_state_promise_and_public_messages_only(cast: Cast) -> None:
    ticket = _ticket(cast, description="昨天刚买的")
    lin = cast.actor(cast.lin)
    talking.reply(actor=lin, number=ticket.number, body="您好，正在核实", now=cast.now)
    talking.note(actor=lin, number=ticket.number, body=HIDDEN, now=cast.now)
    talking.call(actor=lin, number=ticket.number, direction="out", duration_s=60, note="客户说谎", now=cast.now)
    page = Client().get(_path(cast, ticket))
    text = page.content.decode()
    assert page.status_code == 200
    assert "充电宝不充电" in text and "您好，正在核实" in text
    assert HIDDEN not in text and "客户说谎" not in text
    assert page["Cache-Control"] == "private, no-store"
    assert "noindex" in page["X-Robots-Tag"]


def test_what_to_expect_follows_the_clocks(cast: Cast) -> None:
    lin, ticket = cast.actor(cast.lin), _ticket(cast)
    due = {c.metric: c.due_at for c in Clock.objects.filter(subject_kind="ticket", subject_id=ticket.pk)}

    def shown(now: datetime) -> tuple[str, datetime | None]:
        page = queries.page(Ticket.objects.get(pk=ticket.pk), now)
        return page.state, page.expected_at

    assert shown(cast.now) == ("at_work", due["first_response"])
    assert shown(cast.now + timedelta(days=30)) == ("at_work", None)  # late: said plainly, no new promise
    talking.reply(actor=lin, number=ticket.number, body="您好", now=cast.now)
    assert shown(cast.now) == ("at_work", due["resolution"])
    handling.hold(actor=lin, number=ticket.number, reason="customer", now=cast.now)
    assert shown(cast.now) == ("your_turn", None)
    handling.resume(actor=lin, number=ticket.number, now=cast.now)
    handling.resolve(actor=lin, number=ticket.number, now=cast.now)
    assert shown(cast.now) == ("solved", cast.now + timedelta(hours=72))
    handling.confirm(actor=lin, number=ticket.number, now=cast.now)
    assert shown(cast.now) == ("ended", None)


def test_the_ticket_page_gives_the_link_to_who_may_handle_it(cast: Cast) -> None:
    ticket = _ticket(cast)
    door, client = f"/tickets/{ticket.number}/customer-link", cast.client(cast.lin)
    assert f'hx-get="{door}"' in client.get(f"/tickets/{ticket.number}/").content.decode()
    shown = client.get(door)
    assert _path(cast, ticket) in shown.content.decode()
    assert shown["Cache-Control"] == "private, no-store"
    assert cast.client(cast.chen).get(door).status_code == 403  # sees the ticket, handles none
    assert cast.client(cast.zhao).get(door).status_code == 404
    assert door not in cast.client(cast.chen).get(f"/tickets/{ticket.number}/").content.decode()
    before = _path(cast, ticket)
    renewed = client.post(door, headers={"HX-Request": "true"}).content.decode()
    assert _path(cast, ticket) in renewed and before not in renewed
    assert "<html" not in renewed
    assert Client().get(before).status_code == 404


def test_a_ticket_without_customer_offers_no_link(cast: Cast) -> None:
    ticket = cast.accepted()
    client = cast.client(cast.lin)
    assert "customer-link" not in client.get(f"/tickets/{ticket.number}/").content.decode()
    assert client.get(f"/tickets/{ticket.number}/customer-link").status_code == 409


def test_a_forged_or_foreign_link_opens_nothing(cast: Cast) -> None:
    ticket, other = _ticket(cast), _ticket(cast)
    path = _path(cast, ticket)
    forged = [
        path.replace(f"/p/{ticket.pk}.", f"/p/{other.pk}."),
        path[:-3] + "x/",
        f"/p/{Signer(salt='else', sep='.').sign(f'{ticket.pk}.0')}/",
        "/p/nothing/",
        "/p/..../",
    ]
    for one in forged:
        for rest in ("", "live", "files/1"):
            assert Client().get(one + rest).status_code == 404, one
        assert Client().post(one + "say", {"body": "x"}).status_code == 404
    assert not Message.objects.exists()


def test_a_renewed_link_ends_the_earlier_ones_and_is_journalled(cast: Cast) -> None:
    ticket = _ticket(cast)
    before = _path(cast, ticket)
    portal.renew(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now)
    after = _path(cast, ticket)
    assert before != after
    assert (Client().get(before).status_code, Client().get(after).status_code) == (404, 200)
    assert JournalEntry.objects.filter(kind="ticket.portal_renewed", subject_id=ticket.pk).count() == 1
    page = cast.client(cast.lin).get(f"/tickets/{ticket.number}/")
    assert "ticket.portal_renewed" not in page.content.decode()


def test_only_who_may_handle_the_ticket_gets_its_link(cast: Cast) -> None:
    ticket = _ticket(cast)
    for person in cast.everybody():
        actor = cast.actor(person)
        may = person == cast.lin or "desk.assign" in actor.rights
        try:
            portal.address(actor=actor, number=ticket.number)
            given = True
        except (Denied, NotFound):
            given = False
        assert given <= may, person.username
    nobody = cast.accepted(subject="没有客户")
    if nobody.customer_id is None:
        with pytest.raises(Conflict):
            portal.address(actor=cast.actor(cast.lin), number=nobody.number)


def test_the_customer_answers_with_a_file_and_the_ticket_wakes(cast: Cast) -> None:
    ticket = _ticket(cast)
    handling.hold(actor=cast.actor(cast.lin), number=ticket.number, reason="customer", now=cast.now)
    path = _path(cast, ticket)
    assert "data-v" in Client().get(path).content.decode()
    photo = SimpleUploadedFile("照片.png", b"\x89PNG....", content_type="image/png")
    answer = Client().post(path + "say", {"body": "这是照片", "files": photo})
    assert answer.status_code == 302
    ticket.refresh_from_db()
    assert ticket.status == "in_progress"
    message = Message.objects.get(ticket=ticket)
    assert (message.kind, message.body) == ("customer", "这是照片")
    row = Attachment.objects.get(subject_kind="message", subject_id=message.pk)
    got = Client().get(f"{path}files/{row.pk}")
    assert b"".join(got) == b"\x89PNG...." and got["Content-Disposition"].startswith("attachment")
    assert Client().get(f"{_path(cast, _ticket(cast))}files/{row.pk}").status_code == 404


def test_a_refused_message_keeps_what_was_written_and_changes_nothing(cast: Cast) -> None:
    ticket = _ticket(cast)
    bad = SimpleUploadedFile("x.exe", b"MZ")
    answer = Client().post(_path(cast, ticket) + "say", {"body": "看附件", "files": bad})
    assert answer.status_code == 422 and "看附件" in answer.content.decode()
    assert not Message.objects.exists() and not Attachment.objects.exists()


def test_solved_or_not_solved(cast: Cast) -> None:
    lin = cast.actor(cast.lin)
    for verb, status, note in (("solved", "closed", ""), ("not-solved", "in_progress", "还是不行")):
        ticket = _ticket(cast)
        path = _path(cast, ticket)
        assert Client().post(path + verb, {"note": note}).status_code == 409  # nothing to judge yet
        handling.resolve(actor=lin, number=ticket.number, now=cast.now)
        assert "portal-note" in Client().get(path).content.decode()
        assert Client().post(path + verb, {"note": note}).status_code == 302
        ticket.refresh_from_db()
        assert ticket.status == status


def test_a_colleague_looks_on_but_cannot_speak_for_the_customer(cast: Cast) -> None:
    ticket = _ticket(cast)
    handling.resolve(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now)
    path, client = _path(cast, ticket), cast.client(cast.lin)
    assert client.get(path).status_code == 200
    for verb in ("say", "solved", "not-solved"):
        assert client.post(path + verb, {"body": "x", "note": "x"}).status_code == 409
    ticket.refresh_from_db()
    assert ticket.status == "resolved" and not Message.objects.exists()


def test_a_script_is_stopped_a_person_is_not(cast: Cast) -> None:
    ticket = _ticket(cast)
    path = _path(cast, ticket)
    codes = [Client().post(path + "say", {"body": f"第{n}条"}).status_code for n in range(portal.MAX_AN_HOUR + 1)]
    assert codes == [302] * portal.MAX_AN_HOUR + [429]


def test_a_merged_ticket_leads_on_and_an_old_one_closes(cast: Cast) -> None:
    ticket, target = _ticket(cast), _ticket(cast, description="第二次")
    path = _path(cast, ticket)
    handling.merge(actor=cast.actor(cast.lin), number=ticket.number, into=target.number, now=cast.now)
    assert target.number in Client().get(path).content.decode()
    lin = cast.actor(cast.lin)
    handling.resolve(actor=lin, number=target.number, now=cast.now)
    handling.close(actor=lin, number=target.number, now=cast.now)
    token = path.split("/")[2]
    assert portal.visit(token, cast.now + timedelta(days=89)).ticket == target
    with pytest.raises(NotFound):
        portal.visit(token, cast.now + timedelta(days=91))


def test_the_page_asks_again_only_for_what_is_new(cast: Cast) -> None:
    ticket = _ticket(cast)
    path = _path(cast, ticket)
    version = re.search(r'data-v="([^"]+)"', Client().get(path).content.decode())
    assert version is not None
    assert Client().get(f"{path}live?v={version[1]}").status_code == 204
    talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body="好了", now=cast.now)
    answer = Client().get(f"{path}live?v={version[1]}")
    assert answer.status_code == 200 and "好了" in answer.content.decode()


def test_the_api_gives_and_renews_the_link(cast: Cast) -> None:
    ticket = _ticket(cast)
    api = cast.api(cast.lin)
    first = api.get(f"/api/v1/tickets/{ticket.number}/portal-link").json()["url"]
    second = api.post(f"/api/v1/tickets/{ticket.number}/portal-link").json()["url"]
    assert first != second and "/p/" in second
