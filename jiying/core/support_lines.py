"""Support lines (D24a): which team a ticket goes up to by rule. Pure; the rules are checked here as well."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jiying.core.calendars import Problem

LINES = (1, 2, 3)
EVENTS = ("opened", "escalated", "reopened", "late")
MAX_RULES = 100
_CHOICES = {
    "event": EVENTS,
    "type": ("inquiry", "complaint", "suggestion", "fault"),
    "priority": ("P1", "P2", "P3", "P4"),
}
_FIELDS = ("event", "category", "type", "priority", "level", "team")


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of a ticket, and what it is."""

    event: str
    category: str = ""
    type: str = ""
    priority: str = ""
    level: int = 0  # of the escalation


@dataclass(frozen=True, slots=True)
class UpRule:
    """`team` takes what fits: an empty field fits everything, `level` fits from that level on."""

    event: str
    team: str
    category: str = ""
    type: str = ""
    priority: str = ""
    level: int = 0

    def fits(self, what: Happened) -> bool:
        below = what.category == self.category or what.category.startswith(f"{self.category}/")
        return (
            self.event == what.event
            and (not self.category or below)
            and self.type in ("", what.type)
            and self.priority in ("", what.priority)
            and what.level >= self.level
        )


def parse(body: Mapping[str, Any]) -> tuple[UpRule, ...]:
    """The rules of a document without problems, in their order."""
    return tuple(UpRule(**{name: rule[name] for name in _FIELDS if name in rule}) for rule in body["rules"])


def choose(rules: Sequence[UpRule], what: Happened) -> UpRule | None:
    """The first rule that fits."""
    return next((rule for rule in rules if rule.fits(what)), None)


def problems(body: Any, teams: Collection[str]) -> list[Problem]:
    """Everything wrong with a document of rules; `teams` are the codes of teams of a higher line."""
    rules = body.get("rules") if isinstance(body, Mapping) else None
    if not isinstance(rules, list):
        return [Problem("rules", "required", {"field": "rules"})]
    if len(rules) > MAX_RULES:
        return [Problem("rules", "too_many", {"limit": MAX_RULES, "length": len(rules)})]
    return [problem for n, rule in enumerate(rules) for problem in _of_rule(f"rules.{n}", rule, teams)]


def _of_rule(path: str, rule: Any, teams: Collection[str]) -> list[Problem]:
    if not isinstance(rule, Mapping) or not set(rule) <= set(_FIELDS):
        return [Problem(path, "wrong_type", {"expected": ", ".join(_FIELDS)})]
    found = [
        Problem(f"{path}.{name}", "unknown_value", {"value": str(rule.get(name))[:40], "known": ", ".join(known)})
        for name, known in _CHOICES.items()
        if rule.get(name, "") not in (known if name == "event" else ("", *known))
    ]
    if rule.get("team") not in teams:
        found.append(Problem(f"{path}.team", "not_higher_line", {"value": str(rule.get("team", ""))[:40]}))
    level = rule.get("level", 0)
    if type(level) is not int or not 0 <= level <= 3:
        found.append(Problem(f"{path}.level", "out_of_range", {"low": 0, "high": 3}))
    if not isinstance(rule.get("category", ""), str):
        found.append(Problem(f"{path}.category", "wrong_type", {"expected": "path"}))
    return found
