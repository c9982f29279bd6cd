"""Surveys after closing: who is asked, the customer's page, one answer, call-backs, figures, erasure, rights."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jiying.alerts.models import Alert
from jiying.base import connections, due, journal, subjects, tails
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import Connection, Job, JournalEntry
from jiying.channels.models import Chat
from jiying.channels.queries import chat
from jiying.channels.services import chatting, portal
from jiying.clocks.models import Clock
from jiying.clocks.services.firing import fire
from jiying.core.surveys import drawn as draws
from jiying.desk.models import Customer, Message, Ticket
from jiying.desk.queries import publicity
from jiying.desk.services import handing_out, handling, talking
from jiying.desk.services import privacy as desk_privacy
from jiying.desk.services.customers import CustomerData
from jiying.quality.models import Callback, Survey, SurveyDesign
from jiying.quality.queries import callbacks as callback_queries
from jiying.quality.queries import figures, links, surveys
from jiying.quality.services import answering, asking, callbacks, designs
from jiying.quality.services.answering import Given
from jiying.quality.services.designs import DesignData
from tests.cast import Cast

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def switch_on(cast: Cast, **changed: Any) -> SurveyDesign:
    row = SurveyDesign.objects.get(code="closing")
    values = {"code": "closing", "name_zh": "结案满意度", "active": True, "quiet_days": 0, **changed}
    return designs.save(actor=SYSTEM, data=DesignData(**values), revision=row.revision, now=cast.now)


def close(cast: Cast, n: int = 1, **fields: Any) -> Ticket:
    customer = CustomerData(name=f"张三{n}", phone=f"1381234{n:04d}")
    ticket = cast.accepted(subject="充电宝不充电", customer=customer, **fields)
    lin = cast.actor(cast.lin)
    handling.resolve(actor=lin, number=ticket.number, now=cast.now)
    return handling.confirm(actor=lin, number=ticket.number, now=cast.now)


def work(now: datetime) -> None:
    """What the worker does within a second: the reader of the journal, then the sweep."""
    while journal.sequence():
        pass
    tails.catch_up(asking.READER)
    due.run(due.SWEEPS["surveys"], now)


def asked(cast: Cast, n: int = 1, **fields: Any) -> Survey:
    ticket = close(cast, n, **fields)
    work(cast.now)
    return Survey.objects.get(ticket=ticket)


def give(survey: Survey, score: int, now: datetime, **more: Any) -> Survey:
    actor = Actor("customer", survey.ticket.customer_id)
    return answering.answer(actor=actor, number=survey.ticket.number, given=Given(score, **more), now=now)


@pytest.fixture
def on(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """The shipped survey in use; the reader's clock is the cast's."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: cast.now)
    switch_on(cast)
    return cast


# --- who is asked ----------------------------------------------------------------------------------------------------


def test_nobody_is_asked_before_a_survey_is_switched_on(cast: Cast) -> None:
    close(cast)
    work(cast.now)
    assert not Survey.objects.exists()


def test_after_closing_the_customer_is_asked_once_however_often_it_is_read(on: Cast) -> None:
    ticket = close(on)
    work(on.now)
    survey = Survey.objects.get()
    assert (survey.ticket_id, survey.state, survey.agent_id) == (ticket.pk, "open", on.lin.pk)
    assert survey.expires_at == on.now + 7 * DAY
    tails.put(asking.READER, 0)  # killed before it could note its place
    work(on.now)
    assert Survey.objects.count() == 1
    assert JournalEntry.objects.filter(kind="ticket.survey_asked").count() == 1


def test_cancelled_merged_anonymous_and_imported_tickets_are_not_asked_about(on: Cast) -> None:
    lin, wang = on.actor(on.lin), on.actor(on.wang)
    customer = CustomerData(name="李四", phone="13900000001")
    one, two = on.accepted(customer=customer), on.accepted(customer=customer)
    handling.cancel(actor=wang, number=one.number, reason="广告", now=on.now)
    handling.merge(actor=wang, number=two.number, into=on.accepted(customer=customer).number, now=on.now)
    nobody = on.accepted()
    handling.resolve(actor=lin, number=nobody.number, now=on.now)
    handling.confirm(actor=lin, number=nobody.number, now=on.now)
    ahead = on.accepted(customer=customer)
    Ticket.objects.filter(pk=ahead.pk).update(source="event:erp")
    handling.resolve(actor=lin, number=ahead.number, now=on.now)
    handling.confirm(actor=lin, number=ahead.number, now=on.now)
    work(on.now)
    assert not Survey.objects.exists()
    history = close(on, 7)
    entry = JournalEntry.objects.filter(subject_id=history.pk, kind="ticket.confirmed").get()
    entry.recorded_at = entry.at + 3 * DAY
    assert asking._is_history(entry)


def test_a_design_chooses_tickets_and_draws_its_share(on: Cast) -> None:
    switch_on(on, channels=("chat",), share=100)
    close(on, 1)
    work(on.now)
    assert not Survey.objects.exists()
    switch_on(on, share=1)
    tickets = [close(on, n) for n in range(2, 8)]
    work(on.now)
    drawn = {ticket.pk for ticket in tickets if draws(ticket.number, 1)}
    assert set(Survey.objects.values_list("ticket_id", flat=True)) == drawn


def test_no_customer_is_asked_twice_within_the_quiet_days(on: Cast) -> None:
    switch_on(on, quiet_days=30)
    first, second = close(on, 1), close(on, 1)
    assert first.customer_id == second.customer_id
    work(on.now)
    assert list(Survey.objects.values_list("ticket_id", flat=True)) == [first.pk]


def test_a_delay_plans_and_the_sweep_opens_reminds_and_ends(on: Cast) -> None:
    switch_on(on, delay_h=2, tells=True, reminder_h=24, expires_days=3)
    ticket = close(on)
    work(on.now)
    assert Survey.objects.get().state == "planned"
    assert surveys.invitation(ticket, on.now) is None
    opened = on.now + 2 * HOUR
    due.run(due.SWEEPS["surveys"], opened)
    survey = Survey.objects.get()
    assert (survey.state, survey.wake_at) == ("open", opened + DAY)
    said = Message.objects.get(ticket=ticket, by="auto")
    assert links.path(survey) in said.body and said.kind == "reply"
    due.run(due.SWEEPS["surveys"], opened + DAY)
    assert Message.objects.filter(ticket=ticket, by="auto").count() == 2
    due.run(due.SWEEPS["surveys"], opened + DAY)
    assert Message.objects.filter(ticket=ticket, by="auto").count() == 2
    due.run(due.SWEEPS["surveys"], opened + 3 * DAY)
    assert Survey.objects.get().state == "expired"
    with pytest.raises(Conflict):
        give(Survey.objects.get(), 5, opened + 3 * DAY)


def test_a_public_thread_is_never_sent_the_customers_own_link(on: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    switch_on(on, tells=True)
    ticket = close(on)
    monkeypatch.setattr(publicity, "TELLERS", [lambda pk: pk == ticket.pk])
    work(on.now)
    assert Survey.objects.get().state == "open"
    assert not Message.objects.filter(ticket=ticket, by="auto").exists()


def test_a_reopened_ticket_withdraws_its_survey_and_asks_anew_when_it_is_closed_again(on: Cast) -> None:
    survey, lin = asked(on), on.actor(on.lin)
    handling.reopen(actor=on.actor(on.wang), number=survey.ticket.number, reason="没解决", now=on.now)
    path = links.path(survey)
    work(on.now)
    survey.refresh_from_db()
    assert (survey.state, survey.wake_at) == ("withdrawn", None)
    assert Client().get(path).status_code == 404
    handling.resolve(actor=lin, number=survey.ticket.number, now=on.now)
    handling.confirm(actor=lin, number=survey.ticket.number, now=on.now)
    work(on.now)
    survey.refresh_from_db()
    assert survey.state == "open"


def test_an_answer_stays_when_the_ticket_goes_on(on: Cast) -> None:
    survey = give(asked(on), 4, on.now)
    handling.reopen(actor=on.actor(on.wang), number=survey.ticket.number, reason="没解决", now=on.now)
    work(on.now)
    survey.refresh_from_db()
    assert (survey.state, survey.score) == ("answered", 4)


# --- the customer's page ---------------------------------------------------------------------------------------------


def _portal_path(cast: Cast, ticket: Ticket) -> str:
    url = portal.address(actor=cast.actor(cast.lin), number=ticket.number)
    return re.sub(r"^https?://[^/]+", "", url)


def test_the_customer_answers_by_the_link_without_an_account(on: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jiying.quality.pages.answer.timezone.now", lambda: on.now)
    survey, customer = asked(on), Client()
    page = customer.get(_portal_path(on, survey.ticket)).content.decode()
    path = links.path(survey)
    assert f"{path}?score=4" in page
    form = customer.get(f"{path}?score=4")
    assert form.status_code == 200 and "noindex" in form["X-Robots-Tag"]
    assert form["Cache-Control"] == "private, no-store"
    survey.refresh_from_db()
    assert survey.state == "open"  # a scanner that opens the link has answered nothing
    told = {"score": "4", "speed": "5", "attitude": "3", "comment": "不错"}
    assert customer.post(path, told).status_code == 302
    survey.refresh_from_db()
    assert (survey.state, survey.score, survey.marks) == ("answered", 4, {"speed": 5, "attitude": 3})
    assert (survey.comment, survey.way, survey.wake_at) == ("不错", "link", None)
    assert customer.post(path, {"score": "2"}).status_code == 302  # changed until it ends; the last one counts
    survey.refresh_from_db()
    assert (survey.score, survey.n_changes, survey.comment) == (2, 1, "")
    assert Survey.objects.count() == 1
    facts = JournalEntry.objects.filter(subject_id=survey.ticket_id, kind__startswith="ticket.survey_")
    assert [f.kind for f in facts.order_by("pk")][1:] == ["ticket.survey_answered", "ticket.survey_changed"]
    assert "不错" not in str([f.data for f in facts])
    ticket = on.client(on.lin).get(f"/tickets/{survey.ticket.number}/").content.decode()
    assert 'id="survey-card"' in ticket and path not in ticket


def test_wrong_answers_are_refused_and_what_was_written_stays(on: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jiying.quality.pages.answer.timezone.now", lambda: on.now)
    survey = asked(on)
    path = links.path(survey)
    for bad in ({}, {"score": "6"}, {"score": "0"}, {"score": "x"}, {"score": "3", "speed": "9"}):
        page = Client().post(path, {**bad, "comment": "写了一半"})
        assert page.status_code == 422, bad
        assert "写了一半" in page.content.decode()
    assert Client().post(path, {"score": "3", "comment": "x" * 2001}).status_code == 422
    assert on.client(on.lin).post(path, {"score": "5"}).status_code == 409  # colleagues do not rate themselves
    survey.refresh_from_db()
    assert survey.state == "open"


def test_a_forged_or_replaced_link_opens_nothing(on: Cast) -> None:
    survey, other = asked(on, 1), asked(on, 2)
    path = links.path(survey)
    for forged in (path.replace(f"/s/{survey.pk}.", f"/s/{other.pk}."), "/s/nothing/", "/s/..../", path[:-3] + "x/"):
        assert Client().get(forged).status_code == 404
        assert Client().post(forged, {"score": "5"}).status_code == 404
    portal.renew(actor=on.actor(on.lin), number=survey.ticket.number, now=on.now)
    assert Client().get(path).status_code == 404


def test_another_customer_or_an_agent_cannot_answer(on: Cast) -> None:
    survey, other = asked(on, 1), asked(on, 2)
    with pytest.raises(NotFound):
        answering.answer(
            actor=Actor("customer", other.ticket.customer_id), number=survey.ticket.number, given=Given(5), now=on.now
        )
    with pytest.raises(NotFound):
        answering.answer(actor=on.actor(on.lin), number=survey.ticket.number, given=Given(5), now=on.now)
    assert not Survey.objects.filter(state="answered").exists()


def test_a_telephone_system_reports_scores_with_a_right_of_its_own(on: Cast) -> None:
    ticket = on.accepted(customer=CustomerData(name="王五", phone="13812349999"), channel="phone")
    door = f"/api/v1/surveys/{ticket.number}/answer"
    body = {"score": 2}
    for person in (on.lin, on.wang, on.sup):
        assert on.api(person).post(door, body, content_type="application/json").status_code == 403
    made = on.api(on.admin, "quality.report_scores").post(door, body, content_type="application/json")
    assert made.status_code == 200, made.content
    assert (made.json()["score"], made.json()["way"]) == (2, "phone")
    survey = Survey.objects.get(ticket=ticket)  # before the ticket is closed
    handling.resolve(actor=on.actor(on.lin), number=ticket.number, now=on.now)
    handling.confirm(actor=on.actor(on.lin), number=ticket.number, now=on.now)
    work(on.now)
    survey.refresh_from_db()
    assert (survey.state, survey.score) == ("answered", 2)  # and nobody is asked again
    SurveyDesign.objects.update(active=False)
    other = on.accepted(customer=CustomerData(name="王五", phone="13812349999"))
    door = f"/api/v1/surveys/{other.number}/answer"
    assert on.api(on.admin).post(door, body, content_type="application/json").status_code == 409


# --- call-backs ------------------------------------------------------------------------------------------------------


def test_a_bad_rating_opens_one_call_back_with_a_clock_and_tells_the_leader(on: Cast) -> None:
    survey = give(asked(on), 3, on.now)
    give(survey, 1, on.now)
    row = Callback.objects.get()
    clock = Clock.objects.get(subject_kind="callback", subject_id=row.pk)
    assert row.due_at == clock.due_at == on.now + DAY
    assert list(Alert.objects.filter(kind="callback.open").values_list("person_id", flat=True)) == [on.wang.pk]
    give(asked(on, 2), 4, on.now)
    assert Callback.objects.count() == 1


def test_a_late_call_back_escalates_and_is_told_as_late(on: Cast) -> None:
    give(asked(on), 1, on.now)
    clock = Clock.objects.get(subject_kind="callback")
    later = on.now + DAY + HOUR
    fire([clock.pk], later)
    row = Callback.objects.get()
    assert row.is_late
    told = set(Alert.objects.filter(kind="clock.due").values_list("person_id", flat=True))
    assert {on.wang.pk, on.sup.pk} <= told and on.lin.pk not in told
    callbacks.reached(actor=on.actor(on.wang), callback_id=row.pk, now=later)
    clock.refresh_from_db()
    assert clock.ended_at == later and clock.breached_at == row.due_at


def test_a_leader_follows_a_call_back_to_its_cause(on: Cast) -> None:
    survey = give(asked(on), 2, on.now)
    wang, row = on.actor(on.wang), Callback.objects.get()
    callbacks.tried(actor=wang, callback_id=row.pk, now=on.now + HOUR)
    callbacks.reached(actor=wang, callback_id=row.pk, note="客户接受", now=on.now + 2 * HOUR)
    clock = Clock.objects.get(subject_kind="callback")
    assert clock.state == "met"
    with pytest.raises(Conflict):
        callbacks.tried(actor=wang, callback_id=row.pk, now=on.now + 3 * HOUR)
    with pytest.raises(Invalid):
        callbacks.close(actor=wang, callback_id=row.pk, cause="slow", note=" ", now=on.now + 3 * HOUR)
    with pytest.raises(Invalid):
        callbacks.close(actor=wang, callback_id=row.pk, cause="?", note="慢", now=on.now + 3 * HOUR)
    callbacks.close(actor=wang, callback_id=row.pk, cause="slow", note="响应慢，已改排班", now=on.now + 3 * HOUR)
    row.refresh_from_db()
    assert (row.state, row.cause, row.n_tries, row.closed_by_id) == ("closed", "slow", 1, on.wang.pk)
    kinds = set(JournalEntry.objects.filter(subject_id=survey.ticket_id).values_list("kind", flat=True))
    assert {"ticket.callback_opened", "ticket.callback_reached", "ticket.callback_closed"} <= kinds
    told = JournalEntry.objects.filter(kind__startswith="callback.")
    assert "响应慢" not in str(list(told.values_list("data", flat=True)))


def test_who_may_call_back(on: Cast) -> None:
    give(asked(on), 1, on.now)
    pk = Callback.objects.get().pk
    for person in (on.lin, on.zhao, on.chen, on.ops, on.manager):
        with pytest.raises(Denied):
            callbacks.reached(actor=on.actor(person), callback_id=pk, now=on.now)
        assert on.client(person).get("/callbacks/").status_code == 403
    assert on.client(on.wang).get("/callbacks/").status_code == 200
    Ticket.objects.update(team=on.team2, assignee=on.zhao)
    with pytest.raises(NotFound):  # another team's
        callbacks.reached(actor=on.actor(on.wang), callback_id=pk, now=on.now)
    assert not callback_queries.page(on.actor(on.wang), callback_queries.Wanted()).items
    assert Callback.objects.get().state == "open"
    assert subjects.kind("callback").visible(on.actor(on.sup), pk)
    assert not subjects.kind("callback").visible(on.actor(on.wang), pk)


def test_the_page_of_call_backs_shows_due_times_and_takes_the_steps(on: Cast) -> None:
    give(asked(on), 1, on.now, comment="太慢了")
    pk, client = Callback.objects.get().pk, on.client(on.wang)
    page = client.get("/callbacks/").content.decode()
    assert "太慢了" in page and f"/callbacks/{pk}" in page
    assert client.post(f"/callbacks/{pk}", {"verb": "tried", "note": "", "cause": ""}).status_code == 302
    assert client.post(f"/callbacks/{pk}", {"verb": "close", "note": "", "cause": "slow"}).status_code == 422
    assert client.post(f"/callbacks/{pk}", {"verb": "dance", "note": "", "cause": ""}).status_code == 422
    assert client.post(f"/callbacks/{pk}", {"verb": "close", "note": "已致歉", "cause": "slow"}).status_code == 302
    closed = client.get("/callbacks/?state=closed&cause=slow").content.decode()
    assert "已致歉" in closed
    assert "已致歉" not in client.get("/callbacks/?state=closed&cause=policy").content.decode()


# --- figures ---------------------------------------------------------------------------------------------------------


def test_figures_count_what_was_asked_and_open_the_answers_behind(on: Cast) -> None:
    for n, score in enumerate((5, 4, 2, None), 1):
        survey = asked(on, n)
        if score is not None:
            give(survey, score, on.now)
    wanted = surveys.Wanted()
    found = figures.figures(on.actor(on.sup), wanted, "agent", on.now)
    whole = found.whole
    assert (whole.n_asked, whole.n_answered, whole.total, whole.n_good, whole.n_bad) == (4, 3, 11, 2, 1)
    assert whole.response_rate == 0.75 and whole.mean == 11 / 3 and whole.few
    assert [(one.label, one.n_answered) for one in found.items] == [("林晓", 3)]
    for by in figures.BY:
        rows = figures.figures(on.actor(on.sup), wanted, by, on.now).items
        assert sum(one.n_asked for one in rows) == 4
        for one in rows:
            behind = surveys.Wanted(by=by, value=one.value, show="asked")
            assert len(surveys.answers(on.actor(on.sup), behind, on.now).items) == one.n_asked, by
    bad = surveys.answers(on.actor(on.sup), surveys.Wanted(show="bad"), on.now).items
    assert [one.score for one in bad] == [2]
    assert bad[0].customer is not None and "张三" not in bad[0].customer.name  # masked
    strangers = figures.figures(on.actor(on.wang), wanted, "team", on.now + 40 * DAY)
    assert strangers.whole.n_asked == 0 and strangers.whole.mean is None


def test_leaders_see_their_own_team_only_and_agents_none(on: Cast) -> None:
    give(asked(on), 5, on.now)
    assert figures.figures(on.actor(on.wang), surveys.Wanted(), "team", on.now).whole.n_answered == 1
    Ticket.objects.update(team=on.team2, assignee=on.zhao)
    assert figures.figures(on.actor(on.wang), surveys.Wanted(), "team", on.now).whole.n_asked == 0
    with pytest.raises(Denied):
        surveys.answers(on.actor(on.lin), surveys.Wanted(), on.now)
    assert on.client(on.lin).get("/surveys/").status_code == 403


def test_pages_of_results_open(on: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jiying.quality.pages.results.timezone.now", lambda: on.now)
    give(asked(on), 5, on.now, marks={"speed": 4}, comment="很快")
    client = on.client(on.sup)
    for by in figures.BY:
        page = client.get(f"/surveys/?by={by}")
        assert page.status_code == 200
        for url in set(re.findall(r'href="(/surveys/answers/[^"]*)"', page.content.decode())):
            assert client.get(url.replace("&amp;", "&")).status_code == 200
    assert "很快" in client.get("/surveys/answers/").content.decode()
    for odd in (
        "?by=week&value=x",
        "?by=agent&value=99999999999999999999",
        "?kind=x&days=x&show=x",
        "?by=team&value=none",
    ):
        assert client.get(f"/surveys/answers/{odd}").status_code == 200
    assert client.get("/surveys/?kind=nps").status_code == 200


# --- designs ---------------------------------------------------------------------------------------------------------


def test_designs_are_edited_by_those_who_may(cast: Cast) -> None:
    client = cast.client(cast.ops)
    body = {
        "code": "nps", "name_zh": "推荐意愿", "kind": "nps", "share": "20", "delay_h": "1", "expires_days": "5",
        "reminder_h": "0", "quiet_days": "90", "channels": ["web", "chat"], "active": "on",
    }  # fmt: skip
    assert client.post("/surveys/designs/new", body).status_code == 302
    row = SurveyDesign.objects.get(code="nps")
    assert (row.channels, row.share, row.items, row.active) == (["web", "chat"], 20, [], True)
    assert client.get("/surveys/designs/").status_code == 200
    assert client.get("/surveys/designs/nps").status_code == 200
    assert client.post("/surveys/designs/nps", {**body, "share": "0", "revision": "1"}).status_code == 422
    assert client.post("/surveys/designs/nps", {**body, "share": "30", "revision": "0"}).status_code == 409
    assert client.post("/surveys/designs/nps", {**body, "reminder_h": "5", "revision": "1"}).status_code == 422
    assert SurveyDesign.objects.get(code="nps").share == 20
    for person in (cast.lin, cast.wang, cast.chen, cast.manager):
        assert cast.client(person).post("/surveys/designs/nps", {**body, "revision": "1"}).status_code == 403


def test_faults_of_a_design_are_told_at_once(cast: Cast) -> None:
    data = DesignData("??", "", kind="x", items=("y",), categories=("no/where",), share=0, quiet_days=400)
    with pytest.raises(Invalid) as refused:
        designs.save(actor=cast.actor(cast.sup), data=data, revision=None, now=cast.now)
    assert {f.field for f in refused.value.faults} >= {
        "code",
        "name_zh",
        "kind",
        "items",
        "categories",
        "share",
        "quiet_days",
    }


# --- erasure ---------------------------------------------------------------------------------------------------------


def test_erasing_a_customer_takes_what_they_wrote_and_leaves_the_figures(on: Cast) -> None:
    survey = give(asked(on), 1, on.now, comment="我是张三，住在人民路")
    other = asked(on, 2)
    row = Callback.objects.get()
    callbacks.reached(actor=on.actor(on.wang), callback_id=row.pk, note="张三说太慢", now=on.now)
    assert [one["comment"] for one in handing_out.collect(Customer.objects.get(tickets=survey.ticket))["surveys"]] == [
        "我是张三，住在人民路"
    ]
    path = links.path(survey)
    job = Job(kind="customer.erase", params={"customer": survey.ticket.customer_id, "with_texts": True})
    while not desk_privacy.erase_some(job, on.now):
        pass
    survey.refresh_from_db()
    row.refresh_from_db()
    assert (survey.comment, row.note, survey.score) == ("", "", 1)
    assert Client().get(path).status_code == 404
    other.refresh_from_db()
    assert other.state == "open"
    told = str(list(JournalEntry.objects.values_list("data", flat=True)))
    assert "人民路" not in told and "张三说" not in told


def test_talk_on_the_ticket_is_not_needed_for_a_survey(on: Cast) -> None:
    """A customer who writes again opens the ticket again, and is not asked meanwhile."""
    survey = asked(on)
    talking.customer_message(
        actor=Actor("customer", survey.ticket.customer_id), number=survey.ticket.number, body="还有问题", now=on.now
    )
    work(on.now)
    survey.refresh_from_db()
    assert survey.state == "withdrawn"


def test_the_survey_stands_in_the_window_of_a_chat_that_has_ended(on: Cast) -> None:
    switch_on(on)
    ticket = close(on, channel="chat")
    row = Chat.objects.create(ticket=ticket, here_at=on.now)
    seen = chatting.Visit("", row, ticket)
    assert chat.state(row, ticket, -1).question is None  # not asked yet
    work(on.now)
    question = chat.state(row, ticket, -1).question
    assert question is not None and [one.value for one in question.scores] == [1, 2, 3, 4, 5] and question.score is None
    chatting.rate(seen=seen, score=5, comment="很快", now=on.now)
    survey = Survey.objects.get()
    assert (survey.state, survey.score, survey.way, survey.comment) == ("answered", 5, "chat", "很快")
    given = Given(4, {"speed": 3})
    answering.answer(actor=links.visit(links.path(survey).split("/")[-2]).actor, number=ticket.number, given=given,
                     now=on.now)  # fmt: skip
    chatting.rate(seen=seen, score=2, comment="", now=on.now)
    survey.refresh_from_db()
    assert (survey.score, survey.marks, survey.way, survey.n_changes) == (2, {"speed": 3}, "chat", 2)
    assert Callback.objects.count() == 1  # as by the link
    with pytest.raises(Invalid):
        chatting.rate(seen=seen, score=6, comment="", now=on.now)
    Survey.objects.update(state="expired")
    with pytest.raises(Conflict):
        chatting.rate(seen=seen, score=3, comment="", now=on.now)


def test_the_door_of_the_window_takes_scores_only(on: Cast) -> None:
    on.now = timezone.now()
    data = connections.ConnectionData(name="官网", options={"origins": ["https://shop.example.com"]})
    connections.save(actor=SYSTEM, kind="web_widget", code="site", data=data, revision=None, now=on.now)
    widget = Connection.objects.get(code="site")
    switch_on(on)
    ticket = close(on, channel="chat", now=on.now)
    Chat.objects.create(ticket=ticket, widget=widget, here_at=on.now)
    work(on.now)
    headers = {"X-Chat-Token": chatting.token_of(ticket.pk)}

    def rate(told: object) -> Any:
        client = Client(raise_request_exception=False)
        return client.post("/chat/site/rate", told, content_type="application/json", headers=headers)

    assert rate({"score": "5"}).status_code == rate({"score": True}).status_code == rate({}).status_code == 422
    answer = rate({"score": 4, "comment": "好"})
    assert answer.status_code == 200 and answer.json()["question"]["score"] == 4
    headers["X-Chat-Token"] = "forged"
    assert rate({"score": 1}).status_code == 404
    assert Survey.objects.get().score == 4
