"""Reports that are made by themselves: each once, for all and for teams, told to subscribers, kept as they were."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from jiying.alerts.models import Alert
from jiying.alerts.services import mails
from jiying.base.models import Person, Team
from jiying.desk.models import Ticket
from jiying.insight.models import KeptReport, ReportSubscription
from jiying.insight.services import making
from tests.cast import NOW, Cast
from tests.insight.columnar import copied

# Thursday, past midnight in Shanghai: Wednesday is over, its week and month are not.
AFTER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "BACK", {"day": 2, "week": 1, "month": 1})


def _all_made(at: datetime) -> None:
    before = -1
    while before != (before := KeptReport.objects.count()):
        making.make_due(at)
        if before == KeptReport.objects.count():
            return


def test_each_report_is_made_once_for_all_and_for_each_team(cast: Cast) -> None:
    cast.ticket()
    Ticket.objects.update(received_at=NOW - timedelta(days=60))
    copied()
    _all_made(AFTER)
    n_teams = Team.objects.count()
    assert KeptReport.objects.count() == sum(making.BACK.values()) * (n_teams + 1)
    days = KeptReport.objects.filter(kind="day", team=None)
    assert str(max(days.values_list("last", flat=True))) == "2026-09-09"
    before = set(KeptReport.objects.values_list("pk", "made_at"))
    _all_made(AFTER + timedelta(minutes=5))
    assert set(KeptReport.objects.values_list("pk", "made_at")) == before


def test_nothing_is_made_of_what_was_before_the_first_ticket(cast: Cast) -> None:
    copied()
    _all_made(AFTER)
    assert not KeptReport.objects.exists()
    cast.ticket()
    copied()
    _all_made(AFTER)
    assert set(KeptReport.objects.values_list("kind", "first")) == {("day", NOW.date())}


def test_nothing_is_made_without_a_copy(cast: Cast) -> None:
    making.make_due(AFTER)
    assert not KeptReport.objects.exists()


def test_a_kept_report_stays_as_it_was(cast: Cast) -> None:
    cast.ticket()
    copied()
    _all_made(AFTER)
    row = KeptReport.objects.get(kind="day", team=None, first="2026-09-09")
    Ticket.objects.all().update(subject="anders")
    page = cast.client(cast.sup).get(f"/reports/kept/{row.pk}/")
    found = {one["key"]: one["row"].value for one in page.context["whole"]}
    assert found["tickets_received"] == 1
    told = cast.api(cast.sup).get(f"/api/v1/reports/kept/{row.pk}").json()["report"]
    assert {one["kpi"]: one["value"] for one in told["whole"]} == found
    assert cast.client(cast.sup).get("/reports/kept/").status_code == 200


def test_one_that_was_kept_before_people_were_counted_lists_all_of_them(cast: Cast) -> None:
    Ticket.objects.filter(pk=cast.ticket().pk).update(resolved_at=cast.now, status="solved")
    copied()
    _all_made(AFTER)
    row = KeptReport.objects.get(kind="day", team=None, first="2026-09-09")
    n_agents = row.body.pop("n_agents")
    row.save()
    told = cast.api(cast.sup).get(f"/api/v1/reports/kept/{row.pk}").json()["report"]
    assert told["n_agents"] == n_agents == len(told["agents"]) > 0


def test_subscribers_get_what_they_may_see(cast: Cast, settings: Any) -> None:
    settings.MAIL_ENABLED = True
    Person.objects.update(email="someone@example.com")
    for person in (cast.sup, cast.wang):
        answer = cast.client(person).post("/reports/kept/subscription", {"kinds": ["day"]})
        assert answer.status_code == 302
    assert cast.client(cast.lin).post("/reports/kept/subscription", {"kinds": ["day"]}).status_code == 403
    assert set(ReportSubscription.objects.values_list("person_id", flat=True)) == {cast.sup.pk, cast.wang.pk}
    cast.ticket()
    copied()
    _all_made(AFTER)
    alerts = Alert.objects.filter(kind="report.made")
    told = {(one.person_id, KeptReport.objects.get(pk=one.subject_id).team_id) for one in alerts}
    assert told == {(cast.sup.pk, None), (cast.wang.pk, cast.team1.pk)}
    assert len(alerts) == 2
    page = cast.client(cast.sup).get("/alerts/").content.decode()
    assert "2026-09-09" in page
    for alert in alerts:
        assert alert.delivery is not None
        ((name, file, _type),) = mails.compose(alert.delivery, alert.person, [alert], AFTER).attachments
        assert isinstance(file, bytes)
        assert name == "report-2026-09-09-2026-09-09.xlsx"
        assert load_workbook(BytesIO(file)).worksheets[0]["A1"].value == "KPI"
    assert (
        cast.api(cast.wang)
        .put("/api/v1/reports/subscription", {"kinds": []}, content_type="application/json")
        .json()["subscribed"]
        == []
    )
    assert not ReportSubscription.objects.filter(person=cast.wang).exists()


def test_a_team_leader_opens_the_own_team_s_only(cast: Cast) -> None:
    cast.ticket()
    copied()
    _all_made(AFTER)
    whole, own = KeptReport.objects.filter(team=None).first(), KeptReport.objects.filter(team=cast.team1).first()
    assert whole is not None and own is not None
    client = cast.client(cast.wang)
    assert client.get(f"/reports/kept/{whole.pk}/").status_code == 404
    assert client.get(f"/reports/kept/{own.pk}/").status_code == 200
    teams = {row["team"] for row in cast.api(cast.wang).get("/api/v1/reports/kept").json()["items"]}
    assert teams == {cast.team1.name}


@pytest.mark.parametrize("kinds", [["year"], ["day", "range"]])
def test_only_what_is_made_can_be_subscribed(cast: Cast, kinds: list[str]) -> None:
    answer = cast.api(cast.sup).put("/api/v1/reports/subscription", {"kinds": kinds}, content_type="application/json")
    assert answer.status_code == 422 and not ReportSubscription.objects.exists()


def test_months_are_over_at_the_site_s_midnight(cast: Cast) -> None:
    cast.ticket()
    copied()
    last = datetime(2026, 9, 30, 15, 59, tzinfo=UTC)
    making.make_due(last)
    assert not KeptReport.objects.filter(kind="day", first="2026-09-30").exists()
    KeptReport.objects.all().delete()
    making.make_due(last + timedelta(minutes=2))
    assert KeptReport.objects.filter(kind="month", first="2026-09-01", team=None).exists()
