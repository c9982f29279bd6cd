"""Everybody's name and team by id, asked at most once a second: lists and routing need them for each row.

Only for showing names and a person's team; rights are never taken from here.
"""

import time
from dataclasses import dataclass

from jiying.base.models import Person

_KEEP_S = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    username: str
    name: str
    team_id: int | None
    team_code: str
    team_name: str


_kept: tuple[float, dict[int, Entry]] = (0.0, {})


def _all() -> dict[int, Entry]:
    rows = Person.objects.values_list("pk", "username", "name", "team_id", "team__code", "team__name")
    return {row[0]: Entry(*row[:4], row[4] or "", row[5] or "") for row in rows}


def person(person_id: int | None) -> Entry | None:
    """A person's entry, None for nobody. Somebody hired this very second is found too."""
    global _kept
    if person_id is None:
        return None
    at, entries = _kept
    if time.monotonic() - at > _KEEP_S or person_id not in entries:
        _kept = (time.monotonic(), _all())
    return _kept[1].get(person_id)


def team_of(person_id: int) -> int | None:
    """A person's team, as it was at most a second ago."""
    found = person(person_id)
    return found.team_id if found else None


def forget() -> None:
    """Drop what is kept (between tests)."""
    global _kept
    _kept = (0.0, {})
