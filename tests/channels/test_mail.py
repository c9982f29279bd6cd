"""E-mail over a real IMAP and SMTP server: kept, taken in once, answered threaded; programs, loops, quarantine."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jiying.base import connections, due, files, journal, tails
from jiying.base.actor import SYSTEM, of_person
from jiying.base.connections import ConnectionData, Failed
from jiying.base.errors import Conflict, Denied, NotFound
from jiying.base.models import Attachment, Connection, JournalEntry
from jiying.channels.models import Mail, Mailbox, Outbox
from jiying.channels.queries import mail as queries
from jiying.channels.services import outbox
from jiying.channels.services.mail import boxes, erasing, imap, keeping, quarantine, sending, taking
from jiying.desk.models import Message, Ticket
from jiying.desk.services import handling, routing, talking
from tests.cast import Cast
from tests.servers import Dovecot, SmtpSink

SECOND = timedelta(seconds=1)


class Post:
    """A mailbox of the house at the real servers, and a customer who writes to it."""

    def __init__(self, cast: Cast, dovecot: Dovecot, smtp: SmtpSink, user: str, **options: Any) -> None:
        self.cast, self.dovecot, self.smtp, self.user = cast, dovecot, smtp, user
        told = {
            "address": "kf@example.com", "sender_name": "客服中心", "user": user, "takes_old": True,
            "imap_host": "127.0.0.1", "imap_port": dovecot.port, "imap_safety": "none",
            "smtp_host": "127.0.0.1", "smtp_port": smtp.port, "smtp_safety": "none", "smtp_signs_in": False,
            "signature": "客服中心 400-000-0000", **options,
        }  # fmt: skip
        data = ConnectionData("客服邮箱", told, {"password": dovecot.PASSWORD})
        admin = of_person(cast.admin)
        connections.save(actor=admin, kind="mailbox", code=user, data=data, revision=None, now=cast.now)
        self.row = Connection.objects.get(code=user)
        self.n = 0

    @property
    def box(self) -> boxes.Box:
        found = boxes.by_id(self.row.pk)
        assert found is not None
        return found

    def arrives(self, raw: bytes | None = None, **told: str) -> bytes:
        raw = raw or self.letter(**told)
        self.dovecot.put(self.user, raw)
        return raw

    def letter(self, body: str = "我的订单还没有到", **headers: str) -> bytes:
        self.n += 1
        made = EmailMessage()
        given = {
            "From": "张三 <zhang@customer.cn>", "To": "kf@example.com", "Subject": "订单没有到",
            "Message-ID": f"<{self.user}.{self.n}@customer.cn>", **{k.replace("_", "-"): v for k, v in headers.items()},
        }  # fmt: skip
        for name, value in given.items():
            made[name] = value
        made.set_content(body)
        return made.as_bytes()

    def fetch(self) -> int:
        with imap.session(self.box.imap) as session:
            return keeping.take_in(self.box, session)

    def serve(self, now: datetime | None = None) -> None:
        from django.utils import timezone

        due.run(due.SWEEPS["mail"], now or timezone.now() + SECOND)

    def read(self, raw: bytes | None = None, **told: str) -> Mail:
        """A mail arrives, is fetched and taken in."""
        self.arrives(raw, **told)
        self.fetch()
        self.serve()
        return Mail.objects.order_by("-pk")[0]

    def send(self) -> None:
        from django.utils import timezone

        while journal.sequence():
            pass
        tails.catch_up(outbox.READER)
        due.run(due.SWEEPS["outbox"], timezone.now() + SECOND)


@pytest.fixture
def post(cast: Cast, dovecot: Dovecot, smtp: SmtpSink, request: pytest.FixtureRequest, settings: Any) -> Iterator[Post]:
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    yield Post(cast, dovecot, smtp, f"u{abs(hash(request.node.name)) % 10**9}")


def ticket_of(row: Mail) -> Ticket:
    assert row.ticket_id is not None
    return Ticket.objects.get(pk=row.ticket_id)


def _answered(post: Post, ticket: Ticket, body: str = "您好，已为您催促发货。") -> Message:
    from django.utils import timezone

    lin, now = post.cast.lin, timezone.now()
    if Ticket.objects.get(pk=ticket.pk).assignee_id != lin.pk:
        routing.transfer(actor=SYSTEM, number=ticket.number, to_person=lin.pk, now=now)
    return talking.reply(actor=post.cast.actor(lin), number=ticket.number, body=body, now=now)


# --- in --------------------------------------------------------------------------------------------------------------


def test_a_mail_becomes_a_routed_ticket_with_clocks_and_its_answer_is_threaded(post: Post) -> None:
    row = post.read()
    ticket = ticket_of(row)
    assert (row.state, ticket.channel, ticket.subject, ticket.description) == (
        "taken",
        "email",
        "订单没有到",
        "我的订单还没有到",
    )
    assert ticket.customer is not None and ticket.customer.email == "zhang@customer.cn"
    assert ticket.next_due_at is not None and ticket.received_at == row.received_at
    _answered(post, ticket)
    post.send()
    (sent,) = post.smtp.received
    out = Outbox.objects.get()
    assert sent["In-Reply-To"] == row.header_id and row.header_id in sent["References"]
    assert sent["Message-ID"] == out.remote_id and sent["X-Envelope-To"] == "zhang@customer.cn"
    assert ticket.number in sent["Subject"] and "客服中心" in str(sent["From"])
    text = sent.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "已为您催促发货" in text and "400-000-0000" in text and "> 我的订单还没有到" in text
    assert out.state == "sent" and Connection.objects.get(pk=post.row.pk).n_failed == 0
    assert JournalEntry.objects.filter(subject_id=ticket.pk, kind="ticket.reply_sent").count() == 1


def test_the_customer_goes_on_by_headers_by_number_and_reopens(post: Post) -> None:
    first = post.read()
    ticket = ticket_of(first)
    _answered(post, ticket)
    post.send()
    out = Outbox.objects.get()
    by_header = post.read(Subject="Re: x", In_Reply_To=out.remote_id, body="好的\n\n> 旧的")
    assert by_header.ticket_id == ticket.pk and by_header.message is not None
    assert (by_header.message.kind, by_header.message.body, by_header.quoted) == ("customer", "好的", "> 旧的")
    by_own = post.read(References=first.header_id, body="还有一件事")
    by_number = post.read(Subject=f"关于 {ticket.number}", body="再说一次")
    assert by_own.ticket_id == by_number.ticket_id == ticket.pk
    stranger = post.read(
        From="li@other.cn", Subject=f"关于 {ticket.number}", body="我也来说", References=first.header_id
    )
    assert stranger.ticket_id != ticket.pk
    lin = post.cast.actor(post.cast.lin)
    handling.resolve(actor=lin, number=ticket.number, now=by_number.stored_at + SECOND)
    post.read(In_Reply_To=out.remote_id, body="没有解决")
    assert Ticket.objects.get(pk=ticket.pk).status == "in_progress"


def test_a_merged_ticket_leads_on_and_a_cancelled_one_does_not(post: Post) -> None:

    first, second = post.read(), post.read(Subject="另一封", body="同一件事")
    one, other = ticket_of(first), ticket_of(second)
    handling.merge(actor=SYSTEM, number=other.number, into=one.number, now=second.stored_at + SECOND)
    assert post.read(References=second.header_id, body="继续").ticket_id == one.pk
    handling.cancel(actor=SYSTEM, number=one.number, reason="x", now=second.stored_at + 2 * SECOND)
    assert post.read(References=first.header_id, body="还在吗").ticket_id not in (one.pk, other.pk)


def test_the_same_mail_twice_is_one(post: Post) -> None:
    raw = post.letter(Date="Wed, 09 Sep 2026 10:00:00 +0800")
    first = post.read(raw)
    again = post.read(raw)
    resent = post.read(raw.replace(b"Message-ID: <", b"Message-ID: <relay."))
    assert (again.state, again.ticket_id) == ("duplicate", first.ticket_id)
    assert resent.state == "duplicate" and Ticket.objects.count() == 1


def test_what_was_fetched_is_not_fetched_again_and_a_renumbered_folder_doubles_nothing(post: Post) -> None:
    post.read()
    assert post.fetch() == 0
    Mailbox.objects.update(uid_validity=1)  # as if the server had numbered anew
    Mail.objects.update(uid_validity=1)
    assert post.fetch() == 1
    post.serve()
    assert Ticket.objects.count() == 1 and Mail.objects.filter(state="duplicate").count() == 1


def test_a_new_mailbox_leaves_what_lies_there(post: Post) -> None:
    Connection.objects.filter(pk=post.row.pk).update(options={**post.row.options, "takes_old": False})
    post.arrives()
    assert post.fetch() == 0
    post.arrives()
    assert post.fetch() == 1


@pytest.mark.django_db(transaction=True)
def test_a_crash_between_steps_loses_and_doubles_nothing(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.arrives()

    def dies(*_args: Any, **_more: Any) -> None:
        raise SystemExit("power cut")

    with monkeypatch.context() as patch:  # the bytes are on the disk, the rows are not
        patch.setattr(keeping, "_rows", dies)
        with pytest.raises(SystemExit):
            post.fetch()
    assert Mail.objects.count() == 0
    assert post.fetch() == 1
    with monkeypatch.context() as patch:  # the ticket is made, the mail's end is not
        patch.setattr(taking, "_finish", dies)
        with pytest.raises(SystemExit):
            post.serve()
    assert Ticket.objects.count() == 0
    Mail.objects.update(wake_at=post.cast.now)  # the lease ends
    post.serve()
    assert Ticket.objects.count() == 1 and Mail.objects.get().state == "taken"


def test_files_and_pictures_hang_on_the_ticket_and_are_served_by_its_rights(post: Post, cast: Cast) -> None:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "zhang@customer.cn", "kf@example.com", "图"
    made.set_content("见图")
    made.add_alternative('<p>见图<img src="cid:p1"><script>x</script></p>', subtype="html")
    made.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<p1@x>".replace("@x", ""), filename="a.png")  # type: ignore[union-attr,index]
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="发票.pdf")
    made.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="x.exe")
    row = post.read(made.as_bytes())
    ticket = ticket_of(row)
    names = list(Attachment.objects.filter(subject_kind="ticket", subject_id=ticket.pk).values_list("name", flat=True))
    assert names == ["a.png", "发票.pdf"] and row.left == ["x.exe"]
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.lin.pk, now=row.stored_at + SECOND)
    page = cast.client(cast.lin).get(f"/tickets/{ticket.number}/").content.decode()
    picture = Attachment.objects.get(name="a.png")
    assert f'<img src="/files/{picture.pk}?inline">' in page.replace(f"/files/{picture.pk}/?", f"/files/{picture.pk}?")
    assert "<script>x" not in page and "发票.pdf" in page and "x.exe" in page and ">a.png" not in page
    url = page.split('<img src="')[1].split('"')[0]
    assert cast.client(cast.lin).get(url)["Content-Type"] == "image/png"
    assert cast.client(cast.zhao).get(url).status_code == 404


# --- programs --------------------------------------------------------------------------------------------------------


def test_programs_open_nothing_wake_nothing_and_stand_visible(post: Post, cast: Cast) -> None:
    ticket = ticket_of(post.read())
    _answered(post, ticket)
    post.send()
    handling.hold(
        actor=cast.actor(cast.lin), number=ticket.number, reason="customer", now=Message.objects.latest("at").at
    )
    out = Outbox.objects.get()
    row = post.read(In_Reply_To=out.remote_id, Auto_Submitted="auto-replied", Subject="自动回复: 外出", body="我在休假")
    assert (row.state, row.reason, row.ticket_id) == ("automatic", "auto_reply", ticket.pk)
    assert Ticket.objects.get(pk=ticket.pk).status == "waiting"
    note = Message.objects.filter(kind="note").get()
    assert "我在休假" in note.body
    lone = post.read(Auto_Submitted="auto-generated", Subject="系统通知")
    assert (lone.state, lone.ticket_id) == ("automatic", None) and Ticket.objects.count() == 1


def test_a_mail_that_came_back_marks_its_message(post: Post, cast: Cast) -> None:
    ticket = ticket_of(post.read())
    message = _answered(post, ticket)
    post.send()
    out = Outbox.objects.get()
    report = f"""From: MAILER-DAEMON@mx.customer.cn
To: kf@example.com
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx

Final-Recipient: rfc822; zhang@customer.cn
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: text/rfc822-headers

Message-ID: {out.remote_id}
--b--
"""
    row = post.read(report.encode())
    out.refresh_from_db()
    assert (row.state, row.reason, out.state) == ("automatic", "bounce", "failed") and "no such user" in out.last_error
    page = cast.client(cast.lin).get(f"/tickets/{ticket.number}/").content.decode()
    assert "no such user" in page and f"/tickets/messages/{message.pk}/send-again" in page


def test_loops_are_cut(post: Post) -> None:
    assert post.read(From="kf@example.com").reason == "own_address"
    ticket = ticket_of(post.read())
    _answered(post, ticket)
    post.send()
    echo = post.smtp.received[0]
    del echo["From"], echo["Message-ID"]
    echo["From"] = "echo@customer.cn"
    assert post.read(echo.as_bytes()).reason == "loop"
    for n in range(taking.PER_HOUR + 3):
        post.arrives(body=f"第 {n} 封", Subject=f"第 {n} 封", From="flood@customer.cn")
    post.fetch()
    post.serve()
    flood = Mail.objects.filter(sender="flood@customer.cn")
    assert flood.filter(state="taken").count() == taking.PER_HOUR
    assert set(flood.exclude(state="taken").values_list("state", "reason")) == {("quarantine", "too_many")}


def test_automatic_answers_to_one_address_are_few(post: Post) -> None:
    from django.utils import timezone

    ticket = ticket_of(post.read())
    for n in range(sending.AUTOMATIC_PER_HOUR + 2):
        routing.transfer(
            actor=SYSTEM, number=ticket.number, to_person=post.cast.lin.pk, now=timezone.now()
        ) if not n else None
        if not n:
            handling.accept(actor=post.cast.actor(post.cast.lin), number=ticket.number, now=timezone.now())
        talking.reply(actor=SYSTEM, number=ticket.number, body=f"自动 {n}", by="auto", now=timezone.now())
    post.send()
    assert len(post.smtp.received) == sending.AUTOMATIC_PER_HOUR
    assert all(one["Auto-Submitted"] == "auto-replied" for one in post.smtp.received)
    assert Outbox.objects.filter(state="failed").count() == 2


# --- out -------------------------------------------------------------------------------------------------------------


def test_what_is_not_sent_says_so_and_is_sent_again_with_the_same_id(post: Post, cast: Cast) -> None:
    ticket = ticket_of(post.read())
    post.smtp.answer = "451 try later"
    message = _answered(post, ticket)
    post.send()
    out = Outbox.objects.get()
    assert out.state == "waiting" and "451" in out.last_error and out.wake_at is not None
    post.smtp.answer = "554 refused as spam"
    due.run(due.SWEEPS["outbox"], out.wake_at + SECOND)
    page = cast.client(cast.lin).get(f"/tickets/{ticket.number}/").content.decode()
    assert "554 refused as spam" in page and f"/tickets/messages/{message.pk}/send-again" in page
    assert cast.client(cast.zhao).post(f"/tickets/messages/{message.pk}/send-again").status_code == 404
    post.smtp.answer = "250 OK"
    assert cast.client(cast.lin).post(f"/tickets/messages/{message.pk}/send-again").status_code == 302
    post.send()
    out.refresh_from_db()
    assert out.state == "sent" and [one["Message-ID"] for one in post.smtp.received] == [out.remote_id]
    assert out.key in out.remote_id
    with pytest.raises(Conflict):
        outbox.again(actor=cast.actor(cast.lin), message_id=message.pk, now=out.created_at)


def test_answers_leave_from_the_mailbox_it_came_to_with_their_files(post: Post, cast: Cast, dovecot: Dovecot) -> None:
    other = Post(cast, dovecot, post.smtp, "second" + post.user, address="vip@example.com", signature="")
    ticket = ticket_of(other.read(From="wang@customer.cn"))
    message = _answered(post, ticket)
    upload = SimpleUploadedFile("说明.pdf", b"%PDF")
    files.keep([upload], actor=SYSTEM, subject_kind="message", subject_id=message.pk, now=message.at)
    other.send()
    (sent,) = post.smtp.received
    assert "vip@example.com" in str(sent["From"])
    assert [part.get_filename() for part in sent.iter_attachments()] == ["说明.pdf"]


def test_nothing_leaves_that_is_internal_older_than_the_mailbox_or_not_by_mail(post: Post, cast: Cast) -> None:
    ticket = ticket_of(post.read())
    talking.note(actor=SYSTEM, number=ticket.number, body="内部", now=cast.now)
    web = cast.accepted(customer=None)
    talking.reply(actor=cast.actor(cast.lin), number=web.number, body="网页", now=cast.now)
    _answered(post, ticket, "早先的")
    Connection.objects.update(created_at=ticket.created_at + timedelta(days=1))
    post.send()
    assert post.smtp.received == [] and Outbox.objects.count() == 0


# --- quarantine ------------------------------------------------------------------------------------------------------


def test_what_cannot_be_taken_in_waits_for_people_with_its_reason(post: Post, cast: Cast) -> None:
    row = post.read(b"Subject: x\n\nno sender")
    assert (row.state, row.reason) == ("quarantine", "no_sender")
    huge = post.read(b"From: li@customer.cn\nSubject: huge\n\n" + b"x" * 70 + b"\n" + b"y\n" * 18_500_000)
    assert (huge.state, huge.reason, huge.sender) == ("quarantine", "too_large", "li@customer.cn")
    assert huge.size > 36_000_000 and files.path_at(huge.sha256).stat().st_size < 100_000
    client = cast.client(cast.sup)
    page = client.get("/mail/").content.decode()
    assert "huge" in page and "l***@customer.cn" in page and "li@customer.cn" not in page
    assert client.post(f"/mail/{row.pk}/take-over", {"into": "new"}).status_code == 302
    row.refresh_from_db()
    assert row.state == "taken" and row.ticket is not None and row.ticket.customer is None
    assert row.handled_by == cast.sup and client.post(f"/mail/{row.pk}/take-over").status_code == 409
    answer = client.post(f"/mail/{huge.pk}/take-over", {"into": "known", "number": row.ticket.number})
    assert answer.status_code == 302
    assert Attachment.objects.filter(subject_kind="message", name="mail.eml").exists()


def test_discarding_and_trying_again(post: Post, cast: Cast) -> None:
    row = post.read(b"Subject: x\n\nno sender")
    sup = cast.actor(cast.sup)
    quarantine.retry(actor=sup, mail_id=row.pk, now=row.stored_at)
    post.serve()
    row.refresh_from_db()
    assert (row.state, row.reason) == ("quarantine", "no_sender")
    quarantine.discard(actor=sup, mail_id=row.pk, now=row.stored_at)
    assert queries.mails(sup, state="quarantine").items == []
    assert [one.state for one in queries.mails(sup, state="discarded").items] == ["discarded"]
    with pytest.raises(Denied):
        quarantine.take_over(actor=cast.actor(cast.lin), mail_id=row.pk, now=row.stored_at)
    with pytest.raises(NotFound):
        queries.one(cast.actor(cast.lin), row.pk)


def test_the_original_is_for_who_may_reveal_and_it_is_told(post: Post, cast: Cast) -> None:
    raw = post.letter()
    row = post.read(raw)
    ticket = ticket_of(row)
    routing.transfer(actor=SYSTEM, number=ticket.number, to_person=cast.lin.pk, now=row.stored_at + SECOND)
    found: Any = cast.client(cast.lin).get(f"/mail/{row.pk}/original")
    assert b"".join(found.streaming_content).replace(b"\r", b"") == raw.replace(b"\r", b"")
    assert found["Content-Disposition"].startswith("attachment")
    revealed = JournalEntry.objects.filter(kind="customer.revealed", subject_id=ticket.customer_id or 0)
    assert revealed.count() == 0  # Lin's own ticket shows its customer anyway
    assert cast.client(cast.sup).get(f"/mail/{row.pk}/original").status_code == 403
    assert cast.client(cast.sup).post(f"/mail/{row.pk}/original").status_code == 200 and revealed.count() == 1
    assert cast.client(cast.zhao).get(f"/mail/{row.pk}/original").status_code == 404
    assert cast.client(cast.chen).post(f"/mail/{row.pk}/original").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_erasing_takes_senders_words_and_originals(post: Post) -> None:
    kept, erased = post.read(), post.read(From="li@customer.cn", body="身份证号 1234")
    place = files.path_at(erased.sha256)
    assert place.exists() and erased.ticket_id is not None
    erasing.erase([erased.ticket_id], True)
    erased.refresh_from_db()
    assert (erased.sender, erased.said, erased.html, erased.sha256, erased.state) == ("", "", "", "", "taken")
    assert not place.exists() and files.path_at(kept.sha256).exists()
    assert Mail.objects.get(pk=kept.pk).sender == "zhang@customer.cn"


def test_the_api_does_what_the_pages_do(post: Post, cast: Cast) -> None:
    row = post.read(b"Subject: x\n\nno sender")
    api = cast.api(cast.sup)
    assert [one["id"] for one in api.get("/api/v1/mails?state=quarantine").json()["items"]] == [row.pk]
    done = api.post(f"/api/v1/mails/{row.pk}/take-over", {}, content_type="application/json")
    assert done.status_code == 200 and done.json()["row"]["ticket"]
    told = api.get(f"/api/v1/tickets/{done.json()['row']['ticket']}/mails").json()
    assert [one["id"] for one in told["came"]] == [row.pk]
    assert cast.api(cast.lin).get("/api/v1/mails").status_code == 403


# --- the connection --------------------------------------------------------------------------------------------------


def test_trying_it_out_signs_in_at_both_servers(post: Post, cast: Cast) -> None:
    admin = of_person(cast.admin)
    told = connections.test(actor=admin, code=post.user, now=cast.now)
    assert "INBOX" in told and "127.0.0.1" in told
    data = ConnectionData("客服邮箱", post.row.options, {"password": "wrong"})
    connections.save(actor=admin, kind="mailbox", code=post.user, data=data, revision=post.row.revision, now=cast.now)
    with pytest.raises(Failed) as failed:
        connections.test(actor=admin, code=post.user, now=cast.now)
    assert "wrong" not in str(failed.value) and post.user in str(failed.value)


def test_one_process_reads_a_mailbox(post: Post, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keeping.lease(post.row.pk, cast.now) and keeping.lease(post.row.pk, cast.now + SECOND)
    monkeypatch.setattr(keeping, "_ME", "elsewhere:1")
    assert not keeping.lease(post.row.pk, cast.now + SECOND)
    assert keeping.lease(post.row.pk, cast.now + keeping.LEASE + 2 * SECOND)


def test_a_mailbox_reaches_no_inside_server_unless_it_is_named(post: Post, cast: Cast, settings: Any) -> None:
    settings.INSIDE_HOSTS = []
    with pytest.raises(Failed, match="JIYING_INSIDE_HOSTS"):
        connections.test(actor=of_person(cast.admin), code=post.user, now=cast.now)
    options = dict(post.row.options) | {"imap_host": "localhost"}
    Connection.objects.filter(pk=post.row.pk).update(options=options)
    with pytest.raises(Failed, match="JIYING_INSIDE_HOSTS"):
        connections.test(actor=of_person(cast.admin), code=post.user, now=cast.now)
