"""Sketches: exact counts and sums, percentiles within their bound of the plain function, parts that add up."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.metrics import percentile, sketches
from jiying.core.metrics.sketches import COUNTS, ERROR, HITS, MISSES, SLOTS, TOTAL, N

if TYPE_CHECKING:
    from jiying.core.metrics.sketches import Sketch

PERCENTS: tuple[int | Fraction, ...] = (0, 1, 50, 90, Fraction(199, 2), 100)
VALUES = st.integers(0, 2**32 - 1) | st.integers(0, 5000) | st.integers(0, 31).map(lambda bits: 2**bits)
ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.just(-1) | VALUES), max_size=60)


def made(rows: list[tuple[int, int, int]]) -> Sketch:
    group, states, values = np.array(rows, np.int64).reshape(-1, 3).T
    return sketches.sketch(group.astype(np.intp), 3, states.astype(np.int8), values)


def test_the_bound_is_what_pages_promise() -> None:
    assert Fraction(1, 50) > ERROR


@given(ROWS)
def test_counts_and_sums_are_exact_and_percentiles_within_the_bound(rows: list[tuple[int, int, int]]) -> None:
    found = made(rows)
    answers = sketches.percentiles(found, PERCENTS).tolist()
    for place in range(3):
        cases = [(state, value) for group, state, value in rows if group == place and state]
        told = [value for _state, value in cases if value >= 0]
        assert found[place, N] == len(cases)
        assert found[place, HITS] == sum(state == 2 for state, _value in cases)
        assert found[place, MISSES] == sum(state == 3 for state, _value in cases)
        assert found[place, TOTAL] == sum(told)
        assert found[place, COUNTS:].sum() == len(told)
        for answer, percent in zip(answers[place], PERCENTS, strict=True):
            exact = percentile(told, percent) or 0
            assert abs(answer - exact) <= ERROR * exact


@given(ROWS, ROWS)
def test_parts_add_to_the_whole(one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]) -> None:
    assert (made(one) + made(other) == made(one + other)).all()


@given(VALUES)
def test_one_value_and_numbers_below_64_as_they_are(value: int) -> None:
    for near in (value, value % 64):
        (answer,) = sketches.percentiles(made([(0, 1, near)])[:1], (50,))[0].tolist()
        assert abs(answer - near) <= (ERROR * near if near >= 64 else 0)


def test_each_bucket_holds_the_numbers_that_the_proof_says() -> None:
    """Around each power of two and each cut of an octave, where a float might fall on the wrong side."""
    edges = {2**e * part // 32 for e in range(5, 32) for part in range(32, 64)}
    values = sorted({edge + by for edge in edges for by in (-1, 0, 1)} - {2**32})
    found = sketches.sketch(np.arange(len(values)), len(values), np.ones(len(values), np.int8), np.array(values))
    answers = sketches.percentiles(found, (50,))[:, 0].tolist()
    assert answers == sorted(answers)
    assert all(abs(answer - value) <= ERROR * value for answer, value in zip(answers, values, strict=True))
    buckets = np.nonzero(found[:, COUNTS:])[1]
    assert (np.diff(buckets) >= 0).all() and len(set(buckets.tolist())) >= len(edges)


@pytest.mark.parametrize("value", [2**32, 2**33, 2**52])
def test_what_is_longer_than_any_time_falls_into_the_last_bucket(value: int) -> None:
    (answer,) = sketches.percentiles(made([(0, 1, value)])[:1], (50,))[0].tolist()
    assert made([(0, 1, value)]).shape == (3, SLOTS)
    assert abs(answer - (2**32 - 1)) <= ERROR * 2**32


def test_nothing_has_no_percentiles_and_a_kpi_without_values_only_counts() -> None:
    assert sketches.percentiles(made([]), (50, 90)).tolist() == [[0, 0]] * 3
    found = sketches.sketch(np.array([0, 0, 1]), 2, np.array([1, 2, 0], np.int8), None)
    assert found.tolist() == [[2, 1, 0, 0], [0, 0, 0, 0]]


def test_rows_of_several_blocks_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(n % 3, 1 + n % 3, n * n) for n in range(9000)]
    whole = made(rows)
    monkeypatch.setattr(sketches, "BLOCK", 64)
    assert (made(rows) == whole).all()


def test_worked_example_of_the_algorithm_page() -> None:
    waits = [40, 55, 70, 90, 100, 130, 180, 240, 600, 3600]
    found = made([(0, 1, wait) for wait in waits])
    assert found[0, TOTAL] == sum(waits)
    assert sketches.percentiles(found[:1], (50, 90)).tolist() == [[100, 599]]
