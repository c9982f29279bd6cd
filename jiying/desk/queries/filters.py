"""What a list, a search, a saved view or a bulk action is narrowed to: read from outside, as a condition, as marks.

One set of filters serves them all, so that an address says everything (D9). Several values: `priority=P1,P2`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, time, timedelta

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models.tickets import ENDED, Status
from jiying.desk.queries.search_text import category_marks, mark
from jiying.desk.queries.work import SOON

VIEWS = ("open", "mine", "team", "unassigned", "due_soon", "late", "waiting", "vip", "ended", "all")
SORTS = ("due", "received")
TYPES = ("inquiry", "complaint", "suggestion", "fault")
TIERS = ("standard", "vip")
MAX_DUE_MIN = 60 * 24 * 30
_CHOICES: dict[str, tuple[str, ...]] = {
    "status": tuple(Status),
    "priority": PRIORITIES,
    "channel": CHANNELS,
    "type": TYPES,
    "tier": TIERS,
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty = not narrowed. `assignee`: a person's id, `me` or `none`; `team`: an id, `mine` or `none`; `due`: minutes
    from now; `late`: 1; `since` and `until`: days of receipt in the reader's zone, both included."""

    view: str = "open"
    q: str = ""
    status: str = ""
    priority: str = ""
    channel: str = ""
    type: str = ""
    category: str = ""
    tag: str = ""
    team: str = ""
    assignee: str = ""
    tier: str = ""
    late: str = ""
    due: str = ""
    since: str = ""
    until: str = ""
    sort: str = ""

    @property
    def narrowing(self) -> dict[str, str]:
        """What it is narrowed to besides its view."""
        return {name: value for name, value in asdict(self).items() if value and name not in ("view", "sort")}

    @property
    def is_narrowed(self) -> bool:
        return bool(self.narrowing)

    @property
    def by_receipt(self) -> bool:
        """Ended tickets have no due time: they sort by receipt whatever was asked for."""
        return self.sort == "received" or self.view in ("ended", "all")

    @property
    def as_query(self) -> dict[str, str]:
        """What stands in an address: everything but the defaults."""
        return {name: value for name, value in asdict(self).items() if value and (name, value) != ("view", "open")}

    def values(self, name: str) -> list[str]:
        return [value for value in getattr(self, name).split(",") if value]


NAMES = tuple(f.name for f in fields(Filters))


def read(values: Mapping[str, object]) -> Filters:
    """The filters of a query string or of a saved view; what does not exist is refused, never taken for "all"."""
    known = {name: str(values.get(name) or "").strip() for name in NAMES}
    known["view"] = known["view"] or "open"
    if known["view"] == "open" and known["status"] and set(known["status"].split(",")) <= set(ENDED):
        known["view"] = "ended"  # who asks for closed tickets does not want to be told that none of them is open
    found = Filters(**known)
    if faults := [*_faults(found)]:
        raise Invalid(*faults)
    return found


def _faults(found: Filters) -> list[Fault]:
    faults = [_unknown(name, getattr(found, name), VIEWS if name == "view" else SORTS) for name in ("view", "sort")]
    for name, choices in _CHOICES.items():
        faults += [_unknown(name, value, choices) for value in found.values(name)]
    for name, words in (("assignee", ("me", "none")), ("team", ("mine", "none"))):
        faults += [_not_a_number(name, value) for value in found.values(name) if value not in words]
    faults += [_not_a_number("due", found.due), _unknown("late", found.late, ("1",))]
    if found.due.isdecimal() and len(found.due) < 10 and not 1 <= int(found.due) <= MAX_DUE_MIN:
        faults.append(Fault("due", "out_of_range", {"low": 1, "high": MAX_DUE_MIN}))
    faults += [_not_a_day(name, getattr(found, name)) for name in ("since", "until")]
    for name, limit in (("q", 200), ("tag", 400), ("category", 400), ("status", 120), ("team", 400), ("assignee", 400)):
        length = len(getattr(found, name))
        faults.append(Fault(name, "too_long", {"limit": limit, "length": length}) if length > limit else None)
        faults.append(Fault(name, "control_character") if "\x00" in getattr(found, name) else None)
    return [fault for fault in faults if fault is not None]


def _unknown(name: str, value: str, choices: tuple[str, ...]) -> Fault | None:
    if not value or value in choices:
        return None
    return Fault(name, "unknown_value", {"value": value[:40], "known": ", ".join(choices)})


def _not_a_number(name: str, value: str) -> Fault | None:
    if not value or value.isdecimal() and value.isascii() and len(value) < 16:
        return None
    return Fault(name, "not_a_number", {"value": value[:40]})


def _not_a_day(name: str, value: str) -> Fault | None:
    try:
        if not value or 1971 <= date.fromisoformat(value).year <= 2199:
            return None
    except ValueError:
        pass
    return Fault(name, "not_a_day", {"value": value[:40]})


# --- as conditions ---------------------------------------------------------------------------------------------------


def viewed(view: str, actor: Actor, now: datetime) -> Q:
    """The ready-made views (D9); all but `ended` and `all` hold open tickets only."""
    if view in ("ended", "all"):
        return Q(ended_at__isnull=False) if view == "ended" else Q()
    narrow = {
        "mine": Q(assignee_id=actor.id),
        "team": Q(team_id=actor.team_id),
        "unassigned": Q(assignee__isnull=True),
        "due_soon": Q(due_order__gt=now, due_order__lte=now + SOON),
        "late": Q(is_late=True),
        "waiting": Q(status="waiting"),
        "vip": Q(tier="vip"),
    }
    return Q(ended_at__isnull=True) & narrow.get(view, Q())


def narrowed(filters: Filters, actor: Actor, now: datetime) -> Q:
    """Everything but view and words."""
    found = Q()
    for name in _CHOICES:
        if values := filters.values(name):
            found &= Q(**{f"{name}__in": values}) if len(values) > 1 else Q(**{name: values[0]})
    if paths := filters.values("category"):
        found &= _any(Q(category=path) | Q(category__startswith=path + "/") for path in paths)
    if tags := filters.values("tag"):
        found &= _any(_tagged(tag) for tag in tags)
    if teams := filters.values("team"):
        found &= _any(_is("team_id", value, {"mine": actor.team_id}) for value in teams)
    if people := filters.values("assignee"):
        found &= _any(_is("assignee_id", value, {"me": actor.id}) for value in people)
    return found & _in_time(filters, now)


def _in_time(filters: Filters, now: datetime) -> Q:
    found = Q(is_late=True) if filters.late else Q()
    if filters.due:
        found &= Q(due_order__gt=now, due_order__lte=now + timedelta(minutes=int(filters.due)))
    if filters.since:
        found &= Q(received_at__gte=_midnight(filters.since))
    if filters.until:
        found &= Q(received_at__lt=_midnight(filters.until, days=1))
    return found


def _any(conditions: Iterable[Q]) -> Q:
    return Q(*conditions, _connector=Q.OR)


def _is(column: str, value: str, own: Mapping[str, int | None]) -> Q:
    pk = own[value] if value in own else None if value == "none" else int(value)
    return Q(**{column: pk}) if pk is not None else Q(**{f"{column}__isnull": True})


def _tagged(tag: str) -> Q:
    """A tag of the list; SQLite has no containment, and keeps lists as JSON text."""
    if connection.vendor == "postgresql":
        return Q(tags__contains=[tag])
    return Q(tags__icontains=json.dumps(tag))


def _midnight(day: str, days: int = 0) -> datetime:
    at = datetime.combine(date.fromisoformat(day) + timedelta(days=days), time())
    return timezone.make_aware(at)


# --- as marks of the index of words ----------------------------------------------------------------------------------


def marks(filters: Filters, actor: Actor) -> list[tuple[str, ...]]:
    """What of the filters the index of words knows, to cut candidates early; `narrowed` is asked of them again."""
    groups: list[tuple[str, ...]] = []
    for name, letter in (("priority", "p"), ("channel", "c"), ("type", "y"), ("tier", "v"), ("tag", "g")):
        groups.append(tuple(mark(letter, value) for value in filters.values(name)))
    groups.append(tuple(category_marks(path)[-1] for path in filters.values("category")))
    own = {"me": actor.id or 0, "mine": actor.team_id or 0, "none": 0}
    for name, letter in (("team", "t"), ("assignee", "a")):
        groups.append(tuple(mark(letter, own.get(value, value)) for value in filters.values(name)))
    ended = {"ended": "1", "all": ""}.get(filters.view, "0")
    groups.append((mark("e", ended),) if ended else ())
    views = {"mine": mark("a", own["me"]), "team": mark("t", own["mine"]), "unassigned": mark("a", 0)}
    if filters.view in views:
        groups.append((views[filters.view],))
    return [group for group in groups if group]


def beyond_marks(filters: Filters) -> bool:
    """Whether it is narrowed by what the index does not know, so that more candidates are needed."""
    known = {"q", "priority", "channel", "type", "tier", "tag", "category", "team", "assignee"}
    return bool(set(filters.narrowing) - known) or filters.view in ("due_soon", "late", "waiting", "vip")
