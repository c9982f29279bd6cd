"""The executor's choice: in this process, or on the cluster that is named and nowhere else."""

from typing import Any

import pytest

from jiying.base import checks
from jiying.warehouse import spreading
from tests.servers import free_port

pytestmark = pytest.mark.django_db


def doubled(n: int) -> int:
    return 2 * n


def test_without_a_cluster_it_works_here_in_order(settings: Any) -> None:
    assert settings.DASK_SCHEDULER == ""
    assert spreading.each(doubled, [3, 1, 2]) == [6, 2, 4]
    assert spreading.each(doubled, []) == []
    assert list(spreading.faults()) == []


@pytest.mark.parametrize("address", [f"127.0.0.1:{free_port()}", "scheduler", "tls://127.0.0.1:1"])
def test_a_scheduler_that_is_not_there_is_named(settings: Any, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    settings.DASK_SCHEDULER = address
    monkeypatch.setattr(spreading, "ANSWER_S", 1)
    with pytest.raises(spreading.Unusable, match=f"{address}.*DASK_SCHEDULER"):
        spreading.each(doubled, [1])
    (line,) = spreading.faults()
    assert address in line and line in list(checks.faults())


def test_without_dask_it_says_how_to_install_it(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DASK_SCHEDULER = "127.0.0.1:1"
    monkeypatch.setattr(spreading, "find_spec", lambda name: None)
    with pytest.raises(spreading.Unusable, match=r"requirements/scale\.txt"):
        spreading.each(doubled, [1])
