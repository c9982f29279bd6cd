"""The form on other people's pages: a request with files and a link, robots turned away, twice sent is once opened."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jiying.base.models import Attachment
from jiying.channels.services import web_forms
from jiying.desk.models import Ticket
from tests.cast import Cast
from tests.channels.test_chat import KEY, made

DOOR = f"/chat/{KEY}/form"
GOOD = {
    "name": "李四",
    "contact": "li@example.com",
    "subject": "",
    "text": "发票抬头写错了\n请改一下",
    "category": "order",
}


@pytest.fixture(autouse=True)
def widget(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    made()
    monkeypatch.setattr(web_forms, "QUICKEST", timedelta(0))


def stamp() -> str:
    found = re.search(r'name="stamp" value="([^"]+)"', Client().get(DOOR).content.decode())
    assert found
    return found[1]


def send(**fields: Any) -> Any:
    return Client().post(DOOR, {**GOOD, "stamp": stamp(), **fields})


def test_a_request_is_taken_in_and_its_customer_gets_the_link(cast: Cast) -> None:
    answer = send(files=SimpleUploadedFile("发票.pdf", b"%PDF", content_type="application/pdf"))
    ticket = Ticket.objects.get()
    assert (ticket.channel, ticket.category, ticket.subject) == ("web", "order", "发票抬头写错了")
    assert ticket.customer and (ticket.customer.name, ticket.customer.email) == ("李四", "li@example.com")
    assert Attachment.objects.get().subject_id == ticket.pk
    found = re.search(r'href="https?://[^/]+(/p/[^"]+)"', answer.content.decode())
    assert found and "发票.pdf" in Client().get(found[1]).content.decode()
    assert not answer.cookies


def test_the_same_form_sent_twice_is_one_request(cast: Cast) -> None:
    given = stamp()
    links = [Client().post(DOOR, {**GOOD, "stamp": given}).content.decode().count("/p/") for _n in range(2)]
    assert (links, Ticket.objects.count()) == ([2, 2], 1)


def test_what_is_wrong_is_said_and_what_was_written_stays(cast: Cast) -> None:
    wrong = ({"contact": ""}, {"contact": "x@"}, {"text": "  "}, {"category": "nothing"}, {"subject": "x" * 201})
    for one in wrong:
        answer = send(**one)
        assert answer.status_code == 422 and 'role="alert"' in answer.content.decode(), one
    assert 'value="李四"' in answer.content.decode()
    evil = SimpleUploadedFile("a.html", b"<script>", content_type="image/png")
    assert send(files=evil).status_code == 422
    assert not Ticket.objects.exists() and not Attachment.objects.exists()


def test_robots_are_turned_away(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert send(website="https://spam.example").status_code == 409
    assert send(stamp="made-up").status_code == 409
    old = stamp()
    monkeypatch.setattr(web_forms, "LONGEST", timedelta(0))
    assert Client().post(DOOR, {**GOOD, "stamp": old}).status_code == 409
    monkeypatch.setattr(web_forms, "LONGEST", timedelta(hours=12))
    monkeypatch.setattr(web_forms, "QUICKEST", timedelta(seconds=60))
    assert send().status_code == 409
    assert not Ticket.objects.exists()


def test_an_address_sends_so_many_and_no_more(cast: Cast) -> None:
    made(forms_an_hour=2)
    assert [send().status_code for _n in range(3)] == [200, 200, 429]
    assert Ticket.objects.count() == 2


def test_a_form_that_is_switched_off_is_not_there(cast: Cast) -> None:
    given = stamp()
    made(form=False)
    assert Client().get(DOOR).status_code == 404
    assert Client().post(DOOR, {**GOOD, "stamp": given}).status_code == 404


def test_what_was_written_is_never_markup(cast: Cast) -> None:
    evil = '"><script>alert(1)</script>'
    text = send(contact="", **{name: evil for name in ("name", "subject", "text")}).content.decode()
    assert "<script>alert" not in text
