"""Automations as people read them (D25): the rules with their figures, and the log of what they did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.base.errors import Fault, NotFound
from jiying.base.models import Department, Person, Team, VersionedDocument
from jiying.base.texts import term
from jiying.core import automations as core
from jiying.core import timetable
from jiying.desk.models import AutomationRun, AutomationTime, Ticket
from jiying.desk.policies import visible
from jiying.desk.queries import categories
from jiying.desk.queries.story import condition

REPORTED = timedelta(days=30)
PAGE = 50
State = AutomationRun.State
Names = Mapping[str, Mapping[str, str]]
_GROUPS = {"escalate": "escalation_level", "tell": "tell_whom"}


@dataclass(frozen=True, slots=True)
class AutomationRow:
    """A rule in force; the figures are of the last 30 days."""

    key: str
    title: str
    version: int
    on: bool
    body: dict[str, Any]
    summary: str  # when
    actions: list[str]
    n_done: int
    n_refused: int
    n_cut: int
    n_waiting: int
    last_at: datetime | None
    next_at: datetime | None  # of rules that go by the clock


@dataclass(frozen=True, slots=True)
class Rules:
    items: list[AutomationRow]


@dataclass(frozen=True, slots=True)
class Did:
    """One action of a run: `refused` says why it was not done."""

    do: str
    value: str
    text: str
    refused: str


@dataclass(frozen=True, slots=True)
class AutomationRunRow:
    id: int
    rule: str
    title: str
    version: int
    ticket: str
    subject: str
    event: str
    state: str
    why: list[str]
    did: list[Did]
    cut: str
    at: datetime
    chain: list[str]


@dataclass(frozen=True, slots=True)
class AutomationRuns:
    items: list[AutomationRunRow]
    next: str | None


def rules(now: datetime) -> Rules:
    """Every rule with its figures; as many queries for any number of rules."""
    figures, known = _figures(now), names()
    return Rules([_row(one, figures.get(one.key, {}), known) for one in _latest()])


def rule(key: str, now: datetime) -> AutomationRow:
    found = next((row for row in rules(now).items if row.key == key), None)
    if found is None:
        raise NotFound("automation", key)
    return found


def _latest() -> list[VersionedDocument]:
    newest: dict[str, VersionedDocument] = {}
    for row in VersionedDocument.objects.filter(kind="automation", state="approved").order_by("key", "-number"):
        newest.setdefault(row.key, row)
    return sorted(newest.values(), key=lambda one: (not one.body.get("on", True), one.title))


def _figures(now: datetime) -> dict[str, dict[str, Any]]:
    recent = Q(done_at__gte=now - REPORTED)
    rows = AutomationRun.objects.values("rule").annotate(
        n_done=Count("pk", filter=recent & Q(state__in=(State.DONE, State.PARTLY))),
        n_refused=Count("pk", filter=recent & Q(state__in=(State.REFUSED, State.PARTLY))),
        n_cut=Count("pk", filter=recent & Q(state=State.CUT)),
        n_waiting=Count("pk", filter=Q(state=State.WAITING)),
        last_at=Max("done_at"),
    )
    found: dict[str, dict[str, Any]] = {row["rule"]: dict(row) for row in rows}
    for rule, at in AutomationTime.objects.values_list("rule", "at"):
        found.setdefault(rule, {})["next_at"] = at
    return found


def _row(document: VersionedDocument, figures: Mapping[str, Any], known: Names) -> AutomationRow:
    parsed = core.parse(document.body)
    return AutomationRow(
        key=document.key,
        title=document.title or document.key,
        version=document.number,
        on=parsed.on,
        body=document.body,
        summary=when(parsed),
        actions=[act(one.do, one.value, known) for one in parsed.actions],
        n_done=figures.get("n_done", 0),
        n_refused=figures.get("n_refused", 0),
        n_cut=figures.get("n_cut", 0),
        n_waiting=figures.get("n_waiting", 0),
        last_at=figures.get("last_at"),
        next_at=figures.get("next_at"),
    )


def when(rule: core.Rule) -> str:
    """When a rule looks: the event, or so much time after it."""
    event = term("automation_event", rule.event)
    if rule.times is not None:
        return _times(rule.times)
    if not rule.wait:
        return event
    return term("automation_wait", rule.unit) % {"n": rule.wait, "event": event}


def _times(table: timetable.Timetable) -> str:
    """`Each working day at 08:30`."""
    days = _(", ").join(term("weekday", str(day)) if table.every == "week" else str(day) for day in table.days)
    every = "workday" if table.every == "day" and table.workdays else table.every
    told = term("automation_every", every) % {"days": days, "at": table.at}
    return _("%(when)s; on a day off, the next working day") % {"when": told} if table.workdays and table.days else told


def names() -> Names:
    """{action: {code: name}} of what actions name; five queries."""
    flows = VersionedDocument.objects.filter(kind="flow", state="approved").order_by("number")
    return {
        "category": {one.path: one.label for one in categories.choices()},
        "team": dict(Team.objects.values_list("code", "name")),
        "person": dict(Person.objects.filter(is_active=True).values_list("username", "name")),
        "flow": dict(flows.values_list("key", "title")),
        "ask": {one.code: one.label for one in Department.objects.all()},
    }


def act(do: str, value: str, known: Names) -> str:
    """An action in words."""
    word = term("automation_act", do)
    if not value:
        return word
    named = known.get(do, {}).get(value) or term(_GROUPS.get(do, do), value)
    return _("%(what)s: %(values)s") % {"what": word, "values": named}


def versions(key: str) -> list[VersionedDocument]:
    rows = VersionedDocument.objects.filter(kind="automation", key=key).select_related("created_by")
    return list(rows.order_by("-number")[:20])


# --- the log ---------------------------------------------------------------------------------------------------------


def runs(actor: Actor, *, rule: str = "", state: str = "", ticket: str = "", cursor: str = "") -> AutomationRuns:
    """What rules did to tickets that the actor may see, the latest first."""
    rows = AutomationRun.objects.filter(done_at__isnull=False)
    if "desk.view_all" not in actor.rights:
        rows = rows.filter(ticket__in=Ticket.objects.filter(visible(actor)))
    if rule:
        rows = rows.filter(rule=rule)
    if state:
        rows = rows.filter(state=state)
    if ticket:
        rows = rows.filter(ticket__number=ticket)
    if cursor:
        micros, pk = cursors.decode("runs", cursor, 2)
        at = cursors.instant(micros or 0)
        rows = rows.filter(Q(done_at__lt=at) | Q(done_at=at, pk__lt=pk or 0))
    found = list(rows.select_related("ticket").order_by("-done_at", "-pk")[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    after = cursors.encode("runs", cursors.micros(last.done_at), last.pk) if last else None
    known = names()
    return AutomationRuns([_run(one, known) for one in found[:PAGE]], after)


def _run(run: AutomationRun, known: Names) -> AutomationRunRow:
    return AutomationRunRow(
        id=run.pk,
        rule=run.rule,
        title=run.title,
        version=run.version,
        ticket=run.ticket.number,
        subject=run.ticket.subject,
        event=run.event,
        state=run.state,
        why=[condition(one.get("field", ""), one.get("op", "is"), one.get("values", ())) for one in run.why],
        did=did(run.outcome, known),
        cut=next((term("automation_cut", one["cut"]) for one in run.outcome if "cut" in one), ""),
        at=run.done_at or run.created_at,
        chain=run.chain,
    )


def did(outcome: Iterable[Mapping[str, Any]], known: Names) -> list[Did]:
    """What came of each action, in words."""
    return [
        Did(one["do"], one.get("value", ""), act(one["do"], one.get("value", ""), known), _why_not(one.get("fault")))
        for one in outcome
        if "do" in one
    ]


def _why_not(fault: Mapping[str, Any] | None) -> str:
    return Fault("", fault["code"], fault.get("params", {})).text if fault else ""
