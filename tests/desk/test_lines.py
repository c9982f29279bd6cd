"""Support lines (D24a): up by button or by rule, taken in by its own clock, back with an answer; who may do what."""

import json

import pytest

from jiying.alerts.models import Alert
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.clocks.models import Clock
from jiying.desk.models import HandUp, Message, Ticket
from jiying.desk.services import handling, line_setup, lines, talking
from tests.cast import Cast
from tests.desk.stage import MINUTE, facts_of, sweep, ticket_in, up_team


def hand_up(cast: Cast, ticket: Ticket) -> HandUp:
    return lines.hand_up(
        actor=cast.actor(cast.lin), number=ticket.number, team=up_team(cast), reason="查不到原因", now=cast.now
    )


def take(cast: Cast, up: HandUp) -> HandUp:
    return lines.take_in(actor=cast.actor(cast.zhao), hand_up_id=up.pk, now=cast.now + 10 * MINUTE)


def clock_of(up: HandUp) -> Clock:
    return Clock.objects.get(subject_kind="handup", subject_id=up.pk)


def test_it_goes_up_with_a_clock_of_its_own_and_the_agent_stays_responsible(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    up = hand_up(cast, ticket)
    ticket.refresh_from_db()
    assert (ticket.assignee_id, ticket.line, ticket.helper_id) == (cast.lin.pk, 2, None)
    assert (clock_of(up).state, clock_of(up).due_at) == ("running", cast.now + 30 * MINUTE)
    assert Alert.objects.filter(person=cast.zhao, kind="ticket.handed_up").count() == 1


def test_taken_in_worked_on_and_handed_back(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    up = hand_up(cast, ticket)
    zhao = cast.actor(cast.zhao)
    with pytest.raises(Denied):  # seen, but not yet in hand
        talking.reply(actor=zhao, number=ticket.number, body="您好", now=cast.now)
    take(cast, up)
    assert (clock_of(up).state, clock_of(up).ended_at) == ("met", cast.now + 10 * MINUTE)
    talking.reply(actor=zhao, number=ticket.number, body="正在处理", now=cast.now + 11 * MINUTE)
    lines.hand_back(actor=zhao, hand_up_id=up.pk, answer="已更换配件", now=cast.now + 20 * MINUTE)
    ticket.refresh_from_db()
    assert (ticket.assignee_id, ticket.line, ticket.helper_id) == (cast.lin.pk, 1, None)
    assert Message.objects.filter(ticket=ticket, kind="note", body="已更换配件").count() == 1
    assert Alert.objects.filter(person=cast.lin, kind="ticket.handed_back").count() == 1
    assert facts_of(ticket)[-4:] == ["taken_in", "message", "message", "handed_back"]
    with pytest.raises(Denied):
        talking.reply(actor=zhao, number=ticket.number, body="还有一句", now=cast.now + 21 * MINUTE)


def test_not_taken_in_its_leaders_and_the_agent_are_told(cast: Cast) -> None:
    up = hand_up(cast, ticket_in(cast, "in_progress"))
    sweep(cast.now + 31 * MINUTE)
    assert clock_of(up).state == "breached"
    told = set(Alert.objects.filter(subject_kind="handup", kind="clock.due").values_list("person__username", flat=True))
    assert told == {"zhao", "lin"}  # team 2 has no leader


def test_the_first_line_can_take_it_back(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    up = hand_up(cast, ticket)
    with pytest.raises(Denied):
        lines.withdraw(actor=cast.actor(cast.zhao), hand_up_id=up.pk, now=cast.now)
    lines.withdraw(actor=cast.actor(cast.lin), hand_up_id=up.pk, now=cast.now + MINUTE)
    assert (clock_of(up).state, Ticket.objects.get(pk=ticket.pk).line) == ("cancelled", 1)
    with pytest.raises(NotFound):  # out of their sight again
        take(cast, up)


@pytest.mark.parametrize(("taken", "state"), [(False, "withdrawn"), (True, "answered")])
def test_nobody_waits_for_a_ticket_that_is_solved(cast: Cast, taken: bool, state: str) -> None:
    ticket = ticket_in(cast, "in_progress")
    up = hand_up(cast, ticket)
    if taken:
        take(cast, up)
    handling.resolve(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now + 15 * MINUTE)
    up.refresh_from_db()
    ticket.refresh_from_db()
    assert (up.state, ticket.line, ticket.helper_id) == (state, 1, None)
    assert clock_of(up).ended_at is not None


def test_what_cannot_go_up(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    lin = cast.actor(cast.lin)
    with pytest.raises(Invalid):
        lines.hand_up(actor=lin, number=ticket.number, team="team1", reason="？", now=cast.now)
    with pytest.raises(Invalid):
        lines.hand_up(actor=lin, number=ticket.number, team=up_team(cast), reason=" ", now=cast.now)
    up = hand_up(cast, ticket)
    with pytest.raises(Conflict):
        hand_up(cast, ticket)
    take(cast, up)
    with pytest.raises(Conflict):
        take(cast, up)
    with pytest.raises(NotFound):
        lines.hand_up(actor=cast.actor(cast.zhao), number=ticket_in(cast, "accepted").number, team="team2",
                      reason="？", now=cast.now)  # fmt: skip


def _rules(cast: Cast, **rule: object) -> None:
    up_team(cast)
    body = {"rules": [{"team": "team2", **rule}]}
    line_setup.save_rules(actor=cast.actor(cast.ops), body=body, now=cast.now)
    from jiying.base import documents

    documents.forget()


def test_by_rule_after_an_escalation(cast: Cast) -> None:
    _rules(cast, event="escalated", level=2)
    ticket = ticket_in(cast, "in_progress")
    for level, n in ((1, 0), (2, 1), (3, 1)):
        handling.escalate(
            actor=cast.actor(cast.lin), number=ticket.number, level=level, reason="投诉升级", now=cast.now
        )
        assert HandUp.objects.filter(ticket=ticket).count() == n
    assert HandUp.objects.get(ticket=ticket).rule == "escalated"


def test_by_rule_at_opening_and_when_late(cast: Cast) -> None:
    _rules(cast, event="opened", type="fault")
    fault, inquiry = cast.ticket(type="fault"), cast.ticket()
    sweep(cast.now + MINUTE)
    assert [HandUp.objects.filter(ticket=t).count() for t in (fault, inquiry)] == [1, 0]
    _rules(cast, event="late")
    late = ticket_in(cast, "accepted", priority="P1")
    sweep(cast.now + 16 * MINUTE)  # the first response is overdue
    assert HandUp.objects.get(ticket=late).rule == "late"


def test_who_may_set_lines_and_rules(cast: Cast) -> None:
    for person in cast.everybody():
        allowed = person in (cast.ops, cast.admin)
        assert cast.client(person).get("/setup/lines/").status_code == (200 if allowed else 403)
    with pytest.raises(Denied):
        line_setup.set_line(actor=cast.actor(cast.sup), team="team2", line=2, now=cast.now)
    with pytest.raises(Invalid):  # team 2 is on the first line still
        line_setup.save_rules(actor=SYSTEM, body={"rules": [{"event": "late", "team": "team2"}]}, now=cast.now)
    client = cast.client(cast.admin)
    assert client.post("/setup/lines/team", {"team": "team2", "line": "2"}).status_code == 302
    rule = {"rule.0.event": "escalated", "rule.0.team": "team2", "rule.0.level": "1"}
    assert client.post("/setup/lines/", rule).status_code == 302
    assert "team2" in client.get("/setup/lines/").content.decode()
    assert client.post("/setup/lines/", {"rule.0.event": "late", "rule.0.team": "team1"}).status_code == 422
    assert client.post("/setup/lines/team", {"team": "team2", "line": "9"}).status_code == 422


def test_the_pages_show_and_do_it(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    lin, zhao = cast.client(cast.lin), cast.client(cast.zhao)
    up_team(cast)
    answer = lin.post(f"/tickets/{ticket.number}/do/up", {"team": "team2", "reason": "查不到原因"})
    assert answer.status_code == 302
    assert ticket.number in lin.get("/lines/").content.decode()
    assert ticket.number in zhao.get("/lines/").content.decode()
    up = HandUp.objects.get()
    assert zhao.post(f"/lines/{up.pk}/take").status_code == 302
    assert "赵一凡" in lin.get(f"/tickets/{ticket.number}/").content.decode()
    assert zhao.post(f"/lines/{up.pk}/back", {"answer": ""}).status_code == 422
    assert zhao.post(f"/lines/{up.pk}/back", {"answer": "换件"}).status_code == 302
    assert cast.client(cast.chen).get("/lines/").status_code == 403


def test_the_api_does_the_same(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    up_team(cast)

    def post(person: str, path: str, **body: object) -> tuple[int, dict[str, object]]:
        client = cast.api(getattr(cast, person))
        answer = client.post(f"/api/v1{path}", json.dumps(body), content_type="application/json")
        return answer.status_code, answer.json()

    status, row = post("lin", f"/tickets/{ticket.number}/hand-up", team="team2", reason="查不到")
    assert (status, row["state"], row["line"]) == (201, "asked", 2)
    assert [u["id"] for u in cast.api(cast.zhao).get("/api/v1/hand-ups").json()["items"]] == [row["id"]]
    assert post("lin", f"/hand-ups/{row['id']}/take-in")[0] == 403
    assert post("zhao", f"/hand-ups/{row['id']}/take-in")[1]["state"] == "taken"
    assert cast.api(cast.lin).get(f"/api/v1/tickets/{ticket.number}").json()["helper"]["username"] == "zhao"
    assert post("zhao", f"/hand-ups/{row['id']}/hand-back", answer="换件")[1]["state"] == "answered"
    body = {"rules": [{"event": "late", "team": "team2"}]}
    answer = cast.api(cast.admin).put("/api/v1/support-lines/rules", json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
