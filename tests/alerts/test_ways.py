"""Ways out beside mail, at a real HTTP server that counts: who is told, limits kept, nothing lost, failures seen."""

import json
import socket
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from jiying.alerts.models import Alert, Bucket, Delivery
from jiying.alerts.services import raising, reading, throttling
from jiying.alerts.services.ways import WAYS
from jiying.base import connections, due, lanes, outgoing, sealing
from jiying.base.actor import SYSTEM, of_person
from jiying.base.errors import Denied, Invalid
from jiying.base.models import Connection, JournalEntry
from jiying.core import robots
from tests.alerts import cast
from tests.alerts.cast import NOW, Promises
from tests.robots import Answer, Robot
from tests.servers import SmtpSink, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def run(now: datetime = NOW) -> int:
    return due.run(due.SWEEPS["deliveries"], now)


def connected(kind: str, code: str = "", secrets: dict[str, str] | None = None, **options: Any) -> Connection:
    sealed = {name: sealing.seal(text) for name, text in (secrets or {}).items()}
    return Connection.objects.create(kind=kind, code=code or kind, name=code or kind, options=options, sealed=sealed)


def notice(who: Any, subject: int = 1, ways: tuple[str, ...] = ("app", "group"), **more: Any) -> raising.Notice:
    import dataclasses

    return dataclasses.replace(cast.notice(who, subject, **more), ways=ways)


def dingtalk(robot: Robot, code: str = "", **options: Any) -> Connection:
    return connected("dingtalk_robot", code, {"url": robot.url, "secret": "SEC1"}, **options)


def test_a_group_is_told_once_of_what_several_people_are_told(promises: Promises, robot: Robot) -> None:
    dingtalk(robot)
    ann, bob = cast.person("ann"), cast.person("bob")
    raising.raise_alerts([notice(ann), notice(bob), notice(bob, 2)], now=NOW)
    assert run() == 1
    assert run(NOW + MINUTE * 10) == 0
    (got,) = robot.got
    assert "timestamp=" in got.path
    assert "sign=" in got.path
    text = got.json["markdown"]["text"]
    assert text.splitlines() == [
        "#### 2 alerts",
        "- [PR1](https://desk.example.com/promises/1) P1 · promise overdue since 10:00",
        "- [PR2](https://desk.example.com/promises/2) P1 · promise overdue since 10:00",
    ]
    row = Delivery.objects.get()
    assert (row.state, row.person, row.target, row.sent_at) == ("sent", None, "dingtalk_robot", NOW)
    assert Connection.objects.get().ok_at is not None


def test_subject_lines_leave_the_house_only_where_that_is_switched_on(promises: Promises, robot: Robot) -> None:
    dingtalk(robot, with_title=True)
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    run()
    assert "Parcel ＜1＞ lost" in robot.got[0].json["markdown"]["text"]  # noqa: RUF001


def test_a_robot_of_a_team_hears_of_its_people_only(promises: Promises, robot: Robot) -> None:
    east, west = cast.team("east"), cast.team("west")
    dingtalk(robot, "east", team="east")
    connected("feishu_robot", "house", {"url": robot.url})
    robot.answers = [Answer(body='{"errcode":0,"code":0}')]
    raising.raise_alerts([notice(cast.person("ann", team=east)), notice(cast.person("bob", team=west), 2)], now=NOW)
    run()
    bodies = {next(iter(got.json)): got.body.decode() for got in robot.got}
    assert ("PR1" in bodies["msgtype"], "PR2" in bodies["msgtype"]) == (True, False)
    feishu = json.dumps([got.json for got in robot.got if "msg_type" in got.json])
    assert "PR1" in feishu
    assert "PR2" in feishu


def test_without_the_way_or_switched_off_no_robot_is_told(promises: Promises, robot: Robot) -> None:
    row = dingtalk(robot)
    ann = cast.person("ann")
    raising.raise_alerts([notice(ann, ways=("app", "mail"))], now=NOW)
    Connection.objects.filter(pk=row.pk).update(active=False)
    raising.raise_alerts([notice(ann, 2)], now=NOW)
    run()
    assert robot.got == []


def test_a_group_is_told_while_it_holds_for_anybody(promises: Promises, robot: Robot) -> None:
    dingtalk(robot)
    ann, bob = cast.person("ann"), cast.person("bob")
    raising.raise_alerts([notice(ann), notice(bob), notice(ann, 2)], now=NOW)
    for alert in Alert.objects.filter(person=ann):
        reading.acknowledge(actor=of_person(ann), alert_id=alert.pk, now=NOW)
    run()
    assert "PR1" in robot.got[0].body.decode()
    assert "PR2" not in robot.got[0].body.decode()
    fact = JournalEntry.objects.get(kind="alert.withheld")
    assert (fact.data["why"], fact.data["way"]) == ("acknowledged", "group")


def test_what_was_met_meanwhile_is_told_to_nobody(promises: Promises, robot: Robot) -> None:
    dingtalk(robot)
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    promises.met.add(1)
    run()
    assert robot.got == []
    assert Delivery.objects.get().state == "withheld"


# --- limits ----------------------------------------------------------------------------------------------------------


def drain(robot: Robot, now: datetime, n_turns: int = 2000) -> datetime:
    """Serves what waits, the clock going from one due instant to the next."""
    clock = [now]
    robot.clock = lambda: clock[0]
    for _turn in range(n_turns):
        wake = due.next_wake(due.SWEEPS["deliveries"])
        if wake is None:
            return clock[0]
        clock[0] = max(clock[0], wake)
        run(clock[0])
    raise AssertionError("still waiting")


def busiest(robot: Robot, window_s: int) -> int:
    at: list[float] = sorted(got.at.timestamp() for got in robot.got)
    return max(sum(begin <= one < begin + window_s for one in at) for begin in at)


def test_ten_thousand_alerts_drain_within_the_limit_and_none_is_lost(promises: Promises, robot: Robot) -> None:
    dingtalk(robot)
    ann = cast.person("ann")
    for begin in range(0, 10_000, 500):  # as a catch-up brings them
        raising.raise_alerts([notice(ann, n, late=True) for n in range(begin, begin + 500)], now=NOW)
    end = drain(robot, NOW)
    assert busiest(robot, 60) <= 20
    lines = [line for got in robot.got for line in got.json["markdown"]["text"].splitlines()[1:]]
    assert sorted(int(line.split("]")[0].removeprefix("- [PR")) for line in lines) == list(range(10_000))
    assert len(robot.got) == 200
    assert end - NOW < 11 * MINUTE
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_single_alerts_that_wait_for_the_limit_become_digests(promises: Promises, robot: Robot) -> None:
    dingtalk(robot)
    ann = cast.person("ann")
    robot.clock = lambda: NOW
    for n in range(100):
        raising.raise_alerts([notice(ann, n)], now=NOW)
        run(NOW)
    assert len(robot.got) == 20
    drain(robot, NOW)
    assert len(robot.got) == 22, "80 waiting alerts in two digests of 50 at most"
    assert busiest(robot, 60) <= 20
    assert Delivery.objects.filter(state="waiting").count() == 0


def test_two_connections_to_one_robot_share_its_limit(promises: Promises, robot: Robot) -> None:
    dingtalk(robot, "one")
    dingtalk(robot, "two")
    ann = cast.person("ann")
    robot.clock = lambda: NOW
    for n in range(15):
        raising.raise_alerts([notice(ann, n)], now=NOW)
        run(NOW)
    assert len(robot.got) == 20
    assert Bucket.objects.count() == 1


def test_feishu_keeps_both_of_its_limits(promises: Promises, robot: Robot) -> None:
    connected("feishu_robot", "", {"url": robot.url})
    robot.answers = [Answer(body='{"code":0}')]
    ann = cast.person("ann")
    for begin in range(0, 10_000, 500):
        raising.raise_alerts([notice(ann, n) for n in range(begin, begin + 500)], now=NOW)
    drain(robot, NOW)
    assert busiest(robot, 1) <= 5
    assert busiest(robot, 60) <= 100
    assert len(robot.got) == 200


def test_a_message_in_flight_counts_until_its_answer_is_there(robot: Robot) -> None:
    open = connections.opened_row(dingtalk(robot))
    way = WAYS["dingtalk_robot"]
    tokens = [throttling.take(way, open, NOW) for _n in range(20)]
    waits = throttling.take(way, open, NOW)
    assert isinstance(waits, throttling.Wait)
    assert waits.until - NOW == MINUTE + 11 * SECOND, "the latest instant at which the first can arrive"
    assert isinstance(tokens[0], throttling.Token)
    throttling.put_right(tokens[0], NOW + 2 * SECOND)
    again = throttling.take(way, open, NOW)
    assert isinstance(again, throttling.Wait)
    assert again.until - NOW == MINUTE + 3 * SECOND


def test_many_workers_together_take_no_token_too_many(robot: Robot) -> None:
    open = connections.opened_row(dingtalk(robot))
    way, got = WAYS["dingtalk_robot"], list[Any]()

    def work() -> None:
        got.extend(throttling.take(way, open, NOW) for _n in range(10))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 40
    assert sum(isinstance(one, throttling.Token) for one in got) == 20


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "rest_s"),
    [
        (Answer(body='{"errcode":130101,"errmsg":"send too fast"}'), 600),
        (Answer(429, "slow down", {"Retry-After": "90"}), 90),
        (Answer(503, "", {"Retry-After": "45"}), 45),
    ],
)
def test_a_robot_that_asks_for_rest_gets_it(promises: Promises, robot: Robot, answer: Answer, rest_s: int) -> None:
    row = dingtalk(robot)
    robot.answers = [answer, Answer()]
    ann = cast.person("ann")
    raising.raise_alerts([notice(ann)], now=NOW)
    run()
    raising.raise_alerts([notice(ann, 2)], now=NOW + SECOND)
    run(NOW + SECOND)
    assert len(robot.got) == 1, "the second one waits too"
    assert Connection.objects.get(pk=row.pk).n_failed == 1
    run(NOW + timedelta(seconds=rest_s + 2))
    assert len(robot.got) == 2
    assert "2 alerts" in robot.got[1].json["markdown"]["title"]


def test_a_dead_letter_is_seen_and_sent_again(client: Any, promises: Promises, robot: Robot) -> None:
    dingtalk(robot)
    robot.answers = [Answer(body='{"errcode":310000,"errmsg":"sign not match"}')]
    boss = cast.person("boss", "system.health")
    raising.raise_alerts([notice(boss)], now=NOW)
    drain(robot, NOW)
    row = Delivery.objects.get()
    assert (row.state, row.attempts, row.last_error) == ("dead", 16, "310000 sign not match")
    client.force_login(boss)
    by_script = {"content_type": "application/json"}
    page = client.get("/alerts/deliveries/").content.decode()
    assert "dingtalk_robot" in page
    assert "310000 sign not match" in page
    assert "PR1" in page
    (told,) = client.get("/api/v1/alerts/deliveries").json()["items"]
    assert (told["state"], told["connection"], told["error"]) == ("failed", "dingtalk_robot", "310000 sign not match")
    robot.answers = [Answer()]
    assert client.post(f"/api/v1/alerts/deliveries/{row.pk}/send-again", **by_script).status_code == 204
    assert client.post(f"/alerts/deliveries/{row.pk}/send-again").status_code == 409
    row.refresh_from_db()
    run(row.wake_at or NOW)
    assert Delivery.objects.get().state == "sent"


def test_a_robot_that_cannot_be_reached_is_tried_again(promises: Promises, robot: Robot, settings: Any) -> None:
    dingtalk(robot)
    settings.INSIDE_HOSTS = []
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    run()
    row = Delivery.objects.get()
    assert row.state == "waiting"
    assert "JIYING_INSIDE_HOSTS" in row.last_error
    assert "t0ken" not in row.last_error
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    assert row.wake_at is not None
    run(row.wake_at)
    assert len(robot.got) == 1


# --- the other ways --------------------------------------------------------------------------------------------------


def test_wecom_and_the_signed_web_hook(promises: Promises, robot: Robot) -> None:
    connected("wecom_robot", "", {"url": robot.url})
    connected("alert_hook", "", {"secret": "s3"}, url=robot.url)
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    run()
    hook, wecom = sorted(robot.got, key=lambda got: "msgtype" in got.json)
    assert wecom.json["markdown"]["content"].startswith("**1 alert**\n> [PR1](https://desk")
    assert hook.headers["X-Jiying-Signature"] == robots.sign_hook(
        "s3", int(hook.headers["X-Jiying-Timestamp"]), hook.body
    )
    assert hook.headers["X-Jiying-Key"] == hook.json["key"] == Delivery.objects.get(connection__kind="alert_hook").key
    assert hook.json["alerts"][0]["label"] == "PR1"


TEMPLATE = '{"mobile": "{phone}", "content": "{text}"}'


def gateway(robot: Robot, **options: Any) -> Connection:
    given = {"url": robot.url, "method": "POST", "form": "json", "body": TEMPLATE, "success": '"code":0', **options}
    return connected("sms", "", {"headers": "Authorization: Bearer x\nX-App: 7"}, **given)


def test_a_text_message_goes_to_the_person_s_number(promises: Promises, robot: Robot) -> None:
    gateway(robot)
    robot.answers = [Answer(body='{"code":0}')]
    ann, bob = cast.person("ann", phone="13800000001"), cast.person("bob")
    raising.raise_alerts([notice(one, n, ("app", "sms")) for one in (ann, bob) for n in (1, 2)], now=NOW)
    run()
    (got,) = robot.got
    assert got.json == {"mobile": "13800000001", "content": "PR1 promise overdue since 10:00 (+1)"}
    assert (got.headers["Authorization"], got.headers["X-App"]) == ("Bearer x", "7")
    assert Delivery.objects.get().target == "13800000001"


def test_a_gateway_that_says_no_with_status_200_is_not_believed(promises: Promises, robot: Robot) -> None:
    gateway(robot)
    robot.answers = [Answer(body='{"code":17,"msg":"no balance"}')]
    raising.raise_alerts([notice(cast.person("ann", phone="13800000001"), 1, ("app", "sms"))], now=NOW)
    run()
    assert "no balance" in Delivery.objects.get().last_error


def test_texts_cannot_leave_their_places(promises: Promises, robot: Robot) -> None:
    from jiying.alerts.services.ways.hooks import sms_body

    places = {"phone": "1", "text": 'a","mobile":"2 {phone} & = 汉', "key": "k"}
    assert json.loads(sms_body("json", TEMPLATE, places)) == {"mobile": "1", "content": places["text"]}
    form = sms_body("form", "m={phone}&c={text}", places).decode()
    assert form.count("&") == 1
    assert form.startswith("m=1&c=a%22")


def test_a_gateway_by_get(promises: Promises, robot: Robot) -> None:
    gateway(robot, method="GET", url=robot.url + "&to={phone}&text={text}", success="")
    raising.raise_alerts([notice(cast.person("ann", phone="+8613800000001"), 1, ("app", "sms"))], now=NOW)
    run()
    assert "&to=%2B8613800000001&text=PR1%20promise%20overdue%20since%2010%3A00" in robot.got[0].path


def test_apprise_speaks_the_rest_and_reaches_no_inside_address(promises: Promises, robot: Robot, settings: Any) -> None:
    port = robot.server_address[1]
    connected("apprise", "", {"url": f"json://127.0.0.1:{port}/x"})
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    run()
    assert "PR1" in robot.got[0].json["message"]
    settings.INSIDE_HOSTS = []
    raising.raise_alerts([notice(cast.person("bob"), 2)], now=NOW)
    run()
    assert len(robot.got) == 1
    assert "JIYING_INSIDE_HOSTS" in Delivery.objects.get(state="waiting").last_error


def test_apprise_is_not_led_inside_by_a_name_that_changes(
    promises: Promises, robot: Robot, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INSIDE_HOSTS = []
    asked: list[str] = []

    def look_up(host: str, port: int, *_args: Any, **_more: Any) -> Any:
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34" if len(asked) == 1 else "127.0.0.1", port))
        ]

    connected("apprise", "", {"url": f"json://rebind.example.com:{robot.server_address[1]}/x"})
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    outgoing.check("https://rebind.example.com/")  # as it was when somebody looked
    raising.raise_alerts([notice(cast.person("ann"))], now=NOW)
    run()
    assert robot.got == []
    assert len(asked) > 1
    assert "JIYING_INSIDE_HOSTS" in Delivery.objects.get(state="waiting").last_error


def test_a_robot_that_hangs_holds_no_other_and_no_mail(promises: Promises, robot: Robot, post: SmtpSink) -> None:
    bad = Robot()
    bad.hangs.set()
    connected("wecom_robot", "bad", {"url": bad.url})
    dingtalk(robot, "good")
    stop = threading.Event()
    loop = lanes.Lanes(due.SWEEPS["deliveries"], stop)
    raising.raise_alerts([notice(cast.person("ann"), ways=("app", "mail", "group"))], now=timezone.now())
    loop.start()
    wait_until(lambda: bool(bad.got), 10, "the robot that hangs to be asked")
    wait_until(lambda: bool(robot.got) and bool(post.received), 8, "the other robot and the mail")  # it hangs for 10 s
    assert Delivery.objects.filter(state="sent").count() <= 2
    bad.hangs.clear()
    bad.close()
    wait_until(lambda: not loop._busy, 20, "the lane to end")
    stop.set()
    loop.join(5)


def test_what_waits_for_a_robot_that_is_switched_off_says_so_and_goes_when_it_is_on(
    promises: Promises, robot: Robot, client: Any
) -> None:
    row = dingtalk(robot)
    ann = cast.person("ann", "system.health", "system.connections")
    raising.raise_alerts([notice(ann), notice(ann, 2)], now=NOW)
    Connection.objects.filter(pk=row.pk).update(active=False)
    for n in range(200):  # longer than all tries of a message
        run(NOW + MINUTE * 5 * n)
    waiting = Delivery.objects.get()
    assert (waiting.state, waiting.attempts, waiting.last_error) == ("waiting", 0, "connection_off")
    assert Connection.objects.get().n_failed == 0
    client.force_login(ann)
    page = client.get("/alerts/deliveries/").content.decode()
    assert "switched off or gone" in page
    assert "connection_off" not in page
    answer = client.get("/api/v1/alerts/deliveries").json()["items"]
    assert [one["error"] for one in answer] == ["The connection that it would go out by is switched off or gone."]
    promises.met.add(2)
    Connection.objects.filter(pk=row.pk).update(active=True)
    run(NOW + MINUTE * 1010)
    (got,) = robot.got
    assert "PR1" in got.body.decode()
    assert "PR2" not in got.body.decode(), "what holds no more is not told late"


# --- settings --------------------------------------------------------------------------------------------------------


def test_the_test_button_sends_and_says_why_not(promises: Promises, robot: Robot) -> None:
    dingtalk(robot)
    assert connections.test(actor=SYSTEM, code="dingtalk_robot", now=NOW)
    assert "works" in robot.got[0].json["markdown"]["text"]
    robot.answers = [Answer(body='{"errcode":310000,"errmsg":"sign not match"}')]
    with pytest.raises(connections.Failed, match="sign not match"):
        connections.test(actor=SYSTEM, code="dingtalk_robot", now=NOW)


def test_a_template_without_its_places_is_refused() -> None:
    data = connections.ConnectionData("SMS", {"url": "https://sms.example.com/x", "body": '{"to": "{phone}"'})
    with pytest.raises(Invalid) as refused:
        connections.save(actor=SYSTEM, kind="sms", code="sms", data=data, revision=None, now=NOW)
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("body", "sms_place")]
    whole = connections.ConnectionData("SMS", {"url": "https://sms.example.com/x", "body": '{"to": "{phone}{text}"'})
    with pytest.raises(Invalid) as refused:
        connections.save(actor=SYSTEM, kind="sms", code="sms", data=whole, revision=None, now=NOW)
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("body", "sms_json")]


def test_only_those_with_the_right_connect_robots() -> None:
    data = connections.ConnectionData("R", {}, {"url": "https://oapi.example.com/x"})
    with pytest.raises(Denied):
        connections.save(
            actor=of_person(cast.person("ann")), kind="dingtalk_robot", code="r", data=data, revision=None, now=NOW
        )
    assert not Connection.objects.exists()
