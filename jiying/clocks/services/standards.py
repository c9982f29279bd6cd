"""Drafts of the standard set (C6, C7): begun from the version in force, one at a time. Approval is base's."""

import copy
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Invalid
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.clocks.queries import STANDARD
from jiying.core.standards.table import FACTS

RIGHT = "clocks.edit"
State = VersionedDocument.State


@short
def begin(*, actor: Actor, now: datetime) -> VersionedDocument:
    """A draft equal to the version in force. Conflict while another draft or proposal is open: one after the other."""
    require(actor, RIGHT)
    rows = VersionedDocument.objects.select_for_update().filter(kind="standard", key=STANDARD)
    if any(row.state in (State.DRAFT, State.PROPOSED) for row in rows):
        raise Conflict.one("draft_open")
    number = documents.in_force("standard", now)[STANDARD]
    base = documents.get("standard", STANDARD, number)
    return documents.create(actor=actor, kind="standard", key=STANDARD, body=base.body, title=base.title, now=now)


def with_row(body: Mapping[str, Any], facts: Mapping[str, str | None], like: str) -> dict[str, Any]:
    """The body with a row for these facts, which has the targets of the row `like` (a key, or the default row)."""
    source = next((row for row in body["rows"] if row["key"] == like), body["default"])
    wanted = {name: facts.get(name) or None for name in FACTS}
    if not any(wanted.values()):
        raise Invalid.one("facts", "row_needs_fact")
    row = {"key": _free_key(body, wanted), **wanted, "targets": copy.deepcopy(source["targets"])}
    return {**body, "rows": [*body["rows"], row]}


def without_row(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The body without a row; its tickets then fall to the next row that fits."""
    return {**body, "rows": [row for row in body["rows"] if row["key"] != key]}


def _free_key(body: Mapping[str, Any], facts: Mapping[str, str | None]) -> str:
    """A readable key that no row has: it names the row in journals and on tickets."""
    parts = [str(facts[name]) for name in ("priority", "channel", "tier", "category") if facts[name]]
    stem = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-") or "row"
    taken = {row["key"] for row in body["rows"]} | {"default"}
    return next(key for n in range(len(taken) + 1) if (key := stem if not n else f"{stem}-{n + 1}") not in taken)
