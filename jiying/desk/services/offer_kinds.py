"""The kinds of offers (D5): what may be offered to customers, edited by those who may edit rules; the shipped ones."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.desk.models import OfferKind
from jiying.desk.services import listed

RIGHT = "desk.edit_rules"
_NAMES = ("name_zh", "name_en", "active")
# code, Chinese, English
SHIPPED = (
    ("extended_warranty", "延长保修", "Extended warranty"),
    ("voucher", "补偿券", "Compensation voucher"),
    ("plan", "优惠套餐", "Discounted plan"),
    ("points", "积分补偿", "Bonus points"),
    ("partial_refund", "部分退款", "Partial refund"),
    ("free_shipping", "免运费", "Free shipping"),
    ("gift", "赠品", "Gift"),
)


@dataclass(frozen=True, slots=True)
class OfferKindData:
    """A kind as it shall be."""

    code: str
    name_zh: str
    name_en: str = ""
    active: bool = True


@short
def save(*, actor: Actor, data: OfferKindData, revision: int | None, now: datetime) -> OfferKind:
    """A new kind (`revision` None), or other words for one; the code stays, because offers name it."""
    require(actor, RIGHT)
    row = OfferKind.objects.select_for_update().filter(code=data.code).first()
    listed.require_seen(row, "offer_kind", "code", data.code, revision)
    if faults := _faults(data):
        raise Invalid(*faults)
    before = _facts(row) if row is not None else {}
    row = row or OfferKind(code=data.code)
    row.name_zh, row.name_en, row.active = data.name_zh.strip(), data.name_en.strip(), data.active
    row.revision += 1
    row.save()
    journal.record(actor, listed.told("offer_kind", row.pk, {"code": row.code}, before, _facts(row), now), now=now)
    return row


def _facts(row: OfferKind) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _NAMES}


def _faults(data: OfferKindData) -> list[Fault]:
    faults = [] if re.fullmatch(listed.CODE, data.code) else [Fault("code", "bad_key", {"value": data.code[:40]})]
    if not data.name_zh.strip():
        faults.append(Fault("name_zh", "required", {"field": "name_zh"}))
    for name in ("name_zh", "name_en"):
        if len(getattr(data, name)) > 80:
            faults.append(Fault(name, "too_long", {"limit": 80, "length": len(getattr(data, name))}))
        if "\x00" in getattr(data, name):
            faults.append(Fault(name, "control_character", {}))
    return faults


def seed() -> None:
    """Add the shipped kinds where there are none at all."""
    if not OfferKind.objects.exists():
        OfferKind.objects.bulk_create(OfferKind(code=code, name_zh=zh, name_en=en) for code, zh, en in SHIPPED)
