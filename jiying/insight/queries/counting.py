"""Counts KPIs over the columnar copy: by slice, as distributions, and the tickets behind each figure.

The only module that turns the KPI library into SQL. What is counted is cut to the reader's scope here.
"""

# ruff: noqa: S608 - own names and instants only; values are parameters

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from django.conf import settings

from jiying.core.metrics import CALLS_COUNTED, KPIS, Kpi, Tally, is_case
from jiying.desk.policies import Scope
from jiying.warehouse import reader

_LOCAL = "timezone('{{zone}}', timezone('UTC', {at}))"
# What figures can be cut and grouped by: the column, and whether its values are whole numbers. Hour and weekday are
# those of receipt, by the site's clock.
SLICES = {
    "channel": ("channel", False),
    "priority": ("priority", False),
    "team": ("team_id", True),
    "category": ("category", False),
    "agent": ("assignee_id", True),
    "cause": ("cause", False),
    "type": ("type", False),
    "tier": ("tier", False),
    "region": ("region", False),
    "root_cause": ("root_cause", False),
    "solution": ("solution", False),
    "step": ("step", False),
    "hour": (f"hour({_LOCAL.format(at='received_at')})", True),
    "weekday": (f"isodow({_LOCAL.format(at='received_at')})", True),
}
TAG = "tag"  # a slice of which a ticket may have several: it counts in each
CHOICES = (*SLICES, TAG)
NONE = "none"  # the slice of tickets without a team, an agent, a category …
PATHS = ("category", "root_cause", "solution", "step")  # a value takes those below it too
ITSELF = "/."  # behind such a value: without those below it
_CLOCK = """metric AS clock_metric, state AS clock_state, ended_at AS clock_ended_at,
  breached_at AS clock_breached_at"""
# What clocks do not say of their ticket, since few ask for it; a call says nothing of its ticket, and is its agent's.
_OF_TICKET = ("root_cause", "solution", "step", "tags")
_OF_CALL = "t.channel, t.priority, t.type, t.category, t.tier, t.region, t.cause, t.team_id"
_SOURCES = {
    "tickets": "SELECT * FROM tickets",
    "clocks": f"SELECT * REPLACE (subject_id AS id), {_CLOCK} FROM clocks WHERE subject_kind = 'ticket'",
    "calls": f"""
SELECT calls.* EXCLUDE (id, ticket_id, agent_id), t.id, agent_id AS assignee_id, begun_at AS received_at, {_OF_CALL},
  {", ".join(f"t.{name}" for name in _OF_TICKET)}, {CALLS_COUNTED} AS is_counted
FROM calls JOIN tickets AS t ON t.id = calls.ticket_id""",
}


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` to before `until`."""

    since: datetime
    until: datetime

    @property
    def sql(self) -> tuple[str, str]:
        return _stamp(self.since), _stamp(self.until)


@dataclass(frozen=True, slots=True)
class Cut:
    """Whose tickets, and which of them: {slice: value}; a category takes those below it too."""

    scope: Scope
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket behind a figure: when it counted, its value (seconds, score) if the KPI has one, whether it is a hit."""

    ticket_id: int
    at: datetime | None
    value: int | None
    is_hit: bool | None


def tallies(
    kpis: Iterable[str], window: Window, cut: Cut, by: str = "", spreads: bool = True
) -> dict[str, dict[str, Tally]]:
    """{slice: {KPI: what was counted}}; without `by` one slice, the whole. Slices without any case are absent.
    Without `spreads` no medians and 90th percentiles, which are most of the work.

    Raises reader.Missing where there is no copy to count in.
    """
    chosen, bounds = [KPIS[key] for key in kpis], window.sql
    found: dict[str, dict[str, Tally]] = {} if by else {"": {kpi.key: Tally() for kpi in chosen}}
    for source in _SOURCES:
        if part := [kpi for kpi in chosen if kpi.source == source]:
            columns = [column for kpi in part for column in _columns(kpi, is_case(kpi, *bounds), bounds[1], spreads)]
            _count(part, ", ".join(columns), window, cut, by, found)
    return found


def _count(
    kpis: Sequence[Kpi], columns: str, window: Window, cut: Cut, by: str, found: dict[str, dict[str, Tally]]
) -> None:
    told, params = rows(kpis[0].source, cut, (by,))
    slice_ = f"coalesce(CAST({_column(by)} AS VARCHAR), '')" if by else "''"
    sql = f"SELECT {slice_}, {columns} {told} GROUP BY 1"
    for value, *cells in reader.query(sql, params, until=window.until):
        row = {kpi.key: _tally(cells[5 * n : 5 * n + 5]) for n, kpi in enumerate(kpis)}
        if by == "" or any(tally.n for tally in row.values()):
            found.setdefault((value or NONE) if by else "", {}).update(row)


def _column(by: str) -> str:
    return TAG if by == TAG else SLICES[by][0].format(zone=settings.TIME_ZONE)


def exactly(name: str, values: Iterable[str]) -> dict[str, str]:
    """{value: what a filter takes for the cases of this value alone}, where others below it are counted apart."""
    known = {*values}
    above = {path for value in known for path in accumulate(value.split("/")[:-1], "{}/{}".format)}
    return {value: f"{value}{ITSELF}" if name in PATHS and value in above else value for value in known}


def is_numbered(name: str) -> bool:
    """Whether the values of a slice are whole numbers."""
    return name != TAG and SLICES[name][1]


def _columns(kpi: Kpi, case: str, until: str, spreads: bool) -> tuple[str, ...]:
    """Cases, hits, misses, total, [median, 90th percentile] of one KPI."""
    value = kpi.value.format(until=until)
    return (
        f"count(*) FILTER (WHERE {case})",
        f"count(*) FILTER (WHERE {case} AND ({kpi.hit}))" if kpi.hit else "0",
        f"count(*) FILTER (WHERE {case} AND ({kpi.miss}))" if kpi.miss else "0",
        f"sum({value}) FILTER (WHERE {case})" if value else "0",
        f"quantile_disc({value}, [0.5, 0.9]) FILTER (WHERE {case})" if spreads and kpi.measure == "spread" else "NULL",
    )


def _tally(cells: Sequence[Any]) -> Tally:
    n, n_hits, n_misses, total, quantiles = cells
    median, p90 = quantiles or (None, None)
    return Tally(int(n), int(n_hits), int(n_misses), int(total or 0), median, p90)


def distribution(key: str, edges: Sequence[int], window: Window, cut: Cut, by: str) -> dict[str, list[int]]:
    """{slice: how many cases have a value below the first edge, below the second …, at or above the last}."""
    kpi = KPIS[key]
    case, value = is_case(kpi, *window.sql), kpi.value
    bounds = [None, *edges, None]
    columns = ", ".join(
        f"count(*) FILTER (WHERE {_between(value, low, high)})" for low, high in zip(bounds, bounds[1:], strict=False)
    )
    told, params = rows(kpi.source, cut, (by,))
    sql = f"SELECT coalesce(CAST({_column(by)} AS VARCHAR), ''), {columns} {told} AND {case} GROUP BY 1"
    return {row[0] or NONE: list(map(int, row[1:])) for row in reader.query(sql, params, until=window.until)}


def _between(value: str, low: int | None, high: int | None) -> str:
    parts = [f"{value} >= {low}"] if low is not None else []
    return " AND ".join([*parts, f"{value} < {high}"] if high is not None else parts) or "TRUE"


@dataclass(frozen=True, slots=True)
class Part:
    """Which cases of a KPI: all, hits, others (`part`), and of values from `low` to before `high`."""

    part: str = "all"
    low: int | None = None
    high: int | None = None


def cases(key: str, window: Window, cut: Cut, part: Part, limit: int) -> tuple[int, list[Case]]:
    """How many cases there are behind a figure, and the newest of them."""
    kpi = KPIS[key]
    value = kpi.value.format(until=window.sql[1]) or "NULL"
    hit = f"coalesce(({kpi.hit}), FALSE)" if kpi.hit else "NULL"
    at = kpi.at or "received_at"
    chosen = {"all": "TRUE", "hit": hit, "miss": f"NOT {hit}"}[part.part if kpi.hit else "all"]
    told, params = rows(kpi.source, cut)
    bounds = _between(f"({value})", part.low, part.high)
    sql = (
        f"SELECT id, {at}, {value}, {hit}, count(*) OVER () {told} "
        f"AND {is_case(kpi, *window.sql)} AND {chosen} AND {bounds} ORDER BY 2 DESC, 1 LIMIT {int(limit)}"
    )
    listed = reader.query(sql, params, until=window.until)
    found = [Case(pk, when.replace(tzinfo=UTC) if when else None, got, is_hit) for pk, when, got, is_hit, _n in listed]
    return (int(listed[0][4]) if listed else 0), found


def rows(source: str, cut: Cut, by: Sequence[str] = ()) -> tuple[str, list[Any]]:
    """The rows of a KPI's source that a reader may see and wants, with the columns that these slices are, as SQL with
    its values. By tags a row stands once for each."""
    where, params = _where(cut)
    table, names = _SOURCES[source], {*by, *(name for name, _value in cut.where)}
    if source == "clocks" and names & {*_OF_TICKET, TAG}:
        told = ", ".join(f"t.{name}" for name in _OF_TICKET)
        table = f"SELECT c.*, {told} FROM ({table}) AS c JOIN tickets AS t ON t.id = c.id"
    if TAG in by:
        table = (
            f"SELECT *, unnest(CASE WHEN len(tags) = 0 THEN [''] ELSE list_distinct(tags) END) AS tag FROM ({table})"
        )
    return f"FROM ({table}) WHERE {where}", params


def _where(cut: Cut) -> tuple[str, list[Any]]:
    """The reader's scope and the filter, as SQL with its values."""
    parts: list[str] = ["TRUE"]
    params: list[Any] = []
    if cut.scope.team_id is not None:
        parts.append("team_id = ?")
        params.append(cut.scope.team_id)
    for name, value in cut.where:
        column, is_number = _column(name), is_numbered(name)
        if name == TAG:
            parts.append("len(tags) = 0" if value == NONE else "list_contains(tags, ?)")
            params += [] if value == NONE else [value]
        elif value == NONE:
            parts.append(f"{column} IS NULL" if is_number else f"{column} = ''")
        elif name in PATHS and not value.endswith(ITSELF):
            parts.append(f"({column} = ? OR starts_with({column}, ?))")
            params += [value, f"{value}/"]
        else:
            parts.append(f"{column} = ?")
            params.append(int(value) if is_number else value.removesuffix(ITSELF))
    return " AND ".join(parts), params


def _stamp(at: datetime) -> str:
    return f"TIMESTAMP '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"


def listed(
    statement: str, key: str, window: Window, cut: Cut, place: tuple[int, int]
) -> tuple[list[tuple[Any, ...]], int]:
    """Rows of a statement over `tickets` with the places {where}, {case}, {limit} and {offset}, and how many there are
    in all: of the cases of a KPI."""
    where, params = _where(cut)
    case = is_case(KPIS[key], *window.sql)
    limit, offset = map(int, place)
    rows = reader.query(
        statement.format(where=where, case=case, limit=limit, offset=offset), params, until=window.until
    )
    return rows, tallies([key], window, cut).get("", {}).get(key, Tally()).n


def instant(value: Any) -> datetime | None:
    """An instant of the copy, which keeps UTC without saying so."""
    return value.replace(tzinfo=UTC) if value else None


# --- over days, and by two slices at once ----------------------------------------------------------------------------


def local_day(at: str) -> str:
    """The day of the site's clock that an instant of the copy lies in, as SQL."""
    return f"CAST({_LOCAL.format(at=at)} AS DATE)".format(zone=settings.TIME_ZONE)


def grouped(key: str, groups: Sequence[str], window: Window, cut: Cut) -> list[tuple[tuple[Any, ...], Tally]]:
    """What was counted of one KPI by each combination of expressions over its rows, without medians; those
    without any case are absent."""
    kpi = KPIS[key]
    told, params = rows(kpi.source, cut)
    case = is_case(kpi, *window.sql)
    columns = ", ".join((*groups, *_columns(kpi, "TRUE", window.sql[1], spreads=False)))
    sql = f"SELECT {columns} {told} AND {case} GROUP BY {', '.join(str(n + 1) for n in range(len(groups)))}"
    since = window.since if kpi.at == "received_at" else None
    found = reader.query(sql, params, since=since, until=window.until)
    return [(tuple(row[: len(groups)]), _tally(row[len(groups) :])) for row in found]


def states(key: str, ends: Sequence[datetime], cut: Cut) -> list[Tally]:
    """A KPI that is a state at the end of a period, at each of these ends."""
    kpi = KPIS[key]
    told, params = rows(kpi.source, cut)
    columns = ", ".join(_columns(kpi, "TRUE", "end_at", spreads=False))
    places = ", ".join(f"({n}, {_stamp(end)})" for n, end in enumerate(ends))
    sql = (
        f"SELECT place, {columns} FROM (SELECT * {told}) "
        f"JOIN (VALUES {places}) AS ends (place, end_at) ON {is_case(kpi, '', 'end_at')} GROUP BY 1"
    )
    found = {row[0]: _tally(row[1:]) for row in reader.query(sql, params, until=max(ends))}
    return [found.get(n, Tally()) for n in range(len(ends))]


def category_top() -> str:
    """The uppermost name of a category's path, as SQL."""
    return "split_part(category, '/', 1)"


def slice_of(by: str) -> str:
    """A slice as SQL, for `grouped`."""
    return _column(by)
