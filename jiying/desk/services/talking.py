"""What is said on a ticket (D5): replies, notes, calls, customers' messages. Reply and hold in one step count both."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.transactions import short
from jiying.core import lifecycle, richtext
from jiying.desk.models import Message, Ticket
from jiying.desk.policies import require_customers_or_handle, require_handle, require_visible
from jiying.desk.services import dating, handling, mentions
from jiying.desk.services.holding import decide, expect_revision, fact, lock, settle

MAX_BODY = 20_000
MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote: a text, how it is to be read, and what they had seen when they began.

    `last_seen` is the id of the latest message then; None asks nothing. `mentions` are people chosen from the list.
    """

    body: str
    markup: str = "plain"
    last_seen: int | None = None
    mentions: tuple[int, ...] = ()

    @property
    def html(self) -> str:
        return richtext.render(self.body) if self.markup == MARKDOWN else ""


def _written(said: Written | str) -> Written:
    """The same with its text checked."""
    written = said if isinstance(said, Written) else Written(said)
    if written.markup not in ("plain", MARKDOWN):
        raise Invalid.one("markup", "unknown_value", value=written.markup, known=f"plain, {MARKDOWN}")
    return replace(written, body=_body(written.body))


def _expect_nothing_new(actor: Actor, ticket: Ticket, written: Written) -> None:
    """A reply that was begun before others said something is refused once: its writer looks at it, then sends it.

    In a chat both write at once, and each sees what the other says.
    """
    if written.last_seen is None or ticket.channel == "chat":
        return
    newer = Message.objects.filter(ticket=ticket, pk__gt=written.last_seen).exclude(kind=Message.Kind.NOTE)
    if n := newer.exclude(author_id=actor.id, by="person").count():
        raise Conflict.one("new_messages", "body", n=n)


def _body(text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid.one("body", "required", field="body")
    if len(text) > MAX_BODY:
        raise Invalid.one("body", "too_long", limit=MAX_BODY, length=len(text))
    if "\x00" in text:
        raise Invalid.one("body", "control_character")
    return text


@short
def reply(
    *,
    actor: Actor,
    number: str,
    body: Written | str,
    hold_for: str = "",
    by: str = "person",
    revision: int | None = None,
    now: datetime,
) -> Message:
    """A public answer to the customer; it accepts a ticket that its agent had not accepted yet.

    `by` bot or auto is an automatic answer: it never stops a first response (C13a).
    """
    ticket = lock(number)
    require_handle(actor, ticket)
    expect_revision(ticket, revision)
    if by not in ("person", "bot", "auto"):
        raise Invalid.one("by", "unknown_value", value=by, known="person, bot, auto")
    written = _written(body)
    _expect_nothing_new(actor, ticket, written)
    facts = _accepting(actor, ticket, now) if by == "person" else []
    decide(ticket, "reply" if by == "person" else "note")
    facts.append(_said(ticket, {"direction": "out", "public": True, "by": by, "way": "message"}, now))
    if by == "person":
        _answered(ticket, now)
    if hold_for:
        facts.append(handling.held(ticket, hold_for, "", now))
    return _write(actor, ticket, Message(kind="reply", by=by, body=written.body, html=written.html), facts, now)


@short
def call(
    *,
    actor: Actor,
    number: str,
    direction: str,
    duration_s: int,
    note: str = "",
    recording_url: str = "",
    at: datetime | None = None,
    now: datetime,
) -> Message:
    """An answered call by a person: acceptance and first response in one (C8).

    `at`: when they talked, as a telephone system tells it; never open to people, who might date things back.
    """
    at = dating.instant(at, now)
    ticket = lock(number)
    require_handle(actor, ticket)
    if direction not in ("in", "out"):
        raise Invalid.one("direction", "unknown_value", value=direction, known="in, out")
    if not 0 <= duration_s <= 86_400:
        raise Invalid.one("duration_s", "out_of_range", low=0, high=86_400)
    if recording_url and not recording_url.startswith(("https://", "http://")):
        raise Invalid.one("recording_url", "bad_url", value=recording_url[:80])
    facts = _accepting(actor, ticket, at)
    decide(ticket, "reply")
    about = {"direction": direction, "public": True, "by": "person", "way": "call", "duration_s": duration_s}
    facts.append(_said(ticket, about, at))
    _answered(ticket, at)
    details = {"direction": direction, "duration_s": duration_s, "recording_url": recording_url}
    return _write(actor, ticket, Message(kind="call", body=note.strip(), call=details), facts, now, at)


@short
def note(*, actor: Actor, number: str, body: Written | str, now: datetime) -> Message:
    """An internal note: never seen by the customer, stops no clock. Everybody who sees the ticket may write one.

    Whoever it names with @ is told.
    """
    ticket = lock(number)
    require_visible(actor, ticket)
    if not actor.rights & {"desk.handle", "desk.assign", "desk.answer", "desk.view_all"}:
        raise Denied("desk.handle")
    written = _written(body)
    people = mentions.named(written.body, written.mentions, ticket, without=actor.id)
    decide(ticket, "note")
    said = _said(ticket, {"direction": "out", "public": False, "by": "person", "way": "note"}, now)
    message = _write(actor, ticket, Message(kind="note", body=written.body, html=written.html), [said], now)
    mentions.tell(actor, ticket, message, people, now)
    return message


@short
def customer_message(*, actor: Actor, number: str, body: str, at: datetime | None = None, now: datetime) -> Message:
    """What the customer says, by whatever way: wakes a waiting ticket, reopens an ended one, starts next response.

    `at`: when it was said; earlier than a moment ago needs the right to import (mail that was delayed, history).
    """
    ticket = lock(number)
    if actor.kind == "customer":
        require_customers_or_handle(actor, ticket)
    else:
        require_visible(actor, ticket)
        if not actor.rights & {"desk.create", "desk.handle"}:
            raise Denied("desk.create")
    if faults := dating.faults(actor, "at", at, now):
        raise Invalid(*faults)
    at = dating.instant(at, now)
    body = _body(body)
    decide(ticket, "customer_message")
    # What comes after the end although it was written before it waits from the end on: no clock ran meanwhile.
    heard_at = max(at, ticket.ended_at) if ticket.ended_at else at
    facts = [_said(ticket, {"direction": "in", "public": True, "by": "customer", "way": "message"}, heard_at)]
    facts.extend(replace(f, at=heard_at) for f in _set_off(ticket, now))
    return _write(actor, ticket, Message(kind="customer", by="customer", body=body), facts, now, at)


def _set_off(ticket: Ticket, now: datetime) -> list[journal.Fact]:
    """What a customer's message leads to besides being read."""
    if ticket.status == lifecycle.WAITING and ticket.waiting_for == "customer":
        return [handling.resumed(ticket, now)]
    if ticket.status == lifecycle.RESOLVED:
        return handling.rejected(ticket, "", now)
    if ticket.status == lifecycle.CLOSED:
        return handling.reopened(ticket, "customer_message", now)
    return []


def _accepting(actor: Actor, ticket: Ticket, now: datetime) -> list[journal.Fact]:
    """An agent who answers has accepted: nobody is made to press a button first."""
    if ticket.status == lifecycle.ASSIGNED and ticket.assignee_id == actor.id:
        return [handling.accepted(ticket, now)]
    return []


def _answered(ticket: Ticket, now: datetime) -> None:
    """The first public answer moves an accepted ticket to in progress."""
    ticket.public_reply_at = ticket.public_reply_at or now
    if ticket.status == lifecycle.ACCEPTED:
        ticket.status = lifecycle.IN_PROGRESS


def _said(ticket: Ticket, about: dict[str, Any], at: datetime) -> journal.Fact:
    return fact(ticket, "message", at, about)


def _write(
    actor: Actor,
    ticket: Ticket,
    message: Message,
    facts: list[journal.Fact],
    now: datetime,
    at: datetime | None = None,
) -> Message:
    message.ticket, message.at = ticket, at or now
    message.author = actor.person
    message.save(force_insert=True)
    said = next(f for f in facts if f.kind == "ticket.message")
    said.data["message"] = message.pk  # type: ignore[index]
    is_latest = ticket.last_message_at is None or message.at >= ticket.last_message_at
    if message.kind != "note" and is_latest:
        text = richtext.plain(message.html) if message.html else message.body
        ticket.last_message, ticket.last_message_at = text[:160], message.at
    settle(actor, ticket, facts, now=now)
    return message
