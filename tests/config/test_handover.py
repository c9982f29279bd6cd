"""Requests to Django's threads and answers back: what arrives, long answers, clients who leave, failures on the way."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from jiying.config import handover
from jiying.config.handover import WHOLE, Handover, environ_of

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": "/工单",
    "query_string": b"q=a b\xe5&x=%20",
    "http_version": "1.1",
    "server": ("127.0.0.1", 8000),
    "client": ("10.0.0.7", 1234),
    "headers": [(b"host", b"desk.example"), (b"content-type", b"application/json")],
}


class Answer:
    """A response made of parts, which knows whether and in which thread it was closed."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.parts, self.closed_in = parts, ""

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        self.closed_in = threading.current_thread().name


class Client:
    """The other end: notes what is sent; `leave_after` messages it goes; `stalls` never takes the second one."""

    def __init__(self, leave_after: int | None = None, stalls: bool = False) -> None:
        self.messages: list[Any] = []
        self._leave_after, self._stalls, self._left = leave_after, stalls, asyncio.Event()

    async def send(self, message: Any) -> None:
        self.messages.append(message)
        if len(self.messages) == self._leave_after:
            self._left.set()
        if self._stalls and len(self.messages) > 1:
            await asyncio.sleep(3600)
        await asyncio.sleep(0)

    async def receive(self) -> Any:
        await self._left.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


def serve(answer: Answer, client: Callable[[], Client] = Client) -> Client:
    def handler(environ: Any, start_response: Any) -> Answer:
        start_response("201 Created", [("X-Name", "é")])
        return answer

    async def once() -> Client:
        made = client()
        await Handover(handler, 2).answer(SCOPE, b"{}", made.receive, made.send)
        return made

    return asyncio.run(once())


# --- in --------------------------------------------------------------------------------------------------------------


def test_a_request_arrives_as_wsgi_wants_it():
    environ = environ_of(SCOPE, b'{"a": 1}')
    assert environ["PATH_INFO"].encode("latin1").decode() == "/工单"
    assert environ["QUERY_STRING"] == "q=a%20b%E5&x=%20"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("application/json", "8")
    assert (environ["REMOTE_ADDR"], environ["HTTP_HOST"]) == ("10.0.0.7", "desk.example")
    assert environ["wsgi.input"].read() == b'{"a": 1}'


def test_a_header_given_twice_is_joined_and_the_length_is_the_bodys():
    headers = [(b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-forwarded-for", b"1"), (b"x-forwarded-for", b"2")]
    environ = environ_of({**SCOPE, "headers": [*headers, (b"content-length", b"7")]}, b"four")
    assert (environ["HTTP_COOKIE"], environ["HTTP_X_FORWARDED_FOR"]) == ("a=1; b=2", "1,2")
    assert environ["CONTENT_LENGTH"] == "4"


def test_nobody_writes_a_proxys_header_with_an_underscore():
    environ = environ_of({**SCOPE, "headers": [(b"x_forwarded_proto", b"https")]}, b"")
    assert "HTTP_X_FORWARDED_PROTO" not in environ


# --- out -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [[], [b""], [b"one"], [b"one", b"", b"two"], [b"x" * (WHOLE - 1)], [b"x" * WHOLE]])
def test_a_short_answer_comes_whole(parts: list[bytes]):
    answer = Answer(parts)
    client = serve(answer)
    head, content = client.messages
    assert (head["status"], head["headers"]) == (201, [(b"x-name", "é".encode("latin1"))])
    assert (content["body"], content["more_body"]) == (b"".join(parts), False)
    assert answer.closed_in.startswith("django")


def test_a_long_answer_comes_in_order_and_in_few_pieces():
    parts = [bytes([n % 256]) * 4096 for n in range(1000)]
    answer = Answer(parts)
    client = serve(answer)
    assert client.body == b"".join(parts)
    assert [m["more_body"] for m in client.messages[1:]] == [True] * (len(client.messages) - 2) + [False]
    assert len(client.messages) <= len(parts) * 4096 // WHOLE + 3
    assert answer.closed_in.startswith("django")


def test_nobody_goes_on_for_a_client_who_left():
    made: list[int] = []

    def parts() -> Iterator[bytes]:
        for n in range(100_000):
            made.append(n)
            yield b"x" * WHOLE

    answer = Answer(parts())
    serve(answer, lambda: Client(leave_after=3))
    assert 2 <= len(made) < 50
    assert answer.closed_in


def test_a_client_who_takes_nothing_gives_the_thread_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(handover, "TAKE_WITHIN_S", 0.05)
    answer = Answer(b"x" * WHOLE for _ in range(100))
    client = serve(answer, lambda: Client(stalls=True))
    assert len(client.messages) == 2
    assert answer.closed_in


def test_an_answer_that_breaks_off_is_not_ended_as_if_it_were_whole():
    def parts() -> Iterator[bytes]:
        yield b"x" * WHOLE
        yield b"x" * WHOLE
        raise ValueError("no more")

    answer, client = Answer(parts()), Client()
    with pytest.raises(ValueError, match="no more"):
        serve(answer, lambda: client)
    assert client.messages[-1]["more_body"]
    assert answer.closed_in


# --- threads ---------------------------------------------------------------------------------------------------------


def test_a_thread_that_was_just_used_is_used_again_and_the_pool_has_its_bound():
    seen: list[str] = []
    gate = threading.Event()

    def note(wait: bool) -> str:
        seen.append(threading.current_thread().name + str(threading.get_ident()))
        if wait:
            assert gate.wait(5)
        return seen[-1]

    async def story() -> None:
        threads = handover._Threads(2)
        for _ in range(5):
            await threads.run(lambda: note(False))
        assert len(set(seen)) == 1
        busy = [threads.run(lambda: note(True)) for _ in range(4)]
        gone = busy.pop()
        gone.cancel()  # its place is given on all the same
        await asyncio.sleep(0.05)
        assert len(set(seen)) == 2
        assert len(seen) == 5 + 2
        gate.set()
        await asyncio.gather(*busy)
        assert len(set(seen)) == 2
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0)
        assert await threads.run(lambda: 7) == 7

    asyncio.run(story())
