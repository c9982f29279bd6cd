"""An agent's open chats at a glance: who, what was said last, how much is unread, since when somebody waits."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Q

from jiying.base.actor import Actor
from jiying.channels.models import CHANNEL, Chat
from jiying.desk.models import Ticket
from jiying.desk.policies import shows_plain
from jiying.desk.queries.rows import masked_name

SHOWN = 30
OPEN = ("assigned", "accepted", "in_progress", "waiting")


@dataclass(frozen=True, slots=True)
class ChatRow:
    """One chat of one's own. `waits_since`: the first message that nobody has answered yet."""

    ticket_id: int
    number: str
    name: str
    subject: str
    last: str
    last_at: datetime | None
    n_unread: int
    newest_id: int
    is_new: bool  # not accepted yet
    is_away: bool  # the visitor closed the page
    has_ended: bool  # the visitor said good-bye


@dataclass(frozen=True, slots=True)
class Chats:
    items: list[ChatRow]
    n_unread: int


def mine(actor: Actor) -> Chats:
    """The actor's open chats, in the order in which they came, so that no tab moves under the hand."""
    said = Q(messages__kind="customer", messages__pk__gt=F("chat__seen_id"))
    rows = (
        Ticket.objects.filter(assignee_id=actor.id, ended_at=None, channel=CHANNEL, status__in=OPEN)
        .select_related("customer", "chat")
        .annotate(n_unread=Count("messages", filter=said), newest_id=Max("messages__pk", filter=said))
        .order_by("assigned_at", "pk")[:SHOWN]
    )
    items = [_row(actor, ticket) for ticket in rows]
    return Chats(items, sum(1 for one in items if one.n_unread or one.is_new))


def _row(actor: Actor, ticket: Ticket) -> ChatRow:
    chat: Chat | None = getattr(ticket, "chat", None)  # none where it came by import or by hand
    return ChatRow(
        ticket_id=ticket.pk,
        number=ticket.number,
        name=_name(actor, ticket),
        subject=ticket.subject,
        last=ticket.last_message,
        last_at=ticket.last_message_at,
        n_unread=getattr(ticket, "n_unread", 0),
        newest_id=getattr(ticket, "newest_id", None) or 0,
        is_new=ticket.status == "assigned",
        is_away=chat is not None and chat.left_at is not None,
        has_ended=chat is not None and chat.ended_at is not None,
    )


def _name(actor: Actor, ticket: Ticket) -> str:
    customer = ticket.customer
    if customer is None:
        return ticket.number
    is_plain = shows_plain(actor, ticket, customer) and bool(customer.name)
    return customer.name if is_plain else masked_name(customer)


@dataclass(frozen=True, slots=True)
class About:
    """What the panel beside a ticket says of its chat."""

    page_url: str
    page_title: str
    language: str
    here_at: datetime
    is_away: bool
    has_ended: bool


def about(ticket: Ticket) -> About | None:
    """None where the ticket came another way."""
    chat = Chat.objects.filter(ticket=ticket).first() if ticket.channel == CHANNEL else None
    if chat is None:
        return None
    return About(
        chat.page_url, chat.page_title, chat.language, chat.here_at, chat.left_at is not None, chat.ended_at is not None
    )
