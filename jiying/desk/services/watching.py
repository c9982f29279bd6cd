"""Who is at a ticket just now (D5): short-lived rows and a whisper to the others' streams. Nothing is journalled."""

from datetime import datetime, timedelta

from jiying.base import push
from jiying.base.actor import Actor
from jiying.base.errors import Denied, NotFound
from jiying.base.transactions import short
from jiying.desk.models import Ticket, Watcher
from jiying.desk.policies import require_visible
from jiying.desk.services.holding import KIND

ALIVE = timedelta(seconds=50)  # a browser says so every 20 seconds
FRESH = timedelta(seconds=10)  # a row younger than this is not written again for nothing
WHISPER = "watching"


@short
def watch(*, actor: Actor, number: str, writes: bool, now: datetime) -> Ticket:
    """The actor has the ticket open, and writes or not; the others' pages hear it only when that changed."""
    ticket = _ticket(actor, number)
    row = Watcher.objects.filter(ticket=ticket, person=actor.person).first()
    is_news = row is None or row.at < now - ALIVE or row.writes != writes
    if row is None or is_news or row.at < now - FRESH:
        Watcher.objects.update_or_create(ticket=ticket, person=actor.person, defaults={"at": now, "writes": writes})
    if is_news:
        push.whisper(f"{KIND}:{ticket.pk}", WHISPER, now)
    return ticket


@short
def leave(*, actor: Actor, number: str, now: datetime) -> None:
    """The actor closed the ticket."""
    ticket = _ticket(actor, number)
    n_gone, _kinds = Watcher.objects.filter(ticket=ticket, person=actor.person).delete()
    if n_gone:
        push.whisper(f"{KIND}:{ticket.pk}", WHISPER, now)


def drop_old(at: datetime) -> None:
    Watcher.objects.filter(at__lt=at - 2 * ALIVE).delete()


def _ticket(actor: Actor, number: str) -> Ticket:
    if actor.person is None:
        raise Denied("desk.view_own")
    ticket = Ticket.objects.filter(number=number).first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_visible(actor, ticket)
    return ticket
