"""A block of tickets as a part of a map: read from the copy's files and folded wherever these are seen.

Runs on other machines, too: needs no Django settings and no database; whose tickets count is in its SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jiying.core.processmap import Log, Part, fold, kernel
from jiying.core.processmap.cases import Slowest, slowest
from jiying.core.processmap.stages import by_stage
from jiying.warehouse.asking import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class People:
    """Persons by rising id, with names, and the place of each one's team among `teams` (-1: none)."""

    ids: tuple[int, ...]
    names: tuple[str, ...]
    team: tuple[int, ...]
    teams: tuple[str, ...]


@dataclass(frozen=True)
class Portion:
    """The question whose rows are ticket, activity (a place in `names`), at, person; `is_compiled` for many events."""

    source: Source
    sql: str
    values: tuple[Any, ...]
    names: tuple[str, ...]
    people: People
    by_stage: bool
    is_compiled: bool


@dataclass(frozen=True)
class Piece:
    part: Part
    slowest: Slowest


def piece(portion: Portion) -> Piece:
    """The part of the map that these tickets give, and the slowest of them by id."""
    import numpy as np

    found = portion.source.columns(portion.sql, portion.values)
    tickets, case = np.unique(np.ma.getdata(found["ticket"]), return_inverse=True)
    who = np.ma.filled(found["person"], -1) if len(case) else np.zeros(0, np.int64)
    log = Log(
        case.astype(np.int32),
        np.ma.getdata(found["activity"]).astype(np.int16),
        np.ma.getdata(found["at"]).astype(np.int64),
        portion.names,
    )
    log = _with_people(log, np.asarray(who, np.int64), portion.people)
    if portion.by_stage:
        log = by_stage(log)
    return Piece(kernel.fold(log) if portion.is_compiled else fold(log), slowest(log, tickets))


def _with_people(log: Log, who: NDArray[Any], people: People) -> Log:
    """Who did each step, and their team, as they are called now."""
    import numpy as np

    if not people.ids:
        return log
    ids = np.array(people.ids, np.int64)
    place = np.searchsorted(ids, who).clip(max=len(ids) - 1)
    person = np.where(ids[place] == who, place, -1).astype(np.int32)
    team = np.where(person >= 0, np.array(people.team, np.int32)[place], -1).astype(np.int32)
    return replace(log, person=person, group=team, people=people.names, groups=people.teams)
