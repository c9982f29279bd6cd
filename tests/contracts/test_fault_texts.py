"""Every fault that the code can raise has a sentence, and the sentence no placeholder that the raise does not fill.

Reads the source: a code that stands in a variable is looked for where it is written down (core's problems).
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jiying.base import texts

ROOT = Path(__file__).resolve().parents[2] / "jiying"
_PLACE = re.compile(r"%\((\w+)\)")
# Where core names problems, and the prefix under which they become faults.
PREFIXES = {
    "core/calendar_problems.py": "calendar_",
    "core/calendars.py": "calendar_",
    "core/standards/form.py": "standard_",
    "core/priority.py": "priority_",
}


@dataclass(frozen=True)
class Raised:
    """A code as it is raised; `params` is None where they are not written out at the place."""

    where: str
    code: str
    params: frozenset[str] | None


def _name(call: ast.Call) -> str:
    """Fault, Invalid.one, Conflict.one, Problem, self._add …"""
    if isinstance(call.func, ast.Attribute):
        owner = call.func.value
        return f"{owner.id}.{call.func.attr}" if isinstance(owner, ast.Name) else call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _written(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _keys(node: ast.expr | None) -> frozenset[str] | None:
    if node is None:
        return frozenset()
    if isinstance(node, ast.Dict) and all(key is not None and _written(key) for key in node.keys):
        return frozenset(str(_written(key)) for key in node.keys if key is not None)
    return None


def _keywords(call: ast.Call, *, apart: tuple[str, ...] = ()) -> frozenset[str] | None:
    names = [keyword.arg for keyword in call.keywords]
    return None if None in names else frozenset(str(name) for name in names if name not in apart)


def _third(call: ast.Call) -> frozenset[str] | None:
    return _keys(call.args[2] if len(call.args) > 2 else None)


# name of the call: (place of the code among the arguments, what it fills in)
CALLS = {
    "Fault": (1, _third),
    "Invalid.one": (1, _keywords),
    "Conflict.one": (0, lambda call: _keywords(call, apart=("where",))),
    "Problem": (1, _third),
    "CalendarError.of": (0, _keywords),
    "self._add": (1, _keywords),
}


def _raised(path: Path) -> Iterator[Raised]:
    inside = str(path.relative_to(ROOT))
    prefix = PREFIXES.get(inside, "")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or (name := _name(node)) not in CALLS:
            continue
        place, params = CALLS[name]
        code = _written(node.args[place]) if len(node.args) > place else None
        if code is not None and (prefix or name in ("Fault", "Invalid.one", "Conflict.one")):
            yield Raised(f"{inside}:{node.lineno}", prefix + code, params(node))


def _all() -> list[Raised]:
    return [one for path in sorted(ROOT.rglob("*.py")) if "migrations" not in path.parts for one in _raised(path)]


def test_the_scan_finds_what_it_should() -> None:
    """Were a call spelled in another way, nothing would be found and nothing compared."""
    found = _all()
    assert len(found) > 120
    for prefix in set(PREFIXES.values()):
        assert sum(one.code.startswith(prefix) for one in found) >= 8, prefix


def test_every_fault_has_a_sentence() -> None:
    missing = {f"{one.code} ({one.where})" for one in _all() if one.code not in texts.FAULTS}
    assert missing == set()


def test_sentences_use_only_what_is_filled_in() -> None:
    unfilled = {
        f"{one.code} ({one.where}): {sorted(lacking)}"
        for one in _all()
        if one.params is not None and one.code in texts.FAULTS
        if (lacking := set(_PLACE.findall(str(texts.FAULTS[one.code]))) - one.params)
    }
    assert unfilled == set()


def test_problems_of_standards_with_computed_codes_have_sentences() -> None:
    """`unknown_{fact}` is written once for both coded facts."""
    for fact in ("channel", "priority"):
        assert _PLACE.findall(str(texts.FAULTS[f"standard_unknown_{fact}"])) == [fact]


def test_right_and_refusal_texts() -> None:
    assert "x.y" in texts.fault("denied", {"right": "x.y"})
    assert "1" in texts.fault("not_found", {"kind": "ticket", "key": "1"})


@pytest.mark.parametrize("code", sorted(texts.FAULTS))
def test_no_sentence_has_a_stray_percent(code: str) -> None:
    """A sentence is filled by %: a single percent sign in it would break the refusal itself."""
    sentence = str(texts.FAULTS[code])
    assert sentence % {name: "x" for name in _PLACE.findall(sentence)}
