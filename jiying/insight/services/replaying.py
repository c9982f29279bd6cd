"""Replay (推演, C10): what a draft of standards, a calendar or priority rules would have meant for the tickets of a
period, beside what happened.

Computed by a job of the worker (kernels never run in a web process) from the columnar copy. Writes only its own result.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from jiying.base import documents, jobs
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid
from jiying.base.models import Job
from jiying.clocks import queries as clocks
from jiying.core import priority as core_priority
from jiying.core.calendars import CalendarSpec, compile_calendar
from jiying.core.standards import CHANNELS, PRIORITIES, TICKET_METRICS, parse
from jiying.core.standards.what_if import Cell as WhatIf
from jiying.core.standards.what_if import with_cell
from jiying.desk.policies import scope
from jiying.desk.services import rules as priority_rules
from jiying.insight.queries.fold_columns import Block, last_at
from jiying.insight.queries.rejudged import FirstPriorities
from jiying.insight.queries.replay_portions import Portion, joined, piece
from jiying.insight.queries.replays import KIND
from jiying.insight.services import rejudging
from jiying.warehouse import reader, spreading
from jiying.warehouse.asking import Source

PORTION = 400_000  # tickets that are folded together: more portions take more time, bigger ones more memory
LATE = timedelta(days=2)  # a fact may be dated before its ticket's receipt, by a little
MAX_MINUTES = 60 * 24 * 366
LONGEST = timedelta(days=366 * 5)
YEARS = (1970, 2999)  # between these a period may lie


@dataclass(frozen=True, slots=True)
class Draft:
    """What is tried out: a version of the standard set (0: the one in force), of a calendar, one promise changed, and a
    version of the priority rules (0: priorities as they were)."""

    standard: int = 0
    calendar: str = ""
    calendar_version: int = 0
    cell: WhatIf | None = None
    rules: int = 0


def start(*, actor: Actor, draft: Draft, since: datetime, until: datetime, now: datetime) -> Job:
    """Queue a replay. Raises Denied, NotFound for versions that do not exist, Invalid."""
    scope(actor)
    check(draft, since, until)
    number = draft.standard or documents.in_force("standard", now)[clocks.STANDARD]
    documents.get("standard", clocks.STANDARD, number)
    if draft.calendar:
        documents.get("calendar", draft.calendar, draft.calendar_version)
    if draft.rules:
        priority_rules.require_reading(actor)
        documents.get("priority", priority_rules.KEY, draft.rules)
    params = {
        "draft": {**asdict(draft), "standard": number, "cell": draft.cell._asdict() if draft.cell else None},
        "since": since.isoformat(),
        "until": until.isoformat(),
    }
    return jobs.start(kind=KIND, params=params, by=actor.person, now=now)


def check(draft: Draft, since: datetime, until: datetime) -> None:
    """Everything wrong with what was asked for at once."""
    faults = []
    if until <= since or until - since > LONGEST or not (YEARS[0] <= since.year and until.year <= YEARS[1]):
        faults.append(Fault("until", "replay_period"))
    if draft.cell is not None:
        known: dict[str, tuple[Any, tuple[str, ...]]] = {
            "channel": (draft.cell.channel, CHANNELS),
            "priority": (draft.cell.priority, PRIORITIES),
            "metric": (draft.cell.metric, TICKET_METRICS),
        }
        faults += [
            Fault(name, "unknown_value", {"value": str(value)[:40], "known": ", ".join(values)})
            for name, (value, values) in known.items()
            if value not in values and (value is not None or name == "metric")
        ]
        if not 1 <= draft.cell.minutes <= MAX_MINUTES:
            faults.append(Fault("minutes", "out_of_range", {"low": 1, "high": MAX_MINUTES}))
    if faults:
        raise Invalid(*faults)


def work(job: Job) -> Mapping[str, Any]:
    """The job: computes and returns the result as plain JSON."""
    told = job.params["draft"]
    cell = WhatIf(**told["cell"]) if told["cell"] else None
    draft = Draft(told["standard"], told["calendar"], told["calendar_version"], cell, told.get("rules", 0))
    since, until = (datetime.fromisoformat(job.params[name]) for name in ("since", "until"))
    try:
        return replay(draft, since, until, job.created_at, beat=lambda: jobs.keep(job))
    except (reader.Missing, spreading.Unusable) as error:
        return {"missing": str(error)}


def terms(draft: Draft, now: datetime) -> Any:
    """What would have held: the draft standard with the calendars in force, one of them perhaps replaced."""
    from jiying.core.fold_log import Terms

    number = draft.standard or documents.in_force("standard", now)[clocks.STANDARD]
    body = documents.get("standard", clocks.STANDARD, number).body
    if draft.cell is not None:
        body = with_cell(body, draft.cell)
    held = {key: clocks.calendar(key, n) for key, n in documents.in_force("calendar", now).items()}
    if draft.calendar:
        drafted = documents.get("calendar", draft.calendar, draft.calendar_version).body
        held[draft.calendar] = compile_calendar(CalendarSpec.from_json(drafted))
    return Terms(parse({**body, "version": number}), held)


def _go_on() -> None:
    """Nobody minds how long it takes."""


def replay(
    draft: Draft,
    since: datetime,
    until: datetime,
    now: datetime,
    portion: int = PORTION,
    beat: Callable[[], None] = _go_on,
) -> dict[str, Any]:
    """Fold every ticket of the period under the draft, and count what really happened to the same tickets.

    `beat` is called now and then where texts are read, and may stop it by raising.
    Raises reader.Missing where there is no columnar copy, spreading.Unusable where the cluster cannot be used.
    """
    begun = time.monotonic()
    held, first = terms(draft, now), _first(draft, since, until, beat)

    def of(copy: Source) -> dict[str, Any]:
        whole = Block(copy, since, until)
        until_s = max(int(now.timestamp()), last_at(copy))
        portions = [
            Portion(block, held, until_s, settings.TIME_ZONE, first and first.between(*block.ids))
            for block in whole.blocks(portion)
        ]
        return joined(spreading.each(piece, portions))

    found = reader.steady(of, since - LATE)
    return {**found, "seconds": round(time.monotonic() - begun, 3)}


def _first(draft: Draft, since: datetime, until: datetime, beat: Callable[[], None]) -> FirstPriorities | None:
    """What tickets begin with, where rules are tried out. Before the fold: the copy's files are not kept for long."""
    if not draft.rules:
        return None
    body = documents.get("priority", priority_rules.KEY, draft.rules).body  # not as kept: drafts are edited
    ids = reader.steady(lambda copy: Block(copy, since, until).tickets(), since - LATE)
    return rejudging.first_priorities(core_priority.parse(body), ids, beat)
