"""Replay of standards (C10): equal to the fold, to what happened where nothing changed, and cut to who looks."""

import io
from datetime import datetime, timedelta
from random import Random
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command

from jiying.base import documents, due, jobs
from jiying.base.actor import SYSTEM
from jiying.base.errors import Denied, Invalid, NotFound, Refused
from jiying.base.models import Job
from jiying.clocks import queries as clocks
from jiying.core import clocks as core
from jiying.core.clocks import DictBook, Event
from jiying.core.standards import TICKET_METRICS, parse
from jiying.core.standards.what_if import Cell, with_cell
from jiying.desk.models import Ticket
from jiying.desk.services import handling, talking
from jiying.insight.queries import replays
from jiying.insight.services import replaying
from jiying.warehouse import exporting, reader, steps
from tests.cast import Cast
from tests.desk.stage import sweep, verbs
from tests.insight.columnar import copied

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def run(job: Job) -> Job:
    """As the worker's sweep does it."""
    while jobs.handle(due.due_ids(due.SWEEPS["jobs"], job.created_at + DAY, 10), job.created_at + DAY):
        pass
    job.refresh_from_db()
    assert job.finished_at is not None, job.last_error
    return job


def start(cast: Cast, draft: replaying.Draft, days: float = 3) -> Job:
    actor = cast.actor(cast.sup)
    now = cast.now + timedelta(days=days)
    return replaying.start(actor=actor, draft=draft, since=cast.now - DAY, until=now, now=now)


def answered(cast: Cast, minutes: int, **fields: Any) -> Ticket:
    ticket = cast.accepted(channel="web", **fields)
    lin, at = cast.actor(cast.lin), cast.now + timedelta(minutes=minutes)
    talking.reply(actor=lin, number=ticket.number, body="您好", now=at)
    handling.resolve(actor=lin, number=ticket.number, now=at + timedelta(minutes=5))
    handling.close(actor=lin, number=ticket.number, now=at + timedelta(minutes=6))
    return ticket


def test_what_another_promise_would_have_meant(cast: Cast) -> None:
    """Two tickets answered after 30 and 60 minutes: a promise of 45 minutes breaks the second."""
    early, late = answered(cast, 30), answered(cast, 60)
    copied()
    cell = Cell("web", early.priority, "first_response", 45)
    job = run(start(cast, replaying.Draft(cell=cell)))
    row = replays.of(cast.actor(cast.sup), job.pk)
    (metric,) = [m for m in row.metrics if m.metric == "first_response"]
    assert row.state == "done" and row.n_tickets == 2
    assert (metric.whole.happened.met, metric.whole.happened.n) == (2, 2)
    assert (metric.whole.draft.met, metric.whole.draft.n) == (1, 2)
    assert metric.by_channel["web"][early.priority].draft.percent == 50.0
    assert sum(metric.hours_draft) == 2 and metric.hours_draft[10] == 2  # 10:00 in Shanghai and 45 minutes
    wanted = replays.Slice("first_response", "web", early.priority, show="draft")
    assert [case.number for case in replays.cases(cast.actor(cast.sup), job.pk, wanted)] == [late.number]
    everything = replays.cases(cast.actor(cast.sup), job.pk, replays.Slice("first_response"))
    assert [(c.number, c.happened, c.draft) for c in everything] == [
        (late.number, "met", "breached"),
        (early.number, "met", ""),
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_equals_the_fold_of_the_journal(cast: Cast, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random lives under a changed standard: the replay counts what `core.clocks.fold` says of the same facts."""
    random, known = Random(seed), verbs(cast)
    numbers = [cast.ticket(subject=f"第{n}件", channel=random.choice(("web", "chat"))).number for n in range(6)]
    now = cast.now
    for _ in range(70):
        now += timedelta(minutes=random.choice((1, 20, 120, 60 * 30)))
        try:
            _do(cast, known, random, random.choice(numbers), now)
        except Refused:
            pass
    copied()
    cell = Cell(None, "P3", "first_response", 30)
    found = replaying.replay(replaying.Draft(cell=cell), cast.now - DAY, now + DAY, now)
    for portion in (1, 2, 4):
        parts = replaying.replay(replaying.Draft(cell=cell), cast.now - DAY, now + DAY, now, portion)
        assert {**parts, "seconds": 0} == {**found, "seconds": 0}
    assert not reader.source().packs
    monkeypatch.setattr(steps, "WORTH", 1)
    exporting.rebuild()
    assert reader.source().packs
    packed = replaying.replay(replaying.Draft(cell=cell), cast.now - DAY, now + DAY, now)
    assert {**packed, "seconds": 0} == {**found, "seconds": 0}
    body = with_cell(documents.get("standard", clocks.STANDARD, 1).body, cell)
    held = documents.in_force("calendar", now)
    book = DictBook({1: parse(body, 1)}, {(key, n): clocks.calendar(key, n) for key, n in held.items()})
    told = {metric: [0, 0] for metric in TICKET_METRICS}
    n_tickets = 0
    for ticket in Ticket.objects.exclude(status__in=("merged", "cancelled")):
        n_tickets += 1
        events = [Event(e.at, e.id, e.kind, _bound(e.data, held)) for e in clocks.events_of("ticket", ticket.pk)]
        for clock in core.fold(events, book, int(now.timestamp())):
            if clock.metric in told and clock.state in ("met", "breached"):
                told[clock.metric][clock.state == "breached"] += 1
    assert {m: [sum(cell[n] for cell in cells) for n in (0, 1)] for m, cells in found["draft"].items()} == told
    assert found["tickets"] == n_tickets
    assert sum(sum(x) for x in told.values()) > 10


def _bound(data: Any, held: Any) -> Any:
    return {**data, "standard": 1, "calendars": dict(held)} if "standard" in data else data


def _do(cast: Cast, known: Any, random: Random, number: str, now: Any) -> None:
    name = random.choice([*known, "late", "sweep", "priority"])
    if name == "late":
        at = now - timedelta(minutes=random.randrange(1, 90))
        talking.customer_message(actor=SYSTEM, number=number, body="在吗", at=at, now=now)
    elif name == "sweep":
        sweep(now)
    elif name == "priority":
        priority = random.choice(("P1", "P2", "P3", "P4"))
        handling.set_priority(actor=SYSTEM, number=number, priority=priority, reason="改", now=now)
    else:
        known[name](SYSTEM if name != "accept" else cast.actor(cast.lin), number, now)


def test_nothing_changed_gives_what_happened(cast: Cast) -> None:
    answered(cast, 30)
    cast.accepted(channel="chat")
    now = cast.now + timedelta(days=2)
    sweep(now)
    copied()
    found = replaying.replay(replaying.Draft(), cast.now - DAY, now, now)
    assert found["draft"] == found["happened"]
    for metric in TICKET_METRICS:
        for was, would in found["hours"][metric].values():
            assert was == would, metric


def test_probes_spam_and_withdrawn_requests_are_no_cases_of_a_replay_as_of_no_kpi(cast: Cast) -> None:
    kept, probe, spam = (answered(cast, 30) for _ in range(3))
    for ticket, tag in ((probe, "拨测"), (spam, "spam")):
        Ticket.objects.filter(pk=ticket.pk).update(tags=[tag])
    gone = cast.accepted(channel="web")
    handling.cancel(actor=cast.actor(cast.sup), number=gone.number, reason="不需要了", now=cast.now)
    copied()
    exporting.rebuild()
    found = replaying.replay(replaying.Draft(), cast.now - DAY, cast.now + DAY, cast.now + DAY)
    assert found["tickets"] == 1
    assert found["draft"] == found["happened"] and _whole(found, "first_response") == (1, 0)
    job = run(start(cast, replaying.Draft()))
    (case,) = replays.cases(cast.actor(cast.sup), job.pk, replays.Slice("first_response"))
    assert case.number == kept.number


@pytest.mark.parametrize(
    ("since", "until"), [("0001-01-01", "9999-12-31"), ("9999-12-31", "9999-12-31"), ("2026-11-01", "9999-12-31")]
)
def test_a_period_beyond_the_calendar_is_refused(cast: Cast, since: str, until: str) -> None:
    page = cast.client(cast.sup).post("/replays/", {"since": since, "until": until})
    assert page.status_code == 422 and not Job.objects.exists()
    with pytest.raises(Invalid):
        span = [datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in (since, until)]
        replaying.start(actor=cast.actor(cast.sup), draft=replaying.Draft(), since=span[0], until=span[1], now=cast.now)


def test_a_draft_standard_and_a_draft_calendar(cast: Cast) -> None:
    """A draft is read afresh each time: what is edited in it counts at once."""
    answered(cast, 30)
    copied()
    ops = cast.actor(cast.ops)
    body = documents.get("standard", clocks.STANDARD, 1).body
    tight = with_cell(body, Cell("web", None, "first_response", 10))
    draft = documents.create(actor=ops, kind="standard", key=clocks.STANDARD, body=tight, now=cast.now)
    number = draft.number
    first = replaying.replay(replaying.Draft(number), cast.now - DAY, cast.now + DAY, cast.now + DAY)
    assert _whole(first, "first_response") == (0, 1)
    wide = with_cell(body, Cell("web", None, "first_response", 600))
    documents.edit(actor=ops, document_id=draft.pk, body=wide, revision=draft.revision, now=cast.now)
    second = replaying.replay(replaying.Draft(number), cast.now - DAY, cast.now + DAY, cast.now + DAY)
    assert _whole(second, "first_response") == (1, 0)
    key = next(iter(documents.in_force("calendar", cast.now)))
    third = replaying.replay(replaying.Draft(0, key, 1), cast.now - DAY, cast.now + DAY, cast.now + DAY)
    assert third["draft"] == third["happened"]


def _whole(found: Any, metric: str) -> tuple[int, int]:
    return sum(x[0] for x in found["draft"][metric]), sum(x[1] for x in found["draft"][metric])


def test_a_team_leader_sees_the_own_team_only(cast: Cast) -> None:
    mine = answered(cast, 30)
    other = answered(cast, 30)
    Ticket.objects.filter(pk=other.pk).update(team=cast.team2)
    assert mine.team_id == cast.team1.pk
    copied()
    job = run(start(cast, replaying.Draft()))
    wang, sup = cast.actor(cast.wang), cast.actor(cast.sup)
    assert replays.of(sup, job.pk).metrics[0].whole.happened.n == 2
    seen = replays.of(wang, job.pk).metrics[0]
    assert seen.whole.happened.n == 1 and list(seen.by_team) == [cast.team1.pk]
    assert [c.number for c in replays.cases(wang, job.pk, replays.Slice("resolution"))] == [mine.number]
    sizes = [(row.n_tickets, row.n_events) for row in (replays.of(sup, job.pk), replays.of(wang, job.pk))]
    assert sizes[0][0] == 2 and sizes[1] == (1, sizes[0][1] // 2)  # both had the same life
    assert [replays.latest(who)[0].n_tickets for who in (sup, wang)] == [2, 1]
    forged = replays.Slice("resolution", team=cast.team2.pk)
    assert [c.number for c in replays.cases(wang, job.pk, forged)] == [mine.number]
    with pytest.raises(Denied):
        replays.of(cast.actor(cast.lin), job.pk)


def test_what_is_refused_starts_nothing(cast: Cast) -> None:
    with pytest.raises(Invalid):
        start(cast, replaying.Draft(cell=Cell("web", "P9", "first_response", 0)))
    with pytest.raises(Invalid):
        start(cast, replaying.Draft(), days=-5)
    with pytest.raises(NotFound):
        start(cast, replaying.Draft(standard=99))
    with pytest.raises(Denied):
        now = cast.now
        replaying.start(actor=cast.actor(cast.lin), draft=replaying.Draft(), since=now - DAY, until=now, now=now)
    assert not Job.objects.filter(kind=replays.KIND).exists()


def test_without_a_copy_the_replay_says_so(cast: Cast) -> None:
    job = run(start(cast, replaying.Draft()))
    row = replays.of(cast.actor(cast.sup), job.pk)
    assert row.state == "failed" and row.error


def test_the_pages_and_the_workbook(cast: Cast) -> None:
    answered(cast, 30)
    copied()
    client = cast.client(cast.sup)
    page = client.get("/replays/?standard=1")
    assert page.status_code == 200
    day = cast.now.date().isoformat()
    about = {"since": day, "until": day, "priority": "P3", "metric": "first_response", "minutes": "20"}
    asked = client.post("/replays/", about)
    assert asked.status_code == 302
    waiting = client.get(asked["Location"])
    assert "every 1s" in waiting.content.decode()
    job = Job.objects.get(kind=replays.KIND)
    Job.objects.filter(pk=job.pk).update(created_at=cast.now + DAY, wake_at=cast.now)
    job.refresh_from_db()
    run(job)
    shown = client.get(asked["Location"]).content.decode()
    assert "100.0% → 0.0%" in shown
    assert client.get(f"{asked['Location']}tickets/?metric=first_response&show=draft").status_code == 200
    assert client.get(f"{asked['Location']}tickets/?metric=nothing").status_code == 422
    assert client.get(f"{asked['Location']}tickets/").status_code == 200
    assert cast.client(cast.lin).get(f"{asked['Location']}tickets/?metric=nothing").status_code == 403
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"{asked['Location']}book.xlsx").content))
    cells = book[book.sheetnames[1]]
    assert cells.freeze_panes == "A2" and cells["E2"].value == 1
    assert cells["F2"].number_format == "0.0%"
    faulty = client.post("/replays/", {"since": "gestern", "until": day, "minutes": "x"})
    assert faulty.status_code == 422 and "gestern" in faulty.content.decode()
    assert cast.client(cast.lin).get("/replays/").status_code == 403


def test_from_the_page_of_a_draft(cast: Cast) -> None:
    body = documents.get("standard", clocks.STANDARD, 1).body
    ops = cast.actor(cast.ops)
    draft = documents.create(actor=ops, kind="standard", key=clocks.STANDARD, body=body, now=cast.now)
    page = cast.client(cast.sup).get(f"/standards/{draft.number}/").content.decode()
    assert f"/replays/?standard={draft.number}" in page


def test_the_api_starts_and_tells(cast: Cast) -> None:
    answered(cast, 30)
    copied()
    about = {
        "since": (cast.now - DAY).isoformat(),
        "until": (cast.now + DAY).isoformat(),
        "cell": {"priority": "P3", "metric": "first_response", "minutes": 20},
    }
    api = cast.api(cast.sup)
    made = api.post("/api/v1/replays", about, content_type="application/json")
    assert made.status_code == 201 and made.json()["state"] == "waiting"
    job = Job.objects.get(pk=made.json()["id"])
    run(job)
    told = api.get(made["Location"]).json()
    assert told["state"] == "done" and told["metrics"][0]["metric"] == "first_response"
    assert told["metrics"][0]["whole"]["draft"] == {"met": 0, "n": 1, "percent": 0.0}
    assert cast.api(cast.lin).get(made["Location"]).status_code == 403


def test_the_command(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    answered(cast, 30)
    copied()
    day = cast.now.date().isoformat()
    call_command("replay", "--from", day, "--to", day, "--priority", "P3", "--minutes", "20")
    told = capsys.readouterr().out
    assert "1 tickets" in told and "100.0% 1/1" in told and "0.0% 0/1" in told
