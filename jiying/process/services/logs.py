"""Reads an event log of another desk (CSV, XLSX, XES) as columns for a map; nothing is written.

The importer's readers and mappings say which column is which; what an activity means for a ticket does not matter here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jiying.core.processmap import Codes, Log, pair
from jiying.core.processmap.log import Event
from jiying.desk.services.history.importing import open_mapped, refused
from jiying.desk.services.history.plan import Plan
from jiying.desk.services.history.rows import LogFile, LogFileError, RowNote


@dataclass(frozen=True)
class ReadLog:
    """The log, and how many rows could not be read."""

    log: Log
    n_skipped: int


def read_log(path: Path, mapping: str = "") -> ReadLog:
    """The event log at `path`; `mapping` as for an import. Raises Invalid for a file or mapping that cannot be used."""
    file, chosen = open_mapped(path, mapping)
    plan, skipped = Plan(chosen), [0]
    try:
        return ReadLog(Codes().log(pair(_events(file, plan, skipped))), skipped[0])
    except LogFileError as error:
        raise refused(error) from error


def _events(file: LogFile, plan: Plan, skipped: list[int]) -> Iterator[Event]:
    for row in file.rows(plan.wanted):
        found = row if isinstance(row, RowNote) else plan.read(row)
        if isinstance(found, RowNote):
            skipped[0] += 1
            continue
        facts = found.facts
        yield Event(
            found.case,
            found.activity,
            -(-found.at_us // 1_000_000),
            found.transition or "",
            found.actor or facts.agent or "",
            facts.team or "",
        )
