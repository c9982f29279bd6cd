"""Scales, drawing and figures of surveys."""

import pytest

from jiying.core.surveys import CES, NPS, RATING, SCALES, Choice, Tally, drawn, is_bad, is_good


@pytest.mark.parametrize(
    ("kind", "bad", "good"), [(RATING, range(1, 4), (4, 5)), (NPS, range(7), (9, 10)), (CES, range(1, 4), (5, 6, 7))]
)
def test_what_a_score_means(kind: str, bad: range, good: tuple[int, ...]) -> None:
    scale = SCALES[kind]
    everything = range(scale.low, scale.high + 1)
    assert [n for n in everything if is_bad(kind, n)] == list(bad)
    assert [n for n in everything if is_good(kind, n)] == list(good)


def test_a_choice_takes_categories_below_and_empty_lists_take_all() -> None:
    assert Choice().fits("web", "", "inquiry")
    some = Choice(channels=("web", "chat"), categories=("logistics",), types=("complaint",))
    assert some.fits("chat", "logistics/late", "complaint")
    assert some.fits("chat", "logistics", "complaint")
    assert not some.fits("phone", "logistics", "complaint")
    assert not some.fits("web", "logistics2", "complaint")
    assert not some.fits("web", "logistics", "inquiry")


def test_drawing_is_reproducible_and_fair() -> None:
    numbers = [f"T{n:06d}" for n in range(4000)]
    taken = [number for number in numbers if drawn(number, 25)]
    assert taken == [number for number in numbers if drawn(number, 25)]
    assert 0.22 < len(taken) / len(numbers) < 0.28
    assert set(taken) < {number for number in numbers if drawn(number, 60)}  # a greater share keeps those it had
    assert all(drawn(number, 100) for number in numbers) and not any(drawn(number, 0) for number in numbers)


def test_the_worked_example() -> None:
    """docs/algorithms/surveys.md: 27 of 30 satisfied."""
    tally = Tally(RATING, n_asked=80, n_answered=30, total=131, n_good=27, n_bad=2)
    good = tally.good_range
    assert good is not None and (round(good.low, 3), round(good.high, 3)) == (0.744, 0.965)
    assert tally.response_rate == 30 / 80
    assert tally.mean == 131 / 30
    assert tally.good_rate == 0.9
    assert tally.nps is None and not tally.is_few
    assert Tally(NPS, 20, 10, 78, 5, 2).nps == 30
    nothing = Tally(NPS)
    assert (nothing.response_rate, nothing.mean, nothing.good_rate, nothing.good_range, nothing.nps) == (None,) * 5
