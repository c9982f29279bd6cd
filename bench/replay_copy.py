"""Replay of the tickets of `bench.replay` from a columnar copy of them, beside pandas reading the same Parquet files.

What is timed is what a replay's job does: tickets and journal read in blocks, then every clock folded. Prints nothing.
"""

# ruff: noqa: S608 - names and numbers of our own

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from bench import full_fold
from jiying.core.fold_kernel import fold_log
from jiying.core.fold_log import FoldLog, Terms
from jiying.insight.queries import fold_columns
from jiying.insight.queries.fold_columns import Block, Columns
from jiying.warehouse import steps
from jiying.warehouse.asking import Source

EVER = datetime(1990, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
N_TEAMS = 12
PORTION = 400_000  # as insight.services.replaying has it


@dataclass(frozen=True)
class Copy:
    """The files, and what holds for their tickets, which are numbered as they came in."""

    source: Source
    log: FoldLog
    now: int

    @property
    def terms(self) -> Terms:
        return self.log.bindings[0]


@contextmanager
def written(log: FoldLog, places: Any) -> Iterator[Copy]:
    """The log as the tables `events` and `tickets` of a copy with the pack of its steps, in a folder that goes at the
    end."""
    received = np.empty(len(log.cells), np.int64)
    received[log.ticket[places == 0]] = log.at[places == 0]
    ids = np.empty(len(log.cells), np.int64)
    ids[np.argsort(received, kind="stable")] = np.arange(1, len(ids) + 1)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        Path(folder, "manifest.json").write_text("{}")
        _put(connection, f"{folder}/events.parquet", _EVENTS, (ids[log.ticket], log.at, places, log.cells[log.ticket]))
        _put(connection, f"{folder}/tickets.parquet", _TICKETS, (ids, received, ids, log.cells))
        views = [(name, f"SELECT * FROM '{folder}/{name}.parquet'") for name in ("events", "tickets")]
        views.append((steps.UNPACKED, f"{views[0][1]} WHERE false"))
        copy = Source(folder, tuple(views), ("events.npy",))
        steps.write(Path(folder, *copy.packs), steps.packed(copy.query, copy.columns, "events"))
        yield Copy(copy, log, int(log.at[-1]))


_CODES = [json.dumps({"channel": facts.channel, "priority": facts.priority}) for facts in full_fold.FACTS]
_AT = "make_timestamp(second * 1000000)"
_EVENTS = f"""
SELECT place AS position, place AS entry_id, 'ticket' AS subject_kind, id AS subject_id,
  {["ticket." + kind for _, kind, _ in full_fold.STEPS]}[1 + step] AS kind, {_AT} AS "at", {_AT} AS recorded_at,
  'person' AS actor_kind, id % 300 AS actor_id, NULL::BIGINT AS person_id, if(step = 3, 'person', '') AS detail,
  CASE step WHEN 0 THEN {_CODES}[1 + cell] WHEN 1 THEN (id % 300)::VARCHAR WHEN 3 THEN 'answer'
    WHEN 4 THEN 'customer' ELSE '' END AS code
FROM told ORDER BY place"""
_TICKETS = f"""
SELECT id, {[facts.channel for facts in full_fold.FACTS]}[1 + cell] AS channel,
  {[facts.priority for facts in full_fold.FACTS]}[1 + cell] AS priority, 1 + id % {N_TEAMS} AS team_id,
  {_AT} AS received_at, 'closed' AS status, FALSE AS merged, ''::VARCHAR AS category, []::VARCHAR[] AS tags,
  TRUE AS is_counted
FROM told ORDER BY id"""


def _put(connection: Any, path: str, select: str, columns: tuple[Any, ...]) -> None:
    names = ("id", "second", "step", "cell")
    told = {"place": np.arange(len(columns[0])), **dict(zip(names, columns, strict=True))}
    connection.register("told", told)
    connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def read(copy: Copy) -> list[Columns]:
    """What a replay reads, as the worker does it: in blocks of tickets."""
    return [fold_columns.read(block, copy.terms) for block in Block(copy.source, *EVER).blocks(PORTION)]


def by_fold(copy: Copy, blocks: list[Columns]) -> Any:
    """Clocks met and breached by metric, channel and priority."""
    totals = np.zeros((2, 6, full_fold.N_CELLS), np.int64)
    places = {(facts.channel, facts.priority): n for n, facts in enumerate(full_fold.FACTS)}
    for block in blocks:
        folded = fold_log(replace(block.log, bindings=(copy.terms,)), [None], copy.now)
        for cell, (channel, priority, _team) in enumerate(block.cells):
            totals[:, :, places[channel, priority]] += np.stack([folded.met[0, :, cell], folded.breached[0, :, cell]])
    return totals


def expected(copy: Copy) -> Any:
    """The same from the log in memory."""
    folded = fold_log(copy.log, [None], copy.now)
    return np.stack([folded.met[0], folded.breached[0]])


def for_peers(copy: Copy) -> dict[str, Any]:
    """The columns of the same files that the peers' task needs: ticket from 0 on, kind of event by `core.kernels`, and
    instant, and the cell of each ticket."""
    kinds = ["ticket." + kind for kind in ("opened", "message", "held", "resumed", "solved")]
    events = copy.source.columns(
        f"""SELECT (subject_id - 1)::INTEGER AS ticket, (list_position({kinds}, kind) - 1)::TINYINT AS kind,
          epoch(events."at")::BIGINT AS at FROM events WHERE kind IN {tuple(kinds)}"""
    )
    facts = [f"{facts.channel}{facts.priority}" for facts in full_fold.FACTS]
    cells = copy.source.columns(
        f"SELECT (list_position({facts}, channel || priority) - 1)::INTEGER AS cell FROM tickets ORDER BY id"
    )
    return {name: np.ma.getdata(column) for name, column in {**events, **cells}.items()}
