"""The journal of a block of tickets as the compiled fold takes it, from the columnar copy and the packs beside it.

Terms that held are not in it: it is for replays under a draft, which holds for everything. Runs on other machines, too.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from jiying.core import fold_loops as k
from jiying.core.standards import HOLD_REASONS, PRIORITIES, Facts
from jiying.insight.queries.rejudged import FirstPriorities
from jiying.warehouse import steps
from jiying.warehouse.asking import Source

if TYPE_CHECKING:
    from jiying.core.fold_log import Terms, TicketLog

_SAID = {"customer": k.WROTE, "answer": k.ANSWERED}
RECEIVED = "t.received_at >= ? AND t.received_at < ? AND t.is_counted"
_CHOSEN = f"FROM tickets AS t WHERE {RECEIVED} AND id BETWEEN ? AND ?"
_IDS = f"SELECT id {_CHOSEN}"  # noqa: S608
_TEAM = "coalesce(team_id, 0)"
_CELLS = f"SELECT DISTINCT channel, priority, {_TEAM} {_CHOSEN}"  # noqa: S608
_SHELVES = f"SELECT id // ? AS shelf, channel, priority, {_TEAM}, count(*) {_CHOSEN} GROUP BY ALL ORDER BY 1"  # noqa: S608
_PLACES = "list_position($1::VARCHAR[], channel) - 1", "list_position($2::VARCHAR[], priority) - 1"
_TICKETS = f"""
SELECT id, ((({_PLACES[0]}) * len($2) + {_PLACES[1]}) * len($3) + list_position($3::BIGINT[], {_TEAM}) - 1)::INTEGER
  AS cell {_CHOSEN.replace("?", "${}").format(4, 5, 6, 7)}"""  # noqa: S608
Cell = tuple[str, str, int]  # channel, priority, team (0: none)
Names = tuple[list[str], list[str], list[int]]  # of channels, priorities and teams, rising


@dataclass(frozen=True)
class Block:
    """The tickets received in a period whose ids lie between two, in one state of the copy.

    `names` are those that occur in the whole of which it is a part, where that was asked.
    """

    source: Source
    since: datetime
    until: datetime
    first: int = 0
    last: int = 2**63 - 1
    names: Names | None = None

    @property
    def chosen(self) -> list[Any]:
        """The values of `_CHOSEN`."""
        return [self.since, self.until, self.first, self.last]

    @property
    def ids(self) -> list[int]:
        """Its first and last."""
        return [self.first, self.last]

    def blocks(self, size: int) -> list["Block"]:
        """This one in blocks of about so many tickets, or fewer."""
        width = max(1, size // 8)
        rows = self.source.query(_SHELVES, [width, *self.chosen])
        names = _names(row[1:4] for row in rows)
        found: list[Block] = []
        n_tickets = size
        for shelf, n in ((shelf, sum(row[-1] for row in held)) for shelf, held in groupby(rows, key=itemgetter(0))):
            if n_tickets + n > size:
                found.append(replace(self, first=shelf * width, names=names))
                n_tickets = 0
            n_tickets += n
            found[-1] = replace(found[-1], last=shelf * width + width - 1)
        return found or [self]

    def tickets(self) -> Any:
        """Their ids, rising."""
        import numpy as np

        return np.sort(self.source.columns(_IDS, self.chosen)["id"], kind="stable")

    def named(self) -> Names:
        """The names that its tickets have, and all priorities."""
        if self.names is not None:
            return self.names
        return _names(self.source.query(_CELLS, self.chosen))


def _names(cells: Iterable[Sequence[Any]]) -> Names:
    channels, priorities, teams = map(set, zip(*cells, strict=True)) if (cells := list(cells)) else ((), (), ())
    return sorted(channels), sorted({*priorities, *PRIORITIES}), sorted(teams)


@dataclass(frozen=True)
class Columns:
    """The log, the id of each of its tickets, and the cells in which they are counted under the terms."""

    log: "TicketLog"
    ids: Any
    cells: tuple[Cell, ...]


def last_at(source: Source) -> int:
    """The instant of the last event of any ticket that a clock may mind; 0 without any."""
    from jiying.core.fold_log import WORD_BITS

    return max((int(one.pack.turns.max()) >> WORD_BITS for one in steps.of(source) if len(one.pack.turns)), default=0)


def read(block: Block, terms: "Terms", first: FirstPriorities | None = None) -> Columns:
    """The tickets of the block, with all that has happened to them; `first` are the priorities that they begin with."""
    from jiying.core.fold_kernel import gather
    from jiying.core.fold_log import TicketLog

    tickets = _tickets(block)
    known, packs = _Words(), steps.of(block.source)
    firsts, lasts, told = gather([(one.pack, known.what(one.words)) for one in packs], tickets.ids)
    rows = _Rows(firsts, lasts, told)
    changes = _changes(rows) if known.changes else []
    if first is not None:
        begun = _begun(first, tickets.ids)
        _begin(known, rows, begun)
        begun[[n for n, row, _opened in changes if known.change(rows.data(row)).priority]] = -1
        tickets = tickets.having(begun)
    facts = _reclassify(known, rows, changes)
    cells, numbers = tickets.cells()
    return Columns(TicketLog(firsts, lasts, told, numbers, facts, (terms,)), tickets.ids, cells)


@dataclass(frozen=True)
class _Tickets:
    """By rising id; `cell` is the place of channel, priority and team among all that these names can make."""

    ids: Any
    cell: Any
    names: Names

    def having(self, begun: Any) -> "_Tickets":
        """The same with the priorities that are told as places in PRIORITIES, those below 0 as they were."""
        import numpy as np

        _channels, priorities, teams = self.names
        places = np.array([priorities.index(name) for name in PRIORITIES], np.int64)
        was = self.cell // len(teams) % len(priorities)
        return replace(self, cell=self.cell + np.where(begun < 0, 0, places[begun] - was) * len(teams))

    def cells(self) -> tuple[tuple[Cell, ...], Any]:
        """The cells that occur, and the number of each ticket's."""
        import numpy as np

        channels, priorities, teams = self.names
        used = np.bincount(self.cell, minlength=1).nonzero()[0]
        numbers = np.zeros(int(used.max(initial=0)) + 1, np.int32)
        numbers[used] = np.arange(len(used))
        shape = len(channels), len(priorities), len(teams)
        names = zip(*(x.tolist() for x in np.unravel_index(used, shape)), strict=True) if len(used) else ()
        return tuple((channels[c], priorities[p], teams[t]) for c, p, t in names), numbers[self.cell]


def _tickets(block: Block) -> _Tickets:
    import numpy as np

    names = block.named()
    found = block.source.columns(_TICKETS, [*names, *block.chosen])
    ids, cell = np.ma.getdata(found["id"]), np.ma.getdata(found["cell"])
    if (ids[1:] < ids[:-1]).any():
        order = np.argsort(ids, kind="stable")
        ids, cell = ids[order], cell[order]
    return _Tickets(ids, cell, names)


class _Words:
    """What each (kind, code) says: kind and data of the fold. Facts, changes, people are numbered as they are met."""

    def __init__(self) -> None:
        self.facts: dict[Facts, int] = {}
        self.people: dict[str, int] = {}
        self.changes: dict[str, int] = {}

    def what(self, words: Iterable[tuple[str, str]]) -> Any:
        """Of each word data << KIND_BITS | kind; below 0 what no clock minds."""
        import numpy as np

        told = np.array([self._place(*word) for word in words], np.int64).reshape(-1, 2)
        return np.where(told[:, 0] < 0, -1, told[:, 1] << k.KIND_BITS | told[:, 0])

    def _place(self, kind: str, code: str) -> tuple[int, int]:
        """(kind, data); kind -1 for what no clock minds. What RECLASSIFIED says is a change until `_reclassify`."""
        number = steps.KINDS[kind]
        if number == k.OPENED:
            return number, self.number(replaced(Facts(), code))
        if number == k.RECLASSIFIED:
            return number, self.changes.setdefault(code, len(self.changes))
        if kind == "ticket.message":
            return _SAID.get(code, -1), 0
        if number == k.ASSIGNED:
            return number, self.people.setdefault(code, len(self.people) + 1) if code else 0
        if number == k.HELD:
            return number, HOLD_REASONS.index(code) if code in HOLD_REASONS else len(HOLD_REASONS)
        return number, 0

    def change(self, number: int) -> Facts:
        """The facts that a change names, and no others."""
        return replaced(Facts(), list(self.changes)[number])

    def number(self, facts: Facts) -> int:
        return self.facts.setdefault(facts, len(self.facts))


def replaced(facts: Facts, code: str) -> Facts:
    """These facts with those that a fact names."""
    return facts._replace(**{name: x for name, x in json.loads(code or "{}").items() if name in Facts._fields})


@dataclass
class _Rows:
    """Events ticket by ticket, those of each by instant and journal id: `what` is kind and data."""

    firsts: Any
    lasts: Any
    told: Any

    def kinds(self) -> Any:
        return self.told[:, 1] & ((1 << k.KIND_BITS) - 1)

    def data(self, row: int) -> int:
        return int(self.told[row, 1]) >> k.KIND_BITS

    def say(self, row: int, kind: int, data: int) -> None:
        self.told[row, 1] = data << k.KIND_BITS | kind

    def tickets(self, rows: Any) -> Any:
        """Whose they are."""
        return self.lasts.searchsorted(rows, side="right")

    def first_of(self, rows: Any) -> Any:
        """The first of these of each ticket; one behind all where it has none."""
        import numpy as np

        found = np.full(len(self.firsts), len(self.told))
        found[self.tickets(rows)[::-1]] = rows[::-1]
        return found


def _changes(rows: _Rows) -> list[tuple[int, int, int]]:
    """(ticket, row, row of its opening) of each reclassification between the opening and the end of its ticket, in
    order; any other comes to say nothing: before it is opened, and when it is over, a ticket minds no event."""
    kinds = rows.kinds()
    changed = (kinds == k.RECLASSIFIED).nonzero()[0]
    if not len(changed):
        return []
    opened = rows.first_of((kinds == k.OPENED).nonzero()[0])
    ends = (kinds == k.CANCELLED).nonzero()[0]
    over = rows.first_of(ends[ends > opened[rows.tickets(ends)]])
    ticket = rows.tickets(changed)
    counts = (changed > opened[ticket]) & (changed < over[ticket])
    rows.told[changed[~counts], 1] = k.BOUND
    listed = (column[counts].tolist() for column in (ticket, changed, opened[ticket]))
    return list(zip(*listed, strict=True))


def _begun(first: FirstPriorities, ids: Any) -> Any:
    """The place of each ticket's new first priority, -1 where it stays as it was."""
    import numpy as np

    found = first.of(ids)
    return np.where(found.was == found.now, -1, found.now)


def _begin(known: _Words, rows: _Rows, begun: Any) -> None:
    """Put the facts with the new first priority into the openings; what is changed later, changes these."""
    listed = list(known.facts)
    opened = (rows.kinds() == k.OPENED).nonzero()[0]
    places = begun[rows.tickets(opened)]
    for row, place in zip(opened[places >= 0].tolist(), places[places >= 0].tolist(), strict=True):
        rows.say(row, k.OPENED, known.number(listed[rows.data(row)]._replace(priority=PRIORITIES[place])))


def _reclassify(known: _Words, rows: _Rows, changes: list[tuple[int, int, int]]) -> tuple[Facts, ...]:
    """Put the facts that hold from each reclassification on into its row; returns all facts by number."""
    listed, codes = list(known.facts), list(known.changes)
    held: dict[int, int] = {}
    made: dict[tuple[int, int], int] = {}  # of facts and a change: what holds then
    for n, row, opened in changes:
        was, change = held.get(n, rows.data(opened)), rows.data(row)
        if (was, change) not in made:
            made[was, change] = known.number(replaced(listed[was], codes[change]))
            listed = list(known.facts)
        held[n] = made[was, change]
        rows.say(row, k.RECLASSIFIED, held[n])
    return tuple(known.facts)
