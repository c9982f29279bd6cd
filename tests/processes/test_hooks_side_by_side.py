"""Web hooks in a house that runs: a subscriber that hangs holds no other; killed workers lose and reorder nothing."""

from typing import Any

from tests.processes.callers import post
from tests.processes.conftest import Staffed
from tests.processes.test_acts_once import who
from tests.processes.test_mail_journey import ask
from tests.processes.test_nothing_lost import dice, strike
from tests.robots import Robot
from tests.servers import wait_until

N = 14


def subscribe(staffed: Staffed, robot: Robot, code: str) -> None:
    options: dict[str, Any] = {"url": robot.url, "events": ["ticket.opened"]}
    told = {"kind": "hook_out", "name": code, "options": options, "secrets": {"secret": "s3cret"}}
    ask(staffed, "PUT", f"connections/{code}", told)


def opened(robot: Robot) -> list[str]:
    """Numbers in the order of their first arrival; what came again was the same as before."""
    return list(dict.fromkeys(str(got.json["ticket"]) for got in robot.got))


def test_a_subscriber_that_hangs_holds_no_other_and_killed_workers_lose_nothing(staffed: Staffed) -> None:
    house, rng = staffed.house, dice()
    bad, good = Robot(), Robot()
    bad.hangs.set()
    house.extra["JIYING_INSIDE_HOSTS"] = "127.0.0.1"
    running = house.up()
    subscribe(staffed, bad, "bad")
    subscribe(staffed, good, "good")

    def open_one(n: int) -> str:
        told = {"channel": "web", "subject": f"第 {n} 件", "customer": who(n)}
        return str(post(house, staffed.token, told)["number"])

    numbers = [open_one(0)]
    wait_until(lambda: len(bad.got) >= 1, 15, "the subscriber that hangs to be asked")
    numbers.append(open_one(1))
    wait_until(lambda: opened(good) == numbers, 9, "the other one to hear meanwhile")  # the bad one hangs for 10 s
    for n in range(2, N):
        numbers.append(open_one(n))
        if n % 6 == 0:
            strike(running, "worker", rng, 1)
    bad.hangs.clear()
    for robot in (good, bad):
        wait_until(lambda robot=robot: len(opened(robot)) == N, 300, "all events at each")  # type: ignore[misc]
        assert opened(robot) == numbers
        positions = [got.json["position"] for got in robot.got]
        news = [at for n, at in enumerate(positions) if at not in positions[:n]]
        assert news == sorted(news)
        robot.close()
