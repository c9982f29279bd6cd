"""The page of a department that is asked: who sees what, its verbs, its figures with what stands behind, the API."""

from datetime import timedelta

import pytest

from jiying.alerts.models import Alert
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import Department, JournalEntry, Person, Role
from jiying.clocks.models import Clock
from jiying.desk.models import Collaboration
from jiying.desk.queries import asked as queries
from jiying.desk.queries.asked import Wanted
from jiying.desk.services import collaboration, responding
from tests.cast import Cast
from tests.contracts.test_query_budget import n_queries
from tests.desk.stage import HOUR, MINUTE, ask, everything, facts_of, sweep, ticket_in

WHERE = "/asked/"


@pytest.fixture
def rd(cast: Cast) -> Department:
    return Department.objects.get_or_create(code="rd", defaults={"name": "研发部"})[0]


def colleague(cast: Cast, name: str = "he2") -> Person:
    person = Person.objects.create_person(name, None, name=f"何{name[-1]}", department=cast.logistics)
    person.roles.add(Role.objects.get(code="responder"))
    return person


def clock_of(found: Collaboration) -> Clock:
    return Clock.objects.get(subject_kind="collaboration", subject_id=found.pk)


def told(kind: str) -> set[str]:
    return set(Alert.objects.filter(kind=kind, state="new").values_list("person__username", flat=True))


def test_a_question_is_told_to_the_department_and_stands_on_its_page(cast: Cast) -> None:
    found = ask(cast, ticket_in(cast, "in_progress"))
    assert told("collaboration.new") == {cast.he.username}
    page = cast.client(cast.he).get(WHERE)
    assert page.status_code == 200
    assert found.question in page.content.decode()
    assert cast.client(cast.he).get("/").headers["Location"] == WHERE  # it is where a responder begins
    collaboration.answer(actor=cast.actor(cast.he), collaboration_id=found.pk, answer="在路上", now=cast.now + MINUTE)
    assert told("collaboration.new") == set()


def test_declined_with_its_reason_the_clock_stops_and_the_ticket_goes_on(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    found = ask(cast, ticket, hold_ticket=True)
    he = cast.actor(cast.he)
    with pytest.raises(Invalid):
        responding.decline(actor=he, collaboration_id=found.pk, reason=" ", now=cast.now + MINUTE)
    responding.decline(actor=he, collaboration_id=found.pk, reason="不归物流", now=cast.now + MINUTE)
    found.refresh_from_db()
    ticket.refresh_from_db()
    assert (found.state, found.answer, clock_of(found).state) == ("declined", "不归物流", "met")
    assert ticket.status == "in_progress"
    assert told("collaboration.declined") == {cast.lin.username}
    assert facts_of(ticket)[-2:] == ["collaboration_answered", "resumed"]
    with pytest.raises(Conflict):
        responding.decline(actor=he, collaboration_id=found.pk, reason="再来", now=cast.now + 2 * MINUTE)


def test_handed_on_the_other_department_has_a_clock_of_its_own_and_the_ticket_still_waits(
    cast: Cast, rd: Department
) -> None:
    ticket = ticket_in(cast, "in_progress")
    found = ask(cast, ticket, hold_ticket=True)
    new = responding.hand_on(
        actor=cast.actor(cast.he), collaboration_id=found.pk, department="rd", note="像是设备问题", now=cast.now + HOUR
    )
    found.refresh_from_db()
    ticket.refresh_from_db()
    assert (found.state, clock_of(found).state, clock_of(found).ended_at) == ("handed_on", "met", cast.now + HOUR)
    assert (new.department, new.asked_by, clock_of(new).started_at) == (rd, cast.lin, cast.now + HOUR)
    assert found.question in new.question and "像是设备问题" in new.question
    assert (ticket.status, ticket.waiting_for) == ("waiting", "department")
    with pytest.raises(Invalid):
        responding.hand_on(
            actor=cast.actor(cast.sup), collaboration_id=new.pk, department="rd", note="x", now=cast.now + HOUR
        )


def test_who_answers_and_who_helps_are_named_and_told(cast: Cast) -> None:
    other, third = colleague(cast), colleague(cast, "he3")
    found = ask(cast, ticket_in(cast, "in_progress"))
    responding.name_people(
        actor=cast.actor(cast.he), collaboration_id=found.pk, person_id=cast.he.pk, helper_ids=[other.pk], now=cast.now
    )
    found.refresh_from_db()
    assert (found.person, found.helpers) == (cast.he, [other.pk])
    [fact] = JournalEntry.objects.filter(subject_kind="collaboration", kind="collaboration.named")
    assert fact.data["helpers"] == [other.pk]
    sweep(cast.now + 2 * HOUR)
    late = set(
        Alert.objects.filter(kind__startswith="clock.", capacity="responder").values_list("person__username", flat=True)
    )
    assert late == {"he", "he2"} and third.username not in late
    before = everything()
    with pytest.raises(Invalid):  # of another department
        responding.name_people(
            actor=cast.actor(cast.he), collaboration_id=found.pk, person_id=cast.lin.pk, now=cast.now
        )
    assert everything() == before


def test_only_the_department_and_who_assigns_may(cast: Cast) -> None:
    found = ask(cast, ticket_in(cast, "in_progress"))
    before = everything()
    for person in (cast.lin, cast.chen, cast.zhao, cast.manager):
        actor = cast.actor(person)
        with pytest.raises((Denied, NotFound)):
            responding.decline(actor=actor, collaboration_id=found.pk, reason="x", now=cast.now)
        with pytest.raises((Denied, NotFound)):
            responding.name_people(actor=actor, collaboration_id=found.pk, person_id=None, now=cast.now)
    assert everything() == before
    assert cast.client(cast.lin).get(WHERE).status_code == 403
    assert cast.client(cast.he).get(f"{WHERE}?department=service").status_code == 404
    assert cast.client(cast.sup).get(f"{WHERE}?department=logistics").status_code == 200


def test_filters_and_what_stands_behind_a_figure(cast: Cast) -> None:
    met, late, waits = (ask(cast, ticket_in(cast, "in_progress", subject=f"第 {n} 张")) for n in range(3))
    he = cast.actor(cast.he)
    collaboration.answer(actor=he, collaboration_id=met.pk, answer="好", now=cast.now + MINUTE)
    sweep(cast.now + 2 * HOUR)
    collaboration.answer(actor=he, collaboration_id=late.pk, answer="晚了", now=cast.now + 3 * HOUR)
    now = cast.now + 4 * HOUR

    def shown(**wanted: str) -> list[int]:
        return [one.row.pk for one in queries.board(he, cast.logistics, Wanted(**wanted), now).items]

    assert (shown(), shown(show="late"), shown(show="answered")) == ([waits.pk], [waits.pk], [late.pk, met.pk])
    [figure] = queries.figures(cast.logistics, now)
    assert (figure.n_met, figure.n_late, figure.rate) == (1, 2, 1 / 3)
    assert shown(row=figure.row, verdict="met") == [met.pk]
    assert shown(row=figure.row, verdict="late") == [waits.pk, late.pk]
    board = queries.board(he, cast.logistics, Wanted(), now)
    assert (board.n_open, board.n_late, board.items[0].is_late) == (1, 1, True)


def test_pages_of_what_was_answered(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    he, found = cast.actor(cast.he), []
    for n in range(5):
        one = ask(cast, ticket_in(cast, "in_progress", subject=f"第 {n} 张"))
        collaboration.answer(actor=he, collaboration_id=one.pk, answer="好", now=cast.now + MINUTE)
        found.append(one.pk)
    seen, cursor = [], ""
    for _page in range(4):
        board = queries.board(he, cast.logistics, Wanted(show="answered", cursor=cursor), cast.now + HOUR)
        seen += [one.row.pk for one in board.items]
        cursor = board.next
        if not cursor:
            break
    assert seen == found[::-1]


@pytest.mark.usefixtures("still")
def test_its_cost_does_not_grow(cast: Cast) -> None:
    ask(cast, ticket_in(cast, "in_progress"))
    few = n_queries(cast, cast.he, WHERE)
    for n in range(12):
        ask(cast, ticket_in(cast, "in_progress", subject=f"第 {n} 张"))
    assert n_queries(cast, cast.he, WHERE) <= few <= 24


def test_without_a_department_and_without_questions_the_page_says_what_to_do(cast: Cast) -> None:
    assert cast.client(cast.he).get(WHERE).status_code == 200
    lone = Person.objects.create_person("lone", None, name="单")
    lone.roles.add(Role.objects.get(code="responder"))
    assert cast.client(lone).get(WHERE).status_code == 200


def test_forms_and_api_do_the_same(cast: Cast, rd: Department) -> None:
    first, second, third = (ask(cast, ticket_in(cast, "in_progress", subject=f"第 {n} 张")) for n in range(3))
    browser, api = cast.client(cast.he), cast.api(cast.he, "desk.answer")
    for verb in ("decline", "hand-on", "people"):
        assert browser.get(f"/asked/{first.pk}/{verb}").status_code == 200
    assert browser.post(f"/asked/{first.pk}/people", {"person": cast.he.pk, "next": WHERE}).status_code == 302
    assert browser.post(f"/asked/{first.pk}/decline", {"reason": "", "next": WHERE}).status_code == 422
    assert browser.post(f"/asked/{first.pk}/decline", {"reason": "不归", "next": WHERE}).status_code == 302
    assert (
        browser.post(f"/asked/{second.pk}/hand-on", {"department": "rd", "note": "x", "next": WHERE}).status_code == 302
    )
    listed = api.get("/api/v1/collaborations").json()
    assert [row["collaboration"]["id"] for row in listed["items"]] == [third.pk]
    url = f"/api/v1/collaborations/{third.pk}"
    named = api.post(f"{url}/people", {"person": cast.he.pk}, content_type="application/json").json()
    assert named["person"]["id"] == cast.he.pk
    new = api.post(f"{url}/hand-on", {"department": "rd", "note": "请看"}, content_type="application/json").json()
    assert (new["department"], new["state"]) == ("rd", "asked")
    assert Collaboration.objects.get(pk=third.pk).answered_at is not None
    assert timedelta(0) <= Collaboration.objects.get(pk=new["id"]).asked_at - third.asked_at
