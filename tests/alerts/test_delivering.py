"""Deliveries by a real SMTP server: at least once with one key, checked again before, one digest, never lost."""

from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.core.mail.backends.smtp import EmailBackend

from jiying.alerts.models import Alert, Delivery
from jiying.alerts.services import delivering, leaving, raising, reading
from jiying.alerts.services.posting import Line
from jiying.base import due, subjects
from jiying.base.actor import of_person
from jiying.base.errors import Conflict, Denied
from jiying.base.models import JournalEntry
from jiying.base.transactions import short
from tests.alerts import cast
from tests.alerts.cast import NOW, Promises, notice
from tests.servers import SmtpSink, free_port

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = timedelta(seconds=1)


def run(now=NOW) -> int:
    return due.run(due.SWEEPS["deliveries"], now)


def plain(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_an_alert_is_delivered_once_with_its_key(promises: Promises, post: SmtpSink):
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    assert run() == 1
    assert run(NOW + timedelta(hours=2)) == 0
    (letter,) = post.received
    row = Delivery.objects.get()
    assert letter["X-Jiying-Key"] == row.key
    assert letter["Message-ID"] == f"<{row.key}@desk.example.com>"
    assert letter["X-Envelope-To"] == "ann@example.com"
    assert letter["Subject"] == "PR1 promise overdue since 10:00 Parcel <1> lost"
    assert (row.state, row.sent_at, row.wake_at) == ("sent", NOW, None)


def test_the_mail_says_what_when_and_where_as_text_and_html(promises: Promises, post: SmtpSink):
    ann = cast.person("ann", time_zone="Europe/Berlin")
    raising.raise_alerts([notice(ann)], now=NOW)
    run()
    (letter,) = post.received
    html = letter.get_body(("html",))
    assert html is not None
    assert "03:00" in plain(letter), "the time of the reader's zone"
    assert "https://desk.example.com/promises/1" in plain(letter)
    assert "Parcel <1> lost" in plain(letter)
    assert "Parcel &lt;1&gt; lost" in html.get_content()
    assert 'href="https://desk.example.com/promises/1"' in html.get_content()


def test_what_was_met_meanwhile_is_withheld_and_journalled(promises: Promises, post: SmtpSink):
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    promises.met.add(1)
    run()
    assert post.received == []
    assert Delivery.objects.get().state == "withheld"
    fact = JournalEntry.objects.get(kind="alert.withheld")
    assert (fact.subject_kind, fact.subject_id, fact.at) == ("promise", 1, NOW)
    assert fact.data["why"] == "reason_passed"
    assert run(NOW + timedelta(hours=1)) == 0
    assert JournalEntry.objects.filter(kind="alert.withheld").count() == 1


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda promises, ann: promises.over.add(1), "subject_over"),
        (lambda promises, ann: short(reading.withdraw)("promise", [1], NOW), "withdrawn"),
        (
            lambda promises, ann: reading.acknowledge(
                actor=of_person(ann), alert_id=Alert.objects.get(subject_id=1).pk, now=NOW
            ),
            "acknowledged",
        ),
    ],
)
def test_only_what_still_holds_goes_out(promises: Promises, post: SmtpSink, happens: Any, why: str):
    ann = cast.person("ann")
    raising.raise_alerts([notice(ann, 1), notice(ann, 2)], now=NOW)
    happens(promises, ann)
    post.answer = "451 later"
    run()
    post.answer = "250 OK"
    run(NOW + timedelta(minutes=1))
    (letter,) = post.received
    assert "PR2" in plain(letter)
    assert "PR1" not in plain(letter)
    fact = JournalEntry.objects.get(kind="alert.withheld")  # said once, though tried twice
    assert (fact.subject_id, fact.data["why"]) == (1, why)


def test_who_left_gets_nothing(promises: Promises, post: SmtpSink):
    ann = cast.person("ann")
    raising.raise_alerts([notice(ann)], now=NOW)
    ann.is_active = False
    ann.save()
    run()
    assert post.received == []
    assert JournalEntry.objects.get(kind="alert.withheld").data["why"] == "person_left"


def test_a_hundred_at_once_and_over_an_hour_are_one_digest(promises: Promises, post: SmtpSink):
    ann = cast.person("ann")
    instants = [NOW + n * timedelta(seconds=36) for n in range(100)]
    for n, at in enumerate(instants):
        raising.raise_alerts([notice(ann, n, at=at, late=True)], now=at)
    run(NOW + timedelta(hours=1))
    (letter,) = post.received
    lines = [line for line in plain(letter).splitlines() if line.startswith("PR")]
    assert [line.split()[0] for line in lines] == [f"PR{n}" for n in range(100)], "in order of due time"
    assert all("(told late)" in line for line in lines)
    assert letter["Subject"].startswith("100 alerts, first of all PR0 ")
    assert list(Delivery.objects.values_list("state", flat=True)) == ["sent"]
    assert Delivery.objects.get().alerts.count() == 100


def test_a_digest_waits_until_all_that_was_missed_is_in_but_not_for_ever(promises: Promises, post: SmtpSink):
    ann = cast.person("ann")
    second = timedelta(seconds=1)
    for n in range(5):
        at = NOW + n * second
        raising.raise_alerts([notice(ann, n, at=NOW - timedelta(hours=1), late=True)], now=at)
        assert run(at) == 0
    end = NOW + 4 * second + leaving.GATHER
    assert run(end - timedelta(milliseconds=1)) == 0
    assert run(end) == 1
    assert post.received[0]["Subject"].startswith("5 alerts")
    for n in range(100, 160):
        raising.raise_alerts([notice(ann, n, at=NOW - timedelta(hours=1), late=True)], now=NOW + n * second)
        run(NOW + n * second)
    run(NOW + 160 * second)
    assert len(post.received) == 2, "a minute is the longest wait"
    run(NOW + 200 * second)
    assert sum(line.startswith("PR") for letter in post.received for line in plain(letter).splitlines()) == 65


def test_a_digest_waits_for_a_sweep_that_still_works_off_what_was_missed(
    promises: Promises, post: SmtpSink, monkeypatch: pytest.MonkeyPatch
):
    """However long it is between two batches; what was told in time goes out meanwhile."""
    ann, ben = cast.person("ann"), cast.person("ben")
    behind = [NOW - timedelta(hours=1)]
    monkeypatch.setattr(due, "next_wake", lambda sweep: behind[0] if sweep.name == "clocks" else None)
    raising.raise_alerts([notice(ann, 0, at=NOW - timedelta(hours=1), late=True), notice(ben, 1, at=NOW)], now=NOW)
    for s in range(20):
        run(NOW + timedelta(seconds=s))
    assert [letter["X-Envelope-To"] for letter in post.received] == [ben.email]
    raising.raise_alerts([notice(ann, 2, at=NOW, late=True)], now=NOW + timedelta(seconds=20))
    behind[0] = NOW
    run(NOW + timedelta(seconds=24))
    assert post.received[-1]["Subject"].startswith("2 alerts")
    assert len(post.received) == 2


def test_two_people_have_their_own_mails_over_one_connection(
    promises: Promises, post: SmtpSink, monkeypatch: pytest.MonkeyPatch
):
    answers = []
    dial = EmailBackend.open

    def counted(backend: EmailBackend) -> bool | None:
        answers.append(dial(backend))
        return answers[-1]

    monkeypatch.setattr(EmailBackend, "open", counted)
    raising.raise_alerts([notice(cast.person("ann")), notice(cast.person("ben"))], now=NOW)
    assert run() == 2
    assert {m["X-Envelope-To"] for m in post.received} == {"ann@example.com", "ben@example.com"}
    assert answers.count(True) == 1, answers


def test_a_server_that_is_down_is_tried_again_then_dead_then_sent_again(
    promises: Promises, post: SmtpSink, settings: Any
):
    """Back-off, dead letter with its reason, and a person with the right who sends it once more."""
    ann, root = cast.person("ann"), of_person(cast.person("root", "system.health"))
    raising.raise_alerts([notice(ann)], now=NOW)
    settings.EMAIL_PORT = free_port()
    now, waits = NOW, []
    while (row := Delivery.objects.get()).wake_at is not None:
        waits.append(row.wake_at - now)
        now = row.wake_at
        run(now)
        assert run(now) == 0, "not before its back-off has passed"
    assert row.attempts == delivering.MAX_ATTEMPTS == len(waits)
    assert (row.state, row.parked_at) == ("dead", now)
    assert "ConnectionRefusedError" in row.last_error
    assert waits[1] < timedelta(seconds=3) < waits[5] < max(waits) <= timedelta(seconds=1800 * 1.3)
    assert now - NOW > timedelta(hours=2), "an outage of two hours is survived without a hand"

    settings.EMAIL_PORT = post.port
    with pytest.raises(Denied):
        reading.send_again(actor=of_person(ann), delivery_id=row.pk, now=now)
    assert Delivery.objects.get().state == "dead"
    reading.send_again(actor=root, delivery_id=row.pk, now=now)
    with pytest.raises(Conflict):
        reading.send_again(actor=root, delivery_id=row.pk, now=now)
    run(now)
    assert [m["X-Jiying-Key"] for m in post.received] == [row.key]
    fact = JournalEntry.objects.get(kind="delivery.sent_again")
    assert (fact.subject_id, fact.actor_id) == (row.pk, root.id)


def test_what_waits_after_a_refusal_joins_the_next_message(promises: Promises, post: SmtpSink):
    ann = cast.person("ann")
    raising.raise_alerts([notice(ann, 1)], now=NOW)
    post.answer = "451 later"
    run()
    post.answer = "250 OK"
    raising.raise_alerts([notice(ann, 2)], now=NOW + SECOND)
    run(NOW + SECOND)
    (letter,) = post.received
    assert "PR1" in plain(letter)
    assert "PR2" in plain(letter)
    assert Delivery.objects.get().created_at == NOW, "the wait is counted from the first"


def test_a_recipient_refused_for_good_is_dead_at_once(promises: Promises, post: SmtpSink):
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    post.answer = "550 no such user"
    run()
    row = Delivery.objects.get()
    assert (row.state, row.attempts) == ("dead", 1)
    assert "550" in row.last_error


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing of ours runs any more."""


def test_killed_between_send_and_finish_it_is_sent_again_with_the_same_message_id(
    promises: Promises, post: SmtpSink, monkeypatch: pytest.MonkeyPatch
):
    ann = cast.person("ann")
    raising.raise_alerts([notice(ann, 1)], now=NOW)

    def killed(*args: Any, **fields: Any) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(due, "finish", killed)
        with pytest.raises(Killed):
            run()
    assert run(NOW + SECOND) == 0, "its lease still holds"
    raising.raise_alerts([notice(ann, 2)], now=NOW + SECOND)
    run(NOW + delivering.LEASE)
    first, *others = post.received
    (again,) = [m for m in others if m["Message-ID"] == first["Message-ID"]]
    assert plain(again) == plain(first), "nothing may hide in a message that its receiver drops"
    assert sum("PR2" in plain(m) for m in others) == 1
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_a_line_cut_in_the_middle_keeps_the_key(promises: Promises, post: SmtpSink, monkeypatch: pytest.MonkeyPatch):
    """The server took it and the line broke before its answer: the repeat carries the same key, alone."""
    ann = cast.person("ann")
    raising.raise_alerts([notice(ann, 1)], now=NOW)
    send = EmailBackend.send_messages

    def send_and_break(backend: EmailBackend, messages: Any) -> int:
        send(backend, messages)
        raise TimeoutError("timed out")

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", send_and_break)
        run()
    assert Delivery.objects.get().state == "waiting"
    raising.raise_alerts([notice(ann, 2)], now=NOW + SECOND)
    run(NOW + timedelta(minutes=1))
    keys = [m["X-Jiying-Key"] for m in post.received]
    assert len(keys) == 3
    assert keys.count(keys[0]) == 2


def test_a_poison_alert_is_put_off_and_the_others_go_out(promises: Promises, post: SmtpSink):
    ann, ben = cast.person("ann"), cast.person("ben")
    raising.raise_alerts([notice(ann), notice(ben)], now=NOW)
    Alert.objects.filter(person=ann).update(subject_kind="nobody_knows")
    assert "nobody_knows" not in subjects.KINDS
    run()
    assert [m["X-Envelope-To"] for m in post.received] == ["ben@example.com"]
    row = Delivery.objects.get(person=ann)
    assert (row.state, row.attempts) == ("waiting", 1)
    assert "nobody_knows" in row.last_error


def test_a_channel_that_raises_is_tried_again_at_once_and_in_the_end_seen(
    promises: Promises, post: SmtpSink, monkeypatch: pytest.MonkeyPatch
):
    """A fault of ours on the way out, not the server's: no lease is waited out, and no other key is used."""
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    real, now = Line.send, NOW
    monkeypatch.setattr(Line, "send", lambda line, message: 1 / 0)
    run(now)
    row = Delivery.objects.get()
    key, wake = row.key, row.wake_at
    assert wake is not None and wake - NOW <= 3 * SECOND
    assert (row.state, row.attempts, row.last_error) == ("waiting", 1, "ZeroDivisionError: division by zero")
    for _try in range(delivering.MAX_ATTEMPTS - 1):
        now += timedelta(hours=1)
        run(now)
    row.refresh_from_db()
    assert (row.state, row.parked_at, row.wake_at, row.key) == ("dead", now, None, key)
    monkeypatch.setattr(Line, "send", real)
    admin = of_person(cast.person("adm", "system.health"))
    reading.send_again(actor=admin, delivery_id=row.pk, now=now)
    run(now)
    assert [m["X-Jiying-Key"] for m in post.received] == [key]
