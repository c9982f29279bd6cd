"""What WeCom keeps for us is pulled once and all of it, however often the workers that pull are killed."""

import time
import urllib.request
from urllib.parse import urlencode

from tests.channels.other_side import other_side
from tests.channels.wecom_kf import SECRETS, WeComKf, bell
from tests.processes.conftest import Staffed
from tests.processes.test_mail_journey import ask
from tests.processes.test_nothing_lost import dice, strike
from tests.servers import wait_until

N, ROUNDS, CUSTOMERS = 120, 5, 6


def test_workers_killed_again_and_again_pull_each_message_once(staffed: Staffed) -> None:
    house, books, rng = staffed.house, staffed.books, dice()
    house.extra |= {"JIYING_WORKERS": "2", "JIYING_INSIDE_HOSTS": "127.0.0.1"}
    with other_side() as side:
        wecom = WeComKf(side)
        running = house.up()
        options = {"corp_id": "corp1", "api": side.url}
        told = {"kind": "wecom_kf", "name": "微信客服", "options": options, "secrets": SECRETS}
        ask(staffed, "PUT", "connections/kf", told)
        for turn in range(ROUNDS):
            for n in range(turn * N // ROUNDS, (turn + 1) * N // ROUNDS):
                wecom.say(n, f"kf-{n}", int(time.time()), who=f"wm{n % CUSTOMERS}")
            ring(house.url, f"T{turn}")
            time.sleep(rng.uniform(0, 0.5))  # no synchronisation: any moment will do
            strike(running, "worker", rng, rng.choice((1, 2)))
        said = "SELECT (SELECT count(*) FROM desk_message WHERE body LIKE 'kf-%') + (SELECT count(*) FROM desk_ticket)"
        wait_until(lambda: books.one(said) >= N, 300, "every message")
    bodies = [body for (body,) in books.rows("SELECT body FROM desk_message WHERE body LIKE 'kf-%'")]
    subjects = [subject for (subject,) in books.rows("SELECT subject FROM desk_ticket")]
    assert sorted(bodies + subjects) == sorted(f"kf-{n}" for n in range(N))
    assert len(subjects) == CUSTOMERS
    assert house.run("check").startswith("0 faults")


def ring(url: str, token: str) -> None:
    body, query = bell(int(time.time()), token)
    address = f"{url}/hooks/in/wecom_kf/kf?{urlencode(query)}"
    request = urllib.request.Request(address, body.encode(), {"Content-Type": "text/xml"})  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        assert answer.read() == b"success"
