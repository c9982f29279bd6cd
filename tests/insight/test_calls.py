"""KPIs of telephone calls: counted a call, not a ticket; what followed the journal equals what is made anew."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from jiying.base import connections
from jiying.base.connections import ConnectionData
from jiying.channels.models import CallBack, PhoneCall
from jiying.channels.services import phone
from jiying.core.metrics import Tally
from jiying.desk.models import Ticket
from jiying.desk.policies import Scope
from jiying.desk.services import handling
from jiying.insight.queries import counting, gathering
from jiying.insight.queries.counting import Cut, Window
from jiying.warehouse import exporting
from tests.cast import Cast
from tests.desk.stage import facts_of
from tests.insight.columnar import copied
from tests.warehouse.test_copy import everything

KEYS = ("calls_in_3min", "calls_missed", "talk_time")
IN, OUT = "13812345678", "13900001111"


@pytest.fixture
def cti(cast: Cast) -> connections.Open:
    data = ConnectionData("热线", {"extensions": ["8001=lin", "8002=wang"]}, {"secret": "geheim"})
    connections.save(actor=cast.actor(cast.admin), kind="cti", code="hotline", data=data, revision=None, now=cast.now)
    found = connections.open_one("hotline")
    assert found is not None
    return found


class Line:
    """Calls that began an hour ago."""

    def __init__(self, cti: connections.Open) -> None:
        self.cti, self.begun = cti, int(time.time()) - 3600

    def call(self, call_id: str, *events: tuple[str, int], **told: Any) -> PhoneCall:
        for kind, after_s in events:
            body = {"event": kind, "call_id": call_id, "caller": IN, "agent": "8001", **told}
            with transaction.atomic():
                phone.act(self.cti, json.dumps(body | {"at": self.begun + after_s}).encode(), timezone.now())
        return PhoneCall.objects.get(call_id=call_id)


def _counted(by: str = "", where: tuple[tuple[str, str], ...] = (), team: int | None = None) -> dict[str, Any]:
    now = timezone.now()
    found = counting.tallies(
        KEYS, Window(now - timedelta(hours=2), now + timedelta(hours=1)), Cut(Scope(team), where), by
    )
    return {value: tuple((row[key].n_hits, row[key].n) for key in KEYS) for value, row in found.items()}


def test_each_call_counts_once_by_who_answered(cast: Cast, cti: connections.Open) -> None:
    line = Line(cti)
    copied()
    quick = line.call("c1", ("ringing", 0), ("answered", 20), ("ended", 120))
    line.call("c2", ("ringing", 0), ("answered", 181), ("ended", 200), agent="8002", caller="13811112222")
    copied()
    missed = line.call("c3", ("ringing", 0), ("missed", 60), caller="13833334444")
    copied()
    again = line.call("c4", ("missed", 300), caller="13833334444", agent="")
    assert again.ticket_id == missed.ticket_id and CallBack.objects.count() == 1
    assert missed.ticket is not None and facts_of(missed.ticket).count("call_missed") == 2
    copied()
    line.call("c5", ("answered", 10), ("ended", 40), direction="out", called=OUT, caller="")
    line.call("c6", ("ringing", 0), ("missed", 30), direction="out", called="13900002222", caller="")
    copied()
    assert _counted() == {"": ((1, 4), (2, 4), (0, 3))}
    agents = {str(cast.lin.pk): ((1, 2), (1, 2), (0, 2)), str(cast.wang.pk): ((0, 1), (0, 1), (0, 1))}
    assert _counted("agent") == agents | {counting.NONE: ((0, 1), (1, 1), (0, 0))}
    assert _counted("channel") == {"phone": ((1, 4), (2, 4), (0, 3))}
    assert _counted(where=(("agent", str(cast.lin.pk)),)) == {"": agents[str(cast.lin.pk)]}
    tally = counting.tallies(["talk_time"], _window(), Cut(Scope(None)))[""]["talk_time"]
    assert tally == Tally(3, 0, 0, 100 + 19 + 30, 30, 100)
    followed = everything()
    exporting.rebuild()
    assert everything() == followed
    n, cases = counting.cases("calls_missed", _window(), Cut(Scope(None)), counting.Part("hit"), 10)
    assert n == 2 and {case.ticket_id for case in cases} == {missed.ticket_id} and quick.ticket_id


def _window() -> Window:
    now = timezone.now()
    return Window(now - timedelta(hours=2), now + timedelta(hours=1))


def test_a_call_counts_though_its_ticket_was_merged_but_not_where_it_was_no_request(
    cast: Cast, cti: connections.Open
) -> None:
    line, sup = Line(cti), cast.actor(cast.sup)
    into = cast.ticket().number
    merged = line.call("c1", ("answered", 20), ("ended", 120))
    nonsense = line.call("c2", ("missed", 60), caller="13833334444")
    assert merged.ticket is not None and nonsense.ticket is not None
    handling.merge(actor=sup, number=merged.ticket.number, into=into, now=timezone.now())
    copied()
    assert _counted() == {"": ((1, 2), (1, 2), (0, 1))}
    handling.cancel(actor=sup, number=nonsense.ticket.number, reason="spam", now=timezone.now())
    copied()
    assert _counted() == {"": ((1, 1), (0, 1), (0, 1))}


def test_calls_are_those_of_ones_own_team_and_alike_from_arrays(cast: Cast, cti: connections.Open) -> None:
    line = Line(cti)
    call = line.call("c1", ("answered", 20), ("ended", 120))
    Ticket.objects.filter(phone_calls=call).update(team=cast.team2)
    exporting.rebuild()
    assert _counted(team=cast.team1.pk).get("", ((0, 0),) * 3) == ((0, 0), (0, 0), (0, 0))
    assert _counted(team=cast.team2.pk) == {"": ((1, 1), (0, 1), (0, 1))}
    rows = gathering.rows(KEYS, [_window()], Cut(Scope(cast.team2.pk)), {"agent": KEYS})
    plain = counting.tallies(KEYS, _window(), Cut(Scope(cast.team2.pk)), "agent")
    assert rows.tallies(KEYS, 0, "agent") == plain and plain[str(cast.lin.pk)]["talk_time"].total == 100
