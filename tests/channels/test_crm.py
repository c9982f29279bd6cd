"""The link with a CRM against a real one on loopback: found, kept equal both ways, told, and nothing lost."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from jiying.base import connections, due, journal, tails
from jiying.base.actor import SYSTEM, of_person
from jiying.base.models import Connection, JournalEntry
from jiying.channels.models import CrmLink, CrmSend
from jiying.channels.services import crm
from jiying.desk.models import Customer, Ticket
from jiying.desk.services import customers, handling, privacy
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast
from tests.channels.crm_server import TOKEN, CrmServer, running

ZHANG = CustomerData(name="张三", phone="13812345678", email="zhang@example.com")


@pytest.fixture
def remote(cast: Cast, settings: Any) -> Iterator[CrmServer]:
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    with running() as server:
        data = connections.ConnectionData(name="客户系统", options={"url": server.url}, secrets={"token": TOKEN})
        connections.save(actor=of_person(cast.admin), kind="crm", code="crm", data=data, revision=None, now=cast.now)
        yield server


def work(now: datetime) -> None:
    """A turn of the worker: the journal's reader, then what is due."""
    while journal.sequence():
        pass
    tails.catch_up(crm.READER)
    due.run(due.SWEEPS["crm"], now)


def customer(cast: Cast, data: CustomerData = ZHANG) -> Customer:
    found = cast.ticket(customer=data, channel="web").customer
    assert found is not None
    return found


def state() -> Connection:
    return Connection.objects.get(code="crm")


def test_what_the_crm_owns_comes_and_what_the_desk_owns_goes(cast: Cast, remote: CrmServer) -> None:
    zhang = customer(cast)
    remote.put("C1", name="张三丰", phone="138 1234 5678", email="", tier="vip", organisation="北辰", region="浙江")
    crm.pull(cast.now)
    zhang.refresh_from_db()
    assert (zhang.name, zhang.tier, zhang.organisation, zhang.region) == ("张三丰", "vip", "北辰", "浙江")
    assert (remote.customers["C1"]["email"], remote.customers["C1"]["phone"]) == ("zhang@example.com", "138 1234 5678")
    assert CrmLink.objects.get().ref == "C1"
    fact = JournalEntry.objects.get(kind="customer.changed", subject_id=zhang.pk)
    assert fact.data == {"fields": ["name", "organisation", "region", "tier"], "source": "crm"}
    n_changes = len(remote.changes)
    for _ in range(3):  # equal now: nothing goes round in circles
        work(cast.now)
        crm.pull(cast.now)
    assert len(remote.changes) == n_changes
    assert (state().n_failed, state().ok_at, state().lag_s) == (0, cast.now, 0.0)


def test_a_change_at_the_desk_reaches_the_crm_or_is_overruled(cast: Cast, remote: CrmServer) -> None:
    zhang = customer(cast)
    remote.put("C1", name="张三", phone="13812345678", tier="standard")
    crm.pull(cast.now)
    zhang.refresh_from_db()
    changed = {"phone": "13900001111", "name": "张山"}
    sup = of_person(cast.sup)
    customers.change(actor=sup, customer_id=zhang.pk, revision=zhang.revision, now=cast.now, **changed)
    work(cast.now)
    zhang.refresh_from_db()
    assert remote.customers["C1"]["phone"] == "13900001111"  # ours to say
    assert zhang.name == "张三"  # theirs to say


def test_who_never_asked_is_not_made_and_odd_values_wait_where_they_are_seen(cast: Cast, remote: CrmServer) -> None:
    zhang, n = customer(cast), Customer.objects.count()
    remote.put("C9", name="陌生人", phone="13600000000")
    remote.put("C1", name="张" * 120, organisation="a\x00b", phone="13812345678", tier="gold")
    crm.pull(cast.now)
    assert Customer.objects.count() == n
    zhang.refresh_from_db()
    assert (zhang.name, zhang.tier) == ("张三", "standard")
    (row,) = cast.api(cast.admin).get("/api/v1/crm-sends").json()["items"]
    assert "control_character" in row["last_error"]
    assert "张三" not in str(row)
    remote.put("C1", name="张三丰", organisation="北辰")
    assert cast.api(cast.lin).post(f"/api/v1/crm-sends/{row['id']}/retry").status_code == 403
    assert cast.api(cast.admin).post(f"/api/v1/crm-sends/{row['id']}/retry").status_code == 200
    due.run(due.SWEEPS["crm"], datetime.now(cast.now.tzinfo))
    zhang.refresh_from_db()
    assert zhang.name == "张三丰"
    assert cast.client(cast.admin).get("/crm/").status_code == 200


def test_an_ended_ticket_is_told_once_however_often_it_is_tried(cast: Cast, remote: CrmServer) -> None:
    remote.put("C1", name="张三", phone="13812345678")
    ticket = cast.accepted(by=cast.lin, customer=ZHANG, channel="web", subject="秘密的事")
    lin = of_person(cast.lin)
    handling.resolve(actor=lin, number=ticket.number, note="", now=cast.now)
    handling.confirm(actor=lin, number=ticket.number, now=cast.now)
    remote.fault = 500
    work(cast.now)
    assert remote.activities == {}
    row = CrmSend.objects.get(ticket=ticket)
    assert (row.attempts, row.wake_at is not None and row.wake_at > cast.now, state().n_failed) == (1, True, 1)
    remote.fault = 0
    later = cast.now + timedelta(minutes=5)
    due.run(due.SWEEPS["crm"], later)
    assert [one["number"] for one in remote.activities.values()] == [ticket.number]
    assert "秘密" not in str(remote.activities)
    CrmSend.objects.update(wake_at=later)  # a worker died before it could write down that it was sent
    due.run(due.SWEEPS["crm"], later)
    assert len(remote.activities) == 1
    assert (CrmSend.objects.get().wake_at, state().n_failed) == (None, 0)


def test_a_change_there_in_between_is_read_again(cast: Cast, remote: CrmServer, monkeypatch: Any) -> None:
    zhang = customer(cast)
    remote.put("C1", name="张三", phone="", email="")
    CrmLink.objects.create(connection=state(), customer=zhang, ref="C1", met_at=cast.now)
    answer = remote.answer

    def meanwhile(method: str, *rest: Any) -> Any:
        if method == "PATCH":
            monkeypatch.setattr(remote, "answer", answer)
            remote.put("C1", organisation="北辰")
        return answer(method, *rest)

    monkeypatch.setattr(remote, "answer", meanwhile)
    crm.pull(cast.now)
    due.run(due.SWEEPS["crm"], cast.now + timedelta(minutes=1))
    assert sum(line.startswith("PATCH") for line in remote.asked) == 2  # refused, then said of the newer version
    zhang.refresh_from_db()
    assert (remote.customers["C1"]["phone"], zhang.organisation) == ("13812345678", "北辰")


def test_orders_are_asked_for_and_a_silent_crm_is_said(cast: Cast, remote: CrmServer) -> None:
    zhang = customer(cast)
    remote.put("C1", phone="13812345678")
    remote.orders["C1"] = [
        {"number": "SO-1", "placed_at": "2026-09-01T10:00:00+08:00", "state": "已发货", "total": 129900,
         "items": ["净水器"], "url": "https://shop.example/SO-1"},
        {"number": "SO-2", "url": "javascript:alert(1)", "state": "<script>"},
    ]  # fmt: skip
    page = cast.client(cast.lin).get(f"/crm/customers/{zhang.pk}/").content.decode()
    assert "¥1,299.00" in page
    assert 'href="https://shop.example/SO-1"' in page
    assert "javascript:" not in page
    assert "<script>" not in page
    (known,) = cast.api(cast.lin).get(f"/api/v1/customers/{zhang.pk}/orders").json()["items"]
    assert (known["ref"], [order["number"] for order in known["orders"]]) == ("C1", ["SO-1", "SO-2"])
    remote.fault = 503
    (known,) = cast.api(cast.lin).get(f"/api/v1/customers/{zhang.pk}/orders").json()["items"]
    assert "503" in known["fault"]
    assert cast.api(cast.he).get(f"/api/v1/customers/{zhang.pk}/orders").status_code == 404
    ticket = cast.client(cast.sup).get(f"/customers/{zhang.pk}/").content.decode()
    assert f"/crm/customers/{zhang.pk}/" in ticket


def test_two_people_of_one_household_are_not_mixed_up(cast: Cast, remote: CrmServer) -> None:
    zhang = customer(cast)
    remote.put("C1", name="张三", phone="13812345678")
    remote.put("C2", name="张夫人", phone="13812345678")
    found = connections.open_one("crm")
    assert found is not None
    assert crm.link_of(found, zhang, cast.now) is None  # two records: nobody can tell
    Customer.objects.filter(pk=zhang.pk).update(ref="C2")
    zhang.refresh_from_db()
    link = crm.link_of(found, zhang, cast.now)
    assert link is not None
    assert link.ref == "C2"


def test_erasure_reaches_the_link(cast: Cast, remote: CrmServer) -> None:
    zhang = customer(cast)
    remote.put("C1", name="张三", phone="13812345678")
    crm.pull(cast.now)
    ticket = Ticket.objects.get(customer=zhang)
    handling.cancel(actor=of_person(cast.sup), number=ticket.number, reason="误建", now=cast.now)
    job = privacy.order_erasure(
        actor=of_person(cast.admin), customer_id=zhang.pk, typed=str(zhang.pk), with_texts=True, now=cast.now
    )
    while not privacy.erase_some(job, cast.now):
        pass
    work(cast.now)
    assert not CrmLink.objects.exists()
    remote.put("C1", name="张三")
    crm.pull(cast.now)
    zhang.refresh_from_db()
    assert "张三" not in zhang.name
    assert not CrmLink.objects.exists()


def test_the_button_tells_whether_it_works(cast: Cast, remote: CrmServer) -> None:
    assert "CRM" in connections.test(actor=of_person(cast.admin), code="crm", now=cast.now)
    wrong = connections.ConnectionData(name="x", options={"url": remote.url}, secrets={"token": "wrong"})
    connections.save(actor=of_person(cast.admin), kind="crm", code="crm", data=wrong, revision=1, now=cast.now)
    with pytest.raises(connections.Failed, match="401"):
        connections.test(actor=of_person(cast.admin), code="crm", now=cast.now)
    assert SYSTEM.kind == "system"
