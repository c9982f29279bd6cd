"""After closing each customer is asked once: workers that read the journal and open surveys are killed meanwhile."""

import time

from tests.processes.callers import post
from tests.processes.conftest import Staffed
from tests.processes.test_acts_once import who
from tests.processes.test_nothing_lost import dice, strike
from tests.servers import wait_until

N, ROUNDS = 48, 4
ON = """
from django.utils import timezone
from jiying.base.actor import SYSTEM
from jiying.quality.services import designs
data = designs.DesignData(code="closing", name_zh="结案", active=True, tells=True, quiet_days=0)
designs.save(actor=SYSTEM, data=data, revision=0, now=timezone.now())
"""
CLOSE = """
import time
from django.utils import timezone
from jiying.base.actor import SYSTEM, of_person
from jiying.base.models import Person
from jiying.desk.services import handling, routing
lin = Person.objects.get(username="lin")
for number in {numbers}:
    routing.transfer(actor=SYSTEM, number=number, to_person=lin.pk, now=timezone.now())
    handling.accept(actor=of_person(lin), number=number, now=timezone.now())
    handling.resolve(actor=of_person(lin), number=number, now=timezone.now())
    handling.confirm(actor=of_person(lin), number=number, now=timezone.now())
    time.sleep(0.05)
"""


def test_workers_killed_again_and_again_ask_each_customer_once(staffed: Staffed) -> None:
    house, books, rng = staffed.house, staffed.books, dice()
    house.extra["JIYING_WORKERS"] = "2"
    house.run("manage", "shell", "-c", ON)
    running = house.up()
    numbers = [
        post(house, staffed.token, {"channel": "web", "subject": f"第 {n} 件", "customer": who(n)})["number"]
        for n in range(N)
    ]
    for turn in range(ROUNDS):
        house.run("manage", "shell", "-c", CLOSE.format(numbers=numbers[turn::ROUNDS]))
        time.sleep(rng.uniform(0, 0.4))  # no synchronisation: any moment will do
        strike(running, "worker", rng, rng.choice((1, 2)))
    asked = "SELECT count(*) FROM quality_survey WHERE state = 'open'"
    wait_until(lambda: books.one(asked) >= N, 240, "a survey of every ticket")
    told = books.rows(
        "SELECT t.number, count(*) FROM desk_message m JOIN desk_ticket t ON t.id = m.ticket_id WHERE m.by = 'auto' "
        "GROUP BY t.number"
    )
    assert dict(told) == dict.fromkeys(numbers, 1)
    assert books.one("SELECT count(*) FROM quality_survey") == N
    assert books.one("SELECT count(*) FROM base_journalentry WHERE kind = 'ticket.survey_asked'") == N
    assert house.run("check").startswith("0 faults")
