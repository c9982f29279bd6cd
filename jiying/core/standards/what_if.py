"""A standard set with one promise changed: "what would 90 minutes have meant", without writing a draft. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from jiying.core.standards.form import parse
from jiying.core.standards.table import PRIORITIES, Facts


class Cell(NamedTuple):
    """One promise: of a metric, for tickets of a channel and priority (None: of all)."""

    channel: str | None
    priority: str | None
    metric: str
    minutes: int


def with_cell(doc: Mapping[str, Any], cell: Cell) -> dict[str, Any]:
    """The document with the cell's minutes in every row that serves only such tickets; each keeps its own calendar.

    Where no row stands for channel and priority exactly, one is added with the other promises of the row that won. A
    channel without a priority is each of its priorities: rows of a priority win over rows of a channel.
    """
    if cell.channel is not None and cell.priority is None:
        for priority in PRIORITIES:
            doc = with_cell(doc, cell._replace(priority=priority))
        return dict(doc)
    rows = [_changed(row, cell) for row in doc["rows"]]
    if not any(_facts(row) == (cell.channel, cell.priority, None, None) for row in rows):
        won = parse(doc).row_for(Facts(cell.channel, cell.priority))
        targets = {metric: target._asdict() for metric, target in won.targets.items()}
        about = {"channel": cell.channel, "priority": cell.priority}
        fresh = {"key": _key(rows), **{name: x for name, x in about.items() if x is not None}, "targets": targets}
        rows.append(_changed(fresh, cell))
    return {**doc, "rows": rows}


def _changed(row: Mapping[str, Any], cell: Cell) -> dict[str, Any]:
    wanted = zip((cell.channel, cell.priority), _facts(row), strict=False)
    if any(given is not None and given != has for given, has in wanted) or not row["targets"]:
        return dict(row)
    old = row["targets"].get(cell.metric) or next(iter(row["targets"].values()))
    target = {"amount": cell.minutes, "unit": "min", "calendar": old["calendar"]}
    return {**row, "targets": {**row["targets"], cell.metric: target}}


def _facts(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("channel", "priority", "tier", "category"))


def _key(rows: list[dict[str, Any]]) -> str:
    taken = {row["key"] for row in rows}
    return next(key for key in (f"what_if{n}" for n in range(len(rows) + 1)) if key not in taken)
