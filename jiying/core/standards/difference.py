"""What a draft changes beside the version before it, cell by cell, for the people who approve it (C7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jiying.core.standards.table import DEFAULT_KEY, Row, Standard


class Change(NamedTuple):
    """One changed cell; None for `old` or `new` means that it was not there, or is no more.

    `part` is rows, default, rules, confirmation, collaboration or promises; `place` the row's facts, the metric, or the
    department and kind; `field` the metric or the rule's field.
    """

    part: str
    place: tuple[Any, ...]
    field: str
    old: Any
    new: Any


def difference(old: Standard, new: Standard) -> list[Change]:
    """All changed cells. A row is known by its facts, so that a renamed or moved row is no change."""
    return [
        *_cells("rows", _row_cells(old.rows), _row_cells(new.rows)),
        *_cells("default", _row_cells((old.default,)), _row_cells((new.default,))),
        *_cells("rules", _rule_cells(old), _rule_cells(new)),
        *_cells("confirmation", {((), "seconds"): old.confirmation_s}, {((), "seconds"): new.confirmation_s}),
        *_cells("collaboration", _collaboration_cells(old), _collaboration_cells(new)),
        *_cells("promises", _named(old.promises), _named(new.promises)),
    ]


_Cells = dict[tuple[tuple[Any, ...], str], Any]


def _cells(part: str, old: _Cells, new: _Cells) -> Iterator[Change]:
    for cell in (*old, *(x for x in new if x not in old)):
        before, after = old.get(cell), new.get(cell)
        if before != after:
            yield Change(part, cell[0], cell[1], before, after)


def _row_cells(rows: tuple[Row, ...]) -> _Cells:
    return {
        ((DEFAULT_KEY,) if row.key == DEFAULT_KEY else row.facts, metric): target
        for row in rows
        for metric, target in row.targets.items()
    }


def _rule_cells(standard: Standard) -> _Cells:
    fields = ("starts", "pauses", "warn", "late_min")
    return {((metric,), name): getattr(rule, name) for metric, rule in standard.rules.items() for name in fields}


def _collaboration_cells(standard: Standard) -> _Cells:
    return {((x.department, x.kind), "collaboration"): x.target for x in standard.collaboration}


def _named(targets: Mapping[str, Any]) -> _Cells:
    return {((code,), "target"): target for code, target in targets.items()}
