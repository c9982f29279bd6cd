"""Replies on their way out: put in once, sent in order, tried again, given up in sight, sent again, erased."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from jiying.alerts.models import Alert
from jiying.base import connections, due, journal, tails
from jiying.base.connections import Field, Kind, Open
from jiying.base.errors import Conflict, Denied, NotFound
from jiying.base.models import Connection
from jiying.channels.models import Outbox
from jiying.channels.services import outbox
from jiying.channels.services.outbox import NotSent, Way
from jiying.desk.models import Message, Ticket
from jiying.desk.services import privacy, talking
from tests.cast import Cast
from tests.desk.stage import facts_of

SENT: list[tuple[str, str]] = []
FAULTS: list[Exception] = []
PIGEON = Kind("pigeon", "信鸽", "social", fields=(Field("loft", "鸽舍"),))


def fly(row: Outbox, found: Open) -> str:
    if FAULTS:
        raise FAULTS[0]
    SENT.append((row.message.body, row.key))
    return f"{found.code}-{len(SENT)}"


@pytest.fixture(autouse=True)
def _pigeons(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    SENT.clear()
    FAULTS.clear()

    def by_pigeon(messages: Sequence[Message]) -> Mapping[int, Way]:
        pk = Connection.objects.values_list("pk", flat=True).get(code="loft")
        return {m.pk: Way(pk, {"to": "屋顶"}) for m in messages if m.ticket.channel == "social"}

    monkeypatch.setitem(connections.KINDS, "pigeon", PIGEON)
    monkeypatch.setitem(outbox.SENDERS, "pigeon", fly)
    monkeypatch.setattr(outbox, "WAYS", [by_pigeon])
    yield


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    Connection.objects.create(kind="pigeon", code="loft", name="鸽舍")
    return cast.accepted(channel="social", subject="在吗")


def say(cast: Cast, ticket: Ticket, *texts: str) -> None:
    for text in texts:
        talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body=text, now=cast.now)
    follow()


def follow() -> None:
    while journal.sequence():
        pass
    tails.catch_up(outbox.READER)


def run(cast: Cast, after_s: int = 0) -> None:
    due.run(due.SWEEPS["outbox"], cast.now + timedelta(seconds=after_s))


def page(cast: Cast, ticket: Ticket, person: Any = None) -> str:
    return str(cast.client(person or cast.lin).get(f"/tickets/{ticket.number}/").content.decode())


def test_replies_go_out_once_and_in_order(cast: Cast, ticket: Ticket) -> None:
    talking.note(actor=cast.actor(cast.lin), number=ticket.number, body="内部", now=cast.now)
    say(cast, ticket, "您好", "马上查")
    assert "发送中" in page(cast, ticket) or "on its way" in page(cast, ticket)
    tails.put(outbox.READER, 0)
    follow()  # read again after a crash
    for n in range(5):
        run(cast, n)
    assert [text for text, _key in SENT] == ["您好", "马上查"]
    assert set(Outbox.objects.values_list("state", "remote_id")) == {("sent", "loft-1"), ("sent", "loft-2")}
    assert facts_of(ticket).count("reply_sent") == 2
    assert Connection.objects.get().ok_at is not None


def test_other_tickets_send_nothing(cast: Cast, ticket: Ticket) -> None:
    other = cast.accepted(channel="web")
    say(cast, other, "您好")
    assert not Outbox.objects.exists()


def test_a_failure_is_tried_again_under_the_same_key(cast: Cast, ticket: Ticket) -> None:
    FAULTS.append(NotSent("对方忙"))
    say(cast, ticket, "您好", "还在吗")
    run(cast)
    row = Outbox.objects.order_by("pk")[0]
    assert (row.state, row.attempts, row.last_error) == ("waiting", 1, "对方忙")
    FAULTS.clear()
    for n in (10, 20, 40):
        run(cast, n)
    assert [text for text, _key in SENT] == ["您好", "还在吗"]  # the later one waited
    assert SENT[0][1] == row.key


def test_what_is_given_up_is_seen_and_sent_again(cast: Cast, ticket: Ticket) -> None:
    FAULTS.append(NotSent("48 小时内才能回复", final=True))
    say(cast, ticket, "您好")
    run(cast)
    row = Outbox.objects.get()
    assert row.state == "failed" and row.wake_at is None
    assert Alert.objects.get(kind="ticket.reply_failed").person_id == cast.lin.pk
    assert "48 小时内才能回复" in page(cast, ticket)
    again = f"/tickets/messages/{row.message_id}/send-again"
    assert again in page(cast, ticket) and again not in page(cast, ticket, cast.chen)
    FAULTS.clear()
    assert cast.client(cast.lin).post(again).status_code == 302
    run(cast, 10**9)
    row.refresh_from_db()
    assert row.state == "sent" and len(SENT) == 1
    with pytest.raises(Conflict):
        outbox.again(actor=cast.actor(cast.lin), message_id=row.message_id, now=cast.now)


def test_who_may_send_again(cast: Cast, ticket: Ticket) -> None:
    FAULTS.append(NotSent("不行", final=True))
    say(cast, ticket, "您好")
    run(cast)
    pk = Outbox.objects.get().message_id
    for person, refusal in ((cast.chen, Denied), (cast.zhao, NotFound)):
        with pytest.raises(refusal):
            outbox.again(actor=cast.actor(person), message_id=pk, now=cast.now)
    told = cast.api(cast.lin).get(f"/api/v1/tickets/{ticket.number}/replies-out").json()["items"]
    assert [(one["state"], one["error"]) for one in told] == [("failed", "不行")]
    assert cast.api(cast.lin).post(f"/api/v1/messages/{pk}/send-again").json()["state"] == "waiting"


def test_a_switched_off_connection_and_a_fault_of_ours_are_kept_with_the_reason(cast: Cast, ticket: Ticket) -> None:
    FAULTS.append(ValueError("逻辑错误"))
    say(cast, ticket, "您好")
    run(cast)
    assert "逻辑错误" in Outbox.objects.get().last_error
    Connection.objects.update(active=False)
    run(cast, 20)
    assert Outbox.objects.get().last_error == "connection_off"
    for n in range(1, 20):
        run(cast, n * 3600)
    assert Outbox.objects.get().state == "failed" and not SENT


def test_erasure_takes_the_addresses(cast: Cast, ticket: Ticket) -> None:
    say(cast, ticket, "您好")
    privacy._erase_tickets([ticket.pk], True, cast.now)
    run(cast)
    row = Outbox.objects.get()
    assert (row.state, row.about) == ("withheld", {}) and not SENT
