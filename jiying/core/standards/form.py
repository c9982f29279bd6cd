"""The document form of a standard set: everything wrong with it by place and code (C6, C8), and the parsed set.

May not raise for bad input in `problems`: whatever JSON holds is answered with problems.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jiying.core.calendars import Problem
from jiying.core.standards.table import (
    CHANNELS,
    DEFAULT_KEY,
    FACTS,
    HOLD_REASONS,
    PRIORITIES,
    TICKET_METRICS,
    UNITS,
    Collaboration,
    Row,
    Rule,
    Standard,
    Target,
)

MAX_TARGET_S = 10 * 366 * 86400
MAX_ROWS = 2000
MAX_TEXT = 200
MAX_LATE_MIN = 60 * 24 * 30
MAX_POINTS = 9
_PARTS = frozenset(("version", "rows", "default", "rules", "confirmation_s", "collaboration", "promises"))
_CODE = re.compile(r"[a-z][a-z0-9_]{0,49}")
_CODES = {"channel": CHANNELS, "priority": PRIORITIES}
_RECEIPT = ("receipt", "acceptance")
STARTS: Mapping[str, tuple[str, ...]] = {
    "accept": ("assignment",),
    "first_response": _RECEIPT,
    "next_response": ("message",),
    "update": _RECEIPT,
    "resolution": _RECEIPT,
    "resolution_total": _RECEIPT,
}
_ASKED = ("request",)


class StandardError(ValueError):
    """A document that is no usable standard set; `problems` says where and why."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        told = (f"{x.path or 'standard'}: {x.code} {dict(x.params) or ''}".strip() for x in problems)
        super().__init__("; ".join(told))


def problems(doc: Any, calendars: Collection[str] | None = None) -> list[Problem]:
    """Everything wrong with a document, in its order; `calendars` are the known keys (None: not checked)."""
    if not isinstance(doc, Mapping):
        return [Problem("", "not_an_object")]
    found = [Problem(str(name), "unknown_field") for name in doc if name not in _PARTS]
    if "version" in doc and not (_whole(doc["version"]) and doc["version"] >= 0):
        found.append(Problem("version", "not_a_version"))
    found += _rows(doc.get("rows"), calendars)
    found += _default(doc.get("default"), calendars)
    found += _promises(doc.get("promises", {}), calendars)
    found += _rules(doc.get("rules", {}), doc.get("promises"))
    if "confirmation_s" in doc:
        found += _amount("confirmation_s", doc["confirmation_s"], MAX_TARGET_S)
    found += _collaboration(doc.get("collaboration", []), calendars)
    return found


def parse(doc: Mapping[str, Any], version: int | None = None, calendars: Collection[str] | None = None) -> Standard:
    """The standard set of a document; `version` wins over the document's. Raises StandardError with every problem."""
    found = problems(doc, calendars)
    if found:
        raise StandardError(found)
    rules = {name: _parsed_rule(name, rule) for name, rule in doc.get("rules", {}).items()}
    return Standard(
        version=doc.get("version", 0) if version is None else version,
        rows=tuple(_parsed_row(row["key"], row) for row in doc["rows"]),
        default=_parsed_row(DEFAULT_KEY, {"targets": doc["default"]["targets"]}),
        rules={metric: rules.get(metric, _plain_rule(metric)) for metric in (*TICKET_METRICS, *rules)},
        confirmation_s=doc.get("confirmation_s", 72 * 3600),
        collaboration=tuple(
            Collaboration(x.get("department"), x.get("kind"), _parsed_target(x["target"]))
            for x in doc.get("collaboration", [])
        ),
        promises={code: _parsed_target(target) for code, target in doc.get("promises", {}).items()},
    )


def _parsed_row(key: str, row: Mapping[str, Any]) -> Row:
    targets = {metric: _parsed_target(target) for metric, target in row["targets"].items()}
    return Row(key, row.get("channel"), row.get("priority"), row.get("tier"), row.get("category"), targets)


def _parsed_target(target: Mapping[str, Any]) -> Target:
    return Target(target["amount"], target["unit"], target["calendar"])


def _parsed_rule(metric: str, rule: Mapping[str, Any]) -> Rule:
    plain = _plain_rule(metric)
    return Rule(
        starts=rule.get("starts", plain.starts),
        pauses=tuple(rule.get("pauses", plain.pauses)),
        warn=tuple(rule.get("warn", plain.warn)),
        late_min=tuple(rule.get("late_min", plain.late_min)),
    )


def _plain_rule(metric: str) -> Rule:
    """The rule of a metric of which the document says nothing: as shipped, without escalation."""
    starts = "acceptance" if metric in ("first_response", "update") else STARTS.get(metric, _ASKED)[0]
    return Rule(starts, HOLD_REASONS if metric in ("resolution", "resolution_total") else ())


def _rows(rows: Any, calendars: Collection[str] | None) -> Iterator[Problem]:
    if not isinstance(rows, list | tuple):
        yield Problem("rows", "not_a_list")
        return
    if len(rows) > MAX_ROWS:
        yield Problem("rows", "too_many", {"most": MAX_ROWS})
        return
    keys: dict[Any, int] = {}
    places: dict[Any, int] = {}
    for number, row in enumerate(rows):
        path = f"rows.{number}"
        if not isinstance(row, Mapping):
            yield Problem(path, "not_an_object")
            continue
        yield from _row(path, row, calendars)
        yield from _repeated(path, "duplicate_key", _text_or_none(row.get("key")), keys, number)
        place = tuple(_text_or_none(row.get(name)) for name in FACTS)
        yield from _repeated(path, "duplicate_facts", place, places, number)


def _repeated(path: str, code: str, value: Any, seen: dict[Any, int], number: int) -> Iterator[Problem]:
    if value is not None and value in seen:
        yield Problem(path, code, {"first": f"rows.{seen[value]}"})
    seen.setdefault(value, number)


def _row(path: str, row: Mapping[str, Any], calendars: Collection[str] | None) -> Iterator[Problem]:
    for name in row:
        if name not in (*FACTS, "key", "targets"):
            yield Problem(f"{path}.{name}", "unknown_field")
    if not _text(row.get("key")):
        yield Problem(f"{path}.key", "no_key")
    elif row["key"] == DEFAULT_KEY:
        yield Problem(f"{path}.key", "reserved_key", {"key": DEFAULT_KEY})
    for name in FACTS:
        yield from _fact(f"{path}.{name}", name, row.get(name))
    yield from _targets(f"{path}.targets", row.get("targets"), calendars)


def _fact(path: str, name: str, value: Any) -> Iterator[Problem]:
    if value is None:
        return
    if not _text(value):
        yield Problem(path, "not_text")
    elif name in _CODES and value not in _CODES[name]:
        yield Problem(path, f"unknown_{name}", {name: value})
    elif name == "category" and not all(part.strip() for part in value.split("/")):
        yield Problem(path, "bad_category", {"category": value})


def _default(default: Any, calendars: Collection[str] | None) -> Iterator[Problem]:
    if default is None:
        yield Problem("default", "no_default_row")
    elif not isinstance(default, Mapping):
        yield Problem("default", "not_an_object")
    else:
        for name in default:
            if name != "targets":
                yield Problem(f"default.{name}", "unknown_field")
        yield from _targets("default.targets", default.get("targets"), calendars)


def _targets(path: str, targets: Any, calendars: Collection[str] | None) -> Iterator[Problem]:
    if not isinstance(targets, Mapping):
        yield Problem(path, "not_an_object")
        return
    if not targets:
        yield Problem(path, "no_targets")
    for metric, target in targets.items():
        if metric not in TICKET_METRICS:
            yield Problem(f"{path}.{metric}", "unknown_metric", {"metric": metric})
        yield from _target(f"{path}.{metric}", target, calendars)


def _target(path: str, target: Any, calendars: Collection[str] | None) -> Iterator[Problem]:
    if not isinstance(target, Mapping):
        yield Problem(path, "not_an_object")
        return
    for name in target:
        if name not in Target._fields:
            yield Problem(f"{path}.{name}", "unknown_field")
    unit = target.get("unit")
    if not (isinstance(unit, str) and (unit == "wd" or unit in UNITS)):
        yield Problem(f"{path}.unit", "unknown_unit", {"unit": unit})
        unit = "min"
    yield from _amount(f"{path}.amount", target.get("amount"), MAX_TARGET_S // UNITS.get(unit, 86400))
    calendar = target.get("calendar")
    if not _text(calendar):
        yield Problem(f"{path}.calendar", "no_calendar")
    elif calendars is not None and calendar not in calendars:
        yield Problem(f"{path}.calendar", "unknown_calendar", {"calendar": calendar})


def _amount(path: str, amount: Any, most: int) -> Iterator[Problem]:
    if not _whole(amount):
        yield Problem(path, "not_a_whole_number")
    elif amount <= 0:
        yield Problem(path, "not_positive", {"amount": amount})
    elif amount > most:
        yield Problem(path, "too_large", {"amount": amount, "most": most})


def _promises(promises: Any, calendars: Collection[str] | None) -> Iterator[Problem]:
    if not isinstance(promises, Mapping):
        yield Problem("promises", "not_an_object")
        return
    for code, target in promises.items():
        path = f"promises.{code}"
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            yield Problem(path, "bad_code", {"metric": code})
        elif code in TICKET_METRICS or code == "collaboration":
            yield Problem(path, "reserved_metric", {"metric": code})
        yield from _target(path, target, calendars)


def _rules(rules: Any, promises: Any) -> Iterator[Problem]:
    if not isinstance(rules, Mapping):
        yield Problem("rules", "not_an_object")
        return
    known = (*TICKET_METRICS, "collaboration", *(promises if isinstance(promises, Mapping) else ()))
    for metric, rule in rules.items():
        path = f"rules.{metric}"
        if metric not in known:
            yield Problem(path, "unknown_metric", {"metric": metric})
        elif not isinstance(rule, Mapping):
            yield Problem(path, "not_an_object")
        else:
            yield from _rule(path, metric, rule)


def _rule(path: str, metric: str, rule: Mapping[str, Any]) -> Iterator[Problem]:
    allowed = STARTS.get(metric, _ASKED)
    for name in rule:
        if name not in ("starts", "pauses", "warn", "late_min"):
            yield Problem(f"{path}.{name}", "unknown_field")
    if "starts" in rule and rule["starts"] not in allowed:
        yield Problem(f"{path}.starts", "unknown_start", {"start": rule["starts"], "allowed": list(allowed)})
    yield from _reasons(f"{path}.pauses", rule.get("pauses", ()))
    yield from _rising(f"{path}.warn", rule.get("warn", ()), 99)
    yield from _rising(f"{path}.late_min", rule.get("late_min", ()), MAX_LATE_MIN)


def _reasons(path: str, reasons: Any) -> Iterator[Problem]:
    if not isinstance(reasons, list | tuple):
        yield Problem(path, "not_a_list")
        return
    for number, reason in enumerate(reasons):
        if reason not in HOLD_REASONS:
            yield Problem(f"{path}.{number}", "unknown_reason", {"reason": reason})


def _rising(path: str, values: Any, most: int) -> Iterator[Problem]:
    if not isinstance(values, list | tuple):
        yield Problem(path, "not_a_list")
    elif len(values) > MAX_POINTS:
        yield Problem(path, "too_many", {"most": MAX_POINTS})
    elif not all(_whole(x) and 1 <= x <= most for x in values):
        yield Problem(path, "outside_range", {"least": 1, "most": most})
    elif any(a >= b for a, b in zip(values, values[1:], strict=False)):
        yield Problem(path, "not_rising")


def _collaboration(entries: Any, calendars: Collection[str] | None) -> Iterator[Problem]:
    if not isinstance(entries, list | tuple):
        yield Problem("collaboration", "not_a_list")
        return
    seen: set[tuple[Any, Any]] = set()
    for number, entry in enumerate(entries):
        path = f"collaboration.{number}"
        if not isinstance(entry, Mapping):
            yield Problem(path, "not_an_object")
            continue
        for name in entry:
            if name not in ("department", "kind", "target"):
                yield Problem(f"{path}.{name}", "unknown_field")
        place = (_text_or_none(entry.get("department")), _text_or_none(entry.get("kind")))
        for name in ("department", "kind"):
            yield from _fact(f"{path}.{name}", name, entry.get(name))
        if place in seen:
            yield Problem(path, "duplicate_facts")
        seen.add(place)
        yield from _target(f"{path}.target", entry.get("target"), calendars)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_TEXT


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
