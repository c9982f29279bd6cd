"""The list of all visible tickets: views, filters, search, two orders, pages by key. Views are counted to a limit.

Built on `ordered`, whose docstring says how a new view or filter is made quick.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from django.db.models import Max, Q

from jiying.base.actor import Actor
from jiying.base.errors import Invalid
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models import Ticket
from jiying.desk.models.tickets import Status
from jiying.desk.policies import reach
from jiying.desk.queries import ordered
from jiying.desk.queries.rows import TicketRow, rows, with_people
from jiying.desk.queries.work import SOON

PAGE = 50
RECENT = 20_000  # words are looked for among the latest tickets; a real index comes with the search feature
VIEWS = ("open", "mine", "team", "unassigned", "due_soon", "late", "waiting", "vip", "ended")
DATED = ("due_soon", "late")  # each ticket of these has a due time
SORTS = ("due", "received")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; empty = not at all. `assignee` is a person's id, `me` or `none`."""

    view: str = "open"
    q: str = ""
    status: str = ""
    priority: str = ""
    channel: str = ""
    assignee: str = ""
    team: str = ""
    category: str = ""
    sort: str = ""

    @property
    def is_narrowed(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self) if f.name not in ("view", "sort"))

    @property
    def by_receipt(self) -> bool:
        """Ended tickets have no due time: they sort by receipt whatever was asked for."""
        return self.sort == "received" or self.view == "ended" or self.status in ("closed", "cancelled", "merged")


def read(values: Mapping[str, str]) -> Filters:
    """The filters of a query string; a value that does not exist is refused, never taken for "all"."""
    known = {f.name: values.get(f.name, "").strip() for f in fields(Filters)}
    known["view"] = known["view"] or "open"
    allowed = {
        "view": VIEWS,
        "status": tuple(Status),
        "priority": PRIORITIES,
        "channel": CHANNELS,
        "sort": SORTS,
    }
    for name, choices in allowed.items():
        if known[name] and known[name] not in choices:
            raise Invalid.one(name, "unknown_value", value=known[name][:40], known=", ".join(choices))
    for name, words in (("assignee", ("me", "none")), ("team", ())):
        if known[name] and known[name] not in words and not (known[name].isdecimal() and len(known[name]) < 16):
            raise Invalid.one(name, "not_a_number", value=known[name][:40])
    return Filters(**known)


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[TicketRow]
    cursor: str  # of the next page; empty on the last one


def page(actor: Actor, filters: Filters, now: datetime, cursor: str = "") -> Page:
    """One page of what the actor may see, in a number of queries that does not depend on how much there is."""
    found = narrowed(actor, filters, now)
    after = _parse(cursor, *("r" if filters.by_receipt else "dn"))
    if filters.by_receipt:
        ids = ordered.by_receipt(found, PAGE + 1, after)
    else:
        ids = ordered.by_due(found, PAGE + 1, after, undated=filters.view not in DATED)
    tickets = ordered.loaded(with_people(Ticket.objects.all()), ids[:PAGE])
    following = _mark(tickets[-1], filters) if len(ids) > PAGE and tickets else ""
    return Page(rows(tickets, now), following)


def narrowed(actor: Actor, filters: Filters, now: datetime) -> list[Q]:
    """What the actor may see of a filter's tickets, as ways for `ordered`."""
    cut = viewed(filters.view, actor, now)
    if filters.status:
        cut &= Q(status=filters.status)
    if filters.category:
        cut &= Q(category=filters.category) | Q(category__startswith=filters.category + "/")
    if filters.team:
        cut &= Q(team_id=int(filters.team))
    if filters.assignee == "none":
        cut &= Q(assignee__isnull=True)
    elif filters.assignee:
        cut &= Q(assignee_id=actor.id if filters.assignee == "me" else int(filters.assignee))
    if filters.q:
        cut &= _searched(filters.q)
    is_own = filters.assignee == "me" or filters.view == "mine"
    return [way & kind & cut for way in _ways(actor, is_own) for kind in _kinds(actor, filters)]


def _ways(actor: Actor, is_own: bool) -> list[Q]:
    """Own tickets are seen one way, whatever else the actor may see."""
    return [Q()] if is_own and actor.rights & {"desk.view_own", "desk.view_all"} else reach(actor)


def _kinds(actor: Actor, filters: Filters) -> list[Q]:
    """Priority and channel share an index: where one of them is asked for among all tickets, each of the other's."""
    if "desk.view_all" in actor.rights and (filters.priority or filters.channel):
        priorities = [filters.priority] if filters.priority else PRIORITIES
        channels = [filters.channel] if filters.channel else CHANNELS
        return [Q(priority=p, channel=c) for p in priorities for c in channels]
    given = {name: value for name in ("priority", "channel") if (value := getattr(filters, name))}
    return [Q(**given)]


def viewed(view: str, actor: Actor, now: datetime) -> Q:
    """The ready-made views (D9)."""
    if view == "ended":
        return Q(ended_at__isnull=False)
    narrow = {
        "mine": Q(assignee_id=actor.id),
        "team": Q(team_id=actor.team_id),
        "unassigned": Q(assignee__isnull=True),
        "due_soon": Q(next_due_at__gt=now, next_due_at__lte=now + SOON),
        "late": Q(is_late=True),
        "waiting": Q(status="waiting"),
        "vip": Q(tier="vip"),
    }
    return Q(ended_at__isnull=True) & narrow.get(view, Q())


def counts(actor: Actor, now: datetime) -> dict[str, int]:
    """How many tickets each ready-made view of open tickets holds for the actor, up to `ordered.MOST`; one query."""
    return ordered.counts({view: narrowed(actor, Filters(view=view), now) for view in VIEWS if view != "ended"})


def _searched(text: str) -> Q:
    """By number, end of the phone number, or words of the subject or the customer's name among the latest tickets."""
    if text[:2].upper() == "GD" and text[2:].isdecimal():
        return Q(number__startswith=text.upper())
    digits = "".join(c for c in text if c.isdecimal())
    if digits and len(digits) >= 4 and not any(c.isalpha() for c in text):
        tail = Q(customer__phone_tail=digits) if len(digits) == 4 else Q(customer__phone=digits)
        return tail | Q(number__endswith=digits)
    latest = Ticket.objects.aggregate(last=Max("pk"))["last"] or 0
    found = Q(pk__gt=latest - RECENT)
    for word in text.split()[:6]:
        found &= Q(subject__icontains=word) | Q(customer__name__icontains=word)
    return found


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
