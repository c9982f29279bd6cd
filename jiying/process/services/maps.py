"""Maps of own tickets: small ones worked out when asked, big ones by the worker, and kept for a while.

A web process never loads the compiled form: up to `SMALL` events numpy answers within a few hundred milliseconds,
beyond that a job does, whose kept result is shown with the instant at which it was made.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from jiying.base import jobs
from jiying.base.models import Job
from jiying.core.processmap import ProcessMap, merge, summary
from jiying.core.processmap.cases import behind
from jiying.desk.policies import Scope
from jiying.process.queries import reading
from jiying.process.queries.asked import Wanted
from jiying.process.queries.data import as_data, from_data
from jiying.process.queries.portions import Piece, piece
from jiying.process.queries.reading import Question
from jiying.warehouse import reader, spreading
from jiying.warehouse.asking import Source

KIND = "process.map"
SMALL = 150_000
PORTION = 250_000  # events that are folded together: bigger portions take more memory, smaller ones little more time
KEEP_S = 30.0
KEPT = 16
FRESH = timedelta(minutes=15)
FAILED_FOR = timedelta(minutes=1)  # so long a page says why there is no map, then the next one asks for it anew
LOOKED_AT = 50  # jobs of this kind among which a finished one is sought


@dataclass(frozen=True)
class Found:
    """A map and the tickets behind its figures (by the keys of `cases.behind`); `at` when it was worked out."""

    map: ProcessMap
    behind: dict[str, list[int]]
    at: datetime


_lock = threading.Lock()
_kept: OrderedDict[tuple[int | None, Wanted], tuple[float, Found]] = OrderedDict()


def find(scope: Scope, wanted: Wanted, now: datetime) -> Found | None:
    """The map; None while the worker is at it. Raises reader.Missing, also where the worker could not make it."""
    key = (scope.team_id, wanted)
    made_at, known = _kept.get(key, (0.0, None))
    if known is None or time.monotonic() - made_at > KEEP_S:
        question = Question(scope, wanted, now)
        known = reader.steady(lambda copy: _if_small(copy, question), question.first_month) or _of_job(question)
        if known is not None:
            _keep(key, known)
    return known


def _keep(key: tuple[int | None, Wanted], found: Found) -> None:
    with _lock:  # requests run side by side
        _kept[key] = (time.monotonic(), found)
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)


def forget() -> None:
    """Drop what is kept (between tests)."""
    _kept.clear()


def _if_small(copy: Source, question: Question) -> Found | None:
    if reading.n_events(copy, question) > SMALL:
        return None
    return _found([piece(one) for one in reading.portions(copy, question, 1, is_compiled=False)], question.now)


def _found(pieces: Sequence[Piece], now: datetime) -> Found:
    found = summary(merge([one.part for one in pieces]))
    paths = [variant.path for variant in found.variants]
    return Found(found, behind([one.slowest for one in pieces], paths, found.pairs), now)


def made(question: Question, portion: int = PORTION) -> Found:
    """The map, worked out now, portion by portion. Raises reader.Missing, spreading.Unusable."""

    def of(copy: Source) -> Found:
        n_blocks = max(1, -(-reading.n_events(copy, question) // portion))
        return _found(spreading.each(piece, reading.portions(copy, question, n_blocks, is_compiled=True)), question.now)

    return reader.steady(of, question.first_month)


def _of_job(question: Question) -> Found | None:
    """What the worker has made, and why it could not as reader.Missing; None while it is at it."""
    params = {**question.wanted.as_params(), "scope": question.scope.team_id}
    now = question.now
    latest = Job.objects.filter(kind=KIND, created_at__gt=now - FRESH, cancelled_at=None).order_by("-pk")[:LOOKED_AT]
    job = next((job for job in latest if job.params == params), None)
    failed_at = None if job is None else job.parked_at or (job.finished_at if "missing" in job.result else None)
    if job is None or (failed_at is not None and failed_at < now - FAILED_FOR):
        jobs.start(kind=KIND, params=params, by=None, now=now)
        return None
    if failed_at is not None:
        error = {"error": job.last_error[:200]}
        raise reader.Missing(job.result.get("missing") or _("The worker could not draw this map: %(error)s") % error)
    if job.finished_at is None:
        return None
    return Found(from_data(job.result["map"]), job.result["behind"], job.finished_at)


def work(job: Job) -> Mapping[str, Any]:
    """The worker's part, in one go and outside any transaction: millions of events take seconds."""
    params = dict(job.params)
    scope = Scope(params.pop("scope"))
    try:
        found = made(Question(scope, Wanted(**params), job.created_at))
    except (reader.Missing, spreading.Unusable) as error:
        return {"missing": str(error)}
    return {"map": as_data(found.map), "behind": found.behind}
