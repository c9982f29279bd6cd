"""No key is lost: pressed while an answer is put into the page, while somebody else writes there, or in haste."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.acting import post, sign_in
from tests.house import House

# Presses a key at the first moment at which the browser could hand one over after a ticket was put into the page.
PRESS_AMID = """key => {
  const line = new MessageChannel();
  line.port1.onmessage = () => {
    if (window.pressed) return;
    window.pressed = true;
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  };
  document.addEventListener("htmx:before:settle", (event) => {
    if (event.target.matches("#ticket, #beside")) line.port2.postMessage("");
  });
}"""


@pytest.fixture
def ticket(desk: House) -> tuple[House, str, str]:
    """(house, an administrator's token, number of the first of two tickets, which Lin has)."""
    token = desk.run("token", "--user", "boss").strip().splitlines()[-1]
    numbers = []
    for name, subject in (("张三", "订单没有收到"), ("李四", "发票开错了")):
        body = {"subject": subject, "channel": "web", "priority": "P3", "customer": {"name": name}}
        numbers.append(str(post(desk, token, "/tickets", body)["number"]))
    return desk, token, numbers[0]


def _at(browser: Browser, house: House, number: str) -> Page:
    _context, page = sign_in(browser, house, "lin")
    page.goto(f"{house.url}/work/?ticket={number}")
    expect(page.locator("#ticket-head")).to_contain_text("订单没有收到")
    page.wait_for_selector("html[data-ready]", state="attached")
    return page


def test_a_key_amid_a_swap_does_what_it_says(browser: Browser, ticket: tuple[House, str, str]) -> None:
    """What the key did to the ticket just opened, the rest of the swap must not put back to how the server sent it."""
    house, _token, number = ticket
    page = _at(browser, house, number)
    page.evaluate(PRESS_AMID, "n")
    page.keyboard.press("]")
    expect(page.locator("#ticket-head")).to_contain_text("发票开错了")
    page.wait_for_function("window.pressed")
    expect(page.locator("#say-note")).to_be_visible()
    expect(page.locator("#say-note textarea")).to_be_focused()


def test_a_verb_key_amid_a_swap_opens_its_dialog(browser: Browser, ticket: tuple[House, str, str]) -> None:
    house, _token, number = ticket
    page = _at(browser, house, number)
    page.evaluate(PRESS_AMID, "s")
    page.keyboard.press("a")
    expect(page.locator("#d-verb")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/work/\?ticket="))


def _held(page: Page, path: str) -> list[Route]:
    """The requests for `path` from now on, none of them answered."""
    held: list[Route] = []
    page.route(path, lambda route: held.append(route))
    return held


def _first(page: Page, held: list[Route]) -> Route:
    for _ in range(100):
        if held:
            return held.pop()
        page.wait_for_timeout(50)
    raise AssertionError("nothing was asked for")


def _accepted(page: Page) -> None:
    page.keyboard.press("a")
    expect(page.locator("#ticket-head")).to_contain_text("已接单")


def test_an_answer_that_comes_late_closes_no_dialog(browser: Browser, ticket: tuple[House, str, str]) -> None:
    """A note on its way, and before its answer the next verb's dialog: that opens, and what is written in it stays."""
    house, _token, number = ticket
    page = _at(browser, house, number)
    _accepted(page)
    held = _held(page, "**/do/note")
    page.keyboard.press("n")
    page.keyboard.type("记一笔")
    page.keyboard.press("Control+Enter")
    route = _first(page, held)
    answer = route.fetch()
    page.locator("#ticket-subject").click()
    page.keyboard.press("s")
    expect(page.locator("#d-verb")).to_be_visible()
    page.locator("#d-verb textarea").first.fill("已补发")
    route.fulfill(response=answer)
    expect(page.locator("#ticket-talk")).to_contain_text("记一笔")
    expect(page.locator("#d-verb textarea").first).to_have_value("已补发")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ticket-head")).to_contain_text("已解决")
    expect(page.locator("#d-verb")).to_be_hidden()


def test_who_could_not_send_is_back_in_the_field(browser: Browser, ticket: tuple[House, str, str]) -> None:
    """While a note is on its way the keys are the page's; one that did not go stands there to be sent again."""
    house, _token, number = ticket
    page = _at(browser, house, number)
    _accepted(page)
    held = _held(page, "**/do/note")
    page.keyboard.press("n")
    page.keyboard.type("记一笔")
    page.keyboard.press("Control+Enter")
    route = _first(page, held)
    page.keyboard.press("?")
    expect(page.locator("#jy-keys")).to_be_visible()
    page.keyboard.press("Escape")
    route.abort()
    field = page.locator("#say-note textarea")
    expect(field).to_be_focused()
    expect(field).to_have_value("记一笔")
    page.unroute("**/do/note")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ticket-talk")).to_contain_text("记一笔")


@pytest.mark.parametrize("keys", ["by mouse", "by keys"])
def test_the_next_reply_written_before_the_answer_stands(
    browser: Browser, ticket: tuple[House, str, str], keys: str
) -> None:
    """The stream shows the reply before its own answer comes: who writes the next one by then loses none of it."""
    house, _token, number = ticket
    page = _at(browser, house, number)
    _accepted(page)
    held = _held(page, "**/do/reply")
    page.locator("#say-body").click()
    page.keyboard.type("我马上查询。")
    page.keyboard.press("Control+Enter")
    route = _first(page, held)
    answer = route.fetch()
    expect(page.locator("#ticket-talk")).to_contain_text("我马上查询")
    if keys == "by mouse":
        page.locator("#say-body").fill("请提供一下地址。")
    else:
        page.locator("#say-body").click()  # what was sent stands there still; one writes behind it
        page.keyboard.type("请提供一下地址。")
    page.wait_for_timeout(1500)  # longer than a draft waits for the server
    route.fulfill(response=answer)
    expect(page.locator("#say-body")).to_have_value("请提供一下地址。")
    if keys == "by keys":
        page.keyboard.type("谢谢！")
        expect(page.locator("#say-body")).to_have_value("请提供一下地址。谢谢！")
    page.get_by_role("button", name=re.compile("等待客户")).click()
    _first(page, held).continue_()
    expect(page.locator("#ticket-head")).to_contain_text("等待")
    expect(page.locator("#ticket-talk .jy-said", has_text="我马上查询")).to_have_count(1)
    expect(page.locator("#ticket-talk")).to_contain_text("请提供一下地址")
    page.reload()
    expect(page.locator("#say-body")).to_have_value("")


def test_a_dialog_asked_for_before_an_answer_opens_after_it(browser: Browser, ticket: tuple[House, str, str]) -> None:
    """The answer to the last dialog brings the dialog anew while the form of the next is on its way."""
    house, _token, number = ticket
    page = _at(browser, house, number)
    _accepted(page)
    page.keyboard.press("h")
    expect(page.locator("#d-verb")).to_be_visible()
    held = _held(page, "**/do/resolve")
    page.evaluate("document.querySelector('main [data-key=s]').click()")
    route = _first(page, held)
    page.evaluate("document.getElementById('f-verb').requestSubmit()")
    expect(page.locator("#ticket-head")).to_contain_text("等待")
    route.continue_()
    expect(page.locator("#d-verb h2")).to_contain_text("解决")
    expect(page.locator("#d-verb")).to_be_visible()


def test_a_refresh_between_key_and_answer_swallows_nothing(browser: Browser, ticket: tuple[House, str, str]) -> None:
    """Somebody writes a note while the dialog is fetched and while its form is on its way: all of it stands.

    The form was made before the note: it says so, and goes through when sent again.
    """
    house, token, number = ticket
    page = _at(browser, house, number)
    _accepted(page)
    held = _held(page, "**/do/hold")
    page.keyboard.press("h")
    _while_another_writes(page, _first(page, held), house, token, number, "别人一")
    expect(page.locator("#d-verb")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.type("等回电")
    page.keyboard.press("Control+Enter")
    _first(page, held).continue_()
    expect(page.locator("#d-verb [role=alert]")).to_contain_text("请先看看")
    expect(page.locator("#d-verb textarea")).to_have_value("等回电")
    page.locator("#d-verb textarea").focus()
    page.keyboard.press("Control+Enter")
    _while_another_writes(page, _first(page, held), house, token, number, "别人二")
    expect(page.locator("#ticket-head")).to_contain_text("等待")
    expect(page.locator("#d-verb")).to_be_hidden()


def _while_another_writes(page: Page, route: Route, house: House, token: str, number: str, words: str) -> None:
    answer = route.fetch()
    post(house, token, f"/tickets/{number}/note", {"body": words})
    expect(page.locator("#ticket-talk")).to_contain_text(words, timeout=20_000)
    route.fulfill(response=answer)


def test_keys_in_haste_while_another_writes(browser: Browser, ticket: tuple[House, str, str]) -> None:
    """Accept, write and send without a pause, ten notes of somebody else in between: nothing typed goes astray."""
    house, token, number = ticket
    page = _at(browser, house, number)
    page.keyboard.press("a")
    page.keyboard.press("n")
    for n in range(10):
        post(house, token, f"/tickets/{number}/note", {"body": f"别人 {n}"})
        page.keyboard.type(f"shn{n} ")
    expect(page.locator("#say-note textarea")).to_have_value("".join(f"shn{n} " for n in range(10)))
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ticket-talk")).to_contain_text("shn9")
    page.keyboard.press("s")
    expect(page.locator("#d-verb")).to_be_visible()
    expect(page.locator("#ticket-head")).to_contain_text("已接单")
