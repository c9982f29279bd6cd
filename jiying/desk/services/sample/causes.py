"""Why promises were broken in the made-up past: agents named most causes, team leaders judged most of those (D8)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.models import Person
from jiying.clocks.models import BreachCause, Clock
from jiying.desk.models import Ticket
from jiying.desk.services.holding import KIND
from jiying.desk.services.sample.staff import Staff
from jiying.desk.services.sample.words import CAUSES

NAMED, JUDGED, CORRECTED = 0.8, 0.75, 0.12
State = BreachCause.State


def explain(rng: Random, staff: Staff, now: datetime) -> int:
    """Give breached clocks of tickets their causes; returns how many."""
    people = {p.pk: p for p in Person.objects.all()}
    late = Clock.objects.filter(subject_kind=KIND, breached_at__isnull=False, ended_at__isnull=False).order_by("pk")
    tickets = {
        pk: (people[who], team)
        for pk, who, team in Ticket.objects.filter(assignee__isnull=False).values_list("pk", "assignee_id", "team_id")
    }
    rows: list[BreachCause] = []
    facts: list[tuple[Actor, journal.Fact]] = []
    for clock in late.filter(metric__in=("accept", "first_response", "next_response", "resolution")):
        if clock.subject_id in tickets and rng.random() < NAMED:
            agent, team = tickets[clock.subject_id]
            cause = _named(rng, clock, agent, now)
            rows.append(cause)
            facts += _told(clock, cause, agent, staff.leads.get(team or 0, staff.supervisor), rng, now)
    BreachCause.objects.bulk_create(rows)
    journal.record_each(facts, now=now)
    return len(rows)


def _named(rng: Random, clock: Clock, agent: Person, now: datetime) -> BreachCause:
    drawn = rng.choices(CAUSES, [c.weight for c in CAUSES])[0]
    at = min(now, (clock.ended_at or now) + timedelta(minutes=rng.randrange(3, 300)))
    return BreachCause(clock=clock, code=drawn.code, note=drawn.note, named_by=agent, named_at=at)


def _told(
    clock: Clock, cause: BreachCause, agent: Person, lead: Person, rng: Random, now: datetime
) -> Iterator[tuple[Actor, journal.Fact]]:
    """The facts of naming and judging; the row is brought to its end."""
    yield _fact(clock, "clock.cause_named", agent, cause.named_at, {"code": cause.code})
    judged_at = cause.named_at + timedelta(hours=rng.randrange(1, 30))
    if judged_at > now or rng.random() > JUDGED:
        return
    cause.state = State.APPROVED
    if rng.random() < CORRECTED:
        others: Sequence[str] = [c.code for c in CAUSES if c.code != cause.code]
        cause.state, cause.code = State.CORRECTED, rng.choice(others)
    cause.approved_by, cause.approved_at = lead, judged_at
    yield _fact(clock, "clock.cause_judged", lead, judged_at, {"code": cause.code, "state": str(cause.state)})


def _fact(clock: Clock, kind: str, who: Person, at: datetime, data: dict[str, str]) -> tuple[Actor, journal.Fact]:
    about = {"clock": clock.pk, "metric": clock.metric, "seq": clock.seq, **data}
    return Actor("person", who.pk, who), journal.Fact(clock.subject_kind, clock.subject_id, kind, at, about)
