"""Taking 1,000 due clocks of 1,000,000 running ones, beside the plain SQL of that and nothing else: `-m bench.due`.

Then the same with everything that a breach brings: fact, alert, the ticket's row. JIYING_BENCH_TICKETS: other numbers.
"""

import os
import time
from datetime import datetime, timedelta

from bench import ground
from bench.table import Table, show

N = int(os.environ.get("JIYING_BENCH_TICKETS", 1_000_000))
DUE = 1000


def plain(now: datetime) -> int:
    """The prototype: find and mark in one statement, nothing checked, nothing recorded."""
    from django.db import connection, transaction

    skip = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE clocks_clock SET wake_at = NULL WHERE id IN (SELECT id FROM clocks_clock "  # noqa: S608
            f"WHERE wake_at <= %s ORDER BY wake_at LIMIT {DUE} {skip}) RETURNING id, subject_id",
            [connection.ops.adapt_datetimefield_value(now)],
        )
        return len(cursor.fetchall())


def claimed(now: datetime) -> int:
    """The product's: read due ids by index, then claim them by compare-and-set."""
    from django.db import transaction

    from jiying.base import due
    from jiying.clocks.models import Clock

    ids = due.due_ids(due.SWEEPS["clocks"], now, DUE)
    with transaction.atomic():
        return len(due.claim(Clock, ids, now))


def run() -> None:
    begun = time.perf_counter()
    ground.open_house()
    ground.tickets(N)
    show(f"{N:,} running clocks laid in {time.perf_counter() - begun:.0f} s")
    from jiying.base import due
    from jiying.clocks.models import Clock

    table = Table(f"1,000 due of {N:,}", "plain SQL: find and mark")
    at = ground.BASE
    times: dict[str, list[float]] = {"plain": [], "claim": [], "fire": []}
    for _round in range(5):
        for name, take in (("plain", plain), ("claim", claimed)):
            at += timedelta(seconds=DUE)
            begun = time.perf_counter()
            n = take(at)
            times[name].append(time.perf_counter() - begun)
            assert n == DUE, (name, n)
    for _round in range(3):
        at += timedelta(seconds=DUE)
        begun = time.perf_counter()
        n = due.run(due.SWEEPS["clocks"], at)
        times["fire"].append(time.perf_counter() - begun)
        assert n == DUE, n
    begun = time.perf_counter()
    for _round in range(200):
        due.next_wake(due.SWEEPS["clocks"])
    nothing = (time.perf_counter() - begun) / 200
    table.add("plain SQL: find and mark", sorted(times["plain"])[2], DUE)
    table.add("find and claim by compare-and-set", sorted(times["claim"])[2], DUE)
    table.add("with breach, journal, alert and the ticket's row", sorted(times["fire"])[1], DUE)
    table.add("a turn with nothing due", nothing, 1)
    table.print()
    assert Clock.objects.filter(state="breached").count() == 3 * DUE


if __name__ == "__main__":
    ground.on_both("bench.due", run)
