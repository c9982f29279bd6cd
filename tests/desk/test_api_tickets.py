"""Tickets by API (item 7): what a create answers with, idempotency, lists, what others may not see."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pydantic import TypeAdapter

from jiying.base.models import IdempotencyKey, JournalEntry
from jiying.desk.models import Customer, Ticket
from jiying.desk.queries import tickets_api
from tests.cast import Cast

CUSTOMER = {"ref": "C-1", "name": "王小明", "phone": "138-1234-5678", "email": "Wang@Example.com", "tier": "vip"}


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(f"/api/v1{path}", json.dumps(body or {}), content_type="application/json", headers=headers)


def test_a_create_answers_with_all_that_was_decided(cast: Cast) -> None:
    api = cast.api(cast.lin)
    response = post(api, "/tickets", {"subject": "支付失败，重复扣款", "channel": "web", "customer": CUSTOMER})
    assert response.status_code == 201, response.content
    made = response.json()
    TypeAdapter(tickets_api.TicketRow).validate_json(response.content, strict=False)
    ticket = Ticket.objects.get(number=made["number"])
    assert response["Location"] == f"/api/v1/tickets/{ticket.number}"
    assert response["Cache-Control"] == "no-store"
    assert (made["status"], made["assignee"]["username"], made["team"]["code"]) == ("assigned", "lin", "team1")
    assert made["priority"] == ticket.priority and made["priority_reason"]["rule"]
    clocks = {clock["metric"]: clock for clock in made["clocks"]}
    assert {"accept", "first_response", "resolution"} <= clocks.keys()
    accept = clocks["accept"]
    assert (accept["state"], accept["seq"], accept["ended_at"]) == ("running", 1, None)
    assert accept["due_at"] > accept["started_at"]
    assert clocks["first_response"]["state"] == "pending"
    assert made["next_due_at"] == accept["due_at"]
    assert api.get(response["Location"]).json() == {**made, "collaborations": []}


def test_a_key_gives_the_same_ticket_again(cast: Cast) -> None:
    api, body = cast.api(cast.lin), {"subject": "发票", "channel": "email"}
    first = post(api, "/tickets", body, **{"Idempotency-Key": "k1"})
    again = post(api, "/tickets", body, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first
    other = post(api, "/tickets", {**body, "subject": "另一张发票"}, **{"Idempotency-Key": "k1"})
    assert other.status_code == 409
    assert other.json()["errors"][0]["code"] == "idempotency_mismatch"
    assert Ticket.objects.count() == IdempotencyKey.objects.count() == 1
    # The key is its caller's own: the same word from somebody else is another key.
    assert post(cast.api(cast.wang), "/tickets", body, **{"Idempotency-Key": "k1"}).json() != first.json()


def test_receipt_in_the_past_needs_the_import_right(cast: Cast) -> None:
    body = {"subject": "历史", "channel": "web", "received_at": (timezone.now() - timedelta(days=3)).isoformat()}
    refused = post(cast.api(cast.lin), "/tickets", body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "past_needs_right"
    made = post(cast.api(cast.admin), "/tickets", body)
    assert made.status_code == 201
    assert made.json()["received_at"][:19] == body["received_at"][:19]


def test_personal_data_is_plain_to_its_agent_only(cast: Cast) -> None:
    made = post(cast.api(cast.admin), "/tickets", {"subject": "查询", "channel": "web", "customer": CUSTOMER}).json()
    path = f"/api/v1/tickets/{made['number']}"
    own = cast.api(cast.lin).get(path).json()["customer"]
    assert (own["masked"], own["name"], own["phone"]) == (False, "王小明", "13812345678")
    seen = cast.api(cast.chen).get(path).json()["customer"]
    assert (seen["masked"], seen["name"], seen["phone"]) == (True, "王*明", "138****5678")
    assert "小" not in json.dumps(seen, ensure_ascii=False)


def test_a_reveal_is_journalled_and_needs_a_ticket_of_that_customer(cast: Cast) -> None:
    made = post(cast.api(cast.admin), "/tickets", {"subject": "查询", "channel": "web", "customer": CUSTOMER}).json()
    path, body = f"/customers/{made['customer']['id']}/reveal", {"ticket": made["number"]}
    plain = post(cast.api(cast.wang), path, body)
    assert (plain.status_code, plain.json()["phone"]) == (200, "13812345678")
    assert JournalEntry.objects.filter(kind="customer.revealed").count() == 1
    other = Customer.objects.create(name="李四", phone="13900001111")
    assert post(cast.api(cast.wang), f"/customers/{other.pk}/reveal", body).status_code == 404
    assert post(cast.api(cast.zhao), path, body).status_code == 404  # another team's ticket
    assert post(cast.api(cast.chen), path, body).status_code == 403
    assert JournalEntry.objects.filter(kind="customer.revealed").count() == 1


def test_a_foreign_ticket_does_not_exist(cast: Cast) -> None:
    number = cast.ticket().number  # Lin's, team 1
    zhao = cast.api(cast.zhao)
    before = JournalEntry.objects.count()
    for path in (f"/tickets/{number}", f"/tickets/{number}/events", f"/tickets/{number}/messages"):
        assert zhao.get(f"/api/v1{path}").status_code == 404
    assert post(zhao, f"/tickets/{number}/accept").status_code == 404
    assert post(zhao, f"/tickets/{number}/note", {"body": "看看"}).status_code == 404
    assert zhao.get("/api/v1/tickets").json()["items"] == []
    assert zhao.get("/api/v1/tickets/GD19700101001").status_code == 404
    assert zhao.get("/api/v1/tickets/..%20").status_code == 404
    assert JournalEntry.objects.count() == before


def _numbers(client: Client, query: str) -> list[str]:
    response = client.get(f"/api/v1/tickets?{query}")
    assert response.status_code == 200, response.content
    return [row["number"] for row in response.json()["items"]]


def test_lists_are_cut_as_asked(cast: Cast) -> None:
    web = cast.ticket(subject="网页", channel="web", priority="P1")
    from jiying.desk.services.customers import CustomerData

    phone = cast.ticket(subject="电话", channel="phone", customer=CustomerData(name="李雷", phone="13900008888"))
    chief = cast.api(cast.sup)
    assert _numbers(chief, "channel=phone") == [phone.number]
    assert set(_numbers(chief, "channel=phone&channel=web")) == {web.number, phone.number}
    assert _numbers(chief, "priority=P1") == [web.number]
    assert _numbers(chief, f"q={web.number.lower()}") == [web.number]
    assert _numbers(chief, "q=00008888") == _numbers(chief, "q=8888") == [phone.number]
    assert _numbers(chief, "q=8887") == []
    assert _numbers(chief, f"customer={phone.customer_id}") == [phone.number]
    assert _numbers(chief, "status=closed") == []
    assert _numbers(chief, "late=true") == []
    assert _numbers(chief, "assignee=none") == []
    assert set(_numbers(cast.api(cast.lin), "assignee=me")) == {web.number, phone.number}
    assert set(_numbers(chief, f"team={cast.team1.pk}")) == {web.number, phone.number}
    assert _numbers(chief, "received_from=2099-01-01T00:00:00Z") == []
    assert _numbers(chief, "received_to=2099-01-01T00:00:00%2B08:00") != []


@pytest.mark.parametrize("sort", ["due", "received"])
def test_pages_neither_repeat_nor_lose_a_ticket(cast: Cast, sort: str) -> None:
    made = [cast.ticket(subject=f"第 {n} 张", now=cast.now + timedelta(seconds=n // 2)).number for n in range(9)]
    Ticket.objects.filter(number__in=made[:3]).update(next_due_at=None)
    api, seen, cursor = cast.api(cast.sup), [], ""
    for _page in range(10):
        page = api.get(f"/api/v1/tickets?sort={sort}&limit=2{cursor}").json()
        seen += [row["number"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(made)
    assert seen[-3:] == made[:3] if sort == "due" else seen == made[::-1]
    other = "received" if sort == "due" else "due"
    wrong = api.get(f"/api/v1/tickets?sort={other}{cursor}")
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "bad_cursor")


@pytest.mark.usefixtures("still")
def test_a_list_costs_the_same_at_10_and_100_rows(cast: Cast) -> None:
    from jiying.desk.services.customers import CustomerData

    api = cast.api(cast.sup)
    counts = []
    for n in (10, 100):
        for i in range(Ticket.objects.count(), n):
            cast.ticket(subject=f"{i}", customer=CustomerData(ref=f"C{i}", name="张三"))
        api.get("/api/v1/tickets?limit=1")
        with CaptureQueriesContext(connection) as queries:
            page = api.get("/api/v1/tickets?sort=due&limit=200").json()
        assert len(page["items"]) == n
        counts.append(len([q for q in queries if "base_person" not in q["sql"]]))
    assert counts[0] == counts[1] <= 5


def test_events_and_messages_come_in_pages(cast: Cast) -> None:
    ticket = cast.accepted()
    api = cast.api(cast.lin)
    for n in range(3):
        assert post(api, f"/tickets/{ticket.number}/reply", {"body": f"回复 {n}"}).status_code == 200
    first = api.get(f"/api/v1/tickets/{ticket.number}/messages?limit=2").json()
    rest = api.get(f"/api/v1/tickets/{ticket.number}/messages?limit=2&cursor={first['next_cursor']}").json()
    assert [m["body"] for m in first["items"] + rest["items"]] == ["回复 0", "回复 1", "回复 2"]
    assert rest["next_cursor"] is None
    events, cursor = [], ""
    while True:
        page = api.get(f"/api/v1/tickets/{ticket.number}/events?limit=2{cursor}").json()
        events += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "ticket.opened" and kinds.count("ticket.message") == 3
    assert (
        len({event["id"] for event in events})
        == len(events)
        == JournalEntry.objects.filter(subject_id=ticket.pk, subject_kind="ticket").count()
    )
    assert events[-1]["actor"]["username"] == "lin"
