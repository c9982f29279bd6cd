"""What a card of a dashboard shows: a trend with limits, a KPI by a slice, a heat map, hot topics, or how two KPIs go
together.

Counted by the KPI library for the reader's own scope, so that each figure is the one of the report for the same period.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from jiying.core.metrics import KPIS, Kpi, Tally, bursts, round_score, trends
from jiying.core.metrics.bursts import Topic
from jiying.core.metrics.correlation import Method, correlate
from jiying.core.metrics.trends import MOVING, Point, Span, joined
from jiying.core.periods import Kind, Period, between, parts
from jiying.desk.policies import Scope
from jiying.insight.queries import counting, longterm, reports
from jiying.insight.queries.cards import Card
from jiying.insight.queries.counting import NONE, Cut
from jiying.insight.queries.reports import KpiFigure
from jiying.warehouse import reader

ORDERED = ("priority", "hour", "weekday")  # slices with an order of their own
MAX_ROWS = 20  # of a heat map: the categories with the most cases
MAX_SLICES = 30  # of a slice: the values with the most cases
MAX_COLUMNS = 34  # and of its columns: as many as there are provinces


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A day or a week: its value in the KPI's unit, `n` cases (of a rate `hits` of them), moving mean, control limits.
    `side`: high or low of the limits, "" within. `is_open`: not over yet, held against nothing."""

    first: date
    last: date
    value: float | None
    n: int
    hits: int | None
    moving: float | None
    low: float | None
    high: float | None
    side: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """`chart` p, p_prime (limits widened by `scatter`) or xmr; "" with too few points for limits. `n_out` of `n_judged`
    points are beyond their limits; `is_provisional`: limits of few points. `figure` is that of the whole stretch."""

    kpi: str
    step: str
    figure: KpiFigure
    chart: str
    centre: float | None
    scatter: float | None
    is_provisional: bool
    n_judged: int
    n_out: int
    points: list[TrendPoint]


@dataclass(frozen=True, slots=True)
class SliceRow:
    """A value of the slice, as filters take it, and the KPI's figure of it."""

    value: str
    label: str
    figure: KpiFigure


@dataclass(frozen=True, slots=True)
class Slices:
    """A KPI by a slice, those with the most cases first where the slice has no order of its own; the `n_left_out`
    smaller values are not shown. By tags a ticket counts in each of its tags."""

    kpi: str
    by: str
    figure: KpiFigure
    rows: list[SliceRow]
    n_left_out: int


@dataclass(frozen=True, slots=True)
class HeatCell:
    """`value` in the KPI's unit of `n` cases; `few`: too few to compare."""

    value: float | None
    n: int
    few: bool


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A category with those below it; `value` is what filters take."""

    value: str
    label: str
    n: int
    cells: list[HeatCell]


@dataclass(frozen=True, slots=True)
class HeatColumn:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Heat:
    """Categories by `across` (hour or weekday of receipt, channel, region); the `n_left_out` smaller categories and
    `n_columns_left_out` smaller columns are not shown."""

    kpi: str
    across: str
    figure: KpiFigure
    columns: list[HeatColumn]
    rows: list[HeatRow]
    n_left_out: int
    n_columns_left_out: int


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A category: `n` tickets now, `before` in the stretches before, their median and the limit of what is usual."""

    value: str
    label: str
    n: int
    before: list[int]
    middle: float | None
    limit: float | None
    times: float | None
    is_hot: bool


@dataclass(frozen=True, slots=True)
class Topics:
    """Hot ones first, then those nearest to their limit. `is_judged`: enough stretches before to say what is usual."""

    figure: KpiFigure
    days: int
    is_judged: bool
    n_hot: int
    rows: list[TopicRow]


@dataclass(frozen=True, slots=True)
class Pair:
    """A day with a value of both KPIs."""

    day: date
    x: float
    y: float
    n_x: int
    n_y: int


@dataclass(frozen=True, slots=True)
class Together:
    """A coefficient over `n` days and its 95 % interval; null with too few days or where a KPI never changes."""

    kpi: str
    other: str
    method: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    few: bool
    figure: KpiFigure
    other_figure: KpiFigure
    points: list[Pair]


@dataclass(frozen=True, slots=True)
class CardData:
    """A card with what it shows, one of five kinds, over the days `first` to `last`; `at`: how far the copy went."""

    card: Card
    first: date
    last: date
    at: datetime
    trend: Trend | None = None
    slices: Slices | None = None
    heat: Heat | None = None
    topics: Topics | None = None
    correlation: Together | None = None


def data(scope: Scope, card: Card, now: datetime) -> CardData:
    """Raises reader.Missing where there is no copy to count in."""
    period = card.stretch(now.astimezone(reports.site_zone()).date())
    cut, at = Cut(scope, tuple(card.where.items())), reader.state().at
    if card.kind == "slices":
        return CardData(card, period.first, period.last, at, slices=_slices(card, period, cut, now))
    if card.kind == "heat":
        return CardData(card, period.first, period.last, at, heat=_heat(card, period, cut, now))
    if card.kind == "topics":
        return CardData(card, period.first, period.last, at, topics=_topics(period, cut, now))
    if card.kind == "correlation":
        return CardData(card, period.first, period.last, at, correlation=_together(card, period, cut, now))
    return CardData(card, period.first, period.last, at, trend=_trend(card, period, cut, now))


# --- over days and weeks ---------------------------------------------------------------------------------------------


def _series(key: str, stretches: Sequence[Period], cut: Cut, now: datetime) -> list[Tally]:
    """A KPI in each of these following days or weeks, in one query. What has not begun is nothing."""
    windows = [reports.window(one, now) for one in stretches]
    if not KPIS[key].at:
        return counting.states(key, [window.until for window in windows], cut)
    if longterm.is_kept(key, cut, stretches[0].first, stretches[-1].last):
        return longterm.series(key, stretches, now)
    days = (stretches[0].last - stretches[0].first).days + 1
    place = f"date_diff('day', DATE '{stretches[0].first}', {counting.local_day(KPIS[key].at)}) // {days}"
    whole = counting.Window(windows[0].since, windows[-1].until)
    found = {place: tally for (place,), tally in counting.grouped(key, [place], whole, cut)}
    return [found.get(n, Tally()) for n in range(len(stretches))]


def _trend(card: Card, period: Period, cut: Cut, now: datetime) -> Trend:
    kpi, width = KPIS[card.kpi], MOVING[card.step]
    step: Kind = "week" if card.step == "week" else "day"
    shown = [one for one in parts(period, step) if one.since(reports.site_zone()) <= now]
    length = (shown[0].last - shown[0].first).days + 1
    lead = [_earlier(shown[0], (width - 1 - n) * length) for n in range(width - 1)]
    tallies = _series(card.kpi, [*lead, *shown], cut, now)
    n_open = sum(1 for one in shown if one.until(reports.site_zone()) > now)
    points, held = trends.trend(kpi, tallies, Span(width, len(lead), n_open))
    own = tallies[len(lead) :]
    whole = joined(own) if kpi.at else own[-1]
    return Trend(
        kpi=card.kpi,
        step=card.step,
        figure=reports.figure(card.kpi, whole, Tally()),
        chart=held.chart if held else "",
        centre=_shown(held.centre) if held else None,
        scatter=_shown(held.scatter) if held else None,
        is_provisional=held is not None and held.is_provisional,
        n_judged=len(held.limits) if held else 0,
        n_out=sum(1 for point in points if point.side),
        points=[
            _point(kpi, one, tally, point, n >= len(shown) - n_open)
            for n, (one, tally, point) in enumerate(zip(shown, own, points, strict=True))
        ],
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 90th percentile of all cases of a trend; `is_near`: from sketches, within 2 %."""

    median: int
    p90: int
    is_near: bool


def spread(scope: Scope, card: Card, now: datetime) -> Spread | None:
    """None where a card's KPI has none, or no cases. Raises reader.Missing."""
    if card.kind != "trend" or KPIS[card.kpi].measure != "spread":
        return None
    period, cut = card.stretch(now.astimezone(reports.site_zone()).date()), Cut(scope, tuple(card.where.items()))
    if is_near := longterm.is_kept(card.kpi, cut, period.first, period.last):
        median, p90 = longterm.spread(card.kpi, period, now)
    else:
        found = counting.tallies([card.kpi], reports.window(period, now), cut).get("", {}).get(card.kpi, Tally())
        median, p90 = found.median, found.p90
    return None if median is None or p90 is None else Spread(median, p90, is_near)


def _earlier(period: Period, days: int) -> Period:
    by = timedelta(days=days)
    return Period(period.kind, period.first - by, period.last - by)


def _point(kpi: Kpi, period: Period, tally: Tally, point: Point, is_open: bool) -> TrendPoint:
    limits = point.limits
    return TrendPoint(
        first=period.first,
        last=period.last,
        value=_float(point.value),
        n=tally.n,
        hits=tally.n_hits if kpi.measure == "rate" else None,
        moving=_float(point.moving),
        low=_shown(limits.low) if limits else None,
        high=_shown(limits.high) if limits else None,
        side=point.side,
        is_open=is_open,
    )


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _shown(value: float) -> float:
    return float(round_score(value, 2))


# --- slices ----------------------------------------------------------------------------------------------------------


def _slices(card: Card, period: Period, cut: Cut, now: datetime) -> Slices:
    key, window = card.kpi, reports.window(period, now)
    found = {value: row[key] for value, row in counting.tallies([key], window, cut, card.by).items()}
    most = sorted(found, key=lambda value: (-found[value].n, value))[:MAX_SLICES]
    alone = counting.exactly(card.by, found)
    named = reports.labels(card.by, [alone[value] for value in most])
    order = [value for value in named if value in found] if card.by in ORDERED else most
    whole = counting.tallies([key], window, cut).get("", {}).get(key, Tally())
    return Slices(
        kpi=key,
        by=card.by,
        figure=reports.figure(key, whole, Tally()),
        rows=[
            SliceRow(alone[one], named.get(alone[one], one), reports.figure(key, found[one], Tally())) for one in order
        ],
        n_left_out=len(found) - len(most),
    )


# --- categories ------------------------------------------------------------------------------------------------------


def _heat(card: Card, period: Period, cut: Cut, now: datetime) -> Heat:
    groups = [counting.category_top(), f"coalesce(CAST({counting.slice_of(card.across)} AS VARCHAR), '')"]
    found = counting.grouped(card.kpi, groups, reports.window(period, now), cut)
    cells = {(top or NONE, across or NONE): tally for (top, across), tally in found}
    sums, wide = Counter[str](), Counter[str]()
    for (top, across), tally in cells.items():
        sums[top] += tally.n
        wide[across] += tally.n
    tops = sorted(sums, key=lambda top: (-sums[top], top))
    columns = _columns(card.across, wide)
    named = reports.labels("category", tops)
    kpi = KPIS[card.kpi]
    return Heat(
        kpi=card.kpi,
        across=card.across,
        figure=reports.figure(card.kpi, joined(list(cells.values())), Tally()),
        columns=columns,
        rows=[
            HeatRow(top, named[top], sums[top], [_cell(kpi, cells.get((top, one.value))) for one in columns])
            for top in tops[:MAX_ROWS]
        ],
        n_left_out=max(0, len(tops) - MAX_ROWS),
        n_columns_left_out=max(0, len(wide) - len(columns)),
    )


def _cell(kpi: Kpi, tally: Tally | None) -> HeatCell:
    held = tally or Tally()
    return HeatCell(_float(held.value(kpi)) if held.n else None, held.n, held.is_few(kpi))


def _columns(across: str, values: Mapping[str, int]) -> list[HeatColumn]:
    """All days of the week; of hours those from the first to the last with a case; of others those with most cases."""
    held = sorted(values, key=lambda value: (-values[value], value))[:MAX_COLUMNS]
    if across == "weekday":
        held = [str(n) for n in range(1, 8)]
    elif across == "hour" and values:
        hours = [int(value) for value in values]
        held = [str(n) for n in range(min(hours), max(hours) + 1)]
    return [HeatColumn(value, label) for value, label in reports.labels(across, held).items()]


def _topics(period: Period, cut: Cut, now: datetime) -> Topics:
    last = max(period.first, min(period.last, now.astimezone(reports.site_zone()).date() - timedelta(days=1)))
    days = (last - period.first).days + 1
    apart = -(-days // 7) * 7  # the same days of the week
    first = period.first - timedelta(days=bursts.N_BEFORE * apart)
    since = f"date_diff('day', DATE '{first}', {counting.local_day('received_at')})"
    window = reports.window(between(first, last), now)
    found = counting.grouped("tickets_received", ["category", f"{since} // {apart}", f"{since} % {apart}"], window, cut)
    counts: dict[str, list[int]] = {}
    for (path, place, day), tally in found:
        if day < days:
            counts.setdefault(path or NONE, [0] * (bursts.N_BEFORE + 1))[place] += tally.n
    rows = bursts.topics(counts)
    named = reports.labels("category", [topic.path for topic in rows])
    whole = Tally(sum(series[-1] for series in counts.values()))
    return Topics(
        figure=reports.figure("tickets_received", whole, Tally()),
        days=days,
        is_judged=any(topic.usual for topic in rows),
        n_hot=sum(topic.is_hot for topic in rows),
        rows=[_topic(topic, named[topic.path]) for topic in rows[:MAX_ROWS]],
    )


def _topic(topic: Topic, label: str) -> TopicRow:
    usual = topic.usual
    return TopicRow(
        value=topic.path,
        label=label,
        n=topic.n,
        before=list(topic.before),
        middle=_shown(usual.middle) if usual else None,
        limit=_shown(usual.limit) if usual else None,
        times=None if topic.times is None else _shown(topic.times),
        is_hot=topic.is_hot,
    )


# --- two KPIs --------------------------------------------------------------------------------------------------------


def _together(card: Card, period: Period, cut: Cut, now: datetime) -> Together:
    """Over the days that are over and have a value of both."""
    days = [one for one in parts(period, "day") if one.until(reports.site_zone()) <= now]
    xs, ys = (_series(key, days, cut, now) if days else [] for key in (card.kpi, card.other))
    pairs = [
        Pair(day.first, float(x), float(y), own.n, its.n)
        for day, own, its in zip(days, xs, ys, strict=True)
        if (x := own.value(KPIS[card.kpi])) is not None and (y := its.value(KPIS[card.other])) is not None
    ]
    method: Method = "pearson" if card.method == "pearson" else "spearman"
    found = correlate(method, [(pair.x, pair.y) for pair in pairs])
    return Together(
        kpi=card.kpi,
        other=card.other,
        method=method,
        n=found.n,
        value=None if found.value is None else _shown(found.value),
        low=_shown(found.interval.low) if found.interval else None,
        high=_shown(found.interval.high) if found.interval else None,
        few=found.is_few,
        figure=_whole(card.kpi, xs),
        other_figure=_whole(card.other, ys),
        points=pairs,
    )


def _whole(key: str, tallies: Sequence[Tally]) -> KpiFigure:
    held = (joined(tallies) if KPIS[key].at else tallies[-1]) if tallies else Tally()
    return reports.figure(key, held, Tally())
