"""Work, lists, intake and supervision: right rows in right order, whole or as fragments."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jiying.base import journal, tails
from jiying.base.models import Person
from jiying.desk.models import AgentLoad, Customer, Ticket
from jiying.desk.queries import filters, lists
from jiying.desk.services import handling, indexing, routing
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast

HX = {"HX-Request": "true"}


def _numbers(cast: Cast, person: Person, **values: str) -> list[str]:
    while journal.sequence():  # what the worker does within a second, so that words are found
        pass
    tails.catch_up(indexing.READER)
    page = lists.page(cast.actor(person), filters.read(values), cast.now)
    return [row.number for row in page.rows]


def test_my_work_has_my_tickets_and_my_teams_queue(cast: Cast) -> None:
    mine = cast.ticket(subject="我的工单")
    AgentLoad.objects.update(capacity=0)
    waiting = cast.ticket(subject="等待领取")
    other = cast.ticket(subject="别组的")
    routing.transfer(actor=cast.actor(cast.sup), number=other.number, to_team=cast.team2.pk, now=cast.now)
    client = cast.client(cast.lin)
    page, part = client.get("/work/").content.decode(), client.get("/work/", headers=HX).content.decode()
    for text in (page, part):
        assert "我的工单" in text
        assert "等待领取" in text
        assert "别组的" not in text
    assert "<html" in page
    assert "<html" not in part
    client.post(f"/tickets/{waiting.number}/do/accept", {"next": f"/work/?ticket={waiting.number}"})
    waiting.refresh_from_db()
    assert (waiting.assignee_id, waiting.status) == (cast.lin.pk, "accepted")
    assert mine.assignee_id == cast.lin.pk


def test_a_ticket_stands_beside_the_list(cast: Cast) -> None:
    ticket = cast.accepted()
    client = cast.client(cast.lin)
    beside = client.get(f"/tickets/{ticket.number}/?beside", headers=HX).content.decode()
    assert beside.lstrip().startswith('<article id="ticket"')
    assert 'id="ticket"' in client.get(f"/work/?ticket={ticket.number}").content.decode()
    assert 'id="ticket"' not in client.get("/work/?ticket=GD20200101001").content.decode()


def test_empty_lists_say_what_would_be_here(cast: Cast) -> None:
    assert "jy-empty" in cast.client(cast.lin).get("/work/").content.decode()
    assert "jy-empty" in cast.client(cast.lin).get("/tickets/").content.decode()


def test_lists_sort_by_due_time_and_those_without_come_last(cast: Cast) -> None:
    late = cast.ticket(subject="三", priority="P3")
    soon = cast.ticket(subject="一", priority="P1")
    paused = cast.accepted(subject="停", priority="P1")
    handling.hold(actor=cast.actor(cast.lin), number=paused.number, reason="customer", now=cast.now)
    Ticket.objects.filter(pk=paused.pk).update(next_due_at=None)
    Ticket.objects.filter(pk=late.pk).update(next_due_at=cast.now + timedelta(hours=9))
    assert _numbers(cast, cast.lin) == [soon.number, late.number, paused.number]


def test_pages_by_key_miss_nothing_and_repeat_nothing(cast: Cast, monkeypatch: Any) -> None:
    monkeypatch.setattr(lists, "PAGE", 3)
    tickets = [cast.ticket(subject=f"第 {n} 张") for n in range(8)]
    Ticket.objects.filter(pk__in=[t.pk for t in tickets[:3]]).update(next_due_at=cast.now)
    Ticket.objects.filter(pk__in=[t.pk for t in tickets[3:5]]).update(next_due_at=None)
    for sort in ("due", "received"):
        seen, cursor = [], ""
        for _page in range(3):
            page = lists.page(cast.actor(cast.sup), filters.read({"sort": sort}), cast.now, cursor)
            seen += [row.id for row in page.rows]
            cursor = page.cursor
        assert not cursor
        assert sorted(seen) == sorted(t.pk for t in tickets)


FILTERS = [
    ({"priority": "P1"}, {"a"}),
    ({"channel": "phone"}, {"b"}),
    ({"assignee": "me"}, {"a", "b"}),
    ({"assignee": "none"}, {"c"}),
    ({"category": "order"}, {"b"}),
    ({"view": "mine"}, {"a", "b"}),
    ({"view": "unassigned"}, {"c"}),
    ({"view": "vip"}, {"b"}),
    ({"view": "ended"}, {"d"}),
    ({"status": "assigned"}, {"b"}),
    ({"q": "5678"}, {"b"}),
    ({"q": "13812345678"}, {"b"}),
    ({"q": "退款 未到账"}, {"c"}),
    ({"q": "100%"}, set()),
]


@pytest.mark.parametrize(("values", "expected"), FILTERS)
def test_filters(cast: Cast, values: dict[str, str], expected: set[str]) -> None:
    vip = CustomerData(name="张三", phone="13812345678", tier="vip")
    found = {
        "a": cast.accepted(subject="紧急", priority="P1"),
        "b": cast.ticket(subject="订单", channel="phone", category="order/refund", customer=vip),
        "d": cast.accepted(subject="已结束"),
    }
    handling.cancel(actor=cast.actor(cast.lin), number=found["d"].number, reason="重复", now=cast.now)
    AgentLoad.objects.update(capacity=0)
    found["c"] = cast.ticket(subject="退款还未到账")
    names = {t.number: name for name, t in found.items()}
    assert {names[number] for number in _numbers(cast, cast.lin, **values)} == expected


def test_a_number_is_found_wherever_it_is_typed(cast: Cast) -> None:
    ticket = cast.ticket()
    cast.ticket()
    assert _numbers(cast, cast.lin, q=ticket.number.lower()) == [ticket.number]


@pytest.mark.parametrize(
    "query",
    ["status=x", "priority=P9", "view=wide", "sort=x", "assignee=x", "team=-1", "cursor=zz", "cursor=ZDp4Onk"],
)
def test_unknown_values_are_refused_and_never_mean_all(cast: Cast, query: str) -> None:
    answer = cast.client(cast.lin).get(f"/tickets/?{query}")
    assert answer.status_code == 422


# --- intake ----------------------------------------------------------------------------------------------------------

NEW = {"subject": "物流三天没更新", "channel": "phone", "type": "inquiry", "phone": "13812345678", "name": "张三"}


def test_a_new_ticket_says_who_has_it_and_why(cast: Cast) -> None:
    answer = cast.client(cast.wang).post("/tickets/new/", NEW, follow=True)
    ticket = Ticket.objects.get()
    assert answer.redirect_chain == [(f"/tickets/{ticket.number}/", 302)]
    assert cast.lin.name in str(next(iter(answer.context["messages"])))
    assert (ticket.assignee_id, ticket.opened_by_id) == (cast.lin.pk, cast.wang.pk)


def test_who_keeps_it_has_accepted_it(cast: Cast) -> None:
    cast.client(cast.wang).post("/tickets/new/", {**NEW, "take_it": "on"})
    ticket = Ticket.objects.get()
    assert (ticket.assignee_id, ticket.status) == (cast.wang.pk, "accepted")


def test_faults_stand_in_the_form_and_nothing_is_half_made(cast: Cast) -> None:
    answer = cast.client(cast.lin).post("/tickets/new/", {**NEW, "phone": "call me", "description": "很长的描述"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "call me" in page
    assert "很长的描述" in page
    assert not Ticket.objects.exists()
    assert not Customer.objects.exists()


def test_a_known_customer_is_found_masked_and_chosen(cast: Cast) -> None:
    cast.ticket(customer=CustomerData(name="张三丰", phone="13812345678", ref="C-77"))
    customer = Customer.objects.get()
    client = cast.client(cast.zhao)
    for text in ("5678", "138123", "C-77", "三丰"):
        found = client.get("/customers/find", {"q": text}).content.decode()
        assert "138****5678" in found, text
        assert "张三丰" not in found
    assert "138****5678" in client.get(f"/customers/choose/{customer.pk}").content.decode()
    client.post("/tickets/new/", {**NEW, "phone": "", "name": "", "customer_id": customer.pk})
    assert Ticket.objects.filter(customer=customer).count() == 2
    assert client.post("/tickets/new/", {**NEW, "customer_id": 999_999}).status_code == 404


# --- supervision -----------------------------------------------------------------------------------------------------


def test_the_board_shows_what_presses_with_who_and_why(cast: Cast) -> None:
    from jiying.base import due

    long_ago = timezone.now() - timedelta(minutes=30)
    late = cast.ticket(subject="没人接", now=long_ago)
    due.run(due.SWEEPS["clocks"], timezone.now())
    AgentLoad.objects.update(capacity=0)
    waiting = cast.ticket(subject="排队中", now=timezone.now())
    page = cast.client(cast.wang).get("/supervise/").content.decode()
    assert f'data-row="unaccepted:{late.pk}"' in page
    assert f'data-row="breached:{late.pk}"' in page
    assert f'data-row="queue:{waiting.pk}"' in page
    assert "林晓" in page
    assert "赵一凡" not in page  # of another team
    assert "赵一凡" in cast.client(cast.sup).get("/supervise/").content.decode()


def test_a_lead_reassigns_and_comes_back(cast: Cast) -> None:
    ticket = cast.ticket()
    client = cast.client(cast.wang)
    form = client.get(f"/tickets/{ticket.number}/do/transfer?next=/supervise/", headers=HX).content.decode()
    assert 'name="next" value="/supervise/"' in form
    data = {"to": f"person:{cast.wang.pk}", "next": "/supervise/", "revision": ticket.revision}
    answer = client.post(f"/tickets/{ticket.number}/do/transfer", data, headers=HX)
    assert answer.headers["HX-Redirect"] == "/supervise/"
    ticket.refresh_from_db()
    assert ticket.assignee_id == cast.wang.pk


def test_presence_is_switched_from_the_bar(cast: Cast) -> None:
    answer = cast.client(cast.zhao).post("/presence/", {"presence": "break", "reason": "用餐", "next": "/work/"})
    assert answer.headers["Location"] == "/work/"
    person = Person.objects.get(pk=cast.zhao.pk)
    assert (person.presence, person.presence_reason) == ("break", "用餐")
    assert cast.client(cast.zhao).post("/presence/", {"presence": "asleep"}).status_code == 422


def test_a_customers_page_shows_only_what_one_may_see(cast: Cast) -> None:
    mine = cast.accepted(subject="我能看到", customer=CustomerData(phone="13812345678"))
    away = cast.accepted(subject="看不到的", by=cast.zhao, customer=CustomerData(phone="13812345678"))
    assert mine.customer_id == away.customer_id
    page = cast.client(cast.lin).get(f"/customers/{mine.customer_id}/").content.decode()
    assert "我能看到" in page
    assert "看不到的" not in page
    assert "13812345678" not in page
    assert "13812345678" in cast.client(cast.wang).post(f"/customers/{mine.customer_id}/reveal").content.decode()
    assert cast.client(cast.he).get(f"/customers/{mine.customer_id}/").status_code == 404
