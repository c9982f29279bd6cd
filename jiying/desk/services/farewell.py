"""What becomes of the open tickets of somebody who is switched off: back to the queue, to be routed again.

A job, one ticket a transaction: the lock of a person must not be held while tickets are locked.
"""

from datetime import datetime

from jiying.base import jobs
from jiying.base.actor import Actor
from jiying.base.errors import Conflict
from jiying.base.models import Job, Person
from jiying.desk.models import Ticket
from jiying.desk.services import routing

KIND = "person.farewell"


def order(actor: Actor, person_id: int, now: datetime) -> None:
    """Within the transaction that switches the person off."""
    if Ticket.objects.filter(assignee_id=person_id, ended_at__isnull=True).exists():
        jobs.start(kind=KIND, params={"person": person_id}, by=actor.person, now=now)


def hand_on(job: Job, now: datetime) -> bool:
    """The next ticket; nothing more once the person is back. What only waits for its confirmation stays theirs."""
    person = Person.objects.get(pk=job.params["person"])
    open_tickets = Ticket.objects.filter(assignee=person, ended_at__isnull=True, pk__gt=job.cursor.get("after", 0))
    job.n_total = job.n_total or open_tickets.count()
    ticket = open_tickets.order_by("pk").first()
    if ticket is None or person.is_active:
        return True
    try:
        routing.give_back_of(ticket.number, person, now)
        job.n_done += 1
    except Conflict:  # solved meanwhile
        job.result = {"n_left": int(job.result.get("n_left", 0)) + 1}
    job.cursor = {"after": ticket.pk}
    return False
