"""Support lines over the API: hand up, take in, hand back; and who stands on which line."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Id, Key, actor_of, answer
from jiying.base.policies import require
from jiying.core.support_lines import MAX_RULES
from jiying.desk.api import schemas as s
from jiying.desk.queries import lines as queries
from jiying.desk.services import line_setup
from jiying.desk.services import lines as services

router = Router(tags=["support lines"])
Level = Annotated[int, Field(ge=0, le=3)]


class HandUpIn(Body):
    """`team` is the code of a team of a higher line."""

    team: Key
    reason: s.Reason


class HandBackIn(Body):
    answer: s.Said


class LineIn(Body):
    team: Key
    line: Annotated[int, Field(ge=1, le=3)]


class LineRuleIn(Body):
    """A ticket that fits goes up to `team` after the event; an empty field fits everything."""

    event: Literal["opened", "escalated", "reopened", "late"]
    team: Key
    category: Annotated[str, StringConstraints(max_length=120)] = ""
    type: s.Type | Literal[""] = ""
    priority: s.Priority | Literal[""] = ""
    level: Level = 0


class LineRulesIn(Body):
    rules: Annotated[list[LineRuleIn], Field(max_length=MAX_RULES)]


@router.post("/tickets/{number}/hand-up", response={201: queries.HandUpRow})
def hand_up_ticket(request: HttpRequest, number: s.Number, payload: HandUpIn) -> HttpResponse:
    """Give a ticket to a higher line; its agent stays responsible."""
    found = services.hand_up(
        actor=actor_of(request), number=number, team=payload.team, reason=payload.reason, now=timezone.now()
    )
    return answer(queries.hand_up(found.pk), 201)


@router.get("/hand-ups", response=queries.HandUps)
def list_hand_ups(request: HttpRequest) -> HttpResponse:
    """What waits for one's own line or is in its hands, and what is up of one's own tickets."""
    require(actor_of(request), "desk.handle")
    return answer(queries.open_hand_ups(actor_of(request)))


@router.post("/hand-ups/{hand_up_id}/take-in", response=queries.HandUpRow)
def take_in(request: HttpRequest, hand_up_id: Id) -> HttpResponse:
    """Somebody of the higher line takes it in."""
    services.take_in(actor=actor_of(request), hand_up_id=hand_up_id, now=timezone.now())
    return answer(queries.hand_up(hand_up_id))


@router.post("/hand-ups/{hand_up_id}/hand-back", response=queries.HandUpRow)
def hand_back(request: HttpRequest, hand_up_id: Id, payload: HandBackIn) -> HttpResponse:
    """The higher line answers; the first line is told."""
    services.hand_back(actor=actor_of(request), hand_up_id=hand_up_id, answer=payload.answer, now=timezone.now())
    return answer(queries.hand_up(hand_up_id))


@router.post("/hand-ups/{hand_up_id}/withdraw", response=queries.HandUpRow)
def withdraw_hand_up(request: HttpRequest, hand_up_id: Id) -> HttpResponse:
    """The first line takes it back."""
    services.withdraw(actor=actor_of(request), hand_up_id=hand_up_id, now=timezone.now())
    return answer(queries.hand_up(hand_up_id))


@router.get("/support-lines", response=queries.Lines, tags=["ticket setup"])
def get_support_lines(request: HttpRequest) -> HttpResponse:
    """Teams with their lines, and the rules by which tickets go up."""
    require(actor_of(request), "desk.handle")
    return answer(queries.lines(line_setup.rules(timezone.now())))


@router.put("/support-lines/team", response=queries.Lines, tags=["ticket setup"])
def set_support_line(request: HttpRequest, payload: LineIn) -> HttpResponse:
    """Put a team on a line."""
    line_setup.set_line(actor=actor_of(request), team=payload.team, line=payload.line, now=timezone.now())
    return answer(queries.lines(line_setup.rules(timezone.now())))


@router.put("/support-lines/rules", response=queries.Lines, tags=["ticket setup"])
def set_support_line_rules(request: HttpRequest, payload: LineRulesIn) -> HttpResponse:
    """Other rules, in force from now on."""
    line_setup.save_rules(actor=actor_of(request), body=payload.dict(), now=timezone.now())
    return answer(queries.lines(line_setup.rules(timezone.now())))
