"""The journal of a block of tickets as columns for the compiled fold, read from the columnar copy in a few questions.

Terms that held are not in it: it is for replays under a draft, which holds for everything. Runs on other machines, too.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jiying.core import fold_loops as k
from jiying.core.metrics import COUNTED
from jiying.core.standards import HOLD_REASONS, PRIORITIES, Facts
from jiying.insight.queries.rejudged import FirstPriorities
from jiying.warehouse import asking
from jiying.warehouse.asking import Source

if TYPE_CHECKING:
    from jiying.core.fold_log import FoldLog, Terms

KINDS = {
    "ticket.opened": k.OPENED,
    "ticket.assigned": k.ASSIGNED,
    "ticket.transferred": k.ASSIGNED,
    "ticket.unassigned": k.ASSIGNED,
    "ticket.accepted": k.ACCEPTED,
    "ticket.message": k.WROTE,
    "ticket.held": k.HELD,
    "ticket.resumed": k.RESUMED,
    "ticket.solved": k.SOLVED,
    "ticket.confirmed": k.CLOSED,
    "ticket.closed": k.CLOSED,
    "ticket.rejected": k.REJECTED,
    "ticket.reopened": k.REOPENED,
    "ticket.cancelled": k.CANCELLED,
    "ticket.merged": k.CANCELLED,
    "ticket.reclassified": k.RECLASSIFIED,
}
_CHANGED = "ticket.reclassified"
_SAID = {"customer": k.WROTE, "answer": k.ANSWERED}
RECEIVED = f"t.received_at >= ? AND t.received_at < ? AND {COUNTED}"
_LISTED = ", ".join(f"'{kind}'" for kind in KINDS)
_SECOND = '(epoch_us("at") + 999999) // 1000000'
_FACTS = f"FROM events WHERE subject_kind = 'ticket' AND subject_id BETWEEN ? AND ? AND kind IN ({_LISTED})"
# DuckDB numbers words by a type, many times faster than Python takes words. What a closing says is an instant, no word:
# of it only whether there is one is told.
_CODES = f"""
CREATE OR REPLACE TYPE said AS ENUM (
  SELECT '' UNION SELECT code {_FACTS.replace("?", "{}")} AND kind <> 'ticket.closed' ORDER BY 1)"""  # noqa: S608
_NUMBERED = "SELECT unnest(enum_range(NULL::said))"
_ROWS = f"""
SELECT subject_id AS id, {_SECOND} AS at_s, entry_id, list_position([{_LISTED}], kind)::TINYINT - 1 AS kind,
  CASE WHEN kind = 'ticket.closed' THEN (code <> '')::INTEGER ELSE enum_code(TRY_CAST(code AS said)) END::INTEGER
    AS code {_FACTS}"""  # noqa: S608
_SOLVED = f"""
SELECT subject_id AS id, TRY_CAST(code AS BIGINT) AS at_s, entry_id {_FACTS} AND kind = 'ticket.closed' AND code <> ''
  AND TRY_CAST(code AS BIGINT) < {_SECOND}"""  # noqa: S608
_CHOSEN = f"FROM tickets AS t WHERE {RECEIVED} AND id BETWEEN ? AND ?"
_IDS = f"SELECT id {_CHOSEN} ORDER BY id"  # noqa: S608
_TEAM = "coalesce(team_id, 0)"
_CELLS = f"SELECT DISTINCT channel, priority, {_TEAM} {_CHOSEN}"  # noqa: S608
_TICKETS = f"""
SELECT id, list_position(?::VARCHAR[], channel)::INTEGER - 1 AS channel,
  list_position(?::VARCHAR[], priority)::INTEGER - 1 AS priority,
  list_position(?::BIGINT[], {_TEAM})::INTEGER - 1 AS team {_CHOSEN} ORDER BY id"""  # noqa: S608
_LAST = f"""
SELECT max({_SECOND}) FROM (SELECT subject_id AS id, "at" {_FACTS}) SEMI JOIN (SELECT id {_CHOSEN}) USING (id)"""  # noqa: S608
SPARSE = 4  # ids to a ticket; where there are more, facts are looked for by ticket: else those of many others are read
Cell = tuple[str, str, int]  # channel, priority, team (0: none)


@dataclass(frozen=True)
class Block:
    """The tickets received in a period whose ids lie between two, in one state of the copy."""

    source: Source
    since: datetime
    until: datetime
    first: int = 0
    last: int = 2**63 - 1

    @property
    def chosen(self) -> list[Any]:
        """The values of `_CHOSEN`."""
        return [self.since, self.until, self.first, self.last]

    @property
    def ids(self) -> list[int]:
        """Its first and last."""
        return [self.first, self.last]

    def blocks(self, size: int) -> list["Block"]:
        """This one in blocks of about so many tickets."""
        values = [self.since, self.until]
        ((n_tickets,),) = self.source.query(f"SELECT count(*) FROM tickets t WHERE {RECEIVED}", values)  # noqa: S608
        found = asking.blocks(self.source, max(1, -(-n_tickets // size)), RECEIVED, values)
        return [replace(self, first=first, last=last) for first, last in found] or [self]

    def tickets(self) -> Any:
        """Their ids, rising."""
        return self.source.columns(_IDS, self.chosen)["id"]

    def last_at(self) -> int:
        """The instant of the last event that a clock may mind; 0 without any."""
        ((last,),) = self.source.query(_LAST, [*self.ids, *self.chosen])
        return last or 0


@dataclass(frozen=True)
class Columns:
    """The log, the id of each of its tickets, and the cells in which they are counted under the terms."""

    log: "FoldLog"
    ids: Any
    cells: tuple[Cell, ...]


def read(block: Block, terms: "Terms", first: FirstPriorities | None = None) -> Columns:
    """The tickets of the block, with all that has happened to them; `first` are the priorities that they begin with."""
    import numpy as np

    from jiying.core.fold_log import FoldLog

    tickets = _tickets(block)
    rows = _rows(block, tickets.ids)
    known = _Words()
    kind, data = _said(known, rows)
    changes = _changes(rows, kind, len(tickets.ids))
    priority = tickets.priority
    if first is not None:
        begun = _begun(first, tickets.ids)
        _begin(known, (rows.ticket, kind, data), begun)
        begun[[n for n, row, _opened in changes if rows.said(row).priority]] = -1
        places = np.array([tickets.priorities.index(name) for name in PRIORITIES], np.int32)
        priority = np.where(begun < 0, priority, places[begun])
    facts = _reclassify(known, rows, data, changes)
    cells, numbers = tickets.cells(priority)
    log = FoldLog(ticket=rows.ticket, at=rows.at, kind=kind, data=data, cells=numbers, facts=facts, bindings=(terms,))
    return Columns(log, tickets.ids, cells)


@dataclass(frozen=True)
class _Tickets:
    """By rising id; channel, priority and team as places in the names that occur, which rise."""

    ids: Any
    channel: Any
    priority: Any
    team: Any
    channels: list[str]
    priorities: list[str]
    teams: list[int]

    def cells(self, priority: Any) -> tuple[tuple[Cell, ...], Any]:
        """The cells that occur with these priorities, and the number of each ticket's."""
        import numpy as np

        shape = len(self.channels), len(self.priorities), len(self.teams)
        places = np.ravel_multi_index((self.channel, priority, self.team), shape)
        used = np.bincount(places, minlength=1).nonzero()[0]
        numbers = np.zeros(int(np.prod(shape)) + 1, np.int32)
        numbers[used] = np.arange(len(used))
        names = zip(*(x.tolist() for x in np.unravel_index(used, shape)), strict=True)
        return tuple((self.channels[c], self.priorities[p], self.teams[t]) for c, p, t in names), numbers[places]


def _tickets(block: Block) -> _Tickets:
    cells = block.source.query(_CELLS, block.chosen)
    channels, priorities, teams = (sorted({row[n] for row in cells}) for n in range(3))
    priorities = sorted({*priorities, *PRIORITIES})
    found = block.source.columns(_TICKETS, [channels, priorities, teams, *block.chosen])
    return _Tickets(found["id"], found["channel"], found["priority"], found["team"], channels, priorities, teams)


@dataclass(frozen=True)
class _Rows:
    """Facts by instant, those of one second as they were told: whose they are (0..), when, and what they say as the
    place of their kind in KINDS x the number of codes + the place of their code."""

    ticket: Any
    at: Any
    word: Any
    codes: list[str]

    def told(self, word: int) -> tuple[str, str]:
        """Kind and code of a word."""
        kind, code = divmod(word, len(self.codes))
        return list(KINDS)[kind], self.codes[code]

    def said(self, row: int) -> Facts:
        """The facts that a row names, and no others."""
        return replaced(Facts(), self.told(int(self.word[row]))[1])


def _rows(block: Block, ids: Any) -> _Rows:
    """All facts of these tickets that a clock may mind, and some that it does not."""
    import numpy as np

    source, (first, last) = block.source, (int(ids[0]), int(ids[-1])) if len(ids) else (0, -1)
    is_sparse = last - first >= SPARSE * len(ids)
    among, values = (f" AND subject_id IN (SELECT id {_CHOSEN})", block.chosen) if is_sparse else ("", [])  # noqa: S608
    source.query(_CODES.format(first, last))
    codes = [code for (code,) in source.query(_NUMBERED)]
    rows = source.columns(_ROWS + among, [first, last, *values])
    closed, solved = list(KINDS).index("ticket.closed"), list(KINDS).index("ticket.solved")
    pk, at, entry, code = rows["id"], rows["at_s"], rows["entry_id"], rows["code"]
    word = rows["kind"] * np.int32(len(codes)) + code
    tells = ((rows["kind"] == closed) & (code > 0)).nonzero()[0]
    if len(tells):
        word[tells] -= code[tells]
        more = source.columns(_SOLVED + among, [first, last, *values])
        pk, at, entry = (np.concatenate([rows[name], more[name]]) for name in ("id", "at_s", "entry_id"))
        word = np.concatenate([word, np.full(len(more["id"]), solved * len(codes), np.int32)])
    numbers = np.full(last - first + 1, -1, np.int32)
    numbers[ids - first] = np.arange(len(ids), dtype=np.int32)
    ticket = numbers[pk - first]
    kept = _order(at, entry, ticket)
    if kept is not None:
        ticket, at, word = ticket[kept], at[kept], word[kept]
    return _Rows(ticket, at, word, codes)


def _order(at: Any, entry: Any, ticket: Any) -> Any:
    """The places of the rows of known tickets in order; None where all lie so already."""
    import numpy as np

    falls = (at[1:] < at[:-1]) | ((at[1:] == at[:-1]) & (entry[1:] < entry[:-1]))
    is_known = ticket >= 0
    if not falls.any():
        return None if is_known.all() else is_known.nonzero()[0]
    order = np.lexsort((entry, at))
    return order[is_known[order]]


class _Words:
    """What each (kind, code) says: kind and data of the fold; facts and people are numbered as they are met."""

    def __init__(self) -> None:
        self.facts: dict[Facts, int] = {}
        self.people: dict[str, int] = {}

    def place(self, kind: str, code: str) -> tuple[int, int]:
        """(kind, data); kind -1 for what no clock minds. What RECLASSIFIED says is for `_reclassify`."""
        number = KINDS[kind]
        if number == k.OPENED:
            return number, self.number(replaced(Facts(), code))
        if kind == "ticket.message":
            return _SAID.get(code, -1), 0
        if number == k.ASSIGNED:
            return number, self.people.setdefault(code, len(self.people) + 1) if code else 0
        if number == k.HELD:
            return number, HOLD_REASONS.index(code) if code in HOLD_REASONS else len(HOLD_REASONS)
        return number, 0

    def number(self, facts: Facts) -> int:
        return self.facts.setdefault(facts, len(self.facts))


def replaced(facts: Facts, code: str) -> Facts:
    """These facts with those that a fact names."""
    return facts._replace(**{name: x for name, x in json.loads(code or "{}").items() if name in Facts._fields})


def _said(known: _Words, rows: _Rows) -> tuple[Any, Any]:
    """Kind and data of each row, as the fold takes them."""
    import numpy as np

    kinds, data = np.zeros(len(KINDS) * len(rows.codes), np.int8), np.zeros(len(KINDS) * len(rows.codes), np.int32)
    for word in np.bincount(rows.word).nonzero()[0].tolist():
        kinds[word], data[word] = known.place(*rows.told(word))
    return kinds[rows.word], data[rows.word]


def _changes(rows: _Rows, kind: Any, n_tickets: int) -> list[tuple[int, int, int]]:
    """(ticket, row, row of its opening) of each reclassification between the opening and the end of its ticket, in
    order; any other becomes a row that the fold passes over."""
    changed = (kind == k.RECLASSIFIED).nonzero()[0]
    if not len(changed):
        return []
    opened = _first_rows(rows.ticket, (kind == k.OPENED).nonzero()[0], n_tickets)
    ends = (kind == k.CANCELLED).nonzero()[0]
    over = _first_rows(rows.ticket, ends[ends > opened[rows.ticket[ends]]], n_tickets)
    ticket = rows.ticket[changed]
    counts = (changed > opened[ticket]) & (changed < over[ticket])
    kind[changed[~counts]] = -1
    listed = (column[counts].tolist() for column in (ticket, changed, opened[ticket]))
    return list(zip(*listed, strict=True))


def _first_rows(ticket: Any, rows: Any, n_tickets: int) -> Any:
    """The first of these rows of each ticket; one behind all where it has none."""
    import numpy as np

    found = np.full(n_tickets, len(ticket))
    np.minimum.at(found, ticket[rows], rows)
    return found


def _begun(first: FirstPriorities, ids: Any) -> Any:
    """The place of each ticket's new first priority, -1 where it stays as it was."""
    import numpy as np

    found = first.of(ids)
    return np.where(found.was == found.now, -1, found.now)


def _begin(known: _Words, rows: tuple[Any, Any, Any], begun: Any) -> None:
    """Put the facts with the new first priority into the openings; what is changed later, changes these."""
    ticket, kind, data = rows
    listed = list(known.facts)
    opened = (kind == k.OPENED).nonzero()[0]
    for row in opened[begun[ticket[opened]] >= 0].tolist():
        to = PRIORITIES[int(begun[ticket[row]])]
        data[row] = known.number(listed[int(data[row])]._replace(priority=to))


def _reclassify(known: _Words, rows: _Rows, data: Any, changes: list[tuple[int, int, int]]) -> tuple[Facts, ...]:
    """Put the facts that hold from each reclassification on into its row; returns all facts by number."""
    listed = list(known.facts)
    held: dict[int, int] = {}
    made: dict[tuple[int, int], int] = {}  # of facts and a word: what holds then
    for n, row, opened in changes:
        was, word = held.get(n, int(data[opened])), int(rows.word[row])
        if (was, word) not in made:
            made[was, word] = known.number(replaced(listed[was], rows.told(word)[1]))
            listed = list(known.facts)
        data[row] = held[n] = made[was, word]
    return tuple(known.facts)
