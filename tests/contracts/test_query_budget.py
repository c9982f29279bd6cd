"""Pages cost the same number of queries however much there is to show."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jiying.base import journal, tails
from jiying.base.models import Person
from jiying.desk.models import AgentLoad, Ticket
from jiying.desk.services import collaboration, indexing, talking
from jiying.desk.services.customers import CustomerData
from jiying.insight.queries import gathering
from jiying.warehouse import exporting
from jiying.warehouse.asking import Source
from tests.cast import Cast

BUDGET = {"/work/": 12, "/tickets/": 14, "/supervise/": 18, "ticket": 31, "search": 20, "reports": 24}

OF_THE_COPY = 4  # statements of a report: rows of tickets and of clocks, in this period and in the one before

pytestmark = pytest.mark.usefixtures("still")


def _fill(cast: Cast, start: int, stop: int) -> None:
    for n in range(start, stop):
        cast.ticket(subject=f"工单 {n}", customer=CustomerData(name=f"客户{n}", phone=f"1380000{n:04d}"))


def n_queries(cast: Cast, person: Person, path: str) -> int:
    """Statements of one request; only with the clock at a stand (`still`) is that one number."""
    client = cast.client(person)
    client.get(path)  # what is kept is kept now
    return _once(client, path)


def _once(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(path)
    assert answer.status_code == 200
    return len(seen)


@pytest.mark.parametrize("path", ["/work/", "/tickets/", "/supervise/"])
def test_lists_cost_the_same_with_10_rows_and_with_100(cast: Cast, path: str) -> None:
    person = cast.wang if path == "/supervise/" else cast.lin
    AgentLoad.objects.filter(channel="web").update(capacity=5)  # some are Lin's, the others wait in the queue
    _fill(cast, 0, 10)
    few = n_queries(cast, person, path)
    _fill(cast, 10, 100)
    many = n_queries(cast, person, path)
    # A full first page spares the question for rows without a due time; never does more cost more.
    assert many in (few, few - 1)
    assert many <= BUDGET[path]


def test_a_search_costs_the_same_with_10_hits_and_with_100(cast: Cast) -> None:
    counts = []
    for start, stop in ((0, 10), (10, 100)):
        _fill(cast, start, stop)
        while journal.sequence():
            pass
        tails.catch_up(indexing.READER)
        counts.append(n_queries(cast, cast.sup, "/search/?q=工单"))
    assert counts[0] == counts[1]
    assert counts[0] <= BUDGET["search"]


def _talk(cast: Cast, ticket: Ticket, n: int) -> None:
    lin = cast.actor(cast.lin)
    for k in range(n):
        talking.note(actor=lin, number=ticket.number, body=f"备注 {k}", now=cast.now)
        if k % 5 == 0:
            collaboration.ask(actor=lin, number=ticket.number, department="logistics", question="？", now=cast.now)


def test_a_ticket_costs_the_same_with_10_messages_and_with_100(cast: Cast) -> None:
    ticket = cast.accepted(customer=CustomerData(name="张三", phone="13812345678"))
    path = f"/tickets/{ticket.number}/"
    _talk(cast, ticket, 10)
    few = n_queries(cast, cast.lin, path)
    _talk(cast, ticket, 90)
    assert n_queries(cast, cast.lin, path) == few
    assert few <= BUDGET["ticket"]


def test_a_report_costs_the_same_with_10_tickets_and_with_100(
    cast: Cast, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions to the database, and to the columnar copy."""
    settings.WAREHOUSE = tmp_path / "warehouse"
    asked: list[str] = []
    real = Source._asked

    def noted(copy: Source, sql: str, params: Any) -> Any:
        asked.append(sql)
        return real(copy, sql, params)

    monkeypatch.setattr(Source, "_asked", noted)
    path = f"/reports/?kind=week&day={timezone.localtime(cast.now).date()}"
    counts = []
    for start, stop in ((0, 10), (10, 100)):
        _fill(cast, start, stop)
        while journal.sequence():
            pass
        exporting.catch_up()
        found = n_queries(cast, cast.sup, path)
        gathering._kept.clear()
        asked.clear()
        _once(cast.client(cast.sup), path)
        first = len(asked)
        _once(cast.client(cast.sup), path)
        counts.append((found, first, len(asked) - first))
    assert counts[0] == counts[1]
    assert counts[0][0] <= BUDGET["reports"]
    assert counts[0][1:] == (OF_THE_COPY, 0)  # that of a week which is over is kept
