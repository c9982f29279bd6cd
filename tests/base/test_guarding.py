"""Libraries that make connections themselves: none leads inside, whatever a name says the second time it is asked."""

import smtplib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from jiying.base import outgoing
from jiying.base.guarding import guarded
from tests.robots import Answer, Robot

PUBLIC = "93.184.216.34"


@pytest.fixture
def inside() -> Iterator[Robot]:
    one = Robot()
    yield one
    one.close()


def names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Every name has these addresses, one for each time that it is asked; the last stays."""
    left = list(answers)

    def look_up(_host: str, port: int, *_args: Any, **_more: Any) -> Any:
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def ask(inside: Robot, host: str = "rebind.example") -> None:
    url = f"http://{host}:{inside.server_address[1]}/"
    requests.post(url, data=b"x", timeout=3, proxies={"http": ""})


def test_a_name_that_turns_inside_after_it_was_checked_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, inside: Robot
) -> None:
    names(monkeypatch, PUBLIC, "127.0.0.1")
    outgoing.check("http://rebind.example/")
    with pytest.raises(outgoing.Refused, match="rebind.example"), guarded("rebind.example"):
        ask(inside)
    assert inside.got == []
    ask(inside)  # without the guard it does: the test can fail
    assert len(inside.got) == 1


def test_a_redirect_leads_nowhere_inside_either(inside: Robot, settings: Any) -> None:
    other = Robot()
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    port = other.server_address[1]
    inside.answers = [Answer(302, "", {"Location": f"http://127.0.0.2:{port}/"})]
    with pytest.raises(outgoing.Refused, match=r"127\.0\.0\.2"), guarded("127.0.0.1"):
        ask(inside, "127.0.0.1")
    other.close()
    assert (len(inside.got), other.got) == (1, [])


def test_what_a_library_swallows_is_told_all_the_same(inside: Robot) -> None:
    with pytest.raises(outgoing.Refused), guarded():
        try:
            ask(inside, "127.0.0.1")
        except outgoing.Refused:
            pass
    assert inside.got == []


def test_mail_datagrams_programs_and_local_sockets_are_guarded_too(inside: Robot) -> None:
    port = inside.server_address[1]
    ways: list[Callable[[], object]] = [
        lambda: smtplib.SMTP("127.0.0.1", port, timeout=2),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 514)),
        lambda: socket.socket(socket.AF_UNIX).connect("/run/some.sock"),
        lambda: socket.socket().connect(("localhost", port)),
        lambda: subprocess.run(["/bin/true"], check=False),
    ]
    for way in ways:
        with pytest.raises(outgoing.Refused), guarded():
            way()


def test_other_threads_and_what_is_allowed_are_not_held(inside: Robot, settings: Any) -> None:
    settings.INSIDE_HOSTS = ["crm.example"]
    with pytest.raises(outgoing.Refused), guarded("127.0.0.1"):
        other = threading.Thread(target=ask, args=(inside, "127.0.0.1"))
        other.start()
        other.join()
        assert len(inside.got) == 1
        ask(inside, "127.0.0.1")
    with guarded("crm.example"):
        ask(inside, "127.0.0.1")
    assert len(inside.got) == 2
