"""A chat by its visitor (D16): begun, written, left, ended. A chat is a ticket of the channel `chat`.

Every step is the desk's own service with the ticket's customer as actor: no second set of rules, nothing kept twice.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from jiying.base import files, journal, live, push
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.models import IdempotencyKey
from jiying.base.transactions import short
from jiying.channels.models import CHANNEL, Chat
from jiying.channels.queries import chat_ends
from jiying.channels.services.knocking import knock
from jiying.channels.services.widgets import Widget
from jiying.core import lifecycle
from jiying.core import widgets as core
from jiying.desk.models import Message, Ticket
from jiying.desk.services import handling, intake, talking
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.holding import KIND, fact, lock

SALT = "jiying.chat"
MAX_TEXT = 4_000
MAX_ID = 60
FILES_AN_HOUR = 20  # messages with files, in one chat
TYPED_A_MINUTE = 40
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
VALID_AFTER_END = timedelta(days=7)
HERE = timedelta(seconds=20)  # a visitor is written down as being there at most this often
LEFT, BACK, TYPING, ANSWERING = "left", "back", "typing", "answering"


@dataclass(frozen=True, slots=True)
class Visit:
    """An opened chat: its row, its ticket, and the ticket's customer as the actor."""

    token: str
    chat: Chat
    ticket: Ticket

    @property
    def actor(self) -> Actor:
        return Actor("customer", self.ticket.customer_id)


@dataclass(frozen=True, slots=True)
class Begun:
    """What a visitor begins a chat with. `key` is the client's own: the same one begins the same chat again."""

    key: str
    text: str
    name: str = ""
    contact: str = ""
    page_url: str = ""
    page_title: str = ""
    language: str = "zh-hans"


def begin(*, widget: Widget, begun: Begun, address: str, now: datetime) -> Visit:
    """A ticket with its clocks, given to whoever has a place free, else waiting; the first message is its text.

    Refused outside the hours and where nobody is online: then there is the form.
    """
    if (again := _begun_before(widget, begun)) is not None:
        return again
    if not widget.may_chat(now):
        raise Conflict.one("chat_closed")
    new = _new_ticket(widget, begun)
    if faults := intake.faults_of(actor=SYSTEM, new=new, now=now):
        raise Invalid(*faults)
    knock("chat", address, widget.number("starts_an_hour"), HOUR, now)
    knock("all", widget.pk, widget.number("all_an_hour"), HOUR, now)
    ticket = intake.open_ticket(actor=SYSTEM, new=new, now=now)
    chat, _made = Chat.objects.get_or_create(
        ticket=ticket,
        defaults={
            "widget_id": widget.pk,
            "language": begun.language,
            "page_url": begun.page_url[:500] if begun.page_url.startswith(("https://", "http://")) else "",
            "page_title": begun.page_title[:200].replace("\x00", ""),
            "here_at": now,
        },
    )
    return Visit(token_of(ticket.pk), chat, ticket)


def _new_ticket(widget: Widget, begun: Begun) -> intake.NewTicket:
    phone, email = core.contact(begun.contact)
    if widget.asks_contact and not begun.contact.strip():
        raise Invalid.one("contact", "required", field="contact")
    name = begun.name.strip() or _("Visitor %(n)s") % {"n": f"{zlib.crc32(begun.key.encode()) % 9000 + 1000}"}
    # Whoever gives nothing is a customer of this one chat: a key of their own makes them nobody else.
    ref = "" if phone or email else f"chat-{salted_hmac(SALT, begun.key).hexdigest()[:12]}"
    text = checked_text(begun.text)
    return intake.NewTicket(
        subject=core.subject(text, _("Chat with %(name)s") % {"name": name}),
        description=text,
        channel=CHANNEL,
        customer=CustomerData(ref=ref, name=name, phone=phone, email=email),
        idempotency_key=_first_key(widget, begun),
    )


def _first_key(widget: Widget, begun: Begun) -> str:
    checked_key(begun.key)
    return f"chat:{widget.pk}:{begun.key}"


def _begun_before(widget: Widget, begun: Begun) -> Visit | None:
    """The chat that this key began: a page that lost the answer asks again, in whatever state the desk is now."""
    row = IdempotencyKey.objects.filter(actor=SYSTEM.caller, key=_first_key(widget, begun)).first()
    chat = Chat.objects.select_related("ticket").filter(ticket_id=row.subject_id or 0).first() if row else None
    return None if chat is None else Visit(token_of(chat.ticket_id), chat, chat.ticket)


# --- the key to a chat -----------------------------------------------------------------------------------------------


def token_of(ticket_id: int) -> str:
    return Signer(salt=SALT, sep=".").sign(str(ticket_id))


def visit(token: str, now: datetime) -> Visit:
    """Whose token this is sees this chat alone. NotFound for one that is forged or out of date: not told apart."""
    try:
        pk = int(Signer(salt=SALT, sep=".").unsign(token))
    except (BadSignature, ValueError) as error:
        raise NotFound("chat", "") from error
    joined = ("ticket__assignee", "ticket__merged_into__assignee")
    chat = Chat.objects.select_related(*joined).filter(ticket_id=pk).first()
    if chat is None or chat.ticket.customer_id is None:
        raise NotFound("chat", "")
    ticket, target = chat.ticket, chat.ticket.merged_into
    if target is not None and target.customer_id == ticket.customer_id:
        ticket = target
    if ticket.ended_at is not None and ticket.ended_at + VALID_AFTER_END < now:
        raise NotFound("chat", "")
    return Visit(token, chat, ticket)


KINDS = {
    "ticket.message": "said",
    **dict.fromkeys(
        [f"ticket.{kind}" for kind in ("assigned", "unassigned", "queued", "accepted", "solved", "rejected")], "state"
    ),
    **dict.fromkeys([f"ticket.{kind}" for kind in ("confirmed", "closed", "reopened", "cancelled", "merged")], "state"),
    "whisper.answering": "typing",
}


def guest(token: str, now: datetime) -> live.Admitted | None:
    """What the holder of a token may hear: that something was said, that it is in other hands, that somebody types."""
    try:
        seen = visit(token, now)
    except NotFound:
        return None
    topics = {f"{KIND}:{seen.ticket.pk}", typing_topic(seen.ticket)}
    return live.Admitted(-seen.ticket.pk, {topic: frozenset({"chat"}) for topic in topics}, KINDS)


def typing_topic(ticket: Ticket) -> str:
    """What its visitor hears of an agent who types; an agent's page hears the visitor by the ticket's own topic."""
    return f"chat:{ticket.pk}"


# --- what a visitor does ---------------------------------------------------------------------------------------------


def say(
    *,
    seen: Visit,
    widget: Widget,
    key: str,
    text: str,
    uploads: "Sequence[UploadedFile[Any]]" = (),
    now: datetime,
) -> Message:
    """The visitor writes, with files. The same key says the same once, however often a bad line sends it."""
    if (known := _said_before(seen, key)) is not None:
        return known
    files.check(uploads)
    if not text.strip() and uploads:
        text = ", ".join(files.clean_name(upload.name or "") for upload in uploads)
    text = checked_text(text)
    knock("say", seen.ticket.pk, widget.number("messages_a_minute"), MINUTE, now)
    if uploads:
        knock("files", seen.ticket.pk, FILES_AN_HOUR, HOUR, now)
    try:
        return _say(seen, key, text, uploads, now)
    except IntegrityError:  # the same message by another line at the same moment: it was quicker
        if (known := _said_before(seen, key)) is None:
            raise
        return known


@short
def _say(seen: Visit, key: str, text: str, uploads: "Sequence[UploadedFile[Any]]", now: datetime) -> Message:
    message = talking.customer_message(actor=seen.actor, number=seen.ticket.number, body=text, now=now)
    files.keep(uploads, actor=seen.actor, subject_kind="message", subject_id=message.pk, now=now)
    IdempotencyKey.objects.create(
        actor=_caller(seen), key=key, digest="", subject_kind="message", subject_id=message.pk, at=now
    )
    _here(seen.chat, now)
    return message


def _caller(seen: Visit) -> str:
    return f"chat:{seen.chat.ticket_id}"


def _said_before(seen: Visit, key: str) -> Message | None:
    checked_key(key)
    row = IdempotencyKey.objects.filter(actor=_caller(seen), key=key).first()
    return Message.objects.filter(pk=row.subject_id or 0).first() if row else None


@short
def type_on(*, seen: Visit, now: datetime) -> None:
    """The visitor is writing: heard by who has the ticket open, kept nowhere."""
    knock("typing", seen.ticket.pk, TYPED_A_MINUTE, MINUTE, now)
    push.whisper(f"{KIND}:{seen.ticket.pk}", TYPING, now)


@short
def be_here(*, seen: Visit, now: datetime) -> None:
    """The visitor's page is open."""
    if seen.chat.left_at is not None or seen.chat.here_at < now - HERE:
        was_gone = seen.chat.left_at is not None
        _here(seen.chat, now)
        if was_gone:
            push.whisper(f"{KIND}:{seen.ticket.pk}", BACK, now)


def _here(chat: Chat, now: datetime) -> None:
    Chat.objects.filter(pk=chat.pk).update(here_at=now, left_at=None)


@short
def leave(*, seen: Visit, now: datetime) -> None:
    """The visitor's page was closed; the chat waits for them."""
    if Chat.objects.filter(pk=seen.chat.pk, left_at=None).update(left_at=now):
        push.whisper(f"{KIND}:{seen.ticket.pk}", LEFT, now)


@short
def end(*, seen: Visit, now: datetime) -> None:
    """The visitor says good-bye: a fact for who has the ticket, who then decides what is left to do."""
    ticket = lock(seen.ticket.pk)
    if Chat.objects.filter(pk=seen.chat.pk, ended_at=None).update(ended_at=now, left_at=now):
        journal.record(seen.actor, [fact(ticket, "chat_left", now)], now=now)


def answer(*, seen: Visit, solved: bool, note: str, now: datetime) -> Ticket:
    """Solved, or not and why: after the agent has ended."""
    if solved:
        return handling.confirm(actor=seen.actor, number=seen.ticket.number, now=now)
    return handling.reject(actor=seen.actor, number=seen.ticket.number, note=note.strip()[:MAX_TEXT], now=now)


def rate(*, seen: Visit, score: int, comment: str, now: datetime) -> None:
    """The answer to what is asked at the end."""
    chat_ends.take(seen.actor, seen.ticket, score, comment, now)


def has_ended(seen: Visit) -> bool:
    """Nothing more can be said here; another chat can be begun."""
    return seen.ticket.status in (lifecycle.CLOSED, lifecycle.CANCELLED, lifecycle.MERGED)


# --- what is checked -------------------------------------------------------------------------------------------------


def checked_key(key: str) -> str:
    if not 8 <= len(key) <= MAX_ID or not key.isascii() or not key.replace("-", "").isalnum():
        raise Invalid.one("id", "bad_key", value=key[:20])
    return key


def checked_text(text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid.one("text", "required", field="text")
    if len(text) > MAX_TEXT:
        raise Invalid.one("text", "too_long", limit=MAX_TEXT, length=len(text))
    if "\x00" in text:
        raise Invalid.one("text", "control_character")
    return text
