"""Whether a worker lives: each writes one row every few seconds, which readiness, metrics and `restore` read."""

import os
import platform
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jiying.base.models import Setting

EVERY_S = 5
ALIVE_S = 15  # a worker that has not been heard of for longer counts as dead
PREFIX = "worker:"


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker last said: when, when its sequencer last had nothing left, when each sweep last looked."""

    worker: str
    at: float
    sequenced_at: float
    sweeps: dict[str, float] = field(default_factory=dict)

    def alive(self, now: datetime) -> bool:
        return abs(now.timestamp() - self.at) < ALIVE_S


def own_name() -> str:
    return f"{platform.node()[:40]}:{os.getpid()}"


def write(*, sequenced_at: float, sweeps: dict[str, float], now: datetime) -> None:
    """One statement: insert or replace this process's row."""
    value = {"at": now.timestamp(), "sequenced_at": sequenced_at, "sweeps": sweeps}
    Setting.objects.bulk_create(
        [Setting(key=PREFIX + own_name(), value=value)],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["value"],
    )


def remove() -> None:
    """A worker that ends cleanly is not missed."""
    Setting.objects.filter(key=PREFIX + own_name()).delete()


def _beat(row: Setting) -> Beat:
    value: dict[str, Any] = row.value
    return Beat(row.key.removeprefix(PREFIX), value["at"], value["sequenced_at"], value["sweeps"])


def living(now: datetime) -> list[Beat]:
    beats = [_beat(row) for row in Setting.objects.filter(key__startswith=PREFIX)]
    return [beat for beat in beats if beat.alive(now)]
