"""Reports: page, workbook and API show one number; figures open their tickets; teams see their own."""

import json
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from jiying.base.models import Team
from jiying.clocks.models import BreachCause, Clock
from jiying.core.metrics import KPIS
from jiying.core.periods import Period
from jiying.desk import policies
from jiying.desk.models import AgentLoad, Ticket
from jiying.desk.services import handling, routing, talking
from jiying.desk.services.customers import CustomerData
from jiying.insight import forms
from jiying.insight.pages import reports as pages
from jiying.insight.queries import counting, reports
from jiying.insight.queries.counting import Cut, Window
from tests.cast import NOW, Cast
from tests.insight.columnar import copied

WEEK = f"kind=week&day={timezone.localtime(NOW).date()}"


def _after(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def life(cast: Cast, channel: str = "web", answered: int = 5, solved: int = 30, **about: Any) -> Ticket:
    """A ticket that Lin (or another, `by`) answers and solves after so many minutes."""
    person = about.pop("by", cast.lin)
    ticket = cast.ticket(channel=channel, **about)
    who = cast.actor(cast.sup)
    if Ticket.objects.get(pk=ticket.pk).assignee_id != person.pk:
        routing.transfer(actor=who, number=ticket.number, to_person=person.pk, now=NOW)
    by = cast.actor(person)
    handling.accept(actor=by, number=ticket.number, now=_after(1))
    talking.reply(actor=by, number=ticket.number, body="您好", now=_after(answered))
    handling.resolve(actor=by, number=ticket.number, now=_after(solved))
    return ticket


@pytest.fixture
def centre(cast: Cast) -> list[Ticket]:
    """Two of the web in time, one of the phone late, one of another team, a duplicate and a request that was none."""
    AgentLoad.objects.update(capacity=50)
    tickets = [
        life(cast, answered=5, solved=30, customer=CustomerData(name="王小明", phone="13800000001")),
        life(cast, answered=7, solved=60, type="complaint"),
        life(cast, "phone", answered=9, solved=120),
    ]
    handling.confirm(actor=cast.actor(cast.lin), number=tickets[0].number, now=_after(40))
    late = Clock.objects.get(subject_id=tickets[2].pk, metric="first_response")
    Clock.objects.filter(pk=late.pk).update(state="breached", breached_at=_after(3))
    BreachCause.objects.create(clock=late, code="overlooked", named_by=cast.lin, named_at=_after(10))
    other = cast.ticket(subject="另一组")
    routing.transfer(actor=cast.actor(cast.sup), number=other.number, to_team=cast.team2.pk, now=_after(1))
    duplicate, none = cast.ticket(subject="重复"), cast.ticket(subject="垃圾")
    sup = cast.actor(cast.sup)
    handling.merge(actor=sup, number=duplicate.number, into=tickets[0].number, now=_after(2))
    handling.cancel(actor=sup, number=none.number, reason="spam", now=_after(2))
    copied()
    return [*tickets, other]


def _figures(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["kpi"]: one for one in found}


def test_page_workbook_and_api_show_the_same_numbers(cast: Cast, centre: list[Ticket]) -> None:
    sheet_of = load_workbook(BytesIO(cast.client(cast.sup).get(f"/reports/report.xlsx?{WEEK}").content))
    page = cast.client(cast.sup).get(f"/reports/?{WEEK}")
    asked = cast.api(cast.sup).get(f"/api/v1/reports/figures?{WEEK}").json()
    by_api = _figures(asked["whole"])
    by_page = {one["key"]: one for one in page.context["whole"]}
    names = {one["name"]: key for key, one in by_page.items()}
    rows = {names[row[0].value]: row for row in sheet_of.worksheets[0].iter_rows(min_row=2) if row[0].value in names}
    assert set(rows) == set(by_api) == set(by_page) == set(reports.WHOLE)
    for key, figure in by_api.items():
        share = {"percent": 100, "seconds": 86400}.get(KPIS[key].unit, 1)
        in_file = rows[key][1].value
        if hasattr(in_file, "total_seconds"):
            in_file = in_file.total_seconds() / 86400
        assert by_page[key]["row"].value == figure["value"]
        if figure["value"] is None:
            assert in_file is None and by_page[key]["text"] == "–"
        elif not isinstance(in_file, int | float):  # openpyxl reads short lengths as times of day
            assert (in_file.hour * 60 + in_file.minute) * 60 + in_file.second == figure["value"]
        else:
            assert in_file * share == pytest.approx(figure["value"])
            assert by_page[key]["text"] in page.content.decode()
    assert (by_api["tickets_received"]["value"], by_api["tickets_solved"]["value"]) == (4, 3)
    assert (by_api["attainment.first_response"]["hits"], by_api["attainment.first_response"]["n"]) == (2, 3)
    web = next(line for line in asked["channels"] if line["value"] == "web")
    assert _figures(web["figures"])["attainment.first_response"]["value"] == 100.0
    assert asked["causes"][0] | {"label": ""} == {
        "value": "overlooked", "label": "", "n": 1, "share": 100.0, "cumulative": 100.0,
    }  # fmt: skip
    agent = next(line for line in asked["agents"] if line["label"] == cast.lin.name)
    assert _figures(agent["figures"])["tickets_solved"]["value"] == 3


def test_every_kpi_can_be_counted_and_opens_its_tickets(cast: Cast, centre: list[Ticket]) -> None:
    window = Window(NOW - timedelta(days=1), NOW + timedelta(days=1))
    cut = Cut(policies.scope(cast.actor(cast.sup)))
    whole = counting.tallies(KPIS, window, cut)[""]
    assert set(whole) == set(KPIS)
    client = cast.client(cast.sup)
    for key, tally in whole.items():
        n, found = counting.cases(key, window, cut, counting.Part(), 100)
        assert n == tally.n == len(found)
        assert sum(bool(case.is_hit) for case in found) == (tally.n_hits if KPIS[key].hit else 0)
        page = client.get(f"/reports/tickets/?kpi={key}&{WEEK}")
        assert page.status_code == 200 and page.context["behind"].n == tally.n
        for by in counting.SLICES:
            parts = counting.tallies([key], window, cut, by)
            assert sum(row[key].n for row in parts.values()) == tally.n


def test_a_figure_opens_exactly_its_slice(cast: Cast, centre: list[Ticket]) -> None:
    api = cast.api(cast.sup)
    late = api.get(f"/api/v1/reports/tickets?kpi=attainment.first_response&part=miss&channel=phone&{WEEK}").json()
    assert [one["number"] for one in late["items"]] == [centre[2].number]
    quick = api.get(f"/api/v1/reports/tickets?kpi=handling_time&high=3600&{WEEK}").json()
    assert {one["number"] for one in quick["items"]} == {centre[0].number, centre[1].number}
    cause = api.get(f"/api/v1/reports/tickets?kpi=tickets_late&cause=overlooked&{WEEK}").json()
    assert (cause["n"], cause["items"][0]["customer"]) == (1, cause["items"][0]["customer"])


def test_a_team_leader_sees_the_own_team_only(cast: Cast, centre: list[Ticket]) -> None:
    api = cast.api(cast.wang)
    own = _figures(api.get(f"/api/v1/reports/figures?{WEEK}").json()["whole"])
    assert (
        own["tickets_received"]["value"]
        == Ticket.objects.filter(team=cast.team1).exclude(status__in=("merged", "cancelled")).count()
    )
    numbers = {row["number"] for row in api.get(f"/api/v1/reports/tracking?{WEEK}").json()["items"]}
    assert centre[3].number not in numbers and centre[0].number in numbers
    other = api.get(f"/api/v1/reports/tickets?kpi=tickets_received&team={cast.team2.pk}&{WEEK}").json()
    assert (other["n"], other["items"]) == (0, [])
    for path in ("/reports/", "/reports/tracking/", "/reports/standards/", "/reports/report.xlsx"):
        assert cast.client(cast.lin).get(path).status_code == 403
    for path in ("figures", "tracking", "standards", "tickets?kpi=csat"):
        assert cast.api(cast.lin).get(f"/api/v1/reports/{path}").status_code == 403


def test_the_tracking_table_masks_customers_and_strangers(cast: Cast, centre: list[Ticket]) -> None:
    mine = cast.api(cast.wang).get(f"/api/v1/reports/tracking?{WEEK}").json()["items"]
    first = next(row for row in mine if row["number"] == centre[0].number)
    assert (first["customer"], first["handler"], first["verdict"]) == ("王*明", cast.lin.name, "met")
    Team.objects.filter(pk=cast.team2.pk)
    cast.sup.team = cast.team2
    cast.sup.save()
    theirs = cast.api(cast.sup).get(f"/api/v1/reports/tracking?{WEEK}").json()["items"]
    assert next(row for row in theirs if row["number"] == centre[0].number)["handler"] != cast.lin.name
    late = next(row for row in theirs if row["number"] == centre[2].number)
    assert late["verdict"] == "late" and late["remark"]
    page = cast.client(cast.sup).get(f"/reports/tracking/?{WEEK}").content.decode()
    assert "王小明" not in page and "王*明" in page


def test_the_standards_table_tells_minutes_and_hours(cast: Cast) -> None:
    items = cast.api(cast.sup).get("/api/v1/reports/standards").json()["items"]
    assert len(items) == 24
    chat = next(row for row in items if (row["channel"], row["priority"]) == ("chat", "P1"))
    assert chat["response_min"] and chat["resolution_h"]
    assert cast.client(cast.sup).get("/reports/standards/").status_code == 200


def test_the_workbook_has_headings_frozen_formats_and_no_formulas(cast: Cast, centre: list[Ticket]) -> None:
    Ticket.objects.filter(pk=centre[0].pk).update(subject="=HYPERLINK(1)")
    client = cast.client(cast.sup)
    client.cookies["django_language"] = "zh-hans"
    book = load_workbook(BytesIO(client.get(f"/reports/report.xlsx?{WEEK}").content))
    assert all(sheet.freeze_panes == "A2" for sheet in book.worksheets)
    assert book.sheetnames[-2:] == ["工单响应时间跟踪", "响应时间标准"]
    tracking = book.worksheets[-2]
    heading = [cell.value for cell in tracking[1]]
    assert " ".join(heading) == "工单编号 客户 问题 渠道 优先级 受理时间 首次响应时间 解决时间 是否达标 处理人 备注"
    problem = next(row[2] for row in tracking.iter_rows(min_row=2) if row[0].value == centre[0].number)
    assert (problem.value, problem.data_type) == ("=HYPERLINK(1)", "s")
    assert tracking["F2"].number_format == "yyyy-mm-dd hh:mm" and isinstance(tracking["F2"].value, datetime)
    assert [len(sheet._charts) for sheet in book.worksheets[1:4]] == [1, 1, 1]


@pytest.mark.parametrize("query", [
    "kind=year", "kind=day&day=yesterday", "kind=range&from=2026-09-02&to=2026-09-01", "channel=smoke", "team=x",
    "kind=range&from=1991-01-01&to=2026-09-01",
])  # fmt: skip
def test_what_cannot_be_asked_is_refused(cast: Cast, query: str) -> None:
    assert cast.client(cast.sup).get(f"/reports/?{query}").status_code == 422
    assert cast.api(cast.sup).get(f"/api/v1/reports/figures?{query}").status_code == 422
    assert cast.api(cast.sup).get("/api/v1/reports/tickets?kpi=none").status_code == 422


def test_a_page_lists_the_first_lines_and_offers_all(
    cast: Cast, centre: list[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LINES", 1)
    life(cast, by=cast.zhao)
    copied()
    client = cast.client(cast.sup)
    address = f"/reports/?{WEEK}"
    few, everything = (client.get(address + more).content.decode() for more in ("", "&lines=all"))
    assert few.count('data-row="agent:') == 1 < everything.count('data-row="agent:')
    assert few.count('data-row="channel:') == everything.count('data-row="channel:') > 1
    assert "lines=all#by-agent" in few and "lines=all#by-agent" not in everything


def test_a_page_beyond_the_last_is_the_first_one(cast: Cast, centre: list[Ticket]) -> None:
    client = cast.client(cast.sup)
    assert client.get("/reports/tracking/?offset=99999999999999999999").status_code == 200
    assert client.get("/api/v1/reports/tracking?offset=99999999999999999999").status_code == 422


@pytest.mark.parametrize("day", [23, 24, 29, 30])  # Monday, Tuesday, Sunday, Monday; Shanghai: from 16:00Z the next
@pytest.mark.parametrize("hour", [0, 15, 17])
def test_unasked_the_last_week_that_is_over_is_shown(day: int, hour: int) -> None:
    now = datetime(2026, 11, day, hour, 30, tzinfo=UTC)
    today = (now + timedelta(hours=8)).date()
    period = forms.wanted({}, now).period
    assert period.kind == "week" and period.last < today <= period.last + timedelta(days=7)
    months = ((date(2026, 10, 1), date(2026, 10, 31)), (date(2026, 11, 1), date(2026, 11, 30)))
    assert forms.wanted({"kind": "month"}, now).period == Period("month", *months[today.month - 11])
    assert forms.wanted({"kind": "day"}, now).period.last == today - timedelta(days=1)


def test_without_a_copy_pages_say_what_to_do(cast: Cast) -> None:
    page = cast.client(cast.sup).get("/reports/")
    assert page.status_code == 503 and "jy-empty" in page.content.decode()
    answer = cast.api(cast.sup).get("/api/v1/reports/figures")
    assert answer.status_code == 409 and json.loads(answer.content)["errors"][0]["code"] == "no_copy"


def test_the_period_before_and_the_target_stand_beside(cast: Cast, centre: list[Ticket]) -> None:
    following = timezone.localtime(NOW + timedelta(days=7)).date()
    now = NOW + timedelta(days=30)
    wanted = reports.Wanted(Period("week", following - timedelta(days=2), following + timedelta(days=4)))
    found = {one.kpi: one for one in reports.report(policies.scope(cast.actor(cast.sup)), wanted, now).whole}
    assert (found["tickets_received"].value, found["tickets_received"].before) == (0, 4)
    assert found["attainment.first_response"].value is None
    earlier = reports.Wanted(wanted.period.before)
    share = {one.kpi: one for one in reports.report(policies.scope(cast.actor(cast.sup)), earlier, now).whole}
    assert (share["attainment.first_response"].target, share["attainment.first_response"].reached) == (95, None)
    assert share["attainment.first_response"].few and share["attainment.first_response"].low is not None
