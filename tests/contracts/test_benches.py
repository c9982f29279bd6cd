"""Benches whose answers are compared with one another still run: a bench that broke would show old figures for ever."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench import columnar, reports
from jiying.core.metrics import KPIS
from jiying.desk.policies import Scope
from jiying.insight.queries import counting
from jiying.insight.queries.counting import Cut, Window


def test_the_three_tables_of_the_report_agree(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reports, "N", 60_000)
    reports.tables()
    shown = capsys.readouterr().out
    assert "Jiying, from kept sketches" in shown and "limit: read what each table needs once" in shown


@pytest.mark.django_db
def test_the_made_up_copy_has_cases_of_nearly_every_kpi(settings: Any, tmp_path: Path) -> None:
    """All tables that are registered, in their columns: readers of a copy are measured on it."""
    settings.WAREHOUSE = tmp_path / "warehouse"
    end = columnar.make(6_000, events=True)
    found = counting.tallies(KPIS, Window(end - timedelta(days=400), end), Cut(Scope(None)))[""]
    assert {key for key, tally in found.items() if not tally.n} == {"attainment.next_response", "nps", "ces_mean"}
    assert found["tickets_received"].n > 5_500 and found["calls_missed"].n_hits and found["offer_conversion"].n_hits
