"""Checks a mapping document (parsed TOML): every problem at once, with its place, a code and what would be right.

Reads no file and no log; `mapping` builds what passed.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jiying.desk.services.history.lifecycle import KINDS

STATES = frozenset({"new", "active", "waiting", "resolved", "closed", "cancelled"})
REASONS = frozenset({"customer", "third_party", "department"})
FIELDS = ("channel", "priority", "tier", "category", "type", "subject", "customer", "agent", "team")
CODES: Mapping[str, frozenset[str]] = {
    "channel": frozenset({"phone", "chat", "email", "social", "web", "other"}),
    "priority": frozenset({"P1", "P2", "P3", "P4"}),
    "type": frozenset({"inquiry", "complaint", "suggestion", "fault"}),
}
EVENT_COLUMNS = ("case", "at", "activity", "transition", "actor", "opened_at", "reopens")
REQUIRED_EVENT_COLUMNS = ("case", "at", "activity")
MESSAGE_CODES = {"direction": frozenset({"in", "out"}), "by": frozenset({"person", "bot", "auto", "customer"})}
RULE_KEYS = frozenset({"columns", "join", "values", "default", "otherwise", "time"})
TOP_KEYS = frozenset(
    "name title mode zone times null duplicates unknown_activity reply_with actor_is_agent detect event activities"
    " states ticket custom".split()
)
CHOICES = {
    "mode": ("events", "snapshots"),
    "duplicates": ("keep", "skip"),
    "unknown_activity": ("imported", "refuse"),
}


class MappingProblem(NamedTuple):
    """What is wrong in a mapping, or between it and a log: where (`ticket.priority.values`), a code, parameters."""

    path: str
    code: str
    params: Mapping[str, str]


def mapping_problems(doc: Mapping[str, Any]) -> list[MappingProblem]:
    """Everything that is wrong in a mapping document; [] means that `parse_mapping` takes it."""
    problems = [problem(key, "key_unknown", known=listed(TOP_KEYS)) for key in doc if key not in TOP_KEYS]
    for key, allowed in CHOICES.items():
        if doc.get(key, allowed[0]) not in allowed:
            problems.append(problem(key, "value_unknown", value=str(doc[key]), known=", ".join(allowed)))
    problems += _shape_problems(doc)
    if problems:
        return problems
    problems += _zone_problems(doc.get("zone"))
    problems += _detect_problems(doc.get("detect", {}))
    problems += _event_problems(doc.get("event", {}))
    problems += _meaning_problems(doc)
    for key, value in doc.get("ticket", {}).items():
        if key not in FIELDS:
            problems.append(problem(f"ticket.{key}", "key_unknown", known=listed(FIELDS)))
        else:
            problems += _rule_problems(f"ticket.{key}", value, CODES.get(key))
    for key, value in doc.get("custom", {}).items():
        problems += _rule_problems(f"custom.{key}", value, None)
    return problems


def _shape_problems(doc: Mapping[str, Any]) -> Iterable[MappingProblem]:
    for key in ("detect", "event", "activities", "states", "ticket", "custom"):
        if not isinstance(doc.get(key, {}), dict):
            yield problem(key, "table_expected")
    for key in ("times", "null", "reply_with"):
        if not _is_texts(doc.get(key, [])):
            yield problem(key, "list_expected")
    if not isinstance(doc.get("actor_is_agent", True), bool):
        yield problem("actor_is_agent", "boolean_expected")
    for key in ("name", "title", "zone"):
        if not isinstance(doc.get(key, ""), str):
            yield problem(key, "text_expected")


def _zone_problems(zone: str | None) -> Iterable[MappingProblem]:
    if zone is None:
        return
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        yield problem("zone", "zone_unknown", value=zone)


def _detect_problems(detect: Mapping[str, Any]) -> Iterable[MappingProblem]:
    if not _is_texts(detect.get("columns", [])):
        yield problem("detect.columns", "list_expected")
    patterns = detect.get("values", {})
    if not isinstance(patterns, dict):
        yield problem("detect.values", "table_expected")
        return
    for column, pattern in patterns.items():
        try:
            re.compile(pattern)
        except (re.error, TypeError):
            yield problem(f"detect.values.{column}", "pattern_broken", value=str(pattern))


def _event_problems(event: Mapping[str, Any]) -> Iterable[MappingProblem]:
    for key in REQUIRED_EVENT_COLUMNS:
        if not event.get(key):
            yield problem(f"event.{key}", "key_missing")
    for key, value in event.items():
        if key not in EVENT_COLUMNS:
            yield problem(f"event.{key}", "key_unknown", known=listed(EVENT_COLUMNS))
        elif not _is_columns(value):
            yield problem(f"event.{key}", "columns_expected")


def _meaning_problems(doc: Mapping[str, Any]) -> Iterable[MappingProblem]:
    mode = doc.get("mode", "events")
    table, known = table_of(mode), STATES if mode == "snapshots" else KINDS
    if mode == "snapshots" and not doc.get("states"):
        yield problem("states", "key_missing")
    for key, value in doc.get(table, {}).items():
        path = f"{table}.{key}"
        code = value.get("is") if isinstance(value, dict) else value
        if code not in known:
            yield problem(path, "value_unknown", value=str(code), known=listed(known))
        elif code in ("held", "waiting") and (not isinstance(value, dict) or value.get("reason") not in REASONS):
            yield problem(path, "reason_missing", known=listed(REASONS))
        elif code == "message":
            yield from _message_problems(path, value)


def _message_problems(path: str, value: Any) -> Iterable[MappingProblem]:
    """Whether a message stops a clock hangs on who wrote it to whom, so that has to be said."""
    given = value if isinstance(value, dict) else {}
    for key, known in MESSAGE_CODES.items():
        if given.get(key) not in known:
            yield problem(f"{path}.{key}", "value_unknown", value=str(given.get(key)), known=listed(known))


def _rule_problems(path: str, value: Any, codes: frozenset[str] | None) -> Iterable[MappingProblem]:
    rule = value if isinstance(value, dict) else {"columns": value}
    for key in rule:
        if key not in RULE_KEYS:
            yield problem(f"{path}.{key}", "key_unknown", known=listed(RULE_KEYS))
    if "columns" in rule and not _is_columns(rule["columns"]):
        yield problem(f"{path}.columns", "columns_expected")
    if "columns" not in rule and "default" not in rule:
        yield problem(f"{path}.columns", "key_missing")
    if not isinstance(rule.get("time", False), bool):
        yield problem(f"{path}.time", "boolean_expected")
    if isinstance(rule.get("values", {}), dict):
        yield from _code_problems(path, rule, codes)
    else:
        yield problem(f"{path}.values", "table_expected")


def _code_problems(path: str, rule: Mapping[str, Any], codes: frozenset[str] | None) -> Iterable[MappingProblem]:
    """The codes that a rule may yield: `codes` are those that the field allows, None for a field of free text."""
    given = {f"{path}.values.{key}": code for key, code in rule.get("values", {}).items()}
    given |= {f"{path}.{key}": rule[key] for key in ("default", "otherwise", "join") if key in rule}
    for where, code in given.items():
        if not isinstance(code, str):
            yield problem(where, "text_expected")
        elif codes is not None and where != f"{path}.join" and code not in codes:
            yield problem(where, "value_unknown", value=code, known=listed(codes))


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_columns(value: Any) -> bool:
    return (isinstance(value, str) and value != "") or (_is_texts(value) and value != [])


def problem(path: str, code: str, **params: str) -> MappingProblem:
    """A problem with its parameters by name."""
    return MappingProblem(path, code, params)


def listed(known: Iterable[str]) -> str:
    """Known codes as one parameter of a message."""
    return ", ".join(sorted(known))


def table_of(mode: str) -> str:
    """The table that gives activities their meaning: a log of snapshots names states, not steps."""
    return "states" if mode == "snapshots" else "activities"
