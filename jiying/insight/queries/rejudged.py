"""First priorities under a draft of priority rules beside those that were given, and how many would be others (C10).

Runs on other machines, too: needs no Django settings and no database.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jiying.core.standards import PRIORITIES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

JUDGED, GUESSED, KEPT = range(3)  # by what was known then; partly by what is known now; not for the rules to say
LISTED = 100  # tickets that are kept by team and change, to be opened from a number


@dataclass(frozen=True)
class FirstPriorities:
    """Of tickets by rising id, arrays of one length; priorities by their place in PRIORITIES.

    `how` is JUDGED, GUESSED or KEPT; of what was kept no priority is told.
    """

    ids: "NDArray[np.int64]"
    was: "NDArray[np.int8]"
    now: "NDArray[np.int8]"
    how: "NDArray[np.int8]"

    def between(self, first: int, last: int) -> "FirstPriorities":
        part = slice(int(self.ids.searchsorted(first)), int(self.ids.searchsorted(last, side="right")))
        return FirstPriorities(self.ids[part], self.was[part], self.now[part], self.how[part])

    def of(self, ids: Any) -> "FirstPriorities":
        """Of just these tickets; those that are not known here, as they came in meanwhile, are kept as they are."""
        import numpy as np

        place = np.minimum(self.ids.searchsorted(ids), max(0, len(self.ids) - 1))
        known = self.ids[place] == ids if len(self.ids) else np.zeros(len(ids), bool)
        columns = [np.zeros(len(ids), np.int8), np.zeros(len(ids), np.int8), np.full(len(ids), KEPT, np.int8)]
        for column, told in zip(columns, (self.was, self.now, self.how), strict=True):
            column[known] = told[place[known]]
        return FirstPriorities(ids, *columns)


@dataclass(frozen=True)
class Moves:
    """By team (0: none): `ways` how many tickets of (team, was, now) the rules judged, `listed` the first of those that
    would change, `guessed` and `kept` how many there are."""

    ways: dict[tuple[int, int, int], int] = field(default_factory=dict)
    listed: dict[tuple[int, int, int], list[int]] = field(default_factory=dict)
    guessed: dict[int, int] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)


def moves(first: FirstPriorities, teams: Any) -> Moves:
    """`teams` are those of its tickets."""
    import numpy as np

    found = Moves(guessed=_by(teams[first.how == GUESSED]), kept=_by(teams[first.how == KEPT]))
    judged = first.how != KEPT
    rows = np.stack([teams[judged], first.was[judged], first.now[judged]], axis=1)
    for way, n in zip(*(part.tolist() for part in np.unique(rows, axis=0, return_counts=True)), strict=True):
        found.ways[tuple(way)] = n
    for at in (judged & (first.was != first.now)).nonzero()[0].tolist():
        ids = found.listed.setdefault((int(teams[at]), int(first.was[at]), int(first.now[at])), [])
        if len(ids) < LISTED:
            ids.append(int(first.ids[at]))
    return found


def _by(teams: Any) -> dict[int, int]:
    import numpy as np

    return dict(zip(*(part.tolist() for part in np.unique(teams, return_counts=True)), strict=True))


def as_data(found: Sequence[Moves]) -> dict[str, Any]:
    """The moves of all portions as plain JSON; they come by rising ids."""
    ways = sorted({way for one in found for way in one.ways})
    told = []
    for way in ways:
        ids = [pk for one in found for pk in one.listed.get(way, [])]
        team, was, now = way
        n = sum(one.ways.get(way, 0) for one in found)
        told.append([team, PRIORITIES[was], PRIORITIES[now], n, ids[:LISTED]])
    return {
        "moves": told,
        "guessed": _sums(one.guessed for one in found),
        "kept": _sums(one.kept for one in found),
    }


def _sums(counted: Iterable[Mapping[int, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in counted:
        for team, n in one.items():
            found[str(team)] = found.get(str(team), 0) + n
    return dict(sorted(found.items()))
