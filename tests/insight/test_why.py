"""From a fallen figure to why, where and what if: the missed cases of exactly that figure, and links that keep it."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from django.utils import timezone

from jiying.core.periods import Period
from jiying.desk import policies
from jiying.desk.models import Ticket
from jiying.insight.queries import reports, why
from jiying.process.queries.asked import wanted as map_wanted
from tests.cast import NOW, Cast
from tests.insight.test_reports import WEEK, centre

__all__ = ["centre"]
KEY = "attainment.first_response"
FIGURE = f"/reports/tickets/?{WEEK}&kpi={KEY}"


def test_the_missed_cases_of_a_figure_by_cause_and_slice(cast: Cast, centre: list[Ticket]) -> None:
    day = timezone.localtime(NOW).date()
    first = day - timedelta(days=day.weekday())
    wanted, now = reports.Wanted(Period("week", first, first + timedelta(days=6))), NOW + timedelta(days=30)
    part = policies.scope(cast.actor(cast.sup))
    found = why.why(part, KEY, wanted, now)
    assert found.figure in reports.report(part, wanted, now).whole
    assert found.missed == found.figure.n - (found.figure.hits or 0) == 1
    parts = {part.by: part.items for part in found.parts}
    assert list(parts) == ["cause", "channel", "priority", "team", "category"]
    assert [(one.value, one.missed, one.n) for one in parts["cause"]] == [("overlooked", 1, 1)]
    assert [(one.value, one.missed, one.share) for one in parts["channel"]] == [("phone", 1, 100.0)]
    narrow = reports.Wanted(wanted.period, (("channel", "web"),))
    assert why.why(part, KEY, narrow, now).parts == []


def test_the_page_of_a_promise_leads_on(cast: Cast, centre: list[Ticket]) -> None:
    client = cast.client(cast.sup)
    page = client.get(FIGURE)
    panel = page.context["why"]
    assert panel["missed"] == 1 and 'data-why="cause"' in page.content.decode()
    missed = client.get(panel["parts"][0]["lines"][0][1])
    assert [row.ticket_id for row, _value in missed.context["rows"]] == [centre[2].pk]
    assert "data-why" not in missed.content.decode()
    asked = {key: value[0] for key, value in parse_qs(urlsplit(panel["map_url"]).query).items()}
    on_map = client.get(panel["map_url"])
    assert on_map.context["asked"] == map_wanted(asked, NOW)
    assert on_map.context["found"].n_cases == 5  # received then; the duplicate never counts
    replay = panel["replay"]
    assert (replay["since"], replay["until"]) == (asked["from"], asked["to"])
    form = client.get(on_map.context["links"][0][1]).context["asked"]
    assert (form["since"], form["until"]) == (asked["from"], asked["to"])


def test_a_figure_that_is_no_promise_has_no_why(cast: Cast, centre: list[Ticket]) -> None:
    page = cast.client(cast.sup).get(f"/reports/tickets/?{WEEK}&kpi=reopen_rate")
    assert page.context["why"] is None
    api = cast.api(cast.sup)
    assert api.get(f"/api/v1/reports/why?{WEEK}&kpi=reopen_rate").status_code == 422
    told = api.get(f"/api/v1/reports/why?{WEEK}&kpi={KEY}").json()
    assert told["missed"] == 1 and told["parts"][0]["by"] == "cause"
    assert cast.api(cast.lin).get(f"/api/v1/reports/why?{WEEK}&kpi={KEY}").status_code == 403
