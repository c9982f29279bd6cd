"""A columnar copy of made-up tickets, written as Parquet by SQL: millions within a minute, for benches of its readers.

The months before the present one, equally full; clocks and (if asked for) the journal of each ticket beside it.
"""

# ruff: noqa: S608 - names and numbers of our own

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

CHANNELS, PRIORITIES = ("web", "email", "phone", "chat", "social", "other"), ("P1", "P2", "P3", "P4")
N_TEAMS = 12


def months(n: int, today: date) -> list[date]:
    """The first days of the last n whole months, the oldest first."""
    found = [today.replace(day=1)]
    while len(found) <= n:
        found.insert(0, (found[0] - timedelta(days=1)).replace(day=1))
    return found[:-1]


def make(n_tickets: int, *, n_months: int = 12, n_agents: int = 300, events: bool = False) -> datetime:
    """Write the copy that this database's manifest names; returns the end of its last month."""
    from jiying.base import journal
    from jiying.warehouse import exporting, files, sketching, store, tables

    begins = months(n_months, datetime.now(UTC).date())
    ends = [*begins[1:], (begins[-1] + timedelta(days=32)).replace(day=1)]
    connection, each = files.connect(memory="3GB"), n_tickets // n_months
    connection.execute("SET preserve_insertion_order = false")
    made: dict[str, dict[str, tuple[store.File, ...]]] = {shape.table.name: {} for shape in tables.shapes()}
    for place, (first, last) in enumerate(zip(begins, ends, strict=True)):
        low = place * each + 1
        high = n_tickets + 1 if place == n_months - 1 else low + each
        connection.execute(f"CREATE OR REPLACE TABLE drawn AS {_drawn(low, high, first, last, n_agents)}")
        for shape in tables.shapes():
            if shape.table.name == "events" and not events:
                continue
            name, month = shape.table.name, f"{first:%Y-%m}"
            select = _filled(shape, _SELECTS[name])
            written = files.copy(connection, select, store.new_file(name, month))
            made[name][month] = (written,) if written else ()
    contents = sketching.kept(connection, {name: store.Content(found) for name, found in made.items()})
    connection.close()
    position = journal.last_position()
    told = store.Manifest(position, exporting.chain_at(position), tables.schema(), time.time(), contents, time.time())
    store.write(told)
    return datetime(ends[-1].year, ends[-1].month, 1, tzinfo=UTC)


def _drawn(low: int, high: int, first: date, last: date, n_agents: int) -> str:
    """What is random of each ticket: seconds and choices, by hashes of its number, so that every run has the same."""
    seconds = int((last - first).total_seconds())
    return f"""
SELECT i AS id, TIMESTAMP '{first} 00:00:00' + to_seconds((i - {low}) * {seconds} // {high - low}) AS received_at,
  {list(CHANNELS)}[1 + {_one_of(1, 6)}] AS channel, {list(PRIORITIES)}[1 + {_one_of(2, 4)}] AS priority,
  1 + {_one_of(3, n_agents)} AS agent, 'c' || {_one_of(4, 20)} AS category,
  (60 - 300 * ln(1 - {_share(5)}))::BIGINT AS accept, (90 - 900 * ln(1 - {_share(6)}))::BIGINT AS fr,
  (1200 - 40000 * ln(1 - {_share(7)}))::BIGINT AS rs, {_share(8)} AS rated, 1 + {_one_of(9, 5)} AS score,
  {_one_of(10, 100)} AS luck, {_one_of(11, 10)} AS held
FROM range({low}, {high}) AS t(i)"""


def _share(salt: int) -> str:
    """Equally spread from 0 to before 1."""
    return f"({_one_of(salt, 1_000_000)} / 1000000.0)"


def _one_of(salt: int, n: int) -> str:
    """0 to before n."""
    return f"(hash(i, {salt}) % {n})::BIGINT"


_TARGETS = {"accept": 600, "first_response": 1800, "resolution": 86400, "resolution_total": 172800}
_TAKEN = {"accept": "accept", "first_response": "fr", "resolution": "rs", "resolution_total": "rs"}


def _of_ticket() -> dict[str, str]:
    found = {
        "id": "id", "number": "'GD' || id", "subject": "'订单 ' || id", "channel": "channel", "priority": "priority",
        "type": "CASE WHEN luck < 8 THEN 'complaint' ELSE 'inquiry' END", "category": "category",
        "priority_source": "'rule'", "tier": "'standard'", "region": "''",
        "team_id": f"1 + agent % {N_TEAMS}", "assignee_id": "agent", "assignee": "'坐席' || agent",
        "customer_id": "hash(id) % 1000000", "status": "'closed'",
        "is_repeat": "luck = 3", "is_counted": "TRUE", "received_at": "received_at", "assigned_at": "received_at",
        "accepted_at": "received_at + to_seconds(accept)", "first_response_at": "received_at + to_seconds(fr)",
        "resolved_at": "received_at + to_seconds(rs)", "ended_at": "received_at + to_seconds(rs + 7200)",
        "n_messages": "3", "n_replies": "1 + luck % 3", "n_customer_messages": "1 + luck % 2",
        "n_reopened": "(luck = 5)::INTEGER", "n_transfers": "(luck % 10 = 7)::INTEGER", "n_teams": "1",
        "first_response_wall_s": "fr", "resolution_wall_s": "rs",
        "root_cause": "CASE WHEN luck < 60 THEN 'damage' ELSE '' END", "solution": "''", "step": "''",
        "n_corrected": "(luck = 9)::INTEGER", "n_offers": "(luck < 2)::INTEGER",
        "n_accepted_offers": "(luck = 1)::INTEGER",
        "score": "CASE WHEN rated < 0.3 THEN score END", "score_kind": "CASE WHEN rated < 0.3 THEN 'csat' ELSE '' END",
        "cause": "CASE WHEN rs > 86400 AND luck < 50 THEN ['overlooked', 'waiting', 'no_staff'][1 + luck % 3] "
        "ELSE '' END",
    }  # fmt: skip
    for metric, taken in _TAKEN.items():
        found |= {f"{metric}_{name}": sql for name, sql in _clock(metric, taken).items()}
        found[f"{metric}_s"] = taken
    return found


def _clock(metric: str, taken: str) -> dict[str, str]:
    target = _TARGETS[metric]
    due = f"received_at + to_seconds({target})"
    return {
        "state": f"CASE WHEN {taken} > {target} THEN 'breached' ELSE 'met' END",
        "due_at": due,
        "ended_at": f"received_at + to_seconds({taken})",
        "breached_at": f"CASE WHEN {taken} > {target} THEN {due} END",
        "target_s": f"{target}",
    }


_CUT_BY = (
    "channel", "priority", "type", "category", "tier", "region", "cause", "team_id", "assignee_id", "received_at",
    "is_counted",
)  # fmt: skip


def _clocks() -> str:
    of_ticket = ", ".join(f"{sql} AS {name}" for name, sql in _of_ticket().items() if name in _CUT_BY)
    about = f"'ticket' AS subject_kind, id AS subject_id, {of_ticket}"
    parts = []
    for place, (metric, taken) in enumerate(_TAKEN.items()):
        told = ", ".join(f"{sql} AS {name}" for name, sql in _clock(metric, taken).items())
        parts.append(
            f"SELECT id * 4 + {place} AS id, {about}, '{metric}' AS metric, 1 AS seq, received_at AS started_at, "
            f"{told}, {taken} AS spent_s, 'p' AS row FROM drawn"
        )
    return " UNION ALL ".join(parts)


_FACTS = """'{"category": "' || category || '", "channel": "' || channel || '", "priority": "' || priority || '"}'"""
_STEPS = (  # kind, seconds after the receipt, code, of which tickets
    ("opened", "0", _FACTS, "TRUE"),
    ("assigned", "1", "agent::VARCHAR", "TRUE"),
    ("accepted", "accept", "''", "TRUE"),
    ("message", "fr", "'answer'", "TRUE"),
    ("held", "fr + rs // 8", "'customer'", "held < 4"),
    ("resumed", "fr + rs // 4", "''", "held < 4"),
    ("solved", "fr + rs", "''", "TRUE"),
    ("closed", "fr + rs + 7200", "''", "TRUE"),
)


def _events() -> str:
    parts = [
        f"SELECT id * 8 + {place} AS position, id * 8 + {place} AS entry_id, 'ticket' AS subject_kind, "
        f"id AS subject_id, 'ticket.{kind}' AS kind, received_at + to_seconds({after}) AS \"at\", "
        f"received_at + to_seconds({after}) AS recorded_at, 'person' AS actor_kind, agent AS actor_id, "
        f"{'agent' if kind == 'assigned' else 'NULL'} AS person_id, "
        f"'{'person' if kind == 'message' else ''}' AS detail, {code} AS code FROM drawn WHERE {which}"
        for place, (kind, after, code, which) in enumerate(_STEPS)
    ]
    return f'SELECT * FROM ({" UNION ALL ".join(parts)}) ORDER BY "at"'


_SELECTS = {
    "tickets": "SELECT " + ", ".join(f'{sql} AS "{name}"' for name, sql in _of_ticket().items()) + " FROM drawn",
    "clocks": _clocks(),
    "events": _events(),
    "calls": """
SELECT id, id AS ticket_id, 'in' AS direction, received_at AS begun_at, received_at + to_seconds(200) AS ended_at,
  CASE WHEN luck < 6 THEN 'missed' ELSE 'talked' END AS state, CASE WHEN luck >= 6 THEN agent END AS agent_id,
  CASE WHEN luck >= 6 THEN received_at + to_seconds(luck) END AS answered_at,
  CASE WHEN luck >= 6 THEN luck END AS wait_s, CASE WHEN luck < 6 THEN 0 ELSE 200 - luck END AS duration_s
FROM drawn WHERE channel = 'phone'""",
}


def _filled(shape: Any, select: str) -> str:
    """The columns that the table has, in its order; what is not drawn is empty."""
    empty = {"VARCHAR": "''", "BOOLEAN": "FALSE", "VARCHAR[]": "[]"}
    nothing = ", ".join(f'CAST(NULL AS {c.kind}) AS "{c.name}"' for c in shape.columns)
    told = ", ".join(
        f'coalesce(CAST("{c.name}" AS {c.kind}), {empty[c.kind]}) AS "{c.name}"' if c.kind in empty else f'"{c.name}"'
        for c in shape.columns
    )
    return f"SELECT {told} FROM (SELECT * FROM (SELECT {nothing} WHERE FALSE) UNION ALL BY NAME ({select}))"
