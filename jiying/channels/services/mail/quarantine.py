"""What people do with a mail that became nothing by itself: take it over into a ticket, try it again, discard it."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import F
from django.utils import translation

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.channels.models import Mail
from jiying.channels.policies import MAIL_RIGHT
from jiying.channels.services.mail import reading, taking
from jiying.channels.services.mail.belonging import going_on
from jiying.channels.services.mail.reading import Kept
from jiying.core.mail import Parsed
from jiying.desk.models import Ticket
from jiying.desk.policies import require_visible

State = Mail.State
OPEN = frozenset((State.QUARANTINE, State.AUTOMATIC, State.DUPLICATE, State.DISCARDED))


def take_over(*, actor: Actor, mail_id: int, number: str = "", now: datetime) -> Mail:
    """Into the ticket of this number, or a new one; what could not be read hangs there as its original."""
    require(actor, MAIL_RIGHT)
    row = _get(mail_id)
    found = reading.read(row)
    if isinstance(found, Parsed):
        kept: Sequence[Kept] = reading.store(found)
    else:
        kept = [Kept("mail.eml", "message/rfc822", row.size, row.sha256, "")] if reading.has_original(row) else []
    with translation.override(settings.LANGUAGE_CODE):
        return _take_over(actor, mail_id, number.strip(), found if isinstance(found, Parsed) else None, kept, now)


@short
def _take_over(
    actor: Actor, mail_id: int, number: str, found: Parsed | None, kept: Sequence[Kept], now: datetime
) -> Mail:
    row = _lock(mail_id, OPEN)
    if found is not None:
        reading.fill(row, found)
    if row.ticket_id is not None and row.state == State.TAKEN:
        raise Conflict.one("mail_settled")
    if number:
        taking.join(row, _ticket(actor, number), kept, now)
    else:
        taking.open_new(row, kept, now)
    return _settle(actor, row, State.TAKEN, "taken_over", now)


def _ticket(actor: Actor, number: str) -> Ticket:
    ticket = Ticket.objects.select_related("merged_into").filter(number=number).first()
    if ticket is None:
        raise Invalid.one("number", "not_found", kind="ticket", key=number[:40])
    require_visible(actor, ticket)
    return going_on(ticket)


@short
def discard(*, actor: Actor, mail_id: int, now: datetime) -> Mail:
    """Needs nobody's answer. It stays in the list, and can still be taken over."""
    require(actor, MAIL_RIGHT)
    return _settle(actor, _lock(mail_id, OPEN - {State.DISCARDED}), State.DISCARDED, "discarded", now)


@short
def retry(*, actor: Actor, mail_id: int, now: datetime) -> Mail:
    """Once more by the rules, after something was mended."""
    require(actor, MAIL_RIGHT)
    row = _lock(mail_id, frozenset((State.QUARANTINE, State.WAITING)))
    if row.state == State.WAITING and row.parked_at is None:
        raise Conflict.one("mail_settled")
    again = {"state": State.WAITING, "wake_at": now, "parked_at": None, "attempts": 0, "last_error": ""}
    kept = "too_large" if row.reason == "too_large" else ""
    Mail.objects.filter(pk=row.pk).update(**again, reason=kept, fence=F("fence") + 1)
    _record(actor, row, "retried", now)
    return _get(mail_id)


def _get(mail_id: int) -> Mail:
    row = Mail.objects.filter(pk=mail_id).first()
    if row is None:
        raise NotFound("mail", mail_id)
    return row


def _lock(mail_id: int, states: frozenset[str]) -> Mail:
    """The mail, in one of these states or given up by the worker."""
    row = Mail.objects.select_for_update(of=("self",)).filter(pk=mail_id).first()
    if row is None:
        raise NotFound("mail", mail_id)
    if row.state not in states and row.parked_at is None:
        raise Conflict.one("mail_settled")
    return row


def _settle(actor: Actor, row: Mail, state: str, verb: str, now: datetime) -> Mail:
    row.state, row.handled_by, row.handled_at = state, actor.person, now
    row.wake_at = row.parked_at = None
    row.fence += 1
    row.save()
    _record(actor, row, verb, now)
    return row


def _record(actor: Actor, row: Mail, verb: str, now: datetime) -> None:
    about = {"reason": row.reason, **({"ticket": row.ticket_id} if row.ticket_id else {})}
    journal.record(actor, [journal.Fact("mail", row.pk, f"mail.{verb}", now, about)], now=now)
