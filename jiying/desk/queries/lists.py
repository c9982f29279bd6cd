"""The list of all visible tickets: filters, search, two orders, pages by key. No totals: lists may be very long."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from django.db.models import Max, Q, QuerySet

from jiying.base.actor import Actor
from jiying.base.errors import Invalid
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models import Ticket
from jiying.desk.models.tickets import Status
from jiying.desk.policies import visible
from jiying.desk.queries.rows import TicketRow, rows, with_people
from jiying.desk.queries.work import SOON

PAGE = 50
RECENT = 20_000  # words are looked for among the latest tickets; a real index comes with the search feature
VIEWS = ("open", "mine", "team", "unassigned", "due_soon", "late", "waiting", "vip", "ended")
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
    order = _received(found, cursor) if filters.by_receipt else _due(found, cursor)
    following = _mark(order[PAGE - 1], filters) if len(order) > PAGE else ""
    return Page(rows(order[:PAGE], now), following)


def narrowed(actor: Actor, filters: Filters, now: datetime) -> QuerySet[Ticket]:
    found = with_people(Ticket.objects.filter(visible(actor)))
    found = _viewed(found, filters.view, actor, now)
    for name in ("status", "priority", "channel"):
        if value := getattr(filters, name):
            found = found.filter(**{name: value})
    if filters.category:
        found = found.filter(Q(category=filters.category) | Q(category__startswith=filters.category + "/"))
    if filters.team:
        found = found.filter(team_id=int(filters.team))
    if filters.assignee:
        who = actor.id if filters.assignee == "me" else None if filters.assignee == "none" else int(filters.assignee)
        found = found.filter(assignee__isnull=True) if who is None else found.filter(assignee_id=who)
    return _searched(found, filters.q) if filters.q else found


def _viewed(found: QuerySet[Ticket], view: str, actor: Actor, now: datetime) -> QuerySet[Ticket]:
    """The ready-made views (D9)."""
    if view == "ended":
        return found.filter(ended_at__isnull=False)
    found = found.filter(ended_at__isnull=True)
    narrow = {
        "mine": Q(assignee_id=actor.id),
        "team": Q(team_id=actor.team_id),
        "unassigned": Q(assignee__isnull=True),
        "due_soon": Q(next_due_at__gt=now, next_due_at__lte=now + SOON),
        "late": Q(is_late=True),
        "waiting": Q(status="waiting"),
        "vip": Q(tier="vip"),
    }
    return found.filter(narrow[view]) if view in narrow else found


def _searched(found: QuerySet[Ticket], text: str) -> QuerySet[Ticket]:
    """By number, end of the phone number, or words of the subject or the customer's name among the latest tickets."""
    if text[:2].upper() == "GD" and text[2:].isdecimal():
        return found.filter(number__startswith=text.upper())
    digits = "".join(c for c in text if c.isdecimal())
    if digits and len(digits) >= 4 and not any(c.isalpha() for c in text):
        tail = Q(customer__phone_tail=digits) if len(digits) == 4 else Q(customer__phone=digits)
        return found.filter(tail | Q(number__endswith=digits))
    latest = Ticket.objects.aggregate(last=Max("pk"))["last"] or 0
    found = found.filter(pk__gt=latest - RECENT)
    for word in text.split()[:6]:
        found = found.filter(Q(subject__icontains=word) | Q(customer__name__icontains=word))
    return found


# --- pages by key ----------------------------------------------------------------------------------------------------


def _due(found: QuerySet[Ticket], cursor: str) -> list[Ticket]:
    """By due time, then those without one. Two plain stretches: databases differ in where they sort nothing."""
    kind, at, last = _parse(cursor, "d", "n")
    timed: list[Ticket] = []
    if kind != "n":
        first = found.filter(next_due_at__isnull=False).order_by("next_due_at", "pk")
        if kind:
            first = first.filter(Q(next_due_at__gt=at) | Q(next_due_at=at, pk__gt=last))
        timed = list(first[: PAGE + 1])
    if len(timed) > PAGE:
        return timed
    rest = found.filter(next_due_at__isnull=True).order_by("pk")
    if kind == "n":
        rest = rest.filter(pk__gt=last)
    return [*timed, *rest[: PAGE + 1 - len(timed)]]


def _received(found: QuerySet[Ticket], cursor: str) -> list[Ticket]:
    """The latest first."""
    kind, at, last = _parse(cursor, "r")
    if kind:
        found = found.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lt=last))
    return list(found.order_by("-received_at", "-pk")[: PAGE + 1])


def _mark(ticket: Ticket, filters: Filters) -> str:
    """The place after a row: which stretch, its instant in microseconds, its id."""
    kind, at = ("r", ticket.received_at) if filters.by_receipt else ("d", ticket.next_due_at)
    if at is None:
        kind, at = "n", _EPOCH
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{kind}:{micros}:{ticket.pk}".encode()).decode().rstrip("=")


def _parse(cursor: str, *kinds: str) -> tuple[str, datetime, int]:
    if not cursor:
        return "", _EPOCH, 0
    try:
        kind, micros, last = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(":")
        at = _EPOCH + timedelta(microseconds=int(micros))
        if kind not in kinds or not 0 <= int(last) < 2**63:
            raise ValueError(kind)
        return kind, at, int(last)
    except (ValueError, OverflowError, binascii.Error):
        raise Invalid.one("cursor", "bad_cursor") from None
