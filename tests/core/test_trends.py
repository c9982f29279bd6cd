"""Control limits, moving means, hot topics and correlations, against examples that were published."""

from decimal import Decimal

import pytest

from jiying.core.metrics import KPIS, Tally
from jiying.core.metrics import control as charts
from jiying.core.metrics.bursts import topics, usual
from jiying.core.metrics.control import laney, p_chart, xmr
from jiying.core.metrics.correlation import correlate
from jiying.core.metrics.trends import Span, joined, trend

# NIST/SEMATECH e-Handbook, 6.3.2.2: flow rates of ten batches.
FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
# NIST/SEMATECH e-Handbook, 6.3.3.2: chips on wafers with faults, of 50 each.
WAFERS = [
    12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6,
]  # fmt: skip
RATE, COUNT, NPS = KPIS["attainment.first_response"], KPIS["tickets_received"], KPIS["nps"]


def test_individuals_have_the_limits_of_the_handbook() -> None:
    found = xmr(FLOW)
    assert found.centre == pytest.approx(50.81)
    assert found.limits[0].high == pytest.approx(55.8041, abs=1e-4)
    assert found.limits[0].low == pytest.approx(45.8159, abs=1e-4)
    assert charts.mean_range(FLOW) == pytest.approx(1.8778, abs=1e-4)
    assert all(own.holds(value) for own, value in zip(found.limits, FLOW, strict=True))


def test_rates_have_the_limits_of_the_handbook() -> None:
    found = p_chart([(hits, 50) for hits in WAFERS])
    assert found.centre == pytest.approx(0.2313, abs=1e-4)
    assert found.limits[0].low == pytest.approx(0.0524, abs=1e-4)
    assert found.limits[0].high == pytest.approx(0.4102, abs=1e-4)
    out = [n + 1 for n, (own, hits) in enumerate(zip(found.limits, WAFERS, strict=True)) if not own.holds(hits / 50)]
    assert out == [15, 23]


def test_limits_of_a_rate_are_wider_where_fewer_cases_stand_behind_it_and_stay_within_a_share() -> None:
    few, many = p_chart([(9, 10), (900, 1000)]).limits
    assert few.low < many.low and few.high == 1.0 and many.high < 1.0


def test_points_that_scatter_more_than_chance_widen_the_limits_of_a_rate() -> None:
    """By hand: shares .9 and .8 in turn of 100 each, p = .85, s = √(.85·.15/100) = .035707; z = ±1.4003, range 2.8006,
    factor 2.8006/1.128 = 2.4828; limits .85 ± 3·.035707·2.4828."""
    counts = [(90, 100), (80, 100)] * 5
    found = laney(counts)
    assert found.chart == "p_prime" and found.scatter == pytest.approx(2.4828, abs=1e-4)
    assert found.limits[0].low == pytest.approx(0.58404, abs=1e-5) and found.limits[0].high == 1.0
    assert p_chart(counts).limits[0].low == pytest.approx(0.74288, abs=1e-5)
    still = [(85, 100)] * 10
    assert laney(still) == p_chart(still)
    assert laney([(100, 100)] * 10).limits[0] == charts.Limits(1.0, 1.0)


def test_what_makes_no_chart_is_refused() -> None:
    for counts in ([], [(0, 0)], [(3, 2)]):
        with pytest.raises(ValueError):
            p_chart(counts)
    with pytest.raises(ValueError):
        xmr([1.0])


def _rates(*hits: int) -> list[Tally]:
    return [Tally(n=50, n_hits=one) for one in hits]


def test_a_trend_marks_the_points_beyond_its_limits() -> None:
    points, held = trend(RATE, _rates(*[45, 46, 44, 45, 46, 44, 45, 46, 44, 45, 20]), Span(7))
    assert held is not None and held.is_provisional
    assert [n for n, one in enumerate(points) if one.side] == [10]
    assert (points[10].side, points[10].value) == ("low", Decimal("40.0"))


def test_a_moving_mean_adds_cases_and_never_averages_rates() -> None:
    tallies = [Tally(10, 10), Tally(90, 45)] * 4
    points, _held = trend(RATE, tallies, Span(2))
    assert (points[0].moving, points[1].moving) == (None, Decimal("55.0"))  # (10 + 45) / 100, not (100 % + 50 %) / 2
    assert joined(tallies[:2]) == Tally(100, 55)
    counts, _held = trend(COUNT, [Tally(3), Tally(4), Tally(0)], Span(2))
    assert [one.moving for one in counts] == [None, Decimal("3.5"), Decimal("2.0")]
    led, _held = trend(COUNT, [Tally(3), Tally(4), Tally(0)], Span(2, lead=1))
    assert [one.moving for one in led] == [Decimal("3.5"), Decimal("2.0")]


def test_days_without_cases_and_days_that_are_not_over_make_no_limits() -> None:
    tallies = [*_rates(45, 46, 44, 45), Tally(), *_rates(45, 46, 44, 45, 1)]
    points, held = trend(RATE, tallies, Span(7, n_open=1))
    assert held is not None and len(held.limits) == 8
    assert (points[4].value, points[4].limits, points[4].side) == (None, None, "")
    assert (points[9].limits, points[9].side) == (None, "")
    assert trend(RATE, tallies[:8], Span(7))[1] is None  # seven points that count are too few
    empty, counts = trend(COUNT, [Tally(0)] * 8, Span(7))
    assert counts is not None and {one.side for one in empty} == {""}


def test_counts_do_not_fall_below_nothing_but_balances_may() -> None:
    counts = trend(COUNT, [Tally(n) for n in (1, 9, 1, 9, 1, 9, 1, 9)], Span(7))[1]
    balance = trend(NPS, [Tally(10, n) for n in (1, 9, 1, 9, 1, 9, 1, 9)], Span(7))[1]
    assert counts is not None and counts.limits[0].low == 0.0
    assert balance is not None and balance.limits[0].low < 0.0


def test_a_category_is_hot_beyond_its_usual_range() -> None:
    """By hand: median 12, deviations 2 1 0 1 2 0 1 3 → median 1 → 1.4826; √12 = 3.4641; 12 + 3·3.4641 = 22.3923."""
    before = [10, 11, 12, 13, 14, 12, 11, 15]
    held = usual(before)
    assert held is not None and held.middle == 12.0 and held.limit == pytest.approx(22.3923, abs=1e-4)
    found = {one.path: one for one in topics({"a": [*before, 22], "b": [*before, 23]})}
    assert (found["a"].is_hot, found["b"].is_hot) == (False, True)
    assert found["b"].times == pytest.approx(23 / 12)
    assert next(iter(topics({"a": [*before, 22], "b": [*before, 23]}))).path == "b"


def test_an_earlier_burst_hides_no_later_one() -> None:
    assert topics({"a": [5, 5, 90, 5, 5, 5, 5, 5, 40]})[0].is_hot


def test_few_tickets_or_too_little_past_make_no_topic() -> None:
    assert not topics({"a": [0] * 8 + [4], "b": [9] * 9})[0].is_hot
    new = topics({"a": [0] * 5 + [3, 3, 3, 60]})[0]  # a house that opened three stretches ago
    assert (new.usual, new.is_hot, new.before) == (None, False, (3, 3, 3))
    fresh = next(one for one in topics({"a": [0] * 8 + [6], "b": [9] * 9}) if one.path == "a")
    assert fresh.is_hot and fresh.times is None
    assert topics({}) == []


def test_a_parent_is_hot_only_by_what_its_hot_children_do_not_explain() -> None:
    steady = [20] * 9
    found = {one.path: one for one in topics({"x/a": [5] * 8 + [40], "x/b": steady, "x": [1] * 9})}
    assert found["x"].n == 61 and found["x"].before[0] == 26
    assert {path for path, one in found.items() if one.is_hot} == {"x/a"}
    both = {one.path for one in topics({"x/a": [5] * 8 + [40], "x": [5] * 8 + [40]}) if one.is_hot}
    assert both == {"x", "x/a"}


def test_rank_correlation_of_a_published_example() -> None:
    """Intelligence and hours of television of ten people: ρ = −29/165."""
    iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    found = correlate("spearman", list(zip(iq, hours, strict=True)))
    assert found.value == pytest.approx(-29 / 165) and (found.n, found.is_few) == (10, True)


def test_linear_correlation_of_a_published_example() -> None:
    """Anscombe's first set (1973): r = 0.816."""
    xs = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    ys = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    found = correlate("pearson", list(zip(xs, ys, strict=True)))
    assert found.value == pytest.approx(0.81642, abs=1e-5)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(0.4244, abs=1e-3)
    assert found.interval.high == pytest.approx(0.9507, abs=1e-3)


def test_there_is_no_correlation_of_few_points_or_of_what_never_changes() -> None:
    assert correlate("pearson", [(1, 2), (2, 3), (3, 5)]).value is None
    assert correlate("spearman", [(1.0, n) for n in range(9)]).value is None
    same = correlate("spearman", [(n, 2 * n) for n in range(30)])
    assert same.value == pytest.approx(1.0) and (same.interval, same.is_few) == (None, False)
