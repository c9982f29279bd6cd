"""One Chromium for the run, a small house for each journey, and one with the sample centre for who looks at pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.acting import PEOPLE
from tests.house import House

expect.set_options(timeout=15_000)  # of a machine that does other things besides


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-sync",
                "--disable-component-update",
                "--disable-dev-shm-usage",
                "--disable-quic",
            ],
        )
        yield started
        started.close()


@pytest.fixture
def desk(house: House, browser: Browser) -> Iterator[House]:
    """A house with an agent, a leader and an administrator, serving.

    Its pages are closed while it still serves: none outlives its test, to ring at the next house that gets its port.
    """
    house.run("prepare")
    house.run("manage", "shell", "-c", PEOPLE)
    house.up()
    yield house
    for context in browser.contexts:
        context.close()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The sample centre as `make run` shows it, on SQLite, serving; nobody may change what others look at."""
    house = House(tmp_path_factory.mktemp("sample"))
    house.run("demo", timeout_s=240)
    house.up()
    yield house
    house.close()


@pytest.fixture(scope="session")
def sign_ins(sample: House) -> dict[str, str]:
    """{username: password} of the sample centre."""
    lines = (Path(sample.home) / "sign-ins.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split()[:2] for line in lines if line.strip())
