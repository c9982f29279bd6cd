"""The wall board (C21): how many wait and how urgently, promises kept today, who is there, what burns most.

Many screens may show it: what was read stands for some seconds, for each scope of tickets once.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Q
from django.utils import timezone, translation

from jiying.base.models import Person, Team
from jiying.base.texts import term
from jiying.core.metrics import Rate
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models import Ticket
from jiying.desk.policies import Scope
from jiying.desk.queries import ordered
from jiying.desk.queries.rows import TicketRow, rows, with_people
from jiying.insight.queries import verdicts

MOST = 100_000  # where counting stops; a screen of the whole centre shows no more digits
URGENT = 5
KEEP_S = 3.0
FEW = 20  # below so many cases a share says little (I6)
GOOD, FAIR = 95, 85  # percent from which a cell is green, amber
PRESENCES = ("online", "busy", "break", "away", "offline")


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure and the list behind it; `level` good, warm or hot."""

    code: str
    n: int
    more: bool
    level: str
    query: str


@dataclass(frozen=True, slots=True)
class Share:
    """Attainment of one metric in one cell; `level` good, fair, poor or none."""

    metric: str
    rate: Rate
    query: str

    @property
    def percent(self) -> Decimal | None:
        return self.rate.percent(0)

    @property
    def n(self) -> int:
        return self.rate.denominator

    @property
    def is_few(self) -> bool:
        return 0 < self.n < FEW

    @property
    def level(self) -> str:
        value = self.rate.value
        if value is None:
            return "none"
        return "good" if value * 100 >= GOOD else "fair" if value * 100 >= FAIR else "poor"


@dataclass(frozen=True, slots=True)
class Cell:
    priority: str
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One channel of the grid."""

    channel: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Wall:
    team: str
    at: datetime
    tiles: list[Tile]
    lines: list[Line]
    totals: list[Share]
    presence: list[tuple[str, int]]
    urgent: list[TicketRow]

    @property
    def priorities(self) -> tuple[str, ...]:
        return PRIORITIES


_kept: dict[tuple[object, ...], tuple[float, Wall]] = {}


def wall(scope: Scope, now: datetime) -> Wall:
    """The board as it was some seconds ago at most; `today` is that of the reader's zone."""
    key = (scope.team_id, timezone.get_current_timezone_name(), translation.get_language())
    read_at, known = _kept.get(key, (0.0, None))
    if known is None or time.monotonic() - read_at > KEEP_S:
        known = _read(scope, now)
        _kept[key] = (time.monotonic(), known)
    return known


def forget() -> None:
    """Drop what is kept (between tests)."""
    _kept.clear()


def midnight(now: datetime) -> datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def _read(scope: Scope, now: datetime) -> Wall:
    found = verdicts.rates(scope, midnight(now), now)
    return Wall(
        team=Team.objects.get(pk=scope.team_id).name if scope.team_id else "",
        at=now,
        tiles=_tiles(scope, now),
        lines=[_line(channel, found) for channel in CHANNELS],
        totals=[_total(metric, found) for metric in verdicts.METRICS],
        presence=_presence(scope),
        urgent=_urgent(scope, now),
    )


def _due_within(now: datetime, minutes: int) -> Q:
    return Q(due_order__gt=now, due_order__lte=now + timedelta(minutes=minutes))


def _tiles(scope: Scope, now: datetime) -> list[Tile]:
    """Each figure with the list that a click opens, which is narrowed to the same tickets."""
    parts: dict[str, tuple[Q, str, str]] = {
        "open": (Q(), "good", "view=open"),
        "unassigned": (Q(assignee__isnull=True), "warm", "view=unassigned"),
        "waiting": (Q(status="waiting"), "good", "view=waiting"),
        "due60": (_due_within(now, 60), "good", "due=60"),
        "due30": (_due_within(now, 30), "warm", "due=30"),
        "due15": (_due_within(now, 15), "hot", "due=15"),
        "late": (Q(is_late=True), "hot", "view=late"),
    }
    counts = ordered.counts({code: [scope.tickets & cut] for code, (cut, _level, _query) in parts.items()}, MOST)
    own = f"&team={scope.team_id}" if scope.team_id else ""
    return [
        Tile(code, counts[code], counts[code] >= MOST, level if counts[code] else "good", query + own)
        for code, (_cut, level, query) in parts.items()
    ]


def _line(channel: str, found: Mapping[verdicts.Key, Rate]) -> Line:
    return Line(
        channel, tuple(Cell(p, tuple(_share(channel, p, m, found) for m in verdicts.METRICS)) for p in PRIORITIES)
    )


def _share(channel: str, priority: str, metric: str, found: Mapping[verdicts.Key, Rate]) -> Share:
    query = f"channel={channel}&priority={priority}&metric={metric}"
    return Share(metric, found.get((channel, priority, metric), Rate(0, 0)), query)


def _total(metric: str, found: Mapping[verdicts.Key, Rate]) -> Share:
    return Share(metric, Rate.total(rate for key, rate in found.items() if key[2] == metric), "")


def _presence(scope: Scope) -> list[tuple[str, int]]:
    """How many agents there are of each presence; who serves no channel is no agent."""
    agents = Person.objects.filter(is_active=True, loads__isnull=False)
    if scope.team_id is not None:
        agents = agents.filter(team_id=scope.team_id)
    n_of = dict(agents.values_list("presence").annotate(n=Count("pk", distinct=True)))
    return [(presence, n_of.get(presence, 0)) for presence in PRESENCES]


def _urgent(scope: Scope, now: datetime) -> list[TicketRow]:
    """What falls due next can still be saved and comes first; then what is late, the longest first."""
    ids = ordered.by_due([scope.tickets & _due_within(now, 60)], URGENT)
    if len(ids) < URGENT:
        ids += ordered.by_due([scope.tickets & Q(is_late=True)], URGENT - len(ids))
    tickets = ordered.loaded(with_people(Ticket.objects.all()), list(dict.fromkeys(ids)))
    return rows(tickets, now)


def cell_words(channel: str, priority: str, metric: str) -> str:
    """`在线聊天 · P1 · 首次响应`"""
    return " · ".join((term("channel", channel), priority, term("metric", metric)))
