"""A leader reassigns by drag: opens an agent's card, drags a ticket onto another's; in a real Chromium."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.acting import post, shot, sign_in
from tests.house import House

MORE_PEOPLE = """
from django.utils import timezone
from jiying.base.models import Person, Role, Team
from jiying.desk.models import AgentLoad
for username, name, role in (("zhao", "赵一凡", "agent"), ("he", "何立", "responder")):
    person = Person.objects.create_person(username, name=name, team=Team.objects.get(), presence="busy")
    person.roles.add(Role.objects.get(code=role))
    AgentLoad.objects.create(person=person, channel="web", capacity=5, idle_since=timezone.now())
"""


@pytest.fixture
def staffed(desk: House) -> House:
    """Lin has a ticket; Zhao could hold it, He may not handle tickets."""
    desk.run("manage", "shell", "-c", MORE_PEOPLE)
    token = desk.run("token", "--user", "boss").strip().splitlines()[-1]
    made = {"subject": "订单一直没有收到", "channel": "web", "priority": "P2", "customer": {"name": "张三"}}
    assert post(desk, token, "/tickets", made)["status"] == "assigned"
    return desk


def test_a_ticket_is_dragged_from_one_agent_to_another(browser: Browser, staffed: House) -> None:
    context, page = sign_in(browser, staffed, "wang")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{staffed.url}/supervise/")
    lin, zhao, he = (page.locator("article", has_text=name) for name in ("林晓", "赵一凡", "何立"))
    lin.get_by_role("button", name="林晓").focus()
    page.keyboard.press("Enter")
    row, dialog = lin.locator("[data-drag]"), page.locator("#d-verb")
    expect(row).to_contain_text("订单一直没有收到")

    row.drag_to(he)
    expect(dialog.get_by_role("alert")).to_contain_text("何立没有处理工单的权限")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    row.drag_to(zhao)
    expect(dialog.get_by_role("radio", name=re.compile("赵一凡"))).to_be_checked()
    shot(page, "drag-1-dialog")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(lin).to_contain_text("没有未结工单")
    zhao.get_by_role("button", name="赵一凡").click()
    expect(zhao.locator("[data-drag]")).to_contain_text("订单一直没有收到")
    assert page.url == f"{staffed.url}/supervise/"
    assert faults == []
    context.close()
