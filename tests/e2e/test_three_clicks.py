"""From the sample data in three clicks (Done when of the reports): why last week's P2 attainment fell, which step holds
it, what a 90-minute standard would have meant; and that goes to a manager as a workbook."""

from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from openpyxl import load_workbook
from playwright.sync_api import Browser, expect

from jiying.core.periods import of
from tests.e2e.acting import shot, sign_in
from tests.house import House


def test_why_where_what_if_and_off_to_a_manager(browser: Browser, sample: House, sign_ins: dict[str, str]) -> None:
    context, page = sign_in(browser, sample, "admin", sign_ins["admin"])
    figure = page.locator("tr[data-row='priority:P2'] a[href*='attainment.first_response']")
    for _try in range(90):  # until the worker has made the columnar copy
        page.goto(f"{sample.url}/reports/")
        if figure.count():
            break
        page.wait_for_timeout(1000)
    shown = date.fromisoformat(page.locator("input[name=day]").input_value())
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    assert shown == of("week", today).before.first  # last week, whatever day it is
    figure.click()  # 1: why
    expect(page.locator("[data-why='cause'] tr").first).to_be_visible()
    shot(page, "why")
    page.get_by_role("link", name="卡在哪一步").click()  # 2: where
    expect(page.locator("main tbody tr").first).to_be_visible(timeout=60_000)
    assert "priority=P2" in page.url and "from=" in page.url
    page.go_back()
    page.locator("#what-if").fill("90")
    page.locator(".jy-missednext button").click()  # 3: what if
    expect(page.locator("table.jy-replay").first).to_be_visible(timeout=120_000)
    expect(page.locator("h1")).to_contain_text("90")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="XLSX").click()
    assert load_workbook(BytesIO(Path(waiting.value.path()).read_bytes())).worksheets
    page.locator("details:has(.jy-send) summary").click()
    page.locator(".jy-send select").select_option(index=1)
    shot(page, "send")
    page.locator(".jy-send button").click()
    expect(page.get_by_text("已发送").first).to_be_visible(timeout=10_000)
    context.close()
