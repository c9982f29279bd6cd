"""Load from processes of their own, on loopback only, bounded in count: requests on kept-alive connections."""

import http.client
import json
import multiprocessing
import time
from dataclasses import dataclass
from typing import Any


@dataclass
class Measured:
    """What clients saw: seconds of each request, and of the whole."""

    each_s: list[float]
    wall_s: float
    n_failed: int

    @property
    def per_second(self) -> float:
        return len(self.each_s) / self.wall_s

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.each_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def _client(port: int, requests: list[tuple[str, str, Any]], headers: dict[str, str], out: Any, gate: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken, failed = [], 0
    gate.wait()
    for method, path, body in requests:
        text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        begun = time.perf_counter()
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - begun)
        failed += answer.status >= 400
    out.put((taken, failed))


def drive(port: int, plans: list[list[tuple[str, str, Any]]], headers: dict[str, str]) -> Measured:
    """Each plan (method, path, JSON body or bytes) by a client process; all start together."""
    context = multiprocessing.get_context("fork")
    out, gate = context.Queue(), context.Barrier(len(plans) + 1)
    clients = [context.Process(target=_client, args=(port, plan, headers, out, gate)) for plan in plans]
    for client in clients:
        client.start()
    gate.wait()
    begun = time.perf_counter()
    results = [out.get(timeout=300) for _ in clients]
    wall = time.perf_counter() - begun
    for client in clients:
        client.join()
    return Measured([t for taken, _ in results for t in taken], wall, sum(failed for _, failed in results))
