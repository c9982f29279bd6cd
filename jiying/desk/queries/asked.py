"""The page of a department that is asked (D6, C6a): what waits, what was answered, and how its promises were kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from jiying.base import cursors, roster
from jiying.base.actor import Actor
from jiying.base.errors import Denied, NotFound
from jiying.base.models import Department
from jiying.clocks.models import Clock
from jiying.clocks.queries import evidence
from jiying.desk.models import Collaboration
from jiying.desk.policies import speaks_for
from jiying.desk.queries import tickets_api
from jiying.desk.queries.pills import Face, next_faces
from jiying.desk.queries.rows import TicketRow, rows

KIND = "collaboration"
RIGHT, ALL = "desk.answer", "desk.view_all"
OPEN, LATE, ANSWERED = "open", "late", "answered"
SHOWN = (OPEN, LATE, ANSWERED)
MET, BREACHED = "met", "late"
PERIOD = timedelta(days=30)
PAGE, MOST = 50, 300
State = Collaboration.State


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a department's questions: a state, or what stands behind a figure (`row` and `verdict`)."""

    show: str = OPEN
    row: str = ""
    verdict: str = ""
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its ticket, clock and people; `is_late`: its promise was or is broken."""

    row: Collaboration
    ticket: TicketRow
    clock: Face | None
    is_late: bool
    owner: str
    helpers: tuple[str, ...]
    may_answer: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A promise of the department and how it was kept in the last 30 days; `kind` is empty for all others."""

    row: str
    kind: str
    n_met: int
    n_late: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class Board:
    department: Department
    items: list[Asked]
    next: str
    n_open: int
    n_late: int
    figures: list[Figure]


def departments(actor: Actor) -> list[Department]:
    """Whose page the actor may read: the own department's, with the right to see all tickets everybody's."""
    if ALL in actor.rights:
        return list(Department.objects.order_by("name"))
    if RIGHT not in actor.rights:
        raise Denied(RIGHT)
    return list(Department.objects.filter(pk=actor.department_id or 0))


def department(actor: Actor, code: str) -> Department | None:
    """The one that was asked for, else the own one, else the first; None for who belongs to none."""
    found = departments(actor)
    if code:
        one = next((row for row in found if row.code == code), None)
        if one is None:
            raise NotFound("department", code)
        return one
    return next((row for row in found if row.pk == actor.department_id), found[0] if found else None)


def board(actor: Actor, of: Department, wanted: Wanted, now: datetime) -> Board:
    """As many queries for any number of questions."""
    found, after = _page(of, wanted, now)
    return Board(
        department=of,
        items=_asked(actor, found, now),
        next=after,
        n_open=_open(of).count(),
        n_late=_late(of).count(),
        figures=figures(of, now),
    )


def figures(of: Department, now: datetime) -> list[Figure]:
    """By kind of request, as the department's standard tells them apart."""
    kept = evidence.by_place(of.code, now - PERIOD, now, metric=KIND)
    found = []
    for row, one in sorted(kept.items()):
        kind = row.partition("/")[2]
        found.append(Figure(row, "" if kind == "*" else kind, one.n_met, one.n_breached, one.rate))
    return found


# --- which -----------------------------------------------------------------------------------------------------------


def _open(of: Department) -> "QuerySet[Collaboration]":
    return Collaboration.objects.filter(department=of, state=State.ASKED)


def _late(of: Department) -> "QuerySet[Clock]":
    ids = _open(of).values("pk")
    return Clock.objects.filter(
        subject_kind=KIND, subject_id__in=ids, metric=KIND, breached_at__isnull=False, ended_at__isnull=True
    )


def _page(of: Department, wanted: Wanted, now: datetime) -> tuple[list[Collaboration], str]:
    """What is open, all of it by due time; what is done by pages, the latest first."""
    if not wanted.verdict and wanted.show in (OPEN, LATE):
        rows_ = _open(of)
        if wanted.show == LATE:
            rows_ = rows_.filter(pk__in=_late(of).values("subject_id"))
        return list(_loaded(rows_).order_by("asked_at", "pk")[:MOST]), ""
    rows_ = Collaboration.objects.filter(department=of)
    if wanted.verdict:
        rows_ = rows_.filter(pk__in=_behind(wanted, now))
    else:
        rows_ = rows_.filter(state__in=(State.ANSWERED, State.DECLINED, State.HANDED_ON))
    if wanted.cursor:
        micros, pk = cursors.decode("asked", wanted.cursor, 2)
        at = cursors.instant(micros or 0)
        rows_ = rows_.filter(Q(asked_at__lt=at) | Q(asked_at=at, pk__lt=pk or 0))
    found = list(_loaded(rows_).order_by("-asked_at", "-pk")[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return found[:PAGE], cursors.encode("asked", cursors.micros(last.asked_at), last.pk) if last else ""


def _behind(wanted: Wanted, now: datetime) -> "QuerySet[Clock, int]":
    """The questions behind a figure of attainment."""
    since = now - PERIOD
    verdict = Q(breached_at__gte=since, breached_at__lt=now)
    if wanted.verdict == MET:
        verdict = Q(state=Clock.State.MET, ended_at__gte=since, ended_at__lt=now)
    return Clock.objects.filter(verdict, subject_kind=KIND, metric=KIND, row=wanted.row).values_list(
        "subject_id", flat=True
    )


def _loaded(rows_: "QuerySet[Collaboration]") -> "QuerySet[Collaboration]":
    return rows_.select_related(
        "department", "asked_by", "answered_by", "ticket__customer", "ticket__assignee", "ticket__team"
    )


# --- as rows ---------------------------------------------------------------------------------------------------------


def _asked(actor: Actor, found: Sequence[Collaboration], now: datetime) -> list[Asked]:
    ids = [one.pk for one in found]
    faces = next_faces(KIND, ids, now)
    late = set(
        Clock.objects.filter(subject_kind=KIND, subject_id__in=ids, metric=KIND, breached_at__isnull=False).values_list(
            "subject_id", flat=True
        )
    )
    tickets = {row.id: row for row in rows([one.ticket for one in found], now)}
    made = [_one(actor, one, tickets, faces.get(one.pk), one.pk in late) for one in found]
    if any(one.row.state != State.ASKED for one in made):
        return made
    return sorted(made, key=lambda one: (one.clock is None or one.clock.due is None, one.clock.due if one.clock else 0))


def _one(
    actor: Actor, row: Collaboration, tickets: Mapping[int, TicketRow], clock: Face | None, is_late: bool
) -> Asked:
    return Asked(
        row=row,
        ticket=tickets[row.ticket_id],
        clock=clock if row.state == State.ASKED else None,
        is_late=is_late,
        owner=_name(row.person_id),
        helpers=tuple(_name(one) for one in row.helpers),
        may_answer=row.state == State.ASKED and speaks_for(actor, row),
    )


def _name(person_id: int | None) -> str:
    found = roster.person(person_id)
    return found.name if found else ""


# --- for the API -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskedRow:
    ticket: str
    subject: str
    priority: str
    is_late: bool
    collaboration: tickets_api.CollaborationRow


@dataclass(frozen=True, slots=True)
class AskedRows:
    """What a department is asked; `figures` are its attainment of the last 30 days by kind of request."""

    department: str
    n_open: int
    n_late: int
    items: list[AskedRow]
    figures: list[Figure]
    next: str | None


def api_rows(actor: Actor, of: Department, wanted: Wanted, now: datetime) -> AskedRows:
    found = board(actor, of, wanted, now)
    told = tickets_api.collaborations([one.row for one in found.items])
    return AskedRows(
        department=of.code,
        n_open=found.n_open,
        n_late=found.n_late,
        items=[
            AskedRow(one.ticket.number, one.ticket.subject, one.ticket.priority, one.is_late, row)
            for one, row in zip(found.items, told, strict=True)
        ],
        figures=found.figures,
        next=found.next or None,
    )
