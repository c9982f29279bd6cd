"""The customer's page of a ticket (D19): links that are signed and can be withdrawn, and what a customer does there.

Every verb of the customer is the desk's own service with the customer as actor: no second set of rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.signing import BadSignature, Signer
from django.db.models import F
from django.urls import reverse

from jiying.base import files, journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, NotFound, TooMany
from jiying.base.transactions import short
from jiying.channels.models import PortalLink
from jiying.desk.models import CustomerOffer, Message, Ticket
from jiying.desk.policies import require_handle
from jiying.desk.services import handling, offers, talking
from jiying.desk.services.holding import fact, lock

SALT = "jiying.portal"
VALID_AFTER_END = timedelta(days=90)
MAX_AN_HOUR = 20  # messages by one ticket's links: a person writes less, a script is stopped


@dataclass(frozen=True, slots=True)
class Visit:
    """An opened link: the ticket, and its customer as the actor."""

    token: str
    ticket: Ticket
    actor: Actor


def address(*, actor: Actor, number: str) -> str:
    """The full address that shows a ticket to its customer, for those at the desk who may handle it."""
    ticket = Ticket.objects.select_related("portal_link").filter(number=number).first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_handle(actor, ticket)
    return _address(ticket, _generation(ticket))


def own_address(ticket: Ticket) -> str:
    """The same for the customer themselves, who has just written and is to follow what becomes of it."""
    return _address(ticket, _generation(ticket))


@short
def renew(*, actor: Actor, number: str, now: datetime) -> str:
    """A new address; all earlier ones of the ticket stop working. For a link that came into wrong hands."""
    ticket = lock(number)
    require_handle(actor, ticket)
    _need_customer(ticket)
    link, _made = PortalLink.objects.get_or_create(ticket=ticket)
    PortalLink.objects.filter(pk=link.pk).update(
        generation=F("generation") + 1, renewed_by=actor.person, renewed_at=now
    )
    link.refresh_from_db()
    journal.record(actor, [fact(ticket, "portal_renewed", now, {"generation": link.generation})], now=now)
    return _address(ticket, link.generation)


def visit(token: str, now: datetime) -> Visit:
    """Who holds this link sees its ticket; one that was merged leads to the ticket that goes on, if it is theirs too.

    Raises NotFound for a link that is forged, withdrawn or out of date: the three are not told apart.
    """
    ticket = _ticket_of(token)
    target = ticket.merged_into
    if target is not None and target.customer_id == ticket.customer_id:
        ticket = target
    if ticket.ended_at is not None and ticket.ended_at + VALID_AFTER_END < now:
        raise NotFound("portal_link", "")
    return Visit(token, ticket, Actor("customer", ticket.customer_id))


@short
def say(*, seen: Visit, body: str, uploads: "Sequence[UploadedFile[Any]]" = (), now: datetime) -> Message:
    """The customer writes, with files: wakes a waiting ticket, reopens an ended one, starts next response."""
    _not_too_many(seen.ticket, now)
    files.check(uploads)
    message = talking.customer_message(actor=seen.actor, number=seen.ticket.number, body=body, now=now)
    files.keep(uploads, actor=seen.actor, subject_kind="message", subject_id=message.pk, now=now)
    return message


def confirm(*, seen: Visit, now: datetime) -> Ticket:
    """Solved, says the customer."""
    return handling.confirm(actor=seen.actor, number=seen.ticket.number, now=now)


def reject(*, seen: Visit, note: str, now: datetime) -> Ticket:
    """Not solved, says the customer, and why: the same resolution clock runs on."""
    _not_too_many(seen.ticket, now)
    return handling.reject(actor=seen.actor, number=seen.ticket.number, note=note.strip(), now=now)


def answer_offer(*, seen: Visit, offer_id: int, answer: str, note: str, now: datetime) -> CustomerOffer:
    """The customer accepts or refuses what was offered to them on this very ticket."""
    if not seen.ticket.offers.filter(pk=offer_id).exists():
        raise NotFound("offer", offer_id)
    return offers.answer(actor=seen.actor, offer_id=offer_id, answer=answer, note=note, now=now)


# --- the link --------------------------------------------------------------------------------------------------------


def _address(ticket: Ticket, generation: int) -> str:
    _need_customer(ticket)
    token = _signer().sign(f"{ticket.pk}.{generation}")
    return settings.BASE_URL + reverse("portal:show", args=[token])


def _signer() -> Signer:
    return Signer(salt=SALT, sep=".")


def _ticket_of(token: str) -> Ticket:
    try:
        pk, _dot, generation = _signer().unsign(token).partition(".")
    except BadSignature as error:
        raise NotFound("portal_link", "") from error
    joined = ("portal_link", "merged_into__portal_link", "customer")
    ticket = Ticket.objects.select_related(*joined).filter(pk=int(pk)).first()
    if ticket is None or ticket.customer_id is None or _generation(ticket) != int(generation):
        raise NotFound("portal_link", "")
    return ticket


def _generation(ticket: Ticket) -> int:
    link: PortalLink | None = getattr(ticket, "portal_link", None)
    return 0 if link is None else link.generation


def _need_customer(ticket: Ticket) -> None:
    if ticket.customer_id is None:
        raise Conflict.one("portal_no_customer")


def _not_too_many(ticket: Ticket, now: datetime) -> None:
    since = now - timedelta(hours=1)
    if Message.objects.filter(ticket=ticket, kind="customer", at__gte=since).count() >= MAX_AN_HOUR:
        raise TooMany.one("portal_too_many", n=MAX_AN_HOUR)
