"""What else leaves by mail: surveys and transcripts, by the mailbox that fits, threaded, answered at the other end."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jiying.base import due, tails
from jiying.base.actor import SYSTEM
from jiying.base.connections import ConnectionData
from jiying.base.models import Connection
from jiying.channels.models import Chat, Outbox, Transcript
from jiying.channels.services import transcripts, widgets
from jiying.channels.services.mail import boxes, imap
from jiying.core import mail as core
from jiying.desk.models import Ticket
from jiying.desk.services import handling, talking
from jiying.desk.services.customers import CustomerData
from jiying.quality.models import Survey
from jiying.quality.services import asking, designs
from jiying.quality.services.designs import DesignData
from tests.cast import Cast
from tests.channels.test_chat import Visitor, widget
from tests.channels.test_mail import Post, post, ticket_of
from tests.servers import Dovecot

__all__ = ["post", "widget"]
SECOND = timedelta(seconds=1)


def asks(cast: Cast) -> None:
    values: dict[str, Any] = {"code": "closing", "name_zh": "结案", "active": True, "quiet_days": 0, "tells": True}
    from jiying.quality.models import SurveyDesign

    row = SurveyDesign.objects.get(code="closing")
    designs.save(actor=SYSTEM, data=DesignData(**values), revision=row.revision, now=cast.now)


def closed(cast: Cast, ticket: Ticket) -> None:
    lin, now = cast.actor(cast.lin), timezone.now()
    if ticket.assignee_id is None or ticket.status in ("queued", "assigned"):
        handling_ticket(cast, ticket)
    handling.resolve(actor=lin, number=ticket.number, now=now)
    handling.confirm(actor=lin, number=ticket.number, now=now)


def handling_ticket(cast: Cast, ticket: Ticket) -> None:
    from jiying.desk.services import routing

    if ticket.assignee_id != cast.lin.pk:
        routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.lin.pk, now=timezone.now())
    handling.accept(actor=cast.actor(cast.lin), number=ticket.number, now=timezone.now())


def work(post: Post | None) -> None:
    from jiying.base import journal
    from jiying.channels.services import outbox

    while journal.sequence():
        pass
    tails.catch_up(asking.READER)
    due.run(due.SWEEPS["surveys"], timezone.now() + SECOND)
    while journal.sequence():
        pass
    tails.catch_up(outbox.READER)
    due.run(due.SWEEPS["outbox"], timezone.now() + SECOND)


def link_of(text: str) -> str:
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found is not None
    return found[1]


def answered(link: str, score: int = 5) -> None:
    client = Client(enforce_csrf_checks=False)
    page = client.get(link)
    assert page.status_code == 200
    assert client.post(link, {"score": str(score), "comment": "很快"}).status_code in (200, 302)


def test_a_survey_reaches_the_mailbox_of_who_wrote_and_its_link_is_answered(
    post: Post, cast: Cast, dovecot: Dovecot, settings: Any
) -> None:
    settings.BASE_URL = "https://desk.example.com"
    asks(cast)
    ticket = ticket_of(post.read())
    closed(cast, ticket)
    work(post)
    (sent,) = post.smtp.received
    dovecot.put("zhang", sent.as_bytes())  # as the customer's own provider lays it down
    login = imap.Login("127.0.0.1", dovecot.port, "none", "zhang", dovecot.PASSWORD)
    with imap.session(login) as session:
        session.open("INBOX")
        ((one,),) = list(session.fetch(session.after(0)))
    assert one.raw is not None
    read = core.parse(one.raw)
    assert isinstance(read, core.Parsed)
    assert read.sender is not None and read.sender.addr == "kf@example.com"
    assert sent["In-Reply-To"] == f"<{post.user}.1@customer.cn>", "in the thread of what they wrote"
    assert sent["Auto-Submitted"] == "auto-replied"
    answered(link_of(read.said))
    survey = Survey.objects.get(ticket=ticket)
    assert (survey.state, survey.score, survey.way, survey.comment) == ("answered", 5, "link", "很快")


def test_a_survey_of_a_form_goes_by_the_mailbox_of_its_team(post: Post, cast: Cast, dovecot: Dovecot) -> None:
    other = Post(cast, dovecot, post.smtp, f"t{post.user}", address="one@example.com", team=cast.team1.code)
    Connection.objects.update(created_at=cast.now - timedelta(days=1))
    asks(cast)
    ticket = cast.accepted(channel="web", customer=CustomerData(name="李四", email="li@customer.cn"))
    assert ticket.team is not None and ticket.team.code == cast.team1.code
    lin = cast.actor(cast.lin)
    talking.reply(actor=lin, number=ticket.number, body="好了", now=timezone.now())
    closed(cast, ticket)
    work(post)
    (sent,) = post.smtp.received
    assert "one@example.com" in sent["From"]
    assert sent["X-Envelope-To"] == "li@customer.cn"
    assert ticket.number in sent["Subject"] and not sent["Subject"].startswith("Re:")
    assert [row.message.by for row in Outbox.objects.all()] == ["auto"], "what an agent said stays on the form's page"
    other.arrives(From="li@customer.cn", In_Reply_To=sent["Message-ID"])
    other.fetch()
    other.serve()
    assert Ticket.objects.count() == 1, "what they answer by mail is on the same ticket"


def test_without_a_mailbox_a_survey_goes_by_the_houses_own_mail(
    cast: Cast, settings: Any, mailoutbox: list[Any]
) -> None:
    settings.BASE_URL = "https://desk.example.com"
    asks(cast)
    settings.MAIL_ENABLED = False
    first = cast.accepted(channel="web", customer=CustomerData(name="李四", email="li@customer.cn"))
    closed(cast, first)
    work(None)
    assert (mailoutbox, Outbox.objects.count()) == ([], 0)
    settings.MAIL_ENABLED = True
    second = cast.accepted(channel="phone", customer=CustomerData(name="王五", email="wang@customer.cn"))
    closed(cast, second)
    work(None)
    (sent,) = mailoutbox
    assert (sent.to, second.number in sent.subject) == (["wang@customer.cn"], True)
    answered(link_of(sent.body), 4)
    assert Survey.objects.get(ticket=second).score == 4
    assert Outbox.objects.get().state == "sent"


def test_a_social_customer_is_asked_where_they_wrote(cast: Cast, settings: Any, mailoutbox: list[Any]) -> None:
    settings.MAIL_ENABLED = True
    asks(cast)
    closed(cast, cast.accepted(channel="social", customer=CustomerData(name="赵六", email="zhao@customer.cn")))
    work(None)
    assert mailoutbox == []


def test_a_transcript_leaves_by_the_mailbox_and_who_answers_it_is_on_the_chat(
    post: Post, cast: Cast, widget: widgets.Widget, mailoutbox: list[Any]
) -> None:
    visitor = Visitor()
    visitor.begin()
    talking.reply(actor=cast.actor(cast.lin), number=visitor.ticket.number, body="已补发", now=timezone.now())
    for n in (1, 2):
        assert visitor.send("transcript", {"address": "guest@customer.cn"}).status_code == 202
        assert transcripts.serve([Transcript.objects.latest("pk").pk], timezone.now()) == 1
        assert len(post.smtp.received) == n
    assert mailoutbox == []
    first, second = post.smtp.received
    assert "kf@example.com" in first["From"]
    assert first["X-Envelope-To"] == "guest@customer.cn"
    assert "已补发" in first.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert second["In-Reply-To"] == first["Message-ID"] != second["Message-ID"]
    row = post.read(From="guest@customer.cn", In_Reply_To=first["Message-ID"], Subject=first["Subject"])
    assert row.ticket_id == visitor.ticket.pk
    stranger = post.read(From="other@customer.cn", In_Reply_To=first["Message-ID"], Subject=first["Subject"])
    assert stranger.ticket_id != visitor.ticket.pk


def test_a_transcript_waits_while_the_mailbox_refuses(
    post: Post, cast: Cast, widget: widgets.Widget, mailoutbox: list[Any]
) -> None:
    visitor = Visitor()
    visitor.begin()
    talking.reply(actor=cast.actor(cast.lin), number=visitor.ticket.number, body="已补发", now=timezone.now())
    assert visitor.send("transcript", {"address": "guest@customer.cn"}).status_code == 202
    post.smtp.answer = "451 later"
    row = Transcript.objects.get()
    assert transcripts.serve([row.pk], timezone.now()) == 0
    row.refresh_from_db()
    assert (row.sent_at, row.attempts) == (None, 1)
    post.smtp.answer = "250 OK"
    assert row.wake_at is not None
    assert transcripts.serve([row.pk], row.wake_at) == 1
    assert len(post.smtp.received) == 1
    assert Chat.objects.count() == 1


def test_mail_is_its_mailboxes_teams_unless_its_category_says_otherwise(post: Post, cast: Cast) -> None:
    options = {**post.row.options, "team": cast.team2.code}
    from jiying.base import connections
    from jiying.base.actor import of_person

    connections.save(
        actor=of_person(cast.admin), kind=boxes.KIND, code=post.user, data=ConnectionData("客服", options),
        revision=post.row.revision, now=cast.now,
    )  # fmt: skip
    ticket = ticket_of(post.read())
    assert ticket.team_id == cast.team2.pk
    assert ticket.assignee is None or ticket.assignee.team_id == cast.team2.pk


@pytest.mark.parametrize("code", ["gone", ""])
def test_a_team_that_is_gone_is_nobodys(post: Post, cast: Cast, code: str) -> None:
    Connection.objects.filter(pk=post.row.pk).update(options={**post.row.options, "team": code})
    assert post.read().state == "taken"
