"""What a replay found, cut to what its reader may see: attainment by channel, priority and team, load by hour, tickets.

A replay counts by cell (channel, priority, team); everything shown is a sum of cells, so that parts add to the whole.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.base.models import Job, Team
from jiying.core.metrics import COUNTED, Rate, attainment
from jiying.core.standards import CHANNELS, PRIORITIES, TICKET_METRICS
from jiying.desk.policies import Scope, scope
from jiying.warehouse import reader

KIND = "insight.replay"
SHOWN = 200
FIRST = ("first_response", "resolution")  # the metrics that people ask for most
FEW = 30  # promises below which a share says little


@dataclass(frozen=True, slots=True)
class Counted:
    """Promises kept among those decided."""

    met: int
    n: int
    percent: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What happened, and what the draft would have found."""

    happened: Counted
    draft: Counted

    @property
    def n_more_late(self) -> int:
        return (self.draft.n - self.draft.met) - (self.happened.n - self.happened.met)

    @property
    def is_few(self) -> bool:
        return max(self.happened.n, self.draft.n) < FEW


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric: all, by channel and priority, by team (id 0: none), and promises due by hour of the day."""

    metric: str
    whole: Compared
    by_channel: dict[str, dict[str, Compared]]
    by_team: dict[int, Compared]
    hours_happened: list[int]
    hours_draft: list[int]


@dataclass(frozen=True, slots=True)
class Rejudged:
    """Tickets that the priority rules judged, by first priority as it was and under the rules: `ways[was][now]`.

    `n_changed` would have begun with another, `n_guessed` were judged partly by what is known now; `n_kept` more were
    not for the rules: chosen when opened, imported, or without their texts.
    """

    n_judged: int
    n_changed: int
    n_guessed: int
    n_kept: int
    ways: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """A replay: `state` is waiting, failed or done; `metrics` are those that anything was promised of; `rules` what
    priority rules would have changed, where some were tried out."""

    id: int
    state: str
    since: datetime
    until: datetime
    draft: dict[str, Any]
    created_at: datetime
    created_by: str
    n_tickets: int = 0
    n_events: int = 0
    seconds: float = 0.0
    error: str = ""
    metrics: list[MetricRow] = field(default_factory=list)
    rules: Rejudged | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket behind a number: `happened` is met, breached or undecided (""), `draft` breached or not ("")."""

    ticket_id: int
    number: str
    subject: str
    assignee: str
    channel: str
    priority: str
    happened: str
    draft: str


def job(actor: Actor, replay_id: int) -> tuple[Scope, Job]:
    """Raises Denied, NotFound."""
    part = scope(actor)
    found = Job.objects.filter(kind=KIND, pk=replay_id).select_related("created_by").first()
    if found is None:
        raise NotFound("replay", replay_id)
    return part, found


def latest(actor: Actor, limit: int = 10) -> list[ReplayRow]:
    """The last replays, without their figures."""
    part = scope(actor)
    rows = Job.objects.filter(kind=KIND).select_related("created_by").order_by("-pk")[:limit]
    return [_head(one, part) for one in rows]


def heads(ids: Collection[int]) -> list[ReplayRow]:
    """These replays without their figures, for whoever has been told of them."""
    return [_head(one, Scope(None)) for one in Job.objects.filter(kind=KIND, pk__in=ids).select_related("created_by")]


def of(actor: Actor, replay_id: int) -> ReplayRow:
    """One replay with what its reader may see of it."""
    part, found = job(actor, replay_id)
    row = _head(found, part)
    if row.state != "done":
        return row
    told = found.result
    metrics = [_metric(told, metric, part) for metric in (*FIRST, *(m for m in TICKET_METRICS if m not in FIRST))]
    values = {name: getattr(row, name) for name in row.__slots__}
    shown = [m for m in metrics if m.whole.happened.n or m.whole.draft.n]
    return ReplayRow(**{**values, "metrics": shown, "rules": _rejudged(told.get("rules"), part)})


def _head(one: Job, part: Scope) -> ReplayRow:
    params, told = one.params, one.result
    n_tickets, n_events = told.get("tickets", 0), told.get("events", 0)
    if part.team_id is not None:
        n_tickets, n_events = told.get("sizes", {}).get(str(part.team_id), (0, 0))
    failed = one.parked_at is not None or "missing" in told
    return ReplayRow(
        id=one.pk,
        state="failed" if failed else "done" if one.finished_at else "waiting",
        since=datetime.fromisoformat(params["since"]),
        until=datetime.fromisoformat(params["until"]),
        draft=params["draft"],
        created_at=one.created_at,
        created_by=one.created_by.name if one.created_by else "",
        n_tickets=n_tickets,
        n_events=n_events,
        seconds=told.get("seconds", 0.0),
        error=told.get("missing", ""),
    )


def _rejudged(told: dict[str, Any] | None, part: Scope) -> Rejudged | None:
    """`told` as `rejudged.as_data` made it."""
    if told is None:
        return None
    ways = {was: dict.fromkeys(PRIORITIES, 0) for was in PRIORITIES}
    for team, was, now, n, _ids in told["moves"]:
        if part.team_id in (None, team):
            ways[was][now] += n
    n_guessed, n_kept = (
        sum(n for team, n in told[name].items() if part.team_id is None or team == str(part.team_id))
        for name in ("guessed", "kept")
    )
    n_judged = sum(n for row in ways.values() for n in row.values())
    n_same = sum(ways[code][code] for code in PRIORITIES)
    return Rejudged(n_judged, n_judged - n_same, n_guessed, n_kept, ways)


def _metric(told: dict[str, Any], metric: str, part: Scope) -> MetricRow:
    seen = [n for n, cell in enumerate(told["cells"]) if part.team_id is None or cell[2] == part.team_id]
    cells = [tuple(cell) for cell in told["cells"]]
    teams = sorted({cells[n][2] for n in seen})

    by_channel = {
        c: {p: _compared(told, metric, [n for n in seen if cells[n][:2] == (c, p)]) for p in PRIORITIES}
        for c in CHANNELS
        if any(cells[n][0] == c for n in seen)
    }
    hours = [told["hours"].get(metric, {}).get(str(team), [[0] * 24, [0] * 24]) for team in teams]
    return MetricRow(
        metric=metric,
        whole=_compared(told, metric, seen),
        by_channel=by_channel,
        by_team={team: _compared(told, metric, [n for n in seen if cells[n][2] == team]) for team in teams},
        hours_happened=[sum(one[0][h] for one in hours) for h in range(24)],
        hours_draft=[sum(one[1][h] for one in hours) for h in range(24)],
    )


def _compared(told: dict[str, Any], metric: str, places: Sequence[int]) -> Compared:
    return Compared(*(_counted(told[side][metric], places) for side in ("happened", "draft")))


def _counted(counts: Sequence[Sequence[int]], places: Sequence[int]) -> Counted:
    rate = Rate.total(attainment(*counts[n]) for n in places)
    percent = rate.percent()
    return Counted(rate.numerator, rate.denominator, None if percent is None else float(percent))


def team_names(ids: Sequence[int]) -> dict[int, str]:
    return dict(Team.objects.filter(pk__in=ids).values_list("pk", "name"))


# --- the tickets behind a number -------------------------------------------------------------------------------------

_CASES = """
SELECT * EXCLUDE (received_at) FROM (
SELECT t.id, t.received_at, t.number, t.subject, coalesce(t.assignee, ''), t.channel, t.priority,
  CASE WHEN bool_or(c.state = 'breached') THEN 'breached' WHEN bool_or(c.state = 'met') THEN 'met' ELSE '' END
    AS happened
FROM tickets AS t LEFT JOIN clocks AS c ON c.subject_kind = 'ticket' AND c.subject_id = t.id AND c.metric = ?
WHERE t.received_at >= ? AND t.received_at < ? AND {counted} {where}
GROUP BY ALL
) ORDER BY list_contains(?::BIGINT[], id) DESC, happened = 'breached' DESC, received_at DESC LIMIT ?"""
_LATE = "list_contains(?::BIGINT[], t.id)"


@dataclass(frozen=True, slots=True)
class Slice:
    """Which tickets: of a metric, and where given of a channel, priority and team; `show` all | draft | happened."""

    metric: str
    channel: str = ""
    priority: str = ""
    team: int | None = None
    show: str = "all"


def cases(actor: Actor, replay_id: int, wanted: Slice) -> list[Case]:
    """The tickets of a slice, those that the draft would have found late first; at most SHOWN + 1.

    Raises reader.Missing where the copy is gone.
    """
    part, found = job(actor, replay_id)
    told, row = found.result, _head(found, part)
    team = wanted.team if part.team_id is None else part.team_id
    places = [
        n
        for n, (channel, priority, of_team) in enumerate(told.get("cells", []))
        if wanted.channel in ("", channel) and wanted.priority in ("", priority) and team in (None, of_team)
    ]
    broken = told.get("broken", {}).get(wanted.metric, {})
    late = [pk for n in places for pk in broken.get(str(n), [])]
    known = {pk for ids in broken.values() for pk in ids}  # in another cell, too: rules move tickets
    where, values = _where(wanted, team, late)
    asked = [wanted.metric, row.since, row.until, *values, late, SHOWN + 1]
    rows = reader.query(_CASES.format(where=where, counted=COUNTED), asked)
    return [Case(*(*one, "breached" if one[0] in known else "")) for one in rows]


def _where(wanted: Slice, team: int | None, late: Sequence[int]) -> tuple[str, list[Any]]:
    """Those that are late under the draft have the channel and priority asked for, but not always in the copy: there
    they stand with the priority that they have."""
    of_team, teams = ("", []) if team is None else (" AND coalesce(t.team_id, 0) = ?", [team])
    parts = [("c.state = ?", "breached") if wanted.show == "happened" else ("c.metric = ?", wanted.metric)]
    if wanted.channel:
        parts.append(("t.channel = ?", wanted.channel))
    if wanted.priority:
        parts.append(("t.priority = ?", wanted.priority))
    values: list[Any] = [value for _sql, value in parts]
    of_slice = " AND ".join(sql for sql, _value in parts)
    if wanted.show == "draft":
        return f" AND {_LATE}{of_team}", [list(late), *teams]
    if wanted.show == "all":
        of_slice, values = f"({of_slice} OR {_LATE})", [*values, list(late)]
    return f" AND {of_slice}{of_team}", [*values, *teams]


_MOVED = """
SELECT id, number, subject, coalesce(assignee, ''), channel, priority FROM tickets
WHERE list_contains(?::BIGINT[], id) AND (? IS NULL OR coalesce(team_id, 0) = ?) ORDER BY received_at DESC, id"""


@dataclass(frozen=True, slots=True)
class Moved:
    """A ticket that would have begun with another priority; `priority` is the one that it has."""

    ticket_id: int
    number: str
    subject: str
    assignee: str
    channel: str
    priority: str


def moved(actor: Actor, replay_id: int, was: str, now: str) -> list[Moved]:
    """Tickets whose first priority the rules would have changed so, the newest first; of each team the first ones.

    Raises reader.Missing where the copy is gone.
    """
    part, found = job(actor, replay_id)
    told = (found.result.get("rules") or {}).get("moves", [])
    ids = [pk for team, *way, _n, listed in told if way == [was, now] and part.team_id in (None, team) for pk in listed]
    row = _head(found, part)
    values = [ids, part.team_id, part.team_id]
    return [Moved(*one) for one in reader.query(_MOVED, values, since=row.since, until=row.until)]
