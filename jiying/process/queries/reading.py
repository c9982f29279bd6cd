"""What a map reads of the columnar copy: which tickets count, their events in blocks, and the people in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jiying.base.models import Person
from jiying.core.metrics import EXCLUDED
from jiying.core.processmap.stages import STAGE_OF
from jiying.desk.policies import Scope
from jiying.process.queries.asked import MOST_ID, Wanted
from jiying.process.queries.portions import People, Portion
from jiying.warehouse import asking, reader
from jiying.warehouse.asking import Source

# Facts that the detailed map tells beside those of the stages.
FACTS = (
    *STAGE_OF, "ticket.message:customer", "ticket.message:bot", "ticket.closed", "ticket.reopened", "ticket.cancelled",
)  # fmt: skip
# An imported message has the log's own word in its detail; it was an answer.
_FACT = """CASE WHEN e.kind <> 'ticket.message' THEN e.kind WHEN e.actor_kind = 'import' THEN 'ticket.message:person'
 ELSE 'ticket.message:' || e.detail END"""
_OF_LOG = "e.actor_kind = 'import' AND NOT e.derived AND e.detail <> ''"
_FROM = "SELECT {what} FROM events e JOIN tickets t ON t.id = e.subject_id WHERE {where}"  # parts: own names only
_LATE = timedelta(days=2)  # a fact may be dated before its ticket's receipt, by a little


@dataclass(frozen=True, slots=True)
class Question:
    """Whose map of what, as of when."""

    scope: Scope
    wanted: Wanted
    now: datetime

    @property
    def first_month(self) -> datetime | None:
        """Files of months before this instant's hold nothing that is asked for."""
        since = self.wanted.since(self.now)
        return since - _LATE if since else None


def n_events(copy: Source, question: Question) -> int:
    """How many events there are to read."""
    where, values = _where(question)
    return int(copy.query(_FROM.format(what="count(*)", where=where), values)[0][0])


def sources() -> list[str]:
    """Logs that were imported, by name. Raises reader.Missing."""
    found = reader.query("SELECT DISTINCT source FROM tickets WHERE source LIKE 'import:%' ORDER BY source")
    return [source for (source,) in found]


def portions(copy: Source, question: Question, n_blocks: int, is_compiled: bool) -> list[Portion]:
    """The tickets that count in about so many blocks, at least one."""
    is_log = question.wanted.level == "log"
    names = _words(copy, question) if is_log else FACTS
    word = "e.detail" if is_log else _FACT
    where, values = _where(question)
    sql = f"""SELECT e.subject_id AS ticket, list_position(?::VARCHAR[], {word}) - 1 AS activity,
      epoch(e.at)::BIGINT AS at, CASE WHEN e.actor_kind IN ('person', 'token') THEN e.actor_id END AS person
    FROM events e JOIN tickets t ON t.id = e.subject_id WHERE {where} AND {word} IN (SELECT unnest(?::VARCHAR[]))
      AND t.id BETWEEN ? AND ? AND e.subject_id BETWEEN ? AND ?
    ORDER BY e.at, e.position"""  # noqa: S608 - made of the parts above only
    blocks = [(0, MOST_ID)] if n_blocks == 1 else asking.blocks(copy, n_blocks, *_where_tickets(question))
    people = _people()
    return [
        Portion(
            source=copy,
            sql=sql,
            values=(list(names), *values, list(names), *block, *block),
            names=tuple(names),
            people=people,
            by_stage=question.wanted.level == "stages",
            is_compiled=is_compiled,
        )
        for block in blocks or [(0, MOST_ID)]
    ]


def _words(copy: Source, question: Question) -> tuple[str, ...]:
    where, values = _where(question)
    rows = copy.query(_FROM.format(what="DISTINCT e.detail", where=where) + " ORDER BY 1", values)
    return tuple(word for (word,) in rows)


def _where(question: Question) -> tuple[str, list[Any]]:
    """The events that count, of the tickets that count."""
    where, values = _where_tickets(question)
    parts = ["e.subject_kind = 'ticket'", "e.at <= ?", where]
    if question.wanted.level == "log":
        parts.append(_OF_LOG)
    return " AND ".join(parts), [question.now, *values]


def _where_tickets(question: Question) -> tuple[str, list[Any]]:
    """The tickets that count: probes and merged ones never do; withdrawn ones went a way too."""
    wanted = question.wanted
    parts: list[str] = [EXCLUDED["merged"], EXCLUDED["probe"]]
    values: list[Any] = []
    if (since := wanted.since(question.now)) is not None:
        parts.append("t.received_at >= ?")
        values.append(since)
    given = {"channel": wanted.channel, "priority": wanted.priority, "source": wanted.source}
    for name, value in given.items():
        if value:
            parts.append(f"t.{name} = ?")
            values.append(value)
    for team_id in (wanted.team_id, question.scope.team_id):
        if team_id is not None:
            parts.append("t.team_id = ?")
            values.append(team_id)
    return " AND ".join(parts), values


def _people() -> People:
    """All persons as they are called now."""
    rows = list(Person.objects.order_by("pk").values_list("pk", "name", "team__name"))
    teams = sorted({team for _pk, _name, team in rows if team})
    return People(
        ids=tuple(pk for pk, _name, _team in rows),
        names=tuple(name for _pk, name, _team in rows),
        team=tuple(teams.index(team) if team else -1 for _pk, _name, team in rows),
        teams=tuple(teams),
    )
