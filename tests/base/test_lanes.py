"""Lanes: what hangs holds only its own; within a lane one by one and in order; threads are bounded."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from jiying.base import due, lanes
from jiying.base.models import Job
from tests.servers import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


class House:
    """Serves jobs whose kind is their lane; kinds in `hung` stay until they are let go."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.inside: list[str] = []
        self.most = 0
        self.hung: set[str] = set()
        self.let_go = threading.Event()
        self.stop = threading.Event()
        sweep = due.Sweep("lanes", Job, self.handle, networked=True, lanes=("kind",))
        self.loop = lanes.Lanes(sweep, self.stop)

    def handle(self, ids: Sequence[int], now: datetime) -> int:
        n_done = 0
        for pk in ids:
            row = due.lease(Job, pk, now)
            if not isinstance(row, Job):
                continue
            assert row.kind not in self.inside, "one at a time in a lane"
            self.inside.append(row.kind)
            self.most = max(self.most, len(self.inside))
            if row.kind in self.hung:
                self.let_go.wait(20)
            self.inside.remove(row.kind)
            self.done.append((row.kind, pk))
            due.finish(row)
            n_done += 1
        return n_done

    def close(self) -> None:
        self.let_go.set()
        self.stop.set()
        self.loop.join(5)
        wait_until(lambda: not self.loop._busy, 5, "the lanes to end")
        time.sleep(0.1)  # their lines to the database are closed just before


def rows(kind: str, n: int) -> list[int]:
    at = timezone.now() - timedelta(minutes=1)
    return [Job.objects.create(kind=kind, wake_at=at).pk for _ in range(n)]


def test_a_lane_that_hangs_holds_only_itself() -> None:
    house = House()
    house.hung = {"bad"}
    bad, good = rows("bad", due.BATCH * 5), rows("good", 60)  # the bad ones have been due for longest
    house.loop.start()
    wait_until(lambda: len(house.done) == 60, 10, "the others to be served")
    assert house.done == [("good", pk) for pk in good]
    assert house.inside == ["bad"]
    late = rows("late", 1)
    wait_until(lambda: ("late", late[0]) in house.done, 10, "what came meanwhile")
    house.let_go.set()
    wait_until(lambda: len(house.done) == 61 + len(bad), 30, "the rest")
    assert [pk for kind, pk in house.done if kind == "bad"] == bad
    house.close()


def test_the_threads_are_bounded_and_no_lane_is_forgotten() -> None:
    house = House()
    kinds = [f"k{n}" for n in range(lanes.N_LANES * 2)]
    house.hung = set(kinds)
    for kind in kinds:
        rows(kind, 2)
    house.loop.start()
    wait_until(lambda: len(house.inside) == lanes.N_LANES, 10, "all threads to be taken")
    time.sleep(0.5)
    assert len(house.inside) == lanes.N_LANES
    house.let_go.set()
    wait_until(lambda: len(house.done) == len(kinds) * 2, 20, "all of them")
    assert house.most == lanes.N_LANES
    house.close()


def test_lanes_that_were_slow_leave_room_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "SLOW_S", 0.0)
    house = House()
    kinds = [f"k{n}" for n in range(lanes.N_LANES)]
    for kind in kinds:
        rows(kind, 1)
    house.loop.start()
    wait_until(lambda: len(house.done) == len(kinds), 10, "all of them")
    wait_until(lambda: not house.loop._busy, 5, "the lanes to end")
    monkeypatch.setattr(lanes, "SLOW_S", 30.0)
    house.hung = set(kinds)
    for kind in kinds:
        rows(kind, 1)
    wait_until(lambda: len(house.inside) >= lanes.N_LANES // 2, 10, "the slow ones")
    time.sleep(0.5)
    assert len(house.inside) == lanes.N_LANES // 2
    fresh = rows("fresh", 1)
    wait_until(lambda: ("fresh", fresh[0]) in house.done, 10, "a lane that was never slow")
    house.close()
