"""The journal: one order, a chain that shows tampering, triggers that refuse, erasure that keeps the chain."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from jiying.base import checks, journal, push
from jiying.base.actor import SYSTEM
from jiying.base.models import JournalEntry, JournalPending, JournalPosition

NOW = datetime(2026, 9, 9, 2, 0, tzinfo=UTC)


def record(*numbers: int) -> list[JournalEntry]:
    facts = [journal.Fact("thing", n, "thing.made", NOW, {"n": n}, rings=("team:1", "team:1")) for n in numbers]
    return journal.record(SYSTEM, facts, now=NOW)


def execute(statement: str, *arguments: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, arguments)


def without_triggers(statement: str, *arguments: int) -> None:
    """Somebody with rights over the database itself."""
    if connection.vendor == "postgresql":
        execute("ALTER TABLE base_journalentry DISABLE TRIGGER journal_guard")
        execute(statement, *arguments)
        execute("ALTER TABLE base_journalentry ENABLE TRIGGER journal_guard")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_no_update'")
        trigger = cursor.fetchone()[0]
    execute("DROP TRIGGER journal_no_update")
    execute(statement, *arguments)
    execute(trigger)


@pytest.mark.django_db
def test_entries_get_positions_only_from_the_sequencer_and_without_gaps():
    before = journal.last_position()
    made = record(1, 2, 3)
    assert journal.last_position() == before
    assert journal.sequence() == 3
    assert [place.entry_id for place in journal.after(before)] == [entry.pk for entry in made]
    assert [place.position for place in journal.after(before)] == [before + 1, before + 2, before + 3]
    assert journal.sequence() == 0
    assert not JournalPending.objects.exists()


@pytest.mark.django_db
def test_a_fact_rings_for_everybody_whom_it_concerns():
    before = journal.last_position()
    people = [f"person:{100_000 + n}" for n in range(50)]
    journal.record(SYSTEM, [journal.Fact("thing", 1, "thing.made", NOW, rings=[*people, people[0]])], now=NOW)
    journal.sequence()
    (bell,) = push.bells_after(before)
    assert bell.topics == {"thing:1", *people}


@pytest.mark.django_db
def test_a_limit_leaves_the_rest_waiting():
    before = journal.last_position()
    record(1, 2, 3)
    assert journal.sequence(limit=2) == 2
    assert journal.sequence(limit=2) == 1
    assert journal.last_position() == before + 3


@pytest.mark.django_db
def test_an_entry_rolled_back_leaves_nothing_to_number():
    with pytest.raises(RuntimeError), transaction.atomic():
        record(1)
        raise RuntimeError
    assert journal.sequence() == 0


@pytest.mark.django_db
def test_rings_are_kept_once():
    assert record(1)[0].rings == "team:1"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE base_journalentry SET kind = 'other' WHERE id = %s",
        "UPDATE base_journalentry SET data = '{\"n\": 9}' WHERE id = %s",
        "UPDATE base_journalentry SET data = '{\"n\": 9}', salt = '' WHERE id = %s",
        "UPDATE base_journalentry SET data = '{\"n\": 1, \"more\": {}}', salt = '' WHERE id = %s",
        "UPDATE base_journalentry SET data = '{}' WHERE id = %s",
        "UPDATE base_journalentry SET data = '{}', salt = '', subject_id = 7 WHERE id = %s",
        "UPDATE base_journalentry SET data = '{}', salt = '', actor_id = 7 WHERE id = %s",
        "DELETE FROM base_journalentry WHERE id = %s",
    ],
)
def test_the_database_itself_refuses_to_change_a_fact(statement: str):
    entry = record(1)[0]
    journal.sequence()
    with pytest.raises(DatabaseError, match="append-only"):
        execute(statement, entry.pk)
    assert JournalEntry.objects.get(pk=entry.pk).data == {"n": 1}


@pytest.mark.django_db
def test_erasing_blanks_the_data_and_the_chain_still_holds():
    made = record(1, 2)
    journal.sequence()
    assert journal.erase({made[0].pk: {}}) == 1
    assert JournalEntry.objects.get(pk=made[0].pk).data == {}
    assert list(journal.broken_links()) == []
    assert list(checks.journal_complete()) == []


@pytest.mark.django_db
def test_erasing_may_leave_a_part_of_the_data_and_nothing_else():
    about = {"to": 7, "from": None, "why": {"decided_by": "hand", "reason": "张三", "skills": ["中文"]}, "n": 1.5}
    fact = journal.Fact("ticket", 1, "ticket.assigned", NOW, about)
    [made] = journal.record(SYSTEM, [fact], now=NOW)
    journal.sequence()
    kept = {"to": 7, "from": None, "why": {"decided_by": "hand", "skills": ["中文"]}, "n": 1.5}
    assert journal.erase({made.pk: kept}) == 1
    assert JournalEntry.objects.get(pk=made.pk).data == kept
    assert list(journal.broken_links()) == []


@pytest.mark.django_db
def test_changed_data_are_found_at_their_position():
    before = journal.last_position()
    made = record(1, 2, 3)
    journal.sequence()
    without_triggers("UPDATE base_journalentry SET data = '{\"n\": 9}' WHERE id = %s", made[1].pk)
    assert list(journal.broken_links()) == [(before + 2, "data")]


@pytest.mark.django_db
def test_a_changed_instant_breaks_the_chain_where_it_was_changed():
    before = journal.last_position()
    made = record(1, 2, 3)
    journal.sequence()
    without_triggers("UPDATE base_journalentry SET subject_id = 99 WHERE id = %s", made[1].pk)
    assert list(journal.broken_links()) == [(before + 2, "hash")]


@pytest.mark.django_db
def test_a_removed_position_is_reported():
    record(1, 2, 3)
    journal.sequence()
    last = journal.last_position()
    JournalPosition.objects.filter(position=last - 1).delete()
    assert any("positions are missing" in line for line in checks.journal_complete())
    assert any("have no position" in line for line in checks.journal_complete())


@pytest.mark.django_db(transaction=True)
def test_two_sequencers_at_once_number_everything_once():
    """Writers and sequencers at the same time: no gap, no repeat, an unbroken chain."""
    before, n_writers, n_each = journal.last_position(), 3, 15
    written = threading.Event()
    faults: list[BaseException] = []

    def guarded(work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except BaseException as error:
            faults.append(error)
        finally:
            connection.close()

    def write() -> None:
        for n in range(n_each):
            with transaction.atomic():
                record(n, n + 1000)

    def number() -> None:
        while not written.is_set() or JournalPending.objects.exists():
            journal.sequence(limit=7)

    writers = [threading.Thread(target=guarded, args=(write,)) for _ in range(n_writers)]
    sequencers = [threading.Thread(target=guarded, args=(number,)) for _ in range(2)]
    for thread in [*writers, *sequencers]:
        thread.start()
    for thread in writers:
        thread.join()
    written.set()
    for thread in sequencers:
        thread.join(30)
    assert not faults
    assert journal.last_position() == before + n_writers * n_each * 2
    assert list(journal.broken_links()) == []
    assert list(checks.journal_complete()) == []
