"""A chat in two real browsers: a visitor on a page of another origin, an agent in the workspace; and the form alone."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.e2e.acting import PHONE, shot, sign_in
from tests.house import House

WIDGET = """
from django.utils import timezone
from jiying.base import connections
from jiying.base.actor import SYSTEM
connections.save(actor=SYSTEM, kind="web_widget", code="site", revision=None, now=timezone.now(),
                 data=connections.ConnectionData(name="官网", options={{"origins": [{origin!r}]}}))
"""

# The bell of the agent's own answer may come after the customer has begun to type.
OWN_ANSWER_TOLD_LATE = """() => {
  const subject = document.querySelector(".jy-typing").dataset.types;
  const detail = { topics: [subject], subject, kind: "ticket.message", position: 0 };
  document.dispatchEvent(new CustomEvent("doorbell", { detail }));
}"""


@pytest.fixture
def shop(desk: House) -> Iterator[str]:
    """A page of somebody else's, on another site than the house, with a policy of its own that allows little."""
    style = "* { font-size: 40px !important; color: red !important }"
    page = f"""<!doctype html><html lang="zh"><title>小店</title><style>{style}</style>
<h1>欢迎光临</h1><script src="{desk.url}/static/dist/widget.js" data-key="site" async></script>"""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {desk.url}; frame-src {desk.url}"

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_about: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://localhost:{server.server_port}"
    desk.run("manage", "shell", "-c", WIDGET.format(origin=url))
    yield url
    server.shutdown()


def visit(browser: Browser, shop: str, **options: object) -> tuple[Page, FrameLocator]:
    context = browser.new_context(**{"locale": "zh-CN", "timezone_id": "Asia/Shanghai"} | options)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(shop + "/cart")
    return page, page.frame_locator("#jiying-chat-site")


@pytest.mark.smoke
def test_a_visitor_and_an_agent_talk(browser: Browser, desk: House, shop: str) -> None:
    _context, agent = sign_in(browser, desk, "lin")
    page, chat = visit(browser, shop)
    chat.get_by_role("button", name="打开在线咨询").click()
    shot(page, "chat-1-start")
    chat.get_by_label(re.compile("您的称呼")).fill("张三")
    chat.get_by_label(re.compile("需要什么帮助")).fill("我的订单还没到")
    chat.get_by_role("button", name="开始咨询").click()
    expect(chat.locator("#headline")).to_contain_text("林晓")
    tab = agent.locator("#chats [data-chat]")
    expect(tab).to_contain_text("我的订单还没到")
    tab.get_by_role("link").click()
    expect(agent.locator("#ticket-talk")).to_contain_text("我的订单还没到")
    expect(agent.locator("#chat-card")).to_contain_text("小店")
    agent.locator("#say-body").press_sequentially("您好，", delay=20)
    expect(chat.locator("#types")).to_be_visible()
    agent.fill("#say-body", "您好，我马上查")
    agent.get_by_role("button", name="发送", exact=True).click()
    expect(chat.locator("#lines")).to_contain_text("您好，我马上查")
    chat.locator("#text").press_sequentially("好的", delay=20)
    expect(agent.locator(".jy-typing")).to_be_visible()
    agent.evaluate(OWN_ANSWER_TOLD_LATE)
    expect(agent.locator(".jy-typing")).to_be_visible()
    chat.locator("#files").set_input_files({"name": "截图.png", "mimeType": "image/png", "buffer": b"\x89PNG"})
    chat.locator("#text").press("Enter")
    expect(agent.locator("#ticket-talk")).to_contain_text("好的")
    expect(agent.locator(".jy-typing")).to_be_hidden()
    expect(agent.locator("#ticket-talk img[alt='截图.png']")).to_have_count(1)
    expect(chat.locator(".is-pending")).to_have_count(0)
    shot(page, "chat-2-visitor")
    shot(agent, "chat-2-agent")

    desk.running[-1].stop()  # the whole house, as for an update
    chat.locator("#text").fill("还在吗")
    chat.locator("#text").press("Enter")
    expect(chat.locator("#line")).to_be_visible(timeout=20_000)
    desk.up()
    expect(agent.locator("#ticket-talk")).to_contain_text("还在吗", timeout=60_000)
    expect(chat.locator(".is-pending")).to_have_count(0)
    expect(chat.locator("#lines .is-me").filter(has_text="还在吗")).to_have_count(1)
    page.reload()
    chat.get_by_role("button", name="打开在线咨询").click()
    expect(chat.locator("#lines .line")).to_have_count(4)

    agent.fill("#say-body", "已补发，再见")
    agent.keyboard.press("Control+Shift+Enter")
    expect(chat.locator("#judge")).to_be_visible()
    shot(page, "chat-3-solved")
    chat.locator("#solved").click()
    expect(chat.locator("#over")).to_be_visible()
    expect(agent.locator("#chats [data-chat]")).to_have_count(0)


def test_the_form_is_offered_when_nobody_is_there(browser: Browser, desk: House, shop: str) -> None:
    desk.run(
        "manage", "shell", "-c", "from jiying.base.models import Person; Person.objects.update(presence='offline')"
    )
    page, chat = visit(browser, shop, viewport=PHONE)
    chat.get_by_role("button", name="打开在线咨询").click()
    shot(page, "chat-4-away-phone")
    chat.get_by_role("link", name="留言").click()
    chat.get_by_label("您的称呼").fill("李四")
    chat.get_by_label("电话或邮箱").fill("13812345678")
    chat.get_by_label(re.compile("需要什么帮助")).fill("发票抬头写错了")
    page.wait_for_timeout(2100)  # nobody is quicker
    chat.get_by_role("button", name="发送").click()
    expect(chat.get_by_role("status")).to_contain_text("已收到您的留言")
    shot(page, "chat-5-form-phone")
    with page.context.expect_page() as opened:
        chat.get_by_role("link", name="查看进度").click()
    expect(opened.value.locator("main")).to_contain_text("发票抬头写错了")


def test_a_page_that_is_not_named_may_not_frame_it(browser: Browser, desk: House, shop: str) -> None:
    page, chat = visit(browser, shop.replace("localhost", "127.0.0.1"))
    page.wait_for_timeout(1500)
    assert chat.locator("#button").count() == 0
