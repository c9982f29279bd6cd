"""What is known of a clock besides its fold stays with it when late events count it anew: points fired, and causes."""

from datetime import timedelta
from random import Random
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from jiying.base.actor import IMPORT
from jiying.base.models import JournalEntry
from jiying.clocks import queries
from jiying.clocks.models import BreachCause, Clock
from jiying.clocks.services import causes
from jiying.clocks.services.keeping import _withdraw_causes, _write, keep, plan
from jiying.desk.models import Ticket
from jiying.desk.queries.supervise import supervision
from jiying.desk.services import talking
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, sweep


def says(cast: Cast, ticket: Ticket, at: timedelta, now: timedelta | None = None) -> None:
    when = cast.now + (at if now is None else now)
    talking.customer_message(actor=IMPORT, number=ticket.number, body="在吗", at=cast.now + at, now=when)


def answers(cast: Cast, ticket: Ticket, at: timedelta) -> None:
    talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body="好", now=cast.now + at)


def waits(ticket: Ticket) -> list[Clock]:
    rows = Clock.objects.filter(subject_kind="ticket", subject_id=ticket.pk, metric="next_response")
    return list(rows.order_by("seq"))


def cause_of(cast: Cast, clock: Clock, code: str = "lack_of_resources") -> BreachCause:
    lin = cast.actor(cast.lin)
    return causes.name_cause(actor=lin, clock_id=clock.pk, code=code, note="", now=cast.now + 40 * HOUR)


def breaches(ticket: Ticket) -> list[Any]:
    rows = JournalEntry.objects.filter(subject_id=ticket.pk, kind="clock.breached", data__metric="next_response")
    return [row.at for row in rows.order_by("at")]


def test_a_wait_that_comes_to_light_before_another_leaves_that_ones_cause_and_points_alone(cast: Cast) -> None:
    ticket = cast.accepted(priority="P1")
    for at in (MINUTE, 10 * MINUTE):
        answers(cast, ticket, at)
    says(cast, ticket, HOUR)
    sweep(cast.now + 30 * HOUR, "clocks")
    (late,) = waits(ticket)
    cause = cause_of(cast, late)
    told = breaches(ticket)
    says(cast, ticket, 5 * MINUTE, now=31 * HOUR)
    sweep(cast.now + 32 * HOUR, "clocks")
    first, second = waits(ticket)
    assert (first.state, first.fired) == ("met", {})
    assert (second.pk, second.seq, second.state, second.breached_at) == (late.pk, 2, "breached", late.breached_at)
    assert second.cause.pk == cause.pk
    assert breaches(ticket) == told, "nothing is told again"
    assert not JournalEntry.objects.filter(subject_id=ticket.pk, kind="clock.corrected").exists()


def test_a_wait_that_began_earlier_than_known_is_still_that_wait(cast: Cast) -> None:
    ticket = cast.accepted(priority="P1")
    answers(cast, ticket, MINUTE)
    says(cast, ticket, HOUR)
    sweep(cast.now + 30 * HOUR, "clocks")
    (late,) = waits(ticket)
    cause_of(cast, late)
    says(cast, ticket, 30 * MINUTE, now=31 * HOUR)
    (now,) = waits(ticket)
    assert (now.pk, now.cause.code) == (late.pk, "lack_of_resources")
    assert late.breached_at is not None
    assert (now.started_at, now.breached_at) == (cast.now + 30 * MINUTE, late.breached_at - 30 * MINUTE)
    assert JournalEntry.objects.filter(subject_id=ticket.pk, kind="clock.corrected").count() == 1


def test_a_cause_whose_clock_never_was_is_kept_as_withdrawn(cast: Cast) -> None:
    ticket = cast.accepted(priority="P1")
    answers(cast, ticket, MINUTE)
    says(cast, ticket, HOUR)
    sweep(cast.now + 30 * HOUR, "clocks")
    (late,) = waits(ticket)
    cause = cause_of(cast, late)
    facts = _withdraw_causes([late], cast.now)
    _write([], [], [late])
    cause.refresh_from_db()
    assert (cause.clock_id, cause.state) == (None, "withdrawn")
    assert [(f.kind, f.data["code"], f.data["was"]) for f in facts] == [
        ("clock.cause_withdrawn", "lack_of_resources", "named")
    ]


def test_histories_written_in_bulk_learn_what_began_their_clocks(cast: Cast) -> None:
    ticket = cast.accepted(priority="P1")
    answers(cast, ticket, MINUTE)
    says(cast, ticket, HOUR)
    before = {c.pk: (c.metric, c.seq, c.origin) for c in Clock.objects.all()}
    assert all(origin for _m, _s, origin in before.values())
    Clock.objects.update(origin=None)
    keep("ticket", ticket.pk, cast.now + 2 * HOUR)
    assert {c.pk: (c.metric, c.seq, c.origin) for c in Clock.objects.all()} == before


class _Undo(Exception):
    """Leaves an example's transaction without a trace."""


@given(rng=st.randoms(use_true_random=True))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_late_event_loses_a_cause_or_tells_a_breach_twice(cast: Cast, rng: Random) -> None:
    try:
        with transaction.atomic():
            _live(cast, rng)
            raise _Undo
    except _Undo:
        pass


def _live(cast: Cast, rng: Random) -> None:
    """Waits and answers in turn, causes for what is late, and messages that come hours after they were written."""
    ticket, at = cast.accepted(priority="P1"), 0.0
    named: dict[int, str] = {}
    for n in range(rng.randint(4, 12)):
        at += rng.choice([60.0, 900.0, rng.uniform(0, 20_000)])
        move = rng.choice(["says", "answers", "late", "late", "cause", "sweep"])
        note(f"{at} {move}")
        now = timedelta(seconds=at)
        if move == "says":
            says(cast, ticket, now)
        elif move == "answers":
            answers(cast, ticket, now)
        elif move == "late":
            says(cast, ticket, timedelta(seconds=rng.uniform(0, at)), now=now)
        elif move == "sweep":
            sweep(cast.now + now, "clocks")
        elif late := [c for c in waits(ticket) if c.breached_at is not None and not hasattr(c, "cause")]:
            cause = cause_of(cast, rng.choice(late), code="other")
            named[cause.pk] = f"{n}"
            BreachCause.objects.filter(pk=cause.pk).update(note=f"{n}")
    sweep(cast.now + timedelta(seconds=at), "clocks")
    _holds(cast, ticket, timedelta(seconds=at), named)


def _holds(cast: Cast, ticket: Ticket, now: timedelta, named: dict[int, str]) -> None:
    stored = {(c.metric, c.seq): c for c in Clock.objects.filter(subject_kind="ticket", subject_id=ticket.pk)}
    folded = {(c.metric, c.seq): c for c in plan(queries.events_of("ticket", ticket.pk), cast.now + now)}
    assert stored.keys() == folded.keys()
    for key, row in stored.items():
        other = folded[key]
        assert (row.state, row.breached_at, row.origin) == (other.state, other.breached_at, other.origin), key
    causes_now = {c.pk: c for c in BreachCause.objects.all()}
    assert {pk: c.note for pk, c in causes_now.items()} == named, "none lost"
    for cause in causes_now.values():
        withdrawn = JournalEntry.objects.filter(kind="clock.cause_withdrawn", data__cause=cause.pk).exists()
        assert (cause.state == "withdrawn") == (cause.clock_id is None) == withdrawn
    told = JournalEntry.objects.filter(subject_id=ticket.pk, kind="clock.breached").values_list("data", "at")
    seen = [(data.get("clock"), data["metric"], at) for data, at in told if data.get("clock")]
    assert len(seen) == len(set(seen)), "no breach twice"


def test_a_cause_of_a_breach_that_was_taken_back_waits_for_nobody(cast: Cast) -> None:
    """It stays with its clock, should that be late after all, but is on no list of those to be judged."""
    ticket = cast.accepted(priority="P1")
    sweep(cast.now + HOUR, "clocks")
    clock = Clock.objects.get(subject_id=ticket.pk, metric="first_response")
    cause_of(cast, clock)
    lead = cast.actor(cast.wang)
    assert len(supervision(lead, cast.now + HOUR).to_judge) == 1
    Clock.objects.filter(pk=clock.pk).update(breached_at=None, state="met")
    assert supervision(lead, cast.now + HOUR).to_judge == []
