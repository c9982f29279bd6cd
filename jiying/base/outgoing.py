"""All outgoing HTTP of the product. Resolves once, checks each address, connects to the address that it checked (Z4).

An inside address is refused however it is spelled or reached (DNS, redirects), except what JIYING_INSIDE_HOSTS names.
One time limit holds for all of it, so that a slow drip cannot hold a worker. Reads no setting of a feature, keeps
nothing, retries nothing.
"""

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

MAX_REDIRECTS = 3
MAX_URL = 2000
MAX_ADDRESSES = 4  # of a name: more are not tried
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEP_BODY = frozenset({307, 308})
PORTS = {"http": 80, "https": 443}
PLAIN = frozenset({"accept", "accept-language", "user-agent"})  # what another host may see of the caller's headers
NAT64 = ipaddress.ip_network("64:ff9b::/96")
COMPATIBLE = ipaddress.ip_network("::/96")  # IPv4 addresses in an obsolete spelling
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. `is_cut`: the body was longer than the limit, this is its beginning."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    is_cut: bool = False

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Refused(Exception):
    """We do not make this request: an inside address, a scheme or spelling that we do not speak."""


class Unreachable(Exception):
    """No answer came. `maybe`: the request may have arrived all the same."""

    def __init__(self, why: str, *, maybe: bool) -> None:
        super().__init__(why)
        self.maybe = maybe


@dataclass(frozen=True, slots=True)
class _Target:
    """A checked URL: where to connect, and what to ask for there."""

    scheme: str
    host: str  # as it stands in Host and SNI
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


@dataclass(frozen=True, slots=True)
class _Message:
    """A request without its address."""

    method: str
    body: bytes
    headers: Mapping[str, str] = field(repr=False)


def request(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10,
    limit: int = 1_000_000,
    inside: bool = False,
) -> Answer:
    """Ask once and answer with what came, errors of the other side included. Raises Refused and Unreachable.

    `inside` lets private and loopback addresses pass: for what an administrator of the machine has set, never for
    what a user typed. Requests with a body follow a redirect to their own host only, and only where it keeps the body.
    """
    until = time.monotonic() + timeout_s
    message = _Message(method.upper(), body, {"User-Agent": "Jiying", **(headers or {}), "Accept-Encoding": "identity"})
    for _turn in range(MAX_REDIRECTS + 1):
        target = _target(url)
        answer = _ask(target, message, _addresses(target, inside), until, limit)
        place = answer.headers.get("location", "")
        if answer.status not in REDIRECTS or not place:
            return answer
        url = urljoin(url, place)
        followed = _follow(message, answer.status, target, _target(url))
        if followed is None:
            return answer
        message = followed
    raise Refused(_("The address leads on too often (more than %(n)s times).") % {"n": MAX_REDIRECTS})


def check(url: str, *, inside: bool = False) -> None:
    """Refuse an address at once where it is typed. The request checks again: names may point elsewhere by then."""
    target = _target(url)
    try:
        _addresses(target, inside)
    except Unreachable:  # it need not be there yet
        return


def _follow(message: _Message, status: int, old: _Target, new: _Target) -> _Message | None:
    """The message for the next place; None where it may not go there, and the redirect itself is the answer."""
    if old.scheme == "https" and new.scheme == "http":
        raise Refused(_("The address leads from https to http."))
    elsewhere = old.origin != new.origin
    if message.method not in ("GET", "HEAD") and (elsewhere or status not in KEEP_BODY):
        return None
    if not elsewhere:
        return message
    return _Message(message.method, b"", {k: v for k, v in message.headers.items() if k.lower() in PLAIN})


# --- where to --------------------------------------------------------------------------------------------------------


def _target(url: str) -> _Target:
    """The parts of a URL that has one reading only; Refused for any other."""
    if len(url) > MAX_URL or not url.isascii() or any(c <= " " or c in '\\"<>^`{|}\x7f' for c in url):
        raise Refused(_("This is not an address that we can open. Write it as https://host/path."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(_("This is not an address that we can open. Write it as https://host/path.")) from error
    if parts.scheme not in PORTS:
        raise Refused(_("Only addresses that begin with https:// or http:// can be opened."))
    if "@" in parts.netloc:
        raise Refused(_("An address must not hold a user name or a password."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(parts.scheme, _host(parts), port or PORTS[parts.scheme], path)


def _host(parts: SplitResult) -> str:
    """The name or the address in its own spelling: `0x7f.1`, `017700000001` and the like are refused, not guessed."""
    host = (parts.hostname or "").rstrip(".")
    last = host.rpartition(".")[2]
    if not host or "%" in host or len(host) > 253:
        raise Refused(_("The address names no host."))
    if ":" in host or last.isdigit() or last.startswith("0x"):
        try:
            ipaddress.ip_address(host)
        except ValueError as error:
            raise Refused(_("The host is a number in a spelling that we do not take.")) from error
    return host


def _addresses(target: _Target, inside: bool) -> Sequence[str]:
    """The addresses of a host, all of them allowed. One that is not makes all of them suspect: the name is refused."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(_("The host %(host)s is not known.") % {"host": target.host}, maybe=False) from error
    texts = list(dict.fromkeys(str(one[4][0]) for one in found))
    for text in texts:
        if not is_allowed(target.host, text, inside=inside):
            raise Refused(
                _("%(host)s is an inside address (%(address)s). Allow it by JIYING_INSIDE_HOSTS where that is meant.")
                % {"host": target.host, "address": text}
            )
    if not texts:
        raise Unreachable(_("The host %(host)s is not known.") % {"host": target.host}, maybe=False)
    return texts[:MAX_ADDRESSES]


def is_allowed(host: str, text: str, *, inside: bool = False) -> bool:
    """Whether this name may lead to this address."""
    if "%" in text:  # an address of one network card
        return False
    names, networks = exceptions(tuple(settings.INSIDE_HOSTS))
    address = _unwrapped(ipaddress.ip_address(text))
    if address.is_multicast or address.is_unspecified:
        return False
    if host in names or any(address in network for network in networks):
        return True
    if inside and (address.is_private or address.is_loopback) and not address.is_link_local:
        return True
    return address.is_global and not address.is_reserved and not getattr(address, "is_site_local", False)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    carried = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if carried is None and (address in NAT64 or (address in COMPATIBLE and int(address) > 1)):
        carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return carried or address


@lru_cache(maxsize=8)
def exceptions(hosts: Sequence[str]) -> tuple[frozenset[str], tuple[Network, ...]]:
    """(names, networks) of JIYING_INSIDE_HOSTS."""
    names, networks = set(), []
    for host in hosts:
        try:
            networks.append(ipaddress.ip_network(host, strict=False))
        except ValueError:
            names.add(host.lower().rstrip("."))
    return frozenset(names), tuple(networks)


# --- there and back --------------------------------------------------------------------------------------------------


def _ask(target: _Target, message: _Message, addresses: Sequence[str], until: float, limit: int) -> Answer:
    """One request on a connection of its own."""
    with _dial(target, addresses, until) as line:
        speech = http.client.HTTPConnection(target.host, target.port)
        speech.default_port = PORTS[target.scheme]  # the scheme's own port does not belong into Host
        speech.sock = _Timed(line, until)
        _write_head(speech, target, message)
        try:
            speech.endheaders(message.body or None)
            return _read(speech.getresponse(), limit)
        except (OSError, ValueError, http.client.HTTPException) as error:
            words = {"host": target.host, "why": f"{type(error).__name__}: {error}"}
            raise Unreachable(_("No full answer from %(host)s (%(why)s).") % words, maybe=True) from error


def _write_head(speech: http.client.HTTPConnection, target: _Target, message: _Message) -> None:
    """Into the buffer only; nothing leaves before `endheaders`."""
    try:
        speech.putrequest(message.method, target.path, skip_accept_encoding=True)
        for name, value in message.headers.items():
            speech.putheader(name, value)
        if message.body or message.method in ("POST", "PUT", "PATCH"):
            speech.putheader("Content-Length", str(len(message.body)))
        speech.putheader("Connection", "close")
    except (ValueError, http.client.HTTPException) as error:  # a line break in a header, an odd method
        raise Refused(_("The request holds characters that cannot be sent.")) from error


def _read(response: http.client.HTTPResponse, limit: int) -> Answer:
    body = response.read(limit + 1)
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, body[:limit], is_cut=len(body) > limit)


def _dial(target: _Target, addresses: Sequence[str], until: float) -> socket.socket:
    """A connection to the first of the checked addresses that takes it; the name is not asked for again."""
    why: Exception = OSError("no address")
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(_left_s(until))
            line.connect((address, target.port))
            line.settimeout(_left_s(until))
            return _context().wrap_socket(line, server_hostname=target.host) if target.scheme == "https" else line
        except (OSError, ValueError) as error:
            line.close()
            why = error
    words = {"host": target.host, "why": f"{type(why).__name__}: {why}"}
    raise Unreachable(_("%(host)s cannot be reached (%(why)s).") % words, maybe=False) from why


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    """Certificates are checked against those that the machine trusts (SSL_CERT_FILE for a house's own)."""
    return ssl.create_default_context()


def _left_s(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


class _Timed:
    """A socket, as far as `http.client` uses one, whose reads and writes all end at one instant."""

    def __init__(self, line: socket.socket, until: float) -> None:
        self._line, self._until = line, until

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._line.settimeout(_left_s(self._until))
            rest = rest[self._line.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._line, self._until))

    def close(self) -> None:
        """The socket's owner closes it; `http.client` lets go of it before the body is read."""


class _Reader(io.RawIOBase):
    def __init__(self, line: socket.socket, until: float) -> None:
        self._line, self._until = line, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._line.settimeout(_left_s(self._until))
        return self._line.recv_into(buffer)
