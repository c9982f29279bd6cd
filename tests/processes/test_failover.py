"""Failover (Z3): PostgreSQL's primary dies amid intake, its synchronous standby takes over, nothing is lost."""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import pytest

from tests import house as houses
from tests.processes.books import Books
from tests.processes.callers import Intake, Poster
from tests.processes.conftest import STAFF
from tests.processes.test_nothing_lost import dice, tickets
from tests.servers import Postgres, ServerError, tail, wait_until

pytestmark = pytest.mark.postgres_only


class Standby(Postgres):
    """A second server that follows `primary`, whose commits wait for it from then on."""

    def __init__(self, primary: Postgres) -> None:
        super().__init__()
        self._primary = primary

    def start(self) -> "Standby":
        self._prepare()
        self._launch()
        with psycopg.connect(self._primary.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            wait_until(lambda: self._is_synchronous(connection), 60, "a synchronous standby")
        return self

    def _initdb(self) -> None:
        command = [str(self._bin / "pg_basebackup"), "-h", str(self._primary.folder), "-U", "postgres"]
        command += ["-D", str(self.folder / "data"), "-R", "-X", "stream", "-c", "fast"]
        with self.log.open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False, **self._as())
        if done.returncode:
            raise ServerError(f"pg_basebackup failed:\n{tail(self.log)}")

    @staticmethod
    def _is_synchronous(connection: "psycopg.Connection[tuple[str]]") -> bool:
        return connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall() == [("sync",)]

    def promote(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            assert connection.execute("SELECT pg_promote(true, 30)").fetchone() == (True,)


def kill(server: Postgres) -> None:
    """kill -9 for a server with all its processes."""
    assert server._process is not None
    family = psutil.Process(server._process.pid)
    for process in [family, *family.children(recursive=True)]:
        process.kill()
    server._process.wait()


@pytest.fixture
def pair() -> Iterator[tuple[Postgres, Standby]]:
    primary = Postgres().start()
    standby = Standby(primary)
    try:
        yield primary, standby.start()
    finally:
        standby.stop()
        primary.stop()


@pytest.fixture
def house(tmp_path: Path, pair: tuple[Postgres, Standby]) -> Iterator[houses.House]:
    """A house that knows both servers and works on whichever takes writes."""
    folders = ",".join(quote(str(server.folder), safe="/") for server in pair)
    own = houses.House(
        tmp_path / "house", f"postgresql://postgres@/jiying?host={folders}&target_session_attrs=read-write"
    )
    yield houses.migrated(own)
    own.close()


def test_what_was_acknowledged_survives_the_primary(house: houses.House, pair: tuple[Postgres, Standby]):
    primary, standby = pair
    rng = dice()
    token = json.loads(house.run("manage", "shell", "-c", STAFF).strip().rpartition("\n")[2])["tokens"]["adm"]
    running = house.up()
    posters = [Poster(house, token, tickets(n, rng.random()), outage=(503,)) for n in range(3)]
    intake = Intake(posters).begin()
    intake.wait_more(60)
    before = {child.pid for child in running.children()}
    kill(primary)
    begun = time.monotonic()
    standby.promote()
    intake.wait_more(1)
    print(f"primary killed to the next acknowledged ticket: {time.monotonic() - begun:.2f} s")
    intake.wait_more(60)
    acknowledged = intake.finish()

    books = Books(house)
    assert books.numbers() == {key: [number] for key, number in acknowledged.items()}
    assert books.halves() == {}
    assert books.wrong_loads() == []
    books.wait_fired(datetime.now(UTC))
    fired = books.fired()
    assert len(set(fired)) == len(fired)
    assert house.run("check").startswith("0 faults")
    house.wait_ready(running)
    assert {child.pid for child in running.children()} == before, "nothing had to be started anew"
