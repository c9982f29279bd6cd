"""Ties between tickets (D7): about the same thing by hand, split off another one. Each is a fact of both tickets."""

from datetime import datetime
from typing import Any

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.transactions import short
from jiying.desk.models import Ticket, TicketLink
from jiying.desk.policies import may_handle, require_handle, require_visible, sees
from jiying.desk.services.holding import decide, fact, lock, lock_many

Kind = TicketLink.Kind
MOST = 50  # ties by hand of one ticket


def lock_both(ids: tuple[int, int]) -> tuple[Ticket, Ticket]:
    """Two tickets, locked in order of id and given in the order asked for."""
    held = lock_many(ids, False)
    return held[ids[0]], held[ids[1]]


@short
def link(*, actor: Actor, number: str, other: str, now: datetime) -> TicketLink:
    """Tie two tickets that are about the same thing; tied already, nothing changes."""
    if number == other:
        raise Invalid.one("other", "same_ticket_linked")
    known = {t.number: t.pk for t in Ticket.objects.filter(number__in=(number, other))}
    for wanted in (number, other):
        if wanted not in known:
            raise NotFound("ticket", wanted)
    ticket, target = lock_both((known[number], known[other]))
    require_handle(actor, ticket)
    require_visible(actor, target)
    decide(ticket, "link")
    first, second = sorted((ticket, target), key=lambda one: one.pk)
    found = TicketLink.objects.filter(ticket=first, other=second, kind=Kind.RELATED).first()
    if found is not None and found.ended_at is None:
        return found
    if TicketLink.objects.filter(ticket=first, kind=Kind.RELATED, ended_at__isnull=True).count() >= MOST:
        raise Conflict.one("too_many_links", "other", limit=MOST)
    made = found or TicketLink(ticket=first, other=second, kind=Kind.RELATED)
    made.made_by, made.made_at, made.ended_at, made.ended_by = actor.person, now, None, None
    made.save()
    _tell_both(actor, ticket, target, "linked", now)
    return made


@short
def unlink(*, actor: Actor, link_id: int, now: datetime) -> TicketLink:
    """Take a tie by hand away; for whoever may handle either ticket and sees the other one."""
    found = seen(actor, link_id)
    ticket, other = lock_both((found.ticket_id, found.other_id))
    found = TicketLink.objects.get(pk=link_id)
    if found.kind != Kind.RELATED:
        raise Conflict.one("link_stays")
    if not (may_handle(actor, ticket) or may_handle(actor, other)):
        raise Denied("desk.handle")
    if found.ended_at is not None:
        return found
    end(found, actor, now)
    _tell_both(actor, ticket, other, "unlinked", now)
    return found


def seen(actor: Actor, link_id: int) -> TicketLink:
    """A tie of two tickets both of which the actor may see."""
    found = TicketLink.objects.select_related("ticket", "other").filter(pk=link_id).first()
    if found is None or not (sees(actor, found.ticket) and sees(actor, found.other)):
        raise NotFound("link", link_id)
    return found


def end(found: TicketLink, actor: Actor, now: datetime) -> None:
    found.ended_at, found.ended_by = now, actor.person
    found.save(update_fields=["ended_at", "ended_by"])


def _tell_both(actor: Actor, ticket: Ticket, other: Ticket, kind: str, now: datetime) -> None:
    told = [fact(one, kind, now, {"number": two.number}) for one, two in ((ticket, other), (other, ticket))]
    journal.record(actor, told, now=now)


def split_off(actor: Actor, ticket: Ticket, origin_number: str, now: datetime) -> None:
    """Tie a ticket that is being opened to the one that it is split off, in the transaction that opens it."""
    origin = lock(origin_number)
    require_handle(actor, origin)
    decide(origin, "split")
    TicketLink.objects.create(ticket=ticket, other=origin, kind=Kind.SPLIT, made_by=actor.person, made_at=now)
    about: tuple[tuple[Ticket, str, dict[str, Any]], ...] = (
        (origin, "split", {"number": ticket.number}),
        (ticket, "split_from", {"number": origin.number}),
    )
    journal.record(actor, [fact(one, kind, now, data) for one, kind, data in about], now=now)
