"""What a map is asked of: level, period, and the tickets that count."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from jiying.base.errors import Fault, Invalid
from jiying.core.periods import LONGEST_DAYS, Period, between
from jiying.core.standards import CHANNELS, PRIORITIES

LEVELS = ("stages", "facts", "log")
DAYS = (1, 7, 30, 90, 365, 0)  # 0: all there are
RANGE = "range"
MOST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Tickets received in the last `days` (0: ever), or from the day `first` to `last`; "" and None take all."""

    level: str = "stages"
    days: int = 30
    channel: str = ""
    priority: str = ""
    team_id: int | None = None
    source: str = ""
    first: str = ""
    last: str = ""

    @property
    def period(self) -> Period | None:
        if not self.first:
            return None
        return between(date.fromisoformat(self.first), date.fromisoformat(self.last))

    def since(self, now: datetime) -> datetime | None:
        if period := self.period:
            return period.since(ZoneInfo(settings.TIME_ZONE))
        return now - timedelta(days=self.days) if self.days else None

    def until(self) -> datetime | None:
        """The first instant after the period."""
        period = self.period
        return period.until(ZoneInfo(settings.TIME_ZONE)) if period else None

    def as_params(self) -> dict[str, Any]:
        return asdict(self)


def wanted(given: Mapping[str, str], now: datetime) -> Wanted:
    """As an address says; imported logs are told over all time unless it says otherwise. Raises Invalid."""
    level = given.get("level", "") or "stages"
    usual = RANGE if given.get("from") else "0" if level == "log" else "30"
    days = given.get("days", "") or usual
    values = {"channel": given.get("channel", ""), "priority": given.get("priority", ""), "level": level, "days": days}
    known = {
        "channel": ("", *CHANNELS), "priority": ("", *PRIORITIES), "level": LEVELS, "days": (*map(str, DAYS), RANGE)
    }  # fmt: skip
    faults = [
        Fault(name, "unknown_value", {"value": values[name][:40], "known": ", ".join(filter(None, known[name]))})
        for name in known
        if values[name] not in known[name]
    ]
    team, source = given.get("team", ""), given.get("source", "")
    if team and not (team.isascii() and team.isdigit() and int(team) <= MOST_ID):
        faults.append(Fault("team", "unknown_value", {"value": team[:40], "known": "1, 2, 3"}))
    if "\x00" in source or len(source) > 40:
        faults.append(Fault("source", "unknown_value", {"value": "…", "known": "import:…"}))
    first, last = days_of(given, now, faults) if days == RANGE else ("", "")
    if faults:
        raise Invalid(*faults)
    n = 0 if days == RANGE else int(days)
    return Wanted(level, n, values["channel"], values["priority"], int(team) if team else None, source, first, last)


def days_of(given: Mapping[str, str], now: datetime, faults: list[Fault]) -> tuple[str, str]:
    """The days `from` and `to`; those of the last week where an address leaves them out."""
    yesterday = now.astimezone(ZoneInfo(settings.TIME_ZONE)).date() - timedelta(days=1)
    found = []
    for name, usual in (("from", yesterday - timedelta(days=6)), ("to", yesterday)):
        text = given.get(name, "") or usual.isoformat()
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = date.min
        if not 1990 <= day.year <= 2199:
            faults.append(Fault(name, "wrong_form", {"value": text[:40], "form": "YYYY-MM-DD"}))
        found.append(day)
    first, last = found
    if not faults and last < first:
        faults.append(Fault("to", "before_since", {"since": first.isoformat()}))
    if not faults and (last - first).days > LONGEST_DAYS:
        faults.append(Fault("to", "too_many", {"limit": LONGEST_DAYS, "length": (last - first).days}))
    return first.isoformat(), last.isoformat()
