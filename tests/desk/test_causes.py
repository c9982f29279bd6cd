"""Why a promise was broken (D8): named by the agent, judged by a supervisor, never about a promise that was kept."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import JournalEntry
from jiying.clocks.models import BreachCause, Clock
from jiying.clocks.services.causes import approve_cause, name_cause
from jiying.desk.services import talking
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, everything, sweep, ticket_in


@pytest.fixture
def codes() -> tuple[str, str]:
    from jiying.base import texts

    first, second, *_rest = texts.TERMS["cause"]
    return first, second


@pytest.fixture
def late(cast: Cast) -> Clock:
    """Lin's resolution that is an hour late."""
    ticket = ticket_in(cast, "in_progress", priority="P1")
    sweep(cast.now + 5 * HOUR)
    return Clock.objects.get(subject_id=ticket.pk, metric="resolution")


def test_the_agent_names_the_lead_approves(cast: Cast, late: Clock, codes: tuple[str, str]) -> None:
    now = cast.now + 6 * HOUR
    name_cause(actor=cast.actor(cast.lin), clock_id=late.pk, code=codes[0], note="系统慢", now=now)
    cause = approve_cause(actor=cast.actor(cast.wang), clock_id=late.pk, code=codes[0], note="", now=now + MINUTE)
    assert (cause.state, cause.named_by, cause.approved_by, cause.note) == ("approved", cast.lin, cast.wang, "系统慢")
    facts = JournalEntry.objects.filter(kind__startswith="clock.cause").order_by("pk")
    assert [(f.kind, f.actor_id) for f in facts] == [
        ("clock.cause_named", cast.lin.pk),
        ("clock.cause_judged", cast.wang.pk),
    ]


def test_the_lead_puts_another_in_its_place_and_that_stays(cast: Cast, late: Clock, codes: tuple[str, str]) -> None:
    now = cast.now + 6 * HOUR
    lin = cast.actor(cast.lin)
    name_cause(actor=lin, clock_id=late.pk, code=codes[0], note="", now=now)
    name_cause(actor=lin, clock_id=late.pk, code=codes[0], note="补充", now=now)  # one's own word may be mended
    cause = approve_cause(actor=cast.actor(cast.wang), clock_id=late.pk, code=codes[1], note="", now=now)
    assert (cause.state, cause.code) == ("corrected", codes[1])
    with pytest.raises(Conflict) as refused:
        name_cause(actor=lin, clock_id=late.pk, code=codes[0], note="", now=now)
    assert refused.value.faults[0].code == "cause_judged"
    assert BreachCause.objects.get().code == codes[1]


def test_who_may_not(cast: Cast, late: Clock, codes: tuple[str, str]) -> None:
    before = everything()
    about: dict[str, Any] = {"clock_id": late.pk, "code": codes[0], "note": "", "now": cast.now + 6 * HOUR}
    for person in (cast.zhao, cast.he, cast.chen, cast.manager):
        with pytest.raises((Denied, NotFound)):
            name_cause(actor=cast.actor(person), **about)
    for person in (cast.lin, cast.zhao, cast.chen):
        with pytest.raises((Denied, NotFound)):
            approve_cause(actor=cast.actor(person), **about)
    assert everything() == before


def test_a_promise_that_was_kept_has_no_cause(cast: Cast, codes: tuple[str, str]) -> None:
    ticket = ticket_in(cast, "in_progress", priority="P1")
    met = Clock.objects.get(subject_id=ticket.pk, metric="first_response")
    with pytest.raises(Conflict) as refused:
        name_cause(actor=cast.actor(cast.lin), clock_id=met.pk, code=codes[0], note="", now=cast.now)
    assert refused.value.faults[0].code == "not_breached"


def test_bad_codes_missing_causes_and_missing_clocks(cast: Cast, late: Clock, codes: tuple[str, str]) -> None:
    lin, wang, now = cast.actor(cast.lin), cast.actor(cast.wang), cast.now + 6 * HOUR
    with pytest.raises(Invalid):
        name_cause(actor=lin, clock_id=late.pk, code="weather", note="", now=now)
    with pytest.raises(Conflict) as refused:
        approve_cause(actor=wang, clock_id=late.pk, code=codes[0], note="", now=now)
    assert refused.value.faults[0].code == "cause_missing"
    with pytest.raises(NotFound):
        name_cause(actor=lin, clock_id=late.pk + 999, code=codes[0], note="", now=now)


def test_the_verdict_is_read_under_the_lock(
    cast: Cast, late: Clock, codes: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A priority lowered while the form was on its way: the clock is not late any more when the cause arrives."""
    from jiying.base import subjects

    kind = subjects.kind("ticket")

    def lock(ids: Collection[int], skip_locked: bool) -> Mapping[int, Any]:
        Clock.objects.filter(pk=late.pk).update(breached_at=None, state="running")  # what the holder wrote meanwhile
        return kind.lock(ids, skip_locked)

    monkeypatch.setitem(subjects.KINDS, "ticket", replace(kind, lock=lock))
    with pytest.raises(Conflict):
        name_cause(actor=cast.actor(cast.lin), clock_id=late.pk, code=codes[0], note="", now=cast.now + 6 * HOUR)


def test_a_cause_changes_no_clock(cast: Cast, late: Clock, codes: tuple[str, str]) -> None:
    name_cause(actor=cast.actor(cast.lin), clock_id=late.pk, code=codes[0], note="", now=cast.now + 6 * HOUR)
    number = Clock.objects.get(pk=late.pk)
    talking.note(actor=cast.actor(cast.lin), number=_number(late), body="x", now=cast.now + 6 * HOUR)
    assert BreachCause.objects.filter(clock=number).exists()
    assert Clock.objects.get(pk=late.pk).breached_at == late.breached_at


def _number(clock: Clock) -> str:
    from jiying.desk.models import Ticket

    return Ticket.objects.get(pk=clock.subject_id).number
