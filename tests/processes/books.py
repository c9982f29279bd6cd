"""What a house's database holds, read (and where time must pass, moved) by plain SQL beside the program.

Nothing here goes through Jiying: a witness must not be the accused. `?` marks parameters on both databases.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from tests.house import House
from tests.servers import ServerError, wait_until


def instant(value: Any) -> datetime:
    """A stored instant: SQLite keeps texts without a zone."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def document(value: Any) -> Any:
    """A stored JSON value."""
    return json.loads(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Fired:
    """One point of a clock as the journal tells it."""

    clock: int
    point: str
    at: datetime


@dataclass(frozen=True)
class Books:
    """The tables of one house."""

    house: House

    @contextmanager
    def _open(self) -> Iterator[Any]:
        if self.house.database_url:
            with psycopg.connect(self.house.database_url) as connection:
                yield connection
        else:
            path = self.house.home / "jiying.sqlite3"
            with closing(sqlite3.connect(path, timeout=30)) as file, file:
                yield file

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a SELECT finds."""
        with self._open() as connection:
            return list(connection.execute(self._own(query), [self._adapt(v) for v in values]).fetchall())

    def one(self, query: str, *values: Any) -> Any:
        """The one value of a SELECT."""
        ((value,),) = self.rows(query, *values)
        return value

    def change(self, statement: str, *values: Any) -> int:
        """Runs one statement and commits; how many rows it touched."""
        with self._open() as connection:
            return int(connection.execute(self._own(statement), [self._adapt(v) for v in values]).rowcount)

    def _own(self, text: str) -> str:
        return text.replace("%", "%%").replace("?", "%s") if self.house.database_url else text

    def _adapt(self, value: Any) -> Any:
        if isinstance(value, datetime) and not self.house.database_url:
            return str(value.astimezone(UTC).replace(tzinfo=None))
        return value

    # --- tickets -----------------------------------------------------------------------------------------------------

    def numbers(self) -> dict[str, list[str]]:
        """{subject: the numbers of its tickets}."""
        found: dict[str, list[str]] = defaultdict(list)
        for subject, number in self.rows("SELECT subject, number FROM desk_ticket"):
            found[subject].append(number)
        return found

    def halves(self) -> dict[str, int]:
        """How many things are there without what must have come with them in the same transaction."""
        queries = {
            "tickets without clocks": "SELECT count(*) FROM desk_ticket t WHERE NOT EXISTS "
            "(SELECT 1 FROM clocks_clock c WHERE c.subject_kind = 'ticket' AND c.subject_id = t.id)",
            "clocks without ticket": "SELECT count(*) FROM clocks_clock c WHERE c.subject_kind = 'ticket' "
            "AND NOT EXISTS (SELECT 1 FROM desk_ticket t WHERE t.id = c.subject_id)",
            "tickets not opened once": "SELECT count(*) FROM desk_ticket t WHERE 1 <> (SELECT count(*) "
            "FROM base_journalentry j WHERE j.subject_kind = 'ticket' AND j.subject_id = t.id "
            "AND j.kind = 'ticket.opened')",
            "facts of no ticket": "SELECT count(*) FROM base_journalentry j WHERE j.subject_kind = 'ticket' "
            "AND NOT EXISTS (SELECT 1 FROM desk_ticket t WHERE t.id = j.subject_id)",
            "keys of no ticket": "SELECT count(*) FROM base_idempotencykey k WHERE NOT EXISTS "
            "(SELECT 1 FROM desk_ticket t WHERE t.id = k.subject_id)",
        }
        return {what: n for what, query in queries.items() if (n := self.one(query))}

    def wrong_loads(self) -> list[tuple[Any, ...]]:
        """(person, channel, load, tickets carried) where the two differ, or the load is over the capacity."""
        return self.rows(
            "SELECT l.person_id, l.channel, l.n_open, count(t.id) FROM desk_agentload l LEFT JOIN desk_ticket t "
            "ON t.assignee_id = l.person_id AND t.channel = l.channel "
            "AND t.status IN ('assigned', 'accepted', 'in_progress', 'waiting') "
            "GROUP BY l.person_id, l.channel, l.n_open, l.capacity "
            "HAVING l.n_open <> count(t.id) OR l.n_open > l.capacity"
        )

    # --- clocks ------------------------------------------------------------------------------------------------------

    def fired(self) -> list[Fired]:
        """Every point that is a fact, in the order in which the facts were recorded."""
        rows = self.rows(
            "SELECT data, at FROM base_journalentry WHERE kind IN ('clock.warned', 'clock.breached', "
            "'clock.escalated') ORDER BY id"
        )
        return [Fired(d["clock"], d["point"], instant(at)) for d, at in ((document(a), b) for a, b in rows)]

    def promised(self, until: datetime) -> set[Fired]:
        """Every point of every clock that has come by `until`; parked ones promise nothing."""
        rows = self.rows("SELECT id, points FROM clocks_clock WHERE parked_at IS NULL")
        return {
            Fired(pk, code, datetime.fromtimestamp(at, UTC))
            for pk, points in rows
            for code, at in document(points)
            if at <= until.timestamp()
        }

    def wait_fired(self, until: datetime, timeout_s: float = 90) -> None:
        """Waits until every point up to `until` is a fact; ServerError with those that are missing."""
        try:
            wait_until(lambda: self.promised(until) <= set(self.fired()), timeout_s, f"all points up to {until}")
        except ServerError as error:
            missing = sorted(str(f) for f in self.promised(until) - set(self.fired()))
            raise ServerError(f"{error}; missing {len(missing)}: {missing[:5]}") from error

    def breach(self, metric: str) -> tuple[int, datetime]:
        """(position, instant) of the first breach of this metric; (0, now) while there is none."""
        rows = self.rows(
            "SELECT p.position, j.at, j.data FROM base_journalposition p JOIN base_journalentry j ON j.id = p.entry_id "
            "WHERE j.kind = 'clock.breached' ORDER BY p.position"
        )
        found = [(position, instant(at)) for position, at, data in rows if document(data)["metric"] == metric]
        return found[0] if found else (0, datetime.now(UTC))

    # --- deliveries --------------------------------------------------------------------------------------------------

    def end_leases(self) -> int:
        """As if two minutes had passed: whoever died with a delivery in hand has lost it."""
        now = datetime.now(UTC)
        return self.change(
            "UPDATE alerts_delivery SET wake_at = ?, lease_until = ? WHERE lease_until IS NOT NULL AND wake_at > ?",
            now,
            now,
            now,
        )

    def wait_sent(self, timeout_s: float = 90) -> None:
        """Waits until no delivery waits any more."""
        query = "SELECT count(*) FROM alerts_delivery WHERE state = 'waiting'"
        wait_until(lambda: self.one(query) == 0, timeout_s, "the last delivery")
