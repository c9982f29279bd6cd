"""The standard set of a new installation: the figures of C6, C6a and C8 and nothing else decided in code."""

from __future__ import annotations

from typing import Any

ALWAYS, WORK = "24x7", "work"


def _target(amount: int, unit: str, calendar: str = ALWAYS) -> dict[str, Any]:
    return {"amount": amount, "unit": unit, "calendar": calendar}


def _row(key: str, response: dict[str, Any], resolve: dict[str, Any], **facts: str) -> dict[str, Any]:
    """A row; the next response has the target of the first, the total resolution that of the resolution."""
    targets = {
        "accept": _target(10, "min"),
        "first_response": response,
        "next_response": dict(response),
        "resolution": resolve,
        "resolution_total": dict(resolve),
    }
    return {"key": key, "channel": None, "priority": None, "tier": None, "category": None, **facts, "targets": targets}


def _rule(starts: str, pauses: list[str], warn: list[int], late_min: list[int]) -> dict[str, Any]:
    return {"starts": starts, "pauses": pauses, "warn": warn, "late_min": late_min}


def _answer(department: str | None, kind: str | None, target: dict[str, Any]) -> dict[str, Any]:
    return {"department": department, "kind": kind, "target": target}


_WAITS = ["customer", "third_party", "department"]

SHIPPED: dict[str, Any] = {
    "version": 1,
    "rows": [
        _row("p1-phone", _target(15, "min"), _target(4, "h"), channel="phone", priority="P1"),
        _row("p1-chat", _target(10, "min"), _target(4, "h"), channel="chat", priority="P1"),
        _row("p1", _target(15, "min"), _target(4, "h"), priority="P1"),
        _row("p2", _target(2, "h"), _target(24, "h"), priority="P2"),
        _row("p3", _target(8, "h", WORK), _target(3, "wd", WORK), priority="P3"),
        _row("p4", _target(24, "h", WORK), _target(5, "wd", WORK), priority="P4"),
    ],
    "default": {"targets": _row("", _target(8, "h", WORK), _target(3, "wd", WORK))["targets"]},
    "rules": {
        "accept": _rule("assignment", [], [50, 80], [10]),
        "first_response": _rule("acceptance", [], [50, 80], [30]),
        "next_response": _rule("message", [], [50, 80], [30]),
        "update": _rule("acceptance", ["customer"], [50, 80], []),
        "resolution": _rule("receipt", _WAITS, [50, 80], [30]),
        "resolution_total": _rule("receipt", _WAITS, [], []),
        "collaboration": _rule("request", [], [50, 80], [30]),
    },
    "confirmation_s": 72 * 3600,
    "collaboration": [
        _answer("logistics", None, _target(1, "h")),
        _answer("rd", "defect", _target(24, "h")),
        _answer("second_line", None, _target(30, "min")),
        _answer(None, "joint", _target(2, "h")),
        _answer(None, None, _target(24, "h")),
    ],
    "promises": {
        "complaint_answer": _target(4, "h"),
        "postmortem": _target(48, "h"),
        "callback": _target(24, "h"),
        "improvement": _target(10, "wd", WORK),
        "probe": _target(5, "wd", WORK),
        "appeal": _target(3, "wd", WORK),
        "revision": _target(10, "wd", WORK),
    },
}
