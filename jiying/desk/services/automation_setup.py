"""Automations as configuration (D25): each change is a new version, in force at once for what happens from then on."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid, NotFound
from jiying.base.models import Department, Person, Team, VersionedDocument
from jiying.base.policies import require
from jiying.core import automations as core
from jiying.desk.models import Category
from jiying.desk.services import flow_setup

KIND = "automation"
RIGHT = "desk.edit_rules"


def known() -> core.Known:
    """What a rule may name; five queries."""
    flows = VersionedDocument.objects.filter(kind="flow", state="approved").values_list("key", flat=True)
    return core.Known(
        category=set(Category.objects.values_list("path", flat=True)),
        team=set(Team.objects.values_list("code", flat=True)),
        person=set(Person.objects.filter(is_active=True).values_list("username", flat=True)),
        flow=set(flows),
        department=set(Department.objects.values_list("code", flat=True)),
    )


def _faults(body: Any) -> list[Fault]:
    return [Fault(p.path, p.code, p.params) for p in core.problems(body, known())]


AUTOMATIONS = documents.DocumentKind(KIND, RIGHT, _faults, needs_approval=False)


def save(*, actor: Actor, key: str, title: str, body: Mapping[str, Any], now: datetime) -> VersionedDocument:
    """A new rule, or a new version of one; `on` in its body switches it."""
    if not title.strip():
        raise Invalid.one("title", "required", field="title")
    if len(title) > 120:
        raise Invalid.one("title", "too_long", limit=120, length=len(title))
    flow_setup.check_key(key)
    return documents.create(actor=actor, kind=KIND, key=key, body=dict(body), title=title.strip(), now=now)


def switch(*, actor: Actor, key: str, on: bool, now: datetime) -> VersionedDocument:
    """The same rule as a new version, switched on or off."""
    require(actor, RIGHT)
    number = documents.in_force(KIND, now).get(key)
    if number is None:
        raise NotFound(KIND, key)
    held = documents.get(KIND, key, number)
    return save(actor=actor, key=key, title=held.title, body={**held.body, "on": on}, now=now)


@lru_cache(maxsize=256)
def kept(key: str, number: int) -> tuple[core.Rule, str]:
    """A version ready to be asked, with its title; versions never change."""
    document = documents.get(KIND, key, number)
    return core.parse(document.body), document.title or key


def forget() -> None:
    """Drop what is kept (between tests)."""
    kept.cache_clear()
