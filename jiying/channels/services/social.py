"""Messengers and social media in (D18): a message goes on where the conversation was, or opens a ticket; replies go
out by the same conversation. Which ticket that is stands in a row of the conversation, locked while one is read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from jiying.base.actor import SYSTEM
from jiying.base.connections import Open
from jiying.base.texts import term
from jiying.channels.models import Contact, Conversation
from jiying.channels.services import enclosures
from jiying.channels.services.hooks import Effect, Unusable
from jiying.channels.services.outbox import Way
from jiying.core import social as core
from jiying.core.social import Said, Unreadable
from jiying.desk.models import Customer, Message, Ticket
from jiying.desk.services import customers, intake, talking
from jiying.desk.services.holding import lock

CHANNEL = "social"
LATE = timedelta(hours=24)  # what comes later than this counts from when it came
SUBJECT = 60
ENDED = ("closed", "cancelled", "merged")


def act(found: Open, body: bytes, now: datetime) -> Effect:
    """What a call of a messenger does."""
    try:
        said = core.read(found.kind, body)
    except Unreadable as error:
        raise Unusable(error.code) from error
    if said is None:
        return Effect(did=False)
    ticket = receive(found, said, now)
    return Effect(ticket, ticket.customer)


def receive(found: Open, said: Said, now: datetime) -> Ticket:
    """In the caller's transaction: the ticket that the message is on now."""
    contact, _new = Contact.objects.get_or_create(connection_id=found.pk, external_id=said.sender)
    Conversation.objects.get_or_create(
        connection_id=found.pk, external_id=said.conversation, defaults={"contact": contact, "last_at": now}
    )
    talk = Conversation.objects.select_for_update().get(connection_id=found.pk, external_id=said.conversation)
    ticket = _going_on(talk)
    text, message = _words(said), None
    if ticket is None:
        ticket = _open(contact, said, text, now)
    else:
        at = _said_at(said, now)
        message = talking.customer_message(actor=SYSTEM, number=ticket.number, body=text, at=at, now=now)
    enclosures.expect(found.pk, said, ticket, message, now)
    contact.customer, contact.name = ticket.customer, said.name or contact.name
    contact.save()
    talk.ticket, talk.contact, talk.is_public, talk.last_at = ticket, contact, said.is_public, now
    talk.reply = dict(said.reply)
    talk.save()
    return ticket


def _words(said: Said) -> str:
    """What was said; of what was only sent, what it is, and where it is to be seen if not here."""
    if said.text:
        return said.text
    what = {"what": term("social_what", said.what)}
    return _("(sent: %(what)s)") % what if said.files else _("(sent: %(what)s; to be seen in the messenger)") % what


def _going_on(talk: Conversation) -> Ticket | None:
    """The ticket of a conversation, or the one that it was merged into, while it has not ended; locked."""
    if talk.ticket_id is None:
        return None
    ticket = lock(talk.ticket_id)
    if ticket.merged_into_id is not None:
        ticket = lock(ticket.merged_into_id)
    return None if ticket.status in ENDED else ticket


def _open(contact: Contact, said: Said, text: str, now: datetime) -> Ticket:
    known = _customer(contact)
    data = customers.CustomerData(name=said.name or _("Visitor"), phone=said.phone, email=said.email)
    if customers.faults(data):  # what they told of themselves must not keep their message out
        data = customers.CustomerData(name=said.name or _("Visitor"))
    new = intake.NewTicket(
        subject=said.subject or " ".join(text.split())[:SUBJECT],
        channel=CHANNEL,
        description=text,
        received_at=_said_at(said, now),
        customer=None if known else data,
        customer_id=known.pk if known else None,
    )
    return intake.open_ticket(actor=SYSTEM, new=new, now=now)


def _customer(contact: Contact) -> Customer | None:
    """Whose account it is; of a customer that was merged the one that is left, of an erased one nobody."""
    customer = contact.customer
    if customer is not None and customer.merged_into is not None:
        customer = customer.merged_into
    return None if customer is None or customer.erased_at is not None else customer


def _said_at(said: Said, now: datetime) -> datetime | None:
    if said.at_s is None:
        return None
    at = datetime.fromtimestamp(said.at_s, UTC)
    return at if now - LATE <= at <= now else None


# --- out -------------------------------------------------------------------------------------------------------------


def ways(messages: Sequence[Message]) -> Mapping[int, Way]:
    """Replies on tickets of a conversation go out by it: by that in which something was said last."""
    talks = Conversation.objects.filter(ticket__in={m.ticket_id for m in messages}).order_by("last_at", "pk")
    latest = {talk.ticket_id: talk for talk in talks}
    return {
        message.pk: Way(talk.connection_id, {"conversation": talk.pk})
        for message in messages
        if (talk := latest.get(message.ticket_id)) is not None
    }


def is_public(ticket_id: int) -> bool:
    """Whether a reply on it might be read by everybody."""
    return Conversation.objects.filter(ticket_id=ticket_id, is_public=True).exists()


def erase(customer: Customer) -> None:
    """Who they were at the other side goes, and with it every way to them; a new message of theirs is a stranger's."""
    Contact.objects.filter(Q(customer=customer) | Q(customer__merged_into=customer)).delete()


def export(customer: Customer) -> list[dict[str, str]]:
    """The accounts of a customer, for the file of all their data."""
    rows = (
        Contact.objects.filter(Q(customer=customer) | Q(customer__merged_into=customer))
        .select_related("connection")
        .order_by("pk")
    )
    return [{"channel": row.connection.kind, "account": row.external_id, "name": row.name} for row in rows]
