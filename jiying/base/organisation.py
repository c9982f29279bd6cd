"""Changes of teams, departments and roles (D26): named rights are combined into own roles. Each is journalled."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from jiying.base import journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.models import Department, JournalEntry, Person, Role, Team
from jiying.base.personnel import RIGHT, mark, require_administrator
from jiying.base.policies import RIGHTS, SHIPPED_ROLES, require
from jiying.base.transactions import short

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def team_facts(team: Team) -> dict[str, Any]:
    return {"code": team.code, "name": team.name, "department": team.department.code if team.department else ""}


def department_facts(department: Department) -> dict[str, Any]:
    return {"code": department.code, "name": department.name}


def role_facts(role: Role) -> dict[str, Any]:
    return {
        "code": role.code,
        "name": role.name,
        "rights": sorted(role.rights),
        "needs_second_factor": role.needs_second_factor,
    }


@short
def save_team(*, actor: Actor, code: str, name: str, department: str, seen: str | None, now: datetime) -> Team:
    """A new team (`seen` None), or another name and department for one; its code stays, because rules name it."""
    require(actor, RIGHT)
    home = Department.objects.filter(code=department).first()
    if department and home is None:
        raise NotFound("department", department)
    team: Team
    team, before = _one(Team, code, seen, team_facts)
    team.name, team.department = _name(name), home
    team.save()
    _record(actor, "team", team.pk, before, team_facts(team), now)
    return team


@short
def save_department(*, actor: Actor, code: str, name: str, seen: str | None, now: datetime) -> Department:
    require(actor, RIGHT)
    row: Department
    row, before = _one(Department, code, seen, department_facts)
    row.name = _name(name)
    row.save()
    _record(actor, "department", row.pk, before, department_facts(row), now)
    return row


@short
def save_role(
    *,
    actor: Actor,
    code: str,
    name: str,
    rights: Collection[str],
    seen: str | None,
    now: datetime,
    needs_second_factor: bool = False,
) -> Role:
    """A new role, or other rights for one. Somebody must stay who can edit people."""
    require(actor, RIGHT)
    if unknown := sorted(set(rights) - RIGHTS.keys()):
        raise Invalid.one("rights", "not_found", kind="right", key=", ".join(unknown))
    role: Role
    role, before = _one(Role, code, seen, role_facts)
    role.name, role.rights, role.needs_second_factor = _name(name), sorted(rights), needs_second_factor
    role.save()
    _record_role(actor, role, before, now)
    require_administrator()
    return role


@short
def take_shipped(*, actor: Actor, code: str, now: datetime) -> Role:
    """Give an edited shipped role the rights that it ships with and lacks; what else it has stays."""
    require(actor, RIGHT)
    role = Role.objects.select_for_update().filter(code=code, shipped=True).first()
    if role is None:
        raise NotFound("role", code)
    before = role_facts(role)
    role.rights = sorted({*role.rights, *lacking(role)})
    role.save(update_fields=["rights"])
    _record_role(actor, role, before, now)
    return role


def lacking(role: Role) -> list[str]:
    """The rights that a shipped role ships with in this version and does not have, in the order of all rights."""
    shipped = _shipped(role) - {*role.rights}
    return [right for right in RIGHTS if right in shipped]


@short
def follow_shipped(now: datetime) -> None:
    """Shipped roles whose rights nobody has edited get those of this version; edited ones are left to people.

    Whether they were edited is told by the last fact about their rights: one that left them as shipped does not count.
    """
    behind = [role for role in Role.objects.select_for_update().filter(shipped=True).order_by("pk") if _differs(role)]
    edited = _edited([role.pk for role in behind])
    for role in behind:
        if role.pk not in edited:
            before = role_facts(role)
            role.rights = sorted(_shipped(role))
            role.save(update_fields=["rights"])
            _record_role(SYSTEM, role, before, now)


def _shipped(role: Role) -> set[str]:
    return {*SHIPPED_ROLES[role.code][1]} if role.shipped and role.code in SHIPPED_ROLES else {*role.rights}


def _differs(role: Role) -> bool:
    return {*role.rights} != _shipped(role)


def _edited(ids: Collection[int]) -> set[int]:
    """Of these roles those whose rights were last changed to something else than what the version then shipped."""
    facts = JournalEntry.objects.filter(subject_kind="role", subject_id__in=ids, kind="role.changed")
    last = {
        pk: bool(data.get("as_shipped"))
        for pk, data in facts.order_by("at", "id").values_list("subject_id", "data")
        if "rights" in data.get("changes", {})
    }
    return {pk for pk, as_shipped in last.items() if not as_shipped}


@short
def remove_role(*, actor: Actor, code: str, now: datetime) -> None:
    """Remove an own role that nobody has."""
    require(actor, RIGHT)
    role = Role.objects.select_for_update().filter(code=code).first()
    if role is None:
        raise NotFound("role", code)
    if role.shipped:
        raise Conflict.one("role_shipped")
    if n := Person.objects.filter(roles=role).count():
        raise Conflict.one("role_in_use", n=n)
    journal.record(actor, [journal.Fact("role", role.pk, "role.removed", now, role_facts(role))], now=now)
    role.delete()


def _one(model: Any, code: str, seen: str | None, facts: Any) -> tuple[Any, dict[str, Any]]:
    """The row to change, locked and as the form saw it, or a new one under a free code."""
    if not _CODE.fullmatch(code):
        raise Invalid.one("code", "bad_code")
    row = model.objects.select_for_update().filter(code=code).first()
    if seen is None:
        if row is not None:
            raise Conflict.one("duplicate", "code", value=code)
        return model(code=code), {}
    if row is None:
        raise NotFound(model._meta.model_name, code)
    before = facts(row)
    if mark(before) != seen:
        raise Conflict.one("stale")
    return row, before


def _name(name: str) -> str:
    if not name.strip():
        raise Invalid.one("name", "required", field="name")
    if len(name) > 80:
        raise Invalid.one("name", "too_long", limit=80, length=len(name))
    return name.strip()


def _record_role(actor: Actor, role: Role, before: dict[str, Any], now: datetime) -> None:
    """With a word on whether the rights are now those that the role ships with: then it goes on following them."""
    about = {"as_shipped": True} if role.shipped and not _differs(role) else {}
    if changed := _changes(before, role_facts(role)):
        verb = "changed" if before else "created"
        fact = journal.Fact("role", role.pk, f"role.{verb}", now, {"changes": changed, **about})
        journal.record(actor, [fact], now=now)


def _record(actor: Actor, kind: str, pk: int, before: dict[str, Any], after: dict[str, Any], now: datetime) -> None:
    if changed := _changes(before, after):
        verb = "changed" if before else "created"
        journal.record(actor, [journal.Fact(kind, pk, f"{kind}.{verb}", now, {"changes": changed})], now=now)


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [before.get(name), after[name]] for name in after if before.get(name) != after[name]}
