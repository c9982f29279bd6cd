"""The columnar copy: what followed equals what is made anew, whatever happened; killed or late, it stays right."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import call_command

from jiying.base import journal
from jiying.base.actor import SYSTEM
from jiying.base.errors import Refused
from jiying.base.models import JournalPosition, Person
from jiying.clocks.services.causes import name_cause
from jiying.core import json_columns
from jiying.desk.models import Ticket
from jiying.desk.services import handling, merging, talking
from jiying.desk.services.privacy import erase_some
from jiying.warehouse import events, exporting, files, following, reader, steps, store, tables
from jiying.warehouse.tables import shapes
from tests.cast import Cast
from tests.desk.stage import sweep, verbs
from tests.insight.columnar import copied

pytestmark = pytest.mark.django_db
Rows = dict[str, list[str]]
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.WAREHOUSE = tmp_path / "warehouse"


def everything() -> Rows:
    return {s.table.name: sorted(map(repr, reader.query(f"SELECT * FROM {s.table.name}"))) for s in shapes()}  # noqa: S608


def anew() -> Rows:
    exporting.rebuild()
    return everything()


def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a big house is copied: many pieces on their way at a time, taken apart by the compiled loops."""
    greatest = Ticket.objects.latest("pk").pk  # PostgreSQL goes on counting from test to test
    for name, value in (("MUCH", 0), ("FACTS", 7), ("CHUNK", greatest // 3 + 1), ("AHEAD", 3)):
        monkeypatch.setattr(exporting, name, value)


def base_files(table: str) -> dict[str, tuple[store.File, ...]]:
    manifest = store.read()
    assert manifest is not None
    return dict(manifest.tables[table].months)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_following_equals_made_anew(cast: Cast, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random verbs, late messages of customers among them; changes are merged into their months on the way."""
    monkeypatch.setattr(exporting, "MERGED_AFTER", 12)
    copied()
    random, known = Random(seed), verbs(cast)
    numbers = [cast.ticket(subject=f"第{n}件").number for n in range(4)]
    now = cast.now
    for n in range(60):
        now += timedelta(minutes=random.choice((1, 7, 45, 60 * 30)))
        number, name = random.choice(numbers), random.choice([*known, "late", "sweep", "open"])
        try:
            _do(cast, known, name, number, now, random)
        except Refused:
            pass
        if name == "open":
            numbers.append(Ticket.objects.latest("pk").number)
        if n % 5 == 0:
            copied()
    copied()
    followed = everything()
    assert followed == anew()
    in_small_pieces(monkeypatch)
    assert followed == anew()
    assert len(followed["tickets"]) == Ticket.objects.count()
    assert len(followed["events"]) == journal.last_position()


def _do(cast: Cast, known: Any, name: str, number: str, now: datetime, random: Random) -> None:
    if name == "late":
        at = now - timedelta(minutes=random.randrange(1, 600))
        talking.customer_message(actor=SYSTEM, number=number, body="在吗", at=at, now=now)
    elif name == "sweep":
        sweep(now)
    elif name == "open":
        cast.ticket(now=now)
    else:
        known[name](SYSTEM if name != "accept" else cast.actor(cast.lin), number, now)


def test_dropped_and_made_anew_gives_equal_rows(cast: Cast) -> None:
    handling.resolve(actor=cast.actor(cast.lin), number=cast.accepted().number, now=cast.now + timedelta(hours=3))
    copied()
    before = everything()
    for path in sorted(store.folder().rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    with pytest.raises(reader.Missing):
        reader.query("SELECT 1 FROM tickets")
    exporting.catch_up()
    assert everything() == before


@pytest.mark.parametrize(
    "subject",
    ['"引号"\\反斜杠\\n', "第一行\n第二行\t\r\x01\x1f", "😀 null", "null", "[1,2]", "\u2028"],
    ids=["quotes", "control", "far", "null", "list", "separator"],
)
def test_any_text_comes_through_both_ways(cast: Cast, subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = cast.ticket()
    Ticket.objects.filter(pk=ticket.pk).update(subject=subject, tags=['a"b', "中\\文"], amount=-(2**53))
    read_whole = anew()
    in_small_pieces(monkeypatch)
    assert anew() == read_whole
    told = reader.query("SELECT subject, tags, amount FROM tickets")
    assert told == [(subject, ['a"b', "中\\文"], -(2**53))]


def test_what_the_loops_do_not_understand_is_read_by_duckdb(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cast.ticket()
    read_whole = anew()
    in_small_pieces(monkeypatch)
    asked: list[str] = []
    monkeypatch.setattr(json_columns, "instants", lambda text, n_rows: asked.append(text))
    assert anew() == read_whole and asked


@pytest.mark.parametrize("seed", [1, 2])
def test_pieces_hold_their_positions_whatever_the_ids(cast: Cast, seed: int) -> None:
    """A straggler that committed late has a small id at a late position; whoever reads a piece gets it there."""
    for n in range(4):
        cast.ticket(subject=f"第{n}件")
    copied()
    last = journal.last_position()
    placed = dict(JournalPosition.objects.order_by("position").values_list("position", "entry_id"))
    JournalPosition.objects.all().delete()
    ids = Random(seed).sample(list(placed.values()), len(placed))
    JournalPosition.objects.bulk_create(
        JournalPosition(position=position, entry_id=pk, hash="") for position, pk in zip(placed, ids, strict=True)
    )
    assert last == 8
    for after, until in ((0, last), (0, 3), (3, 4), (4, last - 1), (last - 1, last + 5), (last, last + 5), (2, 2)):
        told = events.fetch(after, until).rows
        positions, entries = (json.loads(array) for array in told.arrays[:2])
        assert sorted(zip(positions, entries, strict=True)) == [
            (position, pk) for position, pk in zip(placed, ids, strict=True) if after < position <= until
        ]


def test_stopped_on_the_way_nothing_is_changed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        cast.ticket(subject=f"第{n}件")
    in_small_pieces(monkeypatch)
    waits = iter([False, True])
    assert exporting.turn(stopping=lambda: next(waits)) == 0 and store.read() is None
    assert exporting.turn() == journal.last_position()


def test_a_ticket_as_reports_need_it(cast: Cast) -> None:
    number = cast.accepted(tags=["加急", "退款"], channel="chat").number
    lin = cast.actor(cast.lin)
    talking.customer_message(actor=SYSTEM, number=number, body="在吗", now=cast.now + timedelta(minutes=1))
    talking.reply(actor=lin, number=number, body="您好", now=cast.now + timedelta(minutes=5))
    talking.note(actor=lin, number=number, body="内部", now=cast.now + timedelta(minutes=6))
    handling.resolve(actor=lin, number=number, now=cast.now + timedelta(minutes=30))
    handling.close(actor=lin, number=number, now=cast.now + timedelta(minutes=31))
    copied()
    (row,) = reader.query(
        "SELECT tags, n_messages, n_replies, n_customer_messages, first_response_state, first_response_s, "
        "first_response_wall_s, resolution_s, resolution_wall_s, assignee, received_at, merged FROM tickets "
        "WHERE number = ?",
        [number],
    )
    assert row[:10] == (["加急", "退款"], 3, 1, 1, "met", 300, 300, 1800, 1800, "林晓")
    assert row[10:] == (cast.now.astimezone(UTC).replace(tzinfo=None), False)
    clocks = reader.query(
        "SELECT metric, state, spent_s, channel FROM clocks WHERE subject_kind = 'ticket' AND seq = 1"
    )
    assert ("resolution", "met", 1800, "chat") in clocks
    told = reader.query("SELECT kind, detail, person_id FROM events WHERE kind = 'ticket.assigned'")
    assert {one[2] for one in told} == {cast.lin.pk}


def test_reads_only_the_months_that_are_asked_for(cast: Cast) -> None:
    for days in (0, 40, 80):
        cast.ticket(now=cast.now + timedelta(days=days))
    copied()
    exporting.merge()
    assert list(base_files("tickets")) == ["2026-09", "2026-10", "2026-11"]
    since = cast.now + timedelta(days=30)
    assert reader.query("SELECT count(*) FROM tickets", since=since) == [(2,)]
    assert reader.query("SELECT count(*) FROM tickets", until=since) == [(2,)]  # October's file too: instants are asked
    assert reader.query("SELECT count(*) FROM tickets WHERE received_at < ?", [since.replace(tzinfo=None)]) == [(1,)]
    assert list(reader.columns("SELECT id, received_at FROM tickets")["id"]) == sorted(
        Ticket.objects.values_list("pk", flat=True)
    )


def test_a_late_event_rewrites_only_its_month(cast: Cast) -> None:
    """A customer's message of September comes to light in November."""
    first = cast.accepted()
    for days in (40, 80):
        cast.ticket(now=cast.now + timedelta(days=days))
    copied()
    exporting.merge()
    before = {name: base_files(name) for name in ("tickets", "clocks")}
    late = cast.now + timedelta(days=80)
    talking.customer_message(actor=SYSTEM, number=first.number, body="在吗", at=cast.now + timedelta(hours=1), now=late)
    copied()
    manifest = store.read()
    assert manifest is not None and manifest.tables["tickets"].changes is not None
    assert manifest.tables["tickets"].changes.hides == ("2026-09",)
    assert base_files("tickets") == before["tickets"]  # the months' files stay until changes are merged
    followed = everything()
    exporting.merge()
    for name in ("tickets", "clocks"):
        changed = {m for m, found in base_files(name).items() if found != before[name].get(m)}
        assert changed <= {"2026-09", store.NO_MONTH}, name
    assert everything() == followed == anew()


def test_names_and_customers_follow_their_rows(cast: Cast) -> None:
    from jiying.desk.models import Customer

    keep, drop = Customer.objects.create(name="王强"), Customer.objects.create(name="王强二")
    ticket = cast.accepted()
    Ticket.objects.filter(pk=ticket.pk).update(customer=drop)
    copied()
    Person.objects.filter(pk=cast.lin.pk).update(name="林小")
    journal.record(SYSTEM, [journal.Fact("person", cast.lin.pk, "person.changed", cast.now)], now=cast.now)
    merging.merge(actor=cast.actor(cast.sup), keep_id=keep.pk, drop_id=drop.pk, now=cast.now)
    copied()
    assert reader.query("SELECT assignee, customer_id FROM tickets") == [("林小", keep.pk)]
    assert everything() == anew()


def test_packs_of_steps_come_and_go_with_their_files(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are kept get theirs at the next stroke; those of an older form, and of files that are gone, go."""
    cast.accepted()
    copied()
    assert not reader.source().packs
    monkeypatch.setattr(steps, "WORTH", 1)
    cast.accepted()
    copied()
    monkeypatch.setattr(steps, "FORM", "newer.npy")
    assert not reader.source().packs
    assert sum(len(one.pack.ids) for one in steps.of(reader.source())) > 0  # packed when asked for
    cast.accepted()
    copied()
    assert reader.source().packs and all(path.endswith("newer.npy") for path in reader.source().packs)
    exporting.rebuild()
    manifest = store.read()
    assert manifest is not None
    store.sweep(manifest, grace_s=0)
    left = {str(path.relative_to(store.folder())) for path in store.folder().rglob("*.npy")}
    assert left == set(reader.source().packs) and left


def test_what_was_erased_lies_in_no_file(cast: Cast) -> None:
    from jiying.base.models import Job
    from jiying.desk.models import Customer

    customer = Customer.objects.create(name="张三")
    ticket = cast.accepted(subject="我的地址是幸福路9号")
    Ticket.objects.filter(pk=ticket.pk).update(customer=customer)
    handling.cancel(actor=SYSTEM, number=ticket.number, reason="测试", now=cast.now)
    copied()
    exporting.merge()
    job = Job(kind="customer.erase", params={"customer": customer.pk, "with_texts": True})
    while not erase_some(job, cast.now):
        pass
    copied()
    manifest = store.read()
    assert manifest is not None and store.sweep(manifest, grace_s=0) > 0
    for path in store.folder().rglob("*.parquet"):
        assert "幸福路".encode() not in path.read_bytes()
    assert reader.query("SELECT count(*) FROM tickets WHERE subject LIKE '%幸福路%'") == [(0,)]
    assert everything() == anew()


def test_a_named_cause_stands_beside_its_ticket(cast: Cast) -> None:
    ticket = cast.accepted(channel="chat")
    sweep(cast.now + timedelta(days=3))
    from jiying.clocks.models import Clock

    clock = Clock.objects.filter(subject_id=ticket.pk, subject_kind="ticket", breached_at__isnull=False).first()
    assert clock is not None
    copied()
    now = cast.now + timedelta(days=3)
    name_cause(actor=cast.actor(cast.lin), clock_id=clock.pk, code="lack_of_resources", note="", now=now)
    copied()
    assert reader.query("SELECT cause, is_late FROM tickets") == [("lack_of_resources", True)]
    assert everything() == anew()


def test_another_databases_copy_is_made_anew(cast: Cast) -> None:
    cast.ticket()
    copied()
    manifest = store.read()
    assert manifest is not None
    store.write(store.Manifest(manifest.position, "f" * 64, manifest.schema, 1.0, {}, 1.0))
    assert exporting.present() is None
    copied()
    assert reader.query("SELECT count(*) FROM tickets") == [(1,)]


def test_a_copy_whose_columns_meant_something_else_is_made_anew(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cast.ticket()
    copied()
    other = replace(tables.TABLES["tickets"], made=tables.TABLES["tickets"].made.replace("n_reopened", "n_teams", 1))
    monkeypatch.setitem(tables.TABLES, "tickets", other)
    assert exporting.present() is None
    with pytest.raises(reader.Missing):
        reader.query("SELECT count(*) FROM tickets")


def test_only_one_writes_and_lag_is_told(cast: Cast) -> None:
    copied()
    cast.ticket()
    while journal.sequence():
        pass
    with store.writing() as mine:
        assert mine
        assert exporting.turn() == 0  # somebody is at it
    state = reader.state()
    assert state.behind == journal.last_position() - state.position > 0
    gauges = {gauge.name: gauge.samples[0].value for gauge in following.gauges()}
    assert gauges["jiying_warehouse_behind"] == state.behind
    assert "warehouse" in following.warnings(datetime.now(UTC))  # the fact is of 2026-09
    copied()
    assert reader.state().behind == 0
    assert following.warnings(datetime.now(UTC)) == {}


@pytest.mark.parametrize("worked_s", [0.001, 0.01, 0.03, 0.06, 0.1, 0.3, 0.9, 1.5, 1.9, 3.0, 20.0])
def test_the_rhythm_is_cheap_and_near(worked_s: float) -> None:
    """Of what a stroke takes: small ones cost little of a core, big ones keep the copy near, none starves the rest."""
    rest_s = following.rest_s(worked_s, 700)
    if worked_s <= 0.1:
        assert worked_s / (worked_s + rest_s) < 0.03
    if worked_s <= 1.5:
        assert worked_s + rest_s + worked_s < 5.0  # what came just after a stroke had begun
    assert rest_s >= min(worked_s / 2, 2.0)
    assert following.rest_s(worked_s, exporting.BATCH) == 0.0  # far behind


# A program of its own: a fork of this one takes over locks of threads that it does not have, and may hang.
DIES = """
import time
from jiying.warehouse import store
store.new_file("tickets", "2026-09").write_bytes(b"half a file")
with store.writing() as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_killed_between_file_and_manifest(cast: Cast) -> None:
    """The old copy stays valid, the lock is free at once, the orphan is swept."""
    cast.ticket()
    copied()
    before = everything()
    with subprocess.Popen(
        [sys.executable, "-c", DIES],
        env={**os.environ, "JIYING_WAREHOUSE": str(store.folder())},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        assert exporting.turn() == 0
        child.kill()
    assert everything() == before
    cast.ticket()
    copied()
    manifest = store.read()
    assert manifest is not None and manifest.position == journal.last_position()
    orphans = [p for p in store.folder().rglob("*.parquet") if p.read_bytes() == b"half a file"]
    assert len(orphans) == 1
    store.sweep(manifest, grace_s=0)
    assert not orphans[0].exists()
    assert everything() == anew()


def test_small_files_of_a_growing_table_are_merged(cast: Cast) -> None:
    for _ in range(20):
        cast.ticket()
        copied()
    assert max(len(found) for found in base_files("events").values()) < files.SMALL * 2
    assert everything() == anew()


def test_an_imported_log_keeps_its_own_words(cast: Cast) -> None:
    copied()
    log = Path(__file__).resolve().parent.parent / "data" / "history" / "cases.csv"
    call_command("import_log", str(log), source="import:test")
    exporting.catch_up()
    told = reader.query(
        "SELECT detail FROM events WHERE actor_kind = 'import' AND NOT derived ORDER BY position LIMIT 3"
    )
    assert [one for (one,) in told] == ["Insert ticket", "Take in charge ticket", "Wait"]
    n_tickets = Ticket.objects.filter(source="import:test").count()
    assert reader.query("SELECT count(*) FROM tickets WHERE source = 'import:test'") == [(n_tickets,)]
    assert everything() == anew()


def test_the_command_tells_and_makes_anew(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    cast.ticket()
    copied()
    call_command("warehouse", "rebuild")
    call_command("warehouse", "status")
    told = capsys.readouterr().out
    assert "behind: 0 facts" in told and "tickets" in told


@pytest.fixture
def _no_duckdb(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(reader, "is_installed", lambda: False)
    yield


def test_a_lean_house_says_what_to_install(cast: Cast, _no_duckdb: None) -> None:
    with pytest.raises(reader.Missing, match="requirements/analytics.txt"):
        reader.query("SELECT 1")
    assert following.warnings(datetime.now(UTC)) == {}
    assert list(following.gauges()) == []
