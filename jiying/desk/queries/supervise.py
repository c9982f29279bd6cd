"""The supervisor's desk: what is not accepted, late, soon due or waiting, each with who and why; the agents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet

from jiying.base.actor import Actor
from jiying.base.models import JournalEntry
from jiying.base.texts import term
from jiying.clocks.models import BreachCause, Clock
from jiying.desk.models import Ticket
from jiying.desk.policies import visible
from jiying.desk.queries import people
from jiying.desk.queries.pills import next_faces
from jiying.desk.queries.rows import TicketRow, row, with_people
from jiying.desk.queries.work import SOON

SHOWN = 30


@dataclass(frozen=True, slots=True)
class Watched:
    """A ticket that needs a supervisor's eye; `why` are words, `causes` those of its late clocks."""

    row: TicketRow
    why: str
    causes: tuple["LateClock", ...] = ()


@dataclass(frozen=True, slots=True)
class LateClock:
    """A clock that was late: its cause may be missing, named, approved or corrected."""

    id: int
    metric: str
    breached_at: datetime | None
    cause: BreachCause | None


@dataclass(frozen=True, slots=True)
class Supervision:
    unaccepted: list[Watched]
    breached: list[Watched]
    soon: list[Watched]
    queue: list[Watched]
    to_judge: list[Watched]
    agents: list[people.Agent]


def supervision(actor: Actor, now: datetime) -> Supervision:
    """All sections at once: their tickets' clocks, reasons and causes are read together, not one by one."""
    parts = {name: list(with_people(found)[:SHOWN]) for name, found in _sections(actor, now).items()}
    tickets = {t.pk: t for part in parts.values() for t in part}
    faces = next_faces("ticket", list(tickets), now)
    whys, late = _whys(list(tickets)), _late(list(tickets))
    watched = {pk: Watched(row(t, faces.get(pk)), whys.get(pk, ""), late.get(pk, ())) for pk, t in tickets.items()}
    return Supervision(
        agents=people.watched(actor), **{name: [watched[t.pk] for t in part] for name, part in parts.items()}
    )


def _sections(actor: Actor, now: datetime) -> dict[str, QuerySet[Ticket]]:
    seen = Ticket.objects.filter(visible(actor))
    still_open = seen.filter(ended_at__isnull=True)
    late_accept = Clock.objects.filter(
        subject_kind="ticket", metric="accept", state=Clock.State.BREACHED, ended_at__isnull=True
    )
    named = BreachCause.objects.filter(
        state=BreachCause.State.NAMED, clock__subject_kind="ticket", clock__breached_at__isnull=False
    )
    return {
        "unaccepted": still_open.filter(
            status__in=("new", "assigned"), pk__in=late_accept.values("subject_id")
        ).order_by("next_due_at", "pk"),
        "breached": still_open.filter(is_late=True).order_by("next_due_at", "pk"),
        "soon": still_open.filter(next_due_at__gt=now, next_due_at__lte=now + SOON).order_by("next_due_at", "pk"),
        "queue": still_open.filter(assignee__isnull=True, status="new").order_by(
            F("next_due_at").asc(nulls_last=True), "pk"
        ),
        "to_judge": seen.filter(pk__in=named.values("clock__subject_id")).order_by("-received_at", "-pk"),
    }


def _whys(ids: Sequence[int]) -> dict[int, str]:
    """Why each ticket is with whom it is: the latest assignment's deciding step, in one query."""
    entries = JournalEntry.objects.filter(
        subject_kind="ticket", subject_id__in=ids, kind__in=("ticket.assigned", "ticket.queued")
    )
    found: dict[int, str] = {}
    for pk, data in entries.order_by("at", "id").values_list("subject_id", "data"):
        why = data.get("why") or data
        found[pk] = term("decided_by", why.get("decided_by", ""))
    return found


def _late(ids: Sequence[int]) -> dict[int, tuple[LateClock, ...]]:
    """The late clocks of tickets with their causes, in one query."""
    found: dict[int, tuple[LateClock, ...]] = {}
    clocks = Clock.objects.filter(subject_kind="ticket", subject_id__in=ids, breached_at__isnull=False)
    for clock in clocks.select_related("cause").order_by("breached_at"):
        late = LateClock(clock.pk, clock.metric, clock.breached_at, getattr(clock, "cause", None))
        found[clock.subject_id] = (*found.get(clock.subject_id, ()), late)
    return found
