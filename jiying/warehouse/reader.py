"""Reads the columnar copy by SQL of DuckDB: views `tickets`, `clocks`, `events` (and others) over the newest manifest.

Never writes. Figures may be seconds old: `state()` says up to where they go. Rights are the caller's affair.
"""

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from jiying.base import journal
from jiying.base.models import JournalPosition
from jiying.warehouse import files, steps, store
from jiying.warehouse.asking import Source, Unseen
from jiying.warehouse.store import NO_MONTH, Content, Manifest
from jiying.warehouse.tables import Shape, schema, shapes

_TRIES = 3  # a file may be swept away between the manifest and the read, after a very long pause
Answer = TypeVar("Answer")
Alive = Mapping[str, datetime]  # by table
NOTHING: Alive = {}


class Missing(Exception):
    """There is no copy to read; the text says what to do."""

    @property
    def text(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class State:
    """How far the copy goes: `behind` facts are still to be copied, the oldest is `behind_s` seconds old."""

    position: int
    behind: int
    behind_s: float
    n_rows: dict[str, int]
    at: datetime
    made_at: datetime


def is_installed() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("duckdb", "numpy"))


def query(
    sql: str, params: Sequence[Any] = (), *, since: datetime | None = None, until: datetime | None = None
) -> list[tuple[Any, ...]]:
    """The rows of a statement; aware instants among `params` are taken as the copy holds them.

    `since`/`until` only leave out files of other months: the statement says the instants. Raises Missing.
    """
    return steady(lambda copy: copy.query(sql, params), since, until)


def columns(
    sql: str, params: Sequence[Any] = (), *, since: datetime | None = None, until: datetime | None = None
) -> dict[str, Any]:
    """The same as {column: numpy array}; columns with NULLs are masked arrays."""
    return steady(lambda copy: copy.columns(sql, params), since, until)


def state() -> State:
    """Raises Missing."""
    manifest = _manifest()
    last = journal.last_position()
    behind = max(0, last - manifest.position)
    return State(
        position=manifest.position,
        behind=behind,
        behind_s=_age(manifest.position) if behind else 0.0,
        n_rows={name: sum(file.n_rows for file in content.files) for name, content in manifest.tables.items()},
        at=datetime.fromtimestamp(manifest.at, UTC),
        made_at=datetime.fromtimestamp(manifest.made_at, UTC),
    )


def _age(position: int) -> float:
    """How long the first fact after a position has been waiting."""
    first = JournalPosition.objects.filter(position__gt=position).order_by("position").select_related("entry").first()
    return max(0.0, time.time() - first.entry.recorded_at.timestamp()) if first else 0.0


def _check_installed() -> None:
    if not is_installed():
        raise Missing(
            _("Figures over long times need DuckDB, which is not installed here: pip install -r %(file)s")
            % {"file": "requirements/analytics.txt"}
        )


def _manifest() -> Manifest:
    _check_installed()
    found = store.read()
    if found is None or found.schema != schema():  # of another release: the worker makes it anew
        raise Missing(_("The columnar copy has not been made yet. The worker makes it within moments."))
    return found


def source(since: datetime | None = None, until: datetime | None = None, alive: Alive = NOTHING) -> Source:
    """The copy as it is now, to be asked several times, or elsewhere. Raises Missing.

    `alive` leaves out, of some tables, files in which nothing has happened since an instant nor can any more.
    """
    manifest = _manifest()
    views = [(s.table.name, _view(s, manifest, since, until, alive.get(s.table.name))) for s in shapes()]
    (events,) = (s for s in shapes() if s.table.name == steps.TABLE)
    content = _content(manifest, steps.TABLE)
    months = _months(content, since, until)
    views.append((steps.UNPACKED, files.source(events, steps.unpacked(content), months)))
    return Source(str(store.folder()), tuple(views), steps.packs(content, months))


def most_rows(table: str, until: datetime | None = None, alive: datetime | None = None) -> int:
    """How many rows a question to a table may have to look at; `alive` as of `source`. Raises Missing."""
    (shape,) = (one for one in shapes() if one.table.name == table)
    content = _content(_manifest(), table)
    plain, mixed = files.chosen(shape, content, _months(content, None, until), _naive(alive))
    changed = [content.changes.file] if content.changes else []
    return sum(file.n_rows for file in (*plain, *mixed, *changed))


def steady(
    asked: Callable[[Source], Answer],
    since: datetime | None = None,
    until: datetime | None = None,
    alive: Alive = NOTHING,
) -> Answer:
    """What `asked` makes of one and the same state of the copy; again from the newest where files were swept away.

    Raises Missing.
    """
    return again(lambda: asked(source(since, until, alive)))


def again(asked: Callable[[], Answer]) -> Answer:
    """What is asked of the newest state of the copy; once more where its files were swept away meanwhile."""
    _check_installed()
    from duckdb import IOException

    for tried in range(_TRIES):
        try:
            return asked()
        except (IOException, Unseen, FileNotFoundError):
            if tried == _TRIES - 1:
                raise
    raise AssertionError("not reached")


def content(table: str) -> Content:
    """The files that a table consists of now. Raises Missing."""
    return _content(_manifest(), table)


def _content(manifest: Manifest, table: str) -> Content:
    found = manifest.tables.get(table)
    if found is None:
        raise Missing(_("The columnar copy has not been made yet. The worker makes it within moments."))
    return found


def _view(
    shape: Shape, manifest: Manifest, since: datetime | None, until: datetime | None, alive: datetime | None
) -> str:
    content = _content(manifest, shape.table.name)
    return files.source(shape, content, _months(content, since, until), _naive(alive))


def _months(content: Content, since: datetime | None, until: datetime | None) -> set[str] | None:
    """The months of a table that hold rows of a time; None for all."""
    if since is None and until is None:
        return None
    held = {*content.months, *(content.changes.months if content.changes else ())}
    first = since.astimezone(UTC).strftime("%Y-%m") if since else "0000"
    last = until.astimezone(UTC).strftime("%Y-%m") if until else "9999"
    return {m for m in held if first <= m <= last or m == NO_MONTH}


def _naive(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC).replace(tzinfo=None) if at else None
