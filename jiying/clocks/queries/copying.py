"""The table `clocks` of the columnar copy: each clock as it is now, with the seconds that it measured."""

# ruff: noqa: S608 - own names

from collections.abc import Mapping
from typing import Any

from django.db.models import Max

from jiying.clocks.models import Clock
from jiying.clocks.queries import calendar
from jiying.warehouse import staging, tables
from jiying.warehouse.staging import Field, Part, Source
from jiying.warehouse.tables import Column, Table

CLOCKS = "clock_now"  # where upper floors find a part's clocks: the columns of the table
_COLUMNS = {
    "id": "BIGINT",
    "subject_kind": "VARCHAR",
    "subject_id": "BIGINT",
    "metric": "VARCHAR",
    "seq": "INTEGER",
    "state": "VARCHAR",
    "started_at": "TIMESTAMP",
    "due_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "breached_at": "TIMESTAMP",
    "target_s": "BIGINT",
    "spent_s": "BIGINT",
    "row": "VARCHAR",
}
_MEASURED = {"calendar": "VARCHAR", "calendar_version": "BIGINT", "runs": "JSON"}
_ENDED = f"ended_at IS NOT NULL AND state <> '{Clock.State.CANCELLED}'"


def _rows(part: Part) -> str:
    return f"FROM clocks_clock WHERE subject_kind = '{part.kind}' AND {part.among('subject_id')}"


def _measure(connection: Any) -> None:
    """`spent_s` of those that have ended: their runs, by their own calendars."""
    connection.execute("CREATE OR REPLACE TEMP TABLE clock_spent (id BIGINT, spent_s BIGINT)")
    used = f"SELECT DISTINCT calendar, calendar_version FROM clock_rows WHERE {_ENDED}"
    for key, version in connection.execute(used).fetchall():
        runs = f"""
SELECT id, run[1] AS begun, run[2] AS ended FROM (
  SELECT id, unnest(from_json(runs, '[["BIGINT"]]')) AS run FROM clock_rows
  WHERE {_ENDED} AND calendar = ? AND calendar_version = ?)
WHERE run[2] IS NOT NULL"""
        found = connection.execute(runs, [key, version]).fetchnumpy()
        seconds = calendar(key, version).between_many(found["begun"], found["ended"])
        connection.register("measured", {"id": found["id"], "seconds": seconds})
        connection.execute("INSERT INTO clock_spent SELECT id, sum(seconds) FROM measured GROUP BY id")
        connection.unregister("measured")
    told = ", ".join(
        f"CASE WHEN {_ENDED} THEN coalesce(spent_s, 0) END AS spent_s" if name == "spent_s" else f'"{name}"'
        for name in _COLUMNS
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {CLOCKS} AS SELECT {told} FROM clock_rows LEFT JOIN clock_spent USING (id)"
    )


def _greatest() -> Mapping[str, int]:
    return dict(Clock.objects.order_by().values_list("subject_kind").annotate(Max("subject_id")))


SOURCE = Source(
    name="clock_rows",
    fields=tuple(Field(name, kind) for name, kind in (_COLUMNS | _MEASURED).items() if name != "spent_s"),
    rows=_rows,
    then=_measure,
)
TABLE = Table(
    name="clocks",
    month="started_at",
    over="ended_at",
    owner=("subject_kind", "subject_id"),
    columns=tuple(Column(name, kind) for name, kind in _COLUMNS.items()),
    made=f"SELECT * FROM {CLOCKS}",
    greatest=_greatest,
)


def register() -> None:
    """For `AppConfig.ready`."""
    staging.register(SOURCE)
    tables.register(TABLE)
