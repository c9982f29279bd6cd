"""Task flows (标准化任务流, D25a): ordered steps, what blocks the solving, what is wrong with a flow. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jiying.core.calendars import Problem

ROLES = ("assignee", "lead", "second_line")
UNITS = ("min", "h", "wd")
OPEN, DONE, SKIPPED, WITHDRAWN = "open", "done", "skipped", "withdrawn"
MAX_STEPS, MAX_ITEMS, MAX_TEXT = 30, 20, 120
MAX_AMOUNT = 10_000
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
_FIELDS = frozenset(
    ("key", "title", "role", "amount", "unit", "calendar", "mandatory", "remind", "checklist"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One task: who does it, until when (counted from the start of the flow), and whether it may be left out."""

    key: str
    title: str
    role: str = "assignee"
    amount: int = 1
    unit: str = "h"
    calendar: str = "24x7"
    mandatory: bool = True
    remind: bool = True
    checklist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A step as it stands on a ticket; `n_unticked` items of its checklist are open."""

    key: str
    state: str
    mandatory: bool
    n_unticked: int = 0


def parse(body: Mapping[str, Any]) -> tuple[Step, ...]:
    """The steps of a flow without problems, in their order."""
    return tuple(Step(**{**step, "checklist": tuple(step.get("checklist", ()))}) for step in body["steps"])


def blocking(steps: Sequence[Standing]) -> list[str]:
    """Keys of the mandatory steps that are open: with them no ticket is solved."""
    return [step.key for step in steps if step.mandatory and step.state == OPEN]


def before(steps: Sequence[Standing], key: str) -> list[str]:
    """Keys of the mandatory steps that must be done or skipped before this one can be done."""
    ahead = []
    for step in steps:
        if step.key == key:
            break
        ahead.append(step)
    return blocking(ahead)


def is_over(steps: Sequence[Standing]) -> bool:
    return all(step.state != OPEN for step in steps)


# --- what is wrong with a flow ---------------------------------------------------------------------------------------


def problems(body: Any, calendars: Collection[str]) -> list[Problem]:
    """Everything wrong with a flow, by place; `calendars` are the known keys."""
    steps = body.get("steps") if isinstance(body, Mapping) else None
    if not isinstance(steps, list) or not steps:
        return [Problem("steps", "required", {"field": "steps"})]
    if len(steps) > MAX_STEPS:
        return [Problem("steps", "too_many", {"limit": MAX_STEPS, "length": len(steps)})]
    found: list[Problem] = []
    seen: set[str] = set()
    for n, step in enumerate(steps):
        path = f"steps.{n}"
        if not isinstance(step, Mapping) or not set(step) <= _FIELDS:
            found.append(Problem(path, "wrong_type", {"expected": ", ".join(sorted(_FIELDS))}))
            continue
        found.extend(_of_step(path, step, calendars))
        key = str(step.get("key", ""))
        if key in seen:
            found.append(Problem(f"{path}.key", "duplicate", {"value": key}))
        seen.add(key)
    return found


def _of_step(path: str, step: Mapping[str, Any], calendars: Collection[str]) -> list[Problem]:
    found = []
    if not _KEY.fullmatch(str(step.get("key", ""))):
        found.append(Problem(f"{path}.key", "bad_step_key", {"value": str(step.get("key", ""))[:40]}))
    found += _text(f"{path}.title", step.get("title"))
    for name, known in (("role", ROLES), ("unit", UNITS), ("calendar", calendars)):
        if name in step and step[name] not in known:
            params = {"value": str(step[name])[:40], "known": ", ".join(known)}
            found.append(Problem(f"{path}.{name}", "unknown_value", params))
    amount = step.get("amount", 1)
    if type(amount) is not int or not 1 <= amount <= MAX_AMOUNT:
        found.append(Problem(f"{path}.amount", "out_of_range", {"low": 1, "high": MAX_AMOUNT}))
    for name in ("mandatory", "remind"):
        if not isinstance(step.get(name, True), bool):
            found.append(Problem(f"{path}.{name}", "wrong_type", {"expected": "true, false"}))
    return found + _checklist(path, step.get("checklist", []))


def _checklist(path: str, items: Any) -> list[Problem]:
    if not isinstance(items, list | tuple):
        return [Problem(f"{path}.checklist", "wrong_type", {"expected": "[ ]"})]
    if len(items) > MAX_ITEMS:
        return [Problem(f"{path}.checklist", "too_many", {"limit": MAX_ITEMS, "length": len(items)})]
    return [p for n, item in enumerate(items) for p in _text(f"{path}.checklist.{n}", item)]


def _text(path: str, value: Any) -> list[Problem]:
    if not isinstance(value, str) or not value.strip():
        return [Problem(path, "required", {"field": path.rpartition(".")[2]})]
    if len(value) > MAX_TEXT:
        return [Problem(path, "too_long", {"limit": MAX_TEXT, "length": len(value)})]
    return []
