"""`Idempotency-Key` (D20): whatever a POST makes, the same key makes it once, even at once, even if it was refused."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jiying.base import documents, periodic
from jiying.base.models import ApiToken, IdempotencyKey, JournalEntry, VersionedDocument
from jiying.desk.models import Collaboration, Message, Ticket
from jiying.desk.services import handling, intake
from tests.cast import Cast
from tests.contracts.test_openapi import operations
from tests.desk.stage import at_once
from tests.desk.test_api_tickets import post

Call = tuple[Client, str, Any]


def keyed(call: Call, key: str = "k1", **headers: str) -> Any:
    client, path, body = call
    return post(client, path, body, **{"Idempotency-Key": key, **headers})


def a_ticket(cast: Cast) -> Call:
    return cast.api(cast.lin), "/tickets", {"subject": "发票", "channel": "email"}


def a_note(cast: Cast) -> Call:
    return cast.api(cast.lin), f"/tickets/{cast.accepted().number}/note", {"body": "已联系仓库"}


def a_reply(cast: Cast) -> Call:
    return cast.api(cast.lin), f"/tickets/{cast.accepted().number}/reply", {"body": "您好"}


def a_collaboration(cast: Cast) -> Call:
    body = {"department": "logistics", "question": "包裹在哪里？"}
    return cast.api(cast.lin), f"/tickets/{cast.accepted().number}/collaborate", body


def a_calendar(cast: Cast) -> Call:
    body = {"key": "night", "body": documents.get("calendar", "24x7", 1).body}
    return cast.api(cast.ops), "/calendars", body


def a_standard(cast: Cast) -> Call:
    return cast.api(cast.ops), "/standards", {"body": documents.get("standard", "default", 1).body}


def an_acceptance(cast: Cast) -> Call:
    """No create, but a POST like any other: the second time would be refused without its key."""
    return cast.api(cast.lin), f"/tickets/{cast.ticket().number}/accept", None


CALLS = [a_ticket, a_note, a_reply, a_collaboration, a_calendar, a_standard, an_acceptance]


def how_many() -> tuple[int, ...]:
    models: tuple[Any, ...] = (Ticket, Message, Collaboration, VersionedDocument, JournalEntry, ApiToken)
    return tuple(model.objects.count() for model in models)


@pytest.mark.parametrize("make", CALLS)
def test_a_repeat_has_the_first_answer_and_does_nothing(cast: Cast, make: Callable[[Cast], Call]) -> None:
    call = make(cast)
    first = keyed(call)
    before = how_many()
    again = keyed(call)
    assert first.status_code in (200, 201) and "Idempotent-Replayed" not in first
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.get("Location") == first.get("Location")
    assert again["Idempotent-Replayed"] == "true" and again["Cache-Control"] == "no-store"
    assert how_many() == before


def test_another_body_is_refused_and_changes_nothing(cast: Cast) -> None:
    client, path, _body = a_note(cast)
    assert keyed((client, path, {"body": "一"})).status_code == 200
    before = how_many()
    refused = keyed((client, path, {"body": "二"}))
    assert refused.status_code == 409
    assert refused["Content-Type"] == "application/problem+json"
    (error,) = refused.json()["errors"]
    assert (error["code"], error["field"]) == ("idempotency_mismatch", "Idempotency-Key")
    elsewhere = keyed((client, path.replace("/note", "/reply"), {"body": "一"}))
    assert (elsewhere.status_code, how_many()) == (409, before)


def test_a_key_of_a_ticket_is_no_key_of_a_note(cast: Cast) -> None:
    note = a_note(cast)
    assert keyed(a_ticket(cast)).status_code == 201
    assert keyed(note).status_code == 409
    assert keyed(note, "k2").status_code == 200
    assert keyed(a_ticket(cast), "k2").status_code == 409


def test_each_token_has_its_own_keys(cast: Cast) -> None:
    client, path, body = a_note(cast)
    narrow = cast.api(cast.lin, "desk.view_own", "desk.handle")
    assert [keyed((c, path, body)).status_code for c in (client, narrow)] == [200, 200]
    assert Message.objects.filter(kind="note").count() == 2
    assert keyed((narrow, path, body))["Idempotent-Replayed"] == "true"


def test_a_refused_call_does_not_use_its_key_up(cast: Cast) -> None:
    number = cast.ticket().number
    lin = cast.api(cast.lin)
    refused = keyed((lin, f"/tickets/{number}/hold", {"reason": "customer"}))
    assert refused.status_code == 409 and refused.json()["errors"][0]["code"] != "idempotency_mismatch"
    assert not IdempotencyKey.objects.exists()
    handling.accept(actor=cast.actor(cast.lin), number=number, now=timezone.now())
    assert keyed((lin, f"/tickets/{number}/hold", {"reason": "customer"})).status_code == 200


def test_the_answer_of_a_ticket_stays_what_it_was(cast: Cast) -> None:
    call = a_ticket(cast)
    first = keyed(call)
    handling.accept(actor=cast.actor(cast.lin), number=first.json()["number"], now=timezone.now())
    assert keyed(call).content == first.content


def test_a_secret_is_told_once(cast: Cast) -> None:
    call = (cast.api(cast.lin), "/tokens", {"name": "import"})
    first, again = keyed(call), keyed(call)
    assert first.json()["token"] and again.json() == {**first.json(), "token": None}
    assert first.json()["token"] not in IdempotencyKey.objects.get().answer
    assert ApiToken.objects.filter(name="import").count() == 1


@pytest.mark.parametrize("key", ["mit Leerzeichen", "x" * 121, "键"])
def test_what_is_no_key_is_refused(cast: Cast, key: str) -> None:
    for client, path, body in (a_ticket(cast), a_note(cast)):
        before = how_many()
        refused = client.post(f"/api/v1{path}", body, content_type="application/json", headers={"idempotency-key": key})
        assert (refused.status_code, how_many()) == (422, before)
        assert refused.json()["errors"][0]["field"] == "Idempotency-Key"


def test_keys_are_swept_after_a_day(cast: Cast) -> None:
    call = a_note(cast)
    keyed(call)
    at = IdempotencyKey.objects.get().at
    periodic.tidy(at + timedelta(hours=24))
    assert IdempotencyKey.objects.count() == 1
    periodic.tidy(at + timedelta(hours=24, seconds=1))
    assert IdempotencyKey.objects.count() == 0
    assert "Idempotent-Replayed" not in keyed(call)


@pytest.mark.parametrize("make", CALLS)
def test_six_at_once_are_one(live_cast: Cast, make: Callable[[Cast], Call]) -> None:
    first, path, body = make(live_cast)
    clients = [Client() for _ in range(6)]
    for client in clients:  # of one person, each with a connection of its own
        client.defaults.update(first.defaults)
    results = at_once([partial(keyed, (client, path, body)) for client in clients])
    assert {(r.status_code, r.content) for r in results} == {(results[0].status_code, results[0].content)}, results
    assert results[0].status_code in (200, 201)
    assert sum("Idempotent-Replayed" not in r for r in results) == 1
    assert IdempotencyKey.objects.count() == 1


def test_what_failed_in_the_middle_can_be_repeated(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(intake, "_take_place", lambda *_args: 1 / 0)
        assert keyed(a_ticket(cast)).status_code == 500
    assert (Ticket.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
    assert keyed(a_ticket(cast)).status_code == 201


def test_every_post_shows_the_header(db: None) -> None:
    for path, method, operation in operations():
        shown = [p["name"] for p in operation["parameters"] if p["in"] == "header"]
        assert shown == (["Idempotency-Key"] if method == "post" else []), path
