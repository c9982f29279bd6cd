"""What an agent does in a chat besides answering: types, and has seen it. Nothing is journalled."""

from collections.abc import Sequence
from datetime import datetime

from jiying.base import push
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, NotFound
from jiying.base.transactions import short
from jiying.channels.models import CHANNEL, Chat, Transcript
from jiying.channels.services.chatting import ANSWERING, typing_topic
from jiying.desk.models import Message, Ticket
from jiying.desk.policies import require_handle, require_visible


@short
def type_on(*, actor: Actor, number: str, now: datetime) -> None:
    """The agent is writing to the visitor: heard by the visitor alone, kept nowhere."""
    ticket = _ticket(actor, number)
    require_handle(actor, ticket)
    push.whisper(typing_topic(ticket), ANSWERING, now)


@short
def see(*, actor: Actor, number: str, upto: int, now: datetime) -> int:
    """Its agent has seen all messages up to this one; what others look at stays unread. Returns the latest seen."""
    ticket = _ticket(actor, number)
    if ticket.assignee_id != actor.id:
        raise Conflict.one("chat_not_yours")
    messages = Message.objects.filter(ticket=ticket, pk__lte=upto).order_by("-pk")
    seen_id = messages.values_list("pk", flat=True).first() or 0
    Chat.objects.filter(ticket=ticket, seen_id__lt=seen_id).update(seen_id=seen_id)
    return seen_id


def erase(ticket_ids: Sequence[int], with_texts: bool) -> None:
    """Where an erased customer was, and whom their chats were mailed to, goes, whether or not the texts do."""
    Chat.objects.filter(ticket__in=ticket_ids).update(page_url="", page_title="")
    Transcript.objects.filter(chat__ticket__in=ticket_ids).delete()


def _ticket(actor: Actor, number: str) -> Ticket:
    """A chat's ticket that the actor may see; one that came another way is none."""
    ticket = Ticket.objects.filter(number=number, channel=CHANNEL).first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_visible(actor, ticket)
    return ticket
