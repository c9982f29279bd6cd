"""Takes the pictures of docs/screenshots: `python -m tools.screenshots [page …]`, from the sample centre in Chromium.

Each page in Chinese and English, light and dark, 1440 px and a phone's 390 px; WebP, so that all of them stay small.
"""

import base64
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.acting import sign_in
from tests.house import House

OUT = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
SIZES = {"1440": (1440, 900), "390": (390, 844)}
LANGUAGES = {"zh": "zh-hans", "en": "en"}
# name: (who looks, address, the link on it that is followed)
PAGES = {
    "work": ("agent", "/work/", ""),
    "ticket": ("agent", "/work/", "a[data-open]"),
    "tickets": ("lead", "/tickets/", ""),
    "supervise": ("lead", "/supervise/", ""),
    "wall": ("admin", "/wall/", ""),
    "standards": ("admin", "/standards/", ""),
    "calendar": ("admin", "/calendars/", "main a[data-open]"),
    "people": ("admin", "/people/", ""),
    "reports": ("lead", "/reports/?kind=month", ""),
    "dashboards": ("lead", "/dashboards/", ""),
    "map": ("lead", "/process/map/", ""),
    "surveys": ("lead", "/surveys/", ""),
    "connections": ("admin", "/setup/outside/", ""),
}
QUALITY = 82


def main(wanted: list[str]) -> int:
    if unknown := set(wanted) - set(PAGES):
        sys.stderr.write(f"no such page: {', '.join(sorted(unknown))}; there are {', '.join(PAGES)}\n")
        return 2
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.stderr.write("no Chromium on PATH: run .ci/browser\n")
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jiying-shots-") as folder, sync_playwright() as playwright:
        house = House(Path(folder) / "home")
        try:
            house.run("demo", timeout_s=240)
            house.up()
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            _all(browser, house, wanted or list(PAGES))
            browser.close()
        finally:
            house.close()
    return 0


def _all(browser: Browser, house: House, names: list[str]) -> None:
    lines = (house.home / "sign-ins.txt").read_text(encoding="utf-8").splitlines()
    passwords = dict(line.split()[:2] for line in lines if line.strip())
    for size, (width, height) in SIZES.items():
        for theme in ("light", "dark"):
            for username in dict.fromkeys(PAGES[name][0] for name in names):
                options = {"viewport": {"width": width, "height": height}, "color_scheme": theme}
                context, page = sign_in(browser, house, username, passwords[username], **options)
                page.wait_for_timeout(1000)
                for name in names:
                    if PAGES[name][0] == username:
                        _in_both_languages(page, house, name, f"{theme}-{size}")
                context.close()


def _in_both_languages(page: Page, house: House, name: str, look: str) -> None:
    _who, path, link = PAGES[name]
    for language, code in LANGUAGES.items():
        page.context.add_cookies([{"name": "django_language", "value": code, "url": house.url}])
        page.goto(house.url + path)
        if link:
            page.goto(house.url + str(page.locator(link).first.get_attribute("href")))
        page.wait_for_timeout(700)
        if name != "work":  # alerts are shown once; elsewhere they would hide what the picture is of
            page.evaluate("document.querySelectorAll('#popups > *').forEach(node => node.remove())")
        picture = page.context.new_cdp_session(page).send(
            "Page.captureScreenshot", {"format": "webp", "quality": QUALITY}
        )
        file = OUT / f"{name}-{language}-{look}.webp"
        file.write_bytes(base64.b64decode(picture["data"]))
        sys.stdout.write(f"{file.stat().st_size:>8} {file.name}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
