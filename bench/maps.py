"""Maps over 10,000,000 made-up events, beside polars: counts, exact quantiles and variants: `-m bench.maps`.

JIYING_BENCH_EVENTS gives another number of events. All answers must agree.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from bench.table import Table, median_s, peer, show
from jiying.core.processmap import Log, ProcessMap, fold, kernel, merge, summary
from jiying.core.processmap.log import taken

N_EVENTS = int(os.environ.get("JIYING_BENCH_EVENTS", 10_000_000))
N_ACTIVITIES, MEAN_LENGTH, LONGEST = 12, 8, 30
PLAIN_UP_TO = 2_000_000


def make_log() -> Log:
    """Random walks over 12 activities, eight steps a case in the mean, all cases mixed in order of time."""
    rng = np.random.default_rng(11)
    onward = rng.dirichlet(np.full(N_ACTIVITIES, 0.25), N_ACTIVITIES).cumsum(1)
    lengths = np.clip(rng.poisson(MEAN_LENGTH, N_EVENTS // MEAN_LENGTH * 5 // 4), 2, LONGEST)
    lengths = lengths[: np.searchsorted(np.cumsum(lengths), N_EVENTS)]
    state = np.zeros(len(lengths), np.int16)
    at = rng.integers(1_700_000_000, 1_730_000_000, len(lengths))
    alive, parts = np.arange(len(lengths), dtype=np.int32), []
    for step in range(int(lengths.max())):
        alive = alive[lengths[alive] > step]
        parts.append((alive, state[alive], at[alive]))
        drawn = (rng.random(len(alive))[:, None] > onward[state[alive]]).sum(1)
        state[alive] = drawn.clip(0, N_ACTIVITIES - 1)
        at[alive] += rng.exponential(3000, len(alive)).astype(np.int64) + 1
    case, activity, when = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(when, kind="stable")
    return Log(case[order], activity[order], when[order], tuple("abcdefghijkl"))


def in_parts(log: Log) -> ProcessMap:
    """As a house of several partitions does it: two parts by case, merged."""
    parts = [kernel.fold(taken(log, np.flatnonzero(log.case % 2 == rest))) for rest in (0, 1)]
    return summary(merge(parts))


def by_polars(polars: Any, log: Log) -> tuple[dict[tuple[int, int], tuple[int, int]], int]:
    """Edges with count and median, and the number of variants, as polars is written for it."""
    col = polars.col
    frame = polars.DataFrame({"c": log.case, "a": log.activity, "t": log.at}).sort("c", "t", maintain_order=True)
    steps = frame.with_columns(n=col("a").shift(-1), d=col("t").shift(-1) - col("t"), k=col("c").shift(-1)).filter(
        col("k") == col("c")
    )
    edges = steps.group_by("a", "n").agg(
        polars.len(), col("d").quantile(0.5, "lower").alias("p50"), col("d").quantile(0.9, "lower").alias("p90")
    )
    n_variants = frame.group_by("c", maintain_order=True).agg("a").group_by("a").len().height
    return {(a, n): (count, int(p50)) for a, n, count, p50, _p90 in edges.iter_rows()}, n_variants


def main() -> None:
    log = make_log()
    n = len(log.at)
    found = summary(kernel.fold(log))
    show(f"{n:,} events, {found.n_cases:,} cases, {len(found.edges)} edges, {found.n_variants:,} variants")
    table = Table("map: counts, exact quantiles, variants, rework", "compiled, one part")
    table.add("compiled, one part", median_s(lambda: summary(kernel.fold(log)), 3), n)
    table.add("compiled, two parts merged", median_s(lambda: in_parts(log), 3), n)
    assert in_parts(log) == found
    if n <= PLAIN_UP_TO:
        table.add("plain numpy", median_s(lambda: summary(fold(log)), 1, 0), n)
        assert summary(fold(log)) == found
    if (polars := peer("polars")) is not None:
        table.add("polars: counts, quantiles, variants", median_s(lambda: by_polars(polars, log), 3), n)
        edges, n_variants = by_polars(polars, log)
        assert n_variants == found.n_variants
        assert {key: count for key, (count, _p50) in edges.items()} == {
            (edge.source, edge.target): edge.n for edge in found.edges
        }
    table.print()


if __name__ == "__main__":
    main()
