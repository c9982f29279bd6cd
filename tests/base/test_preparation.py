"""Databases of early versions, which took their tables step by step."""

from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from jiying.base import preparation, readiness


@pytest.fixture
def steps(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """Former steps, all of which this database has taken; it knows nothing of their sums."""
    monkeypatch.setattr(readiness, "_migrated", False)
    sums = MigrationLoader(connection).replacements
    MigrationRecorder(connection).migration_qs.filter(name__in={name for _app, name in sums}).delete()
    yield [step for one in sums.values() for step in one.replaces]


def test_a_house_that_took_every_step_is_up_to_date(steps: list[tuple[str, str]]) -> None:
    assert len(steps) == 56
    assert {*steps} <= {*MigrationRecorder(connection).applied_migrations()}
    assert readiness.unapplied() == []


def test_one_that_stopped_midway_is_refused_and_told_what_it_lacks(steps: list[tuple[str, str]]) -> None:
    MigrationRecorder(connection).record_unapplied("desk", "0021_region")
    assert readiness.unapplied() == ["desk.0021_region"]
    with pytest.raises(ImproperlyConfigured, match=r"lacks desk\.0021_region: .*commit f8cb347"):
        preparation.prepare()
