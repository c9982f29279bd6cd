"""Saves views of the list of tickets for oneself, one's team or everybody, and the columns that somebody likes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Fault, Invalid, NotFound
from jiying.base.transactions import short
from jiying.desk.models import ListColumns, SavedView
from jiying.desk.policies import SEEING, may_edit_view, sees_view
from jiying.desk.queries.filters import read
from jiying.desk.queries.saved_views import COLUMNS, known, reach_of

REACHES = ("own", "team", "all")
MAX_NAME, MAX_OWN = 60, 30


@dataclass(frozen=True, slots=True)
class View:
    """What somebody saves; `filters` by their names in an address, no columns: the reader's own."""

    name: str
    filters: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] = ()
    reach: str = "own"


@short
def add(*, actor: Actor, view: View, now: datetime) -> SavedView:
    """A new view under a name."""
    _require_lists(actor)
    view = _checked(view)
    row = SavedView(**_reach(actor, view.reach))
    _require_edit(actor, row)
    owned = Q(owner=row.owner_id, team=row.team_id)
    beside = SavedView.objects.filter(owned)
    if beside.count() >= MAX_OWN:
        raise Conflict.one("too_many_views", limit=MAX_OWN)
    _write(row, view, now)
    row.save(force_insert=True)
    _record(actor, row, "saved_view.added", now)
    return row


@short
def change(*, actor: Actor, pk: int, view: View, revision: int | None = None, now: datetime) -> SavedView:
    """Change a view; a stale form is refused. Giving it another reach needs the right to both."""
    view = _checked(view)
    row = _editable(actor, pk)
    if revision is not None and revision != row.revision:
        raise Conflict.one("stale")
    if reach_of(row) != view.reach:
        for name, value in _reach(actor, view.reach).items():
            setattr(row, name, value)
        _require_edit(actor, row)
    _write(row, view, now)
    row.revision += 1
    row.save()
    _record(actor, row, "saved_view.changed", now)
    return row


@short
def remove(*, actor: Actor, pk: int, now: datetime) -> None:
    """Take a view away; the tickets that it showed are not touched."""
    row = _editable(actor, pk)
    _record(actor, row, "saved_view.removed", now)
    row.delete()


@short
def choose_columns(*, actor: Actor, columns: Sequence[str], now: datetime) -> list[str]:
    """The columns of one's own lists, in this order; none: the usual ones. A matter of taste, so no journal."""
    _require_lists(actor)
    if actor.id is None:
        raise Denied("desk.view_own")
    if faults := _column_faults(columns):
        raise Invalid(*faults)
    ListColumns.objects.update_or_create(person_id=actor.id, defaults={"columns": known(columns)})
    return known(columns)


def _require_lists(actor: Actor) -> None:
    if actor.rights.isdisjoint(SEEING):
        raise Denied("desk.view_own")


def _checked(view: View) -> View:
    """All that is wrong at once; what is stored is what an address would hold."""
    name, faults = view.name.strip(), _column_faults(view.columns)
    if not name:
        faults.append(Fault("name", "required", {"field": "name"}))
    if len(name) > MAX_NAME:
        faults.append(Fault("name", "too_long", {"limit": MAX_NAME, "length": len(name)}))
    if "\x00" in name:
        faults.append(Fault("name", "control_character"))
    if view.reach not in REACHES:
        faults.append(Fault("reach", "unknown_value", {"value": view.reach[:40], "known": ", ".join(REACHES)}))
    try:
        filters = read(view.filters).as_query
    except Invalid as invalid:
        raise Invalid(*faults, *invalid.faults) from None
    if faults:
        raise Invalid(*faults)
    return View(name, filters, tuple(known(view.columns)), view.reach)


def _column_faults(columns: Sequence[str]) -> list[Fault]:
    allowed = ", ".join(COLUMNS)
    return [
        Fault("columns", "unknown_value", {"value": column[:40], "known": allowed})
        for column in columns
        if column not in COLUMNS
    ]


def _reach(actor: Actor, reach: str) -> dict[str, int | None]:
    if reach == "team" and actor.team_id is None:
        raise Invalid.one("reach", "no_team")
    return {"owner_id": actor.id if reach == "own" else None, "team_id": actor.team_id if reach == "team" else None}


def _require_edit(actor: Actor, row: SavedView) -> None:
    if not may_edit_view(actor, row):
        raise Denied("desk.share_views")


def _editable(actor: Actor, pk: int) -> SavedView:
    row = SavedView.objects.select_for_update().filter(pk=pk).first()
    if row is None or not sees_view(actor, row):
        raise NotFound("saved_view", pk)
    _require_edit(actor, row)
    return row


def _write(row: SavedView, view: View, now: datetime) -> None:
    row.name, row.filters, row.columns, row.changed_at = view.name, dict(view.filters), list(view.columns), now


def _record(actor: Actor, row: SavedView, kind: str, now: datetime) -> None:
    data = {"name": row.name, "reach": reach_of(row), "team": row.team_id}
    journal.record(actor, [journal.Fact("saved_view", row.pk, kind, now, data)], now=now)
