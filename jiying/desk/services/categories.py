"""Changes of the category tree (D22): names, team, skills, and what its tickets start, ask and need."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.models import Team, VersionedDocument
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.desk.models import Category
from jiying.desk.services import listed, triage
from jiying.desk.services.intake import TYPES

RIGHT = "desk.edit_rules"
CODES = ("", "optional", "required")
MAX_DEPTH = 4
_PATH = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")
_SKILL = re.compile(r"\S.{0,39}")


@dataclass(frozen=True, slots=True)
class CategoryData:
    """A category as it shall be; `team` is a team's code, `flow` and `form` are keys of documents."""

    path: str
    name_zh: str
    name_en: str = ""
    team: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    type: str = ""
    flow: str = ""
    form: str = ""
    codes: str = ""
    active: bool = True


def facts(row: Category) -> dict[str, Any]:
    """What of a category can change, as the journal tells it."""
    return {
        "name_zh": row.name_zh,
        "name_en": row.name_en,
        "team": row.team.code if row.team else "",
        "skills": dict(row.skills),
        "type": row.type,
        "flow": row.flow,
        "form": row.form,
        "codes": row.codes,
        "active": row.active,
    }


@short
def save(*, actor: Actor, data: CategoryData, revision: int | None, now: datetime) -> Category:
    """A new category (`revision` None), or another content for one; its path stays, because rules name it."""
    require(actor, RIGHT)
    row = Category.objects.select_for_update(of=("self",)).select_related("team").filter(path=data.path).first()
    listed.require_seen(row, "category", "path", data.path, revision)
    if faults := _faults(data):
        raise Invalid(*faults)
    before = facts(row) if row is not None else {}
    row = row or Category(path=data.path)
    _fill(row, data)
    row.save()
    journal.record(actor, listed.told("category", row.pk, {"path": row.path}, before, facts(row), now), now=now)
    transaction.on_commit(triage.forget)
    return row


def _fill(row: Category, data: CategoryData) -> None:
    row.name_zh, row.name_en = data.name_zh.strip(), data.name_en.strip()
    row.team = Team.objects.filter(code=data.team).first() if data.team else None
    row.skills = dict(data.skills)
    row.type, row.flow, row.form, row.codes = data.type, data.flow, data.form, data.codes
    row.active = data.active
    row.revision += 1


def _faults(data: CategoryData) -> list[Fault]:
    faults = _path_faults(data.path)
    if not data.name_zh.strip():
        faults.append(Fault("name_zh", "required", {"field": "name_zh"}))
    for name in ("name_zh", "name_en"):
        if len(getattr(data, name)) > 80:
            faults.append(Fault(name, "too_long", {"limit": 80, "length": len(getattr(data, name))}))
    for name, known in (("type", ("", *TYPES)), ("codes", CODES)):
        if (value := getattr(data, name)) not in known:
            faults.append(Fault(name, "unknown_value", {"value": value[:40], "known": ", ".join(filter(None, known))}))
    if data.team and not Team.objects.filter(code=data.team).exists():
        faults.append(Fault("team", "not_found", {"kind": "team", "key": data.team[:40]}))
    for skill, level in data.skills.items():
        if not _SKILL.fullmatch(skill) or not 1 <= level <= 5:
            faults.append(Fault("skills", "out_of_range", {"low": 1, "high": 5}))
    return faults + _document_faults(data)


def _path_faults(path: str) -> list[Fault]:
    if not _PATH.fullmatch(path) or len(path) > 120 or path.count("/") >= MAX_DEPTH:
        return [Fault("path", "bad_category_path", {"depth": MAX_DEPTH})]
    parent = path.rpartition("/")[0]
    if parent and not Category.objects.filter(path=parent).exists():
        return [Fault("path", "not_found", {"kind": "category", "key": parent})]
    return []


def _document_faults(data: CategoryData) -> list[Fault]:
    """Flow and form must be there to be named."""
    wanted = {kind: key for kind, key in (("flow", data.flow), ("form", data.form)) if key}
    rows = VersionedDocument.objects.filter(kind__in=wanted, key__in=wanted.values())
    known = set(rows.values_list("kind", "key"))
    return [
        Fault(kind, "not_found", {"kind": kind, "key": key}) for kind, key in wanted.items() if (kind, key) not in known
    ]
