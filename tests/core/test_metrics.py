"""Figures: rates add, percentiles and rounding are exact, intervals equal published values, KPIs are complete."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.metrics import (
    EXCLUDED,
    KPIS,
    METRICS,
    Mean,
    Rate,
    attainment,
    is_case,
    mean,
    percentile,
    round_score,
    wilson,
)
from jiying.core.metrics.library import OF_CALLS

RATES = st.tuples(st.integers(0, 500), st.integers(0, 500)).map(lambda pair: attainment(*pair))


def test_worked_example_of_the_algorithm_page():
    phone, chat = attainment(95, 5), attainment(3, 7)
    both = phone + chat
    assert (both.numerator, both.denominator, both.percent()) == (98, 110, Decimal("89.1"))
    assert (phone.percent(), chat.percent()) == (Decimal("95.0"), Decimal("30.0"))
    interval = wilson(98, 110)
    assert both.interval() == interval
    assert (round_score(100 * interval.low), round_score(100 * interval.high)) == (Decimal("81.9"), Decimal("93.6"))
    waits = [40, 55, 70, 90, 100, 130, 180, 240, 600, 3600]
    assert (percentile(waits, 50), percentile(waits, 90), mean(waits).value) == (100, 600, Fraction(5105, 10))


def test_no_data_is_none_and_not_zero_or_full():
    empty = attainment(0, 0)
    assert (empty.value, empty.percent(), empty.interval()) == (None, None, None)
    assert mean([]).value is None and percentile([], 50) is None
    assert empty + attainment(1, 1) == Rate(1, 2)
    assert attainment(0, 3).percent() == Decimal("0.0")


@pytest.mark.parametrize(("numerator", "denominator"), [(-1, 2), (3, 2), (0, -1)])
def test_impossible_rates_are_refused(numerator, denominator):
    with pytest.raises(ValueError, match="numerator"):
        Rate(numerator, denominator)


@given(st.lists(RATES, max_size=8))
def test_parts_add_to_the_whole_in_any_grouping(rates):
    whole = Rate.total(rates)
    assert whole == Rate.total(rates[:3]) + Rate.total(reversed(rates[3:]))
    if whole.denominator:
        shares = [rate.value for rate in rates if rate.denominator]
        assert min(shares) <= whole.value <= max(shares)


# R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
@pytest.mark.parametrize(
    ("n_hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_limits(n_hits, n, low, high):
    interval = wilson(n_hits, n)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(counts):
    n_hits, n = counts
    interval, mirror = wilson(n_hits, n), wilson(n - n_hits, n)
    assert 0 <= interval.low <= n_hits / n <= interval.high <= 1
    assert interval.low == pytest.approx(1 - mirror.high, abs=1e-12)


@pytest.mark.parametrize(("n_hits", "n"), [(0, 0), (5, 4), (-1, 4)])
def test_wilson_refuses_impossible_counts(n_hits, n):
    with pytest.raises(ValueError, match="hits"):
        wilson(n_hits, n)


@given(st.lists(st.integers(-1000, 1000), min_size=1), st.integers(0, 100))
def test_percentile_is_the_least_value_that_covers_enough(values, percent):
    found = percentile(values, percent)

    def covers(limit):
        return 100 * sum(value <= limit for value in values) >= percent * len(values)

    assert found in values and covers(found)
    assert not any(covers(value) for value in values if value < found) or percent == 0


def test_percentile_is_exact_where_floats_are_not():
    values = list(range(1, 101))
    assert [percentile(values, p) for p in (0, 7, 55, 99, 100)] == [1, 7, 55, 99, 100]
    assert percentile(list(range(1, 1001)), Fraction(999, 10)) == 999
    with pytest.raises(ValueError, match="percent"):
        percentile(values, 101)


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (2.675, 2, "2.68"), (0.5, 0, "1"), (-0.5, 0, "-1"), (Fraction(1, 3), 1, "0.3"), (Decimal("89.95"), 1, "90.0"),
        (7, 1, "7.0"), (1e22, 0, "10000000000000000000000"), (Fraction(1, 20), 1, "0.1"), (-0.04, 1, "0.0"),
    ],
)  # fmt: skip
def test_rounding_is_half_away_from_zero(value, digits, shown):
    assert str(round_score(value, digits)) == shown


@given(st.fractions(-1000, 1000), st.integers(0, 6))
def test_rounding_is_within_half_a_step(value, digits):
    assert abs(Fraction(round_score(value, digits)) - value) * 10**digits <= Fraction(1, 2)


def test_rounding_refuses_what_is_no_number():
    with pytest.raises(ValueError):
        round_score(float("nan"))


@given(st.lists(st.integers(0, 10**9)), st.lists(st.integers(0, 10**9)))
def test_means_add(first, second):
    assert mean(first) + mean(second) == mean(first + second) == Mean(sum(first + second), len(first + second))


def test_every_kpi_says_how_it_is_counted():
    assert {f"attainment.{metric}" for metric in METRICS} <= set(KPIS)
    for key, kpi in KPIS.items():
        left_out = OF_CALLS if kpi.source == "calls" else tuple(EXCLUDED)
        assert key == kpi.key and kpi.min_n > 0 and kpi.exclusions == left_out
        needs = {"rate": kpi.hit, "balance": kpi.hit and kpi.miss, "mean": kpi.value, "spread": kpi.value}
        assert needs.get(kpi.measure, "count")
        condition = is_case(kpi, "SINCE", "UNTIL")
        assert "{" not in condition and "UNTIL" in condition and "is_counted" in condition


def test_variants_of_one_kpi_are_told_apart():
    variants = [(kpi.key.partition(".")[0], kpi.variant) for kpi in KPIS.values() if kpi.group != "in_time"]
    assert len(set(variants)) == len(variants)
