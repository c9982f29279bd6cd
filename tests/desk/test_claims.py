"""Two agents never get one ticket, and routing never passes a capacity, with many hands at once (D24)."""

import threading
from collections import Counter
from datetime import UTC, datetime

from django.db import connection

from jiying.base.errors import Conflict
from jiying.desk.models import AgentLoad, Ticket
from jiying.desk.services import handling, routing
from tests.cast import Cast


def _at_once(n: int, work: object) -> list[object]:
    """Run work(i) in n threads that start together; returns results or exceptions."""
    gate = threading.Barrier(n)
    results: list[object] = [None] * n

    def run(i: int) -> None:
        gate.wait()
        try:
            results[i] = work(i)  # type: ignore[operator]
        except Exception as error:
            results[i] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_agents_never_get_one_ticket(live_cast: Cast) -> None:
    AgentLoad.objects.update(capacity=0)
    ticket = live_cast.ticket()
    assert ticket.assignee_id is None
    people = [live_cast.lin, live_cast.wang] * 3
    now = datetime.now(UTC)
    results = _at_once(6, lambda i: handling.accept(actor=live_cast.actor(people[i]), number=ticket.number, now=now))
    won = [r for r in results if isinstance(r, Ticket)]
    assert len(won) == 1
    assert all(isinstance(r, Conflict) for r in results if r not in won)
    ticket.refresh_from_db()
    assert ticket.assignee_id == won[0].assignee_id
    assert sum(AgentLoad.objects.filter(n_open=1).values_list("n_open", flat=True)) == 1


def test_routing_never_passes_a_capacity(live_cast: Cast) -> None:
    AgentLoad.objects.filter(channel="web").update(capacity=0)
    AgentLoad.objects.filter(channel="web", person__in=(live_cast.lin, live_cast.wang)).update(capacity=3)
    routing.set_presence(
        actor=live_cast.actor(live_cast.wang), person_id=live_cast.wang.pk, presence="online", now=live_cast.now
    )
    results = _at_once(10, lambda i: live_cast.ticket(subject=f"请求 {i}"))
    assert all(isinstance(r, Ticket) for r in results), results
    given: Counter[int | None] = Counter(Ticket.objects.values_list("assignee_id", flat=True))
    assert given[live_cast.lin.pk] == given[live_cast.wang.pk] == 3
    assert given[None] == 4
    assert len(set(Ticket.objects.values_list("number", flat=True))) == 10
    for load in AgentLoad.objects.filter(channel="web"):
        assert load.n_open <= load.capacity


def test_who_gets_free_is_given_the_oldest_fitting_ticket(cast: Cast) -> None:
    from jiying.base import due

    AgentLoad.objects.filter(channel="web").update(capacity=1)
    first, second, third = (cast.ticket(subject=f"请求 {i}") for i in range(3))
    assert [t.assignee_id for t in (first, second, third)] == [cast.lin.pk, None, None]
    lin = cast.actor(cast.lin)
    handling.accept(actor=lin, number=first.number, now=cast.now)
    handling.resolve(actor=lin, number=first.number, now=cast.now)
    due.run(due.SWEEPS["routing"], cast.now)
    second.refresh_from_db()
    third.refresh_from_db()
    assert (second.assignee_id, second.status) == (cast.lin.pk, "assigned")
    assert third.assignee_id is None
