"""The folder of the columnar copy: its files, and the manifest that says which of them count and up to which position.

Files are written whole, then the manifest is replaced in one stroke: whoever is killed in between leaves the old copy
valid, and files that nobody names, which are swept away later.
"""

import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

FORMAT = 1
GRACE_S = 120.0  # files that no manifest names any more may still be read so long
OVERFLOW_S = 86400.0  # and what overflowed from the memory of somebody's long work is left alone so long
_FORMS = ("*/*/*.parquet", "*/*/*.npz", "*/*/*.npy", ".manifest-*")
NO_MONTH = "none"  # the month of rows whose instant has not come yet


@dataclass(frozen=True, slots=True)
class File:
    """`path` within the folder, and those of its `sketch` and of its `pack` of steps, where they are kept."""

    path: str
    n_rows: int
    sketch: str = ""
    pack: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows that differ from the files of months: they count in place of those with the same owner.

    `months` are where its rows lie, `hides` those whose files hold older rows of its owners.
    """

    file: File
    months: tuple[str, ...]
    hides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """One table: its files by month (UTC), and what has changed since they were written."""

    months: dict[str, tuple[File, ...]] = field(default_factory=dict)
    changes: Changes | None = None

    @property
    def files(self) -> list[File]:
        found = [file for files in self.months.values() for file in files]
        return [*found, self.changes.file] if self.changes else found

    @property
    def paths(self) -> set[str]:
        return {path for file in self.files for path in (file.path, file.sketch, file.pack) if path}


@dataclass(frozen=True, slots=True)
class Manifest:
    """`chain` is the journal's hash at `position`: another database's copy is never taken for this one's."""

    position: int
    chain: str
    schema: str
    at: float  # when it was written
    tables: dict[str, Content]
    made_at: float = 0.0  # when all was last made anew

    @property
    def paths(self) -> set[str]:
        """All files that it names."""
        return {path for content in self.tables.values() for path in content.paths}


def folder() -> Path:
    return Path(settings.WAREHOUSE)


def read() -> Manifest | None:
    """The newest manifest; None where there is no copy, or one of an older form."""
    try:
        told = json.loads((folder() / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return None
    if told.pop("format", None) != FORMAT:
        return None
    tables = {name: _content(one) for name, one in told.pop("tables").items()}
    return Manifest(**told, tables=tables)


def _content(told: dict[str, Any]) -> Content:
    months = {month: tuple(File(**file) for file in files) for month, files in told["months"].items()}
    changes = told["changes"]
    if changes is None:
        return Content(months)
    file = File(**changes["file"])
    return Content(months, Changes(file, tuple(changes["months"]), tuple(changes["hides"])))


def write(manifest: Manifest) -> None:
    """Put a manifest in the place of the last one, its files first on the disk."""
    place = folder()
    old = read()
    for path in manifest.paths - (old.paths if old else set()):
        _to_disk(place / path)
    made = place / f".manifest-{uuid.uuid4().hex}"
    with open(made, "w", encoding="utf-8") as out:
        json.dump({"format": FORMAT, **asdict(manifest)}, out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(made, place / "manifest.json")
    _to_disk(place)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_file(table: str, month: str) -> Path:
    """A name that nobody has used."""
    place = folder() / table / month
    place.mkdir(parents=True, exist_ok=True)
    return place / f"{uuid.uuid4().hex}.parquet"


def new_overflow() -> Path:
    """Where a connection may put what its memory does not hold: it makes the folder, and removes it."""
    return folder() / f".overflow-{uuid.uuid4().hex}"


def sweep(manifest: Manifest, grace_s: float = GRACE_S) -> int:
    """Remove what no manifest names and nobody can be reading any more; returns how many files."""
    place, n_gone, kept = folder(), 0, manifest.paths
    for path in (found for form in _FORMS for found in place.glob(form)):
        if str(path.relative_to(place)) not in kept and time.time() - path.stat().st_mtime >= grace_s:
            path.unlink(missing_ok=True)
            n_gone += 1
    for path in place.glob(".overflow-*"):
        if time.time() - path.stat().st_mtime >= OVERFLOW_S:
            shutil.rmtree(path, ignore_errors=True)
    for month in place.glob("*/*"):
        if month.is_dir() and not any(month.iterdir()):
            shutil.rmtree(month, ignore_errors=True)
    return n_gone


@contextmanager
def writing(wait: bool = False) -> Iterator[bool]:
    """The one who may write now; False where somebody else is at it. The system frees the lock of who is killed."""
    folder().mkdir(parents=True, exist_ok=True)
    with open(folder() / ".lock", "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
