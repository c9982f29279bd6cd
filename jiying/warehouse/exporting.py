"""Copies what the journal says has changed: a turn reads on from the manifest's position, a rebuild reads everything.

One writes at a time (`store.writing`). What a turn writes and its new position become true in one stroke.
"""

# ruff: noqa: S608 - names are our own

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Any

import structlog

from jiying.base import journal, subjects
from jiying.base.models import JournalPosition
from jiying.warehouse import events, files, sketching, staging, steps, store
from jiying.warehouse.events import Facts
from jiying.warehouse.staging import Fetched, Field, Part, Rows
from jiying.warehouse.store import Content, Manifest
from jiying.warehouse.tables import Shape, schema, shapes

log = structlog.get_logger()
BATCH = 100_000  # facts that are copied in one stroke
FACTS = 100_000  # and that are read together where everything is
CHUNK = 20_000  # subjects whose rows are read together
AHEAD = 4  # pieces of these that may be on their way
MUCH = 1_000_000  # facts that are to be copied for which compiled loops are worth compiling, 3 s once
MERGED_AFTER = 5_000  # rows that have changed before the files of their months are written anew
MERGED_SHARE = 50  # or the fiftieth part of a big table
Stop = Callable[[], bool]
_kept = threading.local()


def chain_at(position: int) -> str:
    """The journal's hash at a position: what tells this database's copy from another's."""
    if not position:
        return journal.GENESIS
    return JournalPosition.objects.filter(position=position).values_list("hash", flat=True).first() or ""


def present() -> Manifest | None:
    """The copy of this database in its present form, if there is one."""
    found = store.read()
    if found is None or found.schema != schema() or found.chain != chain_at(found.position):
        return None
    return found


def turn(limit: int = BATCH, stopping: Stop = lambda: False) -> int:
    """Copy what has come; returns how many facts. Makes the copy where there is none; 0 also where another is at it."""
    with store.writing() as mine:
        if not mine:
            return 0
        manifest = present()
        if manifest is None:
            made = _rebuild(stopping, lambda n: None)
            return 0 if made is None else made.position
        return _follow(manifest, limit)


def catch_up() -> None:
    """Copy up to the journal's end (tests, commands)."""
    while turn():
        pass


def _follow(manifest: Manifest, limit: int) -> int:
    end = journal.last_position()
    last, is_much = min(end, manifest.position + limit), end - manifest.position >= MUCH
    if last <= manifest.position:
        return 0
    facts = events.fetch(manifest.position, last)
    connection, _kept.connection = _connection(), None  # one that failed is not used again
    _begin(connection)
    with _beside() as helper:
        grown = helper.submit(_grown, connection.cursor(), facts, manifest, is_much)
        tables = {**_changed(connection, facts, manifest, is_much), **grown.result()}
    tables = _beside_files(connection, tables)
    if last - manifest.position <= CHUNK:
        _kept.connection = connection
    else:
        connection.close()
    written = Manifest(last, chain_at(last), manifest.schema, time.time(), tables, manifest.made_at)
    store.write(written)
    store.sweep(written)
    return last - manifest.position


def _beside_files(connection: Any, tables: Mapping[str, Content]) -> dict[str, Content]:
    """The same, with all that is kept beside files."""
    return steps.kept(connection, sketching.kept(connection, tables))


def _connection() -> Any:
    """The one of this thread's last stroke, if that was small: to open one costs a good part of a small stroke."""
    return getattr(_kept, "connection", None) or files.connect()


def _beside() -> ThreadPoolExecutor:
    """One that works for DuckDB beside, and never asks the house's database."""
    return ThreadPoolExecutor(1, "warehouse-beside")


def _grown(connection: Any, facts: Facts, manifest: Manifest, is_much: bool) -> dict[str, Content]:
    """The tables of facts, with these."""
    _gather_facts(connection, facts, is_much)
    found = [shape for shape in shapes() if not shape.table.owner]
    return {s.table.name: files.grow(connection, s, manifest.tables[s.table.name], _gathered(s)) for s in found}


def _changed(connection: Any, facts: Facts, manifest: Manifest, is_much: bool) -> dict[str, Content]:
    """The tables of subjects, with what these facts have changed."""
    touched = _touched(facts)
    told = [json.dumps(one) for one in zip(*touched, strict=True)] or ["[]", "[]"]
    staging.load(connection, "touched", _TOUCHED, Rows(len(touched), told))
    for kind, found in groupby(touched, key=itemgetter(0)):
        ids = [pk for _kind, pk in found]
        for n in range(0, len(ids), CHUNK):
            _gather(connection, staging.fetch_all(Part(kind, ids[n : n + CHUNK])), is_much)
    must_go = any(kind.endswith(".erased") for kind in facts.kinds)  # what was erased is to lie in no file
    return {
        s.table.name: _taken(connection, s, manifest.tables[s.table.name], must_go) for s in shapes() if s.table.owner
    }


_TOUCHED = (Field("subject_kind", "VARCHAR"), Field("subject_id", "BIGINT"))


def _touched(facts: Facts) -> list[tuple[str, int]]:
    """The subjects whose rows these facts may have changed."""
    found = {one for one in facts.subjects if one[0] in subjects.KINDS}
    for shape in shapes():
        found.update((shape.table.of, pk) for pk in shape.table.touched(facts.about))
    return sorted(found)


def _taken(connection: Any, shape: Shape, content: Content, must_go: bool) -> Content:
    if not connection.execute(f"SELECT count(*) FROM ({shape.owners})").fetchone()[0]:
        return content
    changed = files.change(connection, shape, content, _gathered(shape))
    n_changed = changed.changes.file.n_rows if changed.changes else 0
    n_all = sum(file.n_rows for found in content.months.values() for file in found)
    if must_go or n_changed > max(MERGED_AFTER, n_all // MERGED_SHARE):
        return files.compact(connection, shape, changed)
    return changed


# --- rows as they are now, in DuckDB ---------------------------------------------------------------------------------


def _gathered(shape: Shape) -> str:
    return f"gathered_{shape.table.name}"


def _begin(connection: Any) -> None:
    for shape in shapes():
        files.begin(connection, shape, _gathered(shape))


def _gather(connection: Any, fetched: Fetched, is_much: bool) -> int:
    """Add the rows that belong to a part's subjects; returns how many."""
    fetched.load(connection, is_much)
    return sum(_add(connection, shape) for shape in shapes() if shape.table.owner)


def _gather_facts(connection: Any, facts: Facts, is_much: bool) -> int:
    """Add the rows of these facts; returns how many."""
    facts.load(connection, is_much)
    return sum(_add(connection, shape) for shape in shapes() if not shape.table.owner)


def _add(connection: Any, shape: Shape) -> int:
    return int(connection.execute(f"INSERT INTO {_gathered(shape)} {shape.made}").fetchone()[0])


def merge() -> None:
    """Write all changes into the files of their months."""
    with store.writing(wait=True):
        manifest = present()
        if manifest is None:
            return
        connection = files.connect()
        try:
            tables = {s.table.name: files.compact(connection, s, manifest.tables[s.table.name]) for s in shapes()}
            tables = _beside_files(connection, tables)
        finally:
            connection.close()
        written = Manifest(manifest.position, manifest.chain, manifest.schema, time.time(), tables, manifest.made_at)
        store.write(written)


# --- everything anew -------------------------------------------------------------------------------------------------


def rebuild(progress: Callable[[int], None] = lambda n: None) -> Manifest:
    """Make the copy anew from the database, also beside a running house; readers have the old one until it is done."""
    with store.writing(wait=True):
        made = _rebuild(lambda: False, progress)
        assert made is not None  # noqa: S101 - nobody asks it to stop
        return made


def _rebuild(stopping: Stop, progress: Callable[[int], None]) -> Manifest | None:
    """None: stopped on the way."""
    position = journal.last_position()
    chain = chain_at(position)
    begun = time.time()
    connection = files.connect()
    try:
        _begin(connection)
        n_rows = 0
        for n_more in _everything(connection, position):
            if stopping():
                return None
            n_rows += n_more
            progress(n_rows)
        tables = _written(connection)
    finally:
        connection.close()
    made = Manifest(position, chain, schema(), time.time(), tables, begun)
    store.write(made)
    store.sweep(made)
    log.info("warehouse_made", position=position, seconds=round(time.time() - begun, 1))
    return made


def _written(connection: Any) -> dict[str, Content]:
    """All that was gathered, as files of months with what is kept beside them; two tables at a time."""

    def one(shape: Shape) -> dict[str, Content]:
        own = connection.cursor()
        return _beside_files(own, {shape.table.name: Content(files.split(own, shape, _gathered(shape)))})

    found: dict[str, Content] = {}
    with ThreadPoolExecutor(2, "warehouse-beside") as helpers:
        for told in helpers.map(one, shapes()):
            found |= told
    return found


def _everything(connection: Any, position: int) -> Iterator[int]:
    """Gather all rows piece by piece, of the journal those up to the position.

    While DuckDB makes tables of pieces, the house's database is asked for the next ones.
    """
    greatest: dict[str, int] = {}
    for shape in shapes():
        for kind, last in shape.table.greatest().items():
            greatest[kind] = max(last, greatest.get(kind, 0))
    parts = (
        Part(kind, range(first, first + CHUNK))
        for kind, last in sorted(greatest.items())
        for first in range(1, last + 1, CHUNK)
    )
    with _beside() as for_facts, _beside() as for_parts:
        of_facts, of_parts, waiting = connection.cursor(), connection.cursor(), deque[Future[int]]()
        for part, after in zip_longest(parts, range(0, position, FACTS)):
            if after is not None:
                facts = events.fetch(after, min(after + FACTS, position))
                waiting.append(for_facts.submit(_gather_facts, of_facts, facts, position >= MUCH))
            if part is not None:
                waiting.append(for_parts.submit(_gather, of_parts, staging.fetch_all(part), position >= MUCH))
            while len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
