"""The kinds of outside events and their rules (D25b), edited by those who may edit rules; the shipped ones."""

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core.outside import NO_OPEN, OPENS
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models import Category, OutsideKind
from jiying.desk.services import listed

RIGHT = "desk.edit_rules"
MAX_WINDOW_H = 24 * 30
_LIMITS = {"name_zh": 80, "name_en": 80, "message": 2_000, "subject": 200}


@dataclass(frozen=True, slots=True)
class OutsideKindData:
    """A kind as it shall be; `opens` one of `core.outside.OPENS`, an empty priority leaves it to the rules."""

    code: str
    name_zh: str
    name_en: str = ""
    active: bool = True
    warns: bool = False
    tells: bool = False
    message: str = ""
    opens: str = ""
    subject: str = ""
    channel: str = "other"
    priority: str = ""
    category: str = ""
    window_h: int = 24


SHIPPED = (
    OutsideKindData(
        code="order_late",
        name_zh="订单延误",
        name_en="Order late",
        warns=True,
        tells=True,
        message="{客户}，您好！您的订单 {单号} 配送有延误，我们已在跟进，有进展会第一时间在这里告知您。",
        opens=NO_OPEN,
        subject="订单 {单号} 配送延误（主动跟进）",
        category="logistics/late",
    ),
    OutsideKindData(
        code="service_fault",
        name_zh="设备故障告警",
        name_en="Device fault",
        warns=True,
        opens=NO_OPEN,
        subject="{单号} 故障告警（主动跟进）",
        priority="P2",
        category="product/defect",
        window_h=12,
    ),
    OutsideKindData(
        code="refund_failed", name_zh="退款失败", name_en="Refund failed", warns=True, window_h=0, active=False
    ),
)


@short
def save(*, actor: Actor, data: OutsideKindData, revision: int | None, now: datetime) -> OutsideKind:
    """A new kind (`revision` None), or another rule for one; it holds for events from now on, and for tries."""
    require(actor, RIGHT)
    row = OutsideKind.objects.select_for_update().filter(code=data.code).first()
    listed.require_seen(row, "outside_kind", "code", data.code, revision)
    if faults := _faults(data):
        raise Invalid(*faults)
    before = _facts(row) if row is not None else {}
    row = row or OutsideKind(code=data.code)
    for name, value in asdict(data).items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)
    row.revision += 1
    row.save()
    journal.record(actor, listed.told("outside_kind", row.pk, {"code": row.code}, before, _facts(row), now), now=now)
    return row


def _facts(row: OutsideKind) -> dict[str, Any]:
    return {name: getattr(row, name) for name in OutsideKindData.__dataclass_fields__ if name != "code"}


def _faults(data: OutsideKindData) -> list[Fault]:
    faults = [] if re.fullmatch(listed.CODE, data.code) else [Fault("code", "bad_key", {"value": data.code[:40]})]
    needed = {"name_zh": True, "message": data.tells, "subject": bool(data.opens)}
    for name, limit in _LIMITS.items():
        text = getattr(data, name)
        if needed.get(name) and not text.strip():
            faults.append(Fault(name, "required", {"field": name}))
        if len(text) > limit:
            faults.append(Fault(name, "too_long", {"limit": limit, "length": len(text)}))
        if "\x00" in text:
            faults.append(Fault(name, "control_character", {}))
    for name, known in (("opens", OPENS), ("channel", CHANNELS), ("priority", ("", *PRIORITIES))):
        if getattr(data, name) not in known:
            params = {"value": getattr(data, name)[:40], "known": ", ".join(filter(None, known))}
            faults.append(Fault(name, "unknown_value", params))
    if data.category and not Category.objects.filter(path=data.category, active=True).exists():
        faults.append(Fault("category", "not_found", {"kind": "category", "key": data.category[:80]}))
    if not 0 <= data.window_h <= MAX_WINDOW_H:
        faults.append(Fault("window_h", "out_of_range", {"low": 0, "high": MAX_WINDOW_H}))
    return faults


def seed() -> None:
    """Add the shipped kinds where there are none at all."""
    if not OutsideKind.objects.exists():
        OutsideKind.objects.bulk_create(OutsideKind(**asdict(data)) for data in SHIPPED)
