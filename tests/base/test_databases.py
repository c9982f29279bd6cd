"""The backends: who waits for SQLite's lock gets it, statements together fail together, a lost server is noticed."""

import threading
import time
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, transaction

from jiying.base import counters
from jiying.base.databases import later, prepared, together
from jiying.base.inserting import first, insert
from jiying.desk.models import Customer
from tests.cast import NOW


def customer(ref: str) -> Customer:
    return Customer(ref=ref, name="张三", tags=["a"], created_at=NOW)


def n_customers() -> int:
    return Customer.objects.count()


@pytest.mark.django_db
def test_a_row_is_read_as_the_orm_reads_it():
    insert([customer("a"), customer("b")])
    found = first(Customer, "name = %s ORDER BY id DESC", ["张三"])
    assert found == Customer.objects.get(ref="b")
    assert found is not None
    assert (found.tags, found.created_at, found._state.adding) == (["a"], NOW, False)
    assert first(Customer, "ref = %s", ["c"]) is None


@pytest.mark.django_db
def test_what_is_sent_together_is_written_in_order_and_has_its_ids():
    one, two = customer("a"), customer("b")
    with transaction.atomic(), together():
        insert([one])
        with together():  # a part of the same
            insert([two])
    assert list(Customer.objects.order_by("pk")) == [one, two]
    assert one.pk < two.pk


@pytest.mark.django_db
def test_one_failure_fails_all_that_was_sent_together():
    insert([customer("a")])
    with pytest.raises(IntegrityError), transaction.atomic(), together():
        insert([customer("b")])
        insert([customer("a")])
        insert([customer("c")])
    assert n_customers() == 1
    insert([customer("d")])
    assert n_customers() == 2


@pytest.mark.django_db
def test_an_error_of_ours_leaves_the_connection_fit_for_use():
    with pytest.raises(KeyError), transaction.atomic(), together():
        insert([customer("a")])
        raise KeyError
    assert n_customers() == 0
    read: list[int] = []
    later(lambda: read.append(1))
    assert read == [1]


@pytest.mark.django_db
def test_a_number_taken_with_an_id_is_the_next_and_the_id_is_free():
    insert([customer("a")])
    number, pk = counters.take_with_id("x", Customer)
    assert (number, counters.take("x")) == (1, 2)
    row = customer("b")
    row.pk = pk
    insert([row])
    later_row = customer("c")
    insert([later_row])
    assert later_row.pk > row.pk


@pytest.mark.django_db(transaction=True)
def test_a_writer_waits_for_the_one_before_it():
    """Many threads, one row that all of them change in a read and a write."""
    counters.take("x")

    def add() -> None:
        for _ in range(10):
            with transaction.atomic(), prepared() as cursor:
                cursor.execute("UPDATE base_counter SET value = value WHERE name = 'x'")
                cursor.execute("SELECT value FROM base_counter WHERE name = 'x'")
                (value,) = cursor.fetchone()
                time.sleep(0.001)
                cursor.execute("UPDATE base_counter SET value = %s WHERE name = 'x'", [value + 1])
        connections.close_all()

    threads = [threading.Thread(target=add) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.take("x") == 52


@pytest.mark.django_db(transaction=True)
def test_whoever_waits_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch):
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's one lock")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    told: list[Any] = []

    def write() -> None:
        try:
            with transaction.atomic():
                counters.take("x")
        except OperationalError as error:
            told.append(str(error))
        connections.close_all()

    with transaction.atomic():
        counters.take("x")
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert told == ["database is locked"]


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_is_made_anew():
    connection.ensure_connection()
    assert connection.is_usable()
    assert connection.is_usable()  # without asking, this time
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()
    assert not connection.is_usable()
    connection.close()
    counters.take("x")
    assert counters.take("x") == 2
