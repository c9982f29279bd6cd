"""Maps of imported logs: the figures of public logs, and one map from either format."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jiying.core.processmap import ProcessMap, fold, kernel, summary
from jiying.process.services.logs import read_log

Find = Callable[[str], Path]


def map_of(path: Path) -> ProcessMap:
    log = read_log(path).log
    found = summary(fold(log), n_variants=10_000)
    assert summary(kernel.fold(log), n_variants=10_000) == found
    return found


def test_helpdesk(real_data: Find) -> None:
    found = map_of(real_data("eventlogs/helpdesk_italian.xes.gz"))
    assert (found.n_cases, found.n_events, len(found.activities), found.n_variants) == (4580, 21348, 14, 226)
    assert sum(variant.n for variant in found.variants) == 4580
    assert sum(edge.n for edge in found.edges) == 21348 - 4580


def test_both_formats_of_one_log_give_one_map(real_data: Find) -> None:
    from_csv, from_xes = (map_of(real_data(f"eventlogs/receipt.{form}.gz")) for form in ("csv", "xes"))
    assert from_csv.n_cases == 1434 and from_csv.n_events == 8577
    assert by_name(from_csv) == by_name(from_xes)
    assert from_csv.people == from_xes.people and from_csv.groups == from_xes.groups


def by_name(found: ProcessMap) -> tuple[object, ...]:
    """The two files tell the cases in another order, so that only names are the same."""
    names = [one.name for one in found.activities]
    return (
        sorted((one.name, one.n, one.n_cases, one.n_first, one.n_last) for one in found.activities),
        {(names[e.source], names[e.target]): e.wait for e in found.edges},
        {tuple(names[code] for code in v.path): (v.share, v.duration) for v in found.variants},
        {names[r.activity]: (r.cases, r.n_repeats, r.n_self, r.loop_s) for r in found.rework},
        set(found.bottlenecks),
    )


def test_starts_and_ends_give_working_time(real_data: Find) -> None:
    found = map_of(real_data("eventlogs/teleclaims.xes.gz"))
    assert found.n_cases == 3512 and found.work_s > 0


def test_the_command_prints_the_figures(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = ["1,take,2026-01-05T09:00:00Z", "1,solve,2026-01-05T10:30:00Z", "2,take,2026-01-05T09:00:00Z"]
    log = tmp_path / "log.csv"
    log.write_text("\n".join(["case:concept:name,concept:name,time:timestamp", *rows]), encoding="utf-8")
    call_command("map", log)
    told = capsys.readouterr().out
    assert "2 cases, 3 events, 2 activities, 1 steps from one to another, 2 variants" in told
    assert "take → solve  median 1 h 30 min" in told
    call_command("map", log, json=True)
    assert '"n_cases": 2' in capsys.readouterr().out


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="log.pdf"):
        call_command("map", tmp_path / "log.pdf")
