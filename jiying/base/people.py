"""Reads of people for the API and the pages: finished rows in pages, never a query for each person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.base.models import Person
from jiying.base.policies import require


@dataclass(frozen=True, slots=True)
class PersonRow:
    """Somebody of the house. `seniority` 1 new … 5 senior; `skills` {code: level 1..5}."""

    id: int
    username: str
    name: str
    email: str
    employee_no: str
    team: str | None
    department: str | None
    roles: list[str]
    seniority: int
    skills: dict[str, int]
    hire_date: date | None
    language: str
    time_zone: str
    presence: str
    presence_reason: str
    presence_at: datetime
    is_active: bool


@dataclass(frozen=True, slots=True)
class PeoplePage:
    items: list[PersonRow]
    next_cursor: str | None


def row(person: Person) -> PersonRow:
    """The row of a person whose team, department and roles are loaded."""
    return PersonRow(
        id=person.pk,
        username=person.username,
        name=person.name,
        email=person.email,
        employee_no=person.employee_no,
        team=person.team.code if person.team else None,
        department=person.department.code if person.department else None,
        roles=sorted(person.role_codes),
        seniority=person.seniority,
        skills=person.skills,
        hire_date=person.hire_date,
        language=person.language,
        time_zone=person.time_zone,
        presence=person.presence,
        presence_reason=person.presence_reason,
        presence_at=person.presence_at,
        is_active=person.is_active,
    )


def _people() -> "QuerySet[Person]":
    return Person.objects.select_related("team", "department").prefetch_related("roles")


def one(actor: Actor, person_id: int) -> PersonRow:
    """Oneself, or with the right anybody."""
    if person_id != actor.id:
        require(actor, "people.view")
    found = _people().filter(pk=person_id).first()
    if found is None:
        raise NotFound("person", person_id)
    return row(found)


def page(actor: Actor, filters: Mapping[str, Any], cursor: str | None, limit: int) -> PeoplePage:
    """People by id; `filters` are team, department, presence, active and q (a part of name, username or number)."""
    require(actor, "people.view")
    people = _people().filter(_wanted(filters))
    if cursor:
        people = people.filter(pk__gt=cursors.decode("people", cursor, 1)[0] or 0)
    rows = list(people.order_by("pk")[: limit + 1])
    more = cursors.encode("people", rows[limit - 1].pk) if len(rows) > limit else None
    return PeoplePage([row(person) for person in rows[:limit]], more)


def _wanted(filters: Mapping[str, Any]) -> Q:
    wanted = Q()
    columns = {"team": "team__code", "department": "department__code", "presence": "presence", "active": "is_active"}
    for name, column in columns.items():
        if filters.get(name) is not None:
            wanted &= Q(**{column: filters[name]})
    if text := filters.get("q"):
        wanted &= Q(name__icontains=text) | Q(username__icontains=text) | Q(employee_no=text)
    return wanted
