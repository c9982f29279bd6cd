"""Quarters in a zone: which one has ended, its bounds, the one before."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from jiying.core.quarters import before, bounds, ended_before

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("at", "name"),
    [
        (datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC), "2026Q2"),
        (datetime(2026, 9, 30, 16, 0, tzinfo=UTC), "2026Q3"),  # midnight of the first of October in Shanghai
        (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), "2026Q3"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "2026Q4"),
        (datetime(2027, 2, 1, tzinfo=UTC), "2026Q4"),
    ],
)
def test_a_quarter_ends_at_local_midnight(at: datetime, name: str) -> None:
    assert ended_before(at, ZONE) == name


def test_bounds_meet() -> None:
    assert bounds("2026Q4", ZONE) == (datetime(2026, 10, 1, tzinfo=ZONE), datetime(2027, 1, 1, tzinfo=ZONE))
    for name in ("2026Q1", "2026Q2", "2026Q3", "2026Q4"):
        assert bounds(before(name), ZONE)[1] == bounds(name, ZONE)[0]
    assert before("2026Q1") == "2025Q4"


@pytest.mark.parametrize("name", ["", "2026", "2026Q5", "26Q1", "2026q1", "abcdQ1"])
def test_what_is_no_quarter_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        bounds(name, ZONE)
