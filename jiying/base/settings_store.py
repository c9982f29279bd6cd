"""Typed business settings, kept as rows: each with its default, its check and its text. Read at most once a second."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.models import Setting
from jiying.base.policies import require
from jiying.base.transactions import short


@dataclass(frozen=True, slots=True)
class Definition:
    key: str
    default: Any
    label: Any
    low: int = 0
    high: int = 0

    def check(self, value: Any) -> Any:
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise Invalid.one(self.key, "unknown_value", value=value, known="true, false")
        elif isinstance(self.default, int):
            if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
                raise Invalid.one(self.key, "out_of_range", low=self.low, high=self.high)
        elif not isinstance(value, str) or len(value) > 200:
            raise Invalid.one(self.key, "too_long", limit=200, length=len(str(value)))
        return value


DEFINITIONS: dict[str, Definition] = {}
_kept: tuple[float, dict[str, Any]] = (0.0, {})


def register(*definitions: Definition) -> None:
    DEFINITIONS.update({d.key: d for d in definitions})


register(Definition("site.name", "", _("Name of the service centre, shown beside the logo")))


def get(key: str) -> Any:
    """The value of a setting; KeyError for one that nobody registered."""
    global _kept
    if time.monotonic() - _kept[0] > 1.0:
        _kept = (time.monotonic(), dict(Setting.objects.values_list("key", "value")))
    return _kept[1].get(key, DEFINITIONS[key].default)


def forget() -> None:
    """Drop what is kept (after a change, and between tests)."""
    global _kept
    _kept = (0.0, {})


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting for who may change it; `low` and `high` bound a number. A change sends the `revision` back."""

    name: str
    label: str
    value: bool | int | str
    default: bool | int | str
    low: int | None
    high: int | None
    revision: int


def rows(actor: Actor) -> list[SettingRow]:
    """All settings in the order of their registration."""
    require(actor, "system.settings")
    kept = {row.key: row for row in Setting.objects.all()}
    return [
        SettingRow(
            name=one.key,
            label=str(one.label),
            value=kept[one.key].value if one.key in kept else one.default,
            default=one.default,
            low=one.low if type(one.default) is int else None,
            high=one.high if type(one.default) is int else None,
            revision=kept[one.key].revision if one.key in kept else 0,
        )
        for one in DEFINITIONS.values()
    ]


@short
def put(*, actor: Actor, key: str, value: Any, revision: int, now: datetime) -> None:
    """Change a setting; a stale form is refused, the change is journalled."""
    require(actor, "system.settings")
    if key not in DEFINITIONS:
        raise NotFound("setting", key)
    DEFINITIONS[key].check(value)
    row = Setting.objects.select_for_update().filter(key=key).first()
    if (row.revision if row else 0) != revision:
        raise Conflict.one("stale")
    before = row.value if row else DEFINITIONS[key].default
    Setting.objects.update_or_create(key=key, defaults={"value": value, "revision": revision + 1})
    fact = journal.Fact("setting", 0, "setting.changed", now, {"key": key, "before": before, "value": value})
    journal.record(actor, [fact], now=now)
    transaction.on_commit(forget)
