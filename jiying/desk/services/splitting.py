"""Splits a request off a ticket that holds two (D5): a ticket of its own for the same customer, tied to the first.

The new one is promised from now on, by the standard for what it is; the first keeps its clocks as they are.
"""

from dataclasses import dataclass
from datetime import datetime

from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.base.policies import require
from jiying.desk.models import Ticket
from jiying.desk.policies import require_handle
from jiying.desk.services import intake
from jiying.desk.services.holding import decide


@dataclass(frozen=True, slots=True)
class Part:
    """The second request, as it reads alone. Empty `type`: its category's."""

    subject: str
    description: str = ""
    category: str = ""
    type: str = ""
    take_it: bool = False


def split(*, actor: Actor, number: str, part: Part, now: datetime) -> Ticket:
    """Open the second request as a ticket, classified and routed like any other; all of it or nothing.

    Raises Denied, Invalid, Conflict; who may not handle the first ticket may not split it.
    """
    origin = Ticket.objects.filter(number=number).first()
    if origin is None:
        raise NotFound("ticket", number)
    require_handle(actor, origin)
    require(actor, "desk.create")
    decide(origin, "split")
    new = intake.NewTicket(
        subject=part.subject,
        description=part.description,
        channel=origin.channel,
        category=part.category,
        type=part.type,
        customer_id=origin.customer_id,
        opened_by="agent",
        take_it=part.take_it,
        split_from=origin.number,
    )
    return intake.open_ticket(actor=actor, new=new, now=now)
