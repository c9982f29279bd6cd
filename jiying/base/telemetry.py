"""What Prometheus reads: requests by view, streams, and (at the time of asking) queues and journal from the database.

Web processes share their figures through files (PROMETHEUS_MULTIPROC_DIR, set by the supervisor): whichever process
answers speaks for all. No label may hold personal data or a subject's number.
"""

import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import REGISTRY, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from jiying.base import due, heartbeat, journal, tails
from jiying.base.middleware import Handler
from jiying.base.models import JournalPending

REQUESTS = Counter("jiying_requests", "Answered requests", ["view", "method", "status"])
LATENCY = Histogram(
    "jiying_request_seconds",
    "Time from request to answer",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
STREAMS = Gauge("jiying_streams", "Open event streams", multiprocess_mode="livesum")


def measure(get_response: Handler) -> Handler:
    """Middleware: counts and times every request that reaches Django."""

    def handle(request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        view = (match.view_name if match else "") or "unknown"
        method = request.method if request.method in _METHODS else "other"
        REQUESTS.labels(view, method, response.status_code).inc()
        LATENCY.labels(view).observe(time.perf_counter() - begun)
        return response

    return handle


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


MORE: list[Callable[[], Iterable[GaugeMetricFamily]]] = []  # gauges of upper floors, read at the time of asking


class Stored(Collector):
    """Gauges read from the database at the time of asking."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        now = timezone.now()
        yield from self._sweeps(now)
        lag = GaugeMetricFamily("jiying_journal_pending", "Journal entries that wait for their position")
        lag.add_metric([], JournalPending.objects.count())
        yield lag
        last = GaugeMetricFamily("jiying_journal_position", "Last position of the journal")
        position = journal.last_position()
        last.add_metric([], position)
        yield last
        behind = GaugeMetricFamily("jiying_tail_behind", "Facts that a reader has yet to read", labels=["reader"])
        for reader in tails.READERS.values():
            behind.add_metric([reader.name], position - tails.place(reader))
        yield behind
        workers = GaugeMetricFamily("jiying_workers", "Workers that were heard of in the last seconds")
        workers.add_metric([], len(heartbeat.living(now)))
        yield workers
        for gauges in MORE:
            yield from gauges()

    def _sweeps(self, now: datetime) -> Iterable[GaugeMetricFamily]:
        ready = GaugeMetricFamily("jiying_due_rows", "Rows that are due now", labels=["sweep"])
        late = GaugeMetricFamily("jiying_due_lateness_seconds", "Lateness of the oldest due row", labels=["sweep"])
        parked = GaugeMetricFamily("jiying_parked_rows", "Rows given up after the last try", labels=["sweep"])
        for sweep in due.SWEEPS.values():
            rows = sweep.model._default_manager.filter(wake_at__lte=now)
            oldest = rows.aggregate(at=Min("wake_at"))["at"]
            ready.add_metric([sweep.name], rows.count() if oldest else 0)
            late.add_metric([sweep.name], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
            parked.add_metric([sweep.name], sweep.model._default_manager.filter(parked_at__isnull=False).count())
        yield from (ready, late, parked)


def text() -> bytes:
    """All figures in Prometheus' text format."""
    stored = CollectorRegistry()
    stored.register(Stored())
    counted: CollectorRegistry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(stored)
