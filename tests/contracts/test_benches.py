"""Benches whose answers are compared with one another still run: a bench that broke would show old figures for ever."""

import pytest

from bench import reports


def test_the_three_tables_of_the_report_agree(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reports, "N", 60_000)
    reports.tables()
    shown = capsys.readouterr().out
    assert "Jiying, from kept sketches" in shown and "limit: read what each table needs once" in shown
