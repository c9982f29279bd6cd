"""The executor's choice: in this process, or on the cluster that is named and nowhere else."""

import socketserver
import threading
import time
from typing import Any

import pytest

from jiying.base import checks
from jiying.warehouse import spreading

pytestmark = pytest.mark.django_db


def doubled(n: int) -> int:
    return 2 * n


def test_without_a_cluster_it_works_here_in_order(settings: Any) -> None:
    assert settings.DASK_SCHEDULER == ""
    assert spreading.each(doubled, [3, 1, 2]) == [6, 2, 4]
    assert spreading.each(doubled, []) == []
    assert list(spreading.faults()) == []


@pytest.fixture
def no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making a client of Dask's fails: one that finds no scheduler may hold up the process for ever."""
    monkeypatch.setattr(spreading, "ANSWER_S", 1)
    monkeypatch.setattr("distributed.Client", lambda *_args, **_more: pytest.fail("a client was made"))


def _is_named(settings: Any, address: str) -> None:
    settings.DASK_SCHEDULER = address
    with pytest.raises(spreading.Unusable, match=f"{address}.*DASK_SCHEDULER"):
        spreading.each(doubled, [1])
    (line,) = spreading.faults()
    assert address in line and line in list(checks.faults())


@pytest.mark.parametrize("address", ["scheduler", "tls://127.0.0.1:1", "127.0.0.1:1"])
def test_a_scheduler_that_is_not_there_is_named(settings: Any, no_client: None, address: str) -> None:
    _is_named(settings, address)


@pytest.mark.parametrize("word", [b"", b"220 mail.example.com ESMTP\r\n", bytes(64)], ids=["silent", "mail", "zeros"])
def test_who_listens_there_and_is_no_scheduler_is_found_out(settings: Any, no_client: None, word: bytes) -> None:
    """Somebody who says nothing, a mail server, zeros."""

    class Says(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(word)
            self.request.recv(1 << 16)
            time.sleep(2)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Says) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _is_named(settings, f"127.0.0.1:{server.server_address[1]}")
        server.shutdown()


def test_without_dask_it_says_how_to_install_it(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DASK_SCHEDULER = "127.0.0.1:1"
    monkeypatch.setattr(spreading, "find_spec", lambda name: None)
    with pytest.raises(spreading.Unusable, match=r"requirements/scale\.txt"):
        spreading.each(doubled, [1])
