"""From the journal to the columnar copy, on both databases: `-m bench.warehouse`.

JIYING_BENCH_TICKETS gives another number of tickets. Told: events a second of a rebuild (with the most memory; once
with what is compiled in a new house, once without) and of following far behind, and the lag while tickets arrive at a
steady rate.
"""

import os
import resource
import statistics
import threading
import time
from datetime import timedelta

from bench import ground
from bench.table import median_s, show

N_TICKETS = int(os.environ.get("JIYING_BENCH_TICKETS", 150_000))
RATE = 100  # tickets a second while the lag is measured
SECONDS = 10
REPORT = """
SELECT channel, priority, count(*), avg(resolution_s), quantile_disc(resolution_s, 0.9) FROM tickets GROUP BY 1, 2"""
STEPS = (
    ("opened", 0), ("assigned", 1), ("accepted", 3), ("message", 9), ("message", 40), ("solved", 90), ("closed", 99),
)  # fmt: skip


def main() -> None:
    ground.on_both("bench.warehouse", run)


def run() -> None:
    ground.open_house()
    from jiying.base import journal
    from jiying.warehouse import exporting, reader

    write(N_TICKETS, "bench:a")
    n_facts = journal.last_position()
    for what in ("made for the first time", "made anew"):
        begun = time.perf_counter()
        exporting.rebuild()
        rebuild_s = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # kB on Linux
        show(f"{what}: {n_facts:,} events in {rebuild_s:.1f} s, {n_facts / rebuild_s:,.0f} events/s, {peak} MB")
    write(N_TICKETS // 5, "bench:b")
    n_more = journal.last_position() - n_facts
    begun = time.perf_counter()
    exporting.catch_up()
    follow_s = time.perf_counter() - begun
    show(f"followed from far behind: {n_more:,} events in {follow_s:.1f} s, {n_more / follow_s:,.0f} events/s")
    asked_s = median_s(lambda: reader.query(REPORT), 3)
    show(f"channel x priority with p90 over {N_TICKETS + N_TICKETS // 5:,} tickets: {asked_s * 1000:.0f} ms")
    lags = lag()
    show(f"lag at {RATE} tickets/s: median {statistics.median(lags):.2f} s, most {max(lags):.2f} s")


def write(n_tickets: int, source: str) -> None:
    """Finished tickets with seven facts each, by the bulk writer."""
    from django.utils import timezone

    from jiying.desk.models import Ticket
    from jiying.desk.services import bulk

    said = {"by": "person", "public": True, "direction": "out", "way": "message"}

    def histories():
        for n in range(n_tickets):
            at = ground.BASE - timedelta(minutes=7 * n)
            row = Ticket(
                subject="bench",
                channel=("web", "chat", "email", "phone")[n % 4],
                priority=f"P{1 + n % 4}",
                priority_source="rule",
                status="closed",
                received_at=at,
                created_at=at,
                resolved_at=at + timedelta(minutes=90),
                ended_at=at + timedelta(minutes=99),
                source=source,
                external_id=str(n),
            )
            facts = [
                bulk.PastFact(kind, at + timedelta(minutes=minute), dict(said) if kind == "message" else {})
                for kind, minute in STEPS
            ]
            facts[0].data = {"channel": row.channel, "priority": row.priority}
            yield bulk.History(row, facts)

    bulk.write(histories(), now=timezone.now(), timers=False)


def lag() -> list[float]:
    """Seconds behind, looked at ten times a second while histories of tickets arrive and the follower runs."""
    from jiying.warehouse import reader
    from jiying.warehouse.following import Follower

    stop = threading.Event()
    follower = Follower(stop)
    follower.start()
    writer = threading.Thread(target=_steadily, args=(stop,))
    writer.start()
    found = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(0.1)
        found.append(reader.state().behind_s)
    stop.set()
    writer.join()
    follower.join()
    return found


def _steadily(stop: threading.Event) -> None:
    second = 0
    while not stop.is_set():
        begun = time.monotonic()
        write(RATE, f"bench:lag{second}")
        second += 1
        stop.wait(max(0.0, 1.0 - (time.monotonic() - begun)))


if __name__ == "__main__":
    main()
