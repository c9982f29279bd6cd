"""Clocks of histories that are written after the fact: folded as ever, with the points that lie behind marked as fired.

Pure but for the book of versions: the caller writes the rows and records the facts.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from jiying.base import journal
from jiying.clocks.models import Clock
from jiying.clocks.queries import second_of
from jiying.clocks.services.keeping import arm, plan
from jiying.core import clocks as core


def plan_past(events: Sequence[core.Event], now: datetime, fired_until: datetime) -> list[Clock]:
    """The clocks of a history at `now`. Points up to `fired_until` never fire again; later ones are the sweep's."""
    rows = plan(events, now)
    until = int(fired_until.timestamp())
    for row in rows:
        row.origin = None  # its facts have no ids yet
        row.fired = {code: at for code, at in row.points if at <= until}
        if row.breached_at is not None and not _is_left_to_sweep(row, until):
            row.fired["due"] = second_of(row.breached_at)
        arm(row)
    return rows


def _is_left_to_sweep(row: Clock, until: int) -> bool:
    return any(code == "due" and at > until for code, at in row.points)


def breaches(rows: Iterable[Clock]) -> list[journal.Fact]:
    """The breach facts of stored clocks, each dated at its due instant (C14), but for those left to the sweep."""
    return [
        journal.Fact(
            row.subject_kind,
            row.subject_id,
            "clock.breached",
            row.breached_at,
            {"clock": row.pk, "metric": row.metric, "seq": row.seq, "point": "due"},
        )
        for row in rows
        if row.breached_at is not None and "due" in row.fired
    ]
