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
from jiying.desk.queries import filters, in_hand, ordered, people
from jiying.desk.queries.pills import next_faces
from jiying.desk.queries.rows import TicketRow, row, with_people

SHOWN = 30
MOST_TEAMS = 40
MOST_TO_JUDGE = 2000


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
    cards: list[in_hand.Card]
    topics: str  # doorbells of the teams that are watched


def supervision(actor: Actor, now: datetime, opened: Sequence[int] = ()) -> Supervision:
    """All sections at once: their tickets' clocks, reasons and causes are read together, not one by one."""
    parts = _sections(actor, now)
    wanted = sorted({pk for part in parts.values() for pk in part})
    tickets = ordered.loaded(with_people(Ticket.objects.all()), wanted)
    ids = [t.pk for t in tickets]
    faces, whys, late = next_faces("ticket", ids, now), _whys(ids), _late(ids)
    watched = {t.pk: Watched(row(t, faces.get(t.pk)), whys.get(t.pk, ""), late.get(t.pk, ())) for t in tickets}
    return Supervision(
        cards=in_hand.cards(actor, opened, now),
        topics=_topics(actor),
        **{name: [watched[pk] for pk in part if pk in watched] for name, part in parts.items()},
    )


def _topics(actor: Actor) -> str:
    """Own team, or with the right to see all every team, as far as one stream may listen."""
    if "desk.view_all" in actor.rights:
        return " ".join(f"team:{team.pk}" for team in people.teams()[:MOST_TEAMS])
    return f"team:{actor.team_id}" if actor.team_id else ""


def _sections(actor: Actor, now: datetime) -> dict[str, list[int]]:
    """Ids of each section's first tickets."""
    late_accept = Clock.objects.filter(
        subject_kind="ticket",
        subject_id=OuterRef("pk"),
        metric="accept",
        state=Clock.State.BREACHED,
        ended_at__isnull=True,
    )
    passed = Q(due_order__lte=now)  # a late clock's due time counts first: the index by state is read no further
    sections = {
        "unaccepted": [passed & Q(Exists(late_accept), status=status) for status in ("new", "assigned")],
        "breached": [filters.viewed("late", actor, now)],
        "soon": [filters.viewed("due_soon", actor, now)],
        "queue": [Q(assignee__isnull=True, status="new")],
    }
    ways = reach(actor)
    parts = {
        name: ordered.by_due([way & cut for way in ways for cut in cuts], SHOWN) for name, cuts in sections.items()
    }
    to_judge = Q(pk__in=_with_named_causes())
    return {**parts, "to_judge": ordered.by_receipt([way & to_judge for way in ways], SHOWN)}


def _with_named_causes() -> list[int]:
    """Tickets whose cause waits for a judgement, the latest named first: read apart, or all tickets would be walked."""
    named = BreachCause.objects.filter(state=BreachCause.State.NAMED).order_by("-named_at", "-pk")
    clocks = list(named.values_list("clock_id", flat=True)[:MOST_TO_JUDGE])
    late = Clock.objects.filter(pk__in=clocks, subject_kind="ticket", breached_at__isnull=False)
    return list(late.values_list("subject_id", flat=True))


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
