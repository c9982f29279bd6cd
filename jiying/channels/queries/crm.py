"""What still has to reach a CRM, and what could not be sent."""

from dataclasses import dataclass
from datetime import datetime

from jiying.base.actor import Actor
from jiying.base.connections import RIGHT
from jiying.base.policies import require
from jiying.channels.models import CrmSend


@dataclass(frozen=True, slots=True)
class SendRow:
    """Something that waits for a CRM; `ticket` where it is how that ended. `parked`: it is not tried any more."""

    id: int
    connection: str
    customer_id: int
    ticket: str
    created_at: datetime
    next_at: datetime | None
    attempts: int
    parked: bool
    last_error: str


@dataclass(frozen=True, slots=True)
class SendRows:
    items: list[SendRow]
    n_waiting: int


def waiting(actor: Actor, n: int = 200) -> SendRows:
    """What could not be sent yet, the oldest first; what only waits for its turn is counted."""
    require(actor, RIGHT)
    open_rows = CrmSend.objects.filter(done_at=None).exclude(wake_at=None, parked_at=None)
    troubled = open_rows.exclude(last_error="").select_related("connection", "ticket").order_by("created_at")
    return SendRows([_row(one) for one in troubled[:n]], open_rows.count())


def _row(one: CrmSend) -> SendRow:
    return SendRow(
        id=one.pk,
        connection=one.connection.name,
        customer_id=one.customer_id,
        ticket=one.ticket.number if one.ticket else "",
        created_at=one.created_at,
        next_at=one.wake_at,
        attempts=one.attempts,
        parked=one.parked_at is not None,
        last_error=one.last_error,
    )
