"""Questions to the columnar copy, answered wherever its folder is seen: no Django settings, no database, no rights.

A `Source` is the copy as one manifest told it; it is plain data, so that it travels to other processes and machines.
"""

import platform
import re
import tempfile
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Rows = list[tuple[Any, ...]]
MEMORY = "1GB"  # of one thread's questions; what is more goes to the disk
_root = threading.local()


class Unseen(Exception):
    """The machine of this name does not see the folder of the copy."""


@dataclass(frozen=True, slots=True)
class Source:
    """`views` are the tables as SQL over the files that count, `packs` the files of `steps` in the folder."""

    folder: str
    views: tuple[tuple[str, str], ...]
    packs: tuple[str, ...] = ()

    def query(self, sql: str, params: Sequence[Any] = ()) -> Rows:
        """The rows of a statement; aware instants among `params` are taken as the copy holds them."""
        return self._asked(sql, params).fetchall()  # type: ignore[no-any-return]

    def columns(self, sql: str, params: Sequence[Any] = ()) -> dict[str, Any]:
        """The same as {column: numpy array}; columns with NULLs are masked arrays."""
        return self._asked(sql, params).fetchnumpy()  # type: ignore[no-any-return]

    def named(self, sql: str) -> tuple[tuple[str, str], ...]:
        """The views that a statement names: what its answer depends on, for the files in them never change."""
        return tuple((name, view) for name, view in self.views if re.search(rf"\b{name}\b", sql))

    def _asked(self, sql: str, params: Sequence[Any]) -> Any:
        """Raises duckdb.IOException where a file has been replaced since, Unseen."""
        if not Path(self.folder, "manifest.json").exists():
            raise Unseen(platform.node())
        cursor = _connection()
        for name, view in self.named(sql):
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {view}")
        return cursor.execute(sql, [_held(value) for value in params])


def blocks(source: Source, n: int, where: str, params: Sequence[Any]) -> list[tuple[int, int]]:
    """First and last id of `n` blocks with about as many `tickets` (as t) each, of those that a condition lets through;
    fewer where there are fewer tickets."""
    rows = source.query(
        f"""SELECT min(id), max(id) FROM (SELECT t.id, ntile(?) OVER (ORDER BY t.id) AS block FROM tickets t
        WHERE {where}) GROUP BY block ORDER BY 1""",  # noqa: S608 - made by the caller of own parts
        [n, *params],
    )
    return [(first, last) for first, last in rows]


def beside() -> ThreadPoolExecutor:
    """One that asks beside this thread, on the same DuckDB, for one answer.

    What a thread that stays keeps to itself is taken down in each child that Python forks, and DuckDB dies of that.
    """
    return ThreadPoolExecutor(1, "asking", _use, (_connection().cursor(),))


def _use(connection: Any) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    _root.connection = connection


def _held(value: Any) -> Any:
    """Instants in UTC, without saying so."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value


def _connection() -> Any:
    """One for each thread: DuckDB's own catalogue of views is not shared."""
    import duckdb

    found = getattr(_root, "connection", None)
    if found is None:
        overflow = str(Path(tempfile.gettempdir(), f"jiying-overflow-{uuid.uuid4().hex}"))  # made and removed by DuckDB
        config: dict[str, Any] = {"threads": "2", "memory_limit": MEMORY, "temp_directory": overflow}
        found = _root.connection = duckdb.connect(config=config)
        found.execute("SET TimeZone = 'UTC'")
    return found
