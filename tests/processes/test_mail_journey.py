"""Mail in a house that runs: from the real mailbox to a routed ticket, the answer back to the sender, under kill -9."""

import json
import time
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

from tests.house import Running
from tests.processes.books import Books
from tests.processes.conftest import Staffed
from tests.robots import Robot
from tests.servers import Dovecot, SmtpSink, wait_until

USER = "journey"


def ask(staffed: Staffed, method: str, path: str, body: Any = None, who: str = "adm") -> Any:
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{staffed.house.url}/api/v1/{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {staffed.tokens[who]}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


def connect(staffed: Staffed, dovecot: Dovecot, smtp: SmtpSink, user: str) -> None:
    options = {
        "address": "kf@example.com", "user": user, "takes_old": True, "poll_s": 2,
        "imap_host": "127.0.0.1", "imap_port": dovecot.port, "imap_safety": "none",
        "smtp_host": "127.0.0.1", "smtp_port": smtp.port, "smtp_safety": "none", "smtp_signs_in": False,
    }  # fmt: skip
    told = {"kind": "mailbox", "name": "客服邮箱", "options": options, "secrets": {"password": dovecot.PASSWORD}}
    ask(staffed, "PUT", f"connections/{user}", told)


def letter(n: int, **headers: str) -> bytes:
    made = EmailMessage()
    given = {
        "From": f"客户 <c{n}@customer.cn>",
        "To": "kf@example.com",
        "Subject": f"来信 {n}",
        "Message-ID": f"<{n}@c.cn>",
    }
    for name, value in (given | headers).items():
        made[name.replace("_", "-")] = value
    made.set_content(f"第 {n} 封")
    return made.as_bytes()


def _is_read(books: Books) -> Callable[[], bool]:
    return lambda: bool(books.rows("SELECT 1 FROM base_connection WHERE ok_at IS NOT NULL AND kind = 'mailbox'"))


def test_a_mail_is_a_routed_ticket_within_seconds_and_its_answer_arrives_threaded(
    staffed: Staffed, dovecot: Dovecot, smtp: SmtpSink
) -> None:
    user = USER
    staffed.house.extra["JIYING_INSIDE_HOSTS"] = "127.0.0.1"
    staffed.house.up()
    connect(staffed, dovecot, smtp, user)
    wait_until(_is_read(staffed.books), 60, "the mailbox to be read")
    dovecot.put(user, letter(1))
    began = time.monotonic()
    tickets = "SELECT id, number, assignee_id, next_due_at FROM desk_ticket WHERE channel = 'email'"
    wait_until(lambda: bool(staffed.books.rows(tickets)), 60, "the ticket")
    took_s = time.monotonic() - began
    ((pk, number, assignee, due_at),) = staffed.books.rows(tickets)
    assert assignee in staffed.people.values() and due_at is not None
    assert staffed.books.rows("SELECT COUNT(*) FROM clocks_clock WHERE subject_id = ?", pk)[0][0] >= 2
    print(f"from the mailbox to the ticket: {took_s:.2f} s")
    ask(staffed, "POST", f"tickets/{number}/transfer", {"to_person": staffed.people["wang"]})
    ask(staffed, "POST", f"tickets/{number}/accept", {}, "wang")
    ask(staffed, "POST", f"tickets/{number}/reply", {"body": "您好，已处理。"}, "wang")
    (sent,) = smtp.wait_for(1, 60)
    assert sent["In-Reply-To"] == "<1@c.cn>" and sent["X-Envelope-To"] == "c1@customer.cn" and number in sent["Subject"]
    dovecot.put(user, letter(2, From="c1@customer.cn", In_Reply_To=sent["Message-ID"]))
    messages = "SELECT COUNT(*) FROM desk_message WHERE ticket_id = ? AND kind = 'customer'"
    wait_until(lambda: staffed.books.rows(messages, pk) == [(1,)], 60, "the customer's answer on the same ticket")


# What is left of a clock's time passes at once: its due instant is moved to two seconds from now, as time would.
SOON = """
import time
from jiying.clocks.models import Clock
from jiying.clocks.queries import instant_of
at = int(time.time()) + 2
Clock.objects.filter(subject_kind="ticket", subject_id={pk}, metric="accept").update(
    due_at=instant_of(at), wake_at=instant_of(at), points=[["due", at]])
"""


def test_a_mail_that_nobody_accepts_in_time_is_told_by_the_robot_of_the_group(
    staffed: Staffed, dovecot: Dovecot, smtp: SmtpSink
) -> None:
    robot = Robot()
    staffed.house.extra["JIYING_INSIDE_HOSTS"] = "127.0.0.1"
    staffed.house.up()
    connect(staffed, dovecot, smtp, "late")
    told = {"kind": "dingtalk_robot", "name": "值班群", "secrets": {"url": robot.url, "secret": "SEC0"}}
    ask(staffed, "PUT", "connections/group", told)
    wait_until(_is_read(staffed.books), 60, "the mailbox to be read")
    dovecot.put("late", letter(1))
    tickets = "SELECT id, number FROM desk_ticket WHERE channel = 'email'"
    wait_until(lambda: bool(staffed.books.rows(tickets)), 60, "the ticket")
    ((pk, number),) = staffed.books.rows(tickets)
    staffed.house.run("manage", "shell", "-c", SOON.format(pk=pk))
    wait_until(lambda: any(number in got.body.decode() for got in robot.got), 60, "the robot to be told")
    (got,) = [one for one in robot.got if number in one.body.decode()]
    assert got.json["msgtype"] == "markdown" and "sign=" in got.path
    assert "来信" not in got.body.decode()  # what the customer wrote stays in the house
    robot.close()


def test_workers_killed_again_and_again_lose_and_double_no_mail(
    staffed: Staffed, dovecot: Dovecot, smtp: SmtpSink
) -> None:
    n_mails, user = 40, "killed"
    staffed.house.extra["JIYING_INSIDE_HOSTS"] = "127.0.0.1"
    up: Running = staffed.house.up()
    connect(staffed, dovecot, smtp, user)
    wait_until(_is_read(staffed.books), 60, "the mailbox to be read")
    for n in range(n_mails):
        dovecot.put(user, letter(n))
        if n % 5 == 4:  # while mails are fetched, stored and taken in
            time.sleep(0.3)
            for worker in up.children("worker"):
                worker.kill()

    def tickets() -> list[str]:
        return [row[0] for row in staffed.books.rows("SELECT subject FROM desk_ticket WHERE channel = 'email'")]

    wanted = {f"来信 {n}" for n in range(n_mails)}
    wait_until(lambda: set(tickets()) == wanted, 300, "a ticket for every mail")
    time.sleep(1)
    assert sorted(tickets()) == sorted(wanted)
    states = staffed.books.rows("SELECT state, COUNT(*) FROM channels_mail GROUP BY state")
    assert [tuple(row) for row in states] == [("taken", n_mails)]
