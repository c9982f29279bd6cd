"""The supervisor's desk: what is not accepted, late, soon due or waiting, each with who and why; the agents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from jiying.base.actor import Actor
from jiying.base.models import JournalEntry
from jiying.base.texts import term
from jiying.clocks.models import BreachCause, Clock
from jiying.desk.models import Ticket
from jiying.desk.policies import reach
from jiying.desk.queries import lists, ordered, people
from jiying.desk.queries.pills import next_faces
from jiying.desk.queries.rows import TicketRow, row, with_people

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
    parts = _sections(actor, now)
    wanted = sorted({pk for part in parts.values() for pk in part})
    tickets = ordered.loaded(with_people(Ticket.objects.all()), wanted)
    ids = [t.pk for t in tickets]
    faces, whys, late = next_faces("ticket", ids, now), _whys(ids), _late(ids)
    watched = {t.pk: Watched(row(t, faces.get(t.pk)), whys.get(t.pk, ""), late.get(t.pk, ())) for t in tickets}
    return Supervision(
        agents=people.watched(actor),
        **{name: [watched[pk] for pk in part if pk in watched] for name, part in parts.items()},
    )


def _sections(actor: Actor, now: datetime) -> dict[str, list[int]]:
    """Ids of each section's first tickets."""
    late_accept = Clock.objects.filter(
        subject_kind="ticket",
        subject_id=OuterRef("pk"),
        metric="accept",
        state=Clock.State.BREACHED,
        ended_at__isnull=True,
    )
    late = lists.viewed("late", actor, now)
    sections = {
        "unaccepted": [late & Q(Exists(late_accept), status=status) for status in ("new", "assigned")],
        "breached": [late],
        "soon": [lists.viewed("due_soon", actor, now)],
        "queue": [Q(assignee__isnull=True, status="new")],
    }
    ways = reach(actor)
    parts = {
        name: ordered.by_due([way & cut for way in ways for cut in cuts], SHOWN, undated=name == "queue")
        for name, cuts in sections.items()
    }
    named = BreachCause.objects.filter(
        state=BreachCause.State.NAMED, clock__subject_kind="ticket", clock__breached_at__isnull=False
    )
    to_judge = Q(pk__in=named.values("clock__subject_id"))
    return {**parts, "to_judge": ordered.by_receipt([way & to_judge for way in ways], SHOWN)}


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
