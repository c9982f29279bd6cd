"""The alert plan in force, who is on call, and what people wish for their own messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db.models import Q

from jiying.alerts.models import OnCall
from jiying.base import documents
from jiying.core import alerting

KIND, KEY = "alerting", "default"


def plan(now: datetime) -> alerting.Plan:
    """The plan in force; as shipped where nobody has saved one."""
    number = documents.in_force(KIND, now).get(KEY, 0)
    return _shipped() if number == 0 else _parsed(number)


def version(now: datetime) -> int:
    return documents.in_force(KIND, now).get(KEY, 0)


@lru_cache(maxsize=8)
def _parsed(number: int) -> alerting.Plan:
    """Versions never change, so what was parsed is kept."""
    return alerting.parse(documents.get(KIND, KEY, number).body)


@lru_cache(maxsize=1)
def _shipped() -> alerting.Plan:
    return alerting.parse(dict(alerting.SHIPPED))


def forget() -> None:
    """Between tests, which number versions anew."""
    _parsed.cache_clear()


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call at one instant, by team; None stands for all teams."""

    rows: tuple[tuple[int | None, int], ...]

    def of_team(self, team_id: int | None) -> list[int]:
        """Those of the team; where it has none, those who are there for all teams."""
        own = [person for team, person in self.rows if team is not None and team == team_id]
        return own or [person for team, person in self.rows if team is None]


def duty(at: datetime) -> Duty:
    """Everybody on call at an instant, in one query."""
    rows = OnCall.objects.filter(starts_at__lte=at, ends_at__gt=at, person__is_active=True)
    return Duty(tuple(rows.order_by("starts_at", "pk").values_list("team_id", "person_id")))


def shifts(team_ids: Iterable[int] | None, now: datetime, limit: int = 200) -> list[OnCall]:
    """On-call times that have not ended, soonest first; of these teams and of all, or every one for None."""
    rows = OnCall.objects.filter(ends_at__gt=now).select_related("person", "team")
    if team_ids is not None:
        rows = rows.filter(Q(team_id__in=list(team_ids)) | Q(team=None))
    return list(rows.order_by("starts_at", "pk")[:limit])
