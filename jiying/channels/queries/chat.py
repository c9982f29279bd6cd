"""What a visitor sees of their chat: its state, the place in the queue, what was said after what they have."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.signing import BadSignature, TimestampSigner
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from jiying.base.models import Attachment
from jiying.channels.models import Chat
from jiying.channels.queries import chat_ends
from jiying.core import lifecycle
from jiying.desk.models import Message, Ticket

AT_ONCE = 100
FILE_SALT, FILE_S = "jiying.chat.file", 12 * 3600
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_STATES = {
    lifecycle.NEW: "waiting",
    lifecycle.RESOLVED: "solved",
    lifecycle.CLOSED: "ended",
    lifecycle.CANCELLED: "ended",
    lifecycle.MERGED: "ended",
}


@dataclass(frozen=True, slots=True)
class ChatFile:
    name: str
    size: int
    key: str  # signed: it opens this file and nothing else
    is_picture: bool


@dataclass(frozen=True, slots=True)
class ChatLine:
    """One message; `who` is me, agent, auto or call."""

    id: int
    who: str
    author: str
    text: str
    at: datetime
    files: tuple[ChatFile, ...]


@dataclass(frozen=True, slots=True)
class ChatState:
    """`state`: waiting (nobody has it), open (somebody has), solved (is it?), ended. `has_more`: ask again at once.

    `question` is what is asked at the end.
    """

    number: str
    state: str
    agent: str
    position: int  # in the queue, from 1; 0 where it does not wait
    lines: tuple[ChatLine, ...]
    has_more: bool
    question: chat_ends.Question | None = None


def state(chat: Chat, ticket: Ticket, after: int) -> ChatState:
    """The chat with all lines behind `after` (-1: from the beginning), in a number of queries that does not grow."""
    lines, has_more = _lines(chat, ticket, after)
    is_waiting = ticket.status == lifecycle.NEW
    return ChatState(
        number=ticket.number,
        state=_STATES.get(ticket.status, "open"),
        agent=ticket.assignee.name if ticket.assignee else "",
        position=_position(ticket) if is_waiting else 0,
        lines=lines,
        has_more=has_more,
        question=chat_ends.question(ticket, timezone.now()) if ticket.is_ended else None,
    )


def _position(ticket: Ticket) -> int:
    """How many chats of the same queue came before, and this one. Who is urgent may be taken out of turn."""
    queue = Ticket.objects.filter(
        assignee__isnull=True, ended_at__isnull=True, status=lifecycle.NEW, channel=ticket.channel, team=ticket.team_id
    )
    before = Q(received_at__lt=ticket.received_at) | Q(received_at=ticket.received_at, pk__lt=ticket.pk)
    return queue.filter(before).count() + 1


def _lines(chat: Chat, ticket: Ticket, after: int) -> tuple[tuple[ChatLine, ...], bool]:
    rows = Message.objects.filter(ticket=ticket, pk__gt=max(after, 0)).exclude(kind=Message.Kind.NOTE)
    found = list(rows.select_related("author").order_by("pk")[: AT_ONCE + 1])
    has_more, found = len(found) > AT_ONCE, found[:AT_ONCE]
    kept = _files(ticket, found)
    lines = [_line(message, kept["message", message.pk]) for message in found]
    if after < 0:
        first = chat.ticket
        lines.insert(0, ChatLine(0, "me", "", first.description, first.received_at, kept["ticket", first.pk]))
    return tuple(lines), has_more


def _line(message: Message, kept: tuple[ChatFile, ...]) -> ChatLine:
    if message.kind == Message.Kind.CUSTOMER:
        return ChatLine(message.pk, "me", "", message.body, message.at, kept)
    author = message.author.name if message.author else _("Customer service")
    if message.kind == Message.Kind.CALL:  # what an agent writes down of a call is for colleagues
        return ChatLine(message.pk, "call", author, _("We talked on the phone"), message.at, kept)
    return ChatLine(message.pk, "agent" if message.by == "person" else "auto", author, message.body, message.at, kept)


def _files(ticket: Ticket, messages: list[Message]) -> Mapping[tuple[str, int], tuple[ChatFile, ...]]:
    found: dict[tuple[str, int], tuple[ChatFile, ...]] = defaultdict(tuple)
    rows = Attachment.objects.filter(subject_kind="message", subject_id__in=[m.pk for m in messages])
    if ticket.opened_by_id is None:
        rows |= Attachment.objects.filter(subject_kind="ticket", subject_id=ticket.pk)
    for row in rows.order_by("pk"):
        key = TimestampSigner(salt=FILE_SALT, sep=".").sign(f"{ticket.pk}-{row.pk}")
        found[row.subject_kind, row.subject_id] += (ChatFile(row.name, row.size, key, row.media_type in PICTURES),)
    return found


def attachment(key: str) -> Attachment | None:
    """The file that a signed key opens, as long as it still hangs on a public message of its chat."""
    try:
        ticket_id, _dash, pk = TimestampSigner(salt=FILE_SALT, sep=".").unsign(key, max_age=FILE_S).partition("-")
    except BadSignature:
        return None
    found = Attachment.objects.filter(pk=int(pk)).first()
    if found is None:
        return None
    if found.subject_kind == "ticket":
        return found if found.subject_id == int(ticket_id) else None
    public = Message.objects.filter(pk=found.subject_id, ticket=int(ticket_id)).exclude(kind=Message.Kind.NOTE)
    return found if found.subject_kind == "message" and public.exists() else None


def transcript(chat: Chat, ticket: Ticket) -> str:
    """Everything that was said in public, as plain text."""
    lines: list[ChatLine] = []
    last, has_more = -1, True
    while has_more:
        found = state(chat, ticket, last)
        lines += found.lines
        has_more = found.has_more
        last = found.lines[-1].id if found.lines else last
    return "\n".join(_plain(line) for line in lines) + "\n"


def _plain(line: ChatLine) -> str:
    at = timezone.localtime(line.at).strftime("%Y-%m-%d %H:%M:%S")
    who = line.author or _("You")
    kept = "".join(f"\n  [{_('File')}] {file.name}" for file in line.files)
    return f"[{at}] {who}: {line.text}{kept}"
