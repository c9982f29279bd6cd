"""`jiying up` as its users meet it: killed processes come back, doorbells ring, the end is clean, oversize bounces."""

import http.client
import json
import os
import signal
import socket
import threading
import time
import urllib.request
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from tests.house import House, Running
from tests.servers import ServerError, wait_until


class Stream:
    """A client of `/live` in a thread of its own; `events` are (name, data) in the order in which they came."""

    def __init__(self, house: House, token: str, query: str = "topics=me") -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.over = threading.Event()
        connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
        connection.request("GET", f"/live?{query}", headers={"Authorization": f"Bearer {token}"})
        self._answer = connection.getresponse()
        assert self._answer.status == 200, self._answer.read()
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: bool(self.names("hello")), 60, "hello")

    def _read(self) -> None:
        name = ""
        with suppress(OSError, http.client.HTTPException):  # a killed server ends it so
            for line in self._answer:
                text = line.decode().strip()
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    self.events.append((name, json.loads(text.removeprefix("data: "))))
        self.over.set()

    def names(self, name: str) -> list[dict[str, Any]]:
        return [data for event, data in self.events if event == name]

    def kinds(self) -> list[str]:
        return [data["kind"] for data in self.names("doorbell")]


def admin_token(house: House) -> str:
    house.run("prepare")
    house.run("admin")
    return house.run("token", "--user", "admin").strip()


def pids(running: Running, name: str) -> set[int]:
    return {child.pid for child in running.children() if child.cmdline()[-1] == name}


def read_worker_pid(running: Running) -> int:
    (pid,) = pids(running, "worker")
    return pid


def test_killed_processes_come_back_and_doorbells_ring(house: House):
    token = admin_token(house)
    running = house.up()
    wait_until(lambda: f"Jiying is ready: {house.url}\n" in running.said(), 60, "the address")
    webs, worker = pids(running, "web"), read_worker_pid(running)
    assert len(webs) == 2

    stream = Stream(house, token)
    house.run("token", "--user", "admin", "--name", "first")
    wait_until(lambda: stream.kinds() == ["token.issued"], 60, "the doorbell")

    os.kill(worker, signal.SIGKILL)
    house.run("token", "--user", "admin", "--name", "while the worker is dead")
    wait_until(lambda: len(stream.kinds()) == 2, 40, "the doorbell after the worker's death")
    assert read_worker_pid(running) != worker
    last = stream.names("doorbell")[-1]["position"]

    for pid in webs:
        os.kill(pid, signal.SIGKILL)
    assert stream.over.wait(20)
    # No caller is refused meanwhile: the socket is the supervisor's.
    with urllib.request.urlopen(f"{house.url}/health/live", timeout=15) as answer:  # noqa: S310 - our own address
        assert answer.read() == b"alive\n"
    wait_until(lambda: len(pids(running, "web") - webs) == 2, 40, "two new web processes")
    house.wait_ready(running)

    house.run("token", "--user", "admin", "--name", "while nobody listened")
    again = Stream(house, token, f"topics=me&last={last}")
    wait_until(lambda: again.kinds() == ["token.issued"], 15, "what was missed")
    assert house.run("check").startswith("0 faults")


def test_the_end_is_clean_with_streams_open(house: House):
    token = admin_token(house)
    running = house.up()
    streams = [Stream(house, token) for _ in range(3)]
    children = running.children()
    begun = time.monotonic()
    assert running.stop(timeout_s=15) == 0
    assert time.monotonic() - begun < 10
    assert not any(child.is_running() for child in children)
    assert house.port_is_free()
    assert [stream.names("bye")[0]["reason"] for stream in streams] == ["restart"] * 3
    assert "is killed" not in running.said()


def test_nobody_is_left_when_the_supervisor_is_killed(house: House):
    running = house.up()
    children = running.children()
    assert len(children) == 3
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: not any(child.is_running() for child in children), 60, "the end of its processes")
    assert house.port_is_free()


def test_a_port_in_use_is_named(house: House):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", house.port))
        taken.listen()
        with pytest.raises(ServerError, match=f"exit 1\n\njiying: port {house.port} .* in use; .*PORT="):
            house.run("up")


def test_several_prepare_at_once(house: House):
    started = [house.start("prepare") for _ in range(3)]
    for one in started:
        one.process.wait(60)
    assert [(one.process.returncode, one.said()) for one in started] == [(0, "")] * 3


def test_a_second_worker_takes_over(house: House, database_kind: str):
    house.run("prepare")
    first, second = house.start("worker"), house.start("worker")
    if database_kind == "postgres":
        wait_until(lambda: all("worker_started" in w.said() for w in (first, second)), 60, "two workers at once")
        return
    wait_until(lambda: any("worker_standby" in w.said() for w in (first, second)), 60, "a standby")
    active, standby = (first, second) if "worker_standby" in second.said() else (second, first)
    wait_until(lambda: "worker_started" in active.said(), 60, "a worker")
    assert "worker_started" not in standby.said()
    active.kill()
    wait_until(lambda: "worker_started" in standby.said(), 40, "the standby's turn")
    assert standby.stop(10) == 0


@pytest.mark.postgres_only
def test_lost_database_connections_are_made_again(house: House):
    token = admin_token(house)
    running = house.up()
    before = {child.pid for child in running.children()}
    stream = Stream(house, token)
    with psycopg.connect(house.database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    house.run("token", "--user", "admin", "--name", "after the restart")
    wait_until(lambda: stream.kinds() == ["token.issued"], 60, "the doorbell")
    house.wait_ready(running)
    assert {child.pid for child in running.children()} == before


# --- the edge --------------------------------------------------------------------------------------------------------


def ask(house: House, raw: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to these bytes, sent as they are."""
    with socket.create_connection(("127.0.0.1", house.port), timeout=20) as peer:
        peer.sendall(raw)
        answer = http.client.HTTPResponse(peer)
        answer.begin()
        return answer.status, answer.read()


def test_what_is_wrong_with_a_request_is_said_before_django_is_asked(house: House):
    house.run("prepare")
    house.up()
    head = b"Host: x\r\nConnection: close\r\n"

    status, body = ask(house, b"GET /health/ready?q=\xe4\xb8\xad HTTP/1.1\r\n" + head + b"\r\n")
    answer = json.loads(body)  # warnings, such as a year without statutory days, come and go with the date
    assert (status, answer["ready"], answer["reasons"]) == (200, True, {})
    assert ask(house, b"GET /nothing/%ff%00 HTTP/1.1\r\n" + head + b"\r\n")[0] == 404

    size = 3 * 1024 * 1024
    post = b"POST /api/v1/tickets HTTP/1.1\r\nAccept-Language: en\r\nContent-Type: application/json\r\n" + head
    status, body = ask(house, post + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
    problem = json.loads(body)
    assert (status, problem["status"], problem["errors"][0]["code"]) == (413, 413, "too_large")
    assert "2097152" in problem["detail"]

    chunked = b"Transfer-Encoding: chunked\r\n\r\n" + (b"%x\r\n%s\r\n" % (size, b"x" * size)) + b"0\r\n\r\n"
    assert ask(house, post + chunked)[0] == 413
    assert ask(house, post + b"Content-Length: 1000000000\r\n\r\n")[0] == 413


def test_metrics_are_for_this_machine_or_who_may_see_them(house: House):
    token = admin_token(house)
    house.up()
    head = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    status, body = ask(house, head + b"\r\n")
    assert status == 200
    lines = body.decode().splitlines()
    assert 'jiying_due_rows{sweep="jobs"} 0.0' in lines
    assert "jiying_workers 1.0" in lines
    assert any(
        line.startswith('jiying_requests_total{method="GET",status="200",view="health_ready"}') for line in lines
    )
    forwarded = b"X-Forwarded-For: 192.0.2.1\r\n"
    assert ask(house, head + forwarded + b"\r\n")[0] == 403
    assert ask(house, head + forwarded + b"Authorization: Bearer %s\r\n\r\n" % token.encode())[0] == 200
    weak = house.run("token", "--user", "admin", "--scopes", "desk.view_own").strip()
    assert ask(house, head + forwarded + b"Authorization: Bearer %s\r\n\r\n" % weak.encode())[0] == 403


def test_readiness_names_what_is_missing(house: House):
    house.run("prepare")
    started = house.start("web")
    wait_until(lambda: house.answers("/health/live"), 60, "the web process")
    status, body = ask(house, b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert status == 503
    assert list(json.loads(body)["reasons"]) == ["worker"]
    assert started.stop(10) == 0
