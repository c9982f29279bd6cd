"""Every main page of the sample centre as each kind of person sees it: no fault in the browser, nothing that axe calls
serious, nothing wider than a phone, no `None`, no raw code, no word left in the other language.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.acting import PHONE, WIDE, sign_in
from tests.house import ROOT, House

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PATHS = {
    "agent": (
        "/work/", "/tickets/", "/tickets/new/", "/search/?q=发票", "/lines/", "/alerts/", "/alerts/mine/", "/me/",
        "/me/security/", "/canned/", "/canned/new/", "/accounts/password/change/", "/calls/",
    ),
    "lead": (
        "/supervise/", "/supervise/who-is-told", "/wall/", "/tickets/?view=late", "/alerts/team/", "/alerts/on-call/",
        "/alerts/plan/", "/standards/", "/standards/collaboration/", "/standards/revisions/", "/calendars/",
        "/repeats/", "/surveys/", "/surveys/answers/", "/callbacks/", "/insight/kpis/",
        "/dashboards/", "/dashboards/?arrange=1", "/dashboards/card/",
        "/reports/", "/reports/kept/", "/reports/tracking/", "/reports/standards/", "/replays/",
        "/process/map/", "/process/map/?tab=bottlenecks", "/process/map/?tab=table",
    ),
    "admin": (
        "/people/", "/people/new", "/people/roles/", "/people/roles/lead/", "/people/teams/", "/people/tokens/",
        "/settings/", "/settings/sso/", "/audit/", "/alerts/deliveries/", "/alerts/plan/rules/new", "/exchange/",
        "/setup/categories/", "/setup/categories/new", "/setup/codes/", "/setup/flows/", "/setup/flows/new",
        "/setup/forms/", "/setup/forms/new", "/setup/lines/", "/setup/priority/", "/setup/automations/",
        "/setup/automations/new", "/setup/automations/log", "/setup/offers/", "/setup/outside/", "/setup/outside/new",
        "/outside/", "/asked/", "/me/tokens", "/surveys/designs/", "/surveys/designs/new",
        "/connections/", "/connections/new/mailbox", "/connections/new/dingtalk_robot", "/connections/new/hook_out",
        "/connections/new/crm", "/connections/new/cti", "/connections/site/", "/hooks/", "/hooks/in/", "/crm/",
        "/mail/", "/chat/site/", "/chat/site/form",
    ),
}  # fmt: skip
# Pages whose addresses only the sample knows: where a link to the first of them stands.
LINKED = {
    "agent": (("/work/", "a[data-open]"),),
    "lead": (
        ("/standards/", "main a[href^='/standards/']"),
        ("/standards/revisions/", "main td a"),
        ("/calendars/", "main td a"),
        ("/tickets/?view=all", "main td a[href^='/customers/']"),
    ),
    "admin": (
        ("/people/", "main td a[href^='/people/']"),
        ("/setup/categories/", "main td a"),
        ("/setup/flows/", "main td a"),
        ("/setup/forms/", "main td a"),
        ("/setup/automations/", "main td a"),
    ),
}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": WIDE, "locale": "zh-CN", "color_scheme": "light"},
    "dark": {"viewport": WIDE, "locale": "en-US", "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "locale": "zh-CN", "color_scheme": "dark", "has_touch": True},
}


def _serious(page: Page) -> list[str]:
    """What axe calls serious or critical, with the element it begins at."""
    found = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{one['id']}: {one['nodes'][0]['target']} {one['nodes'][0]['html'][:160]} ({len(one['nodes'])})"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def _odd_words(page: Page, is_chinese: bool) -> list[str]:
    """Words that a program wrote by mistake, or phrases of the other language where a page's own words stand."""
    page.evaluate(
        "for (const node of document.querySelectorAll('code, kbd, .jy-places')) node.hidden = true"
    )  # codes meant as such
    words = page.locator("body").inner_text()
    odd = re.findall(
        r"\bNone\b|\bundefined\b|\bnull\b|\bNaN\b|\{[a-z_]+\}|%\([a-z_]+\)s|\b[a-z]+\.[a-z]+_[a-z_]+\b", words
    )
    if is_chinese:
        own = page.locator("h1, h2, th, button, label, nav a").all_inner_texts()
        return odd + [text for text in own if re.fullmatch(r"[A-Z][a-z]+( [a-z]+)+", text.strip())]
    own = page.locator("thead th, main form button:not([data-open]), .jy-rail a, .jy-tabs a").all_inner_texts()
    return odd + [text for text in own if re.search(r"[\u4e00-\u9fff]", text)]


def _overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("username", PATHS)
def test_pages_are_sound(browser: Browser, sample: House, sign_ins: dict[str, str], username: str, look: str) -> None:
    if not Path(AXE).exists():
        pytest.fail("axe-core is missing: run `make front`")
    context, page = sign_in(browser, sample, username, sign_ins[username], **LOOKS[look])
    language = "en" if look == "dark" else "zh-hans"
    context.add_cookies([{"name": "django_language", "value": language, "url": sample.url}])
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on("console", lambda said: faults.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    for path in (*PATHS[username], *_found_on(page, sample, username)):
        answer = page.goto(sample.url + path)
        assert answer is not None
        assert answer.status == 200, path
        page.evaluate(AXE.read_text(encoding="utf-8"))  # not as a script tag: the policy of the pages forbids it
        faults += [f"{path}: {one}" for one in _serious(page)]
        faults += [f"{path}: odd word {one!r}" for one in _odd_words(page, look != "dark")]
        if look == "phone" and (wide := _overflow(page)) > 0:
            faults.append(f"{path}: {wide} px wider than the phone")
    context.close()
    assert not faults, "\n".join(faults)


def _found_on(page: Page, house: House, username: str) -> list[str]:
    found = []
    for start, link in LINKED[username]:
        page.goto(house.url + start)
        if page.locator(link).count():
            found.append(str(page.locator(link).first.get_attribute("href")))
    if username == "agent":
        page.goto(f"{house.url}{found[0]}customer-link")
        found.append("/p/" + page.locator("#link-url").input_value().split("/p/")[1])
    return found
