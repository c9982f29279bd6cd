"""Bad input by API: each refused as problem+json with where, what and how to mend; nothing half-written."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from jiying.base.models import JournalEntry, VersionedDocument
from jiying.desk.models import Customer, Message, Ticket
from tests.cast import Cast

JSON = "application/json"
GOOD = {"subject": "订单没有收到", "channel": "web"}


def send(client: Client, path: str, body: Any, kind: str = JSON, method: str = "post", **headers: str) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return client.generic(method.upper(), f"/api/v1{path}", data, content_type=kind, headers=headers)


def codes(response: Any) -> dict[str, str]:
    """{field: code} of a problem; checks its form on the way."""
    assert response["Content-Type"] == "application/problem+json", response.content
    problem = response.json()
    assert problem.keys() == {"type", "title", "status", "detail", "errors", "fault_id"}
    assert problem["status"] == response.status_code
    assert problem["fault_id"] == response["X-Request-Id"]
    assert problem["errors"] and all(error["text"].strip() for error in problem["errors"])
    return {error["field"]: error["code"] for error in problem["errors"]}


def counts() -> list[int]:
    return [m.objects.count() for m in (Ticket, Customer, Message, JournalEntry, VersionedDocument)]


def refused(cast: Cast, status: int, *call: Any, by: Client | None = None, **more: Any) -> dict[str, str]:
    """What the API says to this request; nothing may have been written."""
    client = by or cast.api(cast.admin)
    before = counts()
    response = send(client, *call, **more)
    assert response.status_code == status, response.content
    assert counts() == before
    return codes(response)


def test_all_faults_are_told_at_once(cast: Cast) -> None:
    body = {
        "channel": "fax",
        "type": "rant",
        "subjekt": "x",
        "priority": "P9",
        "tags": [""],
        "received_at": "gestern",
        "customer": {"phone": "abc", "email": "nobody", "tier": "gold", "name": "x" * 121},
    }
    assert refused(cast, 422, "/tickets", body) == {
        "subject": "required",
        "subjekt": "unknown_field",
        "channel": "unknown_value",
        "type": "unknown_value",
        "priority": "unknown_value",
        "tags.0": "required",
        "received_at": "bad_time",
        "customer.phone": "bad_phone",
        "customer.email": "bad_email",
        "customer.tier": "unknown_value",
        "customer.name": "too_long",
    }


@pytest.mark.parametrize(
    ("extra", "field", "code"),
    [
        ({"subject": ""}, "subject", "required"),
        ({"subject": "   "}, "subject", "required"),
        ({"subject": "x" * 201}, "subject", "too_long"),
        ({"subject": 5}, "subject", "wrong_type"),
        ({"description": "x" * 20_001}, "description", "too_long"),
        ({"category": "no/such"}, "category", "unknown_value"),
        ({"tags": ["a"] * 21}, "tags", "too_many"),
        ({"tags": "a"}, "tags", "wrong_type"),
        ({"customer": []}, "customer", "wrong_type"),
        ({"customer_id": 2**63}, "customer_id", "too_high"),
        ({"customer_id": 0}, "customer_id", "too_low"),
        ({"customer_id": "x"}, "customer_id", "not_a_number"),
        ({"amount": 10**400}, "amount", "too_high"),
        ({"received_at": "2026-05-01T09:00:00"}, "received_at", "bad_time"),  # no offset
        ({"received_at": 1714521600}, "received_at", "bad_time"),
        ({"received_at": "0001-01-01T00:00:00+14:00"}, "received_at", "bad_time"),
        ({"received_at": "9999-12-31T23:59:59-12:00"}, "received_at", "bad_time"),
        ({"received_at": "2150-01-01T00:00:00Z"}, "received_at", "in_future"),
        ({"received_at": "1999-12-31T00:00:00Z"}, "received_at", "too_old"),
        ({"take_it": "vielleicht"}, "take_it", "wrong_type"),
        ({"fields": {"a": "x" * 2001}}, "fields.a", "too_long"),
        ({"fields": {"a": 2**63}}, "fields.a", "too_high"),
        ({"fields": {"a": {}}}, "fields.a", "wrong_type"),
    ],
)
def test_a_field_is_refused_by_name(cast: Cast, extra: dict[str, Any], field: str, code: str) -> None:
    assert refused(cast, 422, "/tickets", {**GOOD, **extra}) == {field: code}


def test_text_that_no_database_holds(cast: Cast) -> None:
    assert refused(cast, 422, "/tickets", {**GOOD, "subject": "a\x00b"}) == {"subject": "bad_character"}
    half = b'{"subject": "a", "channel": "web", "customer": {"name": "\\uD83D"}, "fields": {"\\u0000": 1}}'
    assert refused(cast, 422, "/tickets", half) == {"customer.name": "bad_character", "fields.?": "bad_character"}
    whole = b'{"subject": "\\uD83D\\uDE00", "channel": "web"}'  # a pair is one character
    assert send(cast.api(cast.admin), "/tickets", whole).json()["subject"] == "😀"
    api = cast.api(cast.admin)
    assert codes(api.get("/api/v1/tickets?q=a%00b")) == {"q": "bad_character"}
    assert api.get("/api/v1/tickets?q=%ff%fe").status_code == 200  # replaced, and found nowhere
    assert codes(api.get("/api/v1/tickets/GD%00")) == {"": "not_found"}


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", JSON, 400, "bad_json"),
        (b'{"subject": NaN}', JSON, 400, "bad_json"),
        (b'{"amount": 1e999}', JSON, 400, "bad_json"),
        (b"[" * 100_000, JSON, 400, "bad_json"),
        (b"1" * 5000, JSON, 400, "bad_json"),
        ('{"subject": "投诉"}'.encode("gb18030"), JSON, 400, "bad_encoding"),
        (b'{"subject": "\xff"}', JSON, 400, "bad_encoding"),
        (b"subject=a&channel=web", "application/x-www-form-urlencoded", 415, "wrong_media_type"),
        (b"<a/>", "text/xml", 415, "wrong_media_type"),
        (b"{}", "", 415, "wrong_media_type"),
        (b'{"subject": "' + b"x" * 2_200_000 + b'"}', JSON, 413, "too_large"),
        (b"", JSON, 422, "required"),
        (b"[]", JSON, 422, "wrong_type"),
        (b"null", JSON, 422, "wrong_type"),
    ],
)
def test_a_body_that_is_no_request(cast: Cast, body: bytes, kind: str, status: int, code: str) -> None:
    assert refused(cast, status, "/tickets", body, kind) == {"": code}


def test_who_nobody_is(cast: Cast) -> None:
    ticket = cast.ticket()
    for headers in ({}, {"authorization": "Bearer jy_wrong"}, {"authorization": "Basic eDp5"}):
        for method, path in (("get", f"/tickets/{ticket.number}"), ("post", "/tickets"), ("get", "/me")):
            response = send(Client(), path, GOOD, method=method, **headers)
            assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Bearer realm="Jiying"')
            assert codes(response)[""] in ("signed_out", "bad_token")


def test_our_own_pages_may_call_with_their_csrf_token(cast: Cast) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(cast.lin, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert browser.get("/api/v1/me").json()["by"] == "person"
    assert refused(cast, 403, "/tickets", GOOD, by=browser) == {"": "csrf"}
    token = "a" * 32
    browser.cookies["csrftoken"] = token
    made = send(browser, "/tickets", GOOD, **{"X-CSRFToken": token})
    assert made.status_code == 201


def test_rights_are_asked_and_scopes_cut_them(cast: Cast) -> None:
    assert refused(cast, 403, "/tickets", GOOD, by=cast.api(cast.chen)) == {"": "denied"}
    narrow = cast.api(cast.lin, "desk.view_own")
    assert refused(cast, 403, "/tickets", GOOD, by=narrow) == {"": "denied"}
    assert narrow.get("/api/v1/me").json()["rights"] == ["desk.view_own"]
    assert cast.api(cast.lin).get("/api/v1/people").status_code == 403
    assert cast.api(cast.lin).get(f"/api/v1/people/{cast.lin.pk}").json()["username"] == "lin"


def test_addresses_and_methods(cast: Cast) -> None:
    api = cast.api(cast.lin)
    assert codes(api.get("/api/v1/nothing")) == {"": "no_address"}
    assert codes(api.get("/api/v2/tickets")) == {"": "no_address"}
    assert codes(api.get("/api/v1/tickets/GD20260101001")) == {"": "not_found"}
    wrong = api.delete("/api/v1/tickets")
    assert (wrong.status_code, set(wrong["Allow"].split(", "))) == (405, {"GET", "POST"})
    assert codes(wrong) == {"": "method_not_allowed"}


def test_wrong_state_and_stale_form(cast: Cast) -> None:
    ticket = cast.accepted()
    lin = cast.api(cast.lin)
    path = f"/tickets/{ticket.number}"
    assert refused(cast, 409, f"{path}/accept", {}, by=lin) == {"": "wrong_state"}
    assert refused(cast, 409, f"{path}/confirm", {}, by=lin) == {"": "wrong_state"}
    stale = {"reason": "customer", "revision": ticket.revision - 1}
    assert refused(cast, 409, f"{path}/hold", stale, by=lin) == {"": "stale"}
    assert refused(cast, 422, f"{path}/merge", {"into": ticket.number}, by=lin) == {"into": "same_ticket"}
    assert refused(cast, 404, f"{path}/merge", {"into": "GD1"}, by=lin) == {"": "not_found"}
    assert refused(cast, 422, f"{path}/transfer", {"to_person": 2**62}, by=lin) == {"to": "not_found"}
    assert refused(cast, 422, f"{path}/transfer", {}, by=lin) == {"to": "required"}
    asked = {"department": "no such", "question": "?"}
    assert refused(cast, 422, f"{path}/collaborate", asked, by=lin) == {"department": "unknown_value"}
    late = {"body": "?", "at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    assert refused(cast, 422, f"{path}/customer-message", late, by=lin) == {"at": "in_future"}
    assert refused(cast, 404, "/tickets", {**GOOD, "customer_id": 2**62}) == {"": "not_found"}
    assert refused(cast, 404, f"/people/{2**62}/presence", {"presence": "online"}) == {"": "not_found"}


CALENDAR = {"tz": "Asia/Shanghai", "weekly": {"0": [[540, 1080]]}}


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"tz": "Mars/Olympus"}, "tz", "calendar_unknown_zone"),
        ({"weekly": {"7": [[0, 60]]}}, "weekly.7", "calendar_bad_weekday"),
        ({"weekly": {}}, "weekly", "calendar_never_opens"),
        ({"weekly": {"0": [[540, 720], [700, 800]]}}, "weekly.0", "calendar_overlapping"),
        ({"closed": {"2026-02-30": "x"}}, "closed.2026-02-30", "calendar_bad_date"),
    ],
)
def test_a_calendar_that_cannot_be(cast: Cast, change: dict[str, Any], field: str, code: str) -> None:
    body = {"key": "shift", "body": {**CALENDAR, **change}}
    assert refused(cast, 422, "/calendars", body) == {field: code}


def test_calendars_are_versioned_and_compute(cast: Cast) -> None:
    ops, lin = cast.api(cast.ops), cast.api(cast.lin)
    assert refused(cast, 403, "/calendars", {"key": "shift", "body": CALENDAR}, by=lin) == {"": "denied"}
    made = send(ops, "/calendars", {"key": "shift", "title": "早班", "body": CALENDAR})
    assert (made.status_code, made.json()["number"], made["Location"]) == (201, 1, "/api/v1/calendars/shift")
    stale = {"key": "shift", "body": CALENDAR, "seen": 2}
    assert refused(cast, 409, "/calendars", stale, by=ops) == {"seen": "stale"}
    base = "/api/v1/calendars/shift"
    monday = "2026-09-07T00:00:00%2B08:00"
    assert lin.get(f"{base}/between?from={monday}&to=2026-09-08T00:00:00%2B08:00").json()["open_s"] == 9 * 3600
    assert lin.get(f"{base}/add?from={monday}&seconds=60").json()["at"] == "2026-09-07T01:01:00Z"
    assert [v["number"] for v in lin.get(base).json()["items"]] == [1]
    assert "shift" in {c["key"] for c in lin.get("/api/v1/calendars").json()["items"]}
    assert codes(lin.get("/api/v1/calendars/none/add?from=2026-01-01T00:00:00Z&seconds=1")) == {"": "not_found"}
    beyond = lin.get(f"{base}/add?from=2199-12-01T00:00:00Z&seconds={10 * 366 * 86400}")
    assert (beyond.status_code, codes(beyond)) == (422, {"": "calendar_out_of_range"})
    assert codes(lin.get(f"{base}/add?from=2026-01-01T00:00:00Z&seconds=-1")) == {"seconds": "too_low"}
    assert codes(lin.get(f"{base}/between?from=2026-01-01T00:00:00Z")) == {"to": "required"}


def test_a_standard_that_cannot_be(cast: Cast) -> None:
    body = VersionedDocument.objects.get(kind="standard", number=1).body
    broken = json.loads(json.dumps(body))
    broken["rows"][0]["targets"]["resolution"] = {"amount": -1, "unit": "h", "calendar": "none"}
    found = refused(cast, 422, "/standards", {"body": broken}, by=cast.api(cast.sup))
    assert set(found.values()) == {"standard_not_positive", "standard_unknown_calendar"}
    assert refused(cast, 422, "/standards", {"body": {}}, by=cast.api(cast.sup))
    assert refused(cast, 403, "/standards", {"body": body}, by=cast.api(cast.lin)) == {"": "denied"}


def test_the_text_is_in_the_callers_language(cast: Cast) -> None:
    from django.utils import translation

    english = send(cast.api(cast.admin), "/tickets", {"channel": "web"}, **{"Accept-Language": "en"})
    assert english["Content-Language"] == "en"
    assert english.json()["errors"][0]["text"] == "Fill in subject."
    chinese = send(cast.api(cast.admin), "/tickets", {"channel": "web"})
    assert chinese["Content-Language"] == "zh-hans"
    with translation.override("zh-hans"):
        assert chinese.json()["errors"][0]["text"] == translation.gettext("Fill in %(field)s.") % {"field": "subject"}


def test_a_failure_is_told_by_a_number_that_the_log_knows(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from jiying.desk.queries import tickets_api

    def broken(*_all: Any) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(tickets_api, "page", broken)
    response = cast.api(cast.lin).get("/api/v1/tickets")
    assert (response.status_code, codes(response)) == (500, {"": "unexpected"})
    fault_id = response.json()["fault_id"]
    assert fault_id in response.json()["detail"] and "secret" not in response.content.decode()
    assert any(fault_id in str(record.msg) for record in caplog.records)
