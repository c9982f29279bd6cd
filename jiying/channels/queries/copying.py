"""The table `calls` of the columnar copy: each call of the telephone system that is over, beside its ticket."""

# ruff: noqa: S608 - own names

from jiying.warehouse import staging, tables
from jiying.warehouse.staging import Field, Part, Source
from jiying.warehouse.tables import Column, Table

TALKED, MISSED = "talked", "missed"  # calls out that nobody took are no fact of their ticket
_PLAIN = {
    "id": "BIGINT",
    "ticket_id": "BIGINT",
    "agent_id": "BIGINT",
    "direction": "VARCHAR",
    "state": "VARCHAR",
    "begun_at": "TIMESTAMP",
    "answered_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "duration_s": "BIGINT",
}


def _rows(part: Part) -> str:
    over = f"(state = '{TALKED}' OR state = '{MISSED}' AND direction = 'in')"
    return f"FROM channels_phonecall WHERE {over} AND {part.among('ticket_id')}"


ROWS = Source(
    name="call_rows",
    fields=tuple(Field(name, kind) for name, kind in _PLAIN.items()),
    rows=_rows,
    kinds=("ticket",),
)
TABLE = Table(
    name="calls",
    month="begun_at",
    over="ended_at",
    owner=("ticket_id",),
    of="ticket",
    columns=(*(Column(name, kind) for name, kind in _PLAIN.items()), Column("wait_s", "BIGINT")),
    made="SELECT *, greatest(0, date_diff('second', begun_at, answered_at)) AS wait_s FROM call_rows",
)


def register() -> None:
    """For `AppConfig.ready`."""
    staging.register(ROWS)
    tables.register(TABLE)
