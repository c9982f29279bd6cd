"""Nothing lost: web processes killed at any point of intake, the whole house killed, and listeners who come back."""

import itertools
import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.house import Running
from tests.processes.callers import Intake, Listener, Poster, due_in, post
from tests.processes.conftest import Staffed
from tests.servers import wait_until

CHANNELS = ("web", "email", "chat")


def dice() -> random.Random:
    """A random generator whose seed is in the report of a failed test."""
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    return random.Random(seed)


def strike(running: Running, name: str, rng: random.Random, n: int = 1) -> None:
    """kill -9 for `n` of the house's processes of this name, once it has that many."""

    def found() -> list[int]:
        return [child.pid for child in running.children() if child.cmdline()[-1:] == [name]]

    wait_until(lambda: len(found()) >= n, 60, f"{n} {name} processes")
    for pid in rng.sample(found(), n):
        os.kill(pid, signal.SIGKILL)


def tickets(client: int, seed: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tickets by key, which is their subject too; every fourth falls due within the next seconds."""
    rng = random.Random(seed)
    for n in itertools.count():
        key = f"client-{client}-{n}"
        body = {"subject": key, "channel": rng.choice(CHANNELS), "customer": {"phone": f"138{rng.randrange(20):08d}"}}
        if n % 4 == 0:
            due_at = datetime.now(UTC) + timedelta(seconds=rng.randrange(1, 10))
            body |= {"priority": "P1", "received_at": due_in(due_at)}
        yield key, body


def test_killed_at_any_point_of_intake(staffed: Staffed):
    """Web processes one by one and both, then everything at once: what was acknowledged is there, and once."""
    house, books, rng = staffed.house, staffed.books, dice()
    running = house.up()
    intake = Intake([Poster(house, staffed.token, tickets(n, rng.random())) for n in range(3)]).begin()
    for n_killed in (1, 2, 1, 2, 1):
        intake.wait_more(15)
        time.sleep(rng.uniform(0, 0.1))  # no synchronisation: any moment will do
        strike(running, "web", rng, n_killed)
    intake.wait_more(15)
    running.kill()
    house.up()
    intake.wait_more(15)
    acknowledged = intake.finish()

    assert sum(poster.n_cut for poster in intake.posters) >= 3, "nobody was cut off"
    assert books.numbers() == {key: [number] for key, number in acknowledged.items()}
    assert books.halves() == {}
    assert books.wrong_loads() == []
    assert books.one("SELECT count(*) FROM base_idempotencykey") == len(acknowledged)
    # What fell due meanwhile, with the house up or down, has come once, at its instant.
    until = datetime.now(UTC)
    books.wait_fired(until)
    fired = books.fired()
    assert len(set(fired)) == len(fired)
    assert set(fired) <= books.promised(until + timedelta(minutes=1))
    assert house.run("check").startswith("0 faults")


def test_a_listener_who_comes_back_missed_nothing(staffed: Staffed):
    house, books, rng = staffed.house, staffed.books, dice()
    running = house.up()
    topics = {f"person:{staffed.people['wang']}", f"team:{staffed.team}"}
    listeners = [Listener(house, staffed.tokens["wang"], f"me,team:{staffed.team}").begin() for _ in range(3)]
    first = max(listener.hellos[0] for listener in listeners)

    body = {"subject": "quiet", "channel": "web", "priority": "P1"}
    due_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    post(house, staffed.token, {**body, "received_at": due_in(due_at)})

    wait_until(lambda: books.breach("resolution")[0] > 0, 60, "the breach")
    position, at = books.breach("resolution")
    assert at == due_at
    wait_until(lambda: all(position in listener.positions() for listener in listeners), 30, "its doorbell")
    came = [at for listener in listeners for at, data in listener.bells if data["position"] == position]
    delays = [(at - due_at).total_seconds() for at in came]
    print(f"due instant to doorbell: {max(delays):.3f} s")
    assert 0 <= min(delays)
    assert max(delays) < 3

    def expected() -> list[int]:
        rows = books.rows(
            "SELECT p.position, j.rings FROM base_journalposition p JOIN base_journalentry j ON j.id = p.entry_id "
            "WHERE p.position > ? ORDER BY p.position",
            first,
        )
        return [position for position, rings in rows if not set(rings.split()).isdisjoint(topics)]

    intake = Intake([Poster(house, staffed.token, tickets(n, rng.random())) for n in range(2)]).begin()
    for n_killed in (1, 2, 1, 2):
        intake.wait_more(10)
        strike(running, "web", rng, n_killed)
    intake.wait_more(10)
    intake.finish()
    wait_until(lambda: books.one("SELECT count(*) FROM base_journalpending") == 0, 60, "the sequencer")
    rang = expected()  # promises go on falling due while we compare: up to here is what all must have heard
    last = rang[-1]
    for listener in listeners:
        wait_until(lambda: last in listener.positions(), 60, f"position {last}")  # noqa: B023 - asked here
        assert sorted({p for p in listener.positions() if first < p <= last}) == rang
        assert listener.resyncs == 0
    assert sum(len(listener.hellos) for listener in listeners) > len(listeners), "nobody was cut off"
    for listener in listeners:
        listener.ended.set()
