"""What people see of alerts: the count on the bell, pop-ups, lists, deliveries. Sentences are made here, from codes."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format

from jiying.alerts.models import Alert, Delivery
from jiying.alerts.texts import duration
from jiying.base import subjects, texts
from jiying.base.actor import Actor
from jiying.base.errors import Invalid
from jiying.base.models import Person
from jiying.base.policies import require

MANY = 100  # the bell says "99+" from here on, and nothing counts further
PAGE = 50
TEAM_DAYS = 7
# Kinds that begin with the prefix: {alert id: clock pill}, for a countdown beside the words (clocks register theirs).
PILLS: dict[str, Callable[[Sequence[Alert], datetime], Mapping[int, Any]]] = {}
LEVELS = {"notice": "amber", "warning": "red", "breach": "breached", "critical": "breached"}


@dataclass(frozen=True, slots=True)
class Told:
    """An alert in the reader's language and zone. `url` is a path of this site, `pill` what `{% clock %}` takes."""

    alert: Alert
    label: str
    title: str
    url: str
    priority: str
    text: str
    due_at: datetime | None
    level: str  # amber | red | breached, as clock pills have it
    pill: Any = None


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list, newest first; `cursor` is empty on the last page."""

    items: list[Told]
    cursor: str


# --- a person's own --------------------------------------------------------------------------------------------------


def count_new(person_id: int) -> int:
    """New alerts of a person, at most `MANY`: by the partial index, however long the history."""
    return _new(person_id)[:MANY].count()


def new(person_id: int, now: datetime, limit: int = 5) -> list[Told]:
    """The newest alerts that the person has not seen yet, for pop-ups."""
    return told(list(_new(person_id).order_by("-at", "-pk")[:limit]), now)


def new_ids(person_id: int, limit: int = 100) -> list[int]:
    """Of which alerts the person has not seen anything yet, newest first."""
    return list(_new(person_id).order_by("-at", "-pk").values_list("pk", flat=True)[:limit])


def _new(person_id: int) -> QuerySet[Alert]:
    return Alert.objects.filter(person_id=person_id, state=Alert.State.NEW)


def of_person(person_id: int, now: datetime, cursor: str = "") -> Page:
    """All alerts of a person, newest first. Raises Invalid for a cursor that is none."""
    return _page(Alert.objects.filter(person_id=person_id), now, cursor)


# --- a team's --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TeamAlert:
    """One fact with everybody of the team who was told."""

    told: Told
    people: list[Person]


def of_team(actor: Actor, now: datetime, cursor: str = "") -> tuple[list[TeamAlert], str]:
    """Alerts of the last week to people of the actor's team (of all teams with desk.view_all), newest first."""
    require(actor, "alerts.view_team")
    rows = Alert.objects.filter(at__gte=now - timedelta(days=TEAM_DAYS)).select_related("person")
    if "desk.view_all" not in actor.rights:
        rows = rows.filter(person__team_id=actor.team_id) if actor.team_id else rows.none()
    page = _page(rows, now, cursor)
    facts: dict[tuple[Any, ...], TeamAlert] = {}
    for item in page.items:
        a = item.alert
        fact = facts.setdefault((a.kind, a.subject_kind, a.subject_id, a.at, item.text), TeamAlert(item, []))
        fact.people.append(a.person)
    return list(facts.values()), page.cursor


# --- deliveries ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stuck:
    """A message that did not get out: dead (`parked_at`), or waiting for its next try after a failure."""

    delivery: Delivery
    items: list[Told]


def deliveries(actor: Actor, now: datetime, limit: int = 200) -> tuple[list[Stuck], list[Stuck]]:
    """(dead, waiting after a failure or for over a minute), the longest waiting first, with reasons."""
    require(actor, "system.health")
    rows = Delivery.objects.select_related("person", "connection").prefetch_related("alerts", "carried")
    dead = list(rows.filter(parked_at__isnull=False).order_by("parked_at")[:limit])
    stuck = Q(attempts__gt=0) | ~Q(last_error="") | Q(wake_at__lt=now - timedelta(minutes=1))
    waiting = list(rows.filter(stuck, wake_at__isnull=False).order_by("wake_at")[:limit])
    sentences = _by_delivery([*dead, *waiting], now)
    return [Stuck(d, sentences[d.pk]) for d in dead], [Stuck(d, sentences[d.pk]) for d in waiting]


def count_dead() -> int:
    """Dead letters, for health and metrics."""
    return Delivery.objects.filter(parked_at__isnull=False).count()


def _by_delivery(rows: Sequence[Delivery], now: datetime) -> dict[int, list[Told]]:
    alerts = {alert.pk: alert for row in rows for alert in row.told.all()}
    items = {item.alert.pk: item for item in told(list(alerts.values()), now)}
    return {row.pk: [items[alert.pk] for alert in row.told.all()] for row in rows}


# --- sentences -------------------------------------------------------------------------------------------------------


def told(alerts: Sequence[Alert], now: datetime, *, live: bool = True) -> list[Told]:
    """Alerts as sentences; `live` ones are read now ("due in 5 minutes"), others some time ("due at 14:30")."""
    ids: dict[str, set[int]] = defaultdict(set)
    for alert in alerts:
        ids[alert.subject_kind].add(alert.subject_id)
    described = {kind: subjects.kind(kind).describe(found) for kind, found in ids.items()}
    pills = _pills(alerts, now) if live else {}
    return [_told(a, described[a.subject_kind].get(a.subject_id), pills.get(a.pk), now, live) for a in alerts]


def _pills(alerts: Sequence[Alert], now: datetime) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for prefix, pills in PILLS.items():
        if asked := [alert for alert in alerts if alert.kind.startswith(prefix)]:
            found.update(pills(asked, now))
    return found


def _told(alert: Alert, about: subjects.Described | None, pill: Any, now: datetime, live: bool) -> Told:
    about = about or subjects.Described(f"{alert.subject_kind} {alert.subject_id}", "", "")
    due_at = _due_at(alert)
    return Told(
        alert=alert,
        label=about.label,
        title=about.title,
        url=about.url,
        priority=about.priority,
        text=_sentence(alert, due_at, now, live),
        due_at=due_at,
        level=LEVELS.get(alert.severity, "amber"),
        pill=pill,
    )


def _due_at(alert: Alert) -> datetime | None:
    text = alert.data.get("due_at")
    return datetime.fromisoformat(text) if text else None


def _sentence(alert: Alert, due_at: datetime | None, now: datetime, live: bool) -> str:
    """The pattern of the alert's kind, filled in: `clock.late2` takes that of `clock.late`."""
    announces = due_at is not None and alert.at < due_at
    group = "alert" if live and not (announces and due_at is not None and due_at <= now) else "alert_at"
    kind = alert.kind.rstrip("0123456789")
    pattern = texts.TERMS[group].get(kind) or texts.TERMS["alert"].get(kind)
    if pattern is None:
        return texts.term("alert", alert.kind)
    words: dict[str, Any] = {name: value for name, value in alert.data.items() if name != "due_at"}
    words |= {name: texts.term(name, str(alert.data.get(name, ""))) for name in ("metric", "cause")}
    if due_at is not None:
        words["due"] = wall_clock(due_at, now)
        words["left"] = duration((due_at - now).total_seconds())
        words["late"] = duration((alert.at - due_at).total_seconds())
    return str(pattern) % words


def wall_clock(at: datetime, now: datetime) -> str:
    """`14:30`, with the day before it where that is not today's, in the reader's zone."""
    local = timezone.localtime(at)
    time = date_format(local, "H:i")
    if local.date() == timezone.localtime(now).date():
        return time
    return f"{date_format(local, 'MONTH_DAY_FORMAT')} {time}"


# --- pages of a list -------------------------------------------------------------------------------------------------


def _page(rows: QuerySet[Alert], now: datetime, cursor: str) -> Page:
    """By (at, id) downwards: what arrives meanwhile moves nothing."""
    if cursor:
        at, pk = _parse(cursor)
        rows = rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))
    found = list(rows.order_by("-at", "-pk")[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(told(found[:PAGE], now), f"{last.at.isoformat()}_{last.pk}" if last else "")


def _parse(cursor: str) -> tuple[datetime, int]:
    at, _mark, pk = cursor.rpartition("_")
    try:
        instant, number = datetime.fromisoformat(at), int(pk)
    except ValueError as error:
        raise Invalid.one("cursor", "bad_cursor") from error
    if instant.tzinfo is None or not 0 <= number < 2**63:
        raise Invalid.one("cursor", "bad_cursor")
    return instant, number
