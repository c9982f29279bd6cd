"""Backup and restore (Z3): database, files and secret key in one .tar.gz with a manifest and checksums.

The backup may be taken while the house works. A restore verifies every checksum before it touches anything.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from jiying.base import heartbeat, journal, worker
from jiying.base.models import JournalPosition, Person

FORMAT = 1
MANIFEST = "manifest.json"
COMPRESSION = 3
KEY = "secret_key"
_CHUNK = 1024 * 1024


class Unusable(OSError):
    """The backup cannot be written or restored; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: `files` maps each member's name to its SHA-256; `database` is sqlite or postgresql."""

    format: int
    database: str
    made_at: str
    position: int
    chain: str
    migrations: list[str]
    files: dict[str, str]


# --- writing ---------------------------------------------------------------------------------------------------------


def write(target: str) -> Manifest:
    """Write a backup to `target`, whole or not at all; raises Unusable. The database first: files only ever grow."""
    path = Path(target)
    if not path.name.endswith((".tar.gz", ".tgz")):
        raise Unusable(f"{target}: a backup is a .tar.gz; choose such a name")
    if path.exists():
        raise Unusable(f"{target} exists already; choose another name")
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=_home()) as folder:
            manifest = _collect(Path(folder))
            with open(partial, "xb", opener=_private) as file:
                _pack(file, Path(folder), manifest)
                file.flush()
                os.fsync(file.fileno())
        os.link(partial, path)  # unlike a rename, never over a file that came meanwhile
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # it holds customers' data and the key


def _home() -> Path:
    home = Path(settings.HOME)
    home.mkdir(parents=True, exist_ok=True)
    return home


def _collect(folder: Path) -> Manifest:
    last = JournalPosition.objects.order_by("-position").first()
    dump = folder / _dump_name()
    _dump(dump)
    members = {dump.name: dump, **_attached()}
    key = _home() / KEY
    if key.exists():
        members[KEY] = key
    return Manifest(
        format=FORMAT,
        database=connection.vendor,
        made_at=timezone.now().isoformat(timespec="seconds"),
        position=last.position if last else 0,
        chain=last.hash if last else journal.GENESIS,
        migrations=_migrations(),
        files={name: _sha256(path) for name, path in sorted(members.items())},
    )


def _dump_name() -> str:
    return "database.sqlite3" if connection.vendor == "sqlite" else "database.dump"


def _attached() -> dict[str, Path]:
    root = Path(settings.MEDIA_ROOT)
    return {f"files/{path.relative_to(root)}": path for path in root.rglob("*") if path.is_file()}


def _migrations() -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _dump(target: Path) -> None:
    if connection.vendor == "postgresql":
        _pg("pg_dump", "--format=custom", "--compress=0", "--no-owner", "--no-privileges", f"--file={target}")
        return
    source = sqlite3.connect(f"file:{_sqlite_path()}?mode=ro", uri=True)
    with closing(source), closing(sqlite3.connect(target)) as copy:
        source.backup(copy, pages=4096, sleep=0.001)  # type: ignore[call-arg,unused-ignore]
        copy.execute("PRAGMA journal_mode=DELETE")


def _pack(file: BinaryIO, folder: Path, manifest: Manifest) -> None:
    """The manifest comes first, so that it can be read without unpacking everything."""
    listing = folder / MANIFEST
    listing.write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1), encoding="utf-8")
    attached = _attached()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as archive:
        archive.add(listing, MANIFEST)
        for name in manifest.files:
            archive.add(folder / name if name.startswith("database.") else attached.get(name, _home() / name), name)


# --- restoring -------------------------------------------------------------------------------------------------------


def restore(source: str, *, overwrite: bool) -> Manifest:
    """Put a backup in place of this house's data. Raises Unusable before anything was changed."""
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=_home()) as name:
        folder = Path(name)
        manifest = _unpack(source, folder)
        with _standstill():
            if not overwrite and not _is_empty():
                raise Unusable("this house has data already; add --yes to replace them")
            _load(folder / _dump_name())
            _place_files(folder, manifest)
    return manifest


def _unpack(source: str, folder: Path) -> Manifest:
    try:
        with tarfile.open(source, "r:gz") as archive:
            archive.extractall(folder, filter="data")
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (tarfile.TarError, EOFError, KeyError, TypeError, ValueError, FileNotFoundError) as error:
        if not Path(source).exists():
            raise Unusable(f"{source}: there is no such file") from None
        raise Unusable(f"{source} is not a backup of Jiying, or it is damaged ({type(error).__name__})") from None
    _verify(source, folder, manifest)
    return manifest


def _verify(source: str, folder: Path, manifest: Manifest) -> None:
    if manifest.format != FORMAT:
        raise Unusable(f"{source} has format {manifest.format}; this version reads {FORMAT}")
    if manifest.database != connection.vendor:
        raise Unusable(f"{source} is of {manifest.database}, this house uses {connection.vendor} (DATABASE_URL)")
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file() or _sha256(path) != expected:
            raise Unusable(f"{source} is damaged: {name} does not match its checksum")
    if _dump_name() not in manifest.files:
        raise Unusable(f"{source} is damaged: it holds no database")


@contextmanager
def _standstill() -> Iterator[None]:
    """Nobody works on this house while it is replaced; raises Unusable where somebody does."""
    running = "Jiying is running on this house; stop it first"
    path = worker.lock_path()
    if path is None:
        if _beats():
            raise Unusable(running)
        yield
        return
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unusable(running) from None
        yield


def _beats() -> bool:
    """Whether a worker beats: again while we look. One that was killed is waited for until it counts as dead."""
    first: dict[str, float] | None = None
    while True:
        try:
            seen = {beat.worker: beat.at for beat in heartbeat.living(timezone.now())}
        except DatabaseError:
            return False  # no tables yet
        first = seen if first is None else first
        if not seen or any(at != first.get(name) for name, at in seen.items()):
            return bool(seen)
        time.sleep(0.5)


def _is_empty() -> bool:
    tables = connection.introspection.table_names()
    return Person._meta.db_table not in tables or not Person.objects.exists()


def _load(dump: Path) -> None:
    connections.close_all()
    if connection.vendor == "postgresql":
        options = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        _pg("pg_restore", *options, "--dbname={name}", str(dump))
        return
    path = Path(_sqlite_path())
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(sqlite3.connect(dump)) as new, closing(sqlite3.connect(path, timeout=20)) as target:
        new.backup(target)  # in one transaction of the target: the old state, or the new one


def _place_files(folder: Path, manifest: Manifest) -> None:
    for name in manifest.files:
        if name.startswith("files/"):
            place = Path(settings.MEDIA_ROOT) / name.removeprefix("files/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, place)
        elif name == KEY:
            os.replace(folder / name, _home() / KEY)
            os.chmod(_home() / KEY, 0o600)


# --- the two databases -----------------------------------------------------------------------------------------------


def _sqlite_path() -> str:
    return str(connections["default"].settings_dict["NAME"])


def _pg(name: str, *options: str) -> None:
    """Run a client program of PostgreSQL against this house's database; the password goes by the environment."""
    found = shutil.which(name)
    if found is None:
        raise Unusable(f"{name} was not found; install PostgreSQL's client programs (on Debian: postgresql-client)")
    parameters: dict[str, Any] = connections["default"].get_connection_params()
    environment = {**os.environ, "PGDATABASE": str(parameters["dbname"])}
    for key, variable in (("host", "PGHOST"), ("port", "PGPORT"), ("user", "PGUSER"), ("password", "PGPASSWORD")):
        if parameters.get(key):
            environment[variable] = str(parameters[key])
    command = [found, *(option.replace("{name}", str(parameters["dbname"])) for option in options)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Unusable(f"{name}: {(done.stderr.strip().splitlines() or ['failed'])[0]}")
