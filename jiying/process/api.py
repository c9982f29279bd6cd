"""The map of the real process for programs: the same figures as the page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Id, actor_of, answer
from jiying.base.errors import Conflict, Fault, Invalid, NotFound
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.policies import scope
from jiying.process.queries import status
from jiying.process.queries.asked import Wanted, days_of
from jiying.process.queries.data import as_data
from jiying.process.queries.tickets import cases
from jiying.process.services import maps
from jiying.warehouse.reader import Missing

router = Router(tags=["process"])
Level = Literal["stages", "facts", "log"]
Day = Annotated[str, StringConstraints(max_length=10, pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Days = Annotated[int, Field(ge=0, le=3650)]
Source = Annotated[str, StringConstraints(max_length=40, pattern=r"^[^\x00]*$")]
Of = Annotated[str, StringConstraints(max_length=400, pattern=r"^[a-z0-9:,]*$")]
Channel = Literal["", *CHANNELS]  # type: ignore[valid-type]
Priority = Literal["", *PRIORITIES]  # type: ignore[valid-type]


@dataclass(frozen=True, slots=True)
class Seconds:
    """`saved_s`: what would be saved if none took longer than the median one."""

    n: int
    total_s: int
    median_s: int
    p90_s: int
    saved_s: int


@dataclass(frozen=True, slots=True)
class StepRow:
    """`work` is null where no working time is known."""

    name: str
    n: int
    n_cases: int
    n_first: int
    n_last: int
    work: Seconds | None


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """`source` and `target` are places in `activities`."""

    source: int
    target: int
    wait: Seconds


@dataclass(frozen=True, slots=True)
class VariantRow:
    path: list[int]
    n: int
    n_cases: int
    total_s: int


@dataclass(frozen=True, slots=True)
class ReworkRow:
    activity: int
    n_cases: int
    n_repeats: int
    n_self: int
    loop_s: int


@dataclass(frozen=True, slots=True)
class HandoverRow:
    """`key` opens its tickets (`of`), `key_back` those that came straight back; empty where none did."""

    source: str
    target: str
    n: int
    wait_s: int
    n_back: int
    back_s: int
    key: str
    key_back: str


@dataclass(frozen=True, slots=True)
class BottleneckRow:
    """`share` of the time of all cases; kinds overlap, so that shares do not add. `key` opens its tickets (`of`)."""

    kind: Literal["wait", "work", "rework", "bounce"]
    source: str
    target: str
    n: int
    saved_s: int
    share: float
    key: str


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    n_cases: int
    n_events: int
    n_variants: int
    duration: Seconds | None
    wait_s: int
    work_s: int
    activities: list[StepRow]
    edges: list[EdgeRow]
    variants: list[VariantRow]
    rework: list[ReworkRow]
    people: list[HandoverRow]
    groups: list[HandoverRow]
    bottlenecks: list[BottleneckRow]


@dataclass(frozen=True, slots=True)
class StageNowRow:
    """Open tickets in a stage, and how many of them are late."""

    stage: str
    n: int
    n_late: int


@dataclass(frozen=True, slots=True)
class MapRow:
    """`state`: ready; pending (the worker is at it: ask again in some seconds); missing (`text` says why)."""

    state: Literal["ready", "pending", "missing"]
    text: str
    at: datetime | None
    now: list[StageNowRow]
    map: ProcessFigures | None


@dataclass(frozen=True, slots=True)
class ProcessTicketRow:
    number: str
    subject: str
    status: str
    received_at: datetime
    ended_at: datetime | None


class MapAsked(Body):
    """Tickets received in the last `days` (0: ever), or `from` a day `to` a day."""

    level: Level = "stages"
    days: Days = 30
    channel: Channel = ""
    priority: Priority = ""
    team: Id | None = None
    source: Source = ""
    first: Day = Field("", alias="from")
    last: Day = Field("", alias="to")

    def wanted(self) -> Wanted:
        """Raises Invalid."""
        faults: list[Fault] = []
        given = {"from": self.first, "to": self.last}
        first, last = days_of(given, timezone.now(), faults) if self.first or self.last else ("", "")
        if faults:
            raise Invalid(*faults)
        days = 0 if first else self.days
        return Wanted(self.level, days, self.channel, self.priority, self.team, self.source, first, last)


class MapFigureAsked(MapAsked):
    of: Of = ""


@router.get("/process/map", response=MapRow)
def process_map(request: HttpRequest, asked: Query[MapAsked]) -> HttpResponse:
    """How tickets received in a period went: steps, waits, variants, rework, hand-overs, bottlenecks.
    Of all tickets, or for a team's supervisor of the team's."""
    part, wanted = scope(actor_of(request)), asked.wanted()
    state, text, found = _found(part, wanted)
    told: dict[str, Any] | None = as_data(found.map) if found else None
    now = [StageNowRow(one.stage, one.n, one.n_late) for one in status.now_in(part, wanted)]
    return answer({"state": state, "text": text, "at": found.at if found else None, "now": now, "map": told})


@router.get("/process/map/tickets", response=list[ProcessTicketRow])
def process_tickets(request: HttpRequest, asked: Query[MapFigureAsked]) -> HttpResponse:
    """The tickets behind a figure, the slowest first, at most 100: `of` is `edge:A:B`, `step:A`, `again:A` (done again)
    or `path:A,B,…`, by places in `activities`, or the `key` of a hand-over or bottleneck. 404 for a figure that the map
    has not, 409 where there is no columnar copy to make a map from."""
    part = scope(actor_of(request))
    state, text, found = _found(part, asked.wanted())
    if state == "missing":
        raise Conflict.one("no_copy", why=text)
    if found is None or asked.of not in found.behind:
        raise NotFound("figure", asked.of)
    rows = cases(part, found.behind[asked.of])
    return answer(
        [ProcessTicketRow(row.number, row.subject, row.status, row.received_at, row.ended_at) for row in rows]
    )


def _found(part: Any, wanted: Wanted) -> tuple[str, str, maps.Found | None]:
    try:
        found = maps.find(part, wanted, timezone.now())
    except Missing as missing:
        return "missing", missing.text, None
    return ("ready" if found else "pending"), "", found
