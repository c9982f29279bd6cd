"""The list of all visible tickets: views, filters, search, two orders, pages by key. Views are counted to a limit.

Built on `ordered`, whose docstring says how a new view or filter is made quick.
"""

import base64
import binascii
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from jiying.base.actor import Actor
from jiying.base.errors import Invalid
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models import Ticket
from jiying.desk.policies import reach
from jiying.desk.queries import filters as filtering
from jiying.desk.queries import ordered, search
from jiying.desk.queries.filters import VIEWS, Filters, viewed
from jiying.desk.queries.rows import TicketRow, rows, with_people

PAGE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[TicketRow]
    cursor: str  # of the next page; empty on the last one


def page(actor: Actor, filters: Filters, now: datetime, cursor: str = "") -> Page:
    """One page of what the actor may see, in a number of queries that does not depend on how much there is."""
    tickets, following = tickets_of(actor, filters, now, cursor)
    return Page(rows(tickets, now), following)


def tickets_of(actor: Actor, filters: Filters, now: datetime, cursor: str = "") -> tuple[list[Ticket], str]:
    """The tickets of one page, and the marker of the next one (empty: the last one)."""
    found = narrowed(actor, filters, now)
    after = _parse(cursor, *("r" if filters.by_receipt else "dn"))
    read_ids = ordered.by_receipt if filters.by_receipt else ordered.by_due
    ids = read_ids(found, PAGE + 1, after)
    tickets = ordered.loaded(with_people(Ticket.objects.all()), ids[:PAGE])
    following = _mark(tickets[-1], filters) if len(ids) > PAGE and tickets else ""
    return tickets, following


def narrowed(actor: Actor, filters: Filters, now: datetime) -> list[Q]:
    """What the actor may see of a filter's tickets, as ways for `ordered`. Words are looked up in their index."""
    cut = viewed(filters.view, actor, now) & filtering.narrowed(filters, actor, now)
    if filters.q:
        cut &= Q(pk__in=search.ids_of(actor, filters))
    is_own = filters.assignee == "me" or filters.view == "mine"
    kinds = [Q()] if filters.q else _kinds(actor, filters)
    return [way & kind & cut for way in _ways(actor, is_own) for kind in kinds]


def _ways(actor: Actor, is_own: bool) -> list[Q]:
    """Own tickets are seen one way, whatever else the actor may see."""
    return [Q()] if is_own and actor.rights & {"desk.view_own", "desk.view_all"} else reach(actor)


def _kinds(actor: Actor, filters: Filters) -> list[Q]:
    """Priority and channel share an index: where one of them is asked for among all tickets, each of the other's."""
    priorities, channels = filters.values("priority"), filters.values("channel")
    is_by_state = filters.status or filters.view == "waiting"  # what waits has no due time: its index, not this one
    if "desk.view_all" in actor.rights and (priorities or channels) and not is_by_state:
        return [Q(priority=p, channel=c) for p in priorities or PRIORITIES for c in channels or CHANNELS]
    return [Q()]


def counts(actor: Actor, now: datetime) -> dict[str, int]:
    """How many tickets each ready-made view of open tickets holds for the actor, up to `ordered.MOST`; one query."""
    views = [view for view in VIEWS if view not in ("ended", "all")]
    return ordered.counts({view: narrowed(actor, Filters(view=view), now) for view in views})


_KEEP_S, _MOST_KEPT = 10.0, 1000
_kept: dict[tuple[object, ...], tuple[float, dict[str, int]]] = {}


def kept_counts(actor: Actor, now: datetime) -> dict[str, int]:
    """`counts` as they were some seconds ago at most: planning eight views costs more than a page of rows."""
    key = (actor.id, actor.team_id, actor.department_id, actor.rights)
    at, found = _kept.get(key, (0.0, {}))
    if not found or time.monotonic() - at > _KEEP_S:
        found = counts(actor, now)
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = (time.monotonic(), found)
    return found


def forget() -> None:
    """Drop what is kept (between tests)."""
    _kept.clear()


# --- pages by key ----------------------------------------------------------------------------------------------------


def _mark(ticket: Ticket, filters: Filters) -> str:
    """The place after a row: which stretch, its instant in microseconds, its id."""
    kind, at = ("r", ticket.received_at) if filters.by_receipt else ("d", ticket.next_due_at)
    if at is None:
        kind, at = "n", _EPOCH
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{kind}:{micros}:{ticket.pk}".encode()).decode().rstrip("=")


def _parse(cursor: str, *kinds: str) -> ordered.Place | None:
    if not cursor:
        return None
    try:
        kind, micros, last = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(":")
        at = _EPOCH + timedelta(microseconds=int(micros))
        if kind not in kinds or not 0 <= int(last) < 2**63:
            raise ValueError(kind)
        return ordered.Place(None if kind == "n" else at, int(last))
    except (ValueError, OverflowError, binascii.Error):
        raise Invalid.one("cursor", "bad_cursor") from None
