"""The two journeys of the heart in a real Chromium, against a real `jiying up` (issue: Done when).

Created by API, routed, pop-up, accepted, answered, on hold, resumed, solved, confirmed; and: not accepted in time,
so the supervisor is told. Pictures of the way lie in tests/e2e/shots.
"""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.acting import post, shot, sign_in
from tests.house import House


@pytest.mark.smoke
def test_from_request_to_kept_promise(browser: Browser, desk: House) -> None:
    token = desk.run("token", "--user", "boss").strip().splitlines()[-1]
    _context, page = sign_in(browser, desk, "lin")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.wait_for_timeout(1500)  # the stream connects
    made = post(desk, token, "/tickets", {
        "subject": "订单一直没有收到", "channel": "web", "description": "上周五下的单，物流没有更新",
        "customer": {"name": "张三", "phone": "13812345678"}, "priority": "P1",
    })  # fmt: skip
    number = made["number"]
    assert made["status"] == "assigned"
    expect(page.get_by_role("status").get_by_role("article").filter(has_text=number).first).to_be_visible(
        timeout=20_000
    )
    shot(page, "1-popup")
    page.goto(f"{desk.url}/tickets/{number}/")
    page.locator("#ticket-head").get_by_role("button", name=re.compile("确认接单")).click()
    expect(page.locator("#ticket-head")).to_contain_text("已接单", timeout=20_000)
    page.fill("#say-body", "您好，我马上为您查询物流。")
    page.get_by_role("button", name="发送", exact=True).click()
    expect(page.locator("#ticket-talk")).to_contain_text("马上为您查询")
    expect(page.locator("#ticket-head")).to_contain_text("处理中")
    shot(page, "2-answered")
    page.fill("#say-body", "请您提供一下收货地址。")
    page.get_by_role("button", name=re.compile("等待客户")).click()
    expect(page.locator("#ticket-head")).to_contain_text("等待")
    shot(page, "3-waiting")
    page.locator("#ticket-head").get_by_role("button", name=re.compile("恢复")).first.click()
    expect(page.locator("#ticket-head")).to_contain_text("处理中")
    page.locator("#ticket-head").get_by_role("link", name=re.compile("解决|办结")).first.click()
    page.locator("#f-verb").get_by_role("button").last.click()
    expect(page.locator("#ticket-head")).to_contain_text("已解决")
    page.locator("#ticket-head").get_by_role("button", name=re.compile("客户.*确认")).first.click()
    expect(page.locator("#ticket-head")).to_contain_text("已关闭")
    shot(page, "4-closed")
    got = json.loads(
        urllib.request.urlopen(  # noqa: S310
            urllib.request.Request(  # noqa: S310
                f"{desk.url}/api/v1/tickets/{number}", headers={"Authorization": f"Bearer {token}"}
            ),
            timeout=20,
        ).read()
    )
    states = {clock["metric"]: clock["state"] for clock in got["clocks"]}
    assert got["status"] == "closed"
    assert {states[m] for m in ("accept", "first_response", "resolution", "resolution_total")} == {"met"}
    assert faults == []
    desk.run("check")  # raises with what it found where the stored data is not what the journal says


@pytest.mark.smoke
def test_not_accepted_in_time_the_supervisor_is_told(browser: Browser, desk: House) -> None:
    token = desk.run("token", "--user", "boss").strip().splitlines()[-1]
    _context, page = sign_in(browser, desk, "wang")
    page.wait_for_timeout(1500)
    made = post(desk, token, "/tickets", {"subject": "系统无法登录", "channel": "web"})
    # Ten minutes pass at once: the accept clock's due instant is moved to two seconds from now, as time would.
    desk.run("manage", "shell", "-c", f"""
import time
from jiying.clocks.models import Clock
from jiying.clocks.queries import instant_of
from jiying.desk.models import Ticket
at = int(time.time()) + 2
ticket = Ticket.objects.get(number="{made['number']}")
Clock.objects.filter(subject_kind="ticket", subject_id=ticket.pk, metric="accept").update(
    due_at=instant_of(at), wake_at=instant_of(at), points=[["due", at]])
""")  # fmt: skip
    expect(page.get_by_role("status").get_by_role("article").filter(has_text=made["number"]).first).to_be_visible(
        timeout=20_000
    )
    shot(page, "5-supervisor-popup")
    page.goto(f"{desk.url}/supervise/")
    expect(page.locator("main")).to_contain_text(made["number"])
    shot(page, "6-supervise")
