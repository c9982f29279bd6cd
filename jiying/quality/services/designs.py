"""What is asked after closing, and whom (Q1): edited by those who may; one design ships, switched off."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core.standards import CHANNELS
from jiying.core.surveys import ITEMS, RATING, SCALES
from jiying.desk.models import Category
from jiying.desk.queries.filters import TYPES
from jiying.desk.services import listed
from jiying.quality.models import SurveyDesign
from jiying.quality.policies import EDIT

SHIPPED = "closing"
# Whole numbers: lowest, highest.
NUMBERS = {
    "share": (1, 100),
    "delay_h": (0, 240),
    "expires_days": (1, 60),
    "reminder_h": (0, 720),
    "quiet_days": (0, 365),
}
TEXTS = {"name_zh": 80, "name_en": 80, "question_zh": 200, "question_en": 200}


@dataclass(frozen=True, slots=True)
class DesignData:
    """A design as it shall be."""

    code: str
    name_zh: str
    name_en: str = ""
    kind: str = RATING
    items: tuple[str, ...] = ITEMS
    question_zh: str = ""
    question_en: str = ""
    channels: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    share: int = 100
    delay_h: int = 0
    expires_days: int = 7
    tells: bool = False
    reminder_h: int = 0
    quiet_days: int = 30
    active: bool = False


@short
def save(*, actor: Actor, data: DesignData, revision: int | None, now: datetime) -> SurveyDesign:
    """A new design (`revision` None), or another form of one; surveys that were made keep what they asked."""
    require(actor, EDIT)
    row = SurveyDesign.objects.select_for_update().filter(code=data.code).first()
    listed.require_seen(row, "survey_design", "code", data.code, revision)
    if faults := _faults(data):
        raise Invalid(*faults)
    before = _facts(row) if row is not None else {}
    row = row or SurveyDesign(code=data.code)
    for name, value in _values(data).items():
        setattr(row, name, value)
    row.revision += 1
    row.save()
    told = listed.told("survey_design", row.pk, {"code": row.code}, before, _facts(row), now)
    journal.record(actor, told, now=now)
    return row


def _values(data: DesignData) -> dict[str, Any]:
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(data).items()}
    values |= {name: getattr(data, name).strip() for name in TEXTS}
    if data.kind != RATING:
        values["items"] = []
    return values


def _facts(row: SurveyDesign) -> dict[str, Any]:
    """Codes and figures; what is asked in words is prose, and stays in its row."""
    named = (f for f in DesignData.__dataclass_fields__ if f != "code" and f not in TEXTS)
    return {name: getattr(row, name) for name in named} | {name: getattr(row, name) for name in ("name_zh", "name_en")}


def _faults(data: DesignData) -> list[Fault]:
    faults = [] if re.fullmatch(listed.CODE, data.code) else [Fault("code", "bad_key", {"value": data.code[:40]})]
    faults += _faulty_texts(data)
    for name, (low, high) in NUMBERS.items():
        if not low <= getattr(data, name) <= high:
            faults.append(Fault(name, "out_of_range", {"low": low, "high": high}))
    for name, chosen, known in _lists(data):
        if unknown := [code for code in chosen if code not in known]:
            faults.append(Fault(name, "unknown_value", {"value": unknown[0][:120], "known": ", ".join(known)}))
    if data.reminder_h and not data.tells:
        faults.append(Fault("reminder_h", "survey_reminds_nobody", {}))
    if data.reminder_h >= data.expires_days * 24:
        faults.append(Fault("reminder_h", "survey_reminds_late", {}))
    return faults


def _faulty_texts(data: DesignData) -> Iterable[Fault]:
    if not data.name_zh.strip():
        yield Fault("name_zh", "required", {"field": "name_zh"})
    for name, limit in TEXTS.items():
        text = getattr(data, name)
        if len(text) > limit:
            yield Fault(name, "too_long", {"limit": limit, "length": len(text)})
        if "\x00" in text:
            yield Fault(name, "control_character", {})


def _lists(data: DesignData) -> Iterable[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    yield "kind", (data.kind,), tuple(SCALES)
    yield "items", data.items, ITEMS
    yield "channels", data.channels, tuple(CHANNELS)
    yield "types", data.types, tuple(TYPES)
    yield "categories", data.categories, tuple(Category.objects.order_by("path").values_list("path", flat=True))


def seed(now: datetime) -> None:
    """The shipped design where there is none at all; switched off: nobody's customers are asked unbidden."""
    if not SurveyDesign.objects.exists():
        with transaction.atomic():
            SurveyDesign.objects.create(
                code=SHIPPED, name_zh="结案满意度", name_en="After closing", items=list(ITEMS), kind=RATING
            )
