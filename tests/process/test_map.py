"""The map of own tickets: figures from the journal, only of whom one may see, with the tickets behind each."""

import html
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from jiying.base import jobs
from jiying.base.models import Job
from jiying.desk.models import AgentLoad, Ticket
from jiying.desk.policies import scope
from jiying.desk.services import handling, talking
from jiying.process.queries import reading
from jiying.process.queries.asked import Wanted
from jiying.process.services import maps
from jiying.warehouse import exporting, spreading
from tests.cast import Cast
from tests.insight import columnar

pytestmark = pytest.mark.django_db
ALL = Wanted(days=0)


@pytest.fixture(autouse=True)
def _own_copy(settings: Any, tmp_path: Any) -> None:
    settings.WAREHOUSE = tmp_path / "warehouse"
    maps.forget()


def copied() -> None:
    columnar.copied()
    maps.forget()


def worked(cast: Cast, minutes: int = 30) -> Ticket:
    """A ticket that Lin accepts and answers after so many minutes, and solves with the answer."""
    AgentLoad.objects.update(capacity=100)
    ticket = cast.accepted()
    lin, at = cast.actor(cast.lin), cast.now + timedelta(minutes=minutes)
    talking.reply(actor=lin, number=ticket.number, body="已处理，请查收", now=at)
    handling.resolve(actor=lin, number=ticket.number, note="换了新的", now=at)
    return Ticket.objects.get(pk=ticket.pk)


def found(cast: Cast, person: Any = None, wanted: Wanted = ALL) -> maps.Found:
    got = maps.find(scope(cast.actor(person or cast.sup)), wanted, cast.now + timedelta(days=1))
    assert got is not None
    return got


def edges(one: maps.Found) -> dict[tuple[str, str], int]:
    names = [activity.name for activity in one.map.activities]
    return {(names[edge.source], names[edge.target]): edge.n for edge in one.map.edges}


def test_stages_of_own_tickets(cast: Cast) -> None:
    quick, slow = worked(cast, 10), worked(cast, 90)
    copied()
    one = found(cast)
    assert edges(one) == {("intake", "triage"): 2, ("triage", "handling"): 2, ("handling", "feedback"): 2}
    work = next(activity.work for activity in one.map.activities if activity.name == "handling")
    assert work is not None and (work.median_s, work.p90_s) == (600, 5400)
    assert one.behind["step:2"] == [slow.pk, quick.pk]


def test_facts_are_told_one_by_one(cast: Cast) -> None:
    worked(cast)
    copied()
    told = edges(found(cast, wanted=Wanted("facts", 0)))
    assert ("ticket.accepted", "ticket.message:person") in told
    assert ("ticket.message:person", "ticket.solved") in told


def test_a_team_leader_sees_the_own_team_only(cast: Cast) -> None:
    worked(cast)
    theirs = worked(cast)
    Ticket.objects.filter(pk=theirs.pk).update(team=cast.team2)
    copied()
    exporting.rebuild()
    maps.forget()
    assert found(cast).map.n_cases == 2
    assert found(cast, cast.wang).map.n_cases == 1
    assert found(cast, cast.wang, Wanted(days=0, team_id=cast.team2.pk)).map.n_cases == 0
    for path in ("/process/map/", "/process/map/tickets/?of=step:0", "/process/map/table.xlsx", "/api/v1/process/map"):
        assert cast.client(cast.lin).get(path).status_code == 403


def test_filters_cut_tickets(cast: Cast) -> None:
    ticket = worked(cast)
    copied()
    for wanted, n in (
        (Wanted(days=0, channel=ticket.channel), 1),
        (Wanted(days=0, channel="phone" if ticket.channel != "phone" else "web"), 0),
        (Wanted(days=0, priority=ticket.priority), 1),
        (Wanted(days=1), 0),
        (Wanted("log", 0), 0),
    ):
        now = cast.now + timedelta(days=30)
        got = maps.find(scope(cast.actor(cast.sup)), wanted, now)
        assert got is not None and got.map.n_cases == n, wanted


def test_every_link_of_the_picture_opens_its_tickets(cast: Cast) -> None:
    ticket = worked(cast)
    copied()
    client = cast.client(cast.sup)
    page = client.get("/process/map/?days=0")
    assert page.status_code == 200
    drawing, address = page.context["drawing"], page.context["cases_url"]
    keys = [one["key"] for one in drawing["curves"] + drawing["boxes"] if one.get("key")]
    assert len(keys) == 3 + 4
    for key in keys:
        listed = client.get(f"{address}&of={key}")
        assert [row.number for row in listed.context["rows"]] == [ticket.number], key
    assert parse_qs(urlsplit(address).query) == {"level": ["stages"], "days": ["0"]}
    assert client.get(f"{address}&of=step:99").status_code == 404


def test_hand_overs_and_what_went_to_and_fro_open_their_tickets(cast: Cast) -> None:
    AgentLoad.objects.update(capacity=100)
    quiet, busy = worked(cast), cast.accepted()
    for minutes, person in ((10, cast.lin), (20, cast.sup), (50, cast.lin)):
        at = cast.now + timedelta(minutes=minutes)
        talking.reply(actor=cast.actor(person), number=busy.number, body="在查", now=at)
    copied()
    client = cast.client(cast.sup)
    page = client.get("/process/map/?days=0&level=facts&tab=handovers")
    given, taken = (one["one"] for one in page.context["people"])
    assert {(one.source, one.target) for one in (given, taken)} == {
        (cast.lin.name, cast.sup.name), (cast.sup.name, cast.lin.name)
    }  # fmt: skip
    (back,) = (one.key_back for one in (given, taken) if one.n_back)
    address = page.context["cases_url"]
    for key in (given.key, taken.key, back):
        assert f'{address.replace("&", "&amp;")}&amp;of={quote(key)}"' in page.content.decode()
        listed = client.get(f"{address}&of={key}")
        assert [row.number for row in listed.context["rows"]] == [busy.number] != [quiet.number], key
    assert client.get(f"{address}&of={back}").context["title"] == f"{cast.lin.name} ⇄ {cast.sup.name}"
    bottlenecks = client.get("/process/map/?days=0&level=facts&tab=bottlenecks").context["bottlenecks"]
    assert back in {one["key"] for one in bottlenecks if one["kind"] == "bounce"}
    assert all(client.get(f"{address}&of={one['key']}").context["rows"] for one in bottlenecks)
    told = cast.api(cast.sup).get("/api/v1/process/map?days=0&level=facts").json()["map"]
    (key,) = {one["key_back"] for one in told["people"]} - {""}
    rows = cast.api(cast.sup).get(f"/api/v1/process/map/tickets?days=0&level=facts&of={key}").json()
    assert [row["number"] for row in rows] == [busy.number]


@pytest.mark.parametrize("tab", ["map", "bottlenecks", "variants", "rework", "handovers", "table"])
def test_every_tab_shows(cast: Cast, tab: str) -> None:
    client = cast.client(cast.sup)
    assert "sitemap" in client.get(f"/process/map/?tab={tab}").content.decode()  # no copy yet
    worked(cast)
    copied()
    for level in ("stages", "facts"):
        page = client.get(f"/process/map/?tab={tab}&level={level}&days=0")
        assert page.status_code == 200
        assert "None" not in page.content.decode()


def test_live_counts_are_those_of_the_rows(cast: Cast) -> None:
    cast.accepted()
    done = worked(cast)
    Ticket.objects.filter(pk=done.pk).update(is_late=True)
    copied()
    page = cast.client(cast.sup).get("/process/map/?days=0")
    assert [(now.stage, now.n, now.n_late) for now in page.context["now"]] == [
        ("triage", 0, 0),
        ("handling", 1, 0),
        ("callback", 1, 1),
    ]


def test_the_status_table_opens_as_a_workbook(cast: Cast) -> None:
    worked(cast, 90)
    copied()
    answer = cast.client(cast.sup).get("/process/map/table.xlsx?days=0", headers={"Accept-Language": "zh-hans"})
    sheet = load_workbook(BytesIO(answer.content)).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("环节", "角色", "目前用时", "输入", "输出", "存在问题", "改进方向")
    assert [row[0] for row in rows[1:6]] == ["受理", "分诊", "处理", "反馈", "回访"]
    assert "1.5 小时" in str(rows[3][2])
    assert sheet.freeze_panes == "B2"


def test_a_big_map_is_made_by_the_worker_and_kept(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(cast)
    copied()
    small = found(cast)
    maps.forget()
    monkeypatch.setattr(maps, "SMALL", 0)
    client = cast.client(cast.sup)
    assert "hx-trigger" in client.get("/process/map/?days=0").content.decode()
    assert cast.api(cast.sup).get("/api/v1/process/map?days=0").json()["state"] == "pending"
    job = Job.objects.get(kind=maps.KIND)
    jobs.handle([job.pk], cast.now + timedelta(days=400))
    told = cast.api(cast.sup).get("/api/v1/process/map?days=0").json()
    assert told["state"] == "ready"
    assert told["map"]["n_cases"] == small.map.n_cases
    maps.forget()
    again = client.get("/process/map/?days=0")
    assert again.context["found"] == small.map
    assert Job.objects.count() == 1


def test_a_big_map_that_the_worker_cannot_make_says_so(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(cast)
    copied()
    monkeypatch.setattr(maps, "SMALL", 0)
    now = timezone.now()
    assert maps.find(scope(cast.actor(cast.sup)), ALL, now) is None
    Job.objects.filter(kind=maps.KIND).update(params={"level": "facts", "unknown": 1})  # of another release
    for turn in range(20):
        jobs.handle(list(Job.objects.values_list("pk", flat=True)), now + timedelta(hours=turn))
    job = Job.objects.get(kind=maps.KIND)
    assert job.parked_at is not None
    Job.objects.update(params={**ALL.as_params(), "scope": None})
    client = cast.client(cast.sup)
    assert job.last_error[:30] in html.unescape(client.get("/process/map/?days=0").content.decode())
    assert client.get("/api/v1/process/map?days=0").json()["state"] == "missing"


def test_probes_are_no_part_of_the_process(cast: Cast) -> None:
    worked(cast)
    probe = worked(cast)
    Ticket.objects.filter(pk=probe.pk).update(tags=["拨测"])
    copied()
    exporting.rebuild()
    maps.forget()
    assert found(cast).map.n_cases == 1


@pytest.mark.parametrize("level", ["stages", "facts"])
def test_portions_give_the_map_of_the_whole(cast: Cast, level: str) -> None:
    for minutes in (10, 90, 90, 20, 45):
        worked(cast, minutes)
    copied()
    whole = found(cast, wanted=Wanted(level, 0))
    question = reading.Question(scope(cast.actor(cast.sup)), Wanted(level, 0), cast.now + timedelta(days=1))
    for portion in (1, 7, 1000):
        assert maps.made(question, portion) == whole


def test_a_map_that_cannot_be_made_says_why_and_is_tried_again(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(cast)
    copied()
    monkeypatch.setattr(maps, "SMALL", 0)
    client = cast.client(cast.sup)
    client.get("/process/map/?days=0")
    job = Job.objects.get(kind=maps.KIND)
    with monkeypatch.context() as broken:

        def unusable(*args: Any) -> None:
            raise spreading.Unusable("no scheduler at 10.0.0.9:8786")

        broken.setattr(spreading, "each", unusable)
        jobs.handle([job.pk], cast.now + timedelta(days=400))
    assert "no scheduler at 10.0.0.9:8786" in client.get("/process/map/?days=0").content.decode()
    assert cast.api(cast.sup).get("/api/v1/process/map?days=0").json()["state"] == "missing"
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - 2 * maps.FAILED_FOR)
    assert "hx-trigger" in client.get("/process/map/?days=0").content.decode()
    assert Job.objects.count() == 2


def test_the_api_tells_figures_and_tickets(cast: Cast) -> None:
    ticket = worked(cast)
    copied()
    api = cast.api(cast.sup)
    told = api.get("/api/v1/process/map?days=0").json()
    assert [step["name"] for step in told["map"]["activities"] if step["n"]][:2] == ["intake", "triage"]
    rows = api.get("/api/v1/process/map/tickets?days=0&of=edge:0:1").json()
    assert [row["number"] for row in rows] == [ticket.number]
    assert api.get("/api/v1/process/map/tickets?days=0&of=edge:9:9").status_code == 404


def test_a_filter_that_is_none_is_refused(cast: Cast) -> None:
    for query in ("level=x", "days=3", "channel=fax", "team=x", "priority=P9"):
        assert cast.client(cast.sup).get(f"/process/map/?{query}").status_code == 422


def test_a_web_process_never_loads_the_compiler(cast: Cast) -> None:
    """In a process of its own, since tests of the kernels load it."""
    import subprocess
    import sys

    code = "import django, sys; django.setup(); import jiying.process.pages.map; print('numba' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip().endswith("False")


def test_imported_logs_are_told_in_their_own_words(cast: Cast, tmp_path: Any) -> None:
    from jiying.base.actor import IMPORT
    from jiying.desk.services.history.importing import import_log

    rows = ["1,Create ticket,2026-01-05T09:00:00Z", "1,Weigh it,2026-01-05T10:00:00Z", "1,Closed,2026-01-05T12:00:00Z"]
    log = tmp_path / "log.csv"
    log.write_text("\n".join(["case:concept:name,concept:name,time:timestamp", *rows]), encoding="utf-8")
    import_log(actor=IMPORT, path=log, now=cast.now)
    copied()
    told = edges(found(cast, wanted=Wanted("log", 0)))
    assert told == {("Create ticket", "Weigh it"): 1, ("Weigh it", "Closed"): 1}
    assert reading.sources() == ["import:xes"]


def test_a_map_of_chosen_days(cast: Cast) -> None:
    """Tickets received on those days of the site, whole days; refused where the days cannot be."""
    ticket = worked(cast)
    copied()
    day = timezone.localtime(ticket.received_at).date()
    client, api = cast.client(cast.sup), cast.api(cast.sup)
    for first, last, n in ((day, day, 1), (day + timedelta(days=1), day + timedelta(days=2), 0)):
        page = client.get(f"/process/map/?days=range&from={first}&to={last}")
        assert (page.context["found"].n_cases if "found" in page.context else 0) == n
        assert api.get(f"/api/v1/process/map?from={first}&to={last}").json()["map"]["n_cases"] == n
    assert client.get("/process/map/?days=range").context["asked"].first
    for wrong in ("from=2026-09-02&to=2026-09-01", "from=2026-13-01&to=2026-09-01", "from=1700-01-01"):
        assert client.get(f"/process/map/?days=range&{wrong}").status_code == 422, wrong
        assert api.get(f"/api/v1/process/map?{wrong}").status_code == 422, wrong
