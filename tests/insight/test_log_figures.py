"""Figures of a real log (ServiceNow): the KPI library counts what a plain script counts in the log's own rows.

Attainment is beside the import's own fold. A transfer is told by persons: `transfer_rate` counts tickets whose
`assigned_to` named somebody else after the first. The log's `reassignment_count` counts by groups instead (391 tickets,
381 of which show two groups), also while nobody was named. A reopening is a rise of the log's `reopen_count`: one case
(INC0000137) has its first row, still new, stamped seven minutes after the row that resolved it, and was never reopened.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from jiying.base.actor import IMPORT
from jiying.desk.policies import Scope
from jiying.desk.services.history.importing import import_log
from jiying.insight.queries import counting
from jiying.insight.queries.counting import Cut, Window
from tests.cast import Cast
from tests.insight.columnar import copied

ALL = Window(datetime(2010, 1, 1, tzinfo=UTC), datetime(2026, 9, 9, tzinfo=UTC))
METRICS = ("accept", "first_response", "resolution", "resolution_total")
Row = dict[str, str]


def _rows(path: Path) -> dict[str, list[Row]]:
    """The log's rows by case, in order of their time."""
    found: dict[str, list[Row]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["number"]].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: datetime.strptime(row["sys_updated_at"], "%d-%m-%Y %H:%M").replace(tzinfo=UTC))
    return found


def _went_to_another(rows: list[Row]) -> bool:
    return len({row["assigned_to"] for row in rows} - {"?"}) > 1


def _was_reopened(rows: list[Row]) -> bool:
    counts = [int(row["reopen_count"]) for row in rows]
    return max(counts) > counts[0]


def _was_solved(rows: list[Row]) -> bool:
    return any(row["incident_state"] in ("Resolved", "Closed") for row in rows)


def test_figures_of_a_real_log(cast: Cast, real_data: Callable[[str], Path]) -> None:
    path = real_data("eventlogs/servicenow_original_labels_5998.csv.gz")
    cases = _rows(path)
    told = import_log(actor=IMPORT, path=path, now=cast.now).as_data()["attainment"]["all"]
    copied()
    keys = ["tickets_received", "tickets_solved", "transfer_rate", "reopen_rate"]
    found = counting.tallies([*keys, *(f"attainment.{metric}" for metric in METRICS)], ALL, Cut(Scope(None)))[""]
    assert found["tickets_received"].n == len(cases) == 890
    assert found["tickets_solved"].n == sum(map(_was_solved, cases.values()))
    for key, counts in (("transfer_rate", _went_to_another), ("reopen_rate", _was_reopened)):
        assert found[key].n == sum(map(_was_solved, cases.values())), key  # who solved it had got it
        assert found[key].n_hits == sum(map(counts, cases.values())), key
    assert (found["transfer_rate"].n_hits, found["reopen_rate"].n_hits) == (124, 10)
    for metric in METRICS:
        tally = found[f"attainment.{metric}"]
        assert (tally.n_hits, tally.n - tally.n_hits) == (told[metric]["met"], told[metric]["breached"]), metric
