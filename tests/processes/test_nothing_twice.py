"""Nothing twice: workers killed at any point of sweep and delivery, two at once, late, with a wrong clock, poisoned."""

import re
import time
import urllib.request
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import psutil

from tests.house import Running
from tests.processes.books import Books, document, instant
from tests.processes.callers import due_in, post
from tests.processes.conftest import Staffed
from tests.processes.test_nothing_lost import dice, strike
from tests.servers import SmtpSink, wait_until

NUMBER = re.compile(r"GD\d+")
# A worker whose clock is wrong by so many seconds; the house itself has no such switch.
WRONG_CLOCK = """
from datetime import timedelta
from django.utils import timezone
right = timezone.now
timezone.now = lambda: right() + timedelta(seconds={shift_s})
from jiying.base import worker
raise SystemExit(worker.main())
"""


def open_due(staffed: Staffed, instants: list[datetime]) -> list[str]:
    """One P1 ticket for each instant at which its resolution is due; their numbers."""
    body = {"channel": "web", "priority": "P1"}
    return [
        str(post(staffed.house, staffed.token, {**body, "subject": f"due-{n}", "received_at": due_in(at)})["number"])
        for n, at in enumerate(instants)
    ]


def text_of(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def check_facts(books: Books, until: datetime) -> None:
    """Every point up to `until` is a fact, once and at its instant, and the breached clocks say the same."""
    fired = books.fired()
    assert [f for f, n in Counter(fired).items() if n > 1] == []
    assert len({(f.clock, f.point) for f in fired}) == len(fired)
    assert books.promised(until) <= set(fired)
    late = {f.clock: f.at for f in fired if f.point == "due"}
    rows = books.rows("SELECT id, breached_at FROM clocks_clock WHERE breached_at IS NOT NULL")
    assert {pk: instant(at) for pk, at in rows} == late


def check_alerts(books: Books) -> None:
    """Every breach is told to somebody, and nobody is told the same twice."""
    told: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for person, kind, data in books.rows("SELECT person_id, kind, data FROM alerts_alert WHERE kind LIKE 'clock.%'"):
        told[document(data)["clock"]].append((person, kind))
    assert [clock for clock, of_clock in told.items() if len(set(of_clock)) < len(of_clock)] == []
    breached = {f.clock for f in books.fired() if f.point == "due"}
    assert {c for c in breached if any(k in ("clock.due", "clock.late1") for _person, k in told[c])} == breached


def check_mails(books: Books, smtp: SmtpSink) -> None:
    """Every alert that is to leave the house did so, in the message of its key; a repeat says what the first said."""
    rows = books.rows(
        "SELECT a.id, t.number, d.key, d.state FROM alerts_alert a LEFT JOIN alerts_delivery d ON d.id = a.delivery_id "
        "JOIN desk_ticket t ON t.id = a.subject_id AND a.subject_kind = 'ticket' "
        "WHERE a.severity IN ('breach', 'critical')"
    )
    assert rows
    told: dict[str, set[str]] = defaultdict(set)
    for letter in smtp.received:
        numbers = set(NUMBER.findall(text_of(letter)))
        assert letter["Message-ID"].startswith(f"<{letter['X-Jiying-Key']}@")
        assert told.setdefault(letter["X-Jiying-Key"], numbers) == numbers
    assert [row for row in rows if row[3] != "sent" or row[1] not in told[row[2]]] == []
    sent = {key for (key,) in books.rows("SELECT key FROM alerts_delivery WHERE state = 'sent'")}
    assert set(told) == sent
    print(f"{len(rows)} alerts in {len(sent)} messages, {len(smtp.received) - len(sent)} repeats")


def kill_while_mailing(smtp: SmtpSink, running: Running, at: set[int]) -> None:
    """kill -9 for all workers when so many messages have come: before they hear that the last one was taken."""
    take = smtp.handle_DATA

    async def handle(server: Any, session: Any, envelope: Any) -> str:
        answer = await take(server, session, envelope)
        if len(smtp.received) in at:
            for child in running.children("worker"):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        return answer

    smtp.handle_DATA = handle  # type: ignore[method-assign]


def test_workers_killed_at_any_point_of_sweep_and_delivery(staffed: Staffed, smtp: SmtpSink):
    """Two workers, both at work on PostgreSQL, one a standby on SQLite; one or both are killed again and again."""
    house, books, rng = staffed.house, staffed.books, dice()
    house.extra |= {"JIYING_WORKERS": "2", "JIYING_SMTP_URL": smtp.url}
    running = house.up()
    kill_while_mailing(smtp, running, {1, 3})
    begun_at = datetime.now(UTC).replace(microsecond=0)
    instants = [begun_at + timedelta(seconds=5 + n % 12) for n in range(60)]
    until = max(instants)
    open_due(staffed, instants)
    for n_killed in (1, 2, 1):
        n_seen = len(books.fired())
        wait_until(lambda: len(books.fired()) > n_seen or datetime.now(UTC) > until, 60, "progress")  # noqa: B023
        time.sleep(rng.uniform(0, 0.3))  # no synchronisation: any moment will do
        strike(running, "worker", rng, n_killed)
    wait_until(lambda: datetime.now(UTC) > until, 60, "the last due instant")
    books.wait_fired(until, timeout_s=120)
    for _more in range(10):  # on a slow machine everything went in two letters: more fall due until there is a third
        if len(smtp.received) >= 3:
            break
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
        open_due(staffed, [until])
        books.wait_fired(until, timeout_s=120)
    wait_until(lambda: len(smtp.received) >= 3, 60, "two deaths while mailing")
    books.end_leases()
    books.wait_sent(timeout_s=120)
    check_facts(books, until)
    check_alerts(books)
    check_mails(books, smtp)
    assert len(smtp.received) > len({letter["X-Jiying-Key"] for letter in smtp.received}), "nothing was sent again"
    assert house.run("check").startswith("0 faults")


def test_a_worker_that_was_down_for_an_hour_catches_up(staffed: Staffed, smtp: SmtpSink):
    house, books = staffed.house, staffed.books
    house.extra["JIYING_SMTP_URL"] = smtp.url
    house.start("web")
    wait_until(lambda: house.answers("/health/live"), 60, "the web process")
    now = datetime.now(UTC).replace(microsecond=0)
    open_due(staffed, [now - timedelta(seconds=90 + 29 * n) for n in range(120)])
    started_at = datetime.now(UTC)
    worker = house.start("worker")
    books.wait_fired(started_at, timeout_s=120)
    books.wait_sent(timeout_s=120)
    assert worker.alive
    check_facts(books, started_at)
    check_alerts(books)
    check_mails(books, smtp)
    instants = [fired.at for fired in books.fired()]
    assert instants == sorted(instants), "in order of due time"
    assert books.rows("SELECT key FROM alerts_alert WHERE kind = 'clock.due' AND NOT late") == []
    letters = Counter(letter["X-Envelope-To"] for letter in smtp.received)
    assert letters["wang@example.com"] == 1
    assert set(letters.values()) == {1}, "one digest for each person"


def wrong_worker(staffed: Staffed, shift_s: int) -> Running:
    """A worker whose clock is wrong, at work."""
    worker = staffed.house.start("manage", "shell", "-c", WRONG_CLOCK.format(shift_s=shift_s))
    wait_until(lambda: "worker_started" in worker.said(), 60, "the worker")
    return worker


def test_a_clock_that_is_set_back_fires_nothing_twice(staffed: Staffed, smtp: SmtpSink):
    """Fast by an hour, then back to the right time, then slow by an hour, then right again."""
    house, books = staffed.house, staffed.books
    house.extra["JIYING_SMTP_URL"] = smtp.url
    house.start("web")
    wait_until(lambda: house.answers("/health/live"), 60, "the web process")
    now = datetime.now(UTC).replace(microsecond=0)
    ahead, soon, past = now + timedelta(minutes=30), now + timedelta(minutes=59), now - timedelta(minutes=2)
    open_due(staffed, [ahead, soon, past])

    worker = wrong_worker(staffed, 3600)
    books.wait_fired(now + timedelta(hours=1))
    worker.kill()
    early = books.fired()
    worker = house.start("worker")
    open_due(staffed, [past - timedelta(minutes=1)])  # something for it to do: when that is done, it has looked
    books.wait_fired(now)
    worker.kill()
    worker = wrong_worker(staffed, -3600)
    looked = "SELECT count(*) FROM base_tick"  # it runs its periodic tasks: by then it has looked at clocks too
    n_looked = books.one(looked)
    open_due(staffed, [past - timedelta(hours=2)])  # due for it too
    wait_until(lambda: books.one(looked) > n_looked, 60, "its first turns")
    books.wait_fired(now - timedelta(hours=1))
    worker.kill()
    house.start("worker")
    books.wait_fired(datetime.now(UTC))
    books.end_leases()
    books.wait_sent()

    check_facts(books, datetime.now(UTC))
    assert books.fired()[: len(early)] == early
    check_alerts(books)
    check_mails(books, smtp)
    assert house.run("check").startswith("0 faults")


def poison(staffed: Staffed, number: str, column: str, value: Any) -> int:
    """Spoils the resolution clock of this ticket; returns its id."""
    query = "SELECT c.id FROM clocks_clock c JOIN desk_ticket t ON t.id = c.subject_id AND c.metric = 'resolution'"
    clock = int(staffed.books.one(f"{query} WHERE t.number = ?", number))
    staffed.books.change(f"UPDATE clocks_clock SET {column} = ? WHERE id = ?", value, clock)  # noqa: S608 - our own
    return clock


def test_poison_is_parked_where_it_is_seen_and_the_rest_go_on(staffed: Staffed):
    house, books = staffed.house, staffed.books
    house.start("web")
    wait_until(lambda: house.answers("/health/live"), 60, "the web process")
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    numbers = open_due(staffed, [at - timedelta(seconds=n) for n in range(12)])
    spoiled = (("subject_kind", "ghost"), ("points", '[["due", "soon"]]'), ("subject_id", 10**9))
    bad = [poison(staffed, number, *spoil) for number, spoil in zip(numbers, spoiled, strict=False)]
    house.start("worker")

    def are_parked() -> bool:
        """Lets the pauses between the tries pass at once."""
        now = datetime.now(UTC)
        for clock in bad:
            books.change("UPDATE clocks_clock SET wake_at = ? WHERE id = ? AND wake_at > ?", now, clock, now)
        return bool(books.one("SELECT count(*) FROM clocks_clock WHERE parked_at IS NOT NULL") == len(bad))

    wait_until(are_parked, 60, "three parked clocks")
    rows = books.rows("SELECT id, wake_at, attempts, last_error FROM clocks_clock WHERE attempts > 0 ORDER BY id")
    told = {clock: (wake_at, attempts, error.partition(":")[0]) for clock, wake_at, attempts, error in rows}
    assert told == {
        clock: (None, 8, error) for clock, error in zip(bad, ("KeyError", "TypeError", "LookupError"), strict=True)
    }
    open_due(staffed, [at])  # what comes later goes on too
    books.wait_fired(datetime.now(UTC))
    assert {fired.clock for fired in books.fired()}.isdisjoint(bad)
    with urllib.request.urlopen(f"{house.url}/metrics", timeout=10) as answer:  # noqa: S310 - our own address
        assert 'jiying_parked_rows{sweep="clocks"} 3.0' in answer.read().decode()
