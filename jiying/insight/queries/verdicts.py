"""Promises kept and broken in a stretch of time: clocks that ended in time, or passed their due instant, in it.

By the ticket's channel and priority (`clocks.queries.evidence`: by row of the standard); both count as `core.metrics`
defines attainment.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from jiying.core.metrics import Rate, attainment
from jiying.desk.policies import Scope

METRICS = ("first_response", "resolution")
Key = tuple[str, str, str]  # channel, priority, metric

# Two stretches of two partial indexes (`clock_met`, `clock_late`): a day's clocks are read, not all that ever were.
_VERDICTS = """
SELECT ticket.channel, ticket.priority, verdict.metric, SUM(verdict.met), SUM(1 - verdict.met)
FROM (
  SELECT subject_id, metric, 1 AS met FROM clocks_clock
  WHERE state = 'met' AND ended_at >= %s AND ended_at < %s AND subject_kind = 'ticket' AND metric IN (%s, %s)
  UNION ALL
  SELECT subject_id, metric, 0 AS met FROM clocks_clock
  WHERE breached_at IS NOT NULL AND breached_at >= %s AND breached_at < %s AND subject_kind = 'ticket'
    AND metric IN (%s, %s)
) AS verdict JOIN desk_ticket AS ticket ON ticket.id = verdict.subject_id
{scope}
GROUP BY ticket.channel, ticket.priority, verdict.metric"""

_CASES = """
SELECT ticket.id, ticket.number, ticket.subject, person.name, verdict.due_at, verdict.at, verdict.met
FROM (
  SELECT subject_id, due_at, ended_at AS at, 1 AS met FROM clocks_clock
  WHERE state = 'met' AND ended_at >= %s AND ended_at < %s AND subject_kind = 'ticket' AND metric = %s
  UNION ALL
  SELECT subject_id, due_at, breached_at AS at, 0 AS met FROM clocks_clock
  WHERE breached_at IS NOT NULL AND breached_at >= %s AND breached_at < %s AND subject_kind = 'ticket' AND metric = %s
) AS verdict JOIN desk_ticket AS ticket ON ticket.id = verdict.subject_id
LEFT JOIN base_person AS person ON person.id = ticket.assignee_id
WHERE ticket.channel = %s AND ticket.priority = %s {scope}
ORDER BY verdict.met, verdict.at DESC, ticket.id LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Case:
    """One promise: `at` when it was kept, or when its due instant passed."""

    ticket_id: int
    number: str
    subject: str
    assignee: str
    due_at: datetime | None
    at: datetime
    is_met: bool


def rates(scope: Scope, since: datetime, until: datetime) -> dict[Key, Rate]:
    """Attainment by channel, priority and metric; cells without a verdict are absent."""
    times = [_stored(since), _stored(until), *METRICS]
    where, values = _where(scope, "WHERE")
    with connection.cursor() as cursor:
        cursor.execute(_VERDICTS.format(scope=where), [*times, *times, *values])
        return {
            (channel, priority, metric): attainment(int(met), int(late))
            for channel, priority, metric, met, late in cursor.fetchall()
        }


def cases(scope: Scope, key: Key, since: datetime, until: datetime, limit: int) -> list[Case]:
    """The promises behind one cell: the broken ones first, the latest first among each."""
    channel, priority, metric = key
    times = [_stored(since), _stored(until), metric]
    where, values = _where(scope, "AND")
    with connection.cursor() as cursor:
        cursor.execute(_CASES.format(scope=where), [*times, *times, channel, priority, *values, limit])
        return [
            Case(pk, number, subject, name or "", _instant(due), _known(at), bool(met))
            for pk, number, subject, name, due, at, met in cursor.fetchall()
        ]


def _where(scope: Scope, word: str) -> tuple[str, list[int]]:
    return ("", []) if scope.team_id is None else (f"{word} ticket.team_id = %s", [scope.team_id])


def _stored(at: datetime) -> Any:
    """As the database compares it: SQLite keeps instants as text in UTC."""
    return connection.ops.adapt_datetimefield_value(at)


def _instant(value: datetime | str | None) -> datetime | None:
    return _known(value) if value else None


def _known(value: datetime | str) -> datetime:
    """SQLite gives instants as text or without a zone: they are kept in UTC."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)
