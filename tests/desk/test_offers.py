"""Offers made to the customer (D5): made, answered by whoever may, taken back, never open behind a closed ticket."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from jiying.alerts.models import Alert
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import JournalEntry
from jiying.channels.services import portal
from jiying.desk.models import CustomerOffer, OfferKind, Ticket
from jiying.desk.queries import offers as queries
from jiying.desk.services import handing_out, handling, offer_kinds, offers, privacy
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.offer_kinds import OfferKindData
from jiying.desk.services.offers import NewOffer
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, everything, facts_of, sweep, ticket_in

ZHANG = CustomerData(name="张三", phone="13812345678")


def make(cast: Cast, ticket: Ticket, kind: str = "voucher", by: Actor | None = None, **fields: Any) -> CustomerOffer:
    return offers.make(
        actor=by or cast.actor(cast.lin), number=ticket.number, new=NewOffer(kind, **fields), now=cast.now + MINUTE
    )


def answer(cast: Cast, offer: CustomerOffer, said: str = "accepted", by: Actor | None = None, **more: Any) -> None:
    actor = by or cast.actor(cast.lin)
    offers.answer(actor=actor, offer_id=offer.pk, answer=said, now=cast.now + 2 * MINUTE, **more)


def test_an_offer_and_its_answer_are_facts_of_the_ticket(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", customer=ZHANG)
    made = make(cast, ticket, value=" 满 100 可用 ", amount=2000, note="致歉")
    answer(cast, made, "refused", note="嫌少")
    assert facts_of(ticket)[-2:] == ["offer_made", "offer_refused"]
    told = JournalEntry.objects.get(kind="ticket.offer_made").data
    assert told == {
        "offer": made.pk, "kind": "voucher", "text": "满 100 可用", "amount": 2000, "shown": False, "note": "致歉",
    }  # fmt: skip
    row = queries.of_ticket(cast.actor(cast.lin), ticket).here[0]
    assert (row.state, row.answer_note, row.answered_by, row.by_customer) == ("refused", "嫌少", "林晓", False)
    assert (row.money, queries.money(123456), queries.money(None)) == ("¥20", "¥1,234.56", "")


@pytest.mark.parametrize("end", ["confirm", "close", "silence", "cancel", "merge"])
def test_no_offer_stays_open_behind_an_ended_ticket(cast: Cast, end: str) -> None:
    ticket, lin = ticket_in(cast, "in_progress", customer=ZHANG), cast.actor(cast.lin)
    done = make(cast, ticket, "gift")
    answer(cast, done)
    left = make(cast, ticket)
    about: dict[str, Any] = {"actor": lin, "number": ticket.number, "now": cast.now + HOUR}
    if end == "cancel":
        handling.cancel(**about, reason="误建")
    elif end == "merge":
        handling.merge(**about, into=cast.ticket(subject="原件").number)
    else:
        handling.resolve(**about)
        left.refresh_from_db()
        assert left.state == "open"  # the customer may still say yes
        if end == "silence":
            sweep(cast.now + timedelta(days=9), "tickets")
        else:
            getattr(handling, end)(**about)
    left.refresh_from_db()
    done.refresh_from_db()
    assert (left.state, done.state) == ("lapsed", "accepted")
    assert left.ended_at is not None
    assert "offer_lapsed" in facts_of(ticket)


def test_bad_input_is_named_all_at_once_and_changes_nothing(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")  # of nobody known
    before = everything()
    with pytest.raises(Invalid) as refused:
        make(cast, ticket, "unheard", value="x" * 121, amount=-1, note="\x00", shown=True)
    assert [f.field for f in refused.value.faults] == ["kind", "value", "note", "amount", "shown"]
    assert everything() == before
    OfferKind.objects.filter(code="gift").update(active=False)
    with pytest.raises(Invalid):
        make(cast, ticket, "gift")
    OfferKind.objects.filter(code="gift").update(active=True)
    with pytest.raises(Conflict):
        make(cast, ticket_in(cast, "closed"))
    made = make(cast, ticket)
    with pytest.raises(Invalid):
        answer(cast, made, "perhaps")
    answer(cast, made)
    before = everything()
    for again in (
        lambda: answer(cast, made),
        lambda: offers.withdraw(actor=cast.actor(cast.lin), offer_id=made.pk, now=cast.now),
    ):
        with pytest.raises(Conflict):
            again()
    with pytest.raises(NotFound):
        offers.withdraw(actor=cast.actor(cast.lin), offer_id=made.pk + 999, now=cast.now)
    assert everything() == before


def test_who_may(cast: Cast) -> None:
    """Whoever handles the ticket; its customer, but only what was shown to them."""
    ticket = ticket_in(cast, "in_progress", customer=ZHANG)
    hidden, shown = make(cast, ticket), make(cast, ticket, "gift", shown=True)
    assert ticket.customer_id is not None
    customer, stranger = Actor("customer", ticket.customer_id), Actor("customer", ticket.customer_id + 1)
    before = everything()
    for actor, error in (
        (cast.actor(cast.zhao), NotFound),
        (cast.actor(cast.chen), Denied),
        (cast.actor(cast.he), NotFound),
    ):
        for call in (
            lambda actor=actor: make(cast, ticket, by=actor),
            lambda actor=actor: answer(cast, shown, by=actor),
            lambda actor=actor: offers.withdraw(actor=actor, offer_id=shown.pk, now=cast.now),
        ):
            with pytest.raises(error):
                call()
    for actor, offer in ((customer, hidden), (stranger, shown)):
        with pytest.raises(NotFound):
            answer(cast, offer, by=actor)
    assert everything() == before
    answer(cast, shown, by=customer)
    answer(cast, hidden, by=cast.actor(cast.wang))


def test_the_customer_answers_by_the_link_and_wakes_the_ticket(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", customer=ZHANG)
    hidden, shown = (
        make(cast, ticket, value="不给看"),
        make(cast, ticket, "gift", value="数据线", note="内部", shown=True),
    )
    handling.hold(actor=cast.actor(cast.lin), number=ticket.number, reason="customer", now=cast.now + MINUTE)
    path = re.sub(r"^https?://[^/]+", "", portal.address(actor=cast.actor(cast.lin), number=ticket.number))
    page = Client().get(path).content.decode()
    assert "数据线" in page and "不给看" not in page and "内部" not in page
    where = f"{path}offers/{shown.pk}"
    assert cast.client(cast.lin).post(where, {"answer": "accepted"}).status_code == 409  # a colleague only looks on
    assert Client().post(where, {"answer": "maybe"}).status_code == 422
    assert Client().post(f"{path}offers/{hidden.pk}", {"answer": "accepted"}).status_code == 404
    other = make(cast, ticket_in(cast, "in_progress", customer=ZHANG), shown=True)
    assert Client().post(f"{path}offers/{other.pk}", {"answer": "accepted"}).status_code == 404
    assert Client().post(where, {"answer": "accepted", "note": "好的"}).status_code == 302
    shown.refresh_from_db()
    ticket.refresh_from_db()
    assert (shown.state, shown.by_customer, shown.answer_note) == ("accepted", True, "好的")
    assert ticket.status == "in_progress"
    assert Alert.objects.get(kind="ticket.offer_answered").person_id == cast.lin.pk
    assert Client().post(where, {"answer": "refused"}).status_code == 409
    assert "好的" in cast.client(cast.lin).get(f"/tickets/{ticket.number}/").content.decode()


def test_the_dialog_the_panel_and_the_customers_page(cast: Cast) -> None:
    ticket, client = ticket_in(cast, "in_progress", customer=ZHANG), cast.client(cast.lin)
    assert "extended_warranty" in client.get(f"/tickets/{ticket.number}/do/offer").content.decode()
    wrong = client.post(f"/tickets/{ticket.number}/do/offer", {"kind": "voucher", "amount": "-3"})
    assert wrong.status_code == 422
    values = {"kind": "voucher", "value": "满减", "amount": "19.90", "shown": "on"}
    assert client.post(f"/tickets/{ticket.number}/do/offer", values).status_code == 302
    made = CustomerOffer.objects.get()
    assert (made.amount, made.is_shown) == (1990, True)
    assert f'id="offer-{made.pk}"' in client.get(f"/tickets/{ticket.number}/").content.decode()
    assert client.get(f"/offers/{made.pk}/answer").status_code == 200
    assert client.post(f"/offers/{made.pk}/answer", {"answer": "accepted"}).status_code == 302
    assert client.get(f"/offers/{made.pk}/answer").status_code == 409
    assert "¥19.90" in client.get(f"/customers/{ticket.customer_id}/").content.decode()
    later = ticket_in(cast, "in_progress", customer=ZHANG)
    assert [one.id for one in queries.of_ticket(cast.actor(cast.lin), later).elsewhere] == [made.pk]
    assert queries.of_customer(cast.actor(cast.zhao), ticket.customer_id or 0) == []
    over = make(cast, later)
    assert client.post(f"/offers/{over.pk}/withdraw").status_code == 302
    assert client.get(f"/tickets/{ticket_in(cast, 'in_progress').number}/do/offer").status_code == 200


def test_kinds_are_edited_and_journalled(cast: Cast) -> None:
    ops, data = cast.actor(cast.ops), OfferKindData("visit", "上门检测", "Visit")
    row = offer_kinds.save(actor=ops, data=data, revision=None, now=cast.now)
    for bad, revision, error in (
        (data, None, Conflict),
        (data, 7, Conflict),
        (OfferKindData("Bad Code", ""), None, Invalid),
        (OfferKindData("unheard", "某"), 1, NotFound),
    ):
        with pytest.raises(error):
            offer_kinds.save(actor=ops, data=bad, revision=revision, now=cast.now)
    with pytest.raises(Denied):
        offer_kinds.save(actor=cast.actor(cast.sup), data=OfferKindData("x", "某"), revision=None, now=cast.now)
    changed = OfferKindData("visit", "上门检测", active=False)
    offer_kinds.save(actor=ops, data=changed, revision=row.revision, now=cast.now)
    assert list(JournalEntry.objects.filter(subject_kind="offer_kind").values_list("kind", flat=True)) == [
        "offer_kind.created", "offer_kind.changed",
    ]  # fmt: skip
    client = cast.client(cast.admin)
    assert "上门检测" in client.get("/setup/offers/").content.decode()
    assert cast.client(cast.lin).get("/setup/offers/").status_code == 403
    fresh = {"code": "coupon", "name_zh": "停车券", "active": "on"}
    assert client.post("/setup/offers/", fresh).status_code == 302
    assert client.post("/setup/offers/", fresh).status_code == 409


def test_the_api(cast: Cast) -> None:
    ticket, lin = ticket_in(cast, "in_progress", customer=ZHANG), cast.api(cast.lin)

    def post(path: str, **body: Any) -> Any:
        return lin.post(f"/api/v1{path}", json.dumps(body), content_type="application/json")

    made = post(f"/tickets/{ticket.number}/offers", kind="points", value="500", shown=True)
    assert (made.status_code, made.json()["state"], made.json()["may_answer"]) == (201, "open", True)
    assert post(f"/tickets/{ticket.number}/offers", kind="none").json()["errors"][0]["field"] == "kind"
    said = post(f"/offers/{made.json()['id']}/answer", answer="accepted", note="行")
    assert (said.json()["state"], said.json()["answered_by"]) == ("accepted", "林晓")
    assert post(f"/offers/{made.json()['id']}/withdraw").status_code == 409
    for path in (f"/tickets/{ticket.number}/offers", f"/customers/{ticket.customer_id}/offers"):
        assert [one["value"] for one in lin.get(f"/api/v1{path}").json()["items"]] == ["500"]
    kinds = {one["code"]: one for one in lin.get("/api/v1/offer-kinds").json()["items"]}
    assert (kinds["gift"]["n_made"], set(kinds) >= {"extended_warranty", "plan", "voucher"}) == (0, True)
    body = json.dumps({"code": "visit", "name_zh": "上门"})
    assert cast.api(cast.ops).put("/api/v1/offer-kinds", body, content_type="application/json").status_code == 200
    assert lin.put("/api/v1/offer-kinds", body, content_type="application/json").status_code == 403
    assert cast.api(cast.he).get("/api/v1/offer-kinds").status_code == 403


def test_a_customers_data_is_handed_out_and_erased_with_the_offers(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", customer=ZHANG)
    made = make(cast, ticket, value="给张三", note="张三说的")
    answer(cast, made, note="张三同意")
    customer = ticket.customer
    assert customer is not None
    assert handing_out.collect(customer)["tickets"][0]["offers"][0]["value"] == "给张三"
    privacy._erase_tickets([ticket.pk], True, cast.now + HOUR)
    made.refresh_from_db()
    assert (made.value, made.note, made.answer_note, made.state) == ("", "", "", "accepted")
    assert not [
        e
        for e in JournalEntry.objects.filter(subject_kind="ticket")
        if "张三" in json.dumps(e.data, ensure_ascii=False)
    ]
