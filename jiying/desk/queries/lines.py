"""Support lines as people see them: what waits for one's line, what one has in hand, what one handed up (D24a)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from jiying.base.actor import Actor
from jiying.base.models import Team
from jiying.core import support_lines as core
from jiying.desk.models import HandUp, TeamLine, Ticket
from jiying.desk.policies import may_handle
from jiying.desk.queries.pills import Face, next_faces
from jiying.desk.queries.rows import TicketRow, rows

KIND = "handup"
OPEN = (HandUp.State.ASKED, HandUp.State.TAKEN)
SHOWN = 100
RECENT = timedelta(days=7)
State = HandUp.State


@dataclass(frozen=True, slots=True)
class Up:
    """A ticket in the hands of a higher line, with its take-in clock and what the reader may do."""

    row: HandUp
    ticket: TicketRow | None
    clock: Face | None
    may_take: bool
    may_back: bool
    may_withdraw: bool


@dataclass(frozen=True, slots=True)
class Board:
    """`line` is that of the reader's own team."""

    line: int
    waiting: list[Up]
    mine: list[Up]
    others: list[Up]  # in hand with colleagues of the same line
    handed_up: list[Up]  # of the reader's own tickets
    done: list[Up]  # of the last days


def board(actor: Actor, now: datetime) -> Board:
    """Everything that concerns the reader, in six queries."""
    concerns = Q(team_id=actor.team_id or 0) | Q(person_id=actor.id) | Q(ticket__assignee_id=actor.id)
    is_fresh = Q(ended_at__isnull=True) | Q(ended_at__gte=now - RECENT)
    found = HandUp.objects.filter(concerns & is_fresh).select_related(
        "team", "person", "asked_by", "ticket__customer", "ticket__assignee"
    )
    ups = _ups(actor, list(found.order_by("-ended_at", "asked_at", "pk")[: SHOWN * 2]), now, with_tickets=True)
    own = TeamLine.objects.filter(team_id=actor.team_id or 0).values_list("line", flat=True).first()
    ours = [up for up in ups if up.row.team_id == actor.team_id and up.row.state in OPEN]
    return Board(
        line=own or 1,
        waiting=sorted((u for u in ours if u.row.state == State.ASKED), key=lambda u: u.row.asked_at),
        mine=[u for u in ours if u.row.state == State.TAKEN and u.row.person_id == actor.id],
        others=[u for u in ours if u.row.state == State.TAKEN and u.row.person_id != actor.id],
        handed_up=[u for u in ups if u.row.state in OPEN and u not in ours],
        done=[u for u in ups if u.row.state not in OPEN],
    )


def of_ticket(actor: Actor, ticket: Ticket, now: datetime) -> list[Up]:
    """All that was handed up of one ticket, oldest first."""
    found = HandUp.objects.filter(ticket=ticket).select_related("team", "person", "asked_by", "ticket")
    return _ups(actor, list(found.order_by("asked_at", "pk")), now, with_tickets=False)


def _ups(actor: Actor, found: Sequence[HandUp], now: datetime, *, with_tickets: bool) -> list[Up]:
    faces = next_faces(KIND, [up.pk for up in found if up.state == State.ASKED], now)
    shown = {row.id: row for row in rows([up.ticket for up in found], now)} if with_tickets else {}
    return [_up(actor, up, shown.get(up.ticket_id), faces.get(up.pk)) for up in found]


def _up(actor: Actor, row: HandUp, ticket: TicketRow | None, clock: Face | None) -> Up:
    handles = "desk.handle" in actor.rights
    return Up(
        row=row,
        ticket=ticket,
        clock=clock,
        may_take=row.state == State.ASKED and handles and actor.team_id == row.team_id,
        may_back=row.state == State.TAKEN and (row.person_id == actor.id or "desk.assign" in actor.rights),
        may_withdraw=row.state in OPEN and may_handle(actor, row.ticket),
    )


# --- for the setup and the API ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LineRow:
    team: str
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class LineRuleRow:
    event: str
    category: str
    type: str
    priority: str
    level: int
    team: str


@dataclass(frozen=True, slots=True)
class Lines:
    teams: list[LineRow]
    rules: list[LineRuleRow]


def lines(found: Collection[core.UpRule]) -> Lines:
    """Every team with its line, and the rules."""
    teams = Team.objects.order_by("name").values_list("code", "name", "support_line__line")
    return Lines(
        teams=[LineRow(code, name, line or 1) for code, name, line in teams],
        rules=[LineRuleRow(r.event, r.category, r.type, r.priority, r.level, r.team) for r in found],
    )


@dataclass(frozen=True, slots=True)
class HandUpRow:
    """A hand-up over the API; `rule` is the event whose rule made it, empty where a person did."""

    id: int
    ticket: str
    team: str
    line: int
    reason: str
    rule: str
    state: str
    asked_at: datetime
    person: int | None
    taken_at: datetime | None
    answer: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class HandUps:
    items: list[HandUpRow]


def hand_up(pk: int) -> HandUpRow:
    """A hand-up as it is now, for somebody who was just allowed to do something to it."""
    return _api_row(HandUp.objects.select_related("ticket", "team").get(pk=pk))


def open_hand_ups(actor: Actor) -> HandUps:
    """What waits for the caller's line or is in its hands, and what is up of the caller's own tickets."""
    concerns = Q(team_id=actor.team_id or 0) | Q(person_id=actor.id) | Q(ticket__assignee_id=actor.id)
    found = HandUp.objects.filter(concerns, ended_at__isnull=True).select_related("ticket", "team")
    return HandUps([_api_row(up) for up in found.order_by("asked_at", "pk")[:SHOWN]])


def _api_row(up: HandUp) -> HandUpRow:
    return HandUpRow(
        id=up.pk,
        ticket=up.ticket.number,
        team=up.team.code,
        line=up.line,
        reason=up.reason,
        rule=up.rule,
        state=str(up.state),
        asked_at=up.asked_at,
        person=up.person_id,
        taken_at=up.taken_at,
        answer=up.answer,
        ended_at=up.ended_at,
    )
