"""Scratch databases for the benches, and a million rows in them by plain SQL (far quicker than through services).

`on_both(module)` runs a bench once for each database, in a process of its own: settings are read when Django starts.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.table import show

ROOT = Path(__file__).resolve().parent.parent
BASE = datetime(2026, 9, 9, 2, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Shanghai


def on_both(module: str, run: Callable[[], None]) -> None:
    """Run a bench on SQLite and on PostgreSQL; in the child process, run it."""
    if os.environ.get("JIYING_BENCH_DB"):
        run()
        return
    from tests.servers import postgres

    asked = os.environ.get("JIYING_BENCH_ONLY", "sqlite,postgres").split(",")
    with tempfile.TemporaryDirectory(prefix="jiying-bench-") as folder:
        if "sqlite" in asked:
            _child(module, "sqlite", {"JIYING_HOME": folder, "DATABASE_URL": ""})
        if "postgres" in asked:
            with postgres() as server:
                _child(module, "postgres", {"JIYING_HOME": folder + "/pg", "DATABASE_URL": server.url})


def _child(module: str, kind: str, environment: Mapping[str, str]) -> None:
    show(f"\n=== {kind}")
    env = {**os.environ, **environment, "JIYING_BENCH_DB": kind, "DJANGO_SETTINGS_MODULE": "jiying.config.settings"}
    subprocess.run([sys.executable, "-m", module], env=env, cwd=ROOT, check=True)


def open_house(n_people: int = 30) -> None:
    """Migrate the scratch database, add the seeds, a team, and agents who are online."""
    import django

    django.setup()
    import logging

    from django.core.management import call_command

    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    from jiying.base import seeds
    from jiying.base.models import Person, Role, Team
    from jiying.desk.models import AgentLoad
    from jiying.desk.services.loads import DEFAULT_CAPACITY

    seeds.run(BASE)
    team = Team.objects.create(code="bench", name="Bench")
    agents = [
        Person(username=f"agent{i}", name=f"客服{i}", team=team, presence="online", password="!")  # noqa: S106
        for i in range(n_people)
    ]
    Person.objects.bulk_create(agents)
    lead = Person.objects.create(username="lead", name="组长", team=team, password="!")  # noqa: S106
    roles = {r.code: r for r in Role.objects.all()}
    lead.roles.add(roles["lead"])
    roles["agent"].people.add(*agents)
    AgentLoad.objects.bulk_create(
        AgentLoad(person=p, channel=c, capacity=30_000, idle_since=BASE) for p in agents for c in DEFAULT_CAPACITY
    )


def instant(expression: str) -> str:
    """SQL that turns epoch seconds into a stored instant."""
    if os.environ["JIYING_BENCH_DB"] == "postgres":
        return f"to_timestamp({expression})"
    return f"strftime('%Y-%m-%d %H:%M:%S', {expression}, 'unixepoch')"


def fill(model: Any, n: int, columns: Mapping[str, str], first: int = 0) -> None:
    """Insert n rows; `columns` are SQL expressions of i = first + 1 …, all others take the model's defaults."""
    from django.db import connection

    values = {}
    for field in model._meta.concrete_fields:
        if field.primary_key or field.generated:
            continue
        values[field.column] = columns.get(field.column) or _default(field)
    names = ", ".join(f'"{name}"' for name in values)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE n(i) AS (SELECT {first + 1} UNION ALL SELECT i + 1 FROM n WHERE i < {first + n}) "  # noqa: S608
            f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(values.values())} FROM n"
        )


def _default(field: Any) -> str:
    from django.db import models

    if field.null:
        return "NULL"
    value = field.get_default()
    if isinstance(field, models.JSONField):
        import json

        text = f"'{json.dumps(value)}'"
        return f"{text}::jsonb" if os.environ["JIYING_BENCH_DB"] == "postgres" else text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return f"'{value or ''}'"


def analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def tickets(n: int, start: int = int(BASE.timestamp()), n_people: int = 30, first: int = 0) -> None:
    """n open tickets of the bench's agents, due one a second from `start` on, each with one running clock."""
    from jiying.base.models import Person
    from jiying.desk.models import Ticket

    agent = Person.objects.filter(username="agent0").values_list("pk", flat=True)[0]
    team = Person.objects.values_list("team_id", flat=True).get(pk=agent)
    about = {"channel": "'web'", "status": "'in_progress'", "priority": "'P' || (1 + i % 4)"}
    held = {"assignee_id": f"{agent} + i % {n_people}", "team_id": str(team)}
    due = f"{start} + i"
    fill(Ticket, n, {**_ticket(start), **about, **held, "next_due_at": instant(due)}, first)
    _clocks(n, first, start, due)
    analyze()


N_TEAMS, N_AGENTS, N_CUSTOMERS = 12, 300, 100_000


def centre(n: int, start: int, first: int = 0) -> None:
    """n open tickets of a whole centre: 12 teams, 300 agents, every channel, state and priority, one in 100 late."""
    from jiying.base.models import Person, Role, Team
    from jiying.desk.models import Customer, Ticket

    if not first:
        teams = [Team.objects.create(code=f"t{i}", name=f"{i} 组") for i in range(N_TEAMS)]
        people = [
            Person(username=f"a{i}", name=f"坐席{i}", team=teams[i % N_TEAMS], presence="online", password="!")  # noqa: S106
            for i in range(N_AGENTS)
        ]
        Person.objects.bulk_create(people)
        Role.objects.get(code="agent").people.add(*people)
        lead = Person.objects.create(username="lead0", name="组长", team=teams[0], password="!")  # noqa: S106
        Role.objects.get(code="lead").people.add(lead)
        fill(
            Customer, N_CUSTOMERS, {"name": "'顾客' || i", "phone": "'1390000' || i", "created_at": instant(str(start))}
        )
    agent = Person.objects.filter(username="a0").values_list("pk", flat=True)[0]
    team = Team.objects.filter(code="t0").values_list("pk", flat=True)[0]
    customer = Customer.objects.order_by("pk").values_list("pk", flat=True)[0]
    is_late, waits = "i % 100 = 13", "i % 20 <> 0 AND i / 11 % 10 > 6"
    due = f"CASE WHEN {is_late} THEN {start} - i % 7200 ELSE {start} + i * 5 END"
    fill(
        Ticket,
        n,
        {
            **_ticket(start),
            "channel": _one_of("i / 7 % 100", web=45, email=65, phone=80, chat=92, social=98, other=100),
            "priority": _one_of("i / 3 % 100", P1=3, P2=20, P3=70, P4=100),
            "status": "CASE WHEN i % 20 = 0 THEN 'new' ELSE "
            f"{_one_of('i / 11 % 10', assigned=2, in_progress=7, waiting=10)} END",
            "assignee_id": f"CASE WHEN i % 20 = 0 THEN NULL ELSE {agent} + i % {N_AGENTS} END",
            "team_id": f"{team} + i % {N_TEAMS}",
            "customer_id": f"{customer} + i % {N_CUSTOMERS}",
            "tier": "CASE WHEN i % 50 = 7 THEN 'vip' ELSE 'standard' END",
            "next_due_at": f"CASE WHEN {waits} THEN NULL ELSE {instant(due)} END",
            "is_late": f"({is_late} AND NOT ({waits}))",
        },
        first,
    )
    _clocks(n, first, start, due)
    analyze()


def _one_of(figure: str, **below: int) -> str:
    """SQL for the first name whose bound a figure is below."""
    return "CASE " + " ".join(f"WHEN {figure} < {bound} THEN '{name}'" for name, bound in below.items()) + " END"


def _ticket(start: int) -> dict[str, str]:
    """What all made-up tickets have."""
    received = instant(f"{start} - 3600 - i % 86400")
    return {
        "number": "'GD20260909' || i",
        "subject": "'订单 ' || i || ' 一直没有收到'",
        "type": "'inquiry'",
        "priority_source": "'rule'",
        "received_at": received,
        "created_at": received,
        "assigned_at": received,
        "accepted_at": received,
        "last_message": "'请尽快处理'",
    }


def _clocks(n: int, first: int, start: int, due: str) -> None:
    """A running clock for each ticket."""
    from jiying.clocks.models import Clock

    json_text = f"""'[["due", ' || ({due}) || ']]'"""
    if os.environ["JIYING_BENCH_DB"] == "postgres":
        json_text = f"({json_text})::jsonb"
    fill(
        Clock,
        n,
        {
            "subject_kind": "'ticket'",
            "subject_id": "i",
            "metric": "'resolution'",
            "seq": "1",
            "state": "'running'",
            "started_at": instant(f"{start} - 3600 - i % 86400"),
            "due_at": instant(due),
            "wake_at": instant(due),
            "target_s": "14400",
            "calendar": "'24x7'",
            "calendar_version": "1",
            "standard_version": "1",
            "row": "'p1'",
            "points": json_text,
        },
        first,
    )
