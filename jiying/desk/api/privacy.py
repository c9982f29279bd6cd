"""The API of a customer's rights: export, erase, merge. Thin: parse, call one service, answer."""

from dataclasses import dataclass
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import StringConstraints

from jiying.base.api.wire import Body, Id, actor_of, answer
from jiying.base.models import Job
from jiying.desk.services import handing_out, merging, privacy

router = Router(tags=["customers"])


class EraseIn(Body):
    """`number` is the customer's number once more, so that nobody is erased by mistake; texts and files by choice."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    with_texts: bool = True


class MergeCustomerIn(Body):
    """The customer who becomes a part of the one in the address."""

    other: Id


@dataclass(frozen=True, slots=True)
class JobRow:
    """Long work: it is done by the worker."""

    id: int
    kind: str
    done: int
    total: int
    is_finished: bool


@dataclass(frozen=True, slots=True)
class MergedRow:
    id: int


def _job(job: Job) -> JobRow:
    return JobRow(job.pk, job.kind, job.n_done, job.n_total, job.finished_at is not None)


@router.post("/customers/{customer_id}/export", response={202: JobRow})
def export_customer(request: HttpRequest, customer_id: Id) -> HttpResponse:
    """All that is kept of a customer, as a file that is fetched from their page."""
    return answer(_job(handing_out.order(actor=actor_of(request), customer_id=customer_id, now=timezone.now())), 202)


@router.post("/customers/{customer_id}/erase", response={202: JobRow})
def erase_customer(request: HttpRequest, customer_id: Id, payload: EraseIn) -> HttpResponse:
    """Erase a customer who has nothing open; it cannot be undone."""
    job = privacy.order_erasure(
        actor=actor_of(request),
        customer_id=customer_id,
        typed=payload.number,
        with_texts=payload.with_texts,
        now=timezone.now(),
    )
    return answer(_job(job), 202)


@router.post("/customers/{customer_id}/merge", response=MergedRow)
def merge_customers(request: HttpRequest, customer_id: Id, payload: MergeCustomerIn) -> HttpResponse:
    """Two records of one customer become one."""
    kept = merging.merge(actor=actor_of(request), keep_id=customer_id, drop_id=payload.other, now=timezone.now())
    return answer(MergedRow(kept.pk))
