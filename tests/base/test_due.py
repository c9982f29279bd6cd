"""Due rows: claimed once, retried, parked in the end; a poison row never stops the others. Jobs and ticks."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, transaction

from jiying.base import due, jobs, periodic
from jiying.base.errors import NotFound
from jiying.base.models import Counter, Job, Tick

NOW = datetime(2026, 9, 9, 2, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def rows(count: int, at: datetime = NOW) -> list[int]:
    return [Job.objects.create(kind="row", wake_at=at).pk for _ in range(count)]


def claiming(handle: Callable[[int], None]) -> due.Sweep:
    """A sweep whose rows are claimed in the batch's transaction, as clocks and timers do."""

    def serve(ids: Sequence[int], now: datetime) -> int:
        mine = due.claim(Job, ids, now)
        for pk in sorted(mine):
            handle(pk)
        return len(mine)

    return due.Sweep("test", Job, serve)


def test_a_row_is_claimed_once_and_only_when_due():
    early, late = rows(1)[0], rows(1, NOW + timedelta(seconds=1))[0]
    assert due.claim(Job, [early, late], NOW) == {early}
    assert due.claim(Job, [early, late], NOW) == set()
    assert Job.objects.get(pk=early).fence == 1
    assert Job.objects.get(pk=late).wake_at == NOW + timedelta(seconds=1)


def test_a_lost_lease_cannot_be_finished():
    pk = rows(1)[0]
    first = due.lease(Job, pk, NOW, seconds=10)
    assert first is not None
    assert due.lease(Job, pk, NOW, seconds=10) is None
    second = due.lease(Job, pk, NOW + timedelta(seconds=11), seconds=10)
    assert second is not None
    assert not due.finish(first)
    assert due.finish(second)


def test_a_poison_row_is_parked_and_the_others_are_done():
    done: list[int] = []
    pks = rows(60)
    poison = pks[3]

    def handle(pk: int) -> None:
        if pk == poison:
            raise ValueError("poison")
        done.append(pk)
        Counter.objects.create(name=str(pk), value=1)

    sweep, now = claiming(handle), NOW
    due.run(sweep, now)
    assert Counter.objects.count() == 59
    row = Job.objects.get(pk=poison)
    assert (row.attempts, row.parked_at) == (1, None)
    assert "ValueError: poison" in row.last_error
    assert row.wake_at is not None and row.wake_at > now
    for _ in range(due.MAX_ATTEMPTS - 1):
        now += timedelta(hours=1)
        due.run(sweep, now)
    row = Job.objects.get(pk=poison)
    assert (row.attempts, row.parked_at, row.wake_at) == (due.MAX_ATTEMPTS, now, None)
    assert due.run(sweep, now + timedelta(days=1)) == 0
    assert due.retry_parked(Job, poison, now)
    assert due.due_ids(sweep, now, 10) == [poison]


def test_a_failed_batch_leaves_nothing_half_done():
    """What the batch did before the poison row is rolled back, and done again alone: once in all."""
    pks = rows(3)

    def handle(pk: int) -> None:
        Counter.objects.create(name=str(pk), value=1)
        if pk == pks[-1]:
            raise ValueError

    assert due.run(claiming(handle), NOW) == 2
    assert sorted(Counter.objects.values_list("name", flat=True)) == sorted(map(str, pks[:2]))


def test_a_locked_database_is_later_and_not_a_failure():
    pk = rows(1)[0]

    def handle(_: int) -> None:
        raise OperationalError("database is locked")

    assert due.run(claiming(handle), NOW) == 0
    assert Job.objects.get(pk=pk).attempts == 0


def test_back_off_grows_is_capped_and_jittered():
    for attempts, base in ((1, 2), (5, 32), (20, due.MAX_BACKOFF_S)):
        drawn = [due.backoff(attempts).total_seconds() for _ in range(200)]
        assert all(base * 0.7 <= seconds <= base * 1.3 for seconds in drawn)
        assert len(set(drawn)) > 100


@pytest.mark.django_db(transaction=True)
def test_rows_are_done_once_by_several_threads():
    rows(80)
    faults: list[BaseException] = []

    def handle(pk: int) -> None:
        Counter.objects.create(name=str(pk), value=1)  # a second time would violate the unique name

    def work() -> None:
        try:
            while due.due_ids(claiming(handle), NOW, 1):
                due.run(claiming(handle), NOW)
        except BaseException as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
    assert Counter.objects.count() == 80
    assert not Job.objects.filter(attempts__gt=0).exists()


# --- jobs ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def counting() -> Iterator[None]:
    """A kind of job that counts to `params["to"]`, three at a time; it fails at `params["trip"]`."""

    def step(job: Job, now: datetime) -> bool:
        start = job.cursor.get("at", 0)
        job.n_total = job.params["to"]
        upto = min(start + 3, job.n_total)
        for n in range(start, upto):
            Counter.objects.create(name=f"job-{n}", value=n)
            if n == job.params.get("trip"):
                raise ValueError("tripped")
        job.cursor, job.n_done, job.result = {"at": upto}, upto, {"sum": sum(range(upto))}
        return bool(upto == job.n_total)

    jobs.register("count", step)
    yield
    del jobs.STEPS["count"]


def serve(now: datetime) -> int:
    return due.run(due.SWEEPS["jobs"], now)


def test_a_job_goes_on_batch_by_batch_and_shows_its_progress(counting: None):
    job = jobs.start(kind="count", params={"to": 7}, by=None, now=NOW)
    seen = []
    while serve(datetime.now(UTC)):
        job.refresh_from_db()
        seen.append((job.n_done, job.n_total, job.finished_at is not None))
    assert seen == [(3, 7, False), (6, 7, False), (7, 7, True)]
    assert job.result == {"sum": 21}
    assert Counter.objects.filter(name__startswith="job-").count() == 7


def test_a_failing_batch_is_rolled_back_retried_and_parked_with_what_was_done_kept(counting: None):
    job = jobs.start(kind="count", params={"to": 7, "trip": 4}, by=None, now=NOW)
    at = datetime.now(UTC)
    for _ in range(due.MAX_ATTEMPTS + 2):
        serve(at)
        at += timedelta(hours=1)
    job.refresh_from_db()
    assert (job.n_done, job.attempts, job.finished_at) == (3, due.MAX_ATTEMPTS, None)
    assert job.parked_at is not None and "tripped" in job.last_error
    assert Counter.objects.filter(name__startswith="job-").count() == 3


def test_a_cancelled_job_stops_after_its_batch(counting: None):
    job = jobs.start(kind="count", params={"to": 7}, by=None, now=NOW)
    serve(datetime.now(UTC))
    assert jobs.cancel(job.pk, NOW)
    assert not jobs.cancel(job.pk, NOW)
    serve(datetime.now(UTC))
    job.refresh_from_db()
    assert (job.n_done, job.finished_at is not None, job.wake_at) == (3, True, None)
    with pytest.raises(NotFound):
        jobs.cancel(job.pk + 1, NOW)


def test_a_worker_that_died_in_a_batch_is_succeeded_when_its_lease_ends(counting: None):
    job = jobs.start(kind="count", params={"to": 3}, by=None, now=NOW)
    assert due.lease(Job, job.pk, NOW, jobs.LEASE_S) is not None  # and then it is gone
    assert serve(NOW + timedelta(seconds=jobs.LEASE_S - 1)) == 0
    assert serve(NOW + timedelta(seconds=jobs.LEASE_S)) == 1
    job.refresh_from_db()
    assert job.n_done == 3


def test_a_batch_whose_lease_went_to_another_worker_does_not_count(counting: None):
    job = jobs.start(kind="count", params={"to": 3}, by=None, now=NOW)
    slow = jobs.STEPS["count"]

    def overtaken(job: Job, now: datetime) -> bool:
        done = bool(slow(job, now))
        Job.objects.filter(pk=job.pk).update(fence=99)
        return done

    jobs.register("count", overtaken)
    assert serve(NOW) == 0
    assert not Counter.objects.filter(name__startswith="job-").exists()
    job.refresh_from_db()
    assert job.n_done == 0


def test_an_unknown_kind_of_job_is_refused_at_once():
    with pytest.raises(KeyError):
        jobs.start(kind="nobody", params={}, by=None, now=NOW)


# --- periodic --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ran() -> Iterator[list[datetime]]:
    """The turns that two tasks ran; the first of them fails."""
    turns: list[datetime] = []

    def fail(at: datetime) -> None:
        raise ValueError

    kept = dict(periodic.TASKS)
    periodic.TASKS.clear()
    periodic.register("fails", 60, fail)
    periodic.register("minutely", 60, turns.append)
    yield turns
    periodic.TASKS.clear()
    periodic.TASKS.update(kept)


def test_each_turn_runs_once_however_often_it_is_looked_at(ran: list[datetime]):
    for seconds in (0, 1, 59, 60, 61, 300):
        periodic.run_due(NOW + timedelta(seconds=seconds))
    assert ran == [NOW, NOW + timedelta(minutes=1), NOW + timedelta(minutes=5)]


def test_whoever_inserts_the_tick_runs_the_turn(ran: list[datetime]):
    with transaction.atomic():
        assert periodic.claim(periodic.TASKS["minutely"], NOW)
    assert not periodic.claim(periodic.TASKS["minutely"], NOW)
    assert periodic.run_due(NOW) == 1  # the other task's turn is still free
    assert ran == []


def test_tidying_drops_old_ticks_and_keeps_new_ones():
    Tick.objects.create(name="x", at=NOW - timedelta(days=8))
    Tick.objects.create(name="x", at=NOW - timedelta(days=1))
    periodic.tidy(NOW)
    assert [tick.at for tick in Tick.objects.all()] == [NOW - timedelta(days=1)]


def test_every_sweep_finds_its_due_and_its_parked_rows_by_index():
    for sweep in due.SWEEPS.values():
        first = {index.fields[0] for index in sweep.model._meta.indexes}
        assert {"wake_at", "parked_at"} <= first, sweep.name


# --- networked handlers ----------------------------------------------------------------------------------------------


def talking(handle: Callable[[int], None]) -> due.Sweep:
    """A sweep that leases its rows and talks outside any transaction, as deliveries do."""

    def serve(ids: Sequence[int], now: datetime) -> int:
        for pk in ids:
            if row := due.lease(Job, pk, now):
                handle(pk)
                due.finish(row)
        return len(ids)

    return due.Sweep("test", Job, serve, networked=True)


def test_what_was_leased_when_its_handler_raised_does_not_wait_for_the_end_of_the_lease():
    first, bad, last = rows(3)

    def handle(pk: int) -> None:
        if pk == bad:
            raise RuntimeError("the channel fell over")

    sweep, now = talking(handle), NOW
    due.run(sweep, now)
    left = {pk: Job.objects.get(pk=pk) for pk in (first, bad, last)}
    assert [left[pk].wake_at for pk in (first, last)] == [None, None]
    wake = left[bad].wake_at
    assert wake is not None and NOW < wake <= NOW + timedelta(seconds=3)
    assert (left[bad].attempts, left[bad].lease_until) == (1, None)
    assert left[bad].last_error == "RuntimeError: the channel fell over"
    for _try in range(due.MAX_ATTEMPTS - 1):
        now += timedelta(hours=1)
        due.run(sweep, now)
    assert (Job.objects.get(pk=bad).parked_at, Job.objects.get(pk=bad).wake_at) == (now, None)


def test_a_row_that_another_worker_leased_meanwhile_stays_its():
    (mine,) = rows(1)

    def serve(ids: Sequence[int], now: datetime) -> int:
        for _twice in range(2):  # ours ended, theirs began
            Job.objects.filter(pk=mine).update(wake_at=now)
            due.lease(Job, mine, now)
        raise RuntimeError

    due.run(due.Sweep("test", Job, serve, networked=True), NOW)
    row = Job.objects.get(pk=mine)
    assert (row.attempts, row.lease_until) == (0, NOW + timedelta(seconds=120))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL counts by itself")
@pytest.mark.django_db(transaction=True)
def test_sqlite_counts_rows_that_nobody_has_read_and_waits_for_who_writes_just_now():
    """By PRAGMA optimize only what the connection had read was counted, and beside a writer it failed at once."""
    rows(200)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS sqlite_stat1")  # as in a new house
    connection.close()  # the worker's connection has read nothing of jobs
    holds = threading.Event()

    def write() -> None:
        with transaction.atomic():
            Job.objects.update(kind="other")
            holds.set()
            time.sleep(0.3)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert holds.wait(10)
    try:
        periodic.count_rows(NOW)
    finally:
        writer.join()
    with connection.cursor() as cursor:
        cursor.execute("SELECT stat FROM sqlite_stat1 WHERE tbl = 'base_job'")
        counted = cursor.fetchall()
        cursor.execute("DROP TABLE sqlite_stat1")
    assert counted
