"""Quarters of the year: the one that has ended, its bounds in a zone, and its name (2026Q3). Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo


def ended_before(at: datetime, zone: ZoneInfo) -> str:
    """The name of the last quarter that was over at this instant."""
    local = at.astimezone(zone)
    quarter = (local.month - 1) // 3
    return f"{local.year}Q{quarter}" if quarter else f"{local.year - 1}Q4"


def bounds(name: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First instant of the quarter, and the first one after it. ValueError for what is no quarter's name."""
    year, mark, number = name.partition("Q")
    if not mark or number not in ("1", "2", "3", "4") or not (len(year) == 4 and year.isdecimal()):
        raise ValueError(name)
    month = 3 * int(number) - 2
    year_after, month_after = (int(year) + 1, 1) if number == "4" else (int(year), month + 3)
    return datetime(int(year), month, 1, tzinfo=zone), datetime(year_after, month_after, 1, tzinfo=zone)


def before(name: str) -> str:
    """The quarter before this one."""
    year, _mark, number = name.partition("Q")
    return f"{year}Q{int(number) - 1}" if number != "1" else f"{int(year) - 1}Q4"
