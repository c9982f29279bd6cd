"""What can be done with many tickets at once, which ones were meant, and how a run of it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid, NotFound
from jiying.base.models import Job
from jiying.desk.models import Ticket
from jiying.desk.policies import visible
from jiying.desk.queries import lists, ordered
from jiying.desk.queries.filters import Filters

KIND = "desk.bulk"
MAX = 1_000  # tickets of one run
UNDO_WITHIN = timedelta(minutes=1)
UNDOABLE = ("assign", "priority", "tag", "category")
# Of each action the rights of which one is needed; the service asks again for each ticket.
RIGHTS: dict[str, frozenset[str]] = {
    "assign": frozenset({"desk.assign", "desk.handle"}),
    "priority": frozenset({"desk.priority"}),
    "tag": frozenset({"desk.assign", "desk.handle"}),
    "category": frozenset({"desk.assign", "desk.handle"}),
    "reply": frozenset({"desk.assign", "desk.handle"}),
    "resolve": frozenset({"desk.assign", "desk.handle"}),
    "close": frozenset({"desk.assign", "desk.handle"}),
    "merge": frozenset({"desk.cancel", "desk.handle"}),
}


def offered(actor: Actor) -> list[str]:
    """The actions that an actor may ever do; empty: their lists need no boxes to tick."""
    return [action for action, rights in RIGHTS.items() if not actor.rights.isdisjoint(rights)]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The tickets that were meant, in order of their numbers; `is_capped`: more fitted than one run may hold."""

    numbers: list[str]
    is_capped: bool = False


def chosen(actor: Actor, numbers: Sequence[str], filters: Filters | None, now: datetime) -> Chosen:
    """Named tickets, or all that fit a list; those that the actor may not see are not there."""
    if filters is None:
        if len(set(numbers)) > MAX:
            raise Invalid.one("numbers", "too_many", limit=MAX, length=len(set(numbers)))
        found = Ticket.objects.filter(visible(actor), number__in=set(numbers))
    else:
        ids = every(actor, filters, now)
        found = Ticket.objects.filter(pk__in=ids[:MAX])
        return Chosen(sorted(found.values_list("number", flat=True)), len(ids) > MAX)
    return Chosen(sorted(found.values_list("number", flat=True)))


def every(actor: Actor, filters: Filters, now: datetime) -> list[int]:
    """The tickets of a list as it is ordered, one more than a run may hold."""
    ways = lists.narrowed(actor, filters, now)
    return ordered.by_receipt(ways, MAX + 1) if filters.by_receipt else ordered.by_due(ways, MAX + 1)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class BulkRow:
    """`state`: running, done or cancelled; `undo_until`: when it was done and can be undone, at most until then."""

    id: int
    action: str
    state: str
    n_total: int
    n_handled: int
    n_done: int
    refused: list[RefusedRow] = field(default_factory=list)
    undo_until: datetime | None = None

    @property
    def permille(self) -> int:
        return 1000 * self.n_handled // self.n_total if self.n_total else 1000


def job_of(actor: Actor, pk: int) -> Job:
    """A run of the actor's own; nobody else may know of it."""
    job = Job.objects.filter(pk=pk, kind=KIND, created_by_id=actor.id or 0).first()
    if job is None:
        raise NotFound("job", pk)
    return job


def row(job: Job, now: datetime) -> BulkRow:
    refused = [
        RefusedRow(number, " ".join(Fault(f["field"], f["code"], f["params"]).text for f in faults))
        for number, faults in job.result.get("refused", [])
    ]
    state = "running" if job.finished_at is None else "cancelled" if job.cancelled_at else "done"
    return BulkRow(
        id=job.pk,
        action=job.params["action"],
        state=state,
        n_total=job.n_total,
        n_handled=job.n_done,
        n_done=job.n_done - len(refused),
        refused=refused,
        undo_until=_undo_until(job, now),
    )


def _undo_until(job: Job, now: datetime) -> datetime | None:
    if job.finished_at is None or not job.result.get("before") or job.result.get("undone"):
        return None
    until = job.finished_at + UNDO_WITHIN
    return until if now < until else None
