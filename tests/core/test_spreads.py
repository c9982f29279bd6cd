"""Percentiles of whole columns are those of the plain function, group by group."""

import random
from fractions import Fraction

import numpy as np
import pytest

from jiying.core.metrics import percentile, spreads
from jiying.core.metrics.spreads import percentiles

PERCENTS = (0, 1, 50, 90, Fraction(199, 2), 100)


@pytest.mark.parametrize("high", [1, 50, 40_000, 1 << 40])
@pytest.mark.parametrize("n_groups", [1, 7, 3000])
def test_every_group_has_its_own_percentiles(high: int, n_groups: int) -> None:
    drawn = random.Random(high + n_groups)
    rows = [(drawn.randrange(n_groups), int(drawn.expovariate(3) * high)) for _ in range(4000)]
    rows += [(drawn.randrange(n_groups), drawn.randrange(high)) for _ in range(500)]
    group, values = np.array(rows, np.int64).T
    found = percentiles(group.astype(np.intp), n_groups, values, PERCENTS).tolist()
    for number in range(n_groups):
        own = [value for of, value in rows if of == number]
        assert found[number] == [percentile(own, percent) or 0 for percent in PERCENTS]


def test_rows_of_several_blocks_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).integers(0, 900, 1000)
    whole = percentiles(values % 3, 3, values, PERCENTS).tolist()
    monkeypatch.setattr(spreads, "BLOCK", 64)
    assert percentiles(values % 3, 3, values, PERCENTS).tolist() == whole


@pytest.mark.parametrize("least", [-500, 0, 3, 1 << 33])
def test_values_may_begin_anywhere(least: int) -> None:
    values = np.array([least + x for x in (5, 1, 4, 1, 3)], np.int64)
    found = percentiles(np.zeros(5, np.intp), 1, values, PERCENTS)
    assert found[0].tolist() == [percentile(values.tolist(), percent) for percent in PERCENTS]


def test_nothing_has_no_percentiles() -> None:
    assert percentiles(np.zeros(0, np.intp), 2, np.zeros(0, np.int64), (50,)).tolist() == [[0], [0]]
