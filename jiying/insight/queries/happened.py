"""What really happened to the promises of a block of tickets, from the columnar copy: verdicts by cell, and by hour."""

from jiying.core.standards import TICKET_METRICS
from jiying.insight.queries.fold_columns import RECEIVED, Block, Cell

_METRICS = ", ".join(f"'{metric}'" for metric in TICKET_METRICS)
_OF_TICKETS = f"""
FROM clocks AS c JOIN tickets AS t ON t.id = c.subject_id
WHERE c.subject_kind = 'ticket' AND c.metric IN ({_METRICS})
  AND {RECEIVED} AND t.id BETWEEN ? AND ? AND c.subject_id BETWEEN ? AND ?"""
_VERDICTS = f"""
SELECT c.metric, t.channel, t.priority, coalesce(t.team_id, 0), count(*) FILTER (c.state = 'met'),
  count(*) FILTER (c.state = 'breached') {_OF_TICKETS} GROUP BY ALL"""  # noqa: S608 - own names
_HOURS = f"""
SELECT c.metric, coalesce(t.team_id, 0), extract(hour FROM (c.due_at AT TIME ZONE 'UTC') AT TIME ZONE ?), count(*)
{_OF_TICKETS} AND c.due_at IS NOT NULL GROUP BY ALL"""  # noqa: S608 - own names


def verdicts(block: Block) -> dict[tuple[str, Cell], tuple[int, int]]:
    """{(metric, cell): (met, breached)}."""
    rows = block.source.query(_VERDICTS, [*block.chosen, *block.ids])
    return {(metric, (channel, priority, team)): (met, late) for metric, channel, priority, team, met, late in rows}


def hours(block: Block, zone: str) -> dict[tuple[str, int], list[int]]:
    """{(metric, team): promises that fell due in each hour of the day}."""
    found: dict[tuple[str, int], list[int]] = {}
    for metric, team, hour, n in block.source.query(_HOURS, [zone, *block.chosen, *block.ids]):
        found.setdefault((metric, team), [0] * 24)[int(hour)] = n
    return found
