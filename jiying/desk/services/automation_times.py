"""Automations that go by the clock on the wall (D25): a due row for each, which looks at the open tickets in batches.

Each instant is one fact of the journal and sets the rule off once on each ticket that fits then. What was missed while
nothing ran is made up for once, however often its time had come. May not act on tickets: the runs do.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Max, Q, QuerySet

from jiying.base import documents, due, journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.models import JournalEntry, VersionedDocument
from jiying.clocks import queries as clocks
from jiying.core import automations as core
from jiying.core import timetable
from jiying.desk.models import AutomationRun, AutomationTime, Ticket
from jiying.desk.services import automations
from jiying.desk.services.automation_setup import KIND, kept
from jiying.desk.services.holding import KIND as TICKET
from jiying.desk.services.holding import STEPS

BATCH = 300  # tickets looked at in one transaction
CAME = "document.came"
_CALENDAR = "work"
_COLUMNS = ("channel", "type", "priority", "tier", "status", "waiting_for")
_DEAR = frozenset({"last_from", "state_for"})  # fields that cost a query for each ticket


def next_after(table: timetable.Timetable, after: datetime, now: datetime) -> datetime | None:
    """The next instant in the zone and by the working calendar of the site."""
    zone = ZoneInfo(settings.TIME_ZONE)
    number = documents.in_force("calendar", now).get(_CALENDAR)
    calendar = clocks.calendar(_CALENDAR, number) if number is not None else None

    def is_open(day: date) -> bool:
        if calendar is None:
            return True
        start, end = (timetable.instant(one, 0, zone) for one in (day, day + timedelta(days=1)))
        return bool(calendar.intervals(start, end))

    at = timetable.next_after(table, clocks.second_of(after), zone, is_open)
    return None if at is None else datetime.fromtimestamp(at, UTC)


def coming(rule: core.Rule, now: datetime, n: int = 3) -> list[datetime]:
    """The next times at which a rule runs; none for rules that facts set off."""
    found: list[datetime] = []
    while rule.times is not None and len(found) < n:
        at = next_after(rule.times, found[-1] if found else now, now)
        if at is None:
            break
        found.append(at)
    return found


def plan(document: VersionedDocument, actor: Actor, now: datetime) -> None:
    """A version was saved: from now on the rule runs as it says, or no more by the clock."""
    rule = core.parse(document.body)
    at = next_after(rule.times, now, now) if rule.on and rule.times is not None else None
    if at is None:
        AutomationTime.objects.filter(rule=document.key).delete()
        return
    fresh = {"wake_at": at, "at": at, "after": 0, "cause": None, "parked_at": None, "attempts": 0}
    AutomationTime.objects.update_or_create(rule=document.key, defaults=fresh)


def serve(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, in one transaction: a batch of tickets for each rule whose time has come."""
    claimed = due.claim(AutomationTime, ids, now)
    for row in AutomationTime.objects.filter(pk__in=claimed).order_by("pk"):
        _turn(row, now)
    return len(claimed)


def _turn(row: AutomationTime, now: datetime) -> None:
    number = documents.in_force(KIND, now).get(row.rule)
    held, title = kept(row.rule, number) if number is not None else (None, "")
    if held is None or number is None or held.times is None or not held.on:
        row.delete()
        return
    if row.cause_id is None and _is_moved(row, held.times, now):
        return
    if row.cause_id is None:
        row.cause = _come(row, number, now)
    rows = list(candidates(held, row.after)[:BATCH])
    fitting = fits(held, rows, now)
    AutomationRun.objects.bulk_create(_run(row, number, title, ticket, now) for ticket in fitting)
    if len(rows) == BATCH:
        row.after, row.wake_at = rows[-1].pk, now
    else:
        _rest(row, held.times, now)
    row.save()


def _is_moved(row: AutomationTime, table: timetable.Timetable, now: datetime) -> bool:
    """Whether the calendar has changed since: then this is not its time any more. Puts it to the right one."""
    at = next_after(table, row.at - timedelta(seconds=1), now)
    if at == row.at:
        return False
    _rest(row, table, now)
    row.save()
    return True


def _come(row: AutomationTime, number: int, now: datetime) -> JournalEntry:
    document = documents.get(KIND, row.rule, number)
    data = {"kind": KIND, "key": row.rule, "number": number}
    return journal.record(SYSTEM, [journal.Fact("document", document.pk, CAME, row.at, data)], now=now)[0]


def _rest(row: AutomationTime, table: timetable.Timetable, now: datetime) -> None:
    """Until the next time after now: what was missed in between is not made up for again."""
    at = next_after(table, max(row.at, now), now)
    row.cause_id, row.after, row.wake_at = None, 0, at
    row.at = at or row.at


def candidates(rule: core.Rule, after: int = 0) -> QuerySet[Ticket]:
    """Tickets in order of id that the rule's plain conditions leave; ended ones only where it asks for them."""
    rows = Ticket.objects.filter(_plain(rule), pk__gt=after).select_related("team").order_by("pk")
    wants_ended = any(c.field == "status" and c.op == "is" and "closed" in c.values for c in rule.conditions)
    return rows if wants_ended else rows.filter(ended_at__isnull=True)


def _plain(rule: core.Rule) -> Q:
    """What the database can tell by itself; the rest, and this again, is asked of each ticket."""
    found = Q()
    for condition in rule.conditions:
        if condition.field in _COLUMNS:
            asked = Q(**{f"{condition.field}__in": condition.values})
            found &= asked if condition.op == "is" else ~asked
    return found


def fits(rule: core.Rule, tickets: Sequence[Ticket], now: datetime) -> list[Ticket]:
    """Those that fulfil all conditions. The dear ones are asked last, of those that are left."""
    cheap = [c for c in rule.conditions if c.field not in _DEAR]
    found = [one for one in tickets if _holds(rule, cheap, one, {}, now)]
    if len(cheap) == len(rule.conditions):
        return found
    since = in_state_since([one.pk for one in found])
    return [one for one in found if _holds(rule, rule.conditions, one, {"since": since.get(one.pk)}, now)]


def _holds(
    rule: core.Rule, conditions: Sequence[core.Condition], ticket: Ticket, about: Mapping[str, Any], now: datetime
) -> bool:
    asked = core.Rule(rule.event, 0, "min", tuple(conditions), ())
    return core.fits(core.check(asked, automations.seen(asked, ticket, about, now)))


def in_state_since(ids: Sequence[int]) -> Mapping[int, datetime]:
    """Since when each ticket has been in its state, in one query."""
    rows = JournalEntry.objects.filter(subject_kind=TICKET, subject_id__in=ids, kind__in=STEPS)
    return dict(rows.values("subject_id").annotate(last=Max("at")).values_list("subject_id", "last"))


def _run(row: AutomationTime, number: int, title: str, ticket: Ticket, now: datetime) -> AutomationRun:
    return AutomationRun(
        rule=row.rule,
        version=number,
        title=title,
        ticket_id=ticket.pk,
        cause_id=row.cause_id or 0,
        event=core.TIME,
        created_at=now,
        wake_at=now,
    )
