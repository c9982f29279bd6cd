"""Replay of priority rules (C10, D21): exactly what `core.priority` says moves, all else stays, equal to the fold."""

import copy
import io
import pickle
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command

from jiying.base import documents, due, jobs
from jiying.base.actor import IMPORT, SYSTEM
from jiying.base.errors import Denied, NotFound, Refused
from jiying.base.models import Job
from jiying.clocks import queries as clocks
from jiying.core import clocks as core
from jiying.core import priority as core_priority
from jiying.core.clocks import DictBook, Event
from jiying.core.standards import PRIORITIES, TICKET_METRICS, parse
from jiying.core.standards.what_if import Cell, with_cell
from jiying.desk.models import Ticket
from jiying.desk.services import handling, privacy, rules, talking, triage
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.history.importing import import_log
from jiying.insight.queries import replays
from jiying.insight.services import rejudging, replaying
from jiying.warehouse import exporting, spreading
from tests.cast import Cast
from tests.desk.stage import sweep, verbs
from tests.insight.columnar import copied

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LOG = """case:concept:name,concept:name,time:timestamp,org:resource,case:Summary
A1,Take in charge ticket,2026-09-09T01:05:00+00:00,Li,照片
A1,Resolve ticket,2026-09-09T01:30:00+00:00,Li,照片
"""


def drafted(cast: Cast, *more: dict[str, Any]) -> int:
    """A draft with these rules before the shipped ones; without any, one that sends photographs to P1."""
    body = copy.deepcopy(documents.get("priority", rules.KEY, 1).body)
    photo = {"key": "photo", "name": {"zh": "照片"}, "priority": "P1", "when": {"words": {"any": ["照片"]}}}
    body["rules"] = [*(more or (photo,)), *body["rules"]]
    return rules.draft(actor=cast.actor(cast.ops), body=body, note="", now=cast.now).number


def answered(cast: Cast, minutes: int, **fields: Any) -> Ticket:
    ticket = cast.accepted(**{"channel": "web", **fields})
    lin, at = cast.actor(cast.lin), cast.now + timedelta(minutes=minutes)
    talking.reply(actor=lin, number=ticket.number, body="您好", now=at)
    handling.resolve(actor=lin, number=ticket.number, now=at + timedelta(minutes=5))
    handling.close(actor=lin, number=ticket.number, now=at + timedelta(minutes=6))
    return ticket


def replay(cast: Cast, number: int, **options: Any) -> dict[str, Any]:
    return replaying.replay(replaying.Draft(rules=number), cast.now - DAY, cast.now + DAY, cast.now + DAY, **options)


def start(cast: Cast, number: int) -> Job:
    now = cast.now + DAY
    draft = replaying.Draft(rules=number)
    job = replaying.start(actor=cast.actor(cast.sup), draft=draft, since=cast.now - DAY, until=now, now=now)
    while jobs.handle(due.due_ids(due.SWEEPS["jobs"], now + DAY, 10), now + DAY):
        pass
    job.refresh_from_db()
    assert job.finished_at is not None, job.last_error
    return job


def ways(found: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Tickets by first priority as it was and by the rules, of all teams."""
    told = Counter[tuple[str, str]]()
    for _team, was, now, n, _ids in found["rules"]["moves"]:
        told[was, now] += n
    return told


def whole(found: dict[str, Any], side: str, metric: str, priority: str) -> tuple[int, int]:
    places = [n for n, cell in enumerate(found["cells"]) if cell[1] == priority]
    counts = [found[side][metric][n] for n in places]
    return sum(x[0] for x in counts), sum(x[1] for x in counts)


def test_what_the_rules_move_is_promised_and_counted_otherwise(cast: Cast) -> None:
    """Answered after 20 minutes: in time as P3, too late as P1 (15 minutes)."""
    photo, other = answered(cast, 20, subject="上传照片"), answered(cast, 20, subject="你好")
    assert (photo.priority, other.priority) == ("P3", "P3")
    copied()
    job = start(cast, drafted(cast))
    found = job.result
    assert ways(found) == {("P3", "P1"): 1, ("P3", "P3"): 1}
    assert whole(found, "happened", "first_response", "P3") == (2, 0)
    assert whole(found, "draft", "first_response", "P3") == (1, 0)
    assert whole(found, "draft", "first_response", "P1") == (0, 1)
    sup = cast.actor(cast.sup)
    row = replays.of(sup, job.pk)
    assert row.rules is not None and (row.rules.n_judged, row.rules.n_changed, row.rules.n_kept) == (2, 1, 0)
    assert row.rules.ways["P3"] == {"P1": 1, "P2": 0, "P3": 1, "P4": 0}
    assert [(one.number, one.priority) for one in replays.moved(sup, job.pk, "P3", "P1")] == [(photo.number, "P3")]
    assert replays.moved(sup, job.pk, "P3", "P2") == []
    late = replays.Slice("first_response", "web", "P1", show="draft")
    assert [(c.number, c.happened, c.draft) for c in replays.cases(sup, job.pk, late)] == [
        (photo.number, "met", "breached")
    ]
    of_p3 = replays.cases(sup, job.pk, replays.Slice("first_response", "web", "P3"))
    assert {(c.number, c.draft) for c in of_p3} == {(photo.number, "breached"), (other.number, "")}


def test_rules_as_in_force_give_what_happened(cast: Cast) -> None:
    answered(cast, 30)
    answered(cast, 20, subject="账户被盗刷了")
    cast.accepted(channel="chat", category="invoice", tags=["急"], amount=900_000)
    mine = cast.accepted(subject="换一下", priority="P2")
    handling.reclassify(actor=cast.actor(cast.lin), number=mine.number, category="order", tags=["新"], now=cast.now)
    sweep(cast.now + DAY)
    copied()
    found, plain = replay(cast, 1), replaying.replay(replaying.Draft(), cast.now - DAY, cast.now + DAY, cast.now + DAY)
    assert found["draft"] == found["happened"]
    assert {**found, "rules": None, "seconds": 0} == {**plain, "seconds": 0}
    assert all(was == now for was, now in ways(found)) and sum(ways(found).values()) == 3
    for by_team in found["hours"].values():
        for was, would in by_team.values():
            assert was == would


def test_portions_with_their_priorities_travel_to_other_processes(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        answered(cast, 20, subject=f"照片{n}")
    copied()
    number = drafted(cast)
    here = replay(cast, number, portion=2)

    def travelled(function: Any, parts: Any) -> list[Any]:
        return [pickle.loads(pickle.dumps(function(pickle.loads(pickle.dumps(part))))) for part in parts]  # noqa: S301

    monkeypatch.setattr(spreading, "each", travelled)
    assert {**replay(cast, number, portion=2), "seconds": 0} == {**here, "seconds": 0}
    assert ways(here) == {("P3", "P1"): 3} and len(here["rules"]["moves"][0][4]) == 3


def test_what_people_chose_stays(cast: Cast, tmp_path: Path) -> None:
    """By hand at the opening, by hand later, imported with a history, texts erased since."""
    lead = cast.actor(cast.wang)
    chosen = answered(cast, 20, subject="照片一", priority="P4")
    later = cast.accepted(subject="照片二", channel="web")
    at = cast.now + timedelta(minutes=16)
    handling.set_priority(actor=lead, number=later.number, priority="P2", reason="急", now=at)
    talking.reply(actor=cast.actor(cast.lin), number=later.number, body="您好", now=at)
    gone = answered(cast, 20, subject="照片三", customer=CustomerData(name="张三丰", phone="13812345678"))
    path = tmp_path / "log.csv"
    path.write_text(LOG, encoding="utf-8")
    import_log(actor=IMPORT, path=path, now=cast.now)
    number = drafted(cast)
    _erase(cast, gone)
    copied()
    exporting.rebuild()
    found = replay(cast, number)
    assert ways(found) == {("P3", "P1"): 1}  # the one that was changed later: until then it would have been P1
    assert sum(found["rules"]["kept"].values()) == 3 and found["tickets"] == 4
    assert whole(found, "draft", "first_response", "P4") == whole(found, "happened", "first_response", "P4") == (1, 0)
    # It counts where it ended, with the breach of the P1 that it would have been before.
    assert whole(found, "draft", "first_response", "P2") == (0, 1)
    assert whole(found, "happened", "first_response", "P2") == (1, 0)
    assert Ticket.objects.get(pk=chosen.pk).priority == "P4"


def _erase(cast: Cast, ticket: Ticket) -> None:
    pk = Ticket.objects.values_list("customer_id", flat=True).get(pk=ticket.pk)
    assert pk is not None
    job = privacy.order_erasure(
        actor=cast.actor(cast.admin), customer_id=pk, typed=str(pk), with_texts=True, now=cast.now + DAY
    )
    while not privacy.erase_some(job, cast.now + DAY):
        pass
    job.delete()


RANDOM = (
    {"key": "a", "priority": "P1", "when": {"words": {"any": ["红", "blue"]}, "channel": {"any": ["web", "chat"]}}},
    {"key": "b", "priority": "P2", "when": {"category": {"any": ["order"]}, "tags": {"none": ["新"]}}},
    {"key": "c", "priority": "P4", "when": {"amount": {"at_most": 50_000}}},
)


Asked = dict[str, core_priority.Request | None]  # what rules look at, by number; None where somebody chose


@pytest.mark.parametrize("seed", [1, 2])
def test_equals_the_fold_under_random_lives(cast: Cast, seed: int) -> None:
    """Each ticket's journal with the first priority that `core.priority` gives, folded by `core.clocks`."""
    asked, now = _lives(cast, Random(seed))
    copied()
    number = drafted(cast, *RANDOM)
    cell = Cell(None, "P2", "first_response", 30)
    draft, span = replaying.Draft(cell=cell, rules=number), (cast.now - DAY, now + DAY, now)
    found = replaying.replay(draft, *span)
    for portion in (1, 3):
        assert {**replaying.replay(draft, *span, portion), "seconds": 0} == {**found, "seconds": 0}
    body = with_cell(documents.get("standard", clocks.STANDARD, 1).body, cell)
    held = documents.in_force("calendar", now)
    book = DictBook({1: parse(body, 1)}, {(key, n): clocks.calendar(key, n) for key, n in held.items()})
    moved, told = _plainly(asked, core_priority.parse(documents.get("priority", rules.KEY, number).body), book, now)
    assert ways(found) == moved
    for metric in TICKET_METRICS:
        for priority in PRIORITIES:
            assert whole(found, "draft", metric, priority) == (
                told[metric, priority, "met"],
                told[metric, priority, "breached"],
            )
    assert any(was != to for was, to in moved) and sum(told.values()) > 10


def _lives(cast: Cast, random: Random) -> tuple[Asked, datetime]:
    known, asked, now = verbs(cast), Asked(), cast.now
    for n in range(14):
        fields: dict[str, Any] = {
            "subject": random.choice(("红色", "a blue one", "绿色")) + str(n),
            "channel": random.choice(("web", "chat", "email")),
            "category": random.choice(("", "order", "invoice")),
            "tags": random.choice(([], ["新"])),
            "amount": random.choice((None, 20_000, 90_000)),
        }
        priority = random.choice((None, None, None, "P2"))
        number = cast.ticket(**fields, priority=priority).number
        asked[number] = None if priority else _request(fields["subject"], "", fields)
    for _ in range(100):
        now += timedelta(minutes=random.choice((1, 20, 120, 60 * 30)))
        try:
            _do(cast, known, random, random.choice(list(asked)), now)
        except Refused:
            pass
    return asked, now


def _plainly(
    asked: Asked, parsed: core_priority.RuleSet, book: DictBook, now: datetime
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str, str]]]:
    """(was, now) of the first priorities, and (metric, last priority, state) of the clocks."""
    moved, told = Counter[tuple[str, str]](), Counter[tuple[str, str, str]]()
    held = documents.in_force("calendar", now)
    for ticket in Ticket.objects.exclude(status__in=("merged", "cancelled")):
        events = [Event(e.at, e.id, e.kind, _bound(e.data, held)) for e in clocks.events_of("ticket", ticket.pk)]
        opened = next(n for n, e in enumerate(events) if e.kind == "opened")
        was = first = events[opened].data["priority"]
        if ticket.number not in asked:  # of the stage, or split off: nothing of it changes later
            asked[ticket.number] = _request(ticket.subject, ticket.description, events[opened].data)
        if (request := asked[ticket.number]) is not None:
            first = core_priority.decide(parsed, request).priority
            moved[was, first] += 1
        events[opened] = events[opened]._replace(data={**events[opened].data, "priority": first})
        last = [e.data["priority"] for e in events if e.kind in ("opened", "reclassified") and "priority" in e.data][-1]
        for clock in core.fold(events, book, int(now.timestamp())):
            if clock.metric in TICKET_METRICS and clock.state in ("met", "breached"):
                told[clock.metric, last, clock.state] += 1
    return moved, told


def _request(subject: str, description: str, about: Any) -> core_priority.Request:
    return core_priority.Request(
        subject=subject,
        description=description,
        **{name: about.get(name) for name in ("channel", "category", "amount")},
        type=about.get("type") or triage.type_of("", about.get("category") or ""),
        tier="standard",
        tags=frozenset(about.get("tags", ())),
    )


def _bound(data: Any, held: Any) -> Any:
    return {**data, "standard": 1, "calendars": dict(held)} if "standard" in data else data


def _do(cast: Cast, known: Any, random: Random, number: str, now: Any) -> None:
    name = random.choice([*known, "sweep", "hand", "corrected"])
    if name == "sweep":
        sweep(now)
    elif name == "hand":
        priority = random.choice(PRIORITIES)
        handling.set_priority(actor=SYSTEM, number=number, priority=priority, reason="改", now=now)
    elif name == "corrected":
        tags, category = random.choice((["新"], ["急"])), random.choice(("order", "invoice"))
        handling.reclassify(actor=SYSTEM, number=number, category=category, tags=tags, now=now)
    else:
        known[name](SYSTEM if name != "accept" else cast.actor(cast.lin), number, now)


def test_long_reading_keeps_the_job_and_is_dropped_where_it_was_lost(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is moved on with each block of texts; another worker's turn ends this one's."""
    monkeypatch.setattr(rejudging, "BATCH", 1)
    monkeypatch.setattr(rejudging, "BEAT", 1)
    for n in range(3):
        cast.ticket(subject=f"第{n}件")
    copied()
    leases, renew = [], due.renew

    def renewed(row: Any, now: datetime, seconds: int = 120) -> bool:
        kept = renew(row, now, seconds)
        leases.append((kept, Job.objects.get(pk=row.pk).lease_until == now + timedelta(seconds=seconds)))
        if len(leases) == 3:
            Job.objects.filter(pk=row.pk).update(fence=row.fence + 1)  # somebody else has taken it
        return kept

    monkeypatch.setattr(due, "renew", renewed)
    number, now = drafted(cast), cast.now + DAY
    job = replaying.start(
        actor=cast.actor(cast.sup), draft=replaying.Draft(rules=number), since=cast.now - DAY, until=now, now=now
    )
    assert jobs.handle([job.pk], now) == 0
    assert leases == [(True, True)] * 3
    job.refresh_from_db()
    assert job.finished_at is None and job.result == {}
    with pytest.raises(jobs.LeaseLost):
        job.fence -= 1
        jobs.keep(job)


def test_a_team_leader_sees_the_own_team_only(cast: Cast) -> None:
    mine, other = answered(cast, 20, subject="照片一"), answered(cast, 20, subject="照片二")
    Ticket.objects.filter(pk=other.pk).update(team=cast.team2)
    copied()
    exporting.rebuild()
    job = start(cast, drafted(cast))
    sup, wang = cast.actor(cast.sup), cast.actor(cast.wang)
    for actor, n, numbers in ((sup, 2, {mine.number, other.number}), (wang, 1, {mine.number})):
        told = replays.of(actor, job.pk).rules
        assert told is not None and (told.n_judged, told.n_changed, told.ways["P3"]["P1"]) == (n, n, n)
        assert {one.number for one in replays.moved(actor, job.pk, "P3", "P1")} == numbers
    with pytest.raises(Denied):
        replays.moved(cast.actor(cast.lin), job.pk, "P3", "P1")


def test_only_who_may_read_the_rules_tries_them_out(cast: Cast) -> None:
    number, now = drafted(cast), cast.now
    for person in (cast.wang, cast.lin):
        with pytest.raises(Denied):
            draft = replaying.Draft(rules=number)
            replaying.start(actor=cast.actor(person), draft=draft, since=now - DAY, until=now, now=now)
    with pytest.raises(NotFound):
        replaying.start(
            actor=cast.actor(cast.sup), draft=replaying.Draft(rules=99), since=now - DAY, until=now, now=now
        )
    assert not Job.objects.filter(kind=replays.KIND).exists()
    assert 'name="rules"' in cast.client(cast.sup).get("/replays/").content.decode()
    assert 'name="rules"' not in cast.client(cast.wang).get(f"/replays/?rules={number}").content.decode()
    day = now.date().isoformat()
    refused = cast.client(cast.wang).post("/replays/", {"since": day, "until": day, "rules": number})
    assert refused.status_code == 403


def test_from_the_page_of_a_draft_to_the_workbook(cast: Cast) -> None:
    photo = answered(cast, 20, subject="上传照片")
    answered(cast, 20)
    copied()
    number = drafted(cast)
    client = cast.client(cast.sup)
    assert f"/replays/?rules={number}" in client.get(f"/setup/priority/{number}/").content.decode()
    form = client.get(f"/replays/?rules={number}").content.decode()
    assert f'<option value="{number}" selected' in form
    day = cast.now.date().isoformat()
    asked = client.post("/replays/", {"since": day, "until": day, "rules": number})
    assert asked.status_code == 302
    job = Job.objects.get(kind=replays.KIND)
    jobs.handle([job.pk], job.created_at + DAY)
    page = client.get(asked["Location"])
    assert page.status_code == 200 and "was=P3&amp;now=P1" in page.content.decode()
    tickets = f"{asked['Location']}tickets/"
    assert photo.number in client.get(f"{tickets}?was=P3&now=P1").content.decode()
    assert photo.number not in client.get(f"{tickets}?was=P1&now=P2").content.decode()
    for wrong in ("?was=P3", "?was=P9&now=P1", "?was=P3&now="):
        assert client.get(tickets + wrong).status_code == 422
    assert cast.client(cast.lin).get(f"{tickets}?was=P3&now=P1").status_code == 403
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"{asked['Location']}book.xlsx").content))
    sheet = book[book.sheetnames[1]]
    assert [cell.value for cell in sheet[4]] == ["P3", 1, 0, 1, 0] and sheet.freeze_panes == "B2"


def test_the_api_and_the_command(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    answered(cast, 20, subject="上传照片")
    copied()
    number = drafted(cast)
    span = {"since": (cast.now - DAY).isoformat(), "until": (cast.now + DAY).isoformat()}
    api = cast.api(cast.sup)
    made = api.post("/api/v1/replays", {**span, "rules": number}, content_type="application/json")
    assert made.status_code == 201 and made.json()["draft"]["rules"] == number
    job = Job.objects.get(pk=made.json()["id"])
    jobs.handle([job.pk], job.created_at + DAY)
    told = api.get(made["Location"]).json()
    assert (told["state"], told["rules"]["n_changed"], told["rules"]["ways"]["P3"]["P1"]) == ("done", 1, 1)
    day = cast.now.date().isoformat()
    call_command("replay", "--from", day, "--to", day, "--rules", str(number))
    said = capsys.readouterr().out
    assert "1 of 1 judged tickets" in said and "web P1" in said and "0.0% 0/1" in said
