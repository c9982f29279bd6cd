"""What acts by itself acts once: rules by the clock on the wall and outside events, their workers killed meanwhile."""

import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.processes.callers import post
from tests.processes.conftest import Staffed
from tests.processes.test_nothing_lost import dice, strike
from tests.servers import wait_until

N_TICKETS, N_EVENTS, NOTE = 120, 60, "请主动回访客户"
SITE = ZoneInfo("Asia/Shanghai")
RULES = """
from django.utils import timezone
from jiying.base.actor import SYSTEM
from jiying.desk.services import automation_setup, outside_kinds
rule = {{"on": True, "when": {{"event": "time", "every": "day", "at": "{at}"}},
        "if": [{{"field": "priority", "op": "is", "values": ["P2"]}}], "then": [{{"do": "note", "text": "{note}"}}]}}
automation_setup.save(actor=SYSTEM, key="daily", title="每日回访", body=rule, now=timezone.now())
words = {{"name_zh": "延误", "subject": "延误 {{reference}}", "priority": "P3"}}
kind = outside_kinds.OutsideKindData(code="late", opens="always", window_h=0, **words)
outside_kinds.save(actor=SYSTEM, data=kind, revision=None, now=timezone.now())
"""


def who(n: int) -> dict[str, str]:
    return {"name": f"客户{n}", "phone": f"1390000{n:04d}"}


def report(staffed: Staffed, n: int) -> None:
    body = {
        "source": "erp", "event_id": f"E{n}", "kind": "late", "reference": f"R{n}",
        "occurred_at": datetime.now(UTC).isoformat(), "customer": who(n),
    }  # fmt: skip
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{staffed.house.url}/api/v1/outside-events",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {staffed.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        assert answer.status == 201


def test_two_workers_killed_again_and_again_act_once_on_each(staffed: Staffed) -> None:
    house, books, rng = staffed.house, staffed.books, dice()
    house.extra["JIYING_WORKERS"] = "2"
    came_at = (datetime.now(UTC) - timedelta(minutes=2)).replace(second=0, microsecond=0)
    house.run("manage", "shell", "-c", RULES.format(at=came_at.astimezone(SITE).strftime("%H:%M"), note=NOTE))
    running = house.up()
    numbers = [
        post(house, staffed.token, {"channel": "web", "priority": "P2", "subject": f"第 {n} 件", "customer": who(n)})[
            "number"
        ]
        for n in range(N_TICKETS)
    ]
    for n in range(N_EVENTS):
        report(staffed, n)
        if n == N_EVENTS // 3:  # now the rule's time comes: it was two minutes ago
            books.change("UPDATE desk_automationtime SET at = ?, wake_at = ?", came_at, came_at)
        if n % 12 == 0:
            time.sleep(rng.uniform(0, 0.3))  # no synchronisation: any moment will do
            strike(running, "worker", rng, rng.choice((1, 2)))
    done = "SELECT count(*) FROM desk_outsideevent WHERE state = 'done'"
    noted = "SELECT count(*) FROM desk_message WHERE body = ?"
    wait_until(lambda: books.one(noted, NOTE) >= N_TICKETS, 240, "a note on every ticket")
    wait_until(lambda: books.one("SELECT count(*) FROM desk_outsideevent WHERE state = 'waiting'") == 0, 240, "events")

    def once(query: str, *values: Any) -> dict[Any, int]:
        return dict(books.rows(query, *values))

    notes = once(
        "SELECT t.number, count(*) FROM desk_message m JOIN desk_ticket t ON t.id = m.ticket_id WHERE m.body = ? "
        "GROUP BY t.number",
        NOTE,
    )
    assert notes == dict.fromkeys(numbers, 1)
    opened = once("SELECT subject, count(*) FROM desk_ticket WHERE subject LIKE '延误 %' GROUP BY subject")
    assert opened == {f"延误 R{n}": 1 for n in range(N_EVENTS)}
    assert books.one("SELECT count(*) FROM base_journalentry WHERE kind = 'document.came'") == 1
    assert books.one(done) == N_EVENTS
    assert books.halves() == {}
    assert house.run("check").startswith("0 faults")
