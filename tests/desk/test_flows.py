"""Task flows (D25a): started by category or by hand, in order, with clocks; what blocks solving; versions; report."""

import json
from datetime import timedelta
from typing import Any

import pytest

from jiying.alerts.models import Alert
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.clocks.models import Clock
from jiying.desk.models import Category, FlowRun, FlowStep, Ticket
from jiying.desk.queries import flows as queries
from jiying.desk.services import flows, handling, triage
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, a_flow, everything, facts_of, sweep, ticket_in

STEPS = (
    {"key": "check", "title": "核对订单", "amount": 30, "unit": "min", "checklist": ["订单号", "金额"]},
    {"key": "call", "title": "联系物流", "mandatory": False, "amount": 2, "remind": False},
    {"key": "pay", "title": "退款", "role": "lead", "amount": 1, "unit": "wd", "calendar": "work"},
)


def start(cast: Cast, ticket: Ticket) -> list[FlowStep]:
    flow = a_flow(cast, *STEPS, key="refund")
    run = flows.start(actor=cast.actor(cast.lin), number=ticket.number, flow=flow, now=cast.now)
    return list(run.steps.order_by("n"))


def finish(cast: Cast, step: FlowStep, who: str = "lin", after: timedelta = MINUTE) -> None:
    for n, (_text, done) in enumerate(step.checklist):
        if not done:
            flows.tick(actor=cast.actor(cast.wang), step_id=step.pk, item=n, done=True, now=cast.now + after)
    flows.finish(actor=cast.actor(getattr(cast, who)), step_id=step.pk, now=cast.now + after)


def clock_of(step: FlowStep) -> Clock:
    return Clock.objects.get(subject_kind="task", subject_id=step.pk)


def wire(cast: Cast, path: str, flow: str) -> None:
    Category.objects.filter(path=path).update(flow=flow)
    triage.forget()


def test_each_step_is_due_in_its_own_time_from_the_start(cast: Cast) -> None:
    check, call, pay = start(cast, ticket_in(cast, "in_progress"))
    assert clock_of(check).due_at == cast.now + 30 * MINUTE
    assert clock_of(call).due_at == cast.now + 2 * HOUR
    assert clock_of(pay).due_at == cast.now + timedelta(days=1)  # a working day, from Wednesday to Thursday


def test_reminders_go_to_who_does_it_and_lateness_to_the_leader_too(cast: Cast) -> None:
    check, call, _pay = start(cast, ticket_in(cast, "in_progress"))
    sweep(cast.now + 25 * MINUTE)
    assert set(Alert.objects.filter(subject_kind="task").values_list("person__username", "subject_id")) == {
        ("lin", check.pk)
    }
    sweep(cast.now + 31 * MINUTE)
    late = Alert.objects.filter(subject_kind="task", kind="clock.due").values_list("person__username", flat=True)
    assert set(late) == {"lin", "wang"}
    sweep(cast.now + 110 * MINUTE)
    assert not Alert.objects.filter(subject_id=call.pk, subject_kind="task").exists()  # asked for no reminder


def test_in_order_and_with_the_whole_checklist(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    check, call, pay = start(cast, ticket)
    wang = cast.actor(cast.wang)
    with pytest.raises(Conflict, match="step_order"):
        flows.finish(actor=wang, step_id=pay.pk, now=cast.now)
    with pytest.raises(Conflict, match="checklist_open"):
        flows.finish(actor=wang, step_id=check.pk, now=cast.now)
    finish(cast, check)
    assert (clock_of(check).state, clock_of(check).ended_at) == ("met", cast.now + MINUTE)
    with pytest.raises(Denied):  # a leader's step
        finish(cast, pay)
    finish(cast, pay, "wang")
    assert FlowRun.objects.get().state == "running"  # the optional one is still open
    flows.skip(actor=cast.actor(cast.lin), step_id=call.pk, reason="客户已自行联系", now=cast.now + 2 * MINUTE)
    assert FlowRun.objects.get().state == "done"
    assert clock_of(call).state == "cancelled"
    assert facts_of(ticket)[-5:] == ["flow_started", "task_done", "task_done", "task_skipped", "flow_done"]
    with pytest.raises(Conflict, match="step_over"):
        finish(cast, pay, "wang")


def test_mandatory_steps_block_solving_and_say_which(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    check, call, pay = start(cast, ticket)
    before = everything()
    with pytest.raises(Conflict) as refused:
        handling.resolve(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now)
    assert refused.value.faults[0].params == {"titles": "核对订单, 退款"}
    assert everything() == before
    finish(cast, check)
    flows.skip(actor=cast.actor(cast.wang), step_id=pay.pk, reason="无需退款", now=cast.now)
    handling.resolve(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now + HOUR)
    call.refresh_from_db()
    assert (call.state, FlowRun.objects.get().state) == ("withdrawn", "withdrawn")


def test_the_end_of_a_ticket_ends_its_tasks(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    steps = start(cast, ticket)
    handling.cancel(actor=cast.actor(cast.lin), number=ticket.number, reason="重复", now=cast.now + MINUTE)
    assert {FlowStep.objects.get(pk=s.pk).state for s in steps} == {"withdrawn"}
    assert not Clock.objects.filter(subject_kind="task", ended_at__isnull=True, state="running").exists()


def test_its_category_starts_it_and_a_change_of_category_changes_it(cast: Cast) -> None:
    wire(cast, "order/refund", a_flow(cast, *STEPS, key="refund"))
    wire(cast, "logistics/lost", a_flow(cast, key="lost"))
    ticket = cast.accepted(category="order/refund")
    assert ticket.flow_runs.get().flow == "refund"
    assert "flow_started" in facts_of(ticket)
    lin = cast.actor(cast.lin)
    handling.reclassify(actor=lin, number=ticket.number, category="logistics/lost", now=cast.now + MINUTE)
    assert list(ticket.flow_runs.order_by("pk").values_list("flow", "state")) == [
        ("refund", "withdrawn"),
        ("lost", "running"),
    ]
    assert not cast.ticket(category="invoice").flow_runs.exists()


def test_a_running_ticket_keeps_the_version_that_it_started_with(cast: Cast) -> None:
    first = ticket_in(cast, "in_progress")
    start(cast, first)
    a_flow(cast, {"key": "only", "title": "只有一步"}, key="refund")
    second = ticket_in(cast, "in_progress")
    flows.start(actor=SYSTEM, number=second.number, flow="refund", now=cast.now)
    found = {run.ticket_id: (run.version, run.steps.count()) for run in FlowRun.objects.all()}
    assert found == {first.pk: (1, 3), second.pk: (2, 1)}


def test_what_is_refused(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    check, *_rest = start(cast, ticket)
    lin = cast.actor(cast.lin)
    with pytest.raises(Conflict):
        flows.start(actor=lin, number=ticket.number, flow="refund", now=cast.now)
    with pytest.raises(NotFound):
        flows.start(actor=lin, number=ticket.number, flow="none", now=cast.now)
    with pytest.raises(Invalid):
        flows.skip(actor=lin, step_id=check.pk, reason=" ", now=cast.now)
    with pytest.raises(Invalid):
        flows.tick(actor=lin, step_id=check.pk, item=2, done=True, now=cast.now)
    with pytest.raises(NotFound):  # out of sight
        flows.finish(actor=cast.actor(cast.zhao), step_id=check.pk, now=cast.now)
    with pytest.raises(Denied):  # a reader
        flows.finish(actor=cast.actor(cast.chen), step_id=check.pk, now=cast.now)


def test_the_report_counts_done_skipped_and_late(cast: Cast) -> None:
    check, call, _pay = start(cast, ticket_in(cast, "in_progress"))
    sweep(cast.now + 31 * MINUTE)
    finish(cast, check, after=40 * MINUTE)
    flows.skip(actor=cast.actor(cast.lin), step_id=call.pk, reason="客户已联系", now=cast.now + 41 * MINUTE)
    row = queries.flow("refund", cast.now + HOUR)
    assert (row.n_runs, row.n_done, row.n_skipped, row.n_late, row.done_share) == (1, 1, 1, 1, 50)
    figures = {f.key: f for f in queries.step_figures("refund", cast.now + HOUR)}
    assert (figures["check"].n_late, figures["call"].reasons) == (1, ["客户已联系"])


def test_the_editor_saves_versions_and_shows_faults_in_their_step(cast: Cast) -> None:
    client = cast.client(cast.admin)
    assert cast.client(cast.wang).get("/setup/flows/").status_code == 403
    values = {
        "key": "refund", "title": "退款流程",
        "step.0.place": "2", "step.0.title": "退款", "step.0.role": "lead", "step.0.amount": "1",
        "step.0.unit": "wd", "step.0.calendar": "work", "step.0.mandatory": "on",
        "step.1.place": "1", "step.1.title": "核对", "step.1.role": "assignee", "step.1.amount": "30",
        "step.1.unit": "min", "step.1.calendar": "24x7", "step.1.remind": "on", "step.1.checklist": "订单号\n\n金额",
    }  # fmt: skip
    assert client.post("/setup/flows/new", values).status_code == 302
    steps = queries.flow("refund", cast.now).steps
    assert [(s["title"], s["mandatory"], s["checklist"]) for s in steps] == [
        ("核对", False, ["订单号", "金额"]),
        ("退款", True, []),
    ]
    answer = client.post("/setup/flows/refund", {**values, "step.0.amount": "x"})
    assert (answer.status_code, queries.flow("refund", cast.now).version) == (422, 1)
    assert client.post("/setup/flows/refund", values).status_code == 302
    assert queries.flow("refund", cast.now).version == 2
    for path in ("/setup/flows/", "/setup/flows/refund", "/setup/flows/new"):
        assert client.get(path).status_code == 200
    assert client.post("/setup/flows/new", {**values, "key": "A b"}).status_code == 422


def test_the_page_of_a_ticket_shows_and_does_its_tasks(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    a_flow(cast, *STEPS, key="refund")
    client = cast.client(cast.lin)
    assert client.post(f"/tickets/{ticket.number}/do/flow", {"flow": "refund"}).status_code == 302
    check = FlowStep.objects.get(key="check")
    assert "核对订单" in client.get(f"/tickets/{ticket.number}/").content.decode()
    for n in (0, 1):
        assert client.post(f"/tasks/{check.pk}/tick/{n}", {"done": "1"}).status_code == 302
    assert client.post(f"/tasks/{check.pk}/done").status_code == 302
    call = FlowStep.objects.get(key="call")
    assert client.post(f"/tasks/{call.pk}/skip", {"reason": ""}).status_code == 422
    assert client.post(f"/tasks/{call.pk}/skip", {"reason": "不需要"}).status_code == 302
    answer = client.post(f"/tickets/{ticket.number}/do/resolve", {"note": "好"})
    assert (answer.status_code, "退款" in answer.content.decode()) == (409, True)


def test_the_api_does_the_same(cast: Cast) -> None:
    body = {"title": "退款流程", "steps": [*STEPS]}
    put = cast.api(cast.admin).put("/api/v1/task-flows/refund", json.dumps(body), content_type="application/json")
    assert (put.status_code, put.json()["version"]) == (200, 1)
    number = ticket_in(cast, "in_progress").number
    lin = cast.api(cast.lin)

    def post(path: str, **values: object) -> tuple[int, dict[str, Any]]:
        answer = lin.post(f"/api/v1{path}", json.dumps(values), content_type="application/json")
        return answer.status_code, answer.json()

    status, run = post(f"/tickets/{number}/task-flows", flow="refund")
    assert (status, len(run["tasks"])) == (201, 3)
    first, second = run["tasks"][0]["id"], run["tasks"][1]["id"]
    assert post(f"/tasks/{first}/done")[0] == 409
    assert post(f"/tasks/{first}/tick", item=0)[1]["tasks"][0]["checklist"] == [["订单号", True], ["金额", False]]
    assert post(f"/tasks/{second}/skip", reason="不需要")[1]["tasks"][1]["state"] == "skipped"
    assert len(lin.get(f"/api/v1/tickets/{number}/task-flows").json()["items"]) == 1
    assert cast.api(cast.zhao).get(f"/api/v1/tickets/{number}/task-flows").status_code == 404
    assert lin.get("/api/v1/task-flows").json()["items"][0]["n_skipped"] == 1
