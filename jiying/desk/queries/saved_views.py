"""Saved views as their readers see them: own ones, the team's, everybody's; and which columns a list shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.desk.models import ListColumns, SavedView
from jiying.desk.policies import may_edit_view, sees_view, view_reach

MAX_SHOWN = 30
# Every column that there is; the first ones are shown to whoever has chosen none.
COLUMNS = (
    *("number", "priority", "subject", "customer", "channel", "assignee", "status", "received", "clock"),
    *("type", "category", "tags", "tier", "team", "heard", "escalation"),
)
USUAL = COLUMNS[:9]


@dataclass(frozen=True, slots=True)
class ViewRow:
    """`reach`: own, team or all; `filters` as an address holds them; no columns: the reader's own."""

    id: int
    name: str
    reach: str
    filters: dict[str, str]
    columns: list[str] = field(default_factory=list)
    may_edit: bool = False
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Views:
    items: list[ViewRow]


def reach_of(row: SavedView) -> str:
    return "own" if row.owner_id else "team" if row.team_id else "all"


def listed(actor: Actor) -> list[ViewRow]:
    """The views that the actor may use: own ones first, then the team's, then everybody's; one query."""
    found = [row(actor, view) for view in SavedView.objects.filter(view_reach(actor)).order_by("name", "pk")]
    return sorted(found, key=lambda view: ("own", "team", "all").index(view.reach))[:MAX_SHOWN]


def row(actor: Actor, view: SavedView) -> ViewRow:
    return ViewRow(
        id=view.pk,
        name=view.name,
        reach=reach_of(view),
        filters=dict(view.filters),
        columns=known(view.columns),
        may_edit=may_edit_view(actor, view),
        revision=view.revision,
    )


def get(actor: Actor, pk: int) -> ViewRow:
    view = SavedView.objects.filter(pk=pk).first()
    if view is None or not sees_view(actor, view):
        raise NotFound("saved_view", pk)
    return row(actor, view)


def known(columns: Sequence[str]) -> list[str]:
    """Columns that still exist; the subject leads to the ticket, and is always among them."""
    found = [column for column in dict.fromkeys(columns) if column in COLUMNS]
    return found if not found or "subject" in found else ["subject", *found]


def columns_of(actor: Actor) -> list[str]:
    """What the actor likes to see; one query."""
    liked = ListColumns.objects.filter(person_id=actor.id or 0).values_list("columns", flat=True).first()
    return known(liked or []) or list(USUAL)
