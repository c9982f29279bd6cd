"""An agent's day by keyboard alone, and two who see each other at one ticket; in a real Chromium, against `jiying up`.

Accept, reply with a canned text and a pasted picture that wait over a reload, mention, hold, resume, solve, go on.
"""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.acting import post, shot, sign_in
from tests.house import House

PASTE = """async () => {
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").fillRect(5, 5, 80, 40);
  const blob = await new Promise((done) => canvas.toBlob(done));
  const data = new DataTransfer();
  data.items.add(new File([blob], "image.png", { type: "image/png" }));
  const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(paste);
}"""


def _keys(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.fixture
def stocked(desk: House) -> House:
    """A house with two tickets for Lin and a canned text for everybody."""
    token = desk.run("token", "--user", "boss").strip().splitlines()[-1]
    text = {"title": "问候", "shortcut": "hi", "body": "您好{客户}，工单 **{工单号}** 已受理。", "reach": "all"}
    post(desk, token, "/canned-texts", text)
    for name, priority in (("张三", "P2"), ("李四", "P3")):
        post(desk, token, "/tickets", {"subject": f"{name}的订单没有收到", "channel": "web", "priority": priority,
                                       "customer": {"name": name}})  # fmt: skip
    return desk


def _reply_with_text_and_picture(page: Page, number: str) -> None:
    talk, body = page.locator("#ticket-talk"), page.locator("#say-body")
    _keys(page, "r")
    page.keyboard.type("/hi")
    expect(page.locator("#choices [role=option]")).to_contain_text("问候")
    page.keyboard.press("Enter")
    expect(body).to_have_value(re.compile(f"您好张三，工单 \\*\\*{number}\\*\\* 已受理"))
    page.evaluate(PASTE)
    expect(page.locator("#say-reply [data-chips] img")).to_be_visible()
    expect(page.locator("#say-reply [data-kept]")).to_be_visible()
    page.reload()
    expect(body).to_have_value(re.compile("已受理"))
    expect(page.locator("#say-reply [data-chips] img")).to_be_visible()
    shot(page, "day-1-draft")
    _keys(page, "r", "Control+Enter")
    expect(talk.locator("strong", has_text=number)).to_be_visible()
    expect(talk.locator(".jy-thumb img")).to_be_visible()


def _mention(page: Page) -> None:
    talk = page.locator("#ticket-talk")
    _keys(page, "n")
    page.keyboard.type("请看 @王")
    expect(page.locator("#choices [role=option]").first).to_contain_text("王芳")
    page.keyboard.press("Enter")
    page.keyboard.type("核对一下")
    page.keyboard.press("Control+Enter")
    expect(talk).to_contain_text("请看 @王芳 核对一下")
    expect(page.locator("#ticket-facts")).to_contain_text("提到了：王芳")


def _hold_resume_solve(page: Page) -> None:
    head = page.locator("#ticket-head")
    _keys(page, "h")
    expect(page.locator("#d-verb")).to_be_visible()
    _keys(page, "Tab", "Control+Enter")
    expect(head).to_contain_text("等待")
    _keys(page, "h")
    expect(head).to_contain_text("处理中")
    _keys(page, "s")
    expect(page.locator("#d-verb")).to_be_visible()
    page.locator("#d-verb textarea").first.focus()
    page.keyboard.type("已补发")
    page.keyboard.press("Control+Enter")
    expect(head).to_contain_text("已解决")
    shot(page, "day-2-solved")


def test_a_day_by_keyboard(browser: Browser, stocked: House) -> None:
    _context, page = sign_in(browser, stocked, "lin")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    head = page.locator("#ticket-head")
    expect(page.locator(".jy-item")).to_have_count(2)
    _keys(page, "j", "Enter")
    expect(page).to_have_url(re.compile(r"/work/\?ticket=GD"))
    expect(head).to_contain_text("张三的订单")
    number = str(page.locator("#ticket").get_attribute("data-number"))
    expect(page).to_have_title(re.compile(number))
    _keys(page, "a")
    expect(head).to_contain_text("已接单")
    _reply_with_text_and_picture(page, number)
    expect(head).to_contain_text("处理中")
    _mention(page)
    _hold_resume_solve(page)
    _keys(page, "?")
    expect(page.locator("#jy-keys")).to_contain_text("显示快捷键")
    page.keyboard.press("Escape")
    page.keyboard.press("[" if page.locator("[data-step='1']").is_disabled() else "]")
    expect(head).to_contain_text("李四的订单")
    page.go_back()
    expect(head).to_contain_text("张三的订单")
    page.keyboard.press("Escape")
    expect(page.locator("#ticket")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/work/$"))
    assert faults == []


def test_two_at_one_ticket_see_each_other_and_a_mention_pops_up(browser: Browser, stocked: House) -> None:
    _one, lin = sign_in(browser, stocked, "lin")
    _keys(lin, "j", "Enter")
    number = str(lin.locator("#ticket").get_attribute("data-number"))
    _two, wang = sign_in(browser, stocked, "wang")
    lin.wait_for_timeout(1500)  # both streams are up
    wang.goto(f"{stocked.url}/tickets/{number}/")
    expect(wang.locator("#ticket-others")).to_contain_text("林晓 正在查看")
    expect(lin.locator("#ticket-others")).to_contain_text("王芳 正在查看")
    _keys(wang, "n")
    wang.keyboard.type("我来")
    expect(lin.locator("#ticket-others")).to_contain_text("王芳 正在回复")
    shot(lin, "day-3-collision")
    wang.goto(f"{stocked.url}/tickets/")
    expect(lin.locator("#ticket-others")).to_be_empty()
    _keys(lin, "n")
    lin.keyboard.type("@王芳 请看")
    lin.keyboard.press("Control+Enter")
    expect(wang.get_by_role("status").get_by_role("article").filter(has_text="提到了您")).to_be_visible(timeout=20_000)


def test_what_comes_meanwhile_waits_above_the_list_and_moves_nothing(browser: Browser, stocked: House) -> None:
    """With a ticket open the notice of new ones stands in the list's own lane: ticket and list stay where they are."""
    _context, page = sign_in(browser, stocked, "lin")
    page.goto(f"{stocked.url}/work/")
    page.locator("#work-lists a[data-open]").first.click()
    expect(page.locator("#ticket-head")).to_be_visible()
    lists, beside = page.locator("#work-lists"), page.locator("#beside")
    before = beside.bounding_box()
    token = stocked.run("token", "--user", "boss").strip().splitlines()[-1]
    post(stocked, token, "/tickets", {"subject": "又来一张", "channel": "web", "priority": "P2"})
    notice = page.locator(".jy-newrows")
    expect(notice).to_be_visible()
    assert beside.bounding_box() == before
    above, below = notice.bounding_box(), lists.bounding_box()
    assert above is not None
    assert below is not None
    assert above["x"] == below["x"]
    assert above["y"] + above["height"] <= below["y"]
    notice.click()
    expect(lists).to_contain_text("又来一张")
    expect(notice).to_have_count(0)
