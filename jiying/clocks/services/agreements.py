"""Drafts of departments' collaboration standards (C6a): begun from what holds today, one at a time for each department.

Editing, proposing and the approval of both departments are base's (`base.documents`).
"""

from datetime import datetime
from typing import Any

from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, NotFound
from jiying.base.models import Department, VersionedDocument
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.clocks.queries import AGREEMENT
from jiying.core.standards import ANY

RIGHT = "clocks.edit"
State = VersionedDocument.State
FIRST: dict[str, Any] = {
    "asking": None,
    "entries": [{"kind": None, "target": {"amount": 24, "unit": "h", "calendar": "24x7"}}],
}


@short
def begin(*, actor: Actor, department: str, now: datetime) -> VersionedDocument:
    """A draft for this department (or `any`), equal to what holds; Conflict while another one is open."""
    require(actor, RIGHT)
    if department != ANY and not Department.objects.filter(code=department).exists():
        raise NotFound("department", department)
    rows = VersionedDocument.objects.select_for_update().filter(kind=AGREEMENT, key=department)
    if any(row.state in (State.DRAFT, State.PROPOSED) for row in rows):
        raise Conflict.one("draft_open")
    held = documents.in_force(AGREEMENT, now)
    number = held.get(department)
    body = documents.get(AGREEMENT, department, number).body if number else FIRST
    return documents.create(actor=actor, kind=AGREEMENT, key=department, body=body, now=now)
