"""Calls as agents see them: who is to be called back, and what stands on a ticket of a call that is on or just over."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from jiying.base.actor import Actor
from jiying.base.errors import Denied, NotFound
from jiying.base.texts import term
from jiying.channels.models import CallBack, Extension, PhoneCall
from jiying.channels.policies import may_see_call_back, may_wrap_up
from jiying.core import masking
from jiying.desk.models import Ticket
from jiying.desk.policies import shows_plain, visible
from jiying.desk.queries.panels import About
from jiying.desk.queries.pills import Face, next_faces
from jiying.desk.queries.rows import masked_name

SHOWN, ENDED_SHOWN = 100, 20
OPEN = (CallBack.State.OPEN, CallBack.State.CLAIMED)
JUST = timedelta(minutes=10)
RECENT = timedelta(hours=12)  # a call that nobody wrapped up is asked about so long


@dataclass(frozen=True, slots=True)
class CallBackRow:
    """Somebody to be called. The number is plain for whoever has claimed them and may see it."""

    id: int
    number: str
    dial: str
    customer: str
    ticket: str
    subject: str
    priority: str
    state: str
    n_calls: int
    n_tries: int
    called_at: datetime
    not_before: datetime | None
    due_at: datetime | None
    claimed_by: str
    ended_at: datetime | None
    is_mine: bool
    may_claim: bool
    may_end: bool
    sees_ticket: bool


@dataclass(frozen=True, slots=True)
class CallBacks:
    items: list[CallBackRow]


@dataclass(frozen=True, slots=True)
class Board:
    """The page: what is to be done by the due time of its ticket, with its clock, and what was done last."""

    open: list[tuple[CallBackRow, Face | None]]
    ended: list[CallBackRow]


def board(actor: Actor, now: datetime) -> Board:
    found = list(_open(actor))
    faces = next_faces("ticket", [row.ticket_id for row in found], now)
    ended = _loaded(_reach(actor).exclude(state__in=OPEN)).order_by("-ended_at", "-pk")[:ENDED_SHOWN]
    sees = _seen(actor, [row.ticket_id for row in found])
    return Board(
        [(_row(actor, row, now, row.ticket_id in sees), faces.get(row.ticket_id)) for row in found],
        [_row(actor, row, now, False) for row in ended],
    )


def call_backs(actor: Actor, now: datetime) -> CallBacks:
    """Those that are open or claimed, by the due time of their tickets."""
    found = list(_open(actor))
    sees = _seen(actor, [row.ticket_id for row in found])
    return CallBacks([_row(actor, row, now, row.ticket_id in sees) for row in found])


def one(actor: Actor, pk: int, now: datetime) -> CallBackRow:
    found = _loaded(CallBack.objects.filter(pk=pk)).first()
    if found is None or not may_see_call_back(actor, found.ticket):
        raise NotFound("call_back", pk)
    return _row(actor, found, now, found.ticket_id in _seen(actor, [found.ticket_id]))


def _open(actor: Actor) -> "QuerySet[CallBack]":
    rows = _loaded(_reach(actor).filter(state__in=OPEN))
    return rows.order_by("ticket__due_order", "called_at", "pk")[:SHOWN]


def _reach(actor: Actor) -> "QuerySet[CallBack]":
    """As `may_see_call_back`, for many."""
    if not actor.rights & {"desk.handle", "desk.assign"}:
        raise Denied("desk.handle")
    if "desk.view_all" in actor.rights:
        return CallBack.objects.all()
    team = Q(ticket__team=None) | Q(ticket__team_id=actor.team_id or 0)
    return CallBack.objects.filter(team | Q(ticket__in=Ticket.objects.filter(visible(actor)).values("pk")))


def _loaded(rows: "QuerySet[CallBack]") -> "QuerySet[CallBack]":
    return rows.select_related("ticket", "customer", "claimed_by").annotate(n_calls=Count("calls"))


def _seen(actor: Actor, ids: list[int]) -> set[int]:
    return set(Ticket.objects.filter(visible(actor), pk__in=ids).values_list("pk", flat=True))


def _row(actor: Actor, row: CallBack, now: datetime, sees_ticket: bool) -> CallBackRow:
    mine = row.state == CallBack.State.CLAIMED and row.claimed_by_id == actor.id
    plain = mine and shows_plain(actor, row.ticket)
    return CallBackRow(
        id=row.pk,
        number=(row.number if plain else masking.phone(row.number)) or "–",
        dial=row.number if plain else "",
        customer=masked_name(row.customer) if row.customer and row.customer.name else "",
        ticket=row.ticket.number,
        subject=row.ticket.subject,
        priority=row.ticket.priority,
        state=str(row.state),
        n_calls=row.n_calls,  # type: ignore[attr-defined]
        n_tries=row.n_tries,
        called_at=row.called_at,
        not_before=row.not_before if row.not_before and row.not_before > now else None,
        due_at=row.ticket.next_due_at,
        claimed_by=row.claimed_by.name if row.claimed_by else "",
        ended_at=row.ended_at,
        is_mine=mine,
        may_claim=row.state == CallBack.State.OPEN and "desk.handle" in actor.rights,
        may_end=row.state == CallBack.State.CLAIMED and (mine or "desk.assign" in actor.rights),
        sees_ticket=sees_ticket,
    )


# --- beside a ticket -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as its ticket and the API show it; never the number."""

    id: int
    ticket: str
    state: str
    direction: str
    agent: str
    queue: str
    begun_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_s: int
    recording_url: str
    result: str
    wrapped_at: datetime | None
    may_wrap_up: bool

    @property
    def to_wrap_up(self) -> bool:
        """Its reader is asked to."""
        return self.state == "talked" and self.wrapped_at is None and self.may_wrap_up


@dataclass(frozen=True, slots=True)
class Calls:
    items: list[CallRow]


def panel(about: About) -> CallRow | None:
    """The call that is on, or that is over and asks its reader to be wrapped up; one query."""
    rows = _of_ticket(about.ticket).filter(Q(state__in=("ringing", "talking")) | Q(state="talked", wrapped_at=None))
    recent = rows.filter(begun_at__gt=about.now - RECENT).order_by("-begun_at", "-pk")
    found = next((_call(about.actor, call) for call in recent[:5]), None)
    return found if found and (found.state != "talked" or found.to_wrap_up) else None


def of_ticket(actor: Actor, ticket: Ticket) -> Calls:
    return Calls([_call(actor, call) for call in _of_ticket(ticket).order_by("begun_at", "pk")])


def call(actor: Actor, pk: int) -> CallRow:
    found = PhoneCall.objects.select_related("ticket", "agent").filter(pk=pk).first()
    seen = found is not None and found.ticket_id is not None and bool(_seen(actor, [found.ticket_id]))
    if found is None or not seen:
        raise NotFound("phone_call", pk)
    return _call(actor, found)


def to_wrap_up(actor: Actor, now: datetime) -> CallRow | None:
    """The latest call that was one's own and just ended, for the form that opens by itself."""
    if actor.id is None:
        return None
    just = now - JUST
    rows = PhoneCall.objects.filter(agent_id=actor.id, state="talked", wrapped_at=None, ended_at__gt=just)
    found = rows.select_related("ticket", "agent").order_by("-ended_at", "-pk").first()
    if found is None or found.ticket_id is None or not _seen(actor, [found.ticket_id]):
        return None
    return _call(actor, found)


def own_extension(actor: Actor) -> str:
    return Extension.objects.filter(person_id=actor.id or 0).values_list("number", flat=True).first() or ""


def _of_ticket(ticket: Ticket) -> "QuerySet[PhoneCall]":
    return PhoneCall.objects.filter(ticket=ticket).select_related("agent", "ticket")


def _call(actor: Actor, call: PhoneCall) -> CallRow:
    return CallRow(
        id=call.pk,
        ticket=call.ticket.number if call.ticket else "",
        state=call.state,
        direction=call.direction,
        agent=call.agent.name if call.agent else "",
        queue=call.queue,
        begun_at=call.begun_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        duration_s=call.duration_s,
        recording_url=call.recording_url,
        result=term("call_result", call.result) if call.result else "",
        wrapped_at=call.wrapped_at,
        may_wrap_up=may_wrap_up(actor, call),
    )
