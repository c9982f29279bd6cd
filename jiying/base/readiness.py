"""Whether this house can work now: database, migrations, a living worker, a journal that moves. Reads only."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from jiying.base import heartbeat
from jiying.base.models import JournalPending

STUCK_S = 30  # a journal whose sequencer has not caught up for longer is reported
_migrated = False


def unapplied() -> list[str]:
    """Migrations of the code that the database lacks; once there are none, that is remembered for the process."""
    global _migrated
    if _migrated:
        return []
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    found = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
    found += stopped_midway(executor.loader)
    _migrated = not found
    return found


def stopped_midway(loader: MigrationLoader) -> list[str]:
    """Former steps that a database of an early version lacks; the code holds only their sum, of no use to it."""
    done = loader.applied_migrations
    sums = [one.replaces for one in loader.replacements.values() if any(step in done for step in one.replaces)]
    return [f"{app}.{name}" for steps in sums for app, name in steps if (app, name) not in done]


# What does not stop the house, but somebody should mend: {part: text}. Features append theirs in `AppConfig.ready`.
WARNINGS: list[Callable[[datetime], Mapping[str, str]]] = []


def warnings(now: datetime) -> dict[str, str]:
    """Everything that somebody should look at; empty while the database cannot be asked."""
    try:
        return {part: text for look in WARNINGS for part, text in look(now).items()}
    except DatabaseError:
        return {}


def reasons(now: datetime) -> dict[str, str]:
    """Why the house is not ready, by part; empty when it is. Codes and figures for machines, never translated."""
    try:
        missing = unapplied()
        if missing:
            return {"migrations": f"{len(missing)} not applied, first {missing[0]}; run: jiying prepare"}
        return _worker_reasons(now)
    except DatabaseError as error:
        text = str(error).strip().splitlines()[0] if settings.DEBUG and str(error).strip() else type(error).__name__
        return {"database": f"not reachable ({text})"}


def _worker_reasons(now: datetime) -> dict[str, str]:
    beats = heartbeat.living(now)
    if not beats:
        return {"worker": f"none was heard of in the last {heartbeat.ALIVE_S} s; run: jiying worker"}
    behind_s = now.timestamp() - max(beat.sequenced_at for beat in beats)
    if behind_s > STUCK_S and JournalPending.objects.exists():
        return {"journal": f"the sequencer has not caught up for {behind_s:.0f} s"}
    return {}
