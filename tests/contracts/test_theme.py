"""One class, one file: a name that two theme files style overrules pages that neither had in mind."""

import re
from collections import defaultdict
from pathlib import Path

THEME = Path(__file__).parents[2] / "frontend" / "src" / "theme"
# The conversation: parts.css has it as customers see it, desk.css adds what agents see of it.
SHARED = {"jy-talk", "jy-said", "jy-sysline"}
# A phone's and the frame's own rules are about what other files make.
LATER = {"phone.css", "index.css"}


def bare_classes(css: str) -> set[str]:
    """Classes that stand alone before their rules, also within a media query."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    heads = re.findall(r"(?:^|[{}])\s*([^{}]+?)\s*(?=\{)", css)
    return {one.strip()[1:] for head in heads for one in head.split(",") if re.fullmatch(r"\.jy-[\w-]+", one.strip())}


def test_the_reader_of_css_finds_what_stands_alone() -> None:
    css = ".jy-a { x: y } .jy-b .jy-c { x: y }\n/* .jy-d { } */ .jy-e, a.jy-f { x: y } @media (x) { .jy-g { x: y } }"
    assert bare_classes(css) == {"jy-a", "jy-e", "jy-g"}


def test_no_class_is_styled_in_two_files() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(THEME.glob("*.css")):
        if path.name not in LATER:
            for name in bare_classes(path.read_text(encoding="utf-8")):
                found[name].append(path.name)
    assert {name: files for name, files in found.items() if len(files) > 1 and name not in SHARED} == {}
