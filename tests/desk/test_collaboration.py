"""Questions to departments (D6): a clock of their own, a ticket that waits and wakes, and who may ask and answer."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jiying.alerts.models import Alert
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import Department, Job, JournalEntry, Person
from jiying.clocks.models import Clock
from jiying.clocks.services import redating
from jiying.desk.models import Collaboration, Ticket
from jiying.desk.services import collaboration, handling, talking
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE, ask, at_once, everything, facts_of, sweep, ticket_in


def clock_of(found: Collaboration) -> Clock:
    return Clock.objects.get(subject_kind="collaboration", subject_id=found.pk)


def answer(cast: Cast, found: Collaboration, after: timedelta = MINUTE) -> Collaboration:
    return collaboration.answer(
        actor=cast.actor(cast.he), collaboration_id=found.pk, answer="在路上", now=cast.now + after
    )


@pytest.mark.parametrize(
    ("department", "kind", "after"),
    [("logistics", "question", HOUR), ("rd", "defect", 24 * HOUR), ("rd", "joint", 2 * HOUR), ("rd", "x", 24 * HOUR)],
)
def test_its_standard_gives_the_target(cast: Cast, department: str, kind: str, after: timedelta) -> None:
    Department.objects.get_or_create(code="rd", defaults={"name": "研发部"})
    found = ask(cast, ticket_in(cast, "in_progress"), department=department, kind=kind)
    assert (clock_of(found).state, clock_of(found).due_at) == ("running", cast.now + after)


def test_the_answer_stops_the_clock_and_wakes_the_ticket(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", priority="P1")
    found = ask(cast, ticket, hold_ticket=True)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.waiting_for) == ("waiting", "department")
    answer(cast, found, 30 * MINUTE)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.waiting_for) == ("in_progress", "")
    assert (clock_of(found).state, clock_of(found).ended_at) == ("met", cast.now + 30 * MINUTE)
    resolution = Clock.objects.get(subject_kind="ticket", subject_id=ticket.pk, metric="resolution")
    assert resolution.due_at == cast.now + 4 * HOUR + 30 * MINUTE
    assert facts_of(ticket)[-4:] == ["collaboration_asked", "held", "collaboration_answered", "resumed"]


def test_it_wakes_when_nothing_that_it_waits_for_is_open(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    first, second = ask(cast, ticket, hold_ticket=True), ask(cast, ticket, hold_ticket=True)
    third = ask(cast, ticket)  # asked by the way: nobody waits for it
    answer(cast, first)
    assert Ticket.objects.get(pk=ticket.pk).status == "waiting"
    collaboration.withdraw(actor=cast.actor(cast.lin), collaboration_id=second.pk, now=cast.now + 2 * MINUTE)
    assert Ticket.objects.get(pk=ticket.pk).status == "in_progress"
    third.refresh_from_db()
    assert third.state == "asked"


def test_a_ticket_that_waits_for_its_customer_is_not_woken_by_a_department(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    found = ask(cast, ticket)
    talking.reply(actor=SYSTEM, number=ticket.number, body="请发图", hold_for="customer", now=cast.now)
    answer(cast, found)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.waiting_for) == ("waiting", "customer")


def test_an_answer_after_closing_is_kept_and_changes_nothing_else(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    found = ask(cast, ticket)
    handling.resolve(actor=SYSTEM, number=ticket.number, now=cast.now)
    handling.close(actor=SYSTEM, number=ticket.number, now=cast.now)
    answer(cast, found, 2 * HOUR)
    ticket.refresh_from_db()
    assert (ticket.status, clock_of(found).state) == ("closed", "breached")


def test_only_the_department_or_a_supervisor_answers(cast: Cast) -> None:
    found = ask(cast, ticket_in(cast, "in_progress"))
    cast.zhao.department = None
    cast.zhao.save()
    other = Person.objects.create_person(
        "rd1", name="研发", department=Department.objects.create(code="rd", name="研发部")
    )
    other.roles.set(cast.he.roles.all())
    before = everything()
    for person in (cast.lin, cast.zhao, cast.chen, other):
        with pytest.raises((Denied, NotFound)):
            collaboration.answer(actor=cast.actor(person), collaboration_id=found.pk, answer="x", now=cast.now)
    assert everything() == before
    collaboration.answer(actor=cast.actor(cast.wang), collaboration_id=found.pk, answer="代答", now=cast.now)


def test_only_who_handles_the_ticket_asks_and_takes_back(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    found = ask(cast, ticket)
    before = everything()
    for person in (cast.he, cast.chen, cast.zhao):
        with pytest.raises((Denied, NotFound)):
            collaboration.withdraw(actor=cast.actor(person), collaboration_id=found.pk, now=cast.now)
        with pytest.raises((Denied, NotFound)):
            collaboration.ask(
                actor=cast.actor(person), number=ticket.number, department="logistics", question="?", now=cast.now
            )
    assert everything() == before


@pytest.mark.parametrize(
    ("values", "field"),
    [({"department": "moon"}, "department"), ({"question": " "}, "question"), ({"question": "x" * 20_001}, "question")],
)
def test_bad_questions_are_refused_whole(cast: Cast, values: dict[str, str], field: str) -> None:
    ticket = ticket_in(cast, "in_progress")
    before = everything()
    with pytest.raises(Invalid) as refused:
        ask(cast, ticket, **values)
    assert [f.field for f in refused.value.faults] == [field]
    assert everything() == before


def test_somebody_of_another_department_cannot_be_asked_for_it(cast: Cast) -> None:
    with pytest.raises(Invalid):
        ask(cast, ticket_in(cast, "in_progress"), person_id=cast.zhao.pk)


def test_two_answers_at_once_give_one(live_cast: Cast) -> None:
    found = ask(live_cast, ticket_in(live_cast, "in_progress"), hold_ticket=True)
    results = at_once([lambda: answer(live_cast, found)] * 3)
    assert sorted(type(r).__name__ for r in results) == ["Collaboration", "Conflict", "Conflict"], results
    assert all(r.faults[0].code == "already_answered" for r in results if isinstance(r, Conflict))
    assert JournalEntry.objects.filter(kind="collaboration.answered").count() == 1
    assert JournalEntry.objects.filter(kind="ticket.resumed").count() == 1


def test_the_department_is_told_and_when_late_the_asker_too(cast: Cast) -> None:
    found = ask(cast, ticket_in(cast, "in_progress"))
    sweep(cast.now + 30 * MINUTE)
    of_question = Alert.objects.filter(subject_kind="collaboration")
    assert {a.person for a in of_question} == {cast.he}
    sweep(cast.now + HOUR)
    assert {a.person for a in of_question.filter(kind="clock.due")} == {cast.he, cast.lin, cast.wang}
    answer(cast, found, 61 * MINUTE)
    assert not of_question.filter(state__in=("new", "seen")).exists()


@pytest.mark.usefixtures("still")
def test_many_late_questions_cost_no_query_each(cast: Cast) -> None:
    """Who is told is found for a batch at once."""
    from jiying.base.subjects import Point
    from jiying.desk.services import telling

    ticket = ticket_in(cast, "in_progress")
    asked = [ask(cast, ticket).pk for _n in range(6)]
    held = collaboration.lock_many(asked, False)  # as the sweep has them
    points = [
        Point(clock_of(q).pk, "collaboration", pk, "collaboration", 1, "due", cast.now, cast.now)
        for pk, q in held.items()
    ]
    with CaptureQueriesContext(connection) as seen:
        found = telling.collaboration_recipients(held, points)
    assert len(found) == 6
    assert len(seen) <= 4


def test_redating_locks_no_ticket_while_it_holds_questions(cast: Cast) -> None:
    """Who answers locks the ticket, then the question: a job that did it the other way would wait in a ring."""
    ask(cast, ticket_in(cast, "in_progress", priority="P1"))
    job = Job(kind="redate", params={"kind": "calendar", "key": "24x7", "number": 2}, cursor={})
    kinds = []
    real = redating._redate

    def spy(name: str, *rest: object) -> int:
        kinds.append(name)
        return real(name, *rest)  # type: ignore[arg-type]

    _second_version("24x7", cast)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redating, "_redate", spy)
        n_steps = 1
        while not redating.step(job, cast.now + MINUTE):
            n_steps += 1
    assert sorted(kinds) == ["collaboration", "ticket"]
    assert n_steps == 3
    assert set(
        Clock.objects.filter(calendar="24x7").exclude(ended_at__isnull=False).values_list("calendar_version", flat=True)
    ) == {2}


def _second_version(key: str, cast: Cast) -> None:
    from jiying.base import documents
    from jiying.base.models import VersionedDocument

    first = documents.get("calendar", key, 1)
    VersionedDocument.objects.create(
        kind="calendar", key=key, number=2, body=first.body, state="approved", effective_from=cast.now
    )
    documents.forget()
