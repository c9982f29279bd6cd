"""What a test in the browser does again and again: sign in, ask the API, take a picture. Fixtures lie in conftest."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.house import House

SHOTS = Path(__file__).parent / "shots"
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
PASSWORD = "a long password of tests"  # noqa: S105 - of made-up people
PEOPLE = f"""
from django.utils import timezone
from jiying.base.models import Person, Role, Team
from jiying.desk.models import AgentLoad
from jiying.desk.services.loads import DEFAULT_CAPACITY
now = timezone.now()
team = Team.objects.create(code="after", name="售后组")
for username, name, role, presence in (("lin", "林晓", "agent", "online"), ("wang", "王芳", "lead", "offline"),
                                       ("boss", "管理员", "admin", "offline")):
    person = Person.objects.create_person(username, {PASSWORD!r}, name=name, team=team, presence=presence)
    person.roles.add(Role.objects.get(code=role))
lin = Person.objects.get(username="lin")
for channel, capacity in DEFAULT_CAPACITY.items():
    AgentLoad.objects.create(person=lin, channel=channel, capacity=capacity, idle_since=now)
"""


def post(house: House, token: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(  # noqa: S310 - our own house on loopback
        f"{house.url}/api/v1{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def sign_in(
    browser: Browser, house: House, username: str, password: str = PASSWORD, **options: Any
) -> tuple[BrowserContext, Page]:
    context = browser.new_context(**{"locale": "zh-CN", "timezone_id": "Asia/Shanghai", "viewport": WIDE} | options)
    page = context.new_page()
    page.goto(f"{house.url}/accounts/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/(work|supervise|tickets|people)/"))
    return context, page


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SHOTS / f"{name}.png"))
