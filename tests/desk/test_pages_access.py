"""Who may open which page of the desk; a refused verb has changed nothing (D26)."""

from collections.abc import Callable

import pytest
from django.test import Client

from jiying.base.models import JournalEntry
from jiying.desk.models import Collaboration, Message, Ticket
from jiying.desk.services import collaboration, handling
from tests.cast import Cast

HX = {"HX-Request": "true"}

# page: who may open it
PAGES: dict[str, set[str]] = {
    "/work/": {"lin", "wang", "zhao", "sun", "adm"},
    "/tickets/": {"lin", "wang", "zhao", "chen", "sun", "ou", "he", "ma", "adm"},
    "/tickets/new/": {"lin", "wang", "zhao", "sun", "adm"},
    "/supervise/": {"wang", "sun", "ma", "adm"},
    "/customers/find?q=13812345678": {"lin", "wang", "zhao", "sun", "adm"},
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("headers", [{}, HX], ids=["whole", "fragment"])
def test_pages_open_to_those_who_may(cast: Cast, page: str, headers: dict[str, str]) -> None:
    cast.accepted()
    for person in cast.everybody():
        expected = 200 if person.username in PAGES[page] else 403
        assert cast.client(person).get(page, headers=headers).status_code == expected, person.username


def test_nobody_sees_anything_without_signing_in(cast: Cast) -> None:
    ticket = cast.accepted()
    for page in ("/", "/work/", "/tickets/", f"/tickets/{ticket.number}/", "/supervise/", "/customers/1/"):
        answer = cast.client().get(page)
        assert answer.status_code == 302
        assert "/accounts/login/" in answer.headers["Location"]


def test_home_leads_to_the_first_page_that_one_may_open(cast: Cast) -> None:
    assert cast.client(cast.lin).get("/").headers["Location"] == "/work/"
    assert cast.client(cast.chen).get("/").headers["Location"] == "/tickets/"


def test_a_foreign_ticket_does_not_exist(cast: Cast) -> None:
    ticket = cast.accepted()
    for path in ("", "live", "do/hold", "do/transfer"):
        assert cast.client(cast.lin).get(f"/tickets/{ticket.number}/{path}").status_code == 200
        assert cast.client(cast.zhao).get(f"/tickets/{ticket.number}/{path}").status_code == 404
    assert cast.client(cast.zhao).post(f"/tickets/{ticket.number}/reveal").status_code == 404


def _state(ticket: Ticket) -> tuple[object, ...]:
    row = Ticket.objects.filter(pk=ticket.pk).values_list().get()
    return (row, JournalEntry.objects.count(), Message.objects.count(), Collaboration.objects.count())


VERBS = {
    "accept": {},
    "reply": {"body": "x"},
    "note": {"body": "x"},
    "call": {"direction": "in", "minutes": "1"},
    "hold": {"reason": "customer"},
    "resume": {},
    "resolve": {"note": "x"},
    "confirm": {},
    "reject": {"note": "x"},
    "close": {"note": "x"},
    "reopen": {"reason": "x"},
    "transfer": {"to": "person:1", "reason": "x"},
    "priority": {"priority": "P1", "reason": "x"},
    "escalate": {"level": "1", "reason": "x"},
    "fields": {"category": "order", "channel": "web", "tags": "a"},
    "ask": {"department": "logistics", "kind": "question", "question": "x"},
    "cancel": {"reason": "x"},
    "merge": {"into": "GD20200101001"},
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("headers", [{}, HX], ids=["plain", "htmx"])
def test_a_stranger_can_do_nothing(cast: Cast, verb: str, headers: dict[str, str]) -> None:
    ticket = cast.accepted()
    before = _state(ticket)
    answer = cast.client(cast.zhao).post(f"/tickets/{ticket.number}/do/{verb}", VERBS[verb], headers=headers)
    assert answer.status_code == 404
    assert _state(ticket) == before


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - {"note"}))
def test_who_only_reads_can_do_nothing_but_note(cast: Cast, verb: str) -> None:
    ticket = cast.accepted()
    before = _state(ticket)
    answer = cast.client(cast.chen).post(f"/tickets/{ticket.number}/do/{verb}", VERBS[verb])
    assert answer.status_code in (403, 404, 409, 422)
    assert _state(ticket) == before


def test_an_agent_may_not_change_the_priority_later(cast: Cast) -> None:
    ticket = cast.accepted()
    before = _state(ticket)
    client = cast.client(cast.lin)
    assert client.get(f"/tickets/{ticket.number}/do/priority").status_code == 403
    data = {"priority": "P1", "reason": "客户着急", "revision": ticket.revision}
    assert client.post(f"/tickets/{ticket.number}/do/priority", data).status_code == 403
    assert _state(ticket) == before


def test_posts_need_the_token_of_the_page(cast: Cast) -> None:
    ticket = cast.accepted()
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.lin, backend="allauth.account.auth_backends.AuthenticationBackend")
    before = _state(ticket)
    assert client.post(f"/tickets/{ticket.number}/do/note", {"body": "x"}).status_code == 403
    assert client.post("/presence/", {"presence": "busy"}).status_code == 403
    assert _state(ticket) == before


@pytest.mark.parametrize("path", ["do/accept", "do/resume", "do/reply", "reveal"])
def test_reading_an_address_that_acts_changes_nothing(cast: Cast, path: str) -> None:
    ticket = cast.accepted()
    assert cast.client(cast.lin).get(f"/tickets/{ticket.number}/{path}").status_code == 405


def test_an_unknown_verb_is_not_found(cast: Cast) -> None:
    ticket = cast.accepted()
    assert cast.client(cast.lin).post(f"/tickets/{ticket.number}/do/explode").status_code == 404


def test_a_department_sees_only_what_it_was_asked(cast: Cast) -> None:
    asked, other = cast.accepted(), cast.accepted(subject="与物流无关")
    question = collaboration.ask(
        actor=cast.actor(cast.lin), number=asked.number, department="logistics", question="到哪了", now=cast.now
    )
    client = cast.client(cast.he)
    assert client.get(f"/tickets/{asked.number}/").status_code == 200
    assert client.get(f"/tickets/{other.number}/").status_code == 404
    assert client.post(f"/asked/{question.pk}/withdraw").status_code == 403
    assert cast.client(cast.zhao).get(f"/asked/{question.pk}/answer").status_code == 404
    assert client.post(f"/asked/{question.pk}/answer", {"answer": "今晚发出"}).status_code == 302
    question.refresh_from_db()
    assert (question.state, question.answer) == ("answered", "今晚发出")


def test_going_on_leads_only_to_our_own_pages(cast: Cast) -> None:
    ticket = cast.ticket()
    url = f"/tickets/{ticket.number}/do/accept"
    away = cast.client(cast.lin).post(url, {"next": "https://evil.example/"})
    assert away.headers["Location"] == f"/tickets/{ticket.number}/"
    handling.resolve(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now)
    home = cast.client(cast.lin).post(f"/tickets/{ticket.number}/do/confirm", {"next": "/work/"})
    assert home.headers["Location"] == "/work/"


@pytest.fixture
def open_page(cast: Cast) -> Callable[[str], str]:
    client = cast.client(cast.lin)
    return lambda path: client.get(path).content.decode()


def test_buttons_are_only_those_that_work(cast: Cast, open_page: Callable[[str], str]) -> None:
    ticket = cast.ticket()
    assert ticket.assignee_id == cast.lin.pk
    page = open_page(f"/tickets/{ticket.number}/")
    assert "do/accept" in page
    assert "do/priority" not in page
    assert "do/reopen" not in page
    handling.accept(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now)
    page = open_page(f"/tickets/{ticket.number}/")
    assert "do/accept" not in page
    assert "do/hold" in page
