"""Teams, departments and roles as finished rows for the API. `mark` names a row's state: a change carries it back."""

from dataclasses import dataclass

from django.db.models import Count, Q

from jiying.base import organisation
from jiying.base.actor import Actor
from jiying.base.models import Department, Role, Team
from jiying.base.personnel import mark
from jiying.base.policies import RIGHTS, require

VIEW = "people.view"
ACTIVE = Count("people", filter=Q(people__is_active=True))


@dataclass(frozen=True, slots=True)
class TeamRow:
    code: str
    name: str
    department: str | None
    n_people: int
    mark: str


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    code: str
    name: str
    n_people: int
    mark: str


@dataclass(frozen=True, slots=True)
class RoleRow:
    """`lacking`: rights that a shipped role ships with in this version, and that were taken from it."""

    code: str
    name: str
    rights: list[str]
    lacking: list[str]
    is_shipped: bool
    needs_second_factor: bool
    n_people: int
    mark: str


def teams(actor: Actor, code: str = "") -> list[TeamRow]:
    """All teams by name, or the one of this code."""
    require(actor, VIEW)
    found = Team.objects.select_related("department").annotate(n_people=ACTIVE).order_by("name")
    return [
        TeamRow(
            one.code,
            one.name,
            one.department.code if one.department else None,
            one.n_people,
            mark(organisation.team_facts(one)),
        )
        for one in (found.filter(code=code) if code else found)
    ]


def departments(actor: Actor, code: str = "") -> list[DepartmentRow]:
    """All departments by name, or the one of this code."""
    require(actor, VIEW)
    found = Department.objects.annotate(n_people=ACTIVE).order_by("name")
    return [
        DepartmentRow(one.code, one.label, one.n_people, mark(organisation.department_facts(one)))
        for one in (found.filter(code=code) if code else found)
    ]


def roles(actor: Actor, code: str = "") -> list[RoleRow]:
    """All roles, the shipped ones first, or the one of this code."""
    require(actor, VIEW)
    found = Role.objects.annotate(n_people=ACTIVE).order_by("pk")
    return [
        RoleRow(
            code=one.code,
            name=one.label,
            rights=sorted(one.rights),
            lacking=organisation.lacking(one),
            is_shipped=one.shipped,
            needs_second_factor=one.needs_second_factor,
            n_people=one.n_people,
            mark=mark(organisation.role_facts(one)),
        )
        for one in (found.filter(code=code) if code else found)
    ]


def rights(actor: Actor) -> dict[str, str]:
    """Every right by name, in the reader's words."""
    require(actor, VIEW)
    return {name: str(words) for name, words in RIGHTS.items()}
