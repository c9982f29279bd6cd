"""First paint in Chromium of the pages that people open all day, and what a page loads: `-m bench.paint`.

The sample centre as `make run` shows it. Every load is a fresh browser without a cache, the worst case; the second
figure is the same page opened again.
"""

import gzip
import re
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench.table import show

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "jiying" / "base" / "static" / "dist"
N = 7
LIMIT_MS, LIMIT_KB = 1_000, 150
PAGES = {
    "agent": {"an agent's desk": "/work/", "the list": "/tickets/", "a ticket": "", "a new ticket": "/tickets/new/"},
    "lead": {"the board": "/supervise/", "the wall": "/wall/", "standards": "/standards/"},
}
PAINT = """() => new Promise((done) => {
  const read = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  const wait = () => read() === undefined ? setTimeout(wait, 20) : done(read());
  wait();
})"""


def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise FileNotFoundError("no Chromium on PATH: install the package chromium")
    return found


def signed_in(browser: Any, url: str, username: str, password: str) -> Any:
    """The state of a browser in which this person has signed in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/accounts/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/(work|supervise|tickets|people)/"))
    first = page.locator("a[data-open]").first.get_attribute("href") if username == "agent" else ""
    state = context.storage_state()
    context.close()
    return state, first


def painted(browser: Any, state: Any, url: str) -> tuple[float, float]:
    """Milliseconds to the first contentful paint: never seen before, and opened again."""
    context = browser.new_context(storage_state=state, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(url)
    cold = page.evaluate(PAINT)
    page.goto(url)
    again = page.evaluate(PAINT)
    context.close()
    return cold, again


def weigh() -> None:
    """What a page loads before it is whole, compressed as a proxy does it."""
    sizes = {name: len(gzip.compress((DIST / name).read_bytes(), 9)) for name in ("boot.js", "app.js", "app.css")}
    total = sum(sizes.values()) / 1000
    parts = ", ".join(f"{name} {size / 1000:.1f}" for name, size in sizes.items())
    show(f"scripts and styles, gzip: {total:.1f} kB ({parts}); limit {LIMIT_KB} kB")
    assert total <= LIMIT_KB


def run() -> None:
    from playwright.sync_api import sync_playwright

    from tests.house import House

    weigh()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        house = House(Path(home))
        house.run("demo", timeout_s=240)
        house.up()
        try:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
            _measure(browser, house.url, Path(house.home))
            browser.close()
        finally:
            house.close()


def _measure(browser: Any, url: str, home: Path) -> None:
    lines = (home / "sign-ins.txt").read_text(encoding="utf-8").splitlines()
    passwords = dict(line.split()[:2] for line in lines if line.strip())
    late = []
    for username, pages in PAGES.items():
        state, first = signed_in(browser, url, username, passwords[username])
        for what, path in pages.items():
            found = [painted(browser, state, url + (path or first)) for _ in range(N)]
            cold, again = (statistics.median(times) for times in zip(*found, strict=True))
            worst = max(times[0] for times in found)
            show(f"{what:<18} first paint {cold:>5.0f} ms (worst of {N}: {worst:.0f}), again {again:.0f} ms")
            late += [what] if cold > LIMIT_MS else []
    show(f"limit: {LIMIT_MS} ms")
    assert not late, late


if __name__ == "__main__":
    run()
