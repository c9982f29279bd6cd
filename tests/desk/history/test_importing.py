"""`jiying import-log`: written once however often it is run, nothing on a dry run, clocks as the journal says (D10)."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from jiying.base import checks
from jiying.base.actor import IMPORT
from jiying.base.errors import Denied, Invalid
from jiying.base.models import JournalEntry
from jiying.clocks.models import Clock
from jiying.desk.models import Ticket
from jiying.desk.services.history.importing import Report, import_log
from tests.cast import Cast

LOG = """case:concept:name,concept:name,time:timestamp,org:resource
A1,Assign seriousness,2026-03-02T01:00:00+00:00,Li
A1,Take in charge ticket,2026-03-02T01:05:00+00:00,Li
A1,Resolve ticket,2026-03-02T03:00:00+00:00,Li
A1,Closed,2026-03-04T03:00:00+00:00,Li
B2,Assign seriousness,2026-03-03T01:00:00+00:00,Wu
"""


def run(path: Path, cast: Cast, **options: object) -> Report:
    return import_log(actor=IMPORT, path=path, now=cast.now, **options)  # type: ignore[arg-type]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(LOG, encoding="utf-8")
    return path


def test_a_dry_run_writes_nothing_and_says_the_same(cast: Cast, log: Path) -> None:
    before = JournalEntry.objects.count()
    tried = run(log, cast, dry_run=True).as_data()
    assert (Ticket.objects.count(), Clock.objects.count(), JournalEntry.objects.count()) == (0, 0, before)
    done = run(log, cast).as_data()
    for name in ("tickets", "events", "skipped", "attainment", "derived_events"):
        assert done[name] == tried[name]
    assert (done["tickets"], done["events"], done["written"]) == (2, 5, 2)


def test_a_second_run_leaves_everything_as_it_is(cast: Cast, log: Path) -> None:
    first = run(log, cast)
    entries = JournalEntry.objects.count()
    again = run(log, cast)
    assert (again.written, again.known) == (0, first.tickets)
    assert JournalEntry.objects.count() == entries
    assert again.as_data()["attainment"] == first.as_data()["attainment"]
    assert list(checks.faults()) == []


def test_imported_tickets_alarm_nobody(cast: Cast, log: Path) -> None:
    run(log, cast)
    assert not Clock.objects.filter(wake_at__isnull=False).exists()
    ticket = Ticket.objects.get(external_id="A1")
    assert (ticket.status, ticket.priority_source) == ("closed", "import")
    assert ticket.ended_at is not None


def test_what_cannot_be_used_is_refused_whole(cast: Cast, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(Invalid) as refused:
        run(wrong, cast)
    assert all(fault.text for fault in refused.value.faults)
    with pytest.raises(Invalid) as missing:
        run(tmp_path / "none.csv", cast)
    assert missing.value.faults[0].code == "history_file_missing"
    assert Ticket.objects.count() == 0


def test_it_needs_the_import_right(cast: Cast, log: Path) -> None:
    with pytest.raises(Denied):
        import_log(actor=cast.actor(cast.wang), path=log, now=cast.now)
    assert Ticket.objects.count() == 0


def test_skipped_rows_are_told_with_number_code_and_words(cast: Cast, log: Path) -> None:
    log.write_text(LOG + "C3,Closed,yesterday,Li\n", encoding="utf-8")
    report = run(log, cast).as_data()
    assert [(r["row"], r["code"], r["value"]) for r in report["skipped"]] == [(7, "time_unreadable", "yesterday")]
    assert "yesterday" in report["skipped"][0]["text"]
    assert report["tickets"] == 2


def test_receipt_from_csv_and_xes_give_equal_results(cast: Cast, real_data: Callable[[str], Path]) -> None:
    found = [
        run(real_data(f"eventlogs/receipt.{form}.gz"), cast, source=form, dry_run=True).as_data()
        for form in ("csv", "xes")
    ]
    for report in found:
        report.pop("source"), report.pop("seconds")
    assert found[0] == found[1]
    assert (found[0]["tickets"], found[0]["events"]) == (1434, 8577)


def test_a_real_log_of_labels_is_imported(cast: Cast, real_data: Callable[[str], Path]) -> None:
    path = real_data("eventlogs/servicenow_original_labels_5998.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        numbers = {line.split(",", 1)[0] for line in file} - {"number"}
    report = run(path, cast)
    assert report.tickets == report.written == len(numbers) == Ticket.objects.count()
    assert report.events == 5998
    rows = JournalEntry.objects.filter(kind__startswith="ticket.").values_list("data", flat=True)
    assert sum(1 for data in rows if not data.get("derived")) == 5998
