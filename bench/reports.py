"""Reports: three tables with exact percentiles over 10,000,000 tickets beside polars, and the page: `-m bench.reports`.

JIYING_BENCH_TICKETS gives another number for the tables, JIYING_BENCH_HOUSE for the house of the page (1,000,000, in
twelve months). All answers must agree.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from bench import clients, columnar, ground, web
from bench.table import Table, median_s, peer, show
from jiying.core.metrics import sketches
from jiying.core.metrics.sketches import HITS, TOTAL
from jiying.core.metrics.sketches import N as N_CASES

N = int(os.environ.get("JIYING_BENCH_TICKETS", 10_000_000))
N_HOUSE = int(os.environ.get("JIYING_BENCH_HOUSE", 1_000_000))
N_REQUESTS = int(os.environ.get("JIYING_BENCH_REQUESTS", 60))
TABLES = {"cell": 24, "agent": 1000, "day": 365}
KEYS = ("first_response_time", "resolution_time", "attainment.resolution", "csat")
Line = tuple[int | None, ...]


def make() -> dict[str, Any]:
    """Cells of channel x priority, agents and days in order; seconds to the first answer and to the end; promises kept;
    scores of three in ten."""
    rng = np.random.default_rng(8)
    return {
        "cell": rng.integers(0, 24, N, np.int32),
        "agent": rng.integers(0, 1000, N, np.int32),
        "day": np.sort(rng.integers(0, 365, N, np.int32)),
        "answered": rng.exponential(900, N).astype(np.int32),
        "solved": rng.exponential(40000, N).astype(np.int32),
        "kept": rng.random(N) < 0.87,
        "score": np.where(rng.random(N) < 0.3, rng.integers(1, 6, N), 0).astype(np.int8),
    }


def part(data: dict[str, Any]) -> Any:
    """The same as the report page holds it."""
    from jiying.insight.queries.gathering import Part

    one = np.ones(N, np.int8)
    states = {
        "first_response_time": one,
        "resolution_time": one,
        "attainment.resolution": one + data["kept"],
        "csat": (data["score"] > 0).astype(np.int8) + (data["score"] >= 4),
    }
    slices = {name: ([str(i) for i in range(size)], data[name].astype(np.intp)) for name, size in TABLES.items()}
    values = {"first_response_time": data["answered"], "resolution_time": data["solved"]}
    return Part(slices, states, values)


def by_jiying(rows: Any) -> list[list[Line]]:
    return [_lines(rows, name) for name in TABLES]


def _lines(rows: Any, by: str) -> list[Line]:
    from jiying.insight.queries.gathering import Gathered, Known, Portion

    portion = Portion(0, frozenset(rows.states), Known(rows), lambda: rows)  # nothing was counted before
    table = Gathered((portion,)).tallies(KEYS, 0, by)
    return [
        (a.n, a.total, a.median, a.p90, s.total, s.median, s.p90, k.n_hits, c.n, c.n_hits)
        for a, s, k, c in ([table[label][key] for key in KEYS] for label in rows.slices[by][0])
    ]


def by_polars(polars: Any, frame: Any) -> list[list[Line]]:
    """As polars is written for it: one lazy statement for each table."""
    col = polars.col

    def spread(name: str) -> list[Any]:
        quantiles = [col(name).quantile(q, "lower").alias(f"{name}{q}") for q in (0.5, 0.9)]
        return [col(name).cast(polars.Int64).sum().alias(name), *quantiles]

    wanted = [
        polars.len(), *spread("answered"), *spread("solved"), col("kept").sum(),
        (col("score") > 0).sum().alias("scored"), (col("score") >= 4).sum().alias("content"),
    ]  # fmt: skip
    found = [frame.lazy().group_by(name).agg(wanted).sort(name).collect() for name in TABLES]
    return [[tuple(map(int, row[1:])) for row in table.iter_rows()] for table in found]


Sketches = list[list[Any]]


def sketched(rows: Any) -> Sketches:
    """What is kept for each table: sketches of its KPIs."""
    groups = {by: rows.slices[by][1] for by in TABLES}
    return [
        [
            sketches.sketch(groups[by], size, rows.states[key], rows.values.get(key))
            for key in KEYS
        ]
        for by, size in TABLES.items()
    ]  # fmt: skip


def by_sketches(kept: Sketches) -> list[list[Line]]:
    return [_read(*table) for table in kept]


def _read(answered: Any, solved: Any, kept: Any, csat: Any) -> list[Line]:
    spreads = [np.column_stack([one[:, TOTAL], sketches.percentiles(one, (50, 90))]) for one in (answered, solved)]
    told = np.column_stack([answered[:, N_CASES], *spreads, kept[:, HITS], csat[:, N_CASES], csat[:, HITS]])
    return list(map(tuple, told.tolist()))


def _error(near: list[list[Line]], exact: list[list[Line]]) -> float:
    """The greatest of any percentile; all else must be alike."""
    ours, theirs = (np.array([line for table in one for line in table], np.int64) for one in (near, exact))
    spreads = [2, 3, 5, 6]
    assert (np.delete(ours, spreads, 1) == np.delete(theirs, spreads, 1)).all()
    return float((abs(ours - theirs)[:, spreads] / theirs[:, spreads]).max())


def tables() -> None:
    """Both from the same arrays."""
    data = make()
    rows = part(data)
    table = Table(f"three tables of {N:,} tickets: cells, 1,000 agents, 365 days; means, medians, P90, rates", "Jiying")
    table.add("Jiying", median_s(lambda: by_jiying(rows), 3), N)
    if (polars := peer("polars")) is not None:
        frame = polars.DataFrame(data)
        table.add("polars", median_s(lambda: by_polars(polars, frame), 3), N)
        for by, own, other in zip(TABLES, by_jiying(rows), by_polars(polars, frame), strict=True):
            _same(data, by, own, other)
    kept = sketched(rows)
    error = _error(by_sketches(kept), by_jiying(rows))
    assert error <= sketches.ERROR < 0.02
    note = f"(to reach: 30 ms) greatest error of a percentile {error:.2%}"
    table.add("Jiying, from kept sketches", median_s(lambda: by_sketches(kept)), N, note)
    whole = float(table.each_s("Jiying, from kept sketches") * N)
    show(f"three tables from kept sketches: {whole * 1000:.1f} ms {note}")
    made = median_s(lambda: sketched(rows), 1, 0)
    table.add("making the sketches: one table of one KPI", made / len(TABLES) / len(KEYS), N)
    seen = [data[name] for name in ("answered", "solved", "kept", "score")]
    read = median_s(lambda: [column.sum() for column in seen * len(TABLES)])
    table.add("limit: read what each table needs once", read, N)
    table.print()


def _same(data: dict[str, Any], by: str, own: list[Line], other: list[Line]) -> None:
    """Counts, totals and hits alike; percentiles as a plain sort gives them, polars' own a rank away from them."""
    ours, theirs = np.array(own, np.int64), np.array(other, np.int64)
    spreads = {2: ("answered", 5), 3: ("answered", 9), 5: ("solved", 5), 6: ("solved", 9)}
    assert (np.delete(ours, list(spreads), 1) == np.delete(theirs, list(spreads), 1)).all()
    many = ours[:, 0] >= 5000  # neighbours among them are near each other
    assert (abs(ours - theirs) <= 0.05 * ours + 60)[many].all()
    for group in (0, len(own) - 1):
        for column, (name, tenths) in spreads.items():
            values = np.sort(data[name][data[by] == group])
            assert ours[group, column] == values[-(-len(values) * tenths // 10) - 1]


def page() -> None:
    """The report of each of the last eleven months, as a supervisor's browser asks for it."""
    import django

    django.setup()
    ground.open_house()
    from bench.pages import session
    from jiying.base.models import Person, Role, Team

    boss = Person.objects.create(username="boss", name="主管", password="!", team=Team.objects.get())  # noqa: S106
    boss.roles.add(Role.objects.get(code="supervisor"))
    ground.centre(1000, int(ground.BASE.timestamp()))
    end = columnar.make(N_HOUSE)
    months = [(end - timedelta(days=15 + 30 * n)).date() for n in range(11)]
    trend(end)
    paths = [f"/reports/?kind=month&day={months[n % 11]}" for n in range(N_REQUESTS)]
    warm = f"/reports/?kind=day&day={months[0]}"
    show(f"\nreport of a month in a house of {N_HOUSE:,} tickets in twelve months, one web process")
    with web.serving(web=1, worker=False) as port:
        headers = {"Cookie": session("boss")}
        clients.drive(port, [[("GET", warm, None)] * 3], headers)
        first = clients.drive(port, [[("GET", path, None) for path in paths[:11]]], headers)
        again = clients.drive(port, [[("GET", path, None) for path in paths]], headers)
    assert first.n_failed == again.n_failed == 0
    for what, found in (("a month seen for the first time", first), ("seen again", again)):
        show(
            f"{what}: p50 {found.percentile_ms(0.5):.0f} ms, p95 {found.percentile_ms(0.95):.0f} ms (to reach: 300 ms)"
        )


def trend(now: datetime) -> None:
    """A KPI by days over a year, with median and P90 of the whole, as a dashboard's card."""
    from jiying.core.periods import between, parts
    from jiying.desk.policies import Scope
    from jiying.insight.queries import counting, longterm, reports

    last = now.astimezone(reports.site_zone()).date() - timedelta(days=1)
    year, key, cut = between(last - timedelta(days=363), last), "resolution_time", counting.Cut(Scope(None))
    window, days = reports.window(year, now), parts(year, "day")
    table = Table(f"{key} by days over a year with median and P90, {N_HOUSE:,} tickets", "from kept sketches")
    counted = lambda: counting.grouped(key, [counting.local_day("resolution_ended_at")], window, cut)  # noqa: E731
    near = lambda: (longterm.series(key, days, now), longterm.spread(key, year, now))  # noqa: E731
    table.add("from kept sketches", median_s(near))
    table.add("from rows", median_s(lambda: (counted(), counting.tallies([key], window, cut)), 3))
    table.print()
    exact = counting.tallies([key], window, cut)[""][key]
    series, spread = near()
    assert sum(one.n for one in series) == exact.n and sum(one.total for one in series) == exact.total
    limits = [float(sketches.ERROR) * (value or 0) for value in (exact.median, exact.p90)]
    assert abs((spread[0] or 0) - (exact.median or 0)) <= limits[0]
    assert abs((spread[1] or 0) - (exact.p90 or 0)) <= limits[1]


def main() -> None:
    if "JIYING_BENCH_DB" not in os.environ:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jiying.config.settings")
        import django

        django.setup()
        tables()
    ground.on_both("bench.reports", page)


if __name__ == "__main__":
    main()
