"""The wall board's figures, for screens that are not ours."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from jiying.base.api.wire import actor_of, answer
from jiying.desk.policies import scope
from jiying.insight.queries import wall

router = Router()


@dataclass(frozen=True, slots=True)
class AttainmentRow:
    """Of the clocks that ended in time or passed their due instant today: `met` of `n`."""

    channel: str
    priority: str
    metric: str
    met: int
    n: int


@dataclass(frozen=True, slots=True)
class WallRow:
    """`counts` of open tickets by what presses; each stops at 100,000. `presence`: agents."""

    at: datetime
    counts: dict[str, int]
    attainment: list[AttainmentRow]
    presence: dict[str, int]
    urgent: list[str]


@router.get("/wall", response=WallRow, tags=["insight"])
def wall_board(request: HttpRequest) -> HttpResponse:
    """The wall board: of all tickets, or for a team's supervisor of the team's."""
    board = wall.wall(scope(actor_of(request)), timezone.now())
    shares = [
        AttainmentRow(line.channel, cell.priority, share.metric, share.rate.numerator, share.n)
        for line in board.lines
        for cell in line.cells
        for share in cell.shares
        if share.n
    ]
    row = WallRow(
        board.at,
        {tile.code: tile.n for tile in board.tiles},
        shares,
        dict(board.presence),
        [ticket.number for ticket in board.urgent],
    )
    return answer(row)
