"""The journal of a block of tickets as the fold takes it, whatever the order of the copy's files."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from jiying.core import fold_loops as k
from jiying.core.standards import Facts
from jiying.insight.queries import fold_columns
from jiying.insight.queries.fold_columns import Block
from jiying.warehouse import steps
from jiying.warehouse.asking import Source

BASE = 1_700_000_000
SINCE, UNTIL = datetime(2023, 11, 14, tzinfo=UTC), datetime(2023, 11, 16, tzinfo=UTC)
TERMS: Any = object()
WEB, PHONE = '{"channel": "web", "priority": "P2"}', '{"channel": "phone", "priority": "P3"}'
# entry, ticket, seconds after BASE, kind, code; in the order of the files
EVENTS = [
    (2, 7, 5.0, "ticket.reclassified", '{"priority": "P1"}'),  # before the opening: no clock minds
    (1, 5, 10.0, "ticket.opened", WEB),
    (3, 6, 12.0, "ticket.opened", WEB),  # of another period
    (9, 5, 100.0, "ticket.closed", str(BASE + 60)),  # of an imported ticket, which had been solved before
    (4, 7, 20.0, "ticket.opened", PHONE),
    (6, 7, 50.2, "ticket.accepted", ""),  # of one second with the next, which was told before
    (5, 7, 50.9, "ticket.assigned", "9"),
    (7, 7, 55.0, "ticket.message", "answer"),
    (8, 7, 70.0, "ticket.reclassified", '{"priority": "P2"}'),
    (10, 7, 80.0, "ticket.closed", ""),
]
TICKETS = [(5, "web", "P2", 3, 10), (6, "web", "P2", 3, -90 * 86400), (7, "phone", "P2", None, 20)]


@pytest.fixture
def block(tmp_path: Path) -> Block:
    (tmp_path / "manifest.json").write_text("{}")
    with duckdb.connect() as connection:
        connection.execute("""CREATE TABLE events AS SELECT 0 AS entry_id, 'ticket' AS subject_kind, 0 AS subject_id,
          TIMESTAMP '2000-01-01' AS "at", '' AS kind, '' AS code WHERE false; CREATE TABLE tickets AS SELECT 0 AS id,
          '' AS channel, '' AS priority, 0 AS team_id, TIMESTAMP '2000-01-01' AS received_at, 'closed' AS status,
          true AS is_counted WHERE false""")
        for entry, ticket, at, kind, code in EVENTS:
            row = [entry, ticket, round((BASE + at) * 1e6), kind, code]
            connection.execute("INSERT INTO events SELECT ?, 'ticket', ?, make_timestamp(?), ?, ?", row)
        for ticket, channel, priority, team, at in TICKETS:
            told = [ticket, channel, priority, team, (BASE + at) * 1_000_000]
            connection.execute("INSERT INTO tickets SELECT ?, ?, ?, ?, make_timestamp(?), 'closed', true", told)
        for name in ("events", "tickets"):
            connection.execute(f"COPY {name} TO '{tmp_path}/{name}.parquet' (FORMAT parquet)")
    files = (("unpacked", "events"), ("tickets", "tickets"))
    views = tuple((name, f"FROM '{tmp_path}/{file}.parquet'") for name, file in files)
    return Block(Source(str(tmp_path), views), SINCE, UNTIL)


def kept(block: Block, *halves: str) -> Block:
    """The same with packs of those events that these conditions let through, and only the others to be packed yet."""
    source = block.source
    for n, half in enumerate(halves):
        rows = f"(FROM '{source.folder}/events.parquet' WHERE {half})"
        steps.write(Path(source.folder, f"{n}.npy"), steps.packed(source.query, source.columns, rows))
    rest = f"{dict(source.views)['unpacked']} WHERE NOT ({' OR '.join(halves)})"
    views = tuple((name, rest if name == "unpacked" else view) for name, view in source.views)
    return replace(block, source=replace(source, views=views, packs=tuple(f"{n}.npy" for n in range(len(halves)))))


@pytest.mark.parametrize("halves", [(), ("true",), ("entry_id % 2 = 0",), ("entry_id % 3 = 1", "entry_id % 3 = 0")])
def test_facts_by_second_and_then_as_they_were_told(block: Block, halves: tuple[str, ...]) -> None:
    found = fold_columns.read(kept(block, *halves) if halves else block, TERMS)
    assert found.ids.tolist() == [5, 7]
    assert found.cells == (("phone", "P2", 0), ("web", "P2", 3))
    log = found.log
    assert log.cells.tolist() == [1, 0]
    web, phone, changed = (
        log.facts.index(Facts(channel, priority))
        for channel, priority in (("web", "P2"), ("phone", "P3"), ("phone", "P2"))
    )
    rows = [
        (ticket, at - BASE, what & ((1 << k.KIND_BITS) - 1), what >> k.KIND_BITS)
        for ticket in range(2)
        for at, what in log.told[log.firsts[ticket] : log.lasts[ticket]].tolist()
    ]
    assert rows == [
        (0, 10, k.OPENED, web),
        (0, 60, k.SOLVED, 0),
        (0, 100, k.CLOSED, 0),
        (1, 5, k.BOUND, 0),  # what is reclassified before it is opened
        (1, 20, k.OPENED, phone),
        (1, 51, k.ASSIGNED, 1),
        (1, 51, k.ACCEPTED, 0),
        (1, 55, k.ANSWERED, 0),
        (1, 70, k.RECLASSIFIED, changed),
        (1, 80, k.CLOSED, 0),
    ]


def test_a_pack_without_any_step_counts_for_nothing(block: Block) -> None:
    """As of a month of facts that are about no ticket."""
    assert fold_columns.last_at(kept(block, "true").source) == BASE + 100
    bare = kept(block, "entry_id < 0", "true")
    assert fold_columns.last_at(bare.source) == BASE + 100
    assert fold_columns.read(bare, TERMS).log.told.tolist() == fold_columns.read(block, TERMS).log.told.tolist()


def test_no_ticket_gives_no_facts(block: Block) -> None:
    found = fold_columns.read(Block(block.source, UNTIL, UNTIL), TERMS)
    assert (len(found.ids), len(found.log.told), len(found.log.cells), found.cells) == (0, 0, 0, ())
