"""Dashboards: each card shows the report's number, opens its tickets, and is one thing on page, in file and by API."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from jiying.base.models import JournalEntry
from jiying.core.metrics import KPIS, Tally
from jiying.core.periods import Period, between
from jiying.desk import policies
from jiying.desk.models import AgentLoad, Category, Customer, Ticket
from jiying.desk.services import customers, routing
from jiying.insight.models import Dashboard
from jiying.insight.queries import cards, counting, dashboards, reports
from jiying.insight.queries.cards import Card
from jiying.insight.queries.counting import NONE, Cut
from tests.cast import NOW, Cast
from tests.insight.columnar import copied
from tests.insight.test_reports import life

LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def _tree(cast: Cast) -> None:
    names = ("logistics", "logistics/damaged", "logistics/lost", "invoice")
    Category.objects.bulk_create([Category(path=path, name_zh=path) for path in names], ignore_conflicts=True)


@pytest.fixture
def centre(cast: Cast) -> list[Ticket]:
    """Four tickets of three days, one of them another team's, in two categories."""
    AgentLoad.objects.update(capacity=50)
    tickets = [
        life(cast, answered=5, solved=30, category="logistics/damaged"),
        life(cast, "phone", answered=9, solved=120, category="logistics/lost"),
        cast.ticket(category="invoice", now=NOW - timedelta(days=2)),
    ]
    other = cast.ticket(subject="另一组", category="invoice", now=NOW - timedelta(days=1))
    routing.transfer(actor=cast.actor(cast.sup), number=other.number, to_team=cast.team2.pk, now=NOW)
    copied()
    return [*tickets, other]


@pytest.fixture
def at_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: LATER)


def _scope(cast: Cast) -> policies.Scope:
    return policies.scope(cast.actor(cast.sup))


@pytest.mark.parametrize("period", ["28d", "week"])
def test_every_card_shows_the_number_of_the_report_for_its_period(
    cast: Cast, centre: list[Ticket], period: str
) -> None:
    scope = _scope(cast)
    for key in KPIS:
        for step in cards.STEPS:
            found = dashboards.data(scope, Card(kpi=key, period=period, step=step), LATER)
            wanted = between(found.first, found.last)
            tally = counting.tallies([key], reports.window(wanted, LATER), Cut(scope)).get("", {}).get(key, Tally())
            same = reports.figure(key, tally, Tally())
            assert found.trend is not None
            own = found.trend.figure
            assert (own.value, own.n, own.hits, own.low, own.high) == (
                same.value, same.n, same.hits, same.low, same.high
            )  # fmt: skip


def test_each_point_is_the_report_of_its_day(cast: Cast, centre: list[Ticket]) -> None:
    scope = _scope(cast)
    for key in KPIS:
        found = dashboards.data(scope, Card(kpi=key, period="7d"), LATER).trend
        assert found is not None and len(found.points) == 7
        for point in found.points:
            window = reports.window(Period("day", point.first, point.last), LATER)
            tally = counting.tallies([key], window, Cut(scope)).get("", {}).get(key, Tally())
            assert (point.value, point.n) == (reports.figure(key, tally, Tally()).value, tally.n)
    whole = dashboards.data(scope, Card(period="7d"), LATER).trend
    assert whole is not None and [point.n for point in whole.points] == [0, 0, 0, 0, 1, 1, 2]


@pytest.mark.usefixtures("at_later")
def test_page_file_api_and_report_show_the_same_number(cast: Cast, centre: list[Ticket]) -> None:
    page = cast.client(cast.sup).get("/dashboards/")
    assert page.status_code == 200
    by_page = {
        (one["card"].kind, one["card"].kpi): one for one in page.context["cards"]
    }  # the usual arrangement has each pair once
    for (kind, key), one in by_page.items():
        asked = one["file_url"].partition("?")[2]
        answer = cast.api(cast.sup).get(f"/api/v1/dashboards/card?{asked}").json()
        figure = answer[kind]["figure"]
        query = f"kind=range&from={answer['first']}&to={answer['last']}"
        report = cast.api(cast.sup).get(f"/api/v1/reports/figures?{query}").json()["whole"]
        assert one["figures"][0]["row"].value == figure["value"]
        same = {line["kpi"]: line for line in report}[key]
        assert (figure["value"], figure["n"]) == (same["value"], same["n"])
        assert one["figures"][0]["text"] in page.content.decode()
        book = load_workbook(BytesIO(cast.client(cast.sup).get(one["file_url"]).content))
        sheet = book.worksheets[0]
        assert sheet.freeze_panes == "A2" and [cell.value for cell in sheet[1]] == one["table"].heading
        assert sheet.max_row - 1 == len(one["table"].rows)
    received = by_page["trend", "tickets_received"]["table"]
    assert [row[1].text for row in received.rows[:3]] == ["2", "1", "1"]


@pytest.mark.usefixtures("at_later")
def test_figures_points_and_cells_open_their_tickets(cast: Cast, centre: list[Ticket]) -> None:
    client = cast.client(cast.sup)
    page = client.get("/dashboards/")
    n_opened = 0
    for one in page.context["cards"]:
        for row in one["table"].rows:
            for cell in row:
                if cell.url:
                    behind = client.get(cell.url)
                    assert behind.status_code == 200 and behind.context["behind"].n > 0
                    if cell.form == "tickets":
                        assert behind.context["behind"].n == cell.value
                    n_opened += 1
    assert n_opened > 10


@pytest.mark.usefixtures("at_later")
def test_a_heat_map_counts_categories_with_those_below_by_local_hour(cast: Cast, centre: list[Ticket]) -> None:
    found = cast.api(cast.sup).get("/api/v1/dashboards/card?kind=heat&period=7d").json()["heat"]
    assert [(row["value"], row["n"]) for row in found["rows"]] == [("invoice", 2), ("logistics", 2)]
    hour = timezone.localtime(NOW).hour
    assert [column["value"] for column in found["columns"]] == [str(hour)]
    days = cast.api(cast.sup).get("/api/v1/dashboards/card?kind=heat&period=7d&across=weekday").json()["heat"]
    assert [cell["n"] for cell in days["rows"][1]["cells"]] == [0, 0, 2, 0, 0, 0, 0]
    tickets = cast.api(cast.sup).get(
        f"/api/v1/reports/tickets?kpi=tickets_received&category=logistics&hour={hour}"
        f"&kind=day&day={timezone.localtime(NOW).date()}"
    )
    assert tickets.json()["n"] == 2


def test_a_heat_map_by_region_takes_where_the_customer_was_then(
    cast: Cast, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboards, "MAX_COLUMNS", 2)
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    api = cast.api(cast.sup)
    for n, region in enumerate(("浙江", "广东", "浙江", "")):
        customer = {"ref": f"R{n}", "name": "客户", "region": region}
        told = {"subject": "少了一件", "channel": "phone", "category": "invoice", "customer": customer}
        made = api.post("/api/v1/tickets", told, "application/json")
        assert (made.status_code, made.json()["region"]) == (201, region), made.content
    moved = Customer.objects.get(ref="R0")
    actor = cast.actor(cast.sup)
    customers.change(actor=actor, customer_id=moved.pk, revision=moved.revision, region="上海", now=LATER)
    assert "上海" in cast.client(cast.sup).get(f"/customers/{moved.pk}/").content.decode()
    copied()
    monkeypatch.setattr(timezone, "now", lambda: LATER)
    found = api.get("/api/v1/dashboards/card?kind=heat&period=28d&across=region").json()["heat"]
    assert [(column["value"], column["label"]) for column in found["columns"]] == [("浙江", "浙江"), (NONE, "未知")]
    assert [cell["n"] for cell in found["rows"][0]["cells"]] == [2, 1]
    assert found["n_columns_left_out"] == 1
    client = cast.client(cast.sup)
    client.post("/dashboards/card/", {"kind": "heat", "period": "28d", "across": "region", "kpi": "tickets_received"})
    page = client.get("/dashboards/").content.decode()
    assert "另有 1 列较小的未显示" in page
    assert "&amp;region=%E6%B5%99%E6%B1%9F" in page
    tickets = api.get(f"/api/v1/reports/tickets?kpi=tickets_received&region=浙江&kind=month&day={LATER.date()}")
    assert tickets.json()["n"] == 2


def test_a_category_that_grows_is_told_as_a_hot_topic(cast: Cast, db: None) -> None:
    for week in range(1, 6):
        cast.ticket(category="invoice", now=NOW - timedelta(days=7 * week))
    for _n in range(7):
        cast.ticket(category="logistics/damaged")
    copied()
    found = dashboards.data(_scope(cast), Card(kind="topics", period="7d"), LATER).topics
    assert found is not None and (found.is_judged, found.n_hot) == (True, 1)
    hot = found.rows[0]
    assert (hot.value, hot.n, hot.before, hot.limit) == ("logistics/damaged", 7, [0, 0, 0, 0, 0], 3.0)


@pytest.mark.usefixtures("at_later")
def test_two_kpis_are_held_against_each_other_over_days(cast: Cast, centre: list[Ticket]) -> None:
    address = "/api/v1/dashboards/card?kind=correlation&kpi=tickets_received&other=backlog&period=7d"
    found = cast.api(cast.sup).get(address).json()["correlation"]
    assert (found["method"], found["n"], found["few"]) == ("spearman", 7, True)
    assert found["value"] is not None
    assert [pair["x"] for pair in found["points"]] == [0, 0, 0, 0, 1, 1, 2]
    one = cast.api(cast.sup).get(f"{address}&method=pearson").json()["correlation"]
    assert one["method"] == "pearson" and one["value"] != found["value"]


@pytest.mark.usefixtures("at_later")
def test_a_team_leader_sees_the_own_team_only(cast: Cast, centre: list[Ticket]) -> None:
    every = cast.api(cast.sup).get("/api/v1/dashboards/card?period=7d").json()["trend"]["figure"]["n"]
    own = cast.api(cast.wang).get("/api/v1/dashboards/card?period=7d").json()["trend"]["figure"]["n"]
    assert (every, own) == (4, Ticket.objects.filter(team=cast.team1).count())
    assert own < every
    for path in ("/dashboards/", "/dashboards/card.xlsx"):
        assert cast.client(cast.lin).get(path).status_code == 403
    assert cast.api(cast.lin).get("/api/v1/dashboards/card").status_code == 403


def _arrangement(cast: Cast, person: Any) -> dict[str, Any]:
    found: dict[str, Any] = cast.api(person).get("/api/v1/dashboards/arrangement").json()
    return found


def test_cards_are_added_changed_moved_widened_and_taken_away(cast: Cast) -> None:
    copied()
    client = cast.client(cast.sup)
    usual = _arrangement(cast, cast.sup)
    assert (usual["is_own"], usual["revision"], len(usual["cards"])) == (False, 0, len(cards.USUAL))

    def act(action: str, key: int) -> list[int]:
        answer = client.post("/dashboards/arrange", {"action": action, "key": key})
        assert answer.status_code == 302
        return [one["key"] for one in _arrangement(cast, cast.sup)["cards"]]

    assert act("down", 1)[:3] == [2, 1, 3]
    assert act("up", 1)[:3] == [1, 2, 3]
    assert act("up", 1)[:3] == [1, 2, 3]
    assert 2 not in act("remove", 2)
    act("size", 1)
    assert _arrangement(cast, cast.sup)["cards"][0]["card"]["size"] == "full"
    given = {"kind": "trend", "kpi": "csat", "step": "week", "period": "91d", "channel": "phone", "size": "full"}
    assert client.post("/dashboards/card/", given).status_code == 302
    last = _arrangement(cast, cast.sup)["cards"][-1]
    assert (last["key"], last["card"]["kpi"], last["card"]["where"]) == (8, "csat", {"channel": "phone"})
    assert client.get("/dashboards/card/?key=8").status_code == 200
    assert client.post("/dashboards/card/?key=8", {"kind": "heat", "kpi": "backlog"}).status_code == 302
    assert _arrangement(cast, cast.sup)["cards"][-1]["card"]["kind"] == "heat"
    page = client.get("/dashboards/?arrange=1")
    assert [one["key"] for one in page.context["cards"]] == [1, 3, 4, 5, 6, 7, 8]
    assert _arrangement(cast, cast.wang)["is_own"] is False  # another person's is untouched
    told = JournalEntry.objects.filter(subject_kind="person", subject_id=cast.sup.pk, kind="dashboard.arranged")
    assert told.count() == _arrangement(cast, cast.sup)["revision"] == 6
    assert client.post("/dashboards/arrange", {"action": "reset"}).status_code == 302
    assert _arrangement(cast, cast.sup) == usual


def test_the_api_sets_all_cards_and_refuses_what_is_stale_or_too_much(cast: Cast) -> None:
    api, path = cast.api(cast.sup), "/api/v1/dashboards/arrangement"
    one = {"kind": "topics", "period": "7d", "category": "logistics"}
    found = api.put(path, json.dumps({"cards": [one]}), content_type="application/json").json()
    assert [card["card"]["kind"] for card in found["cards"]] == ["topics"] and found["revision"] == 1
    stale = api.put(path, json.dumps({"cards": [], "revision": 0}), content_type="application/json")
    assert stale.status_code == 409
    wrong = api.put(path, json.dumps({"cards": [{"kpi": "none"}]}), content_type="application/json")
    assert wrong.status_code == 422
    api.put(path, json.dumps({"cards": [{}] * 12}), content_type="application/json")
    full = cast.client(cast.sup).post("/dashboards/card/", {"kind": "topics"})
    assert full.status_code == 409 and "12" in full.content.decode()
    copied()
    api.put(path, json.dumps({"cards": []}), content_type="application/json")
    assert "jy-empty" in cast.client(cast.sup).get("/dashboards/").content.decode()
    assert api.delete(path).json()["is_own"] is False


def test_nobody_arranges_without_the_right_to_figures(cast: Cast) -> None:
    client = cast.client(cast.lin)
    assert client.get("/dashboards/card/").status_code == 403
    assert client.post("/dashboards/card/", {"kind": "topics"}).status_code == 403
    for action in ("up", "reset"):
        assert client.post("/dashboards/arrange", {"action": action, "key": 1}).status_code == 403
    assert cast.api(cast.lin).get("/api/v1/dashboards/arrangement").status_code == 403
    assert not Dashboard.objects.exists()
    own = cast.client(cast.sup)
    assert own.get("/dashboards/card/?key=99").status_code == 404
    assert own.post("/dashboards/arrange", {"action": "up", "key": 99}).status_code == 404
    assert own.post("/dashboards/arrange", {"action": "burn", "key": 1}).status_code == 422
    assert own.post("/dashboards/card/", {"kind": "pie"}).status_code == 422
    assert not Dashboard.objects.exists()


def _n_queries(cast: Cast) -> int:
    client = cast.client(cast.sup)
    client.get("/dashboards/")  # what is kept is kept now
    with CaptureQueriesContext(connection) as seen:
        assert client.get("/dashboards/").status_code == 200
    return len(seen)


@pytest.mark.usefixtures("still")
def test_a_dashboard_costs_the_same_queries_however_much_there_is(cast: Cast, centre: list[Ticket]) -> None:
    few = _n_queries(cast)
    for n in range(20):
        cast.ticket(category="invoice", subject=f"工单 {n}")
    copied()
    assert _n_queries(cast) == few <= 30


@pytest.mark.parametrize("query", [
    "kind=pie", "kpi=none", "period=3d", "step=hour", "channel=smoke", "team=x", "kind=correlation", "method=kendall",
])  # fmt: skip
def test_what_cannot_be_asked_is_refused(cast: Cast, query: str) -> None:
    assert cast.api(cast.sup).get(f"/api/v1/dashboards/card?{query}").status_code == 422
    assert cast.client(cast.sup).get(f"/dashboards/card.xlsx?{query}").status_code == 422


def test_without_a_copy_page_and_api_say_what_to_do(cast: Cast) -> None:
    page = cast.client(cast.sup).get("/dashboards/")
    assert page.status_code == 503 and "jy-empty" in page.content.decode()
    answer = cast.api(cast.sup).get("/api/v1/dashboards/card")
    assert answer.status_code == 409 and json.loads(answer.content)["errors"][0]["code"] == "no_copy"


def test_an_empty_house_shows_empty_cards(cast: Cast) -> None:
    copied()
    page = cast.client(cast.sup).get("/dashboards/")
    text = page.content.decode()
    assert page.status_code == 200 and "None" not in text.replace("none", "")
    rows: list[Any] = [one["table"].rows for one in page.context["cards"]]
    assert len(rows) == len(cards.USUAL)
