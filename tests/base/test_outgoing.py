"""Outgoing requests: what they refuse, and how they behave at servers that mean harm. Real sockets, a made-up DNS."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.base import outgoing
from tests.servers import certificate

PUBLIC = "93.184.216.34"
INSIDE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "0.0.0.0",  # noqa: S104
    "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1",
    "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1", "192.0.2.1", "2001:db8::1", "198.18.0.1",
    "fe80::1%eth0",
)  # fmt: skip


class Server(ThreadingHTTPServer):
    """Keeps what it was asked; answers by `play`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.play: Callable[[BaseHTTPRequestHandler], None] = answered(200)
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers.items()), body))
        self.server.play(self)

    do_POST = do_GET

    def log_message(self, *args: Any) -> None:
        """Quiet."""


def answered(
    status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return play


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    one = Server()
    yield one
    one.shutdown()
    one.server_close()


class Names:
    """A DNS of our own: each name has a list of answers, one for each time that it is asked; the last stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, host: str, port: int, *args: Any, **more: Any) -> Any:
        if host not in self.answers:
            return self._real(host, port, *args, **more)
        self.asked.append(host)
        left = self.answers[host]
        found = left.pop(0) if len(left) > 1 else left[0]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


class Dialled:
    """Notes where a connection would have gone, instead of making it."""

    places: ClassVar[list[Any]] = []

    def __init__(self, *_args: Any) -> None:
        """A socket that reaches nobody."""

    def settimeout(self, _seconds: float) -> None:
        """None is needed."""

    def connect(self, place: Any) -> None:
        self.places.append(place)
        raise ConnectionRefusedError("nobody")

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    Dialled.places = []
    monkeypatch.setattr(socket, "socket", Dialled)
    return Dialled.places


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", INSIDE)
def test_no_inside_address_is_reached_by_a_name(address: str, names: Names, dialled: list[Any]) -> None:
    names.answers["evil.example"] = [[address]]
    with pytest.raises(outgoing.Refused):
        outgoing.request("GET", "http://evil.example/")
    assert dialled == []


@pytest.mark.parametrize("address", [one for one in INSIDE if "%" not in one])
def test_no_inside_address_is_reached_by_itself(address: str, dialled: list[Any]) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(outgoing.Refused):
        outgoing.request("GET", f"http://{host}/")
    assert dialled == []


@pytest.mark.parametrize("others", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "::1"]])
def test_one_inside_address_among_public_ones_makes_the_name_suspect(
    others: list[str], names: Names, dialled: list[Any]
) -> None:
    names.answers["mixed.example"] = [others]
    with pytest.raises(outgoing.Refused):
        outgoing.request("GET", "https://mixed.example/")
    assert dialled == []


def test_a_name_that_is_bound_anew_after_the_check_changes_nothing(names: Names, dialled: list[Any]) -> None:
    names.answers["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    with pytest.raises(outgoing.Unreachable) as told:
        outgoing.request("GET", "http://rebind.example/")
    assert not told.value.maybe
    assert dialled == [(PUBLIC, 80)]
    assert names.asked == ["rebind.example"]


@pytest.mark.parametrize(
    "host", ["2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "017700000001", "127.0.0.1.0x1", "1.2.3"]
)
def test_numbers_in_odd_spellings_are_no_hosts(host: str, settings: Any, dialled: list[Any]) -> None:
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    with pytest.raises(outgoing.Refused):
        outgoing.request("GET", f"http://{host}/")
    assert dialled == []


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@example.com/", "http://example.com@127.0.0.1/", "http://127.0.0.1\\@example.com/",
        "file:///etc/passwd",
        "gopher://example.com/", "ftp://example.com/", "//example.com/", "example.com", "", "http://", "http:///x",
        "http://exa mple.com/",
        "http://example.com/\r\nX-Evil: 1", "http://example.com:99999/", "http://[::1/", "http://ex\u3002ample.com/", "http://１２７.0.0.1/",
        "http://[fe80::1%25eth0]/", "http://example.com/" + "a" * 3000, "javascript:alert(1)", "http://\u0000/",
    ],
)  # fmt: skip
def test_addresses_with_two_readings_or_other_schemes_are_refused(url: str, dialled: list[Any]) -> None:
    with pytest.raises(outgoing.Refused):
        outgoing.request("GET", url)
    assert dialled == []


@given(st.text(max_size=60))
def test_no_spelling_raises_anything_else(text: str) -> None:
    try:
        outgoing._target(f"http://{text}")
    except outgoing.Refused:
        return


@given(st.ip_addresses())
def test_what_is_let_through_is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if outgoing.is_allowed("host.example", str(address), inside=False):
        assert address.is_global
        assert not address.is_multicast


def test_a_private_address_passes_for_the_administrator_yet_the_machine_s_own_metadata_does_not() -> None:
    assert outgoing.is_allowed("crm", "10.0.0.5", inside=True)
    assert outgoing.is_allowed("crm", "::1", inside=True)
    assert not outgoing.is_allowed("crm", "169.254.169.254", inside=True)
    assert not outgoing.is_allowed("crm", "224.0.0.1", inside=True)


def test_exceptions_are_names_and_networks(settings: Any) -> None:
    settings.INSIDE_HOSTS = ["crm.example", "10.2.0.0/16", "::1"]
    assert outgoing.is_allowed("crm.example", "192.168.7.7", inside=False)
    assert outgoing.is_allowed("other.example", "10.2.9.9", inside=False)
    assert outgoing.is_allowed("other.example", "::1", inside=False)
    assert outgoing.is_allowed("other.example", "::ffff:10.2.0.1", inside=False)
    assert not outgoing.is_allowed("other.example", "10.3.0.1", inside=False)
    assert not outgoing.is_allowed("crm.example", "224.0.0.1", inside=False)


def test_a_check_tells_of_what_is_typed(names: Names, settings: Any) -> None:
    names.answers["inside.example"] = [["10.0.0.1"]]
    with pytest.raises(outgoing.Refused, match="inside"):
        outgoing.check("https://inside.example/hook")
    outgoing.check("https://not-there-yet.invalid/hook")


# --- there and back --------------------------------------------------------------------------------------------------


def test_a_request_arrives_and_its_answer_comes_back(server: Server) -> None:
    server.play = answered(201, b"made", {"X-Number": "7"})
    answer = outgoing.request("POST", f"{server.url}/hooks?a=1", body=b"hello", headers={"X-Key": "k"})
    assert (answer.status, answer.body, answer.headers["x-number"], answer.is_ok) == (201, b"made", "7", True)
    [(verb, path, headers, body)] = server.asked
    assert (verb, path, body) == ("POST", "/hooks?a=1", b"hello")
    assert headers["Host"] == server.url.removeprefix("http://")
    assert (headers["X-Key"], headers["Content-Length"], headers["Accept-Encoding"]) == ("k", "5", "identity")


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_refusal_is_an_answer(server: Server, status: int) -> None:
    server.play = answered(status, b"no", {"Retry-After": "7"})
    answer = outgoing.request("POST", server.url, body=b"x")
    assert (answer.status, answer.headers["retry-after"], answer.is_ok) == (status, "7", False)


def test_a_header_with_a_line_break_sends_nothing(server: Server) -> None:
    with pytest.raises(outgoing.Refused):
        outgoing.request("GET", server.url, headers={"X-Key": "a\r\nX-Evil: 1"})
    assert server.asked == []


def test_an_answer_over_the_limit_is_cut_and_the_rest_not_read(server: Server) -> None:
    server.play = answered(200, b"x" * 5_000_000)
    answer = outgoing.request("GET", server.url, limit=1000)
    assert (len(answer.body), answer.is_cut) == (1000, True)


def test_an_answer_without_end_is_cut(server: Server) -> None:
    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            return

    server.play = play
    assert outgoing.request("GET", server.url, limit=1000).is_cut


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_slow_drip_ends_with_the_time_limit(server: Server, part: str) -> None:
    stop = threading.Event()

    def play(handler: BaseHTTPRequestHandler) -> None:
        if part == "body":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Drip: ")
        try:
            while not stop.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            return

    server.play = play
    begun = time.monotonic()
    with pytest.raises(outgoing.Unreachable) as told:
        outgoing.request("GET", server.url, timeout_s=0.5)
    stop.set()
    assert told.value.maybe
    assert time.monotonic() - begun < 20  # without a limit of the whole it would be a thousand drips of 0.05 s


def test_nobody_there_means_that_nothing_has_arrived(settings: Any) -> None:
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(outgoing.Unreachable) as told:
        outgoing.request("POST", f"http://127.0.0.1:{port}/", body=b"x")
    assert not told.value.maybe


def test_a_line_cut_after_the_request_leaves_it_open_whether_it_arrived(server: Server) -> None:
    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)

    server.play = play
    with pytest.raises(outgoing.Unreachable) as told:
        outgoing.request("POST", server.url, body=b"x")
    assert told.value.maybe


def test_what_is_no_http_is_no_answer(server: Server) -> None:
    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"SSH-2.0-Open\r\n" + b"\x00" * 100)

    server.play = play
    with pytest.raises(outgoing.Unreachable):
        outgoing.request("GET", server.url, timeout_s=2)


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[::1]/", "file:///etc/passwd",
     "http://2130706433/", "//192.168.0.1/x", "http://inside.example/"],
)  # fmt: skip
def test_a_redirect_to_the_inside_is_refused(server: Server, names: Names, place: str) -> None:
    names.answers["inside.example"] = [["10.9.9.9"]]
    server.play = answered(302, headers={"Location": place})
    with pytest.raises(outgoing.Refused):
        outgoing.request("GET", server.url)


def test_a_redirect_is_followed_and_a_ring_of_them_ends(server: Server) -> None:
    def play(handler: BaseHTTPRequestHandler) -> None:
        answered(302, headers={"Location": "/there"})(handler) if handler.path == "/" else answered(200, b"ok")(handler)

    server.play = play
    assert outgoing.request("GET", f"{server.url}/").body == b"ok"
    server.play = answered(302, headers={"Location": "/"})
    server.asked.clear()
    with pytest.raises(outgoing.Refused):
        outgoing.request("GET", f"{server.url}/")
    assert len(server.asked) == outgoing.MAX_REDIRECTS + 1


def test_another_host_learns_neither_secrets_nor_bodies(server: Server) -> None:
    other = Server()
    server.play = answered(307, headers={"Location": f"{other.url}/there"})
    outgoing.request("GET", server.url, headers={"Authorization": "Bearer s", "X-Sign": "s", "Accept": "text/plain"})
    [(_verb, _path, headers, _body)] = other.asked
    assert "Authorization" not in headers
    assert "X-Sign" not in headers
    assert headers["Accept"] == "text/plain"
    answer = outgoing.request("POST", server.url, body=b"secret")
    assert (answer.status, len(other.asked)) == (307, 1)
    other.shutdown()
    other.server_close()


def test_a_post_is_repeated_on_its_own_host_only_where_its_body_is_kept(server: Server) -> None:
    def play(handler: BaseHTTPRequestHandler) -> None:
        place = {"/a": (307, "/c"), "/b": (302, "/c")}.get(handler.path)
        answered(place[0], headers={"Location": place[1]})(handler) if place else answered(200)(handler)

    server.play = play
    assert outgoing.request("POST", f"{server.url}/a", body=b"x").status == 200
    assert server.asked[-1][3] == b"x"
    assert outgoing.request("POST", f"{server.url}/b", body=b"x").status == 302  # as a GET the message would be lost


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_https_names_the_host_and_refuses_the_certificate_of_another(
    server: Server, names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = certificate(tmp_path, "robot.example")
    asked_for: list[str] = []
    context = known.context()
    context.sni_callback = lambda _line, name, _context: asked_for.append(str(name))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    names.answers["robot.example"] = names.answers["other.example"] = [["127.0.0.1"]]
    monkeypatch.setenv("SSL_CERT_FILE", str(known.pem))
    outgoing._context.cache_clear()
    port = server.server_address[1]
    try:
        assert outgoing.request("GET", f"https://robot.example:{port}/x").status == 200
        assert asked_for == ["robot.example"]
        assert server.asked[0][2]["Host"] == f"robot.example:{port}"
        with pytest.raises(outgoing.Unreachable, match="certificate") as told:
            outgoing.request("GET", f"https://other.example:{port}/x")
        assert not told.value.maybe
        server.play = answered(302, headers={"Location": "http://robot.example/"})
        with pytest.raises(outgoing.Refused):
            outgoing.request("GET", f"https://robot.example:{port}/x")
    finally:
        outgoing._context.cache_clear()
