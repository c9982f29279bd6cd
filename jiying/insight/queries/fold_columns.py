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
_CHOSEN = f"""
chosen AS (
  SELECT id, channel, priority, coalesce(team_id, 0) AS team_id, row_number() OVER (ORDER BY id) - 1 AS n
  FROM tickets AS t WHERE {RECEIVED} AND id BETWEEN ? AND ?
)"""  # noqa: S608 - own words
_OF_CHOSEN = "FROM events JOIN chosen ON id = subject_id WHERE subject_kind = 'ticket' AND subject_id BETWEEN ? AND ?"
_LISTED = ", ".join(f"'{kind}'" for kind in KINDS)
_WORDS = f"""
WITH {_CHOSEN}
SELECT DISTINCT kind, CASE WHEN kind = 'ticket.closed' THEN '' ELSE code END {_OF_CHOSEN} AND kind IN ({_LISTED})"""  # noqa: S608 - own names
_ROWS = f"""
WITH {_CHOSEN},
words AS (SELECT unnest(?::VARCHAR[]) AS kind, unnest(?::VARCHAR[]) AS code, unnest(?::INTEGER[]) AS place),
told AS (
  SELECT n, entry_id, kind, CASE WHEN kind = 'ticket.closed' THEN '' ELSE code END AS code,
    (epoch_us("at") + 999999) // 1000000 AS at_s
  {_OF_CHOSEN} AND kind IN ({_LISTED})
  UNION ALL
  SELECT n, entry_id, 'ticket.solved', '', TRY_CAST(code AS BIGINT) {_OF_CHOSEN} AND kind = 'ticket.closed'
    AND code <> '' AND TRY_CAST(code AS BIGINT) < (epoch_us("at") + 999999) // 1000000
)
SELECT n, at_s, place FROM told JOIN words USING (kind, code) ORDER BY at_s, entry_id, place"""  # noqa: S608
_TICKETS = f"WITH {_CHOSEN} SELECT id, channel, priority, team_id FROM chosen ORDER BY n"  # noqa: S608
_LAST = f"""
WITH {_CHOSEN} SELECT max((epoch_us("at") + 999999) // 1000000) {_OF_CHOSEN} AND kind IN ({_LISTED})"""  # noqa: S608
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
        """The values of a statement's `chosen`, which other conditions follow."""
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
        return self.source.columns(_TICKETS, self.chosen)["id"]

    def last_at(self) -> int:
        """The instant of the last event that a clock may mind; 0 without any."""
        ((last,),) = self.source.query(_LAST, [*self.chosen, *self.ids])
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

    tickets = block.source.columns(_TICKETS, block.chosen)
    words = block.source.query(_WORDS, [*block.chosen, *block.ids])
    words = sorted(words, key=lambda word: (list(KINDS).index(word[0]), word[1]))
    known = _Words()
    places = [known.place(kind, code) for kind, code in words]
    listed = [[w[0] for w in words], [w[1] for w in words], list(range(len(words)))]
    rows = block.source.columns(_ROWS, [*block.chosen, *listed, *block.ids, *block.ids])
    kind = np.array([place[0] for place in places], np.int8)[rows["place"]]
    data = np.array([place[1] for place in places], np.int32)[rows["place"]]
    ticket, at = rows["n"].astype(np.int32), rows["at_s"].astype(np.int64)
    kept = _kept(np, ticket, kind, len(tickets["id"]))
    ticket, at, kind, data, place = ticket[kept], at[kept], kind[kept], data[kept], rows["place"][kept]
    priorities = tickets["priority"].tolist()
    if first is not None:
        begun = _begun(first, tickets["id"])
        _begin(known, (ticket, kind, data), begun)
        stays = _changed_later(words, (ticket, place))
        priorities = [
            p if to < 0 or n in stays else PRIORITIES[to]
            for n, (p, to) in enumerate(zip(priorities, begun.tolist(), strict=True))
        ]
    facts = _reclassify(known, words, (ticket, kind, data, place))
    cells = list(zip(tickets["channel"].tolist(), priorities, tickets["team_id"].tolist(), strict=True))
    numbers = {cell: n for n, cell in enumerate(sorted(set(cells)))}
    log = FoldLog(
        ticket=ticket,
        at=at,
        kind=kind,
        data=data,
        cells=np.array([numbers[cell] for cell in cells], np.int32),
        facts=facts,
        bindings=(terms,),
    )
    return Columns(log, tickets["id"], tuple(numbers))


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


def _kept(np: Any, ticket: Any, kind: Any, n_tickets: int) -> Any:
    """As the fold takes them: from the (one) opening on, up to the cancellation, and nothing that no clock minds."""
    at = np.arange(len(ticket))
    opened, over = np.full(n_tickets, len(ticket)), np.full(n_tickets, len(ticket))
    np.minimum.at(opened, ticket[kind == k.OPENED], at[kind == k.OPENED])
    ends = (kind == k.CANCELLED) & (at > opened[ticket])
    np.minimum.at(over, ticket[ends], at[ends])
    again = (kind == k.OPENED) & (at != opened[ticket])
    return (kind >= 0) & (at >= opened[ticket]) & (at <= over[ticket]) & ~again


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


def _changed_later(words: list[Any], rows: tuple[Any, Any]) -> set[int]:
    """Tickets of which a fact after the opening names a priority."""
    import numpy as np

    ticket, place = rows
    naming = [n for n, (kind, code) in enumerate(words) if kind == _CHANGED and replaced(Facts(), code).priority]
    return set(ticket[np.isin(place, naming)].tolist())


def _reclassify(known: _Words, words: list[Any], rows: tuple[Any, Any, Any, Any]) -> tuple[Facts, ...]:
    """Put the facts that hold from each reclassification on into its row; returns all facts by number."""
    ticket, kind, data, place = rows
    listed = list(known.facts)
    held: dict[int, Facts] = {}
    changed = (kind == k.RECLASSIFIED).nonzero()[0].tolist()
    wanted = set(ticket[changed].tolist())
    for row in (kind == k.OPENED).nonzero()[0].tolist() if wanted else ():
        if (n := int(ticket[row])) in wanted:
            held[n] = listed[int(data[row])]
    for row in changed:
        n = int(ticket[row])
        held[n] = replaced(held[n], words[int(place[row])][1])
        data[row] = known.number(held[n])
    return tuple(known.facts)
