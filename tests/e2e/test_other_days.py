"""The days of the others in a real Chromium: a supervisor steers, an administrator hires and parts, a customer follows.

Each ends by asking the API (or the sign-in) whether what the screen said is so.
"""

import json
import re
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from tests.e2e.acting import post, shot, sign_in
from tests.house import House

SECOND_AGENT = """
from django.utils import timezone
from jiying.base.models import Person, Role, Team
from jiying.desk.models import AgentLoad
team = Team.objects.get(code="after")
zhao = Person.objects.create_person("zhao", "another long password", name="赵强", team=team, presence="busy")
zhao.roles.add(Role.objects.get(code="agent"))
AgentLoad.objects.create(person=zhao, channel="web", capacity=5, idle_since=timezone.now())
"""


def _token(house: House) -> str:
    return house.run("token", "--user", "boss").strip().splitlines()[-1]


def _got(house: House, token: str, path: str) -> Any:
    request = urllib.request.Request(  # noqa: S310 - our own house on loopback
        f"{house.url}/api/v1{path}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def _comes_to(house: House, cookies: str) -> str:
    """Where a browser with these cookies ends that asks for its desk."""
    request = urllib.request.Request(f"{house.url}/work/", headers={"Cookie": cookies})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own house on loopback
        return str(urlsplit(answer.url).path)


def _faults(page: Page) -> list[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))
    return found


def test_a_supervisor_steers_by_board_and_wall(browser: Browser, desk: House) -> None:
    desk.run("manage", "shell", "-c", SECOND_AGENT)
    token = _token(desk)
    made = post(desk, token, "/tickets", {"subject": "系统无法登录", "channel": "web", "priority": "P2"})
    number = made["number"]
    assert made["assignee"]["username"] == "lin"
    _context, page = sign_in(browser, desk, "wang")
    faults = _faults(page)
    page.goto(f"{desk.url}/wall/")
    expect(page.locator("#tile-open")).to_contain_text("1")
    expect(page.locator(".jy-wallurgent")).to_contain_text("系统无法登录")
    shot(page, "lead-1-wall")
    page.locator("#tile-open").click()
    expect(page.locator("main")).to_contain_text(number)
    page.get_by_role("link", name="系统无法登录").first.click()
    head = page.locator("#ticket-head")
    expect(head).to_contain_text(number)
    page.keyboard.press("t")
    dialog = page.locator("#d-verb")
    expect(dialog).to_be_visible()
    dialog.locator("label", has_text="赵强").click()
    dialog.locator("textarea, input[name=reason]").first.fill("林晓在处理更急的工单")
    shot(page, "lead-2-transfer")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ticket")).to_contain_text("赵强")
    page.goto(f"{desk.url}/tickets/{number}/do/priority")
    form = page.locator("#f-verb")
    form.locator("select[name=priority]").select_option("P1")
    form.locator("[name=reason]").fill("影响多名客户")
    form.get_by_role("button").last.click()
    expect(head).to_contain_text("P1")
    found = _got(desk, token, f"/tickets/{number}")
    assert (found["assignee"]["username"], found["priority"]) == ("zhao", "P1")
    assert faults == []


def test_an_administrator_hires_and_parts(browser: Browser, desk: House) -> None:
    _context, page = sign_in(browser, desk, "boss")
    faults = _faults(page)
    page.goto(f"{desk.url}/people/new")
    page.fill("[name=name]", "新同事")
    page.fill("[name=username]", "newcomer")
    page.locator("label.form-check", has_text="客服").first.click()
    page.get_by_role("button", name="保存").click()
    if page.locator("input[type=password]").count():  # sensitive changes ask for the password once more
        page.fill("input[type=password]", "a long password of tests")
        page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("新同事")
    password = page.locator("main code, main .jy-secret").first.inner_text().strip()
    shot(page, "admin-1-hired")
    other, seat = sign_in(browser, desk, "newcomer", password)
    expect(seat.locator("body")).to_contain_text("新同事")
    kept = "; ".join(f"{one.get('name')}={one.get('value')}" for one in other.cookies())
    assert _comes_to(desk, kept) == "/work/"
    other.close()  # not later: closing hung while the page was on its way to the sign-in, for its stream had ended
    page.goto(f"{desk.url}/people/")
    page.locator("main").get_by_role("link", name="新同事").first.click()
    expect(page.locator("main")).to_contain_text("newcomer")
    page.locator("main, .jy-actions").get_by_role("link", name="编辑").first.click()
    page.locator("input[name=is_active]").uncheck()
    page.get_by_role("button", name="保存").click()
    expect(page.locator("main")).to_contain_text("停用")
    assert _comes_to(desk, kept) == "/accounts/login/"
    page.goto(f"{desk.url}/audit/")
    expect(page.locator("main")).to_contain_text("新同事")
    shot(page, "admin-2-audit")
    assert faults == []


def test_a_customer_follows_answers_and_judges(browser: Browser, desk: House) -> None:
    token = _token(desk)
    made = post(desk, token, "/tickets", {"subject": "发票抬头开错了", "channel": "web",
                                          "customer": {"name": "张三", "phone": "13812345678"}})  # fmt: skip
    number = made["number"]
    link = _got(desk, token, f"/tickets/{number}/portal-link")["url"]
    customer = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844}).new_page()
    faults = _faults(customer)
    path = re.sub(r"^https?://[^/]+", desk.url, link)
    customer.goto(path)
    expect(customer.locator("#portal")).to_contain_text(number)
    customer.fill("#portal-body", "抬头应为上海某某公司")
    customer.get_by_role("button", name="发送").click()
    expect(customer.locator("#portal")).to_contain_text("上海某某公司")
    shot(customer, "customer-1-said")
    for verb, body in (("accept", {}), ("reply", {"body": "已重新开具，请查收。"}), ("resolve", {"note": "已重开"})):
        post(desk, _lins_token(desk), f"/tickets/{number}/{verb}", body)
    customer.goto(path)
    expect(customer.locator("#portal")).to_contain_text("已重新开具")
    customer.fill("#portal-note", "税号还是旧的")
    customer.get_by_role("button", name="未解决").click()
    assert _got(desk, token, f"/tickets/{number}")["status"] == "in_progress"
    post(desk, _lins_token(desk), f"/tickets/{number}/resolve", {"note": "税号已改"})
    customer.goto(path)
    customer.locator("form[action$='/solved'] button").click()
    expect(customer.locator(".alert-success")).to_contain_text("感谢您的确认")
    shot(customer, "customer-2-solved")
    assert _got(desk, token, f"/tickets/{number}")["status"] == "closed"
    assert faults == []


def _lins_token(house: House) -> str:
    return house.run("token", "--user", "lin").strip().splitlines()[-1]
