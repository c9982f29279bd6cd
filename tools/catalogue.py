"""The message catalogue: `python -m tools.catalogue update` collects texts, `check` names what lacks a translation.

English msgids stand in code and templates; zh_Hans is the one catalogue. `take FILE` reads lines "msgid<TAB>text".
"""

import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "jiying" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
KEYWORDS = dict.fromkeys(
    ("_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy")
)
# Not fuzzy: a catalogue marked so is skipped when it is compiled.
ABOUT: Any = {
    "locale": "zh_Hans",
    "domain": "django",
    "project": "jiying",
    "charset": "utf-8",
    "fuzzy": False,
    "header_comment": "# Simplified Chinese texts of Jiying, kept by tools/catalogue.py.",
}
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]")


def _calls() -> Iterator[tuple[str, str, list[str]]]:
    """Every marked text: file, gettext function, its literal arguments."""
    for path in sorted((ROOT / "jiying").rglob("*")):
        name = str(path.relative_to(ROOT))
        if path.suffix == ".py" and "migrations" not in path.parts:
            yield from ((name, *call) for call in _in_python(path.read_text(encoding="utf-8")))
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            yield from ((name, *call) for call in _in_template(path.read_text(encoding="utf-8"), name))


def _in_python(source: str) -> Iterator[tuple[str, list[str]]]:
    """By the syntax tree: it sees into f-strings, and knows a function under the name that it was imported as."""
    tree = ast.parse(source)
    called = dict.fromkeys(KEYWORDS, "")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            called |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in KEYWORDS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in called:
            literals = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            yield called[node.func.id] or node.func.id, literals


def _in_template(source: str, name: str) -> Iterator[tuple[str, list[str]]]:
    from django.utils.translation.template import templatize

    # What is no text was blanked, indentation was kept: without it, it reads as Python everywhere.
    told = "\n".join(line.strip() for line in templatize(source, origin=name).splitlines())
    for _line, function, message, _notes in extract_python(
        io.BytesIO(told.encode()), KEYWORDS, (), {"encoding": "utf-8"}
    ):
        yield str(function), [str(m) for m in (message if isinstance(message, tuple | list) else (message,)) if m]


def texts() -> Catalog:
    """Every text of the program, with its places (files only: line numbers would change with each commit)."""
    found = Catalog(domain="django", charset="utf-8", header_comment="# Texts of Jiying; see tools/catalogue.py.")
    for name, function, parts in _calls():
        if not parts:
            continue
        context = parts.pop(0) if function.startswith("pgettext") else None
        plural = function.startswith("ngettext") and len(parts) > 1
        found.add((parts[0], parts[1]) if plural else parts[0], locations=[(name, 0)], context=context)
    return found


def stored() -> Catalog:
    if not PO.exists():
        return Catalog(locale="zh_Hans", domain="django")
    with PO.open("rb") as file:
        return read_po(file, locale="zh_Hans", domain="django")


def update(more: dict[str, str]) -> Catalog:
    """The catalogue with all texts of today: translations kept, obsolete texts dropped, `more` taken in."""
    old, new = stored(), Catalog(**ABOUT)
    for message in sorted((m for m in texts() if m.id), key=lambda m: (m.locations[0][0], str(m.id))):
        known = old.get(message.id, message.context)
        text = known.string if known is not None else ""
        single = message.id[0] if isinstance(message.id, tuple) else message.id
        if not _filled(text) and single in more:
            text = (more[single],) if isinstance(message.id, tuple) else more[single]
        places = sorted({(name, 0) for name, _line in message.locations})
        new.add(message.id, text, locations=places, context=message.context)
    return new


def _filled(text: object) -> bool:
    return all(text) if isinstance(text, tuple | list) else bool(text)


def write(catalogue: Catalog) -> None:
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalogue, width=120, no_location=False, include_lineno=False, omit_header=False)
    stable = re.sub(r'"(POT-Creation-Date|PO-Revision-Date|Generated-By)[^\n]*\n', "", PO.read_text(encoding="utf-8"))
    PO.write_text(stable, encoding="utf-8")


def problems() -> list[str]:
    """Texts without a translation, and translations whose placeholders differ."""
    have, found = stored(), []
    for message in texts():
        if not message.id:
            continue
        known = have.get(message.id, message.context)
        if known is None or not _filled(known.string):
            found.append(f"no translation: {message.id!r} ({message.locations[0][0]})")
        elif _placeholders(known) and _placeholders(known) != _placeholders(message, source=True):
            found.append(f"other placeholders: {message.id!r} → {known.string!r}")
    return found


def _placeholders(message: Message, source: bool = False) -> set[str]:
    text = message.id if source else message.string
    parts = text if isinstance(text, tuple | list) else (text,)
    return {place for part in parts for place in _PLACEHOLDER.findall(part or "")}


def main(arguments: list[str]) -> int:
    verb = arguments[0] if arguments else "check"
    if verb == "update":
        write(update({}))
    elif verb == "take":
        lines = [line for name in arguments[1:] for line in Path(name).read_text(encoding="utf-8").splitlines()]
        write(update(dict(line.split("\t", 1) for line in lines if "\t" in line)))
    found = problems()
    for line in found:
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{len(found)} problems\n")
    return 1 if found and verb == "check" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
