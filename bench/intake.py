"""POST /tickets with triage, routing, clocks and journal, beside a bare ORM insert on that server and django-helpdesk.

4 clients and 2 web processes, the worker running; then one client alone. JIYING_BENCH_REQUESTS: requests a client.
"""

import os
from importlib.util import find_spec

from bench import clients, ground, helpdesk, web
from bench.table import show

N = int(os.environ.get("JIYING_BENCH_REQUESTS", 400))


def body(client: int, i: int) -> dict[str, object]:
    return {
        "subject": f"订单 {client}-{i} 一直没有收到，请帮忙查询物流",
        "description": "您好，我上周五下的单，到现在物流信息都没有更新，请尽快处理，谢谢。",
        "channel": ("web", "email", "chat", "phone")[i % 4],
        "customer": {"name": "张三", "phone": f"13{client}{i:08d}"},
    }


def row(what: str, found: clients.Measured) -> None:
    show(
        f"{what:<52}{found.per_second:>10,.0f}/s   p50 {found.percentile_ms(0.5):>6.1f} ms"
        f"   p95 {found.percentile_ms(0.95):>6.1f} ms   failed {found.n_failed}"
    )


def _peers() -> dict[str, clients.Measured]:
    """The peer's two ways in, for tickets of the same texts; empty where it is not installed."""
    if find_spec("helpdesk") is None:
        show("left out: django-helpdesk is not installed (requirements/bench.txt)")
        return {}
    texts = [[body(c, i) for i in range(N)] for c in range(4)]
    found = {}
    with helpdesk.serving() as (port, headers):
        for name, way, kind in (
            ("django-helpdesk, REST, 4 clients", helpdesk.rest, "application/json"),
            ("django-helpdesk, web form, 4 clients", helpdesk.form, "application/x-www-form-urlencoded"),
        ):
            plans = [[way(str(t["subject"]), str(t["description"])) for t in client] for client in texts]
            clients.drive(port, [p[:20] for p in plans], {**headers, "Content-Type": kind})
            found[name] = clients.drive(port, plans, {**headers, "Content-Type": kind})
        assert helpdesk.n_stored() == 2 * 4 * (N + min(N, 20))
    return found


def run() -> None:
    ground.open_house()
    from django.utils import timezone

    from jiying.base import tokens
    from jiying.base.actor import SYSTEM
    from jiying.base.models import Person, Role

    admin = Person.objects.create(username="bench-api", name="API", password="!")  # noqa: S106
    admin.roles.add(Role.objects.get(code="admin"))
    token = tokens.issue(actor=SYSTEM, person=admin, name="bench", scopes=(), now=timezone.now())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with web.serving(DJANGO_SETTINGS_MODULE="bench.bare_settings") as port:
        plans = [[("POST", "/bare", body(c, i)) for i in range(N)] for c in range(4)]
        clients.drive(port, [p[:50] for p in plans], headers)
        bare = clients.drive(port, plans, headers)
    peers = _peers()
    with web.serving() as port:
        posts = [[("POST", "/api/v1/tickets", body(c, i)) for i in range(N + 50)] for c in range(5)]
        clients.drive(port, [p[:50] for p in posts[:4]], headers)
        four = clients.drive(port, [p[50:] for p in posts[:4]], headers)
        one = clients.drive(port, [posts[4][50:]], headers)
    show(f"\nPOST /tickets, 2 web processes, {N} requests a client")
    row("limit: bare Django ORM insert, 4 clients", bare)
    row("ticket with triage, routing, clocks, journal, 4 clients", four)
    row("the same, 1 client", one)
    for name, found in peers.items():
        row(name, found)
    show(f"a whole ticket costs {bare.per_second / four.per_second:.1f} bare inserts")
    if peers:
        best = max(peers.values(), key=lambda found: found.per_second)
        show(f"{four.per_second / best.per_second:.1f} times the tickets of the best peer")
    assert four.n_failed == one.n_failed == bare.n_failed == 0


if __name__ == "__main__":
    ground.on_both("bench.intake", run)
