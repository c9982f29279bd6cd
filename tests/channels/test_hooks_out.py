"""Events to subscribers at a real HTTP server: signed, in order, tried again, switched off in sight, replayed."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.alerts.models import Alert
from jiying.base import connections, due, journal, sealing, tails
from jiying.base.errors import Denied, Invalid
from jiying.base.models import Connection, JournalEntry, JournalPosition
from jiying.channels.models import HookDelivery
from jiying.channels.services import hook_replays, hooks_out
from jiying.core import hook_events
from jiying.desk.models import Ticket
from jiying.desk.services import handling, talking
from tests.cast import Cast
from tests.robots import Answer, Robot

ALL = list(hook_events.EVENTS)
SECOND = timedelta(seconds=1)


@pytest.fixture
def subscriber(settings: Any) -> Iterator[Robot]:
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    one = Robot()
    yield one
    one.close()


def subscribed(cast: Cast, subscriber: Robot, code: str = "erp", **options: Any) -> Connection:
    given = {"url": subscriber.url, "events": ALL, **options}
    sealed = {"secret": sealing.seal("s3cret")}
    return Connection.objects.create(
        kind="hook_out", code=code, name=code, options=given, sealed=sealed, created_at=cast.now - timedelta(days=1)
    )


def follow() -> None:
    while journal.sequence():
        pass
    tails.catch_up(hooks_out.READER)


def run(cast: Cast, after: timedelta = timedelta()) -> None:
    due.run(due.SWEEPS["hooks_out"], cast.now + after)


def solved(cast: Cast) -> Ticket:
    ticket = cast.accepted(subject="张三的电话 13812345678")
    talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body="内容不外传", now=cast.now)
    handling.resolve(actor=cast.actor(cast.lin), number=ticket.number, note="备注不外传", now=cast.now)
    return ticket


def types(subscriber: Robot) -> list[str]:
    return [got.json["type"] for got in subscriber.got]


def test_events_arrive_signed_in_order_and_once(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    ticket = solved(cast)
    follow()
    tails.put(hooks_out.READER, 0)
    follow()  # read again after a crash
    run(cast)
    run(cast, SECOND)
    assert types(subscriber) == ["ticket.opened", "ticket.assigned", "ticket.accepted", "ticket.reply", "ticket.solved"]
    positions = [got.json["position"] for got in subscriber.got]
    assert positions == sorted(set(positions))
    first = subscriber.got[0]
    assert set(first.json) == {"id", "type", "position", "at", "ticket", "data"}
    assert first.json["ticket"] == ticket.number
    assert first.json["data"]["priority"] == ticket.priority
    signed = first.headers["X-Jiying-Timestamp"].encode() + b"." + first.body
    assert first.headers["X-Jiying-Signature"] == "v1=" + hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert (first.headers["X-Jiying-Event"], first.headers["X-Jiying-Id"]) == ("ticket.opened", first.json["id"])
    row = HookDelivery.objects.order_by("position").first()
    assert row is not None
    assert (row.state, row.status, row.attempts) == ("sent", 200, 1)
    assert row.duration_ms is not None
    assert "errcode" in row.answer


def test_nothing_that_people_wrote_or_are_called_leaves(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    solved(cast)
    follow()
    run(cast)
    sent = b"".join(got.body for got in subscriber.got).decode()
    for word in ("张三", "13812345678", "不外传", cast.lin.name, "people"):
        assert word not in sent


def test_names_leave_where_a_subscription_may_have_them(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber, with_people=True)
    solved(cast)
    follow()
    run(cast)
    assert subscriber.got[-1].json["people"]["actor"] == {"kind": "person", "name": cast.lin.name}
    assert subscriber.got[-1].json["people"]["agent"] == cast.lin.name


def test_only_chosen_events_and_none_of_before(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber, events=["ticket.solved"])
    late = subscribed(cast, subscriber, "late")
    Connection.objects.filter(pk=late.pk).update(created_at=cast.now + timedelta(hours=1))
    solved(cast)
    follow()
    run(cast)
    assert types(subscriber) == ["ticket.solved"]


def test_what_is_behind_a_failure_waits_so_that_the_order_holds(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    solved(cast)
    follow()
    subscriber.answers = [Answer(), Answer(503, "later"), Answer()]
    run(cast)
    assert len(subscriber.got) == 2
    second = HookDelivery.objects.order_by("position")[1]
    assert (second.state, second.status, second.attempts, second.answer) == ("waiting", 503, 1, "later")
    run(cast)
    assert len(subscriber.got) == 2, "nothing overtakes"
    run(cast, 10 * SECOND)
    assert types(subscriber) == [
        "ticket.opened", "ticket.assigned", "ticket.assigned", "ticket.accepted", "ticket.reply", "ticket.solved",
    ]  # fmt: skip
    assert subscriber.got[1].json["id"] == subscriber.got[2].json["id"]
    assert Connection.objects.get().n_failed == 0


def test_nothing_overtakes_what_another_worker_sends_just_now(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    solved(cast)
    follow()
    first, second, *_others = HookDelivery.objects.order_by("position")
    assert due.lease(HookDelivery, first.pk, cast.now, 60) is not None
    run(cast)
    assert subscriber.got == []
    second.refresh_from_db()
    assert second.wake_at is not None
    assert second.wake_at > cast.now
    run(cast, 61 * SECOND)  # that worker died
    assert len(subscriber.got) == 5


def test_another_subscriber_does_not_wait_for_a_failing_one(cast: Cast, subscriber: Robot) -> None:
    bad = Robot()
    bad.answers = [Answer(500, "")]
    subscribed(cast, bad, "bad")
    subscribed(cast, subscriber, "good")
    solved(cast)
    follow()
    run(cast)
    bad.close()
    assert (len(bad.got), len(subscriber.got)) == (1, 5)


def test_an_event_that_is_refused_by_itself_is_put_aside(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    solved(cast)
    follow()
    subscriber.answers = [*[Answer(422, "unknown")] * hooks_out.REFUSALS, Answer()]
    for n in range(hooks_out.REFUSALS):
        run(cast, timedelta(minutes=n))
    first, *others = HookDelivery.objects.order_by("position")
    assert (first.state, first.attempts, first.status) == ("failed", hooks_out.REFUSALS, 422)
    assert {row.state for row in others} == {"sent"}


def test_a_subscription_that_fails_for_days_is_switched_off_and_administrators_hear(
    cast: Cast, subscriber: Robot
) -> None:
    row = subscribed(cast, subscriber)
    solved(cast)
    follow()
    subscriber.answers = [Answer(500, "broken")]
    at = timedelta()
    while Connection.objects.get().active and at < timedelta(days=5):
        run(cast, at)
        at += timedelta(minutes=31)
    assert timedelta(days=3) <= at < timedelta(days=3, hours=3)
    alert = Alert.objects.get(person=cast.admin, kind="connection.switched_off")
    assert alert.subject_id == row.pk
    page = cast.client(cast.admin).get("/alerts/").content.decode()
    assert "erp" in page
    assert HookDelivery.objects.filter(state="waiting").count() == 5, "nothing is lost by it"
    n = len(subscriber.got)
    run(cast, at + timedelta(hours=1))
    assert len(subscriber.got) == n
    Connection.objects.update(active=True)
    subscriber.answers = [Answer()]
    run(cast, at + timedelta(hours=2))
    assert len(subscriber.got) == n + 5


def test_nothing_is_sent_to_the_inside(cast: Cast, subscriber: Robot, settings: Any) -> None:
    settings.INSIDE_HOSTS = []
    subscribed(cast, subscriber)
    solved(cast)
    follow()
    run(cast)
    assert subscriber.got == []
    assert "JIYING_INSIDE_HOSTS" in HookDelivery.objects.order_by("position")[0].last_error


def test_one_is_sent_again_by_page_and_api_under_its_id(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    solved(cast)
    follow()
    run(cast)
    row = HookDelivery.objects.order_by("position")[1]
    client = cast.client(cast.admin)
    page = client.get("/hooks/?connection=erp&state=sent").content.decode()
    assert page.count("data-row") >= 5
    assert client.post(f"/hooks/log/{row.pk}/again").status_code == 302
    row.refresh_from_db()
    assert row.wake_at is not None
    due.run(due.SWEEPS["hooks_out"], row.wake_at)
    told = cast.api(cast.admin).post(f"/api/v1/hook-deliveries/{row.pk}/replay").json()
    assert (told["state"], told["event"]) == ("waiting", "ticket.assigned")
    row.refresh_from_db()
    assert row.wake_at is not None
    due.run(due.SWEEPS["hooks_out"], row.wake_at)
    ids = [got.json["id"] for got in subscriber.got]
    assert ids[5] == ids[6] == ids[1]
    found = cast.api(cast.admin).get("/api/v1/hook-deliveries?connection=erp").json()
    assert len(found["items"]) == 5
    assert JournalEntry.objects.filter(kind="connection.replayed").count() == 2


def test_a_period_is_sent_again_with_what_was_missed_while_it_was_off(cast: Cast, subscriber: Robot) -> None:
    row = subscribed(cast, subscriber)
    solved(cast)
    follow()
    run(cast)
    Connection.objects.filter(pk=row.pk).update(active=False)
    other = cast.accepted(subject="x")
    follow()
    run(cast)
    assert len(subscriber.got) == 5
    Connection.objects.filter(pk=row.pk).update(active=True)
    begun = JournalPosition.objects.order_by("position").values_list("entry__recorded_at", flat=True)[0]
    around = {"since": (begun - SECOND).isoformat(), "until": (begun + timedelta(hours=9)).isoformat()}
    answer = cast.api(cast.admin).post("/api/v1/connections/erp/replay", around, content_type="application/json")
    n = answer.json()["n"]
    assert n == 8, "five of the first ticket, and three of the second"
    wake = HookDelivery.objects.order_by("position")[0].wake_at
    assert wake is not None
    due.run(due.SWEEPS["hooks_out"], wake)
    again = subscriber.got[5:]
    assert [got.json["position"] for got in again] == sorted(got.json["position"] for got in again)
    assert len(again) == 8
    assert again[-1].json["ticket"] == other.number


def test_a_period_must_be_one(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    admin = cast.actor(cast.admin)
    for since, until in ((cast.now, cast.now), (cast.now - timedelta(days=40), cast.now)):
        with pytest.raises(Invalid):
            hook_replays.period(actor=admin, code="erp", since=since, until=until, now=cast.now)
    page = cast.client(cast.admin).post("/hooks/log/period/again", {"connection": "erp", "since": "x"})
    assert page.status_code == 422


def test_only_those_with_the_right_see_the_log_and_replay(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    solved(cast)
    follow()
    run(cast)
    row = HookDelivery.objects.first()
    assert row is not None
    with pytest.raises(Denied):
        hook_replays.one(actor=cast.actor(cast.wang), delivery_id=row.pk, now=cast.now)
    assert cast.client(cast.wang).get("/hooks/").status_code == 403
    assert HookDelivery.objects.filter(state="waiting").count() == 0


def test_the_ping_of_the_test_button(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    reached = connections.test(actor=cast.actor(cast.admin), code="erp", now=cast.now)
    assert "200" in reached
    assert subscriber.got[0].json["type"] == "ping"
    subscriber.answers = [Answer(404, "nobody")]
    with pytest.raises(connections.Failed, match="404 nobody"):
        connections.test(actor=cast.actor(cast.admin), code="erp", now=cast.now)


def test_the_log_is_tidied(cast: Cast, subscriber: Robot) -> None:
    subscribed(cast, subscriber)
    solved(cast)
    follow()
    run(cast)
    HookDelivery.objects.filter(event="ticket.opened").update(state="failed")
    hooks_out.tidy(cast.now + hooks_out.KEPT * 20)
    assert list(HookDelivery.objects.values_list("event", flat=True)) == ["ticket.opened"]


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=100) | st.integers() | st.lists(st.text())))
def test_only_known_codes_leave(data: dict[str, Any]) -> None:
    assert set(hook_events.data_of("ticket.solved", data)) <= hook_events.CODES


def test_prose_is_no_code() -> None:
    assert hook_events.data_of("ticket.escalated", {"level": 1, "reason": "客户着急"}) == {"level": 1}
    assert hook_events.data_of("ticket.held", {"note": "x", "reason": "customer"}) == {"reason": "customer"}
    changed = {"before": {"priority": "P3", "note": "x"}, "priority": "P1", "reason": "x"}
    assert hook_events.data_of("ticket.reclassified", changed) == {"before": {"priority": "P3"}, "priority": "P1"}
