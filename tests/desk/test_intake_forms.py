"""Intake forms on requests (D1a): asked, filled in, refused on strict ways, marked on others, completed, counted."""

import json
from typing import Any

import pytest

from jiying.base import documents
from jiying.base.actor import SYSTEM
from jiying.base.errors import Denied, Invalid, NotFound
from jiying.desk.models import Category, Ticket
from jiying.desk.queries import intake_forms as queries
from jiying.desk.services import asking, form_setup, triage
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast
from tests.core.test_intake_forms import BODY
from tests.desk.stage import facts_of

GOOD = {"order_no": "DD12345678", "damage": "外箱"}


@pytest.fixture(autouse=True)
def _a_form(cast: Cast) -> None:
    form_setup.save(actor=SYSTEM, key="damage", title="破损登记", body=BODY, now=cast.now)
    Category.objects.filter(path="logistics").update(form="damage")
    Category.objects.filter(path="logistics/lost").delete()  # its tickets are asked as those of logistics
    triage.forget()
    documents.forget()


def refused(cast: Cast, **fields: Any) -> list[tuple[str, str]]:
    before = Ticket.objects.count()
    with pytest.raises(Invalid) as error:
        cast.ticket(category="logistics", **fields)
    assert Ticket.objects.count() == before
    return [(f.field, f.code) for f in error.value.faults]


def test_a_strict_channel_refuses_and_names_every_field(cast: Cast) -> None:
    assert refused(cast, fields={"order_no": "?"}) == [
        ("fields.order_no", "wrong_form"),
        ("fields.damage", "required"),
    ]
    ticket = cast.ticket(category="logistics", fields=GOOD)
    assert (ticket.fields, ticket.form, ticket.is_incomplete) == (GOOD, "damage/1", False)


def test_other_channels_are_marked_and_agents_always_asked(cast: Cast) -> None:
    ticket = cast.ticket(category="logistics", channel="email")
    assert (ticket.form, ticket.is_incomplete) == ("damage/1", True)
    assert refused(cast, channel="email", opened_by="agent")[0] == ("fields.order_no", "required")
    plain = cast.ticket(category="invoice", fields={"own": "1"})
    assert (plain.fields, plain.form, plain.is_incomplete) == ({"own": "1"}, "", False)


def test_what_is_known_is_never_asked_twice(cast: Cast) -> None:
    customer = CustomerData(name="张三", phone="13812345678")
    cast.ticket(category="logistics", fields=GOOD, customer=customer)
    again = cast.ticket(category="logistics", channel="phone", fields={"damage": "外箱"}, customer=customer)
    assert again.fields == {"damage": "外箱", "order_no": "DD12345678", "callback": "13812345678"}
    assert not again.is_incomplete


def test_a_ticket_keeps_the_version_that_it_was_taken_in_with(cast: Cast) -> None:
    first = cast.ticket(category="logistics", fields=GOOD)
    body = {"fields": [{"key": "order_no", "label": "单号", "required": True}]}
    form_setup.save(actor=SYSTEM, key="damage", title="破损登记", body=body, now=cast.now)
    documents.forget()
    second = cast.ticket(category="logistics", fields={"order_no": "任意"})
    assert (first.form, second.form, second.is_incomplete) == ("damage/1", "damage/2", False)
    found = queries.of_ticket(first)
    assert found is not None
    assert ("订单号", "DD12345678") in found.given


def test_the_agent_completes_what_was_missing(cast: Cast) -> None:
    ticket = cast.accepted(category="logistics", channel="email")
    lin = cast.actor(cast.lin)

    def complete(**values: str) -> Ticket:
        return asking.complete(actor=lin, number=ticket.number, values=values, now=cast.now)

    assert complete(order_no="DD12345678").is_incomplete
    assert not complete(damage="外箱").is_incomplete
    assert facts_of(ticket)[-2:] == ["fields_completed", "fields_completed"]
    with pytest.raises(Invalid):
        complete(order_no="?")
    with pytest.raises(Invalid):
        complete(colour="红")
    with pytest.raises(NotFound):
        asking.complete(actor=cast.actor(cast.zhao), number=ticket.number, values=GOOD, now=cast.now)
    with pytest.raises(Denied):
        asking.complete(actor=cast.actor(cast.chen), number=ticket.number, values=GOOD, now=cast.now)


def test_the_share_of_incomplete_tickets_is_counted(cast: Cast) -> None:
    for channel in ("email", "email", "chat"):
        cast.ticket(category="logistics", channel=channel)
    cast.ticket(category="logistics", fields=GOOD)
    row = queries.form("damage", cast.now)
    assert (row.n_tickets, row.n_incomplete, row.incomplete_share) == (4, 3, 75)
    assert queries.by_channel("damage", cast.now) == [("chat", 1, 1), ("email", 2, 2), ("web", 1, 0)]


def test_the_page_asks_shows_faults_in_place_and_opens(cast: Cast) -> None:
    client = cast.client(cast.lin)
    asked = client.get("/tickets/new/fields", {"category": "logistics", "channel": "phone", "field.damage": "商品"})
    text = asked.content.decode()
    assert "field.photo" in text
    assert "field.callback" in text
    values = {"subject": "箱子破了", "channel": "email", "type": "fault", "category": "logistics"}
    answer = client.post("/tickets/new/", {**values, "field.order_no": "?", "field.damage": "外箱"})
    assert answer.status_code == 422
    assert "订单号" in answer.content.decode()
    answer = client.post("/tickets/new/", {**values, "field.order_no": "DD12345678", "field.damage": "外箱"})
    assert answer.status_code == 302
    assert Ticket.objects.get(subject="箱子破了").fields == GOOD
    assert cast.client(cast.he).get("/tickets/new/fields").status_code == 403


def test_the_ticket_page_shows_what_is_missing_and_completes_it(cast: Cast) -> None:
    ticket = cast.accepted(category="logistics", channel="email")
    client = cast.client(cast.lin)
    assert "破损登记" in client.get(f"/tickets/{ticket.number}/").content.decode()
    path = f"/tickets/{ticket.number}/do/complete"
    assert "fields.order_no" in client.get(path).content.decode()
    assert client.post(path, {"fields.order_no": "?"}).status_code == 422
    assert client.post(path, {"fields.order_no": "DD12345678", "fields.damage": "外箱"}).status_code == 302
    ticket.refresh_from_db()
    assert not ticket.is_incomplete


def test_the_editor(cast: Cast) -> None:
    client = cast.client(cast.admin)
    assert cast.client(cast.sup).get("/setup/forms/").status_code == 403
    values = {
        "key": "late", "title": "催件登记", "strict": ["web", "chat"],
        "field.0.place": "1", "field.0.key": "order_no", "field.0.label": "订单号", "field.0.kind": "order",
        "field.0.required": "on", "field.0.fill": "last",
        "field.1.place": "2", "field.1.label": "原因", "field.1.kind": "choice", "field.1.options": "未发货，未送达",
    }  # fmt: skip
    assert client.post("/setup/forms/new", values).status_code == 302
    row = queries.form("late", cast.now)
    assert (row.strict, row.fields[1]["options"], row.version) == (["chat", "web"], ["未发货", "未送达"], 1)
    for path in ("/setup/forms/", "/setup/forms/late", "/setup/forms/damage", "/setup/forms/new"):
        assert client.get(path).status_code == 200
    assert client.post("/setup/forms/late", {**values, "field.1.options": ""}).status_code == 422


def test_the_api_refuses_by_field_and_saves_forms(cast: Cast) -> None:
    lin, admin = cast.api(cast.lin), cast.api(cast.admin)

    def create(**fields: str) -> Any:
        body = {"subject": "破了", "channel": "web", "category": "logistics", "fields": fields}
        return lin.post("/api/v1/tickets", json.dumps(body), content_type="application/json")

    answer = create(order_no="?")
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["fields.order_no", "fields.damage"]
    answer = create(**GOOD)
    assert (answer.status_code, answer.json()["form"], answer.json()["is_incomplete"]) == (201, "damage/1", False)
    body = {"title": "催件", "fields": [{"key": "order_no", "label": "订单号"}]}
    saved = admin.put("/api/v1/intake-forms/late", json.dumps(body), content_type="application/json")
    assert (saved.status_code, saved.json()["version"]) == (200, 1)
    assert {f["key"] for f in lin.get("/api/v1/intake-forms").json()["items"]} == {"damage", "late"}
    number = answer.json()["number"]
    fields = {"fields": {"amount": "x"}}
    wrong = admin.post(f"/api/v1/tickets/{number}/fields", json.dumps(fields), content_type="application/json")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "fields.amount")
