"""Edits of the alert plan (C18): each save is a new version, in force at once; who edits names the version they saw."""

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

from jiying.alerts.queries import duty
from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Fault, Invalid, NotFound
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.core import alerting

RIGHT = "alerts.edit"


def _faults(body: Any) -> list[Fault]:
    try:
        alerting.parse(body)
    except alerting.PlanError as error:
        return [Fault(p.path, p.code, p.params) for p in error.problems]
    return []


DOCUMENT = documents.DocumentKind(duty.KIND, RIGHT, _faults, needs_approval=False)


def body(now: datetime) -> dict[str, Any]:
    """The document in force, to be changed and saved."""
    number = duty.version(now)
    return deepcopy(dict(alerting.SHIPPED) if number == 0 else documents.get(duty.KIND, duty.KEY, number).body)


def save(*, actor: Actor, body: Any, seen: int, now: datetime) -> VersionedDocument:
    """A new version of the whole plan. Conflict where another one came since `seen` (0: the shipped one)."""
    require(actor, RIGHT)
    documents.forget()
    if duty.version(now) != seen:
        raise Conflict.one("stale")
    return documents.create(actor=actor, kind=duty.KIND, key=duty.KEY, body=body, now=now)


def put_rule(*, actor: Actor, rule: dict[str, Any], key: str, seen: int, now: datetime) -> VersionedDocument:
    """Change the rule `key`, or add one before all others for an empty key."""

    def change(rules: list[dict[str, Any]]) -> None:
        if key:
            rules[_place(rules, key)] = {**rule, "key": key}
        else:
            rules.insert(0, {**rule, "key": _free_key(rules)})

    return _change(actor, seen, now, change)


def move_rule(*, actor: Actor, key: str, by: int, seen: int, now: datetime) -> VersionedDocument:
    """Move a rule up (-1) or down (+1): the first that holds decides."""

    def change(rules: list[dict[str, Any]]) -> None:
        here = _place(rules, key)
        rules.insert(max(0, min(len(rules) - 1, here + by)), rules.pop(here))

    return _change(actor, seen, now, change)


def remove_rule(*, actor: Actor, key: str, seen: int, now: datetime) -> VersionedDocument:
    return _change(actor, seen, now, lambda rules: rules.pop(_place(rules, key)))


def set_times(*, actor: Actor, quiet: dict[str, Any] | None, calendar: str, seen: int, now: datetime) -> None:
    """The quiet time of the house and the calendar by which its rules tell open hours from closed ones."""
    require(actor, RIGHT)
    if calendar and calendar not in documents.in_force("calendar", now):
        raise NotFound("calendar", calendar)
    save(actor=actor, body={**body(now), "quiet": quiet, "calendar": calendar}, seen=seen, now=now)


def _change(
    actor: Actor, seen: int, now: datetime, change: Callable[[list[dict[str, Any]]], object]
) -> VersionedDocument:
    require(actor, RIGHT)
    plan = body(now)
    change(plan["rules"])
    return save(actor=actor, body=plan, seen=seen, now=now)


def _place(rules: list[dict[str, Any]], key: str) -> int:
    for n, rule in enumerate(rules):
        if rule["key"] == key:
            return n
    raise NotFound("alert_rule", key)


def _free_key(rules: list[dict[str, Any]]) -> str:
    taken = {rule["key"] for rule in rules}
    if len(rules) >= alerting.MAX_RULES:
        raise Invalid.one("rules", "plan_many", limit=alerting.MAX_RULES)
    return next(f"rule{n}" for n in range(1, alerting.MAX_RULES + 2) if f"rule{n}" not in taken)
