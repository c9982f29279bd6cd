"""Task flows as configuration: each change is a new version; running tickets keep the one they started with."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid, NotFound
from jiying.base.models import VersionedDocument
from jiying.core import task_flows as core

RIGHT = "desk.edit_rules"


def _faults(body: Any) -> list[Fault]:
    calendars = set(VersionedDocument.objects.filter(kind="calendar").values_list("key", flat=True))
    return [Fault(p.path, p.code, p.params) for p in core.problems(body, sorted(calendars))]


FLOWS = documents.DocumentKind("flow", RIGHT, _faults, needs_approval=False)


def save(*, actor: Actor, key: str, title: str, body: Mapping[str, Any], now: datetime) -> VersionedDocument:
    """A new flow, or a new version of one."""
    if not title.strip():
        raise Invalid.one("title", "required", field="title")
    if len(title) > 120:
        raise Invalid.one("title", "too_long", limit=120, length=len(title))
    check_key(key)
    return documents.create(actor=actor, kind="flow", key=key, body=dict(body), title=title.strip(), now=now)


def check_key(key: str) -> None:
    """A key names the document for ever: in categories, addresses and the API."""
    if not 1 <= len(key) <= 40 or not key.replace("-", "").replace("_", "").isalnum() or not key.isascii():
        raise Invalid.one("key", "bad_key", value=key[:40])


def in_force(key: str, now: datetime) -> VersionedDocument:
    """The version that starts now."""
    number = documents.in_force("flow", now).get(key)
    if number is None:
        raise NotFound("flow", key)
    return _kept(key, number)


@lru_cache(maxsize=64)
def _kept(key: str, number: int) -> VersionedDocument:
    return documents.get("flow", key, number)


def forget() -> None:
    """Drop what is kept (between tests)."""
    _kept.cache_clear()
