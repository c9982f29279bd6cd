"""Ties between tickets: split, linked, repeat contact found by the journal and judged (D5, D7)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jiying.alerts.models import Alert
from jiying.base import journal, settings_store, tails
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import JournalEntry
from jiying.desk.models import RepeatContact, Ticket, TicketLink
from jiying.desk.queries import links as tied
from jiying.desk.queries import repeats as rows
from jiying.desk.services import handling, links, repeats, routing, splitting
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.splitting import Part
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, everything, facts_of, ticket_in

ZHANG = CustomerData(name="张三", phone="13800001111")
LI = CustomerData(name="李四", phone="13800002222")


def follow() -> None:
    """The worker catches up with the journal."""
    while journal.sequence():
        pass
    tails.catch_up(repeats.READER)


def pairs() -> list[tuple[str, str, str]]:
    found = RepeatContact.objects.filter(link__ended_at=None).order_by("pk")
    return [
        (r.link.ticket.subject, r.link.other.subject, r.by) for r in found.select_related("link__ticket", "link__other")
    ]


@pytest.fixture
def ask(cast: Cast) -> Callable[..., Ticket]:
    """A request of a customer so long after the first one."""

    def asked(after: timedelta, subject: str, **fields: Any) -> Ticket:
        fields = {"customer": ZHANG, "category": "logistics/late", **fields}
        return cast.ticket(subject=subject, now=cast.now + after, **fields)

    return asked


# --- split -----------------------------------------------------------------------------------------------------------


def test_a_second_request_becomes_a_ticket_of_its_own(cast: Cast) -> None:
    first = ticket_in(cast, "in_progress", customer=ZHANG, channel="chat")
    before = first.next_due_at
    made = splitting.split(
        actor=cast.actor(cast.lin),
        number=first.number,
        part=Part("另开一张发票", "抬头写公司名", "order", take_it=True),
        now=cast.now + HOUR,
    )
    first.refresh_from_db()
    assert (made.customer_id, made.channel, made.category) == (first.customer_id, "chat", "order")
    assert (made.status, made.assignee_id, made.opened_by_id) == ("accepted", cast.lin.pk, cast.lin.pk)
    assert (made.received_at, first.next_due_at, first.status) == (cast.now + HOUR, before, "in_progress")
    assert (facts_of(first)[-1], "split_from" in facts_of(made)) == ("split", True)
    (tie,) = tied.of_ticket(cast.actor(cast.lin), made)
    assert (tie.role, tie.number, tie.may_end) == ("split_from", first.number, False)
    assert [t.role for t in tied.of_ticket(cast.actor(cast.lin), first)] == ["split_off"]
    with pytest.raises(Conflict):  # it is part of what happened
        links.unlink(actor=cast.actor(cast.lin), link_id=tie.id, now=cast.now)


def test_a_refused_split_leaves_nothing(cast: Cast) -> None:
    mine, over = ticket_in(cast, "in_progress"), ticket_in(cast, "closed")
    before = everything()
    for who, number, part, refused in (
        (cast.lin, mine.number, Part(" "), Invalid),
        (cast.lin, mine.number, Part("发票", category="nowhere"), Invalid),
        (cast.lin, over.number, Part("发票"), Conflict),
        (cast.chen, mine.number, Part("发票"), Denied),
        (cast.zhao, mine.number, Part("发票"), NotFound),
        (cast.lin, "GD20200101001", Part("发票"), NotFound),
    ):
        with pytest.raises(refused):
            splitting.split(actor=cast.actor(who), number=number, part=part, now=cast.now + MINUTE)
        assert everything() == before


# --- link ------------------------------------------------------------------------------------------------------------


def test_linked_by_hand_each_shows_the_other_until_it_is_taken_away(cast: Cast) -> None:
    lin, one, two = cast.actor(cast.lin), ticket_in(cast, "accepted"), ticket_in(cast, "accepted")
    made = links.link(actor=lin, number=two.number, other=one.number, now=cast.now)
    for ticket, other in ((one, two), (two, one)):
        (tie,) = tied.of_ticket(lin, ticket)
        assert (tie.role, tie.number, tie.may_end) == ("related", other.number, True)
        assert facts_of(ticket)[-1] == "linked"
    before = everything()
    assert links.link(actor=lin, number=one.number, other=two.number, now=cast.now).pk == made.pk
    assert everything() == before
    links.unlink(actor=lin, link_id=made.pk, now=cast.now)
    assert tied.of_ticket(lin, one) == [] and facts_of(two)[-1] == "unlinked"
    links.link(actor=lin, number=one.number, other=two.number, now=cast.now)
    assert TicketLink.objects.get().ended_at is None


def test_who_may_link_what(cast: Cast) -> None:
    mine, theirs = ticket_in(cast, "accepted"), ticket_in(cast, "accepted")
    routing.transfer(actor=SYSTEM, number=theirs.number, to_person=cast.zhao.pk, now=cast.now)
    before = everything()
    for who, number, other, refused in (
        (cast.lin, mine.number, theirs.number, NotFound),  # out of sight
        (cast.chen, mine.number, theirs.number, Denied),  # only reads
        (cast.lin, mine.number, mine.number, Invalid),
        (cast.lin, mine.number, "GD20200101001", NotFound),
    ):
        with pytest.raises(refused):
            links.link(actor=cast.actor(who), number=number, other=other, now=cast.now)
    assert everything() == before
    made = links.link(actor=cast.actor(cast.sup), number=mine.number, other=theirs.number, now=cast.now)
    (tie,) = tied.of_ticket(cast.actor(cast.lin), mine)
    assert (tie.is_seen, tie.subject, tie.number, tie.may_end) == (False, "", theirs.number, False)
    with pytest.raises(NotFound):
        links.unlink(actor=cast.actor(cast.lin), link_id=made.pk, now=cast.now)


# --- repeat contact --------------------------------------------------------------------------------------------------


def test_the_same_problem_again_marks_and_ties_both(cast: Cast, ask: Callable[..., Ticket]) -> None:
    first, again = ask(timedelta(), "快递没到"), ask(24 * HOUR, "还是没有")  # exactly a day later still counts
    follow()
    assert pairs() == [("还是没有", "快递没到", "category")]
    for ticket, kind in ((first, "repeated"), (again, "repeats")):
        ticket.refresh_from_db()
        assert ticket.is_repeat and facts_of(ticket)[-1] == kind
    before = RepeatContact.objects.count(), JournalEntry.objects.count()
    tails.put(repeats.READER, 0)
    follow()
    assert (RepeatContact.objects.count(), JournalEntry.objects.count()) == before


def test_what_is_no_repeat_contact(cast: Cast, ask: Callable[..., Ticket]) -> None:
    ask(timedelta(), "快递没到")
    ask(24 * HOUR + timedelta(seconds=1), "一天以后")
    ask(HOUR, "发票抬头写错了", category="order")
    ask(HOUR, "快递没到", customer=LI)
    ask(HOUR, "快递没到", customer=None)
    gone = ask(HOUR, "快递没到")
    handling.cancel(actor=SYSTEM, number=gone.number, reason="误建", now=cast.now + HOUR)
    follow()
    assert pairs() == []
    assert not Ticket.objects.filter(is_repeat=True).exists()


def test_similar_words_without_a_category(cast: Cast, ask: Callable[..., Ticket]) -> None:
    ask(timedelta(), "路由器指示灯一直闪红灯，无法上网", category="")
    ask(HOUR, "路由器指示灯还是闪红灯，一直无法上网", category="product")
    ask(2 * HOUR, "想换一个颜色", category="")
    follow()
    assert [(later[:5], by) for later, _earlier, by in pairs()] == [("路由器指示", "text")]


def test_each_contact_repeats_the_one_before_it(cast: Cast, ask: Callable[..., Ticket]) -> None:
    for n in range(3):
        ask(n * 20 * HOUR, f"第{n}次")
    follow()
    assert [(later, earlier) for later, earlier, _by in pairs()] == [("第1次", "第0次"), ("第2次", "第1次")]


def test_the_window_is_a_setting_and_a_new_category_is_looked_at(cast: Cast, ask: Callable[..., Ticket]) -> None:
    settings_store.put(actor=cast.actor(cast.admin), key=repeats.HOURS, value=2, revision=0, now=cast.now)
    first = ask(timedelta(), "快递没到")
    later = ask(2 * HOUR, "开发票", category="order")
    ask(5 * HOUR, "又一次")
    follow()
    assert pairs() == []
    handling.reclassify(actor=SYSTEM, number=later.number, category=first.category, now=cast.now + 3 * HOUR)
    follow()
    assert pairs() == [("开发票", "快递没到", "category")]


def test_an_imported_history_is_left_alone(cast: Cast, ask: Callable[..., Ticket]) -> None:
    made = [ask(n * HOUR, f"第{n}次") for n in range(2)]
    for by, n in (("import", 0), ("customer", 1)):
        told = [
            JournalEntry(kind="ticket.opened", subject_kind="ticket", subject_id=t.pk, data={"by": by}) for t in made
        ]
        repeats.read(told)()
        assert RepeatContact.objects.count() == n


def test_its_cause_is_named_corrected_or_it_is_none(cast: Cast, ask: Callable[..., Ticket]) -> None:
    first, again = ask(timedelta(), "快递没到"), ask(HOUR, "还是没有")
    follow()
    sup, pk = cast.actor(cast.sup), RepeatContact.objects.get().pk
    assert (rows.n_open(sup), [row.id for row in rows.page(sup, rows.Wanted(), cast.now).items]) == (1, [pk])
    for cause in ("no_news", "missed_step"):
        repeats.name_cause(actor=sup, link_id=pk, cause=cause, note="没有回电", now=cast.now + 2 * HOUR)
    row = rows.one(sup, pk)
    assert (row.state, row.cause, row.judged_by, rows.n_open(sup)) == ("named", "missed_step", cast.sup.name, 0)
    repeats.dismiss(actor=sup, link_id=pk, note="两个订单", now=cast.now + 2 * HOUR)
    for ticket in (first, again):
        ticket.refresh_from_db()
        assert not ticket.is_repeat and facts_of(ticket)[-1] == "repeat_judged"
    tails.put(repeats.READER, 0)
    follow()
    assert pairs() == []
    with pytest.raises(Conflict):
        repeats.name_cause(actor=sup, link_id=pk, cause="no_news", now=cast.now)


def test_the_list_is_cut_by_category_and_time(cast: Cast, ask: Callable[..., Ticket]) -> None:
    for n, category in enumerate(("logistics/late", "order")):
        ask(n * 48 * HOUR, "快递没到", category=category), ask((n * 48 + 1) * HOUR, "还是没有", category=category)
    follow()
    sup, later = cast.actor(cast.sup), cast.now + 49 * HOUR

    def found(**wanted: Any) -> list[str]:
        return [row.category for row in rows.page(sup, rows.Wanted(**wanted), later).items]

    assert found() == ["order", "logistics/late"]
    assert found(category="logistics") == found(category="logistics/late") == ["logistics/late"]
    assert found(category="log") == found(state="named") == []
    assert found(days=1) == ["order"]
    client = cast.client(cast.sup)
    assert "没有符合条件的重复进线" in client.get("/repeats/?category=product").content.decode()
    assert len(client.get("/api/v1/repeat-contacts?category=order").json()["items"]) == 1
    assert client.get("/api/v1/repeat-contacts?days=-1").status_code == 422


def test_who_leads_the_team_hears_of_it_once(cast: Cast, ask: Callable[..., Ticket]) -> None:
    first, again = ask(timedelta(), "快递没到"), ask(HOUR, "还是没有")
    for _ in range(2):
        repeats.find(ids=[again.pk], now=cast.now + 2 * HOUR)
    (alert,) = Alert.objects.filter(kind=repeats.ALERT)
    assert (alert.person, alert.subject_id, alert.data) == (cast.wang, again.pk, {"number": first.number})
    page = cast.client(cast.wang).get("/alerts/").content.decode()
    assert f"重复进线，上次为 {first.number}" in page


def test_old_repeats_are_no_news(cast: Cast, ask: Callable[..., Ticket]) -> None:
    _first, again = ask(timedelta(), "快递没到"), ask(HOUR, "还是没有")
    repeats.find(ids=[again.pk], now=cast.now + 48 * HOUR)
    assert RepeatContact.objects.count() == 1
    assert not Alert.objects.filter(kind=repeats.ALERT).exists()


def test_who_may_judge(cast: Cast, ask: Callable[..., Ticket]) -> None:
    ask(timedelta(), "快递没到"), ask(HOUR, "还是没有")
    follow()
    pk, before = RepeatContact.objects.get().pk, everything()
    for who, cause, refused in (
        (cast.lin, "no_news", Denied),
        (cast.sup, "moon", Invalid),
    ):
        with pytest.raises(refused):
            repeats.name_cause(actor=cast.actor(who), link_id=pk, cause=cause, now=cast.now)
    with pytest.raises(Invalid):
        repeats.dismiss(actor=cast.actor(cast.sup), link_id=pk, note=" ", now=cast.now)
    with pytest.raises(Denied):
        rows.page(cast.actor(cast.lin), rows.Wanted(), cast.now)
    assert everything() == before


# --- pages and API ---------------------------------------------------------------------------------------------------


def test_split_and_link_by_the_page(cast: Cast) -> None:
    one, two = cast.accepted(description="两件事：快递没到；还要开发票"), cast.accepted()
    client = cast.client(cast.lin)
    form = client.get(f"/tickets/{one.number}/do/split").content.decode()
    assert "两件事：快递没到；还要开发票" in form
    data = {"subject": "开发票", "description": "还要开发票", "type": "inquiry", "take_it": "on"}
    answer = client.post(f"/tickets/{one.number}/do/split", data, follow=True)
    made = Ticket.objects.get(subject="开发票")
    assert made.number in answer.content.decode()
    client.post(f"/tickets/{one.number}/do/link", {"other": f" {two.number.lower()} "})
    page = client.get(f"/tickets/{one.number}/").content.decode()
    assert page.count("jy-history") and two.subject in page
    tie = TicketLink.objects.get(kind="related")
    client.post(f"/links/{tie.pk}/remove", {"ticket": two.number})
    tie.refresh_from_db()
    assert tie.ended_at is not None
    assert "links-card" not in client.get(f"/tickets/{two.number}/").content.decode()


def test_repeats_by_the_page(cast: Cast, ask: Callable[..., Ticket]) -> None:
    _first, again = ask(timedelta(), "快递没到"), ask(HOUR, "还是没有")
    follow()
    client, pk = cast.client(cast.sup), RepeatContact.objects.get().pk
    assert "还是没有" in client.get("/repeats/").content.decode()
    assert "links-card" in client.get(f"/tickets/{again.number}/").content.decode()
    answer = client.post(f"/repeats/{pk}/cause", {"cause": "no_news", "note": "x"})
    assert (answer.status_code, RepeatContact.objects.get().cause) == (302, "no_news")
    assert "还是没有" in client.get("/repeats/?state=named").content.decode()
    assert client.post(f"/repeats/{pk}/dismiss", {"note": ""}).status_code == 422
    assert client.post(f"/repeats/{pk}/dismiss", {"note": "两件事"}).status_code == 302
    assert "还是没有" in client.get("/repeats/?state=dismissed").content.decode()
    assert cast.client(cast.lin).get("/repeats/").status_code == 403


def test_all_of_it_by_the_api(cast: Cast, ask: Callable[..., Ticket]) -> None:
    first, _again = ask(timedelta(), "快递没到"), ask(HOUR, "还是没有")
    follow()
    client = cast.client(cast.sup)

    def send(method: str, path: str, **body: str) -> Any:
        return client.generic(method, f"/api/v1/{path}", json.dumps(body), content_type="application/json")

    made = send("POST", f"tickets/{first.number}/split", subject="开发票")
    assert made.status_code == 201
    other = made.json()["number"]
    both = send("POST", f"tickets/{first.number}/links", other=other)
    roles = {item["role"]: item["id"] for item in both.json()["items"]}
    assert (both.status_code, set(roles)) == (201, {"repeated_by", "split_off", "related"})
    assert client.delete(f"/api/v1/ticket-links/{roles['related']}").status_code == 204
    assert client.delete(f"/api/v1/ticket-links/{roles['split_off']}").status_code == 409
    (row,) = client.get("/api/v1/repeat-contacts").json()["items"]
    named = send("PUT", f"repeat-contacts/{row['id']}/cause", cause="no_news")
    assert (named.status_code, named.json()["state"]) == (200, "named")
    gone = send("POST", f"repeat-contacts/{row['id']}/dismiss", note="两件事")
    assert gone.json()["state"] == "dismissed"
    assert client.get("/api/v1/repeat-contacts?state=dismissed").json()["items"][0]["note"] == "两件事"
