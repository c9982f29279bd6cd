"""The look's contracts: parts escape what they show, and nothing names an icon or a text that the build lacks."""

import json
import re
from pathlib import Path

import pytest
from django.template import Context, Template

from jiying.base.context import NAVIGATION
from jiying.base.templatetags import look

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "frontend" / "src"


def rendered(source: str, **context: object) -> str:
    return Template("{% load look %}" + source).render(Context(context))


def test_a_clock_pill_carries_what_the_browser_needs() -> None:
    pill = {"metric": "accept", "label": "A", "state": "running", "due": 900, "warn1": 0, "open": [(1, 5), (7, 900)]}
    html = rendered("{% clock pill %}", pill=pill)
    assert 'data-clock="accept" data-state="running"' in html
    assert 'data-due="900" data-warn1="0"' in html
    assert 'data-open="1-5,7-900"' in html
    assert "data-left" not in html


@pytest.mark.parametrize(
    "source", ["{% person who %}", "{% customer who %}", "{% clock who %}", "{% priority who.name %}"]
)
def test_parts_escape_names(source: str) -> None:
    bad = '"><script>x</script>'
    html = rendered(source, who={"name": bad, "label": bad, "reason": bad, "state": "paused"})
    assert "<script" not in html


@pytest.mark.parametrize(("name", "letters"), [("林晓", "林"), ("Mia Chen", "MC"), ("ada", "A"), ("", "?")])
def test_initials(name: str, letters: str) -> None:
    assert look.initials(name) == letters


def icons_in_templates() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "jiying").rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"""{% icon ["']([\w-]+)["']""", source))
        found |= set(re.findall(r"""icon\|default:["']([\w-]+)["']""", source))
        found |= set(re.findall(r"""base/parts/[^%]*\bicon=["']([\w-]+)["']""", source))
    return found


def test_every_icon_named_is_built() -> None:
    built = set(json.loads((ROOT / "frontend" / "icons.json").read_text(encoding="utf-8")))
    countdown = (SCRIPTS / "countdown.ts").read_text(encoding="utf-8")
    levels = re.findall(r'\w+: "([\w-]+)"', countdown.split("const ICONS", 1)[1].split("};", 1)[0])
    named = icons_in_templates() | set(levels) | set(look.CLOCK_ICONS.values()) | set(look.CHANNEL_ICONS.values())
    assert named | {row[2] for row in NAVIGATION} <= built


@pytest.mark.parametrize("is_chat", [False, True])
def test_every_text_of_the_islands_is_in_the_page(is_chat: bool) -> None:
    """The visitor's chat is a page of its own, with texts of its own."""
    files = [path for path in SCRIPTS.rglob("*.ts") if (path.parent.name == "chat") is is_chat]
    asked = {one for path in files for one in re.findall(r'\btext\("(\w+)"', path.read_text(encoding="utf-8"))}
    place = "channels/templates/channels/chat.html" if is_chat else "base/templates/base/parts/texts.html"
    page = (ROOT / "jiying" / place).read_text(encoding="utf-8")
    given = {re.sub(r"-(\w)", lambda m: m[1].upper(), key) for key in re.findall(r"\bdata-([\w-]+)=", page)}
    assert len(asked) > 8
    assert asked <= given
