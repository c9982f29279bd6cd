"""A KPI by a slice: each figure opens its tickets; by codes as solved, by tags; offers and corrected priorities."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from jiying.clocks.models import Clock
from jiying.core.metrics import KPIS, Tally
from jiying.core.periods import between
from jiying.desk import policies
from jiying.desk.models import AgentLoad, Category, Code, OfferKind, Ticket
from jiying.desk.services import handling, offers
from jiying.desk.services.codes import Booked
from jiying.desk.services.offers import NewOffer
from jiying.insight.queries import cards, counting, dashboards, reports, why
from jiying.insight.queries.cards import Card
from jiying.insight.queries.counting import NONE, Cut, Window
from jiying.warehouse import exporting
from tests.cast import NOW, Cast
from tests.insight.columnar import copied
from tests.insight.test_reports import life
from tests.warehouse.test_copy import everything

LATER = NOW + timedelta(days=1)
WINDOW = Window(NOW - timedelta(days=1), LATER)
CODES = (
    ("cause", "wear", "破损"), ("cause", "wear/box", "外箱破损"), ("solution", "swap", "换货"),
    ("step", "boxing", "打包"),
)  # fmt: skip


@pytest.fixture
def centre(cast: Cast) -> list[Ticket]:
    """Three solved tickets, two with codes, and one that is open; two have tags, one has two of them."""
    AgentLoad.objects.update(capacity=50)
    Category.objects.bulk_create([Category(path="invoice", name_zh="发票")], ignore_conflicts=True)
    Code.objects.bulk_create([Code(kind=kind, path=path, name_zh=name) for kind, path, name in CODES])
    OfferKind.objects.get_or_create(code="voucher", defaults={"name_zh": "优惠券"})
    tickets = [
        cast.accepted(tags=["加急", "退款"], channel="phone"),
        cast.accepted(tags=["退款"], type="complaint"),
        life(cast, answered=5, solved=30),
        cast.ticket(),
    ]
    by = cast.actor(cast.lin)
    for ticket, booked in ((tickets[0], Booked("wear/box", "swap", "boxing")), (tickets[1], Booked("wear"))):
        handling.resolve(actor=by, number=ticket.number, booked=booked, now=NOW + timedelta(minutes=30))
    copied()
    return tickets


def _n(key: str, by: str, where: tuple[tuple[str, str], ...] = ()) -> dict[str, tuple[int, int]]:
    found = counting.tallies([key], WINDOW, Cut(policies.Scope(None), where), by)
    return {value: (row[key].n, row[key].n_hits) for value, row in found.items()}


def test_codes_and_tags_cut_tickets_and_promises(cast: Cast, centre: list[Ticket]) -> None:
    assert _n("tickets_solved", "root_cause") == {"wear": (1, 0), "wear/box": (1, 0), NONE: (1, 0)}
    assert _n("tickets_solved", "", (("root_cause", "wear"),)) == {"": (2, 0)}  # with those below it
    assert _n("tickets_solved", "", (("root_cause", "wear/."),)) == {"": (1, 0)}  # without them
    assert _n("tickets_solved", "step", (("solution", "swap"),)) == {"boxing": (1, 0)}
    assert _n("tickets_received", "tag") == {"退款": (2, 0), "加急": (1, 0), NONE: (2, 0)}
    assert _n("tickets_received", "", (("tag", "退款"),)) == {"": (2, 0)}
    assert _n("tickets_received", "", (("tag", NONE),)) == {"": (2, 0)}
    assert _n("tickets_received", "tag", (("tag", "加急"),)) == {"退款": (1, 0), "加急": (1, 0)}
    assert _n("attainment.accept", "solution") == {"swap": (1, 1), NONE: (2, 2)}
    assert _n("attainment.accept", "tag", (("root_cause", "wear/box"),)) == {"退款": (1, 1), "加急": (1, 1)}


def test_codes_follow_when_a_ticket_is_solved_again(cast: Cast, centre: list[Ticket]) -> None:
    by, number = cast.actor(cast.lin), centre[1].number
    handling.reopen(actor=by, number=number, reason="again", now=NOW + timedelta(minutes=40))
    handling.resolve(actor=by, number=number, booked=Booked("wear/box", "swap"), now=NOW + timedelta(minutes=50))
    copied()
    assert _n("tickets_solved", "root_cause") == {"wear/box": (2, 0), NONE: (1, 0)}
    followed = everything()
    exporting.rebuild()
    assert everything() == followed


def test_offers_corrections_and_complaints_again(cast: Cast, centre: list[Ticket]) -> None:
    by, opened = cast.actor(cast.lin), centre[3]
    handling.accept(actor=cast.actor(opened.assignee or cast.lin), number=opened.number, now=NOW)
    accepted, taken_back = (
        offers.make(actor=cast.actor(cast.sup), number=opened.number, new=NewOffer("voucher", amount=n), now=NOW)
        for n in (500, 900)
    )
    offers.withdraw(actor=cast.actor(cast.sup), offer_id=taken_back.pk, now=NOW)
    copied()
    assert _n("offer_conversion", "") == {"": (1, 0)}
    offers.answer(actor=cast.actor(cast.sup), offer_id=accepted.pk, answer="accepted", now=NOW)
    before = Ticket.objects.get(pk=opened.pk).priority
    for priority in ("P1", "P4", before):
        if priority != Ticket.objects.get(pk=opened.pk).priority:
            handling.set_priority(
                actor=cast.actor(cast.sup), number=opened.number, priority=priority, reason="误判", now=NOW
            )
    handling.reclassify(actor=by, number=centre[2].number, tags=["x"], now=NOW + timedelta(minutes=31))
    Ticket.objects.filter(pk=centre[1].pk).update(is_repeat=True)
    exporting.rebuild()
    assert _n("offer_conversion", "") == {"": (1, 1)}
    assert _n("corrected_priorities", "") == {"": (4, 1)}
    assert _n("repeat_complaint_rate", "") == {"": (1, 1)}


@pytest.mark.parametrize("by", cards.BY)
def test_every_value_of_a_card_is_the_reports_figure_and_opens_its_tickets(
    cast: Cast, centre: list[Ticket], by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: LATER)
    scope, client = policies.scope(cast.actor(cast.sup)), cast.client(cast.sup)
    for key in ("tickets_received", "attainment.accept", "first_response_time", "backlog"):
        card = Card(kind="slices", kpi=key, by=by, period="7d")
        found = dashboards.data(scope, card, LATER)
        assert found.slices is not None and found.slices.rows and not found.slices.n_left_out
        asked = cast.api(cast.sup).get("/api/v1/dashboards/card", cards.asked(card)).json()["slices"]
        assert [row["value"] for row in asked["rows"]] == [row.value for row in found.slices.rows]
        window = reports.window(card.stretch(LATER.date()), LATER)
        whole = counting.tallies([key], window, Cut(scope))[""][key]
        assert found.slices.figure == reports.figure(key, whole, Tally())
        for row in found.slices.rows:
            query = f"kind=range&from={found.first}&to={found.last}&kpi={key}"
            page = client.get(f"/reports/tickets/?{query}", {by: row.value, "kpi": key, **_range(found)})
            assert page.status_code == 200 and page.context["behind"].n == row.figure.n > 0
            assert row.label and row.label in page.content.decode()
        if by != "tag":
            assert sum(row.figure.n for row in found.slices.rows) == whole.n


def _range(found: dashboards.CardData) -> dict[str, str]:
    return {"kind": "range", "from": str(found.first), "to": str(found.last)}


def test_a_slice_and_a_missed_promise_open_those_of_their_own_level(
    cast: Cast, centre: list[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A category that tickets lie in themselves, and others below it."""
    monkeypatch.setattr(timezone, "now", lambda: LATER)
    Category.objects.bulk_create([Category(path="invoice/lost", name_zh="丢失")], ignore_conflicts=True)
    for n, path in enumerate(("invoice", "invoice/lost", "invoice/lost")):
        Ticket.objects.filter(pk=centre[n].pk).update(category=path)
    Clock.objects.filter(metric="first_response").update(state="breached", breached_at=NOW + timedelta(minutes=20))
    exporting.rebuild()
    client, scope = cast.client(cast.sup), policies.scope(cast.actor(cast.sup))
    sliced = dashboards.data(scope, Card(kind="slices", by="category", period="7d"), LATER)
    assert sliced.slices is not None
    own = {"invoice/.": 1, "invoice/lost": 2, NONE: 1}
    assert {row.value: row.figure.n for row in sliced.slices.rows} == own
    missed = why.why(scope, "attainment.first_response", reports.Wanted(between(sliced.first, sliced.last)), LATER)
    by = {part.by: {line.value: line.missed for line in part.items} for part in missed.parts}
    assert by["category"] == own
    for value, n in by["category"].items():
        about = {"kpi": "attainment.first_response", "part": "miss", "category": value, **_range(sliced)}
        page = client.get("/reports/tickets/", about)
        assert page.context["behind"].n == n
        assert ("本级" in page.content.decode()) == (value == "invoice/.")


def test_the_card_on_the_page_in_its_file_and_its_form(
    cast: Cast, centre: list[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: LATER)
    client = cast.client(cast.sup)
    form = client.get("/dashboards/card/").content.decode()
    assert 'name="by"' in form and "标签" in form and "问题原因" in form
    saved = client.post("/dashboards/card/", {"kind": "slices", "kpi": "attainment.accept", "by": "tag"})
    assert saved.status_code == 302
    page = client.get("/dashboards/")
    card = page.context["cards"][-1]
    assert card["card"].by == "tag" and card["chart"]["kind"] == "bars"
    assert [row[0].text for row in card["table"].rows] == card["chart"]["categories"]
    assert all(card["chart"]["urls"]) and card["chart"]["series"][0]["values"] == [100.0] * 3
    assert any("多个标签" in sentence for sentence in card["sentences"])
    book = load_workbook(BytesIO(client.get(card["file_url"]).content))
    sheet = book.worksheets[0]
    assert sheet.freeze_panes == "A2" and [cell.value for cell in sheet[1]] == card["table"].heading
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == [1.0] * 3 and sheet["B2"].number_format == "0.0%"


def test_of_many_values_those_with_most_cases_are_shown(
    cast: Cast, centre: list[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboards, "MAX_SLICES", 1)
    found = dashboards.data(policies.scope(cast.actor(cast.sup)), Card(kind="slices", by="channel"), LATER)
    assert found.slices is not None and found.slices.n_left_out == 1
    assert [(row.value, row.figure.n) for row in found.slices.rows] == [("web", 3)]


@pytest.mark.parametrize(("by", "value"), [("by", "planet"), ("kind", "pie")])
def test_an_unknown_slice_is_refused(cast: Cast, by: str, value: str) -> None:
    asked = {"kind": "slices", "kpi": "csat"} | {by: value}
    answer = cast.api(cast.sup).get("/api/v1/dashboards/card", asked)
    assert answer.status_code == 422 and by in answer.content.decode()


def test_every_slice_of_the_library_can_be_chosen() -> None:
    assert set(cards.BY) == {*counting.CHOICES} and set(KPIS) >= {"offer_conversion", "corrected_priorities"}
