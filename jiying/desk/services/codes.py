"""Cause and solution codes (D5a): their trees, and what is booked when a ticket is solved."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.desk.models import Category, Closing, Code, Ticket
from jiying.desk.services import listed, triage

RIGHT = "desk.edit_rules"
KINDS: tuple[str, ...] = tuple(Code.Kind.values)
MUST = ("cause", "solution")  # asked of categories that require codes; the process step never is
_PATH = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")


@dataclass(frozen=True, slots=True)
class Booked:
    """What the agent chose: paths, empty for none."""

    cause: str = ""
    solution: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class CodeData:
    """A code as it shall be."""

    kind: str
    path: str
    name_zh: str
    name_en: str = ""
    category: str = ""
    active: bool = True


@short
def save(*, actor: Actor, data: CodeData, revision: int | None, now: datetime) -> Code:
    """A new code (`revision` None), or other words for one; kind and path stay, because tickets name them."""
    require(actor, RIGHT)
    row = Code.objects.select_for_update().filter(kind=data.kind, path=data.path).first()
    listed.require_seen(row, "code", "path", data.path, revision)
    if faults := _faults(data):
        raise Invalid(*faults)
    before = _facts(row) if row is not None else {}
    row = row or Code(kind=data.kind, path=data.path)
    row.name_zh, row.name_en = data.name_zh.strip(), data.name_en.strip()
    row.category, row.active = data.category, data.active
    row.revision += 1
    row.save()
    journal.record(
        actor, listed.told("code", row.pk, {"kind": row.kind, "path": row.path}, before, _facts(row), now), now=now
    )
    return row


def _facts(row: Code) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name_zh", "name_en", "category", "active")}


def _faults(data: CodeData) -> list[Fault]:
    faults = []
    if data.kind not in KINDS:
        faults.append(Fault("kind", "unknown_value", {"value": data.kind[:40], "known": ", ".join(KINDS)}))
    parent = data.path.rpartition("/")[0]
    if not _PATH.fullmatch(data.path) or len(data.path) > 120 or data.path.count("/") >= 4:
        faults.append(Fault("path", "bad_category_path", {"depth": 4}))
    elif parent and not Code.objects.filter(kind=data.kind, path=parent).exists():
        faults.append(Fault("path", "not_found", {"kind": "code", "key": parent}))
    if not data.name_zh.strip():
        faults.append(Fault("name_zh", "required", {"field": "name_zh"}))
    for name in ("name_zh", "name_en"):
        if len(getattr(data, name)) > 80:
            faults.append(Fault(name, "too_long", {"limit": 80, "length": len(getattr(data, name))}))
    if data.category and not Category.objects.filter(path=data.category).exists():
        faults.append(Fault("category", "not_found", {"kind": "category", "key": data.category}))
    return faults


# --- on a ticket -----------------------------------------------------------------------------------------------------


def book(actor: Actor, ticket: Ticket, booked: Booked, now: datetime) -> dict[str, str]:
    """Check what was chosen for a locked ticket and keep it; returns it for the fact. Invalid names each field."""
    chosen = {kind: getattr(booked, kind).strip() for kind in KINDS}
    if faults := _booked_faults(ticket, chosen):
        raise Invalid(*faults)
    if any(chosen.values()):
        Closing.objects.update_or_create(ticket=ticket, defaults={**chosen, "by": actor.person, "at": now})
    return {kind: value for kind, value in chosen.items() if value}


def _booked_faults(ticket: Ticket, chosen: dict[str, str]) -> list[Fault]:
    category = triage.category_of(ticket.category)
    required = category is not None and category.codes == "required"
    faults = [Fault(k, "required", {"field": k}) for k in MUST if required and not chosen[k]]
    if wanted := {kind: path for kind, path in chosen.items() if path}:
        rows = Code.objects.filter(kind__in=wanted, path__in=wanted.values(), active=True)
        known = {(c.kind, c.path) for c in rows if _is_for(c.category, ticket.category)}
        faults += [
            Fault(kind, "not_found", {"kind": "code", "key": path[:80]})
            for kind, path in wanted.items()
            if (kind, path) not in known
        ]
    return faults


def _is_for(code: str, ticket: str) -> bool:
    return not code or ticket == code or ticket.startswith(f"{code}/")
