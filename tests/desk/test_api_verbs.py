"""All verbs of a ticket by API, as one would tell the day of a ticket; and people, tokens, standards, causes."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from jiying.base.models import ApiToken, JournalEntry, VersionedDocument
from jiying.clocks.models import Clock
from tests.cast import Cast
from tests.desk.test_api_tickets import post


def states(ticket: dict[str, Any]) -> dict[str, str]:
    return {clock["metric"]: clock["state"] for clock in ticket["clocks"]}


def test_the_day_of_a_ticket(cast: Cast) -> None:
    lin = cast.api(cast.lin)
    made = post(lin, "/tickets", {"subject": "物流延误", "channel": "web", "priority": "P3"}).json()
    path = f"/tickets/{made['number']}"

    def do(verb: str, body: Any = None, status: int = 200, by: Any = lin) -> dict[str, Any]:
        response = post(by, f"{path}/{verb}", body)
        assert response.status_code == status, response.content
        found: dict[str, Any] = response.json()
        return found

    accepted = do("accept")
    assert (accepted["status"], states(accepted)["accept"]) == ("accepted", "met")
    assert states(accepted)["first_response"] == "running"
    replied = do("reply", {"body": "您好，正在查询。", "hold_for": "customer"})
    assert (replied["status"], replied["waiting_for"]) == ("waiting", "customer")
    assert states(replied)["first_response"] == "met"
    woken = do("customer-message", {"body": "什么时候到？"})
    assert (woken["status"], states(woken)["next_response"]) == ("in_progress", "running")
    assert do("note", {"body": "已联系仓库"})["revision"] == woken["revision"] + 1
    called = do("call", {"direction": "out", "duration_s": 95, "note": "电话告知"})
    assert states(called)["next_response"] == "met"
    asked = do("collaborate", {"department": "logistics", "question": "包裹在哪里？", "hold_ticket": True}, 201)
    assert (asked["state"], [c["metric"] for c in asked["clocks"]]) == ("asked", ["collaboration"])
    detail = lin.get(f"/api/v1{path}").json()
    assert detail["waiting_for"] == "department" and detail["collaborations"] == [asked]
    he = cast.api(cast.he)
    answered = post(he, f"/collaborations/{asked['id']}/answer", {"answer": "明天到"})
    assert (answered.status_code, answered.json()["clocks"][0]["state"]) == (200, "met")
    assert post(he, f"/collaborations/{asked['id']}/answer", {"answer": "又"}).status_code == 409
    assert lin.get(f"/api/v1{path}").json()["status"] == "in_progress"
    second = do("collaborate", {"department": "logistics", "question": "?"}, 201)
    assert post(lin, f"/collaborations/{second['id']}/withdraw").json()["state"] == "withdrawn"
    do("hold", {"reason": "third_party", "note": "快递公司"})
    assert do("resume")["status"] == "in_progress"
    assert do("escalate", {"level": 2, "reason": "客户要求"})["escalation"] == 2
    assert do("reclassify", {"tags": ["物流"]})["tags"] == ["物流"]
    do("priority", {"priority": "P2", "reason": "升级"}, 403)
    wang = cast.api(cast.wang)
    urgent = do("priority", {"priority": "P2", "reason": "客户升级"}, by=wang)
    assert (urgent["priority"], urgent["priority_source"]) == ("P2", "manual")
    solved = do("resolve", {"note": "已送达", "revision": urgent["revision"]})
    assert (solved["status"], states(solved)["resolution"]) == ("resolved", "paused")
    assert do("reject", {"note": "还没收到"})["status"] == "in_progress"
    do("resolve")
    confirmed = do("confirm")
    assert (confirmed["status"], states(confirmed)["resolution"]) == ("closed", "met")
    again = do("reopen", {"reason": "又坏了"})
    assert [c["seq"] for c in again["clocks"] if c["metric"] == "resolution"] == [1, 2]
    do("resolve")
    assert do("close", {"note": "完成"})["status"] == "closed"


def test_out_of_sight_is_still_answered(cast: Cast) -> None:
    ticket = cast.accepted()
    path = f"/tickets/{ticket.number}"
    lin = cast.api(cast.lin)
    moved = post(lin, f"{path}/transfer", {"to_person": cast.zhao.pk, "reason": "二组的事"})
    assert (moved.status_code, moved.json()["assignee"]["username"]) == (200, "zhao")
    assert lin.get(f"/api/v1{path}").status_code == 404
    back = post(cast.api(cast.zhao), f"{path}/transfer", {"to_team": cast.team1.pk})
    assert (back.json()["status"], back.json()["assignee"], back.json()["team"]["code"]) == ("new", None, "team1")


def test_cancel_and_merge(cast: Cast) -> None:
    first, second, third = (cast.accepted(subject=f"{n}") for n in range(3))
    lin = cast.api(cast.lin)
    merged = post(lin, f"/tickets/{first.number}/merge", {"into": second.number}).json()
    assert (merged["status"], merged["merged_into"]) == ("merged", second.number)
    assert not set(states(merged).values()) & {"running", "pending", "paused"}
    assert post(lin, f"/tickets/{third.number}/cancel", {"reason": "误报"}).json()["status"] == "cancelled"


def test_presence_is_ones_own(cast: Cast) -> None:
    zhao = cast.api(cast.zhao)
    own = post(zhao, f"/people/{cast.zhao.pk}/presence", {"presence": "break", "reason": "午餐"})
    assert (own.status_code, own.json()["presence"], own.json()["presence_reason"]) == (200, "break", "午餐")
    assert post(zhao, f"/people/{cast.lin.pk}/presence", {"presence": "offline"}).status_code == 403


def test_people_come_in_pages(cast: Cast) -> None:
    api, seen, cursor = cast.api(cast.wang), [], ""
    while True:
        page = api.get(f"/api/v1/people?limit=4{cursor}").json()
        seen += [person["username"] for person in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(person.username for person in cast.everybody())
    cut = api.get("/api/v1/people?team=team1&q=林").json()["items"]
    assert [(p["username"], p["roles"], p["team"]) for p in cut] == [("lin", ["agent"], "team1")]
    assert [p["username"] for p in api.get("/api/v1/people?presence=online").json()["items"]] == ["lin"]


def test_tokens_are_shown_once_and_never_grow(cast: Cast) -> None:
    lin = cast.api(cast.lin)
    made = post(lin, "/tokens", {"name": "crm", "scopes": ["desk.create"]})
    assert made.status_code == 201
    secret = made.json()["token"]
    listed = {row["id"]: row for row in lin.get("/api/v1/tokens").json()["items"]}
    assert listed[made.json()["id"]]["token"] is None and secret not in str(listed)
    assert ApiToken.objects.get(pk=made.json()["id"]).digest != secret
    from django.test import Client

    crm = Client(headers={"authorization": f"Bearer {secret}"})
    assert post(crm, "/tickets", {"subject": "来自 CRM", "channel": "other"}).status_code == 201
    assert crm.get("/api/v1/tickets").json()["items"] == []
    assert post(crm, "/tokens", {"name": "more", "scopes": ["desk.handle"]}).status_code == 422
    child = post(crm, "/tokens", {"name": "same"}).json()
    assert child["scopes"] == ["desk.create"]
    assert post(lin, "/tokens", {"name": "x", "scopes": ["no.such"]}).status_code == 422
    # Another person's token is not there; an own one ends at once.
    assert cast.api(cast.wang).delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 404
    assert lin.delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 204
    assert crm.get("/api/v1/me").status_code == 401
    assert JournalEntry.objects.filter(kind="token.revoked").count() == 1


def test_a_standard_needs_two_people(cast: Cast) -> None:
    body = VersionedDocument.objects.get(kind="standard", number=1).body
    body["confirmation_s"] = 3600
    sup, ops, lin = cast.api(cast.sup), cast.api(cast.ops), cast.api(cast.lin)
    draft = post(sup, "/standards", {"body": body, "title": "更快"}).json()
    assert (draft["number"], draft["state"]) == (2, "draft")
    stale = sup.put("/api/v1/standards/2", {"body": body, "revision": 7}, content_type="application/json")
    assert stale.status_code == 409
    edited = sup.put("/api/v1/standards/2", {"body": body, "revision": 0}, content_type="application/json")
    assert edited.json()["revision"] == 1
    changes = lin.get("/api/v1/standards/2/difference").json()
    assert (changes["before"], [c["part"] for c in changes["changes"]]) == (1, ["confirmation"])
    when = timezone.now().isoformat()
    assert post(sup, "/standards/2/propose", {"effective_from": when, "note": "请批准"}).json()["state"] == "proposed"
    assert post(sup, "/standards/2/reject", {"note": "再看看"}).json()["state"] == "draft"
    post(sup, "/standards/2/propose", {"effective_from": when})
    assert post(lin, "/standards/2/approve", {"capacity": "supervisor"}).status_code == 403
    assert post(sup, "/standards/2/approve", {"capacity": "supervisor"}).json()["state"] == "proposed"
    done = post(ops, "/standards/2/approve", {"capacity": "operations"}).json()
    assert (done["state"], [a["capacity"] for a in done["approvals"]]) == ("approved", ["supervisor", "operations"])
    versions = lin.get("/api/v1/standards").json()["items"]
    assert [v["number"] for v in versions] == [2, 1] and versions[0]["body"] is None
    assert post(sup, "/standards/9/propose", {"effective_from": when}).status_code == 404


def test_why_a_clock_was_late(cast: Cast) -> None:
    ticket = cast.accepted()
    clock = Clock.objects.filter(subject_kind="ticket", subject_id=ticket.pk).order_by("pk")[0]
    lin, wang = cast.api(cast.lin), cast.api(cast.wang)
    cause = {"code": "clumsy_system", "note": "系统卡顿"}
    assert post(lin, f"/clocks/{clock.pk}/cause", cause).status_code == 409  # it is not late
    Clock.objects.filter(pk=clock.pk).update(breached_at=cast.now)
    assert post(lin, f"/clocks/{clock.pk}/cause", {"code": "bad luck"}).status_code == 422
    assert post(cast.api(cast.zhao), f"/clocks/{clock.pk}/cause", cause).status_code == 404
    assert post(lin, f"/clocks/{clock.pk}/cause", cause).json()["state"] == "named"
    assert post(lin, f"/clocks/{clock.pk}/cause/approve", cause).status_code == 403
    judged = post(wang, f"/clocks/{clock.pk}/cause/approve", {"code": "lack_of_resources"}).json()
    assert (judged["state"], judged["code"], judged["note"]) == ("corrected", "lack_of_resources", "系统卡顿")
    shown = lin.get(f"/api/v1/tickets/{ticket.number}").json()["clocks"]
    assert [c["cause"]["state"] for c in shown if c["cause"]] == ["corrected"]


def test_a_message_of_the_past_needs_the_import_right(cast: Cast) -> None:
    number = cast.accepted().number
    body = {"body": "早就写了", "at": (timezone.now() - timedelta(hours=2)).isoformat()}
    refused = post(cast.api(cast.lin), f"/tickets/{number}/customer-message", body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "past_needs_right")
    assert post(cast.api(cast.admin), f"/tickets/{number}/customer-message", body).status_code == 200
