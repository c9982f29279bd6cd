"""Automations over the API: the rules, trying them, and the log of what they did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Cursor, Key, actor_of, answer
from jiying.base.policies import require
from jiying.core import automations as core
from jiying.desk.api import schemas as s
from jiying.desk.queries import automations as queries
from jiying.desk.queries import story
from jiying.desk.services import automation_setup as services
from jiying.desk.services import automation_trials as trials

router = Router(tags=["automations"])
Value = Annotated[str, StringConstraints(max_length=core.MAX_VALUE)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=120)]


class WhenIn(Body):
    """The event, and how long to wait after the last one of its kind.

    For the event `time`: `every`, on which `days` (weekdays 0-6 from Monday, or days of the month), `at` HH:MM in the
    site's zone; with `workdays` a turn on a day off moves to the next working day.
    """

    event: Annotated[str, StringConstraints(max_length=20)]
    wait: Annotated[int, Field(ge=0, le=core.MAX_WAIT)] = 0
    unit: Literal["min", "h", "d"] = "min"
    every: Literal["", "day", "week", "month"] = ""
    days: Annotated[list[Annotated[int, Field(ge=0, le=31)]], Field(max_length=31)] = []
    at: Annotated[str, StringConstraints(max_length=5)] = ""
    workdays: bool = False

    def document(self) -> dict[str, Any]:
        names = ("every", "days", "at", "workdays") if self.event == core.TIME else ("wait", "unit")
        return {"event": self.event, **{name: getattr(self, name) for name in names}}


class ConditionIn(Body):
    """`is`: the ticket has one of the values; `not`: none of them."""

    field: Annotated[str, StringConstraints(max_length=20)]
    op: Literal["is", "not"] = "is"
    values: Annotated[list[Value], Field(min_length=1, max_length=core.MAX_VALUES)]


class ActionIn(Body):
    do: Annotated[str, StringConstraints(max_length=20)]
    value: Annotated[str, StringConstraints(max_length=200)] = ""
    text: Annotated[str, StringConstraints(max_length=core.MAX_TEXT)] = ""


class AutomationIn(Body):
    """A rule: when something happens, if all conditions hold, then the actions are done in their order."""

    title: Title
    on: bool = True
    when: WhenIn
    conditions: Annotated[list[ConditionIn], Field(max_length=core.MAX_CONDITIONS)] = []
    actions: Annotated[list[ActionIn], Field(min_length=1, max_length=core.MAX_ACTIONS)]

    def document(self) -> dict[str, Any]:
        """The rule as it is kept."""
        return {
            "on": self.on,
            "when": self.when.document(),
            "if": [one.dict() for one in self.conditions],
            "then": [one.dict() for one in self.actions],
        }


class SwitchIn(Body):
    on: bool


class TryIn(AutomationIn):
    """`number`: try it on this ticket as well, for real but undone."""

    number: Annotated[str, StringConstraints(max_length=24)] = ""


@dataclass(frozen=True, slots=True)
class Check:
    condition: str
    holds: bool


@dataclass(frozen=True, slots=True)
class TriedOn:
    """What it would do to one ticket: `facts` in words, `did` with what would be refused."""

    number: str
    fits: bool
    checks: list[Check]
    did: list[queries.Did]
    facts: list[str]


@dataclass(frozen=True, slots=True)
class Example:
    number: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """How often it would have acted on the tickets of the last 30 days, as they were then; `as_now` are fields of the
    conditions that are only known as they are now.

    A rule for set times: on how many open tickets, were its time now; `coming` are its next times.
    """

    n_tickets: int
    n_events: int
    n_fits: int
    examples: list[Example]
    ticket: TriedOn | None
    coming: list[datetime]
    as_now: list[str]


@router.get("/automations", response=queries.Rules)
def list_automations(request: HttpRequest) -> HttpResponse:
    """The rules in force with the figures of the last 30 days."""
    require(actor_of(request), services.RIGHT)
    return answer(queries.rules(timezone.now()))


@router.put("/automations/{key}", response=queries.AutomationRow)
def save_automation(request: HttpRequest, key: Key, payload: AutomationIn) -> HttpResponse:
    """A new rule, or a new version of one, in force at once for what happens from then on."""
    services.save(actor=actor_of(request), key=key, title=payload.title, body=payload.document(), now=timezone.now())
    return answer(queries.rule(key, timezone.now()))


@router.post("/automations/{key}/switch", response=queries.AutomationRow)
def switch_automation(request: HttpRequest, key: Key, payload: SwitchIn) -> HttpResponse:
    """Switch a rule on or off."""
    services.switch(actor=actor_of(request), key=key, on=payload.on, now=timezone.now())
    return answer(queries.rule(key, timezone.now()))


@router.post("/automation-trials", response=Tried)
def try_automation(request: HttpRequest, payload: TryIn) -> HttpResponse:
    """Try a rule without saving it: on past tickets, and on one of them for real but undone."""
    actor, now, body = actor_of(request), timezone.now(), payload.document()
    past = trials.on_past(actor=actor, body=body, now=now)
    one = None
    if payload.number:
        found = trials.on_ticket(actor=actor, body=body, title=payload.title, number=payload.number, now=now)
        one = TriedOn(
            found.number,
            found.fits,
            [
                Check(story.condition(c.condition.field, c.condition.op, c.condition.values), c.holds)
                for c in found.checked
            ],
            queries.did(found.outcome, queries.names()),
            [line.text for line in story.lines(found.entries)],
        )
    examples = [Example(*example) for example in past.examples]
    coming, as_now = list(past.coming), list(past.as_now)
    return answer(Tried(past.n_tickets, past.n_events, past.n_fits, examples, one, coming, as_now))


@router.get("/automation-runs", response=queries.AutomationRuns)
def list_automation_runs(
    request: HttpRequest, rule: Key | None = None, ticket: s.Number | None = None, cursor: Cursor = ""
) -> HttpResponse:
    """The log: what rules did, the latest first."""
    require(actor_of(request), services.RIGHT)
    return answer(queries.runs(actor_of(request), rule=rule or "", ticket=ticket or "", cursor=cursor))
