"""Makes a database ready for this version of the code: migrations, then seeds. Safe when several start at once."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone, translation

from jiying.base import readiness, seeds

_PREPARE_LOCK = 0x6A69_7970  # "jiyp": advisory lock of the one who prepares
LAST_WITH_STEPS = "f8cb347"


def prepare() -> None:
    """Apply what is missing; the second of two callers waits, and then finds nothing to do."""
    with _alone():
        if steps := readiness.stopped_midway(MigrationLoader(connection)):
            raise ImproperlyConfigured(
                f"this database was made by an early version and lacks {', '.join(steps)}: "
                f"start the version that had them last (commit {LAST_WITH_STEPS}) with it once, then this one"
            )
        if readiness.unapplied():
            call_command("migrate", interactive=False, verbosity=0)
        with translation.override(settings.LANGUAGE_CODE):  # names that are stored, in the language of the site
            seeds.run(timezone.now())


@contextmanager
def _alone() -> Iterator[None]:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_PREPARE_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_PREPARE_LOCK])
        return
    path = Path(str(connection.settings_dict["NAME"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.prepare", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # freed with the file, also when the process dies
        yield
