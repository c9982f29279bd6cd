"""Ticket list (sorted by due time) and ticket page as an agent's browser asks for them: `-m bench.pages`.

At 100,000 and at 1,000,000 open tickets (JIYING_BENCH_TICKETS: other numbers); the queries of a page must be the same.
"""

import os
import time
from urllib.parse import quote

from bench import clients, ground, web
from bench.table import show

SIZES = [int(n) for n in os.environ.get("JIYING_BENCH_TICKETS", "100000,1000000").split(",")]
N = int(os.environ.get("JIYING_BENCH_REQUESTS", 60))
LISTS = {  # who asks: what, where
    "boss": {
        "all open, by due time": "/tickets/",
        "late ones": "/tickets/?view=late",
        "waiting ones": "/tickets/?view=waiting",
        "P1 on the web": "/tickets/?priority=P1&channel=web",
        "on social media": "/tickets/?channel=social",
        "the latest received": "/tickets/?sort=received",
        "the board": "/supervise/",
        "the wall board": "/wall/",
        "a search": f"/search/?q={quote('张三')}",
    },
    "lead0": {"a team's": "/tickets/?view=team", "a team's late ones": "/tickets/?view=late"},
    "a0": {"an agent's": "/tickets/?view=mine", "what an agent sees": "/tickets/", "an agent's desk": "/work/"},
}


def session(username: str) -> str:
    """A signed-in browser's cookie."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from jiying.base.models import Person

    person = Person.objects.get(username=username)
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY], store[HASH_SESSION_KEY] = str(person.pk), person.get_session_auth_hash()
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store.save()
    return f"{settings.SESSION_COOKIE_NAME}={store.session_key}"


def queries(cookie: str, path: str) -> int:
    """How many queries a page asks, in this process; the least of three, since settings are read once a second."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"cookie": cookie})
    client.get(path)
    asked = []
    for _try in range(3):
        with CaptureQueriesContext(connection) as caught:
            answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        asked.append(len(caught))
    return min(asked)


def measure(n: int, seen: dict[str, int]) -> None:
    from jiying.desk.models import Ticket

    number = Ticket.objects.order_by("pk").values_list("number", flat=True)[n // 2]
    show(f"\n{n:,} open tickets")
    with web.serving(web=1, worker=False) as port:
        for who, lists in LISTS.items():
            cookie = session(who)
            for what, path in lists.items():
                _measured(port, cookie, what, path, seen)
        _measured(port, session("boss"), "ticket page", f"/tickets/{number}/", seen)


def _measured(port: int, cookie: str, what: str, path: str, seen: dict[str, int]) -> None:
    plan = [("GET", path, None)] * N
    clients.drive(port, [plan[:10]], {"Cookie": cookie})
    found = clients.drive(port, [plan], {"Cookie": cookie})
    asked = queries(cookie, path)
    same = "" if seen.setdefault(what, asked) == asked else f" (before: {seen[what]})"
    show(
        f"{what:<32} p50 {found.percentile_ms(0.5):>6.1f} ms   p95 {found.percentile_ms(0.95):>6.1f} ms"
        f"   {asked} queries{same}"
    )
    assert found.n_failed == 0
    assert not same


def run() -> None:
    ground.open_house()
    from jiying.base.models import Person, Role, Team

    boss = Person.objects.create(username="boss", name="主管", password="!", team=Team.objects.get())  # noqa: S106
    boss.roles.add(Role.objects.get(code="supervisor"))
    seen: dict[str, int] = {}
    laid = 0
    for n in SIZES:
        ground.centre(n - laid, int(time.time()), first=laid)
        laid = n
        measure(n, seen)
    show("limits: list 100 ms, ticket page 60 ms at p95; at 100,000: RT 1,471 ms, django-helpdesk 3,010 ms (peers.md)")


if __name__ == "__main__":
    ground.on_both("bench.pages", run)
