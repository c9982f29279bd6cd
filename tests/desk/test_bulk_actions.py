"""One action on many tickets: the ordinary rights for each, what was refused and why, jobs, undo."""

from datetime import timedelta
from typing import Any

import pytest

from jiying.base import due
from jiying.base.errors import Conflict, Denied, Invalid, NotFound, Refused
from jiying.base.models import Job, Person
from jiying.desk.models import AgentLoad, Message, Ticket
from jiying.desk.queries import bulk_actions as runs
from jiying.desk.queries.filters import read
from jiying.desk.services import bulk_actions, handling, talking
from jiying.desk.services.bulk_actions import Bulk
from tests.cast import Cast


def _run(cast: Cast, person: Person, action: str, tickets: list[Ticket], **values: Any) -> runs.BulkRow:
    bulk = Bulk(action, [t.number for t in tickets], values)
    job = bulk_actions.start(actor=cast.actor(person), bulk=bulk, now=cast.now)
    return runs.row(Job.objects.get(pk=job.pk), cast.now)


def _values(tickets: list[Ticket], name: str) -> list[Any]:
    return [Ticket.objects.values_list(name, flat=True).get(pk=t.pk) for t in tickets]


def test_a_part_is_done_and_the_rest_says_why_not(cast: Cast) -> None:
    mine = [cast.accepted(subject=f"我的 {n}") for n in range(2)]
    away = cast.accepted(subject="别人的", by=cast.zhao)
    done = cast.accepted(subject="结束的")
    handling.cancel(actor=cast.actor(cast.lin), number=done.number, reason="重复", now=cast.now)
    row = _run(cast, cast.lin, "tag", [*mine, away, done], add=["大促"])
    assert (row.state, row.n_done, row.n_total) == ("done", 2, 4)
    assert {one.number for one in row.refused} == {away.number, done.number}
    assert all(one.text for one in row.refused)
    assert _values(mine, "tags") == [["大促"], ["大促"]]
    assert _values([away, done], "tags") == [[], []]


ACTIONS: list[tuple[str, dict[str, Any], str, Any]] = [
    ("priority", {"priority": "P1", "reason": "客户着急"}, "priority", "P1"),
    ("category", {"category": "order/refund"}, "category", "order/refund"),
    ("resolve", {"note": "已处理"}, "status", "resolved"),
    ("reply", {"body": "已补发", "then": "wait"}, "status", "waiting"),
    ("reply", {"body": "已补发", "then": "resolve"}, "status", "resolved"),
]


@pytest.mark.parametrize(("action", "values", "name", "expected"), ACTIONS)
def test_actions(cast: Cast, action: str, values: dict[str, Any], name: str, expected: Any) -> None:
    tickets = [cast.accepted(subject=f"{n}") for n in range(3)]
    row = _run(cast, cast.wang, action, tickets, **values)
    assert row.refused == []
    assert _values(tickets, name) == [expected] * 3


def test_assign_close_and_merge(cast: Cast) -> None:
    tickets = [cast.accepted(subject=f"{n}") for n in range(3)]
    _run(cast, cast.wang, "assign", tickets, to=f"person:{cast.wang.pk}", reason="接手")
    assert _values(tickets, "assignee_id") == [cast.wang.pk] * 3
    _run(cast, cast.wang, "assign", tickets[:1], to=f"team:{cast.team2.pk}")
    assert _values(tickets[:1], "team_id") == [cast.team2.pk]
    row = _run(cast, cast.sup, "merge", tickets, into=tickets[0].number)
    assert (row.n_total, row.n_done) == (2, 2)
    assert _values(tickets[1:], "merged_into_id") == [tickets[0].pk] * 2
    solved = cast.accepted()
    handling.resolve(actor=cast.actor(cast.lin), number=solved.number, now=cast.now)
    assert _run(cast, cast.lin, "close", [solved]).n_done == 1
    assert _values([solved], "status") == ["closed"]


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("assign", {"to": "nobody"}),
        ("assign", {}),
        ("priority", {"priority": "P1"}),
        ("priority", {"priority": "P9", "reason": "x"}),
        ("tag", {}),
        ("tag", {"add": ["x" * 41]}),
        ("category", {"category": "no/such"}),
        ("reply", {"body": " "}),
        ("merge", {}),
        ("explode", {}),
    ],
)
def test_what_is_wrong_for_all_is_refused_before_the_first(cast: Cast, action: str, values: dict[str, Any]) -> None:
    ticket = cast.accepted()
    with pytest.raises(Refused):
        _run(cast, cast.sup, action, [ticket], **values)
    assert not Job.objects.exists()
    with pytest.raises(Invalid):
        _run(cast, cast.sup, "tag", [], add=["x"])


def test_rights_are_those_of_each_ticket_and_action(cast: Cast) -> None:
    ticket = cast.accepted()
    with pytest.raises(Denied):
        _run(cast, cast.lin, "priority", [ticket], priority="P1", reason="x")
    with pytest.raises(Denied):
        _run(cast, cast.chen, "tag", [ticket], add=["x"])
    row = _run(cast, cast.zhao, "tag", [ticket], add=["x"])
    assert (row.n_done, len(row.refused)) == (0, 1)
    assert _values([ticket], "tags") == [[]]


def test_everything_that_fits_a_list(cast: Cast) -> None:
    wanted = [cast.ticket(subject=f"{n}", priority="P1") for n in range(3)]
    cast.ticket(subject="别的", priority="P4")
    away = cast.ticket(subject="别组的", priority="P1")
    Ticket.objects.filter(pk=away.pk).update(team=cast.team2, assignee=cast.zhao)
    chosen = runs.chosen(cast.actor(cast.lin), [], read({"priority": "P1"}), cast.now)
    assert chosen.numbers == sorted(t.number for t in wanted)
    assert not chosen.is_capped
    seen = runs.chosen(cast.actor(cast.lin), [away.number, wanted[0].number], None, cast.now)
    assert seen.numbers == [wanted[0].number]


def test_many_are_a_job_that_can_be_watched_and_stopped(cast: Cast, monkeypatch: Any) -> None:
    monkeypatch.setattr(bulk_actions, "AT_ONCE", 1)
    AgentLoad.objects.update(capacity=100)
    tickets = [cast.accepted(subject=f"{n}") for n in range(4)]
    row = _run(cast, cast.lin, "tag", tickets, add=["x"])
    assert (row.state, row.n_handled) == ("running", 0)
    sweep, at = due.SWEEPS["jobs"], cast.now
    for _turn in range(2):
        at += timedelta(days=365)  # a job's next turn is when its last one ended by the clock on the wall
        due.run(sweep, at, 1)
    job = Job.objects.get(pk=row.id)
    assert 0 < job.n_done < 4
    bulk_actions.cancel(actor=cast.actor(cast.lin), job_id=job.pk, now=at)
    due.run(sweep, at + timedelta(days=365))
    row = runs.row(Job.objects.get(pk=row.id), at)
    assert row.state == "cancelled"
    assert row.n_done == sum(tags == ["x"] for tags in _values(tickets, "tags"))


def test_nobody_else_sees_a_run(cast: Cast) -> None:
    row = _run(cast, cast.lin, "tag", [cast.accepted()], add=["x"])
    for person in (cast.wang, cast.admin):
        with pytest.raises(NotFound):
            runs.job_of(cast.actor(person), row.id)
    with pytest.raises(NotFound):
        bulk_actions.undo(actor=cast.actor(cast.sup), job_id=row.id, now=cast.now)


# --- undo ------------------------------------------------------------------------------------------------------------


def _undo(cast: Cast, person: Person, row: runs.BulkRow, after: timedelta = timedelta(seconds=30)) -> runs.BulkRow:
    job = Job.objects.get(pk=row.id)
    assert job.finished_at is not None
    undone = bulk_actions.undo(actor=cast.actor(person), job_id=row.id, now=job.finished_at + after)
    return runs.row(Job.objects.get(pk=undone.pk), cast.now)


def test_undo_brings_back_what_was(cast: Cast) -> None:
    tickets = [cast.accepted(subject=f"{n}", tags=("旧",), priority="P3") for n in range(3)]
    for action, values, name, before in (
        ("tag", {"add": ["新"], "remove": ["旧"]}, "tags", ["旧"]),
        ("priority", {"priority": "P1", "reason": "急"}, "priority", "P3"),
        ("category", {"category": "order"}, "category", ""),
        ("assign", {"to": f"person:{cast.wang.pk}"}, "assignee_id", cast.lin.pk),
    ):
        row = _run(cast, cast.wang, action, tickets, **values)
        assert _values(tickets, name) != [before] * 3
        assert _undo(cast, cast.wang, row).refused == []
        assert _values(tickets, name) == [before] * 3, action


def test_undo_leaves_alone_what_somebody_changed_since(cast: Cast) -> None:
    tickets = [cast.accepted(subject=f"{n}") for n in range(2)]
    row = _run(cast, cast.lin, "tag", tickets, add=["x"])
    talking.note(actor=cast.actor(cast.lin), number=tickets[0].number, body="备注", now=cast.now)
    undone = _undo(cast, cast.lin, row)
    assert [one.number for one in undone.refused] == [tickets[0].number]
    assert _values(tickets, "tags") == [["x"], []]
    with pytest.raises(Conflict):
        _undo(cast, cast.lin, row)


def test_undo_has_its_minute(cast: Cast) -> None:
    row = _run(cast, cast.lin, "tag", [cast.accepted()], add=["x"])
    with pytest.raises(Conflict):
        _undo(cast, cast.lin, row, timedelta(seconds=61))
    solved = _run(cast, cast.lin, "resolve", [cast.accepted()])
    with pytest.raises(Conflict):
        _undo(cast, cast.lin, solved)


# --- pages and API ---------------------------------------------------------------------------------------------------


def test_a_lead_tags_from_the_list_and_takes_it_back(cast: Cast) -> None:
    tickets = [cast.accepted(subject=f"{n}") for n in range(2)]
    client = cast.client(cast.wang)
    numbers = [t.number for t in tickets]
    asked = client.get("/bulk/tag", {"ticket": numbers, "query": "view=team"}, headers={"HX-Request": "true"})
    assert ",".join(numbers) in asked.content.decode()
    answer = client.post("/bulk/tag", {"numbers": ",".join(numbers), "query": "view=team", "add": "大促，急"})
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/tickets/?view=team&bulk={job.pk}"
    assert _values(tickets, "tags") == [["大促", "急"]] * 2
    page = client.get(answer.headers["Location"]).content.decode()
    assert f"/bulk/run/{job.pk}/undo" in page
    assert client.get(f"/bulk/run/{job.pk}").status_code == 200
    assert cast.client(cast.sup).get(f"/bulk/run/{job.pk}").status_code == 404
    client.post(f"/bulk/run/{job.pk}/undo")
    assert _values(tickets, "tags") == [[], []]


def test_all_that_fits_is_done_from_the_list(cast: Cast) -> None:
    tickets = [cast.accepted(subject=f"{n}", priority="P1") for n in range(3)]
    other = cast.accepted(priority="P4")
    values = {"everything": "1", "query": "priority=P1", "body": "已补发"}
    cast.client(cast.wang).post("/bulk/reply", values)
    said = Message.objects.filter(kind="reply").values_list("ticket_id", flat=True)
    assert set(said) == {t.pk for t in tickets}
    assert other.pk not in said


def test_faults_stand_in_the_form(cast: Cast) -> None:
    ticket = cast.accepted()
    client = cast.client(cast.wang)
    answer = client.post("/bulk/merge", {"numbers": ticket.number, "into": ticket.number})
    assert answer.status_code == 422
    assert client.get("/bulk/explode").status_code == 404
    assert cast.client(cast.chen).get("/bulk/tag").status_code == 403


def test_the_api_does_it_too(cast: Cast) -> None:
    tickets = [cast.accepted(subject=f"{n}") for n in range(2)]
    api = cast.api(cast.wang)
    body: dict[str, Any] = {
        "action": "tag",
        "numbers": [*(t.number for t in tickets), "GD20200101001"],
        "values": {"add": ["x"]},
    }
    made = api.post("/api/v1/bulk", body, content_type="application/json")
    assert made.status_code == 201
    row = made.json()
    assert (row["state"], row["n_done"], row["refused"]) == ("done", 2, [])
    assert api.get(f"/api/v1/bulk/{row['id']}").json()["n_total"] == 2
    assert cast.api(cast.sup).get(f"/api/v1/bulk/{row['id']}").status_code == 404
    undone = api.post(f"/api/v1/bulk/{row['id']}/undo").json()
    assert undone["action"] == "undo"
    assert _values(tickets, "tags") == [[], []]
    body = {"action": "priority", "filters": {"view": "open"}, "values": {"priority": "P1", "reason": "x"}}
    assert api.post("/api/v1/bulk", body, content_type="application/json").json()["n_done"] == 2


def test_the_form_of_a_transfer_shows_who_could_get_them_and_gives_them(cast: Cast) -> None:
    tickets = [cast.accepted(subject=f"转 {n}") for n in range(2)]
    client = cast.client(cast.sup)
    chosen = [ticket.number for ticket in tickets]
    page = client.get("/bulk/assign", {"ticket": chosen}).content.decode()
    assert f'value="person:{cast.wang.pk}"' in page and f'value="team:{cast.team2.pk}"' in page
    data = {"numbers": ",".join(chosen), "to": f"person:{cast.wang.pk}", "reason": "支援"}
    assert client.post("/bulk/assign", data).status_code == 302
    assert _values(tickets, "assignee_id") == [cast.wang.pk] * 2
