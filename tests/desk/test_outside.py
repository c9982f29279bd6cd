"""Outside events (D25b): warn, tell, open ahead of the complaint; taken in once, kept where nothing fits, retried."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jiying.alerts.models import Alert
from jiying.base import due
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import JournalEntry
from jiying.desk.models import Category, Customer, Message, OutsideEvent, OutsideKind, RepeatContact, Ticket
from jiying.desk.queries import outside as queries
from jiying.desk.services import handing_out, handling, merging, outside, outside_kinds, privacy, repeats, triage
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.outside import Reported
from jiying.desk.services.outside_kinds import OutsideKindData
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, at_once, everything, facts_of, ticket_in

ZHANG = CustomerData(name="张三", phone="13812345678", ref="C1")
SWEEP = due.Sweep("outside", OutsideEvent, outside.serve, batch=1)


def report(cast: Cast, event_id: str = "e1", kind: str = "order_late", **fields: Any) -> OutsideEvent:
    values = {"customer": ZHANG, "reference": "DD1", "text": "晚两天", "occurred_at": cast.now, **fields}
    now = values.pop("now", cast.now)
    return outside.report(actor=SYSTEM, reported=Reported("erp", event_id, kind, **values), now=now)[0]


def acted(cast: Cast, *args: Any, now: Any = None, **fields: Any) -> OutsideEvent:
    """Reported, and acted on by the worker."""
    event = report(cast, *args, now=now or cast.now, **fields)
    due.run(SWEEP, now or cast.now)
    event.refresh_from_db()
    return event


def did(event: OutsideEvent) -> list[str]:
    return [one["do"] for one in event.outcome if "do" in one]


def test_agent_and_customer_of_an_open_ticket_are_warned(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", customer=ZHANG)
    event = acted(cast, severity="critical")
    assert (event.state, did(event)) == ("done", ["warn", "tell"])
    note, reply = Message.objects.filter(ticket=ticket, kind__in=("note", "reply")).order_by("-pk")[:2][::-1]
    assert (note.kind, reply.kind, reply.by) == ("note", "reply", "auto")
    assert "订单延误 DD1" in note.body and "晚两天" in note.body and "erp" in note.body
    assert "张三" in reply.body and "DD1" in reply.body and "{" not in reply.body
    alert = Alert.objects.get(kind="ticket.outside_event")
    assert (alert.person_id, alert.severity, alert.subject_id) == (cast.lin.pk, "critical", ticket.pk)
    assert "outside_event" in facts_of(ticket)
    ticket.refresh_from_db()
    assert ticket.status == "in_progress" and not Ticket.objects.exclude(pk=ticket.pk).exists()
    assert "订单延误 DD1" in cast.client(cast.lin).get(f"/tickets/{ticket.number}/").content.decode()


def test_a_ticket_is_opened_before_the_customer_complains(cast: Cast) -> None:
    ticket_in(cast, "closed", customer=ZHANG)
    event = acted(cast)
    opened = Ticket.objects.get(source="event:erp")
    assert did(event) == ["open", "tell"]
    assert (opened.customer_id, opened.category, opened.external_id) == (event.customer_id, "logistics/late", "e1")
    assert opened.subject == "订单 DD1 配送延误（主动跟进）"
    assert opened.assignee_id == cast.lin.pk  # routed like any other
    assert facts_of(opened)[:2] == ["opened", "assigned"]
    assert opened.public_reply_at is None  # an automatic answer keeps no promise
    assert {m.kind for m in Message.objects.filter(ticket=opened)} == {"note", "reply"}


def test_the_same_event_again_changes_nothing(cast: Cast) -> None:
    ticket_in(cast, "in_progress", customer=ZHANG)
    acted(cast)
    before = everything()
    actor, again = SYSTEM, Reported("erp", " e1 ", "service_fault", cast.now, CustomerData())
    kept, is_new = outside.report(actor=actor, reported=again, now=cast.now + HOUR)
    due.run(SWEEP, cast.now + HOUR)
    assert not is_new and kept.kind == "order_late"
    assert everything() == before


def test_an_equal_event_within_the_window_opens_and_tells_nothing_twice(cast: Cast) -> None:
    cast.ticket(customer=CustomerData(name="别人", phone="13900000000"))
    Customer.objects.create(name="张三", ref="C1")
    acted(cast, "e1")
    warned = acted(cast, "e2", now=cast.now + HOUR)
    assert did(warned) == ["warn"]  # the agent of the ticket hears more, the customer not twice
    first = Ticket.objects.get(source="event:erp")
    handling.cancel(actor=SYSTEM, number=first.number, reason="误报", now=cast.now + HOUR)
    same = acted(cast, "e3", now=cast.now + 2 * HOUR)
    assert (same.state, same.reason, same.outcome) == ("nothing", "same", [])
    other = acted(cast, "e4", now=cast.now + 2 * HOUR, reference="DD2")
    assert did(other) == ["open", "tell"]
    handling.cancel(actor=SYSTEM, number=other.outcome[0]["ticket"], reason="误报", now=cast.now + 3 * HOUR)
    late = acted(cast, "e5", now=cast.now + 27 * HOUR)
    assert did(late) == ["open", "tell"]
    OutsideKind.objects.update(window_h=0)
    handling.cancel(actor=SYSTEM, number=late.outcome[0]["ticket"], reason="误报", now=cast.now + 28 * HOUR)
    assert did(acted(cast, "e6", now=cast.now + 28 * HOUR)) == ["open", "tell"]


@pytest.mark.parametrize(
    ("kind", "customer", "reason"),
    [
        ("unheard", ZHANG, "unknown_kind"),
        ("refund_failed", ZHANG, "kind_off"),
        ("order_late", CustomerData(phone="13999999999"), "unknown_customer"),
        ("order_late", CustomerData(), "unknown_customer"),
    ],
)
def test_what_matches_nothing_is_kept_and_tried_again_after_mending(
    cast: Cast, kind: str, customer: CustomerData, reason: str
) -> None:
    ticket_in(cast, "in_progress", customer=ZHANG)
    event = acted(cast, kind=kind, customer=customer)
    assert (event.state, event.reason, event.wake_at) == ("unmatched", reason, None)
    if kind == "unheard":
        data = OutsideKindData("unheard", "未知", warns=True)
        outside_kinds.save(actor=cast.actor(cast.ops), data=data, revision=None, now=cast.now)
    OutsideKind.objects.update(active=True)
    if customer.phone:
        cast.ticket(customer=CustomerData(name="新客户", phone=customer.phone))
    outside.retry(actor=cast.actor(cast.sup), event_id=event.pk, now=cast.now + MINUTE)
    due.run(SWEEP, cast.now + MINUTE)
    event.refresh_from_db()
    assert event.state == ("done" if customer.phone else "unmatched")
    kinds = JournalEntry.objects.filter(subject_kind="outside_event").order_by("pk").values_list("kind", flat=True)
    assert [k.partition(".")[2] for k in kinds] == ["received", "handled", "retried", "handled"]


def test_what_the_desk_refuses_is_undone_whole_and_named(cast: Cast) -> None:
    cast.ticket(customer=ZHANG)
    OutsideKind.objects.filter(code="order_late").update(opens="always", tells=True)
    Category.objects.filter(path="logistics/late").update(active=False)
    triage.forget()
    n_said = Message.objects.count()
    event = acted(cast)
    assert (event.state, Message.objects.count(), Alert.objects.filter(kind="ticket.outside_event").count()) == (
        "refused", n_said, 0,
    )  # fmt: skip
    row = queries.events(cast.actor(cast.sup)).items[0]
    assert "logistics/late" in row.why and row.may_retry
    Category.objects.filter(path="logistics/late").update(active=True)
    triage.forget()
    outside.retry(actor=cast.actor(cast.ops), event_id=event.pk, now=cast.now)
    due.run(SWEEP, cast.now)
    event.refresh_from_db()
    assert did(event) == ["warn", "open", "tell"]
    with pytest.raises(Conflict):
        outside.retry(actor=cast.actor(cast.ops), event_id=event.pk, now=cast.now)


def test_bad_input_is_refused_whole_and_rights_are_asked(cast: Cast) -> None:
    before = everything()
    wrong = Reported(
        "", "x" * 81, " ", cast.now + HOUR, CustomerData(phone="abc"), text="\x00", severity="loud"
    )  # fmt: skip
    with pytest.raises(Invalid) as refused:
        outside.report(actor=SYSTEM, reported=wrong, now=cast.now)
    fields = [f.field for f in refused.value.faults]
    assert fields == ["source", "event_id", "kind", "text", "severity", "occurred_at", "customer.phone"]
    right = Reported("erp", "e1", "order_late", cast.now, ZHANG)
    calls: list[tuple[Callable[[], object], type[Exception]]] = [
        (lambda: outside.report(actor=cast.actor(cast.sup), reported=right, now=cast.now), Denied),
        (lambda: outside.retry(actor=cast.actor(cast.wang), event_id=1, now=cast.now), Denied),
        (lambda: outside.retry(actor=cast.actor(cast.chen), event_id=1, now=cast.now), Denied),
        (lambda: outside.retry(actor=cast.actor(cast.sup), event_id=1, now=cast.now), NotFound),
        (lambda: queries.events(cast.actor(cast.wang)), Denied),
    ]
    for call, error in calls:
        with pytest.raises(error):
            call()
    assert everything() == before


def test_a_ticket_ahead_is_no_repeat_contact(cast: Cast) -> None:
    asked = cast.ticket(customer=ZHANG, category="logistics/late")
    handling.cancel(actor=SYSTEM, number=asked.number, reason="误建", now=cast.now)
    ahead = Ticket.objects.get(number=acted(cast).outcome[0]["ticket"])
    again = cast.ticket(customer=ZHANG, category="logistics/late")
    repeats.find(ids=[ahead.pk, again.pk], now=cast.now)
    assert not RepeatContact.objects.exists()


def test_kinds_are_edited_with_all_faults_named(cast: Cast) -> None:
    bad = OutsideKindData(
        "Bad Code", "", tells=True, opens="often", channel="pigeon", priority="P9", category="none", window_h=9999
    )
    with pytest.raises(Invalid) as refused:
        outside_kinds.save(actor=cast.actor(cast.ops), data=bad, revision=None, now=cast.now)
    fields = ["code", "name_zh", "message", "subject", "opens", "channel", "priority", "category", "window_h"]
    assert [f.field for f in refused.value.faults] == fields
    with pytest.raises(Denied):
        outside_kinds.save(actor=cast.actor(cast.sup), data=OutsideKindData("x", "某"), revision=None, now=cast.now)
    client = cast.client(cast.admin)
    values = {"code": "recall", "name_zh": "召回", "warns": "on", "channel": "other", "window_h": "24", "active": "on"}
    assert client.post("/setup/outside/new", values).status_code == 302
    assert client.post("/setup/outside/new", values).status_code == 409
    assert client.post("/setup/outside/recall", {**values, "tells": "on", "revision": "1"}).status_code == 422
    assert client.post("/setup/outside/recall", {**values, "name_zh": "产品召回", "revision": "1"}).status_code == 302
    assert client.post("/setup/outside/recall", {**values, "revision": "1"}).status_code == 409
    assert "产品召回" in client.get("/setup/outside/").content.decode()
    assert client.get("/setup/outside/unheard").status_code == 404
    assert cast.client(cast.lin).get("/setup/outside/").status_code == 403
    assert [e.kind for e in JournalEntry.objects.filter(subject_kind="outside_kind").order_by("pk")] == [
        "outside_kind.created", "outside_kind.changed",
    ]  # fmt: skip


def test_the_list_shows_what_came_masked_and_tries_again(cast: Cast) -> None:
    client = cast.client(cast.sup)
    assert "/api/v1/outside-events" in client.get("/outside/").content.decode()  # how the first one comes here
    event = acted(cast, customer=CustomerData(name="李小四", phone="13700001111", email="li@example.com"))
    page = client.get("/outside/").content.decode()
    assert "137****1111" in page and "13700001111" not in page and "li@example.com" not in page and "李小四" not in page
    assert f"/outside/{event.pk}/retry" in page
    assert f"/outside/{event.pk}/retry" not in cast.client(cast.chen).get("/outside/").content.decode()
    assert client.post(f"/outside/{event.pk}/retry").status_code == 302
    assert client.post(f"/outside/{event.pk}/retry").status_code == 409
    assert "137****" not in client.get("/outside/?state=done").content.decode()
    assert cast.client(cast.lin).get("/outside/").status_code == 403
    assert client.get("/outside/?cursor=x").status_code == 422


@pytest.mark.usefixtures("still")
def test_the_list_costs_the_same_for_one_and_for_many_and_is_paged(cast: Cast) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            queries.events(cast.actor(cast.sup))
        return len(seen)

    acted(cast, "e0")
    few = cost()
    for n in range(1, queries.PAGE + 2):
        report(cast, f"e{n}", now=cast.now + n * MINUTE)
    assert cost() == few
    first = queries.events(cast.actor(cast.sup))
    assert first.next is not None
    rest = queries.events(cast.actor(cast.sup), cursor=first.next)
    assert (len(first.items), [row.event_id for row in rest.items], rest.next) == (queries.PAGE, ["e1", "e0"], None)


def test_the_api_is_for_tokens_with_the_scope(cast: Cast) -> None:
    body = {
        "source": "erp", "event_id": "42", "kind": "order_late", "occurred_at": cast.now.isoformat(),
        "customer": {"phone": "13812345678"}, "reference": "DD1",
    }  # fmt: skip
    cast.ticket(customer=ZHANG)

    def post(client: Any, path: str = "/outside-events", **more: Any) -> Any:
        sent = json.dumps({**body, **more} if path == "/outside-events" else more)
        return client.post(f"/api/v1{path}", sent, content_type="application/json")

    hook = cast.api(cast.admin, "desk.report_events")
    first, again = post(hook), post(hook, text="别的")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"] and again.json()["text"] == ""
    assert "13812345678" not in first.content.decode()
    assert post(cast.api(cast.admin, "desk.view_all"), event_id="43").status_code == 403
    assert post(cast.api(cast.lin), event_id="43").status_code == 403
    assert post(hook, event_id="43", severity="loud").json()["errors"][0]["field"] == "severity"
    assert hook.get("/api/v1/outside-events").status_code == 403  # who reports reads nothing
    assert post(cast.api(cast.admin), "/outside-events/999999/retry").status_code == 404
    items = cast.api(cast.sup).get("/api/v1/outside-events?state=waiting").json()["items"]
    assert [row["event_id"] for row in items] == ["42"]
    ops = cast.api(cast.ops)
    saved = ops.put("/api/v1/outside-kinds/recall", json.dumps({"name_zh": "召回"}), content_type="application/json")
    assert (saved.status_code, saved.json()["revision"], saved.json()["n_events"]) == (200, 1, 0)
    assert "recall" in {row["code"] for row in ops.get("/api/v1/outside-kinds").json()["items"]}
    assert cast.api(cast.sup).get("/api/v1/outside-kinds").status_code == 403


def test_erased_handed_out_merged_and_forgotten(cast: Cast) -> None:
    cast.ticket(customer=ZHANG)
    event = acted(cast)
    customer = Customer.objects.get(ref="C1")
    assert handing_out.collect(customer)["outside_events"][0]["reference"] == "DD1"
    keep = Customer.objects.create(name="张三")
    merging.merge(actor=cast.actor(cast.admin), keep_id=keep.pk, drop_id=customer.pk, now=cast.now)
    event.refresh_from_db()
    assert event.customer_id == keep.pk
    keep.refresh_from_db()
    privacy._erase_customer(keep, cast.now)
    event.refresh_from_db()
    assert event.told == {}
    outside.drop_old(cast.now + timedelta(days=181))
    assert not OutsideEvent.objects.exists()


def test_an_event_that_led_to_nobody_is_erased_with_whom_it_tells_of(cast: Cast) -> None:
    told = CustomerData(name="李四", phone="139 0000-1111")
    event, other = acted(cast, customer=told), acted(cast, "e2", customer=CustomerData(phone="13700002222"))
    assert (event.state, event.customer_id) == ("unmatched", None)
    customer = Customer.objects.create(name="李四", phone="13900001111")
    privacy._erase_customer(customer, cast.now)
    event.refresh_from_db()
    other.refresh_from_db()
    assert (event.told, event.customer_id) == ({}, customer.pk)
    assert (other.told, other.customer_id) == ({"phone": "13700002222"}, None)


def test_the_same_event_twice_at_once_is_one(live_cast: Cast) -> None:
    cast = live_cast
    cast.ticket(customer=CustomerData(name="别人", phone="13900000000"))
    Customer.objects.create(name="张三", ref="C1")
    results = at_once([lambda: report(cast) for _n in range(4)])
    assert len({event.pk for event in results}) == 1
    equal = [report(cast, f"e{n}") for n in (2, 3)]
    assert len(equal) == 2
    at_once([lambda: due.run(SWEEP, cast.now)] * 3)
    due.run(SWEEP, cast.now)
    assert Ticket.objects.filter(source="event:erp").count() == 1
