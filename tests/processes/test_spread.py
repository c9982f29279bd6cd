"""Maps and replays on a Dask cluster: its figures are those of one process, also when a worker dies on the way."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from distributed import Client

from jiying.warehouse import spreading
from tests.house import ROOT, clean_environment
from tests.processes.conftest import Staffed
from tests.servers import ServerError, free_port, tail, wait_until

LIVES = """
from datetime import timedelta
from django.utils import timezone
from jiying.base import journal
from jiying.base.actor import SYSTEM, of_person
from jiying.base.models import Person
from jiying.desk.services import handling, routing, talking
from jiying.desk.services.intake import NewTicket, open_ticket
from jiying.warehouse import exporting
lin, begun = of_person(Person.objects.get(username="lin")), timezone.now() - timedelta(days=9)
for n in range(24):
    at = begun + timedelta(hours=7 * n)
    channel = ("web", "chat", "email")[n % 3]
    number = open_ticket(actor=SYSTEM, new=NewTicket(subject=f"第 {n} 件", channel=channel), now=at).number
    routing.transfer(actor=SYSTEM, number=number, to_person=lin.person.pk, now=at)
    handling.accept(actor=lin, number=number, now=at + timedelta(minutes=n))
    talking.reply(actor=lin, number=number, body="已处理", now=at + timedelta(minutes=7 * n))
    if n % 4:
        handling.resolve(actor=lin, number=number, now=at + timedelta(minutes=9 * n))
while journal.sequence():
    pass
exporting.catch_up()
"""
# Both in portions of a few tickets, and a foreign log whose columns go with the work.
FIGURES = """
import json
from datetime import datetime
import numpy as np
from jiying.core.processmap import Log, blocks, kernel, merge, summary
from jiying.desk.policies import Scope
from jiying.insight.services import replaying
from jiying.process.queries.asked import Wanted
from jiying.process.queries.data import as_data
from jiying.process.queries.reading import Question
from jiying.process.services import maps
from jiying.warehouse import spreading
now = datetime.fromisoformat("{now}")
found = maps.made(Question(Scope(None), Wanted("facts", 0), now), portion=12)
replay = replaying.replay(replaying.Draft(), datetime.fromisoformat("{since}"), now, now, portion=3)
del replay["seconds"]
rng, n = np.random.default_rng(7), 4000
case, activity = rng.integers(0, 400, n).astype(np.int32), rng.integers(0, 5, n).astype(np.int16)
log = Log(case, activity, np.arange(n), tuple("abcde"))
foreign = summary(merge(spreading.each(kernel.fold, blocks(log, 300))))
print(json.dumps([as_data(found.map), found.behind, replay, as_data(foreign)], sort_keys=True))
"""


@dataclass
class Cluster:
    """A scheduler and its workers, each a process of its own, all on the loopback."""

    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    processes: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1", "--dashboard-address", ":0"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def worker(self, name: str) -> None:
        folder = ("--local-directory", str(self.folder / name))
        self.start(name, "worker", self.address, "--name", name, "--nthreads", "1", "--no-nanny", *folder)

    def logs(self) -> str:
        return "\n".join(f"--- {name}\n{tail(self.folder / f'{name}.log')}" for name in self.processes)

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


@contextmanager
def cluster(folder: Path, home: Path) -> Iterator[tuple[Cluster, Client]]:
    """A scheduler and two workers, and a client to watch them. No worker knows the house's database or its secrets."""
    more = {"NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(home / "numba"))}
    found = Cluster(folder, {**clean_environment(), **more})
    found.folder.mkdir()
    try:
        found.start("scheduler", "scheduler", "--port", str(found.port))
        found.worker("one")
        found.worker("two")
        with watching(found.address) as client:
            wait_until(lambda: len(workers(client)) == 2, 120, "two workers")
            yield found, client
    except (ServerError, OSError, AssertionError) as error:
        error.add_note(found.logs())
        raise
    finally:
        found.close()


def watching(address: str) -> Client:
    """It gives its own thread ten seconds to start, and a machine may stall for longer."""
    for _n in range(3):
        with suppress(AssertionError):
            return Client(address, timeout=120, set_as_default=False)
    return Client(address, timeout=120, set_as_default=False)


def workers(client: Client) -> dict[str, str]:
    """Addresses by name, as the scheduler has them."""
    return {one["name"]: address for address, one in client.scheduler_info(n_workers=-1)["workers"].items()}


def test_a_cluster_gives_the_figures_of_one_process_also_when_a_worker_is_killed(
    staffed: Staffed, tmp_path: Path, settings: Any
) -> None:
    house, now = staffed.house, datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    asked = FIGURES.format(now=now.isoformat(), since=(now - timedelta(days=30)).isoformat())
    alone = figures(house.run("manage", "shell", "-c", LIVES + asked, timeout_s=240))
    assert alone[2]["tickets"] == 24 and alone[0]["n_cases"] == 24
    with cluster(tmp_path / "cluster", house.home) as (found, client):
        house.extra["DASK_SCHEDULER"] = settings.DASK_SCHEDULER = found.address
        settings.WAREHOUSE = house.home / "warehouse"
        assert list(spreading.faults()) == []
        settings.WAREHOUSE = tmp_path / "elsewhere"
        assert [str(tmp_path / "elsewhere") in line for line in spreading.faults()] == [True]

        n_before = n_steps(client)
        assert figures(house.run("manage", "shell", "-c", asked, timeout_s=240)) == alone
        assert n_steps(client) - n_before > 30  # the work was done over there

        first = workers(client)["one"]
        os.kill(found.processes["one"].pid, signal.SIGSTOP)  # it takes work, and does none
        working = house.start("manage", "shell", "-c", asked)
        wait_until(lambda: bool(client.processing().get(first)) or not working.alive, 240, "work for the first worker")
        assert working.alive, working.said()
        found.processes["one"].kill()
        wait_until(lambda: not working.alive, 240, "the figures")
        assert figures(working.said()) == alone
        assert list(workers(client)) == ["two"]


def figures(printed: str) -> Any:
    return json.loads(printed.strip().splitlines()[-1])


def n_steps(client: Client) -> int:
    """How often a task has come a step further on the cluster."""
    return int(client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter))
