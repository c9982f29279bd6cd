"""The list of call-backs after bad ratings: what waits by its due time, what was reached, what came of the rest."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, QuerySet

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.base.policies import require
from jiying.desk.queries.pills import Face, next_faces
from jiying.quality.models import Callback
from jiying.quality.policies import CALLBACKS, reach
from jiying.quality.queries import surveys

STATES = ("open", "reached", "closed")
ORDERS = ("due", "newest")
PAGE = 50
KIND = "callback"


@dataclass(frozen=True, slots=True)
class CallbackRow:
    """`due_at` of its clock; `late`: the promise is or was broken; `n_tries` calls that reached nobody."""

    id: int
    survey: surveys.SurveyRow
    state: str
    cause: str
    note: str
    n_tries: int
    opened_at: datetime
    due_at: datetime | None
    late: bool
    reached_by: str
    reached_at: datetime | None
    closed_by: str
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallbackPage:
    items: list[CallbackRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """One state; `order` due (what is due first, then the oldest) or newest; `cause` of closed ones."""

    state: str = "open"
    order: str = "due"
    cause: str = ""


def page(actor: Actor, wanted: Wanted, cursor: str = "", limit: int = PAGE) -> CallbackPage:
    require(actor, CALLBACKS)
    found = _seen(actor).filter(state=wanted.state)
    if wanted.cause:
        found = found.filter(cause=wanted.cause)
    offset = 0
    if cursor:
        offset = max(0, min(cursors.decode(f"callbacks-{wanted.order}", cursor, 1)[0] or 0, 100_000))
    by_due = (F("due_at").asc(nulls_last=True), "pk")
    ordered = found.order_by(*by_due) if wanted.order == "due" and wanted.state == "open" else found.order_by("-pk")
    rows = list(ordered[offset : offset + limit + 1])
    following = cursors.encode(f"callbacks-{wanted.order}", offset + limit) if len(rows) > limit else None
    return CallbackPage([row(one) for one in rows[:limit]], following)


def counts(actor: Actor) -> dict[str, int]:
    """{state: how many}, in one query."""
    require(actor, CALLBACKS)
    found = _seen(actor).values("state").annotate(n=Count("pk")).order_by()
    return {one["state"]: one["n"] for one in found}


def one(actor: Actor, callback_id: int) -> CallbackRow:
    require(actor, CALLBACKS)
    found = _seen(actor).filter(pk=callback_id).first()
    if found is None:
        raise NotFound(KIND, callback_id)
    return row(found)


def faces(rows: list[CallbackRow], now: datetime) -> dict[int, Face]:
    """The clocks of those that wait, in one query."""
    return next_faces(KIND, [one.id for one in rows if one.state == "open"], now)


def _seen(actor: Actor) -> QuerySet[Callback]:
    joined = ("survey__ticket__customer", "survey__agent", "survey__team", "survey__callback")
    return Callback.objects.filter(reach(actor, "survey__ticket")).select_related(*joined, "reached_by", "closed_by")


def row(found: Callback) -> CallbackRow:
    return CallbackRow(
        id=found.pk,
        survey=surveys.row(found.survey),
        state=found.state,
        cause=found.cause,
        note=found.note,
        n_tries=found.n_tries,
        opened_at=found.opened_at,
        due_at=found.due_at,
        late=found.is_late,
        reached_by=found.reached_by.name if found.reached_by else "",
        reached_at=found.reached_at,
        closed_by=found.closed_by.name if found.closed_by else "",
        closed_at=found.closed_at,
    )
