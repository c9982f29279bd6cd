"""Search: what is found by which text, by whom, how soon; and that the index can be made anew at any time."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from jiying.base import journal, tails
from jiying.base.errors import Denied
from jiying.base.models import Person
from jiying.core import words
from jiying.desk.models import AgentLoad, Customer, SearchName, SearchText, Ticket
from jiying.desk.policies import visible
from jiying.desk.queries import search, search_text, word_index
from jiying.desk.queries.filters import read
from jiying.desk.services import collaboration, customers, handling, indexing, lines, routing, talking
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast
from tests.desk.stage import up_team


def _indexed() -> None:
    """What the worker does within a second: number the facts, read them."""
    while journal.sequence():
        pass
    tails.catch_up(indexing.READER)


def _found(cast: Cast, person: Person, text: str, **values: str) -> list[str]:
    _indexed()
    found = search.search(cast.actor(person), read({"view": "all", "q": text, **values}), cast.now)
    return [hit.row.number for hit in found.hits]


ZHANG = CustomerData(name="张小龙", phone="13812345678", email="zhang@example.com", organisation="蓝海科技有限公司")


@pytest.mark.parametrize(
    "text",
    ["退款", "到账", "退款 到账", "refund", "账", "5678", "13812345678", "138 1234 5678", "+86 13812345678"]
    + ["zhang@example.com", "张小龙", "蓝海科技有限公司", "ＲＥＦＵＮＤ"],
)
def test_found_by(cast: Cast, text: str) -> None:
    ticket = cast.ticket(subject="退款一直未到账", description="Where is my refunded money?", customer=ZHANG)
    cast.ticket(subject="发票抬头开错了", customer=CustomerData(name="李四", phone="13900001111"))
    assert _found(cast, cast.lin, text) == [ticket.number]


def test_found_by_number_and_its_end(cast: Cast) -> None:
    ticket = cast.ticket(subject="退款")
    cast.ticket(subject="发票")
    for text in (ticket.number, ticket.number.lower(), ticket.number[-3:], ticket.number[-6:], ticket.number[2:]):
        assert _found(cast, cast.lin, text) == [ticket.number], text
    assert search.number_of(cast.actor(cast.lin), f" {ticket.number.lower()} ") == ticket.number
    assert search.number_of(cast.actor(cast.he), ticket.number) == ""


def test_messages_and_notes_are_found_and_say_where(cast: Cast) -> None:
    ticket = cast.accepted(subject="咨询")
    lin = cast.actor(cast.lin)
    talking.note(actor=lin, number=ticket.number, body="客户怀疑仓库发错型号", now=cast.now)
    talking.reply(actor=lin, number=ticket.number, body="我们会补发配件", now=cast.now)
    _indexed()
    for text, part in (("仓库", "note"), ("补发", "reply")):
        (hit,) = search.search(lin, read({"q": text}), cast.now).hits
        assert hit.part == part
        assert [piece.text for piece in hit.snippet if piece.is_hit] == [text]


@pytest.mark.parametrize("text", ["小龙", "345678", "zhang@", "蓝海"])
def test_masked_data_is_found_by_a_part_only_by_who_may_reveal_it(cast: Cast, text: str) -> None:
    ticket = cast.ticket(subject="咨询", customer=ZHANG)
    assert _found(cast, cast.lin, text) == []
    assert _found(cast, cast.wang, text) == [ticket.number]


def test_a_found_customer_is_shown_masked(cast: Cast) -> None:
    cast.ticket(customer=ZHANG)
    _indexed()
    (customer,) = search.search(cast.actor(cast.sup), read({"q": "5678"}), cast.now).customers
    assert (customer.name, customer.phone) == ("张*龙", "138****5678")


def test_everybody_finds_just_what_they_see(cast: Cast) -> None:
    """The marks by which candidates are cut say the same as the filter that lists use."""
    mine = cast.accepted(subject="退款一")
    away = cast.accepted(subject="退款二", by=cast.zhao)
    collaboration.ask(
        actor=cast.actor(cast.zhao), number=away.number, department="logistics", question="？", now=cast.now
    )
    team = up_team(cast)
    lin = cast.actor(cast.lin)
    for n in range(2):
        up = cast.accepted(subject=f"退款上交{n}")
        handed = lines.hand_up(actor=lin, number=up.number, team=team, reason="难", now=cast.now)
    lines.take_in(actor=cast.actor(cast.zhao), hand_up_id=handed.pk, now=cast.now)
    lines.hand_back(actor=cast.actor(cast.zhao), hand_up_id=handed.pk, answer="好了", now=cast.now)
    AgentLoad.objects.update(capacity=0)
    cast.ticket(subject="退款三")
    other = cast.ticket(subject="退款四")
    routing.transfer(actor=cast.actor(cast.sup), number=other.number, to_team=cast.team2.pk, now=cast.now)
    handling.cancel(actor=cast.actor(cast.lin), number=mine.number, reason="重复", now=cast.now)
    _indexed()
    for person in cast.everybody():
        actor = cast.actor(person)
        seen = set(Ticket.objects.filter(visible(actor)).values_list("pk", flat=True))
        reach = search_text.reach(actor)
        cut = word_index.newest(words.of_query("退款"), [] if reach is None else [reach], 50)
        assert set(cut) == seen, person.username
        if seen:
            assert set(_found(cast, person, "退款")) == {t.number for t in Ticket.objects.filter(pk__in=seen)}


def test_who_sees_no_tickets_may_not_search(cast: Cast) -> None:
    planner = cast.he
    planner.roles.clear()
    with pytest.raises(Denied):
        search.search(cast.actor(planner), read({"q": "退款"}), cast.now)


def test_a_stale_mark_shows_nothing_that_one_may_not_see(cast: Cast) -> None:
    ticket = cast.accepted(subject="退款")
    assert _found(cast, cast.lin, "退款") == [ticket.number]
    routing.transfer(actor=cast.actor(cast.sup), number=ticket.number, to_person=cast.zhao.pk, now=cast.now)
    found = search.search(cast.actor(cast.lin), read({"q": "退款"}), cast.now)  # the worker has not read that yet
    assert not found.hits
    assert _found(cast, cast.zhao, "退款") == [ticket.number]


FILTERS: list[tuple[dict[str, str], str]] = [
    ({"priority": "P1"}, "a"),
    ({"priority": "P1,P3"}, "ab"),
    ({"channel": "phone"}, "b"),
    ({"type": "fault"}, "b"),
    ({"category": "order"}, "b"),
    ({"tag": "大促"}, "b"),
    ({"tier": "vip"}, "b"),
    ({"assignee": "me"}, "abc"),
    ({"status": "accepted"}, "a"),
    ({"team": "mine"}, "abc"),
    ({"view": "ended"}, "c"),
    ({"since": "2026-09-10"}, ""),
    ({"until": "2026-09-09", "view": "open"}, "ab"),
    ({"due": "14400", "priority": "P1"}, "a"),
    ({"late": "1"}, ""),
]


@pytest.mark.parametrize(("values", "expected"), FILTERS)
def test_filters_narrow_what_is_found(cast: Cast, values: dict[str, str], expected: str) -> None:
    vip = CustomerData(name="张三", tier="vip")
    found = {
        "a": cast.accepted(subject="退款紧急", priority="P1"),
        "b": cast.ticket(
            subject="退款订单", channel="phone", category="order/refund", customer=vip, type="fault", tags=("大促",),
            priority="P3",
        ),
        "c": cast.accepted(subject="退款结束", priority="P4"),
    }  # fmt: skip
    handling.cancel(actor=cast.actor(cast.lin), number=found["c"].number, reason="重复", now=cast.now)
    expected_numbers = {found[name].number for name in expected}
    assert set(_found(cast, cast.lin, "退款", **values)) == expected_numbers


def test_the_best_and_the_freshest_come_first(cast: Cast) -> None:
    told = cast.ticket(subject="咨询", description="想问一下发票和退款")
    titled = cast.ticket(subject="退款没到")
    assert _found(cast, cast.sup, "退款") == [titled.number, told.number]
    assert _found(cast, cast.sup, told.number[-3:])[0] == told.number


def test_pages_follow_each_other(cast: Cast) -> None:
    numbers = {cast.ticket(subject=f"退款 {n}").number for n in range(7)}
    _indexed()
    seen: list[str] = []
    offset = 0
    for _page in range(3):
        found = search.search(cast.actor(cast.sup), read({"q": "退款"}), cast.now, offset=offset, limit=3)
        seen += [hit.row.number for hit in found.hits]
        offset = found.next_offset
    assert not offset
    assert len(seen) == 7
    assert set(seen) == numbers
    assert (found.n_found, found.is_capped) == (7, False)


# --- the index -------------------------------------------------------------------------------------------------------


def _all(model: Any) -> set[tuple[Any, ...]]:
    names = [f.attname for f in model._meta.concrete_fields if f.attname != "id"]
    return set(model.objects.values_list(*names))


def test_made_anew_it_is_what_the_journal_made(cast: Cast) -> None:
    ticket = cast.accepted(subject="退款", customer=ZHANG)
    talking.note(actor=cast.actor(cast.lin), number=ticket.number, body="备注", now=cast.now)
    _indexed()
    texts, names = _all(SearchText), _all(SearchName)
    assert texts
    assert names
    SearchText.objects.all().delete()
    SearchName.objects.all().delete()
    assert _found(cast, cast.lin, "退款") == []
    assert indexing.rebuild(lambda done, total: None) == 1
    assert (_all(SearchText), _all(SearchName)) == (texts, names)
    assert _found(cast, cast.lin, "退款") == [ticket.number]


def test_a_changed_name_is_found_and_the_old_one_not(cast: Cast) -> None:
    ticket = cast.accepted(customer=ZHANG)
    customer = Customer.objects.get()
    assert _found(cast, cast.lin, "张小龙") == [ticket.number]
    customers.change(
        actor=cast.actor(cast.lin), customer_id=customer.pk, revision=customer.revision, now=cast.now, name="欧阳锋"
    )
    assert _found(cast, cast.lin, "张小龙") == []
    assert _found(cast, cast.lin, "欧阳锋") == [ticket.number]


def test_at_once_where_it_must_be(cast: Cast) -> None:
    ticket = cast.ticket(subject="退款")
    assert _found(cast, cast.sup, "退款") == [ticket.number]
    Ticket.objects.filter(pk=ticket.pk).update(subject="已删除")
    with transaction.atomic():
        indexing.index(tickets=[ticket.pk])
    assert not search.search(cast.actor(cast.sup), read({"q": "退款"}), cast.now).hits


@pytest.mark.usefixtures("still")
def test_what_did_not_change_is_not_written(cast: Cast, django_assert_num_queries: Callable[..., Any]) -> None:
    ticket = cast.ticket()
    _indexed()
    indexing.index(tickets=[ticket.pk])
    before = SearchText.objects.get()
    write = indexing.read(journal.of("ticket", ticket.pk))
    with django_assert_num_queries(0):
        write()
    assert SearchText.objects.get().words == before.words


def test_a_reader_that_lost_its_turn_writes_nothing(cast: Cast) -> None:
    cast.ticket(subject="退款")
    journal.sequence()

    def overtaken(entries: Any) -> Callable[[], object]:
        tails.put(reader, 10_000)
        return lambda: pytest.fail("it wrote")

    reader = tails.Reader("test", overtaken)
    assert tails.turn(reader) == 0


# --- page and API ----------------------------------------------------------------------------------------------------


def test_the_page_marks_the_words_and_a_whole_number_leads_to_its_ticket(cast: Cast) -> None:
    ticket = cast.ticket(subject="退款一直未到账", customer=ZHANG)
    _indexed()
    client = cast.client(cast.lin)
    page = client.get("/search/", {"q": "退款"}).content.decode()
    assert "<mark>退款</mark>一直未到账" in page
    assert "张小龙" not in page
    assert "138****5678" in client.get("/search/", {"q": "5678"}).content.decode()
    assert client.get("/search/", {"q": ticket.number.lower()}).headers["Location"] == f"/tickets/{ticket.number}/"
    assert "jy-empty" in client.get("/search/").content.decode()
    assert "jy-empty" in client.get("/search/", {"q": "没有这个词"}).content.decode()
    assert cast.client(cast.lin).get("/search/", {"q": "退款", "status": "x"}).status_code == 422


def test_the_api_searches_by_the_same_rules(cast: Cast) -> None:
    numbers = {cast.ticket(subject=f"退款 {n}", customer=ZHANG).number for n in range(3)}
    _indexed()
    api = cast.api(cast.lin)
    first = api.get("/api/v1/search", {"q": "退款", "limit": "2"}).json()
    second = api.get("/api/v1/search", {"q": "退款", "limit": "2", "cursor": str(first["next_cursor"])}).json()
    assert {one["ticket"]["number"] for one in [*first["items"], *second["items"]]} == numbers
    assert second["next_cursor"] is None
    assert first["items"][0]["subject"][0] == {"text": "退款", "is_hit": True}
    assert api.get("/api/v1/search", {"q": "5678"}).json()["customers"][0]["phone"] == "138****5678"
    assert cast.api(cast.he).get("/api/v1/search", {"q": "退款"}).json()["items"] == []
    assert api.get("/api/v1/search", {"q": "退款", "priority": "P9"}).status_code == 422
