"""Short transactions: whole, and run again where two crossed in their locks; never for any other reason."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError, connection

import jiying
from jiying.base import transactions
from jiying.base.models import Counter
from tests.cast import Cast
from tests.desk.stage import at_once


class _Crossed(Exception):
    sqlstate = "40P01"


def crossed() -> OperationalError:
    error = OperationalError("deadlock detected")
    error.__cause__ = _Crossed()
    return error


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "PAUSE_S", 0.0)


def failing(times: int, error: Callable[[], Exception]) -> tuple[Callable[[], str], list[int]]:
    """Writes a row, then fails so many times; and the list that counts its runs."""
    runs: list[int] = []

    def work() -> str:
        runs.append(len(runs))
        Counter.objects.create(name=f"try {len(runs)}")
        if len(runs) <= times:
            raise error()
        return "done"

    return work, runs


@pytest.mark.usefixtures("transactional_db", "quick")
def test_what_crossed_runs_again_from_its_start() -> None:
    work, runs = failing(2, crossed)
    assert transactions.run(work) == "done"
    assert len(runs) == 3
    assert [c.name for c in Counter.objects.all()] == ["try 3"], "what was tried before has left nothing"


@pytest.mark.usefixtures("transactional_db", "quick")
def test_it_is_not_tried_for_ever() -> None:
    work, runs = failing(100, crossed)
    with pytest.raises(OperationalError):
        transactions.run(work)
    assert len(runs) == transactions.TRIES
    assert not Counter.objects.exists()


@pytest.mark.usefixtures("transactional_db", "quick")
@pytest.mark.parametrize("error", [lambda: OperationalError("disk is full"), lambda: ValueError("no")])
def test_nothing_else_is_tried_again(error: Callable[[], Exception]) -> None:
    work, runs = failing(1, error)
    with pytest.raises(type(error())):
        transactions.run(work)
    assert len(runs) == 1


@pytest.mark.usefixtures("db", "quick")
def test_a_part_of_a_transaction_is_not_run_again_alone() -> None:
    """The whole is lost with it: only its owner may begin anew."""
    work, runs = failing(1, crossed)
    with pytest.raises(OperationalError):
        transactions.run(work)
    assert len(runs) == 1


def test_two_that_lock_crosswise_both_come_through(live_cast: Cast) -> None:
    """With real locks; on SQLite the second waits for the first."""
    from jiying.desk.models import Ticket
    from jiying.desk.services.holding import lock

    one, two = live_cast.ticket().number, live_cast.ticket().number
    met = threading.Barrier(2, timeout=1)

    def work(first: str, second: str) -> None:
        lock(first)
        try:  # only the first time, and only where both can hold a lock at once
            met.wait()
        except threading.BrokenBarrierError:
            pass
        Ticket.objects.filter(pk=lock(second).pk).update(escalation=1)

    crosswise = [lambda: transactions.run(lambda: work(one, two)), lambda: transactions.run(lambda: work(two, one))]
    assert at_once(crosswise) == [None, None]
    assert Ticket.objects.filter(escalation=1).count() == 2


def test_a_verb_is_such_a_transaction(live_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from jiying.desk.services import handling, holding

    ticket, real, fails = live_cast.ticket(), holding.settle, [crossed()]

    def settle(*args: object, **kwargs: object) -> None:
        real(*args, **kwargs)  # type: ignore[arg-type]
        if fails:
            raise fails.pop()

    monkeypatch.setattr(handling, "settle", settle)
    handling.accept(actor=live_cast.actor(live_cast.lin), number=ticket.number, now=live_cast.now)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.revision) == ("accepted", 1)
    connection.close()


def test_every_service_is_such_a_transaction() -> None:
    """`@transaction.atomic` would answer 503 where two crossed; `@short` runs the whole again."""
    root = Path(jiying.__file__).parent
    bare = [path for path in root.rglob("*.py") if "@transaction.atomic" in path.read_text(encoding="utf-8")]
    assert bare == []
