"""The table `tickets` of the columnar copy, and what the desk adds to its clocks: each row as it is now.

Counts of what was said and of hands it went through come from the journal, so that imported histories count alike.
"""

# ruff: noqa: S608 - own names and whole numbers

from collections.abc import Iterator, Mapping

from django.db.models import Max

from jiying.base.actor import IMPORT
from jiying.clocks.queries.copying import CLOCKS as CLOCK_ROWS
from jiying.core.metrics import COUNTED
from jiying.desk.models import CustomerOffer, Ticket
from jiying.warehouse import staging, tables
from jiying.warehouse.staging import Field, Part, Source
from jiying.warehouse.tables import About, Column, Extension, Table

KIND, AUTOMATION = "ticket", "automation"
OfferState = CustomerOffer.State
METRICS = ("accept", "first_response", "resolution", "resolution_total")
_RENAMED = {"person.changed": "assignee_id", "team.changed": "team_id", "customer.merged": "customer_id"}
_SAID, _REOPENED, _CHANGED = "ticket.message", "ticket.reopened", "ticket.reclassified"
_GIVEN = "'ticket.assigned', 'ticket.transferred', 'ticket.unassigned'"

# name, kind, SQL of the house's database where it is no column of the ticket; in the order of the table
_PLAIN: tuple[tuple[str, str, str], ...] = (
    ("id", "BIGINT", ""),
    ("number", "VARCHAR", ""),
    ("subject", "VARCHAR", ""),
    ("channel", "VARCHAR", ""),
    ("type", "VARCHAR", ""),
    ("category", "VARCHAR", ""),
    ("priority", "VARCHAR", ""),
    ("priority_source", "VARCHAR", ""),
    ("tier", "VARCHAR", ""),
    ("region", "VARCHAR", ""),
    ("team_id", "BIGINT", ""),
    ("team", "VARCHAR", "team.name"),
    ("assignee_id", "BIGINT", ""),
    ("assignee", "VARCHAR", "person.name"),
    ("customer_id", "BIGINT", ""),
    ("status", "VARCHAR", ""),
    ("waiting_for", "VARCHAR", ""),
    ("source", "VARCHAR", ""),
    ("form", "VARCHAR", ""),
    ("is_repeat", "BOOLEAN", ""),
    ("is_incomplete", "BOOLEAN", ""),
    ("is_late", "BOOLEAN", ""),
    ("tags", "VARCHAR[]", ""),
    ("amount", "BIGINT", ""),
    ("line", "INTEGER", ""),
    ("escalation", "INTEGER", ""),
    *((name, "TIMESTAMP", "") for name in ("received_at", "assigned_at", "accepted_at", "resolved_at", "ended_at")),
)
_COUNTED = (
    "n_messages", "n_replies", "n_customer_messages", "n_reopened", "n_transfers", "n_corrected", "n_teams",
)  # fmt: skip
_CLOSING = {"root_cause": "cause", "solution": "solution", "step": "step"}  # codes of a ticket, as last solved
_OF_CLOCK = (
    ("state", "VARCHAR"),
    ("due_at", "TIMESTAMP"),
    ("ended_at", "TIMESTAMP"),
    ("breached_at", "TIMESTAMP"),
    ("target_s", "BIGINT"),
    ("s", "BIGINT"),
)


# --- from the house's database ---------------------------------------------------------------------------------------


def _tickets(part: Part) -> str:
    return (
        "FROM desk_ticket AS t LEFT JOIN base_team AS team ON team.id = t.team_id "
        f"LEFT JOIN base_person AS person ON person.id = t.assignee_id WHERE {part.among('t.id')}"
    )


def _told(part: Part) -> str:
    """What counts of a ticket's journal."""
    kinds = f"kind IN ('{_SAID}', '{_REOPENED}', '{_CHANGED}', {_GIVEN}) OR actor_kind = '{IMPORT.kind}'"
    return f"FROM base_journalentry WHERE subject_kind = '{KIND}' AND {part.among('subject_id')} AND ({kinds})"


def _causes(part: Part) -> str:
    return (
        "FROM clocks_breachcause AS cause JOIN clocks_clock AS clock ON clock.id = cause.clock_id "
        f"WHERE clock.subject_kind = '{KIND}' AND {part.among('clock.subject_id')}"
    )


SOURCES = (
    Source(
        name="ticket_rows",
        fields=tuple(
            Field(name, "JSON" if kind == "VARCHAR[]" else kind, sql or f"t.{name}") for name, kind, sql in _PLAIN
        ),
        rows=_tickets,
        kinds=(KIND,),
    ),
    Source(
        name="ticket_told",
        fields=(
            Field("id", "BIGINT"),
            Field("subject_id", "BIGINT"),
            Field("kind", "VARCHAR"),
            Field("at", "TIMESTAMP"),
            Field("actor_kind", "VARCHAR"),
            Field("data", "JSON"),
        ),
        rows=_told,
        kinds=(KIND,),
    ),
    Source(
        name="ticket_causes",
        fields=(
            Field("id", "BIGINT", "cause.id"),
            Field("subject_id", "BIGINT", "clock.subject_id"),
            Field("code", "VARCHAR", "cause.code"),
        ),
        rows=_causes,
        kinds=(KIND,),
    ),
    Source(
        name="ticket_closings",
        fields=(Field("ticket_id", "BIGINT"), *(Field(name, "VARCHAR", of) for name, of in _CLOSING.items())),
        rows=lambda part: f"FROM desk_closing WHERE {part.among('ticket_id')}",
        kinds=(KIND,),
    ),
    Source(
        name="ticket_offers",
        fields=(Field("ticket_id", "BIGINT"), Field("state", "VARCHAR")),
        rows=lambda part: f"FROM desk_customeroffer WHERE {part.among('ticket_id')}",
        kinds=(KIND,),
    ),
)


# --- and made of it, in DuckDB ---------------------------------------------------------------------------------------

# Facts of hands say in `to` who got the ticket; a foreign log says beside other steps too who is in charge of it.
_COUNTS = f"""
SELECT subject_id,
  count(*) FILTER (kind = '{_SAID}') AS n_messages,
  count(*) FILTER (kind = '{_SAID}' AND said_by <> 'customer' AND is_told) AS n_replies,
  count(*) FILTER (kind = '{_SAID}' AND said_by = 'customer') AS n_customer_messages,
  count(*) FILTER (kind = '{_REOPENED}') AS n_reopened,
  count(*) FILTER (hand <> hand_before) AS n_transfers,
  count(*) FILTER (is_corrected) AS n_corrected,
  list(DISTINCT team) AS teams
FROM (
  SELECT *, lag(hand) OVER (PARTITION BY subject_id, hand IS NULL ORDER BY "at", id) AS hand_before
  FROM (
    SELECT id, subject_id, kind, "at", coalesce(d."by", '') AS said_by,
      coalesce(d.public, true) AND (coalesce(d.way, '') = 'call' OR coalesce(d.direction, '') = 'out') AS is_told,
      CASE WHEN kind IN ({_GIVEN}) THEN d."to" WHEN kind NOT IN ('{_SAID}', '{_REOPENED}') THEN d.agent END AS hand,
      CASE WHEN kind IN ({_GIVEN}) THEN coalesce(d.team_id, d.team)
        WHEN kind NOT IN ('{_SAID}', '{_REOPENED}') THEN d.team END AS team,
      kind = '{_CHANGED}' AND actor_kind <> '{AUTOMATION}' AND d.before.priority <> d.priority AS is_corrected
    FROM (
      SELECT *, TRY(from_json(data, '{{"by": "VARCHAR", "public": "BOOLEAN", "way": "VARCHAR", "direction": "VARCHAR",
        "to": "VARCHAR", "agent": "VARCHAR", "team_id": "VARCHAR", "team": "VARCHAR", "priority": "VARCHAR",
        "before": {{"priority": "VARCHAR"}}}}')) AS d
      FROM ticket_told)))
GROUP BY subject_id"""


_TICKETS = f"""
SELECT *, {COUNTED} AS is_counted FROM (
  SELECT * REPLACE (from_json(tags, '["VARCHAR"]') AS tags), status = 'merged' AS merged FROM ticket_rows)"""
_CAUSES = "SELECT subject_id, arg_max(code, id) AS code FROM ticket_causes GROUP BY 1"
_OFFERS = f"""
SELECT ticket_id, count(*) FILTER (state <> '{OfferState.WITHDRAWN}') AS n_offers,
  count(*) FILTER (state = '{OfferState.ACCEPTED}') AS n_accepted_offers
FROM ticket_offers GROUP BY 1"""


def _made() -> str:
    plain = ", ".join(f't."{name}"' for name, _kind, _sql in _PLAIN)
    clocks = "".join(
        f" LEFT JOIN {CLOCK_ROWS} AS {metric} ON {metric}.subject_kind = '{KIND}' AND {metric}.subject_id = t.id"
        f" AND {metric}.metric = '{metric}' AND {metric}.seq = 1"
        for metric in METRICS
    )
    answered = "CASE WHEN first_response.state <> 'cancelled' THEN first_response.ended_at END"
    return f"""
SELECT {plain}, t.merged, t.is_counted, {answered} AS first_response_at,
  {", ".join(f"coalesce({name}, 0) AS {name}" for name in _COUNTED if name != "n_teams")},
  len(list_distinct(list_append(coalesce(teams, []), t.team_id::VARCHAR))) AS n_teams,
  coalesce(causes.code, '') AS cause, {", ".join(f"coalesce(closing.{name}, '') AS {name}" for name in _CLOSING)},
  coalesce(n_offers, 0) AS n_offers, coalesce(n_accepted_offers, 0) AS n_accepted_offers, {", ".join(_of_clocks())},
  {_wall_s(answered)} AS first_response_wall_s, {_wall_s("t.resolved_at")} AS resolution_wall_s
FROM ({_TICKETS}) AS t LEFT JOIN ({_COUNTS}) AS counts ON counts.subject_id = t.id
LEFT JOIN ({_CAUSES}) AS causes ON causes.subject_id = t.id
LEFT JOIN ticket_closings AS closing ON closing.ticket_id = t.id
LEFT JOIN ({_OFFERS}) AS offers ON offers.ticket_id = t.id{clocks}"""


def _of_clocks() -> Iterator[str]:
    for metric in METRICS:
        for name, _kind in _OF_CLOCK:
            column = f"{metric}.{'spent_s' if name == 's' else name}"
            yield f"coalesce({column}, '') AS {metric}_{name}" if name == "state" else f"{column} AS {metric}_{name}"


def _wall_s(until: str) -> str:
    seconds = f"round_even(epoch_us({until} - t.received_at) / 1000000, 0)"
    return f"CASE WHEN {seconds} < 0 THEN 0 ELSE {seconds} END"


def _columns() -> tuple[Column, ...]:
    return (
        *(Column(name, kind) for name, kind, _sql in _PLAIN),
        Column("merged", "BOOLEAN"),
        Column("is_counted", "BOOLEAN"),
        Column("first_response_at", "TIMESTAMP"),
        *(Column(name, "INTEGER") for name in _COUNTED),
        Column("cause", "VARCHAR"),
        *(Column(name, "VARCHAR") for name in _CLOSING),
        Column("n_offers", "INTEGER"),
        Column("n_accepted_offers", "INTEGER"),
        *(Column(f"{metric}_{name}", kind) for metric in METRICS for name, kind in _OF_CLOCK),
        Column("first_response_wall_s", "BIGINT"),
        Column("resolution_wall_s", "BIGINT"),
    )


def _renamed(about: About) -> Iterator[int]:
    """Tickets whose row names whom a fact was about."""
    for kind, column in _RENAMED.items():
        if found := about(kind):
            yield from Ticket.objects.filter(**{f"{column}__in": found}).values_list("pk", flat=True)


def _greatest() -> Mapping[str, int]:
    return {KIND: Ticket.objects.aggregate(last=Max("pk"))["last"] or 0}


TABLE = Table(
    name="tickets",
    month="received_at",
    over="ended_at",
    owner=("id",),
    of=KIND,
    columns=_columns(),
    made=_made(),
    touched=_renamed,
    greatest=_greatest,
)

# What the desk adds to clocks, from the ticket whose clock it is: all that figures are cut by, and whether it counts at
# all. Thus no question about clocks has to look for millions of tickets beside them.
_OF_TICKET = (
    ("channel", "VARCHAR"),
    ("priority", "VARCHAR"),
    ("type", "VARCHAR"),
    ("category", "VARCHAR"),
    ("tier", "VARCHAR"),
    ("region", "VARCHAR"),
    ("cause", "VARCHAR"),
    ("team_id", "BIGINT"),
    ("assignee_id", "BIGINT"),
    ("received_at", "TIMESTAMP"),
    ("is_counted", "BOOLEAN"),
)
_MISSING = {"VARCHAR": "''", "BOOLEAN": "false"}
CLOCKS = Extension(
    table="clocks",
    columns=tuple(Column(name, kind) for name, kind in _OF_TICKET),
    missing=tuple(_MISSING.get(kind, "NULL") for _name, kind in _OF_TICKET),
    made=f"""
SELECT '{KIND}' AS subject_kind, t.id AS subject_id, coalesce(causes.code, '') AS cause,
  {", ".join(f"t.{name}" for name, _kind in _OF_TICKET if name != "cause")}
FROM ({_TICKETS}) AS t LEFT JOIN ({_CAUSES}) AS causes ON causes.subject_id = t.id""",
)


def register() -> None:
    """For `AppConfig.ready`."""
    for source in SOURCES:
        staging.register(source)
    tables.register(TABLE)
    tables.extend(CLOCKS)
