"""Why a clock was late (D8): named by the agent, judged by a supervisor."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import StringConstraints

from jiying.base.api.wire import Body, Id, Prose, actor_of, answer
from jiying.clocks.models import BreachCause
from jiying.clocks.services import causes

router = Router(tags=["clocks"])


class CauseIn(Body):
    """`code`: incomplete_information, complex_process, lack_of_resources, wrong_priority, clumsy_system …"""

    code: Annotated[str, StringConstraints(max_length=30)]
    note: Prose = ""


@dataclass(frozen=True, slots=True)
class CauseOut:
    clock: int
    code: str
    note: str
    state: str
    named_at: datetime
    approved_at: datetime | None


def _row(clock_id: int, cause: BreachCause) -> CauseOut:
    return CauseOut(clock_id, cause.code, cause.note, cause.state, cause.named_at, cause.approved_at)


@router.post("/clocks/{clock_id}/cause", response=CauseOut)
def name_cause(request: HttpRequest, clock_id: Id, payload: CauseIn) -> HttpResponse:
    """Name the cause of a breached clock."""
    cause = causes.name_cause(
        actor=actor_of(request), clock_id=clock_id, code=payload.code, note=payload.note, now=timezone.now()
    )
    return answer(_row(clock_id, cause))


@router.post("/clocks/{clock_id}/cause/approve", response=CauseOut)
def approve_cause(request: HttpRequest, clock_id: Id, payload: CauseIn) -> HttpResponse:
    """Approve the named cause, or put another in its place."""
    cause = causes.approve_cause(
        actor=actor_of(request), clock_id=clock_id, code=payload.code, note=payload.note, now=timezone.now()
    )
    return answer(_row(clock_id, cause))
