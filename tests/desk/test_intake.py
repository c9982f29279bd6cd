"""Opening tickets (D1, D2, D11, C18, D24): numbers, repeats, receipt, customers, places, VIPs. All or nothing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.urls import reverse

from jiying.alerts.models import Alert
from jiying.base import counters, due
from jiying.base.actor import IMPORT, SYSTEM
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import Counter as NumberCounter
from jiying.base.models import IdempotencyKey, JournalEntry, Role
from jiying.clocks.models import Clock
from jiying.desk.models import AgentLoad, ContactKey, Customer, Ticket
from jiying.desk.services import intake, loads, routing
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.intake import NewTicket, open_ticket
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, at_once, everything, facts_of, sweep

MIDNIGHT = datetime(2026, 9, 9, 16, 0, tzinfo=UTC)  # 2026-09-10 00:00 in Shanghai
MAIL = NewTicket("订单没有收到", "email", description="三天了")


def opened(new: NewTicket, now: datetime, **fields: object) -> Ticket:
    return open_ticket(actor=SYSTEM, new=replace(new, **fields), now=now)  # type: ignore[arg-type]


# --- numbers (D2) ----------------------------------------------------------------------------------------------------


def test_a_number_names_the_local_day_and_rises_in_it(cast: Cast) -> None:
    last = [opened(MAIL, MIDNIGHT - timedelta(seconds=s)).number for s in (2, 1)]
    first = [opened(MAIL, MIDNIGHT + timedelta(milliseconds=ms)).number for ms in (0, 1)]
    assert last == ["GD20260909001", "GD20260909002"]
    assert first == ["GD20260910001", "GD20260910002"]


def test_an_import_has_the_day_of_its_receipt(cast: Cast) -> None:
    received = datetime(2024, 4, 30, 16, 0, tzinfo=UTC)
    ticket = open_ticket(actor=IMPORT, new=replace(MAIL, received_at=received), now=cast.now)
    assert (ticket.number, ticket.received_at, ticket.created_at) == ("GD20240501001", received, cast.now)


def test_beyond_999_numbers_go_on(cast: Cast) -> None:
    NumberCounter.objects.create(name="ticket:20260909", value=999)
    assert opened(MAIL, cast.now).number == "GD202609091000"


def test_a_failed_creation_leaves_a_gap_and_nothing_else(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(MAIL, cast.now)
    before = everything()
    with monkeypatch.context() as patch:
        patch.setattr(intake, "_take_place", _fail)
        with pytest.raises(ZeroDivisionError):
            opened(MAIL, cast.now, customer=CustomerData(name="甲"), idempotency_key="k")
    assert everything() == before
    # A gap is allowed (D2); where the number is part of the creation there is none.
    assert opened(MAIL, cast.now).number == f"GD2026090900{3 if counters.is_apart() else 2}"


def _fail(*_args: object) -> None:
    raise ZeroDivisionError


def test_many_at_once_have_numbers_of_their_own(live_cast: Cast) -> None:
    results = at_once([partial(opened, MAIL, live_cast.now, subject=f"请求 {n}") for n in range(12)])
    numbers = [r.number for r in results]
    assert sorted(numbers) == [f"GD20260909{n:03d}" for n in range(1, 13)]


# --- repeats (D20) ---------------------------------------------------------------------------------------------------


def test_the_same_key_is_the_same_ticket_even_later(cast: Cast) -> None:
    keyed = replace(MAIL, idempotency_key="k1", received_at=cast.now - timedelta(seconds=30))
    lin = cast.actor(cast.lin)
    first = open_ticket(actor=lin, new=keyed, now=cast.now)
    before = everything()
    again = open_ticket(actor=lin, new=keyed, now=cast.now + 3 * HOUR)  # by now a receipt in the past
    assert again.pk == first.pk
    assert everything() == before


def test_a_repeat_without_a_time_of_receipt_is_a_repeat(cast: Cast) -> None:
    first = opened(MAIL, cast.now, idempotency_key="k1", subject=" 订单 ")
    assert opened(MAIL, cast.now + MINUTE, idempotency_key="k1", subject=" 订单 ").pk == first.pk


def test_another_request_under_the_same_key_is_refused(cast: Cast) -> None:
    opened(MAIL, cast.now, idempotency_key="k1")
    before = everything()
    with pytest.raises(Conflict) as refused:
        opened(MAIL, cast.now, idempotency_key="k1", description="四天了")
    assert refused.value.faults[0].code == "idempotency_mismatch"
    assert everything() == before


def test_keys_are_each_actor_s_own(cast: Cast) -> None:
    new = replace(MAIL, idempotency_key="k1")
    mine = open_ticket(actor=cast.actor(cast.lin), new=new, now=cast.now)
    assert open_ticket(actor=cast.actor(cast.zhao), new=new, now=cast.now).pk != mine.pk


def test_the_same_key_at_once_makes_one_ticket(live_cast: Cast) -> None:
    works = [partial(opened, MAIL, live_cast.now, idempotency_key="k1", customer=CustomerData(ref="R1"))] * 6
    results = at_once(works)
    assert len({r.pk for r in results}) == 1, results
    assert (Ticket.objects.count(), IdempotencyKey.objects.count(), Customer.objects.count()) == (1, 1, 1)
    assert AgentLoad.objects.get(person=live_cast.lin, channel="email").n_open == 1


# --- receipt ---------------------------------------------------------------------------------------------------------


def test_a_receipt_in_the_past_needs_the_right(cast: Cast) -> None:
    earlier = replace(MAIL, received_at=cast.now - timedelta(seconds=61))
    with pytest.raises(Invalid) as refused:
        open_ticket(actor=cast.actor(cast.lin), new=earlier, now=cast.now)
    assert [f.code for f in refused.value.faults] == ["past_needs_right"]
    ticket = open_ticket(actor=cast.actor(cast.admin), new=earlier, now=cast.now)
    resolution = Clock.objects.get(subject_id=ticket.pk, metric="resolution")
    assert resolution.started_at == earlier.received_at
    assert Clock.objects.get(subject_id=ticket.pk, metric="accept").started_at == cast.now


def test_the_future_is_refused_but_a_fast_clock_of_the_sender_is_forgiven(cast: Cast) -> None:
    with pytest.raises(Invalid):
        opened(MAIL, cast.now, received_at=cast.now + timedelta(seconds=6))
    ticket = opened(MAIL, cast.now, received_at=cast.now + timedelta(seconds=4))
    assert ticket.received_at == cast.now
    accept = Clock.objects.get(subject_id=ticket.pk, metric="accept")
    assert (accept.state, accept.due_at) == ("running", cast.now + 10 * MINUTE)


def test_what_is_late_on_arrival_is_told_in_the_first_turn(cast: Cast) -> None:
    ticket = open_ticket(actor=IMPORT, new=replace(MAIL, priority="P1", received_at=cast.now - 6 * HOUR), now=cast.now)
    assert ticket.is_late
    sweep(cast.now, "clocks")
    facts = JournalEntry.objects.filter(subject_id=ticket.pk, kind="clock.breached", data__metric="resolution")
    assert [f.at for f in facts] == [cast.now - 2 * HOUR]
    assert Alert.objects.filter(subject_id=ticket.pk, data__metric="resolution", late=True).exists()


# --- faults ----------------------------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once_and_nothing_is_left(cast: Cast) -> None:
    before = everything()
    bad = NewTicket(
        subject="  ",
        channel="fax",
        description="x" * 20_001,
        type="order",
        category="no/such",
        tags=("",),
        priority="P9",
        received_at=cast.now + HOUR,
        customer=CustomerData(phone="call me", email="nobody", tier="gold", name="x" * 121, language="x" * 11),
    )
    with pytest.raises(Invalid) as refused:
        open_ticket(actor=SYSTEM, new=bad, now=cast.now)
    assert {f.field for f in refused.value.faults} == {
        *("subject", "channel", "description", "type", "category", "tags", "priority", "received_at"),
        *("customer.phone", "customer.email", "customer.tier", "customer.name", "customer.language"),
    }
    assert everything() == before
    assert not NumberCounter.objects.filter(name__startswith="ticket:").exists()


def test_who_may_not_create(cast: Cast) -> None:
    with pytest.raises(Denied):
        open_ticket(actor=cast.actor(cast.he), new=MAIL, now=cast.now)


def test_a_missing_customer_is_said(cast: Cast) -> None:
    with pytest.raises(NotFound):
        opened(MAIL, cast.now, customer_id=4711)


# --- customers (D11) -------------------------------------------------------------------------------------------------


def customer_of(new: CustomerData, now: datetime) -> Customer:
    found = opened(MAIL, now, customer=new).customer
    assert found is not None
    return found


def test_a_customer_is_found_again(cast: Cast) -> None:
    known = customer_of(CustomerData(ref="R1", name="王五", phone="138-0013 8000", email="Wang@Example.com"), cast.now)
    assert (known.phone, known.phone_tail, known.email) == ("13800138000", "8000", "wang@example.com")
    for again in (
        CustomerData(ref="R1"),
        CustomerData(phone="138 0013 8000"),
        CustomerData(email="WANG@example.com"),
        CustomerData(phone="13900000000", email="wang@example.com"),
    ):
        assert customer_of(again, cast.now).pk == known.pk
    assert customer_of(CustomerData(ref="R2", phone="13800138000"), cast.now).pk != known.pk  # a household's phone
    assert opened(MAIL, cast.now).customer is None


def test_what_was_empty_is_filled_in_and_journalled_without_its_content(cast: Cast) -> None:
    known = customer_of(CustomerData(ref="R1", name="王五"), cast.now)
    customer_of(CustomerData(ref="R1", name="王小五", phone="13800138000"), cast.now)
    known.refresh_from_db()
    assert (known.name, known.phone_tail, known.revision) == ("王五", "8000", 1)
    fact = JournalEntry.objects.get(subject_kind="customer", subject_id=known.pk)
    assert fact.data == {"fields": ["phone", "phone_tail"]}
    before = JournalEntry.objects.filter(subject_kind="customer").count()
    customer_of(CustomerData(ref="R1", phone="13800138000"), cast.now)
    assert JournalEntry.objects.filter(subject_kind="customer").count() == before


OTHERWISE = CustomerData(ref="R1", name="王小五", phone="139 0000 0000", email="B@example.com", tier="standard")
TOLD = {"name": "王小五", "phone": "13900000000", "email": "b@example.com", "tier": "standard"}


@pytest.mark.parametrize("who", ["system", "lin"])
def test_a_request_does_not_change_what_is_known_of_its_customer(cast: Cast, who: str) -> None:
    """Neither a web form nor an agent's new ticket lowers a VIP; what it says otherwise stays with the ticket."""
    known = customer_of(CustomerData(ref="R1", name="王五", phone="13800138000", email="a@x.cn", tier="vip"), cast.now)
    actor = SYSTEM if who == "system" else cast.actor(cast.lin)
    ticket = open_ticket(actor=actor, new=replace(MAIL, customer=OTHERWISE), now=cast.now)
    known.refresh_from_db()
    assert (known.name, known.phone, known.email, known.tier) == ("王五", "13800138000", "a@x.cn", "vip")
    assert (known.revision, ticket.tier, ticket.customer_told) == (0, "vip", TOLD)
    assert not JournalEntry.objects.filter(subject_kind="customer").exists()
    page = cast.client(cast.chen).get(reverse("desk:ticket", args=[ticket.number])).content.decode()
    assert "139****0000" in page and "13900000000" not in page
    row = cast.api(cast.chen).get(f"/api/v1/tickets/{ticket.number}").json()
    assert row["customer_told"] == {
        "name": "王*五",
        "phone": "139****0000",
        "email": "b***@example.com",
        "tier": "standard",
    }


def test_nor_does_one_make_a_vip(cast: Cast) -> None:
    known = customer_of(CustomerData(ref="R1", name="王五"), cast.now)
    ticket = opened(MAIL, cast.now, customer=CustomerData(ref="R1", tier="vip"))
    known.refresh_from_db()
    assert (known.tier, ticket.tier, ticket.customer_told) == ("standard", "standard", {"tier": "vip"})


def test_who_may_edit_customers_tells_anew(cast: Cast) -> None:
    known = customer_of(CustomerData(ref="R1", name="王五", phone="13800138000", tier="vip"), cast.now)
    ticket = open_ticket(actor=cast.actor(cast.wang), new=replace(MAIL, customer=OTHERWISE), now=cast.now)
    known.refresh_from_db()
    assert {name: getattr(known, name) for name in TOLD} == TOLD
    assert (ticket.customer_told, ticket.tier) == ({}, "standard")
    fact = JournalEntry.objects.get(subject_kind="customer", subject_id=known.pk)
    assert (fact.actor_id, fact.data) == (cast.wang.pk, {"fields": ["email", "name", "phone", "phone_tail", "tier"]})
    assert customer_of(CustomerData(phone="13900000000"), cast.now).pk == known.pk
    assert customer_of(CustomerData(phone="13800138000"), cast.now).pk != known.pk, "the old number is free again"


def test_the_tier_is_for_those_who_may_edit_customers(cast: Cast) -> None:
    from jiying.desk.services import customers

    known = customer_of(CustomerData(ref="R1", name="王五"), cast.now)
    with pytest.raises(Denied):
        customers.change(actor=cast.actor(cast.lin), customer_id=known.pk, revision=0, now=cast.now, tier="vip")
    customers.change(actor=cast.actor(cast.lin), customer_id=known.pk, revision=0, now=cast.now, name="王小五")
    customers.change(actor=cast.actor(cast.wang), customer_id=known.pk, revision=1, now=cast.now, tier="vip")
    known.refresh_from_db()
    assert (known.name, known.tier, known.revision) == ("王小五", "vip", 2)


@pytest.mark.parametrize(
    "told",
    [
        [CustomerData(phone="13800138000", name=f"客户{i}") for i in range(6)],
        [CustomerData(email="New@example.com", name=f"客户{i}") for i in range(6)],
        [CustomerData(phone="13800138000", email="new@example.com") for i in range(6)],
        [CustomerData(phone="13800138000", email="new@example.com" if i % 2 else "") for i in range(6)],
    ],
)
def test_one_new_contact_in_many_requests_at_once_is_one_customer(live_cast: Cast, told: list[CustomerData]) -> None:
    results = at_once([partial(opened, MAIL, live_cast.now, customer=data) for data in told])
    assert [r for r in results if isinstance(r, Exception)] == []
    (customer,) = Customer.objects.all()
    assert {ticket.customer_id for ticket in results} == {customer.pk}
    keys = {(k.kind, k.value): k.customer_id for k in ContactKey.objects.all()}
    assert set(keys.values()) == {customer.pk}
    assert {value for _kind, value in keys} == {customer.phone, customer.email} - {""}


def test_contacts_that_cross_end_in_no_deadlock(live_cast: Cast) -> None:
    """Two people share a phone and an address crosswise: whoever is first, each request has a customer."""
    told = [
        CustomerData(phone=f"1380013800{i % 3}", email=f"c{(i + 1) % 3}@example.com", name=f"客户{i}") for i in range(9)
    ]
    results = at_once([partial(opened, MAIL, live_cast.now, customer=data) for data in told])
    assert [r for r in results if isinstance(r, Exception)] == []
    for key in ContactKey.objects.select_related("customer"):
        assert getattr(key.customer, key.kind) == key.value
    assert all(ticket.customer_id for ticket in results)


def test_a_form_made_before_the_filling_in_is_stale(cast: Cast) -> None:
    from jiying.desk.services import customers

    known = customer_of(CustomerData(ref="R1"), cast.now)
    customer_of(CustomerData(ref="R1", name="王五"), cast.now)
    with pytest.raises(Conflict):
        customers.change(actor=SYSTEM, customer_id=known.pk, revision=known.revision, now=cast.now, name="赵六")


def test_the_same_new_customer_at_once_is_one(live_cast: Cast) -> None:
    who = CustomerData(ref="R1", name="王五")
    results = at_once([partial(opened, MAIL, live_cast.now, subject=f"{n}", customer=who) for n in range(6)])
    assert all(isinstance(r, Ticket) for r in results), results
    assert Customer.objects.count() == 1
    assert {t.customer_id for t in Ticket.objects.all()} == {Customer.objects.get().pk}


# --- places ----------------------------------------------------------------------------------------------------------


def test_who_chose_the_last_place_too_late_chooses_again(live_cast: Cast) -> None:
    AgentLoad.objects.filter(channel="email").update(capacity=2)
    routing.set_presence(actor=SYSTEM, person_id=live_cast.wang.pk, presence="online", now=live_cast.now)
    results = at_once([partial(opened, MAIL, live_cast.now, subject=f"{n}") for n in range(7)])
    assert all(isinstance(r, Ticket) for r in results), results
    given = Counter(Ticket.objects.values_list("assignee_id", flat=True))
    assert given == {live_cast.lin.pk: 2, live_cast.wang.pk: 2, None: 3}
    for ticket in Ticket.objects.filter(assignee=None):
        assert facts_of(ticket) == ["opened", "queued"]


def test_an_agent_opens_it_for_a_customer_and_keeps_it(cast: Cast) -> None:
    AgentLoad.objects.update(capacity=0)
    lin = cast.actor(cast.lin)
    ticket = open_ticket(actor=lin, new=NewTicket("来电咨询", "phone", opened_by="agent", take_it=True), now=cast.now)
    assert (ticket.status, ticket.assignee_id, ticket.opened_by_id) == ("accepted", cast.lin.pk, cast.lin.pk)
    states = dict(Clock.objects.filter(subject_id=ticket.pk).values_list("metric", "state"))
    assert states == {
        "accept": "met",
        "first_response": "running",
        "resolution": "running",
        "resolution_total": "running",
    }
    assert AgentLoad.objects.get(person=cast.lin, channel="phone").n_open == 1


def test_who_may_not_handle_keeps_nothing(cast: Cast) -> None:
    cast.he.roles.set([Role.objects.create(code="intake", name="intake", rights=["desk.create"])])
    with pytest.raises(Denied):
        open_ticket(actor=cast.actor(cast.he), new=replace(MAIL, take_it=True), now=cast.now)


def test_it_waits_until_somebody_comes_online(cast: Cast) -> None:
    routing.set_presence(actor=SYSTEM, person_id=cast.lin.pk, presence="break", now=cast.now)
    urgent = opened(MAIL, cast.now, subject="晚到的急件", priority="P1", received_at=cast.now)
    plain = opened(MAIL, cast.now - MINUTE, subject="早到的", priority="P3")
    AgentLoad.objects.filter(channel="email").update(capacity=1)
    assert {urgent.status, plain.status} == {"new"}
    routing.set_presence(actor=cast.actor(cast.lin), person_id=cast.lin.pk, presence="online", now=cast.now + MINUTE)
    sweep(cast.now + MINUTE, "routing")
    assert Ticket.objects.get(pk=urgent.pk).assignee == cast.lin  # in order of due time
    assert Ticket.objects.get(pk=plain.pk).assignee is None
    why = JournalEntry.objects.get(kind="ticket.assigned", subject_id=urgent.pk).data["why"]
    assert (why["decided_by"], why["n_waiting"]) == ("queue", 2)


def test_the_queue_is_one_over_all_channels(cast: Cast) -> None:
    """Not channel by channel: what is due first comes first, wherever it came in."""
    AgentLoad.objects.update(capacity=0)
    late = opened(MAIL, cast.now, channel="chat", priority="P3")
    soon = opened(MAIL, cast.now, channel="web", priority="P1")
    AgentLoad.objects.filter(person=cast.lin).update(capacity=1)
    loads.call(cast.lin.pk, cast.now)
    due.run(due.SWEEPS["routing"], cast.now)
    assert [Ticket.objects.get(pk=t.pk).assignee for t in (soon, late)] == [cast.lin, None]
    sweep(cast.now, "routing")
    assert Ticket.objects.get(pk=late.pk).assignee == cast.lin


# --- VIPs (D11, C18) -------------------------------------------------------------------------------------------------


@pytest.fixture
def vip(cast: Cast) -> Iterator[Customer]:
    yield Customer.objects.create(ref="V1", name="贵宾", tier="vip", dedicated=cast.wang)


def test_a_vip_goes_to_the_dedicated_agent_who_is_told_at_once(cast: Cast, vip: Customer) -> None:
    routing.set_presence(actor=SYSTEM, person_id=cast.wang.pk, presence="online", now=cast.now)
    ticket = opened(MAIL, cast.now, customer_id=vip.pk)
    assert (ticket.assignee_id, ticket.tier) == (cast.wang.pk, "vip")
    told = Alert.objects.get()
    assert (told.kind, told.person, told.capacity, told.subject_id) == ("ticket.vip", cast.wang, "assignee", ticket.pk)
    rings = JournalEntry.objects.get(subject_id=ticket.pk, kind="ticket.opened").rings.split()
    assert f"person:{cast.wang.pk}" in rings


def test_a_vip_whom_nobody_can_take_is_the_supervisors(cast: Cast, vip: Customer) -> None:
    routing.set_presence(actor=SYSTEM, person_id=cast.lin.pk, presence="offline", now=cast.now)
    ticket = opened(MAIL, cast.now, customer_id=vip.pk)
    people = {a.person for a in Alert.objects.filter(kind="ticket.vip", capacity="supervisor")}
    assert people == {cast.wang, cast.sup}
    rings = set(JournalEntry.objects.get(subject_id=ticket.pk, kind="ticket.opened").rings.split())
    assert {f"person:{p.pk}" for p in people} <= rings


def test_others_are_no_vips_and_who_keeps_a_vip_s_ticket_knows_it(cast: Cast, vip: Customer) -> None:
    opened(MAIL, cast.now, customer=CustomerData(ref="R1"))
    open_ticket(actor=cast.actor(cast.lin), new=NewTicket("x", "phone", customer_id=vip.pk, take_it=True), now=cast.now)
    assert not Alert.objects.filter(kind="ticket.vip").exists()


def test_a_vip_s_alert_goes_back_with_its_ticket(cast: Cast, vip: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_take_place", _fail)
    with pytest.raises(ZeroDivisionError):
        opened(MAIL, cast.now, customer_id=vip.pk)
    assert not Alert.objects.exists()


def test_a_vip_jumps_the_queue(cast: Cast, vip: Customer) -> None:
    vip.dedicated = None
    vip.save()
    AgentLoad.objects.update(capacity=0)
    opened(MAIL, cast.now, priority="P1")
    special = opened(MAIL, cast.now, priority="P4", customer_id=vip.pk)
    AgentLoad.objects.filter(person=cast.lin, channel="email").update(capacity=1)
    loads.call(cast.lin.pk, cast.now)
    sweep(cast.now, "routing")
    assert Ticket.objects.get(pk=special.pk).assignee == cast.lin
