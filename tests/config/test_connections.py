"""Connections of a web process on real sockets: shared fairly, limited in their heads, ended politely."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jiying.config import connections
from jiying.config.connections import MAX_HEAD, Connections

GET = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"


class App:
    """Answers with the request's body; `/slow` when it is told to; `/endless` streams until the client is gone."""

    def __init__(self) -> None:
        self.go, self.begun, self.gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.n_requests, self.asked = 0, ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.n_requests += 1
        self.asked = f"{scope['path']}?{scope['query_string'].decode()}"
        body = (await receive())["body"]
        if scope["path"] == "/slow":
            self.begun.set()
            await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/endless":
            assert (await receive())["type"] == "http.disconnect"
            self.gone.set()
        await send({"type": "http.response.body", "body": body or b"ok"})


@asynccontextmanager
async def house(n_processes: int = 1) -> AsyncIterator[tuple[int, list[App], list[Connections]]]:
    """Some servers on one socket, as processes share theirs."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    apps = [App() for _ in range(n_processes)]
    served = [Connections(app, listener.dup(), polite=n_processes > 1) for app in apps]
    for one in served:
        one.start()
    try:
        yield listener.getsockname()[1], apps, served
    finally:
        for one in served:
            await asyncio.wait_for(one.stop(), 5)
        listener.close()


async def ask(port: int, text: bytes) -> bytes:
    """All that comes after `text` was sent on a connection of its own, until the server closes it or is silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    try:
        return await asyncio.wait_for(reader.read(), 3)
    finally:
        writer.close()


def test_a_connection_serves_one_request_after_another_and_dates_them():
    async def story() -> None:
        async with house() as (port, _apps, _served):
            last = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"
            found = await ask(port, GET % b"" + GET % b"" + last)
            assert found.count(b"HTTP/1.1 200") == found.count(b"\r\ndate: ") == 3
            assert found.endswith(b"2\r\nhi\r\n0\r\n\r\n")

    asyncio.run(story())


def test_a_burst_is_shared_by_the_processes():
    async def story() -> None:
        async with house(n_processes=2) as (port, apps, _served):
            clients = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(8)))
            for reader, writer in clients:
                writer.write(GET % b"")
                await reader.readuntil(b"0\r\n\r\n")
            assert sum(app.n_requests for app in apps) == 8
            assert min(app.n_requests for app in apps) >= 2
            for _reader, writer in clients:
                writer.close()

    asyncio.run(story())


@pytest.mark.parametrize("padding", [b"x: " + b"y" * MAX_HEAD, b"x: y\r\n" * (MAX_HEAD // 6 + 1)])
def test_an_endless_head_is_refused(padding: bytes):
    async def story() -> None:
        async with house() as (port, apps, _served):
            found = await ask(port, b"GET / HTTP/1.1\r\nhost: x\r\n" + padding)
            assert found.startswith(b"HTTP/1.1 400")
            assert apps[0].n_requests == 0

    asyncio.run(story())


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost:"])
def test_who_never_ends_a_head_is_sent_away(sent: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.05)

    async def story() -> None:
        async with house() as (port, apps, _served):
            assert await ask(port, sent) == b""
            assert apps[0].n_requests == 0

    asyncio.run(story())


def test_chinese_in_an_address_is_understood_as_it_was_typed():
    async def story() -> None:
        async with house() as (port, (app,), _served):
            line = "POST /工单?q=查询 HTTP/1.1\r\n".encode()
            head = b"host: x\r\ncontent-length: 6\r\nconnection: close\r\n\r\n"
            assert (await ask(port, line + head + "中文".encode())).endswith("中文\r\n0\r\n\r\n".encode())
            assert app.asked == "/工单?q=%E6%9F%A5%E8%AF%A2"

    asyncio.run(story())


def test_what_is_no_http_is_refused():
    async def story() -> None:
        async with house() as (port, _apps, _served):
            assert (await ask(port, b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400")

    asyncio.run(story())


def test_the_end_waits_for_requests_at_work_and_takes_no_new_ones():
    async def story() -> None:
        async with house() as (port, (app,), (served,)):
            idle = await asyncio.open_connection("127.0.0.1", port)
            asked = asyncio.create_task(ask(port, GET % b"slow"))
            await app.begun.wait()
            end = asyncio.create_task(served.stop())
            assert await asyncio.wait_for(idle[0].read(), 3) == b""
            assert not end.done()
            app.go.set()
            assert (await asked).endswith(b"ok\r\n0\r\n\r\n")
            await end
            assert app.n_requests == 1
            idle[1].close()

    asyncio.run(story())


def test_the_application_hears_that_a_client_has_gone():
    async def story() -> None:
        async with house() as (port, (app,), _served):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET % b"endless")
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await asyncio.wait_for(app.gone.wait(), 3)

    asyncio.run(story())
