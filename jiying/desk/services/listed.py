"""Rows of the short lists that are edited under ticket setup: changed as the form saw them, each change a fact.

Which fields there are, and what they may hold, says each list itself.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jiying.base import journal
from jiying.base.errors import Conflict, NotFound

CODE = r"[a-z0-9][a-z0-9_-]{0,39}"


def require_seen(row: Any, kind: str, field: str, key: str, revision: int | None) -> None:
    """A row that there is, in the `revision` that the form was made from; None makes a new one under a free key."""
    if revision is None and row is not None:
        raise Conflict.one("duplicate", field, value=key)
    if revision is not None and row is None:
        raise NotFound(kind, key)
    if row is not None and row.revision != revision:
        raise Conflict.one("stale")


def told(
    kind: str, pk: int, key: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], now: datetime
) -> list[journal.Fact]:
    """The fact of a change with the row's `key`, every field beside what it was; none where nothing changed."""
    changed = {name: [before.get(name), value] for name, value in after.items() if before.get(name) != value}
    verb = "changed" if before else "created"
    return [journal.Fact(kind, pk, f"{kind}.{verb}", now, {**key, "changes": changed})] if changed else []
