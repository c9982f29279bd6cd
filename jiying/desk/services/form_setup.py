"""Intake forms as configuration: each change is a new version; a ticket names the version that it was taken in with."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.models import VersionedDocument
from jiying.core import intake_forms as core
from jiying.desk.services import triage
from jiying.desk.services.flow_setup import RIGHT, check_key


def _faults(body: Any) -> list[Fault]:
    return [Fault(p.path, p.code, p.params) for p in core.problems(body)]


FORMS = documents.DocumentKind("form", RIGHT, _faults, needs_approval=False)


def save(*, actor: Actor, key: str, title: str, body: Mapping[str, Any], now: datetime) -> VersionedDocument:
    """A new form, or a new version of one."""
    if not title.strip():
        raise Invalid.one("title", "required", field="title")
    if len(title) > 120:
        raise Invalid.one("title", "too_long", limit=120, length=len(title))
    check_key(key)
    return documents.create(actor=actor, kind="form", key=key, body=dict(body), title=title.strip(), now=now)


def of_category(path: str, now: datetime) -> tuple[str, core.IntakeForm] | None:
    """(`key/version`, form) for requests of a category; None where nothing more is asked."""
    category = triage.category_of(path)
    if category is None or not category.form:
        return None
    number = documents.in_force("form", now).get(category.form)
    return None if number is None else (f"{category.form}/{number}", form(category.form, number))


def by_reference(reference: str) -> core.IntakeForm | None:
    """The form that a ticket was taken in with."""
    key, _slash, number = reference.partition("/")
    return form(key, int(number)) if number else None


@lru_cache(maxsize=64)
def form(key: str, number: int) -> core.IntakeForm:
    """A version of a form; versions never change, so what was parsed is kept."""
    return core.parse(documents.get("form", key, number).body)


def forget() -> None:
    """Drop what is kept (between tests)."""
    form.cache_clear()
