"""Reports: three tables with exact percentiles over 10,000,000 tickets beside polars, and the page: `-m bench.reports`.

JIYING_BENCH_TICKETS gives another number for the tables, JIYING_BENCH_HOUSE for the house of the page (1,000,000, in
twelve months). All answers must agree.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import numpy as np

from bench import clients, columnar, ground, web
from bench.table import Table, median_s, peer, show

N = int(os.environ.get("JIYING_BENCH_TICKETS", 10_000_000))
N_HOUSE = int(os.environ.get("JIYING_BENCH_HOUSE", 1_000_000))
N_REQUESTS = int(os.environ.get("JIYING_BENCH_REQUESTS", 60))
TABLES = {"cell": 24, "agent": 1000, "day": 365}
Line = tuple[int, ...]


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
    values = {("first_response_time", 0): data["answered"], ("resolution_time", 0): data["solved"]}
    return Part(frozenset(states), slices, {(key, 0): state for key, state in states.items()}, values)


def by_jiying(rows: Any) -> list[list[Line]]:
    return [_lines(rows, name) for name in TABLES]


def _lines(rows: Any, by: str) -> list[Line]:
    answered, solved, kept, csat = (
        rows.tally(key, 0, by).values()
        for key in ("first_response_time", "resolution_time", "attainment.resolution", "csat")
    )
    return [
        (a.n, a.total, a.median, a.p90, s.total, s.median, s.p90, k.n_hits, c.n, c.n_hits)
        for a, s, k, c in zip(answered, solved, kept, csat, strict=True)
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
    paths = [f"/reports/?kind=month&day={months[n % 11]}" for n in range(N_REQUESTS)]
    show(f"\nreport of a month in a house of {N_HOUSE:,} tickets in twelve months, one web process")
    with web.serving(web=1, worker=False) as port:
        headers = {"Cookie": session("boss")}
        clients.drive(port, [[("GET", path, None) for path in paths[:11]]], headers)
        found = clients.drive(port, [[("GET", path, None) for path in paths]], headers)
    assert found.n_failed == 0
    show(f"p50 {found.percentile_ms(0.5):.0f} ms, p95 {found.percentile_ms(0.95):.0f} ms (to reach: p95 300 ms)")


def main() -> None:
    if "JIYING_BENCH_DB" not in os.environ:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jiying.config.settings")
        import django

        django.setup()
        tables()
    ground.on_both("bench.reports", page)


if __name__ == "__main__":
    main()
