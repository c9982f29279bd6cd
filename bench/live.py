"""From the due instant to the event at the client's socket, 1,000,000 running clocks, 200 clients: `-m bench.live`.

20 points fall due each second, each told to its agent's client and a leader's. JIYING_BENCH_TICKETS sets the million.
"""

import asyncio
import json
import os
import time

from bench import ground, web
from bench.table import show

N = int(os.environ.get("JIYING_BENCH_TICKETS", 1_000_000))
CLIENTS, RATE, SECONDS = 200, 20, int(os.environ.get("JIYING_BENCH_SECONDS", 20))
FAR_S = 30 * 86400


async def listen(port: int, token: str, seen: list[tuple[str, float]], ready: asyncio.Event) -> None:
    """Read doorbells of `me` until cancelled; notes (subject, when it arrived) of each breach."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /live?topics=me HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Accept: text/event-stream\r\n\r\n".encode()
    )
    status = await reader.readline()
    if b" 200 " not in status:
        raise RuntimeError(status.decode())
    ready.set()
    async for line in reader:
        if line.startswith(b"data: {"):
            told = json.loads(line[6:])
            if told.get("kind") == "clock.breached":
                seen.append((told["subject"], time.time()))


async def watch(port: int, tokens: list[str], due: dict[str, float]) -> list[float]:
    """Connect everybody, wait until the last point has passed, and give the delays of all that arrived."""
    seen: list[tuple[str, float]] = []
    gates = [asyncio.Event() for _ in tokens]
    tasks = [asyncio.create_task(listen(port, t, seen, g)) for t, g in zip(tokens, gates, strict=True)]
    await asyncio.wait_for(asyncio.gather(*(g.wait() for g in gates)), 60)
    await asyncio.to_thread(arm, due)
    await asyncio.sleep(max(due.values()) - time.time() + 5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return [at - due[subject] for subject, at in seen if subject in due]


def arm(due: dict[str, float]) -> None:
    """Give RATE clocks a second a due instant from some seconds ahead on."""
    from django.db import connection

    start = int(time.time()) + 8
    adapt = connection.ops.adapt_datetimefield_value
    from jiying.clocks.queries import instant_of

    rows = []
    for i in range(RATE * SECONDS):
        ticket, second = i + 1, start + i // RATE
        due[f"ticket:{ticket}"] = second
        at = adapt(instant_of(second))
        rows.append((at, at, json.dumps([["due", second]]), ticket))
    cast = "%s::jsonb" if connection.vendor == "postgresql" else "%s"
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE clocks_clock SET due_at = %s, wake_at = %s, points = {cast} "  # noqa: S608
            "WHERE subject_kind = 'ticket' AND subject_id = %s",
            rows,
        )


def run() -> None:
    ground.open_house(CLIENTS - 1)
    ground.tickets(N, int(time.time()) + FAR_S, CLIENTS - 1)
    from jiying.base.models import ApiToken, Person
    from jiying.base.tokens import PREFIX, digest

    people = list(Person.objects.order_by("pk").values_list("pk", flat=True))
    tokens = [f"{PREFIX}bench{pk}" for pk in people]
    ApiToken.objects.bulk_create(
        ApiToken(person_id=pk, name="bench", digest=digest(t)) for pk, t in zip(people, tokens, strict=True)
    )
    due: dict[str, float] = {}
    with web.serving(JIYING_STREAMS="2000") as port:
        delays = sorted(asyncio.run(watch(port, tokens, due)))
    expected = 2 * RATE * SECONDS
    at = [delays[min(len(delays) - 1, int(len(delays) * share))] * 1000 for share in (0.5, 0.95, 0.99)]
    show(f"\nDue instant → event at a client: {N:,} running clocks, {CLIENTS} clients, {RATE} due points a second")
    show(f"p50 {at[0]:.0f} ms   p95 {at[1]:.0f} ms   p99 {at[2]:.0f} ms   max {delays[-1] * 1000:.0f} ms")
    show(f"{len(delays)} of {expected} events arrived; limit 1,000 ms at p99; other desks: 10 s to 60 min")
    assert len(delays) == expected


if __name__ == "__main__":
    ground.on_both("bench.live", run)
