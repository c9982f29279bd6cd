"""Replays for other systems: started here, computed by the worker, read until `state` is done."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field

from jiying.base.api.wire import Body, Id, Instant, Key, Version, actor_of, answer
from jiying.core.standards.what_if import Cell
from jiying.insight.queries import replays
from jiying.insight.services import replaying, sharing


class SendIn(Body):
    """`person`: somebody who may see these figures; `note`: a word with it."""

    person: Id
    note: Annotated[str, Field(max_length=sharing.NOTE)] = ""


router = Router(tags=["insight"])


class CellIn(Body):
    """One promise changed; without channel or priority, of all."""

    channel: Literal["phone", "chat", "email", "social", "web", "other"] | None = None
    priority: Literal["P1", "P2", "P3", "P4"] | None = None
    metric: Literal["accept", "first_response", "next_response", "update", "resolution", "resolution_total"]
    minutes: Annotated[int, Field(ge=1, le=replaying.MAX_MINUTES)]


class ReplayIn(Body):
    """Tickets received from `since` up to before `until`; without `standard`, the one in force; without `rules` (a
    version of the priority rules, a draft too), with the priorities that they had."""

    since: Instant
    until: Instant
    standard: Version | None = None
    calendar: Key | None = None
    calendar_version: Version | None = None
    cell: CellIn | None = None
    rules: Version | None = None

    def draft(self) -> replaying.Draft:
        cell = self.cell
        changed = Cell(cell.channel, cell.priority, cell.metric, cell.minutes) if cell else None
        versions = self.standard or 0, self.calendar or "", self.calendar_version or 0
        return replaying.Draft(*versions, changed, self.rules or 0)


@router.post("/replays", response={201: replays.ReplayRow})
def start_replay(request: HttpRequest, payload: ReplayIn) -> HttpResponse:
    """Try out a standard, a calendar, priority rules or one changed promise on a period; nothing is changed by it."""
    since: datetime = payload.since
    now = timezone.now()
    actor = actor_of(request)
    made = replaying.start(actor=actor, draft=payload.draft(), since=since, until=payload.until, now=now)
    return answer(replays.of(actor, made.pk), 201, {"Location": f"/api/v1/replays/{made.pk}"})


@router.post("/replays/{replay_id}/send", response={204: None})
def send_replay(request: HttpRequest, replay_id: Id, payload: SendIn) -> HttpResponse:
    """To somebody who may see such figures: a pop-up, and a mail with the workbook."""
    person, note = payload.person, payload.note
    sharing.send_replay(actor=actor_of(request), replay_id=replay_id, person_id=person, note=note, now=timezone.now())
    return HttpResponse(status=204)


@router.get("/replays/{replay_id}", response=replays.ReplayRow)
def get_replay(request: HttpRequest, replay_id: Id) -> HttpResponse:
    """Its figures, of what the caller may see."""
    return answer(replays.of(actor_of(request), replay_id))
