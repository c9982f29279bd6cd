"""The table `events`: one row a journal entry, in the journal's own order. Codes only: no texts, no personal data."""

# ruff: noqa: S608 - own names and whole numbers

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection

from jiying.base.actor import IMPORT
from jiying.warehouse import staging
from jiying.warehouse.staging import Field, Rows
from jiying.warehouse.tables import Column, Table

# What of a fact's data is told, by kind: codes that a map or a count needs, never what people wrote.
DETAILS = {
    "ticket.opened": "channel",
    "ticket.message": "by",
    "ticket.held": "reason",
    "ticket.reclassified": "priority",
    "ticket.escalated": "level",
    "ticket.collaboration_asked": "department",
    "collaboration.asked": "department",
    "clock.breached": "metric",
    "clock.warned": "metric",
    "clock.escalated": "metric",
    "clock.corrected": "metric",
    "clock.cause_named": "code",
    "clock.cause_judged": "code",
    "person.presence": "state",
}
PEOPLE = {"ticket.assigned": "to", "ticket.accepted": "by"}  # whom a fact names: who got the ticket
DATA_OF = (*DETAILS, *PEOPLE, "ticket.transferred")
FACTS = ("channel", "priority", "tier", "category")  # what of a ticket decides which row of a standard holds for it
_NUMBERS = ("to", "by", "team_id")  # ids, where they are whole numbers


@dataclass(frozen=True)
class Facts:
    """Entries of the journal on their way: rows for DuckDB, and whom they are about."""

    rows: Rows

    @cached_property
    def kinds(self) -> list[str]:
        return self._told("kind")

    @cached_property
    def subjects(self) -> list[tuple[str, int]]:
        return list(zip(self._told("subject_kind"), self._told("subject_id"), strict=True))

    def about(self, kind: str) -> list[int]:
        """Whom facts of a kind are about."""
        return sorted({pk for of, (_kind, pk) in zip(self.kinds, self.subjects, strict=True) if of == kind})

    def load(self, connection: Any, is_much: bool) -> None:
        """Have them in DuckDB, as the table `facts`."""
        staging.load(connection, "facts", _FIELDS, self.rows, is_much)

    def _told(self, name: str) -> list[Any]:
        found: list[Any] = json.loads(self.rows.arrays[[field.name for field in _FIELDS].index(name)])
        return found


def fetch(after: int, until: int) -> Facts:
    """The journal's entries after a position, up to another."""
    within = f"place.position > {int(after)} AND place.position <= {int(until)}"
    rows = f"""FROM base_journalposition AS place JOIN base_journalentry AS entry ON entry.id = place.entry_id
      WHERE {within} AND entry.id BETWEEN {_outermost(within)}"""
    return Facts(staging.fetch(_FIELDS, rows))


def _outermost(within: str) -> str:
    """The least and the greatest id of entries at these positions: positions follow ids closely, so that the database
    reads a stretch of the journal. Without it PostgreSQL reads all of it, for each piece."""
    with connection.cursor() as cursor:
        # No column by itself: of one with an index PostgreSQL would look for the least from its very beginning.
        cursor.execute(f"SELECT min(entry_id + 0), max(entry_id + 0) FROM base_journalposition AS place WHERE {within}")
        least, greatest = cursor.fetchone()
    return f"{least or 0} AND {greatest or 0}"


_KINDS = ", ".join(f"'{kind}'" for kind in DATA_OF)
_FIELDS = (
    Field("position", "BIGINT", "place.position"),
    Field("entry_id", "BIGINT", "entry.id"),
    Field("subject_kind", "VARCHAR"),
    Field("subject_id", "BIGINT"),
    Field("kind", "VARCHAR"),
    Field("at", "TIMESTAMP", "entry.at"),
    Field("recorded_at", "TIMESTAMP"),
    Field("actor_kind", "VARCHAR"),
    Field("actor_id", "BIGINT"),
    Field(
        "data", "JSON", f"CASE WHEN entry.kind IN ({_KINDS}) OR entry.actor_kind = '{IMPORT.kind}' THEN entry.data END"
    ),
)
_OF_DATA = {
    **dict.fromkeys((*DETAILS.values(), *_NUMBERS, "activity", "transition", "way", "direction", "as_of"), "VARCHAR"),
    "derived": "BOOLEAN",
    "public": "BOOLEAN",
}


def _made() -> str:
    form = ", ".join(f'"{name}": "{kind}"' for name, kind in _OF_DATA.items())
    people = " ".join(f"WHEN '{kind}' THEN {_number(name)}" for kind, name in PEOPLE.items())
    return f"""
SELECT position, entry_id, subject_kind, subject_id, kind, "at", recorded_at, actor_kind, actor_id,
  CASE kind {people} END AS person_id, {_number("team_id")} AS team_id, coalesce({_detail()}, '') AS detail,
  coalesce(d.derived, false) AS derived, coalesce({_code()}, '') AS code
FROM (SELECT *, TRY(from_json(data, '{{{form}}}')) AS d FROM facts)"""


def _number(name: str) -> str:
    return f"TRY_CAST(CASE WHEN regexp_full_match(d.{name}, '-?[0-9]+') THEN d.{name} END AS BIGINT)"


def _detail() -> str:
    """The log's own word for the step, else the code that is told of this kind of fact."""
    named = " ".join(f"WHEN '{kind}' THEN d.{name}" for kind, name in DETAILS.items())
    return f"""CASE
  WHEN actor_kind = '{IMPORT.kind}' AND d.activity IS NOT NULL THEN d.activity ||
    CASE WHEN coalesce(d.transition, '') = '' OR lower(d.transition) = 'complete' THEN '' ELSE '+' || d.transition END
  WHEN kind = 'ticket.message' AND NOT coalesce(d.public, true) THEN 'note'
  ELSE CASE kind {named} END END"""


def _code() -> str:
    """What a replay of clocks needs of a fact, in one word that many facts share.

    Of a message `customer`, `answer` (public, of a person, to the customer), or nothing that a clock minds.
    """
    facts = ", ".join(f"'\"{name}\": ' || TRY(data->'$.{name}')::VARCHAR" for name in sorted(FACTS))
    told = "d.by = 'person' AND coalesce(d.public, true) AND (d.way = 'call' OR d.direction = 'out')"
    return f"""CASE
  WHEN kind IN ('ticket.opened', 'ticket.reclassified') THEN '{{' || concat_ws(', ', {facts}) || '}}'
  WHEN kind = 'ticket.message' THEN CASE WHEN d.by = 'customer' THEN 'customer' WHEN {told} THEN 'answer' END
  WHEN kind IN ('ticket.assigned', 'ticket.transferred') THEN d.to
  WHEN kind = 'ticket.held' THEN coalesce(d.reason, 'customer')
  WHEN kind = 'ticket.closed' THEN d.as_of -- the second at which an imported ticket had been solved
  END"""


TABLE = Table(
    name="events",
    month="at",
    columns=(
        Column("position", "BIGINT"),
        Column("entry_id", "BIGINT"),
        Column("subject_kind", "VARCHAR"),
        Column("subject_id", "BIGINT"),
        Column("kind", "VARCHAR"),
        Column("at", "TIMESTAMP"),
        Column("recorded_at", "TIMESTAMP"),
        Column("actor_kind", "VARCHAR"),
        Column("actor_id", "BIGINT"),
        Column("person_id", "BIGINT"),
        Column("team_id", "BIGINT"),
        Column("detail", "VARCHAR"),
        Column("derived", "BOOLEAN"),
        Column("code", "VARCHAR"),
    ),
    made=_made(),
)
