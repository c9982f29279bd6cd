"""Callers of a house that is being killed: clients of the API who do not give up, listeners who come back."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.house import House
from tests.servers import ServerError, wait_until

# What a client sees when the process that serves it is killed, or nobody listens for the moment.
CUT = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
PAUSE_S = 0.02  # between two tickets of one poster
GIVE_UP_S = 60.0
RESOLUTION = timedelta(hours=4)  # of the shipped standard for P1, round the clock, from the receipt


def due_in(at: datetime) -> str:
    """The receipt of a P1 ticket whose resolution is due at `at`."""
    return (at - RESOLUTION).isoformat()


def post(house: House, token: str, body: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """Opens one ticket; raises one of CUT, or Refusal."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{house.url}/api/v1/tickets", json.dumps(body).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise Refusal(error.code, error.read().decode()) from error


class Refusal(Exception):
    """The house answered, but with no ticket."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:500]}")
        self.status = status


class Poster(threading.Thread):
    """Opens tickets one after the other, each under its own key, until told to stop; asks again until answered.

    `outage` are the answers of a house without its database, after which it asks again too.
    """

    def __init__(
        self,
        house: House,
        token: str,
        bodies: Iterator[tuple[str, Mapping[str, Any]]],
        outage: Collection[int] = (),
    ) -> None:
        super().__init__(daemon=True)
        self.house, self.token, self.bodies, self.outage = house, token, bodies, outage
        self.acknowledged: dict[str, str] = {}  # {key: number}
        self.enough = threading.Event()
        self.n_cut, self.failure = 0, ""

    def run(self) -> None:
        try:
            while not self.enough.wait(PAUSE_S):
                key, body = next(self.bodies)
                self.acknowledged[key] = self._insist(key, body)
        except (Refusal, ServerError, StopIteration) as error:
            self.failure = str(error)

    def _insist(self, key: str, body: Mapping[str, Any]) -> str:
        end = time.monotonic() + GIVE_UP_S
        while time.monotonic() < end:
            try:
                return str(post(self.house, self.token, body, key)["number"])
            except CUT:
                self.n_cut += 1
            except Refusal as error:
                if error.status not in self.outage:
                    raise
            time.sleep(0.05)  # the pause of a polite client
        raise ServerError(f"{key}: no answer in {GIVE_UP_S:g} s")


@dataclass
class Intake:
    """Several posters at once."""

    posters: list[Poster]

    def begin(self) -> "Intake":
        for poster in self.posters:
            poster.start()
        return self

    def n_done(self) -> int:
        return sum(len(poster.acknowledged) for poster in self.posters)

    def wait_more(self, n: int, timeout_s: float = 120) -> None:
        """Waits until `n` more tickets were acknowledged than now."""
        wanted = self.n_done() + n

        def there() -> bool:
            assert [poster.failure for poster in self.posters if poster.failure] == []
            return self.n_done() >= wanted

        wait_until(there, timeout_s, f"{n} more tickets")

    def finish(self, timeout_s: float = 120) -> dict[str, str]:
        """Lets every poster end its present ticket; all acknowledged {key: number}."""
        for poster in self.posters:
            poster.enough.set()
        for poster in self.posters:
            poster.join(timeout_s)
            assert not poster.is_alive()
            assert poster.failure == ""
        return {key: number for poster in self.posters for key, number in poster.acknowledged.items()}


class Listener(threading.Thread):
    """A client of `/live` that comes back with its Last-Event-ID whenever it is cut off."""

    def __init__(self, house: House, token: str, topics: str) -> None:
        super().__init__(daemon=True)
        self.house, self.token, self.topics = house, token, topics
        self.bells: list[tuple[datetime, dict[str, Any]]] = []  # (when it came, what it said)
        self.hellos: list[int] = []
        self.resyncs, self.last, self.ended = 0, "", threading.Event()

    def begin(self) -> "Listener":
        """Listening when it returns."""
        self.start()
        wait_until(lambda: bool(self.hellos), 30, "the first hello")
        return self

    def run(self) -> None:
        while not self.ended.is_set():
            with suppress(*CUT):
                self._listen()
            time.sleep(0.05)

    def _listen(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.house.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.last:
            headers["Last-Event-ID"] = self.last
        connection.request("GET", f"/live?topics={self.topics}", headers=headers)
        answer = connection.getresponse()
        name = identity = ""
        for line in answer if answer.status == 200 else ():
            kind, _, text = line.decode().rstrip("\n").partition(": ")
            if kind == "event":
                name = text
            elif kind == "id":
                identity = text
            elif kind == "data":
                self._take(name, json.loads(text))
                # Like a browser: what was said with an id need not be said again.
                self.last = identity

    def _take(self, name: str, data: dict[str, Any]) -> None:
        if name == "doorbell":
            self.bells.append((datetime.now(UTC), data))
        elif name == "hello":
            self.hellos.append(data["position"])
        elif name == "resync":
            self.resyncs += 1

    def positions(self) -> list[int]:
        return [data["position"] for _at, data in self.bells]
