"""Connections as pages and API show them: what is filled in, which secrets are kept, and how they fare."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.utils.translation import gettext as _

from jiying.base import connections
from jiying.base.actor import Actor
from jiying.base.connections import RIGHT
from jiying.base.errors import NotFound
from jiying.base.models import Connection
from jiying.base.policies import require
from jiying.base.texts import term

State = Literal["off", "never", "works", "fails"]


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """`secrets` says which are kept, never what they are; `more` are lines of its kind, label and value."""

    kind: str
    kind_label: str
    group: str
    code: str
    name: str
    options: dict[str, Any]
    secrets: dict[str, bool]
    active: bool
    revision: int
    state: State
    ok_at: datetime | None
    failed_at: datetime | None
    last_error: str
    n_failed: int
    lag_s: float | None
    more: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Connections:
    items: list[ConnectionRow]


@dataclass(frozen=True, slots=True)
class Group:
    """What stands together on the page: its connections, and the kinds of which one can be made."""

    code: str
    rows: list[ConnectionRow]
    kinds: list[tuple[str, str, str]]  # code, label, hint


def rows(actor: Actor, now: datetime) -> list[ConnectionRow]:
    """All of them by group, kind and name; those of kinds that this house does not speak (any more) last."""
    require(actor, RIGHT)
    found = [_row(one, now) for one in Connection.objects.order_by("name", "pk")]
    places = {code: n for n, code in enumerate(connections.GROUPS)}
    return sorted(found, key=lambda row: (places.get(row.group, len(places)), row.kind_label))


def row(actor: Actor, code: str, now: datetime) -> ConnectionRow:
    require(actor, RIGHT)
    found = Connection.objects.filter(code=code).first()
    if found is None:
        raise NotFound("connection", code)
    return _row(found, now)


def groups(actor: Actor, now: datetime) -> list[Group]:
    """The groups that have a kind, with what there is of each."""
    found = rows(actor, now)
    kinds = {
        group: [
            (kind.code, str(kind.label), str(kind.hint)) for kind in connections.KINDS.values() if kind.group == group
        ]
        for group in (*connections.GROUPS, "")
    }
    made = [Group(group, [row for row in found if row.group == group], of) for group, of in kinds.items()]
    return [one for one in made if one.rows or one.kinds]


def _row(found: Connection, now: datetime) -> ConnectionRow:
    kind = connections.KINDS.get(found.kind)
    opened = connections.opened_row(found)
    return ConnectionRow(
        kind=found.kind,
        kind_label=str(kind.label) if kind else _("No longer spoken: %(kind)s") % {"kind": found.kind},
        group=kind.group if kind else "",
        code=found.code,
        name=found.name,
        options=dict(opened.options),
        secrets={one.name: one.name in found.sealed for one in kind.secrets} if kind else {},
        active=found.active,
        revision=found.revision,
        state=_state(found),
        ok_at=found.ok_at,
        failed_at=found.failed_at,
        last_error=term("sending_error", found.last_error),
        n_failed=found.n_failed,
        lag_s=found.lag_s,
        more=[(str(label), value) for label, value in kind.more(opened, now)] if kind else [],
    )


def _state(found: Connection) -> State:
    if not found.active:
        return "off"
    if found.n_failed:
        return "fails"
    return "works" if found.ok_at else "never"
