"""Long work with progress (Z11): done in bounded batches, each in a transaction of its own with its progress.

So a job resumes after a restart where it stood, can be cancelled between two batches, and no batch counts twice.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import OperationalError, transaction
from django.utils import timezone

from jiying.base import due
from jiying.base.errors import NotFound
from jiying.base.models import Job, Person

log = structlog.get_logger()
LEASE_S = 300
# Does one batch in the caller's transaction, moves `cursor`, `n_done`, `n_total`, `result` on; True when all is done.
Step = Callable[[Job, datetime], bool]
STEPS: dict[str, Step] = {}


# Does all in one stroke outside any transaction, and returns the result: long sums that write nothing themselves.
Work = Callable[[Job], Mapping[str, Any]]
WORK: dict[str, Work] = {}


class LeaseLost(Exception):
    """Another worker has the job now; this batch is rolled back, this work dropped."""


def register(kind: str, step: Step) -> None:
    STEPS[kind] = step


def register_work(kind: str, work: Work) -> None:
    WORK[kind] = work


def start(*, kind: str, params: Mapping[str, Any], by: Person | None, now: datetime) -> Job:
    """Queue a job; KeyError for a kind that nobody has registered."""
    if kind not in WORK:
        STEPS[kind]
    return Job.objects.create(kind=kind, params=dict(params), created_by=by, created_at=now, wake_at=now)


def cancel(job_id: int, now: datetime) -> bool:
    """Ask a job to stop after its present batch; False if it has ended already. Raises NotFound."""
    changed = Job.objects.filter(pk=job_id, finished_at=None, cancelled_at=None).update(cancelled_at=now)
    if not changed and not Job.objects.filter(pk=job_id).exists():
        raise NotFound("job", job_id)
    return bool(changed)


def handle(ids: Sequence[int], now: datetime) -> int:
    """One batch of each of these jobs, so that a long one never keeps the others waiting."""
    return sum(_turn(pk, now) for pk in ids)


def _turn(pk: int, now: datetime) -> int:
    row = due.lease(Job, pk, now, LEASE_S)
    if row is None:
        return 0
    job = Job.objects.get(pk=pk)
    try:
        if job.kind in WORK:
            _work(job, row.fence)
        else:
            with transaction.atomic():
                _batch(job, row.fence, now)
        return 1
    except LeaseLost:
        log.warning("job_lease_lost", job=pk)
    except OperationalError as error:
        due.finish(row, wake_at=now + timedelta(seconds=1), last_error=str(error))
    except Exception as error:
        parked = due.fail(Job, pk, f"{type(error).__name__}: {error}", now)
        log.exception("job_failed", job=pk, kind=job.kind, parked=parked)
    return 0


def keep(job: Job) -> None:
    """For long work, between its parts: it goes on, nobody else takes it up. Raises LeaseLost."""
    if not due.renew(job, timezone.now(), LEASE_S):
        raise LeaseLost


def _work(job: Job, fence: int) -> None:
    result = {} if job.cancelled_at is not None else dict(WORK[job.kind](job))
    job.fence = fence
    if not due.finish(job, wake_at=None, finished_at=timezone.now(), attempts=0, result=result, n_done=1, n_total=1):
        raise LeaseLost


def _batch(job: Job, fence: int, now: datetime) -> None:
    done = job.cancelled_at is not None or STEPS[job.kind](job, now)
    ended = timezone.now()
    job.fence = fence
    kept = due.finish(
        job,
        wake_at=None if done else ended,
        finished_at=ended if done else None,
        attempts=0,
        cursor=job.cursor,
        n_done=job.n_done,
        n_total=job.n_total,
        result=job.result,
    )
    if not kept:
        raise LeaseLost


due.register(due.Sweep("jobs", Job, handle, networked=True))
