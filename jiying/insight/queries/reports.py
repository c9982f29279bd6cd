"""A report over a period (I1): figures of the whole, by channel, priority and agent, and why promises were broken.

Each figure stands beside the one of the period before and its target. Page, workbook, API and kept reports show the
rows that are made here, so that they cannot differ.
"""

import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _

from jiying.base import settings_store
from jiying.base.models import Person, Team
from jiying.base.texts import term
from jiying.core.metrics import KPIS, Tally, is_better, is_reached, round_score
from jiying.core.periods import Period
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.policies import Scope
from jiying.desk.queries import categories, codes
from jiying.insight.queries import gathering, kpis
from jiying.insight.queries.counting import ITSELF, NONE, PATHS, Cut, Window
from jiying.insight.queries.gathering import Rows
from jiying.warehouse import reader

WHOLE = (
    "tickets_received", "tickets_solved", "solve_rate", "backlog", "attainment.first_response",
    "attainment.next_response", "attainment.resolution", "first_response_time", "resolution_time",
    "first_contact_resolution", "reopen_rate", "transfer_rate", "repeat_contact_rate", "complaints_in_24h", "csat",
    "nps",
)  # fmt: skip
SECTIONS = {
    "channel": (
        "tickets_received", "first_response_time", "attainment.first_response", "resolution_time",
        "attainment.resolution",
    ),
    "priority": ("tickets_solved", "handling_time", "attainment.first_response", "attainment.resolution"),
    "agent": (
        "first_response_time", "tickets_solved", "first_contact_resolution", "csat", "attainment.first_response",
    ),
}  # fmt: skip
_COUNTED = tuple(dict.fromkeys((*WHOLE, *(key for keys in SECTIONS.values() for key in keys), "tickets_late")))
EDGES = (3600, 4 * 3600, 8 * 3600, 24 * 3600, 72 * 3600)  # of the distribution of handling time
TARGETS = {
    "attainment.first_response": "report.target_response",
    "attainment.resolution": "report.target_resolution",
    "first_contact_resolution": "report.target_first_contact",
    "csat": "report.target_csat",
}
FILTERS = ("channel", "priority", "team", "category")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A period and a filter {slice: value}."""

    period: Period
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class KpiFigure:
    """One figure: `value` in its unit (percent, seconds, tickets, points; null without cases) of `n` cases, of which a
    rate counts `hits`; `low` and `high` are a rate's 95 % interval in percent, `before` the value of the period before.
    `better`: than before; `reached`: the target. `few`: too few cases to rank by."""

    kpi: str
    value: float | None
    n: int
    hits: int | None
    low: float | None
    high: float | None
    median: int | None
    p90: int | None
    before: float | None
    better: bool | None
    target: int | None
    reached: bool | None
    few: bool


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One channel, priority or agent; `value` is what filters take."""

    value: str
    label: str
    figures: list[KpiFigure]


@dataclass(frozen=True, slots=True)
class DistributionLine:
    """How many tickets of a priority were handled within each stretch of `edges_s`, the last beyond the last one."""

    value: str
    label: str
    counts: list[int]


@dataclass(frozen=True, slots=True)
class CauseLine:
    """A cause of overdue tickets; `share` and `cumulative` in percent of all, the greatest first (Pareto)."""

    value: str
    label: str
    n: int
    share: float
    cumulative: float


@dataclass(frozen=True, slots=True)
class Report:
    """`until` is the end of the period, or now where it is not over yet; `at` how far the copy went. `agents` are those
    who solved most of `n_agents`: all of them, unless only the first were asked for."""

    kind: str
    first: date
    last: date
    since: datetime
    until: datetime
    at: datetime
    where: dict[str, str]
    whole: list[KpiFigure]
    channels: list[ReportLine]
    priorities: list[ReportLine]
    agents: list[ReportLine]
    n_agents: int
    edges_s: list[int]
    handling: list[DistributionLine]
    causes: list[CauseLine]


def site_zone() -> zoneinfo.ZoneInfo:
    """Reports are cut by the site's days: everybody reads the same figures."""
    return zoneinfo.ZoneInfo(settings.TIME_ZONE)


def window(period: Period, now: datetime) -> Window:
    since = period.since(site_zone())
    return Window(since, max(since, min(period.until(site_zone()), now)))


def window_before(period: Period, now: datetime) -> Window:
    """The period before; where the present one is not over yet, only as much of it."""
    whole, present = period.before, window(period, now)
    since, until = whole.since(site_zone()), whole.until(site_zone())
    is_over = present.until >= period.until(site_zone())
    return Window(since, until if is_over else min(until, since + (present.until - present.since)))


def report(scope: Scope, wanted: Wanted, now: datetime, n_agents: int | None = None) -> Report:
    """All sections, of people the first `n_agents` or all. Raises reader.Missing where there is no copy to count in."""
    present, earlier = window(wanted.period, now), window_before(wanted.period, now)
    rows = gathering.rows(
        _COUNTED, (present, earlier), Cut(scope, wanted.where), {**SECTIONS, "cause": ("tickets_late",)}
    )
    channels, priorities = (_section(by, rows)[0] for by in ("channel", "priority"))
    agents, n_all = _section("agent", rows, n_agents)
    return Report(
        kind=wanted.period.kind,
        first=wanted.period.first,
        last=wanted.period.last,
        since=present.since,
        until=present.until,
        at=reader.state().at,
        where=dict(wanted.where),
        whole=_line(WHOLE, *(rows.tallies(WHOLE, at, spreads=at == 0).get("", {}) for at in (0, 1))),
        channels=channels,
        priorities=priorities,
        agents=agents,
        n_agents=n_all,
        edges_s=list(EDGES),
        handling=_handling(rows),
        causes=_causes(rows),
    )


def _section(by: str, rows: Rows, most: int | None = None) -> tuple[list[ReportLine], int]:
    """The first lines, and how many there are."""
    keys = SECTIONS[by]
    found, before = (rows.tallies(keys, at, by, spreads=at == 0) for at in (0, 1))
    named = labels(by, found)
    values = [value for value in named if value in found]
    if by == "agent":
        values = sorted((v for v in values if v != NONE), key=lambda v: (-found[v]["tickets_solved"].n, named[v]))
    lines = [ReportLine(v, named[v], _line(keys, found[v], before.get(v, {}))) for v in values[:most]]
    return lines, len(values)


def _line(keys: Sequence[str], found: Mapping[str, Tally], before: Mapping[str, Tally]) -> list[KpiFigure]:
    return [figure(key, found.get(key, Tally()), before.get(key, Tally())) for key in keys]


def figure(key: str, tally: Tally, before: Tally) -> KpiFigure:
    kpi = KPIS[key]
    value, earlier, interval = tally.value(kpi), before.value(kpi), tally.interval(kpi)
    target = settings_store.get(TARGETS[key]) if key in TARGETS else 0
    return KpiFigure(
        kpi=key,
        value=None if value is None else float(value),
        n=tally.n,
        hits=tally.n_hits if kpi.measure == "rate" else None,
        low=float(round_score(100 * interval.low)) if interval else None,
        high=float(round_score(100 * interval.high)) if interval else None,
        median=tally.median,
        p90=tally.p90,
        before=None if earlier is None else float(earlier),
        better=None if value is None or earlier is None else is_better(kpi, value, earlier),
        target=target or None,
        reached=is_reached(kpi, value, target) if target and value is not None and not tally.is_few(kpi) else None,
        few=tally.is_few(kpi),
    )


def _handling(rows: Rows) -> list[DistributionLine]:
    found = rows.distribution("handling_time", EDGES, 0, "priority")
    named = labels("priority", found)
    return [DistributionLine(value, named[value], found[value]) for value in named if value in found]


def _causes(rows: Rows) -> list[CauseLine]:
    found = rows.tallies(["tickets_late"], 0, "cause")
    counts = sorted(((row["tickets_late"].n, value) for value, row in found.items()), key=lambda one: (-one[0], one[1]))
    whole, sum_, lines = sum(n for n, _value in counts), 0, []
    named = labels("cause", found)
    for n, value in counts:
        sum_ += n
        share, cumulative = (float(round_score(100 * part / whole)) for part in (n, sum_))
        lines.append(CauseLine(value, named[value], n, share, cumulative))
    return lines


# --- words for slices ------------------------------------------------------------------------------------------------


def labels(by: str, values: Mapping[str, object] | Sequence[str]) -> dict[str, str]:
    """{value: word} of these values, in the order of a list; for teams and people in one query."""
    alone = {value.removesuffix(ITSELF): value for value in values if by in PATHS and value.endswith(ITSELF)}
    found = _LABELS[by]([value.removesuffix(ITSELF) if by in PATHS else value for value in values])
    found = {alone.get(value, value): _only(label) if value in alone else label for value, label in found.items()}
    return found | {NONE: _NOBODY[by]()} if NONE in values else found


def _only(label: str) -> str:
    return _("%(label)s (this level)") % {"label": label}


def _people(values: list[str]) -> dict[str, str]:
    ids = [int(value) for value in values if value.isdigit()]
    return {str(pk): name for pk, name in Person.objects.filter(pk__in=ids).values_list("pk", "name").order_by("name")}


def _teams(values: list[str]) -> dict[str, str]:
    ids = [int(value) for value in values if value.isdigit()]
    return {str(pk): name for pk, name in Team.objects.filter(pk__in=ids).values_list("pk", "name").order_by("name")}


def _categories(values: list[str]) -> dict[str, str]:
    named = {choice.path: choice.label for choice in categories.choices()}
    return {value: named.get(value, value) for value in sorted(values) if value != NONE}


def _coded(group: str, order: Sequence[str] = ()) -> Callable[[list[str]], dict[str, str]]:
    def named(values: list[str]) -> dict[str, str]:
        listed = [*(v for v in order if v in values), *sorted(v for v in values if v not in order and v != NONE)]
        return {value: term(group, value) for value in listed}

    return named


def _priorities(values: list[str]) -> dict[str, str]:
    return {value: f"{value} {word}" for value, word in _coded("priority", PRIORITIES)(values).items()}


def _codes(kind: str) -> Callable[[list[str]], dict[str, str]]:
    def told(values: list[str]) -> dict[str, str]:
        named = codes.named(kind)
        return {value: named.get(value, value) for value in sorted(values) if value != NONE}

    return told


def _as_is(values: list[str]) -> dict[str, str]:
    return {value: value for value in sorted(values) if value != NONE}


def _hours(values: list[str]) -> dict[str, str]:
    known = sorted(int(value) for value in values if value.isdigit() and int(value) < 24)
    return {str(hour): f"{hour:02d}:00–{hour:02d}:59" for hour in known}


def _weekdays(values: list[str]) -> dict[str, str]:
    known = sorted(int(value) for value in values if value.isdigit() and 1 <= int(value) <= 7)
    return {str(day): str(WEEKDAYS_ABBR[day - 1]) for day in known}


_LABELS: Mapping[str, Callable[[list[str]], dict[str, str]]] = {
    "channel": _coded("channel", CHANNELS),
    "priority": _priorities,
    "team": _teams,
    "category": _categories,
    "agent": _people,
    "cause": _coded("cause"),
    "type": _coded("type"),
    "tier": _coded("tier"),
    "region": _as_is,
    "tag": _as_is,
    "root_cause": _codes("cause"),
    "solution": _codes("solution"),
    "step": _codes("step"),
    "hour": _hours,
    "weekday": _weekdays,
}
_NOBODY: Mapping[str, Callable[[], str]] = {
    **dict.fromkeys(_LABELS, lambda: _("Unknown")),
    "team": lambda: _("No team"),
    "agent": lambda: _("Nobody"),
    "category": lambda: _("No category"),
    "cause": lambda: _("Not named yet"),
    "tag": lambda: _("No tag"),
    **dict.fromkeys(("root_cause", "solution", "step"), lambda: _("Not booked")),
}


def title(period: Period) -> str:
    """`2026-09` (month), `2026-09-07 – 2026-09-13`, `2026-09-09`."""
    if period.kind == "month":
        return f"{period.first:%Y-%m}"
    return f"{period.first}" if period.first == period.last else f"{period.first} – {period.last}"


def name(key: str) -> str:
    return kpis.name(key)
