"""Buckets: never more than the limit in any window, whatever comes when and however long each is on its way."""

from hypothesis import given
from hypothesis import strategies as st

from jiying.core.buckets import Limit, free_at, put_right, take

DINGTALK = (Limit(20, 60),)
FEISHU = (Limit(100, 60), Limit(5, 1))
LATEST_S = 10
asks = st.lists(st.tuples(st.integers(0, 30), st.integers(0, LATEST_S)), max_size=300)


def busiest(arrivals: list[int], window_s: int) -> int:
    """The most that arrived in any window [t, t + window_s)."""
    return max((sum(t <= other < t + window_s for other in arrivals) for t in arrivals), default=0)


def drive(limits: tuple[Limit, ...], asked: list[tuple[int, int]]) -> list[int]:
    """Each waits a while, asks, waits for its token, and arrives some seconds later: when each arrived."""
    at, taken, arrivals = 0, list[int](), list[int]()
    for pause, way in asked:
        at = free_at(limits, taken, at + pause)
        taken = take(limits, taken, at + LATEST_S)
        arrivals.append(at + way)
        taken = put_right(taken, at + LATEST_S, at + way)
    return arrivals


@given(st.sampled_from([DINGTALK, FEISHU, (Limit(1, 1),), (Limit(3, 7), Limit(5, 20))]), asks)
def test_no_window_holds_more_than_its_limit(limits: tuple[Limit, ...], asked: list[tuple[int, int]]) -> None:
    arrivals = drive(limits, asked)
    for one in limits:
        assert busiest(arrivals, one.window_s) <= one.n


@given(asks)
def test_nobody_waits_without_a_reason(asked: list[tuple[int, int]]) -> None:
    """Whoever has to wait would otherwise have been one too many."""
    at, taken = 0, list[int]()
    for pause, _way in asked:
        free = free_at(DINGTALK, taken, at + pause)
        if free > at + pause:
            assert sum(one > free - 1 - 60 for one in taken) >= 20
        at = free
        taken = take(DINGTALK, taken, at)


def test_twenty_go_at_once_and_the_next_a_minute_after_the_first() -> None:
    taken: list[int] = []
    for second in range(20):
        assert free_at(DINGTALK, taken, second) == second
        taken = take(DINGTALK, taken, second)
    assert free_at(DINGTALK, taken, 20) == 60
    assert free_at(DINGTALK, taken, 61) == 61
    assert len(take(DINGTALK, taken, 61)) == 20


def test_what_is_on_its_way_counts_at_its_latest_second_until_its_answer_is_there() -> None:
    one = (Limit(1, 60),)
    taken = take(one, [], 10)
    assert free_at(one, taken, 1) == 70
    assert free_at(one, put_right(taken, 10, 2), 3) == 62
    assert put_right(taken, 11, 2) == [10]


def test_without_a_limit_all_goes() -> None:
    assert free_at((), [5, 5, 5], 5) == 5


def test_the_example_of_the_page() -> None:
    """docs/algorithms/limits.md"""
    two = (Limit(2, 60),)
    taken = take(two, take(two, [], 10), 20)
    assert free_at(two, taken, 30) == 70
    taken = take(two, taken, 81)
    assert free_at(two, taken, 71) == 80
    taken = put_right(taken, 81, 72)
    assert free_at(two, taken, 73) == 80
    assert free_at(two, take(two, taken, 80), 81) == 132
