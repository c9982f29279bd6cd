"""Writes Parquet by DuckDB: rows of tables to files of months, changes beside them, and both merged.

Knows neither the journal nor where a copy stands: it makes new files, and says what a table consists of then.
"""

# ruff: noqa: S608 - names of tables, columns and files are our own

import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from jiying.warehouse import store
from jiying.warehouse.store import NO_MONTH, Changes, Content, File
from jiying.warehouse.tables import Shape

GONE = "_gone"  # in files of changes only: this owner has no rows any more
CHANGES_MONTH = "changes"  # the folder beside the months
_own = threading.local()
MOST_KNOWN = 10_000  # files whose last instant is kept
SMALL = 4  # files of a growing table are merged while the next is not bigger than so many times those before


def connect(memory: str = "1GB") -> Any:
    import duckdb

    overflow = str(store.new_overflow())
    found = duckdb.connect(config={"threads": "2", "memory_limit": memory, "temp_directory": overflow})
    found.execute("SET preserve_insertion_order = true")
    return found


def months(connection: Any, shape: Shape, rows: str) -> list[str]:
    """The months that rows (as SQL, from FROM on) lie in."""
    found = connection.execute(f"SELECT DISTINCT date_trunc('month', \"{shape.table.month}\") {rows}").fetchall()
    return sorted(f"{first:%Y-%m}" if first else NO_MONTH for (first,) in found)


def within(shape: Shape, month: str) -> str:
    """The condition that a row lies in a month: a stretch, for naming the month of each row costs many times more."""
    if month == NO_MONTH:
        return f'"{shape.table.month}" IS NULL'
    first = f"DATE '{month}-01'"
    return f'("{shape.table.month}" >= {first} AND "{shape.table.month}" < {first} + INTERVAL 1 MONTH)'


def names(shape: Shape) -> str:
    return ", ".join(f'"{column.name}"' for column in shape.columns)


def paths(files: Iterable[File]) -> str:
    """A list of files as SQL; names are our own."""
    place = store.folder()
    return "[" + ", ".join("'" + str(place / file.path).replace("'", "''") + "'" for file in files) + "]"


def begin(connection: Any, shape: Shape, table: str) -> None:
    """An empty table of this connection for rows of a shape."""
    told = ", ".join(f'"{column.name}" {column.kind}' for column in shape.columns)
    connection.execute(f"CREATE OR REPLACE TABLE {table} ({told})")


def copy(connection: Any, select: str, target: Path) -> File | None:
    """Write what a statement gives to a file; None (and no file) where that is nothing."""
    (n_rows,) = connection.execute(f"COPY ({select}) TO '{target}' (FORMAT parquet)").fetchone()
    if not n_rows:
        target.unlink(missing_ok=True)
        return None
    return File(str(target.relative_to(store.folder())), int(n_rows))


def sort_key(shape: Shape) -> str:
    return ", ".join(f'"{name}"' for name in (shape.table.month, *(shape.table.owner or ("position",))))


def split(connection: Any, shape: Shape, table: str) -> dict[str, tuple[File, ...]]:
    """A table of this connection as one file a month."""
    found: dict[str, tuple[File, ...]] = {}
    for name in months(connection, shape, f"FROM {table}"):
        select = f"SELECT {names(shape)} FROM {table} WHERE {within(shape, name)} ORDER BY {sort_key(shape)}"
        made = copy(connection, select, store.new_file(shape.table.name, name))
        if made is not None:
            found[name] = (made,)
    return found


# --- tables that only grow -------------------------------------------------------------------------------------------


def grow(connection: Any, shape: Shape, content: Content, table: str) -> Content:
    """The rows of a table as files of their own months; small ones are merged, so that a month never has many."""
    held = dict(content.months)
    for month, fresh in split(connection, shape, table).items():
        held[month] = _merged(connection, shape, month, (*held.get(month, ()), *fresh))
    return Content(held)


def _merged(connection: Any, shape: Shape, month: str, files: tuple[File, ...]) -> tuple[File, ...]:
    if len(files) < SMALL * 2:
        return files
    small: list[File] = []
    for file in sorted(files, key=lambda one: one.n_rows):
        if small and file.n_rows > SMALL * sum(one.n_rows for one in small):
            break
        small.append(file)
    if len(small) < 2:
        return files
    select = f"SELECT {names(shape)} FROM read_parquet({paths(small)}) ORDER BY {sort_key(shape)}"
    made = copy(connection, select, store.new_file(shape.table.name, month))
    return (*(one for one in files if one not in small), *([made] if made else []))


# --- tables whose rows are replaced ----------------------------------------------------------------------------------


def change(connection: Any, shape: Shape, content: Content, table: str) -> Content:
    """The rows of a table in place of all that the owners in `touched` had; the files of months stay as they are."""
    using, owners = shape.owner, f"({shape.owners})"
    select = f"""
SELECT *, false AS {GONE} FROM {table}
UNION ALL BY NAME SELECT {using}, true AS {GONE} FROM {owners} ANTI JOIN {table} AS t USING ({using})"""
    if content.changes is not None:
        old = f"read_parquet({paths([content.changes.file])})"
        select += f" UNION ALL BY NAME SELECT * FROM {old} ANTI JOIN {owners} AS o USING ({using})"
    file = copy(connection, select, store.new_file(shape.table.name, CHANGES_MONTH))
    if file is None:
        return content
    fresh = f"read_parquet({paths([file])})"
    touched = tuple(months(connection, shape, f"FROM {fresh} WHERE NOT {GONE}"))
    return Content(content.months, Changes(file, touched, _hidden(connection, content, using, fresh)))


def _hidden(connection: Any, content: Content, using: str, fresh: str) -> tuple[str, ...]:
    """The months whose files hold older rows of the owners of fresh ones."""
    files = {store.folder() / file.path: month for month, found in content.months.items() for file in found}
    if not files:
        return ()
    listed = paths([file for found in content.months.values() for file in found])
    told = connection.execute(
        f"SELECT DISTINCT filename FROM read_parquet({listed}, filename=true) SEMI JOIN {fresh} AS f USING ({using})"
    ).fetchall()
    return tuple(sorted({files[Path(name)] for (name,) in told}))


def compact(connection: Any, shape: Shape, content: Content) -> Content:
    """Write the changes into the files of the months that they touch, and of no other."""
    changes = content.changes
    if changes is None:
        return content
    held = dict(content.months)
    using = shape.owner
    changed = f"read_parquet({paths([changes.file])})"
    for month in sorted({*changes.months, *changes.hides}):
        select = f"SELECT {names(shape)} FROM {changed} WHERE NOT {GONE} AND {within(shape, month)}"
        if month in held:
            old = f"read_parquet({paths(held[month])})"
            select += f" UNION ALL SELECT {names(shape)} FROM {old} ANTI JOIN {changed} AS c USING ({using})"
        whole = f"SELECT * FROM ({select}) ORDER BY {sort_key(shape)}"
        made = copy(connection, whole, store.new_file(shape.table.name, month))
        if made is None:
            held.pop(month, None)
        else:
            held[month] = (made,)
    return Content(dict(sorted(held.items())))


_last: dict[str, datetime | None] = {}  # by path; files never change


def last(shape: Shape, file: File) -> datetime | None:
    """The last instant that any row of a file tells, as the copy holds instants; None where a row is not over yet."""
    path = str(store.folder() / file.path)
    if path not in _last:
        if len(_last) > MOST_KNOWN:
            _last.clear()
        instants = ", ".join(f"'{column.name}'" for column in shape.columns if column.kind == "TIMESTAMP")
        is_open = f"path_in_schema = '{shape.table.over}' AND stats_null_count IS DISTINCT FROM 0"
        is_untold = "stats_max_value IS NULL AND stats_null_count IS DISTINCT FROM num_values"
        _last[path] = (
            _footers()
            .execute(
                f"""SELECT CASE WHEN NOT bool_or({is_open} OR {is_untold})
                  THEN max(CAST(stats_max_value AS TIMESTAMP)) END
                FROM parquet_metadata(?) WHERE path_in_schema IN ({instants})""",
                [path],
            )
            .fetchone()[0]
        )
    return _last[path]


def _footers() -> Any:
    found = getattr(_own, "connection", None)
    if found is None:
        found = _own.connection = connect(memory="100MB")
    return found


def _lives(shape: Shape, file: File, alive: datetime) -> bool:
    ended = last(shape, file) if shape.table.over else None
    return ended is None or ended >= alive


def chosen(
    shape: Shape, content: Content, wanted: set[str] | None, alive: datetime | None = None
) -> tuple[list[File], list[File]]:
    """The files that count: of the months that are wanted, or of all; where `alive` is given without files whose rows
    were all over, and told of nothing any more, from then on. First those whose rows all hold, then those of which some
    have changed since."""
    hides = set(content.changes.hides) if content.changes else set()
    plain: list[File] = []
    mixed: list[File] = []
    for month, files in content.months.items():
        if wanted is None or month in wanted:
            (mixed if month in hides else plain).extend(f for f in files if alive is None or _lives(shape, f, alive))
    return plain, mixed


def source(shape: Shape, content: Content, wanted: set[str] | None, alive: datetime | None = None) -> str:
    """The rows of a table as SQL, from the files that count (`chosen`)."""
    changes = content.changes
    plain, mixed = chosen(shape, content, wanted, alive)
    own, parts = names(shape), []
    if plain:
        parts.append(f"SELECT {own} FROM read_parquet({paths(plain)})")
    if changes is not None:
        changed, using = f"read_parquet({paths([changes.file])})", shape.owner
        if mixed:
            parts.append(f"SELECT {own} FROM read_parquet({paths(mixed)}) ANTI JOIN {changed} AS c USING ({using})")
        if wanted is None or wanted & set(changes.months):
            listed = " OR ".join(within(shape, month) for month in sorted(wanted or ()))
            where = "" if wanted is None else f" AND ({listed})"
            parts.append(f"SELECT {own} FROM {changed} WHERE NOT {GONE}{where}")
    if not parts:
        nothing = ", ".join(f'CAST(NULL AS {c.kind}) AS "{c.name}"' for c in shape.columns)
        return f"SELECT {nothing} WHERE false"
    return " UNION ALL ".join(parts)
