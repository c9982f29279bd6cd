"""Mail as people read it: all that came and what became of it, one mail, and the mails of a ticket."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.base.errors import Denied, NotFound
from jiying.base.texts import term
from jiying.channels import policies
from jiying.channels.models import Mail
from jiying.core import masking
from jiying.desk.models import Ticket
from jiying.desk.policies import shows_plain
from jiying.desk.queries import ticket_page
from jiying.desk.queries.talk_extras import OPENING, Extra

PAGE = 50
State = Mail.State
PARKED = "parked"  # the worker has given up on it: shown as in quarantine
OVER = frozenset((State.QUARANTINE, State.AUTOMATIC, State.DUPLICATE, State.DISCARDED))
_PICTURE = re.compile(r'src="[^"]*?/(\d+)/?\?inline"')


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail in the list; of its sender only masked words, unless the reader's own ticket shows them."""

    id: int
    mailbox: str
    sender: str
    subject: str
    state: str
    why: str
    ticket: str | None
    size: int
    received_at: datetime
    handled_at: datetime | None
    may_take_over: bool
    may_discard: bool
    may_retry: bool


@dataclass(frozen=True, slots=True)
class MailPage:
    items: list[MailRow]
    next: str | None


@dataclass(frozen=True, slots=True)
class MailDetail:
    row: MailRow
    text: str
    quoted: str
    signature: str
    left: list[str]
    is_cut: bool
    sent_at: datetime | None
    original: str


def mails(actor: Actor, *, state: str = "", cursor: str = "") -> MailPage:
    """What came, the latest first; two queries for a page of any content."""
    if policies.MAIL_RIGHT not in actor.rights:
        raise Denied(policies.MAIL_RIGHT)
    rows = _joined()
    if state == State.QUARANTINE:
        rows = rows.filter(Q(state=State.QUARANTINE) | Q(parked_at__isnull=False))
    elif state:
        rows = rows.filter(state=state, parked_at__isnull=True)
    if cursor:
        micros, pk = cursors.decode("mail", cursor, 2)
        at = cursors.instant(micros or 0)
        rows = rows.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lt=pk or 0))
    found = list(rows.order_by("-received_at", "-pk")[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    after = cursors.encode("mail", cursors.micros(last.received_at), last.pk) if last else None
    return MailPage([_row(actor, one) for one in found[:PAGE]], after)


def n_waiting() -> int:
    """How many want somebody."""
    return Mail.objects.filter(Q(state=State.QUARANTINE) | Q(parked_at__isnull=False)).count()


def _joined() -> QuerySet[Mail]:
    return Mail.objects.select_related("connection", "ticket", "ticket__customer")


def load(actor: Actor, pk: int) -> Mail:
    """One mail, for who may see it or its ticket."""
    row = _joined().filter(pk=pk).first()
    if row is None:
        raise NotFound("mail", pk)
    policies.require_mail(actor, row)
    return row


def one(actor: Actor, pk: int) -> MailDetail:
    found = load(actor, pk)
    return MailDetail(
        row=_row(actor, found),
        text=found.said,
        quoted=found.quoted,
        signature=found.signature,
        left=list(found.left),
        is_cut=found.is_cut,
        sent_at=found.sent_at,
        original=policies.original_way(actor, found),
    )


def _row(actor: Actor, row: Mail) -> MailRow:
    handles = policies.MAIL_RIGHT in actor.rights
    state = State.QUARANTINE if row.parked_at is not None else row.state
    return MailRow(
        id=row.pk,
        mailbox=row.connection.name,
        sender=_sender(row, policies.shows_sender(actor, row)),
        subject=row.subject,
        state=state,
        why=_why(row),
        ticket=row.ticket.number if row.ticket else None,
        size=row.size,
        received_at=row.received_at,
        handled_at=row.handled_at,
        may_take_over=handles and state in OVER,
        may_discard=handles and state in OVER and state != State.DISCARDED,
        may_retry=handles and state == State.QUARANTINE,
    )


def _sender(row: Mail, is_plain: bool) -> str:
    name = row.sender_name if is_plain else masking.name(row.sender_name)
    address = row.sender if is_plain else masking.email(row.sender)
    return f"{name} <{address}>" if name and address else name or address or _("unknown")


def _why(row: Mail) -> str:
    """The reason in words, with what was met."""
    if row.parked_at is not None:
        return _("It could not be taken in: %(why)s") % {"why": row.last_error[:200]}
    if not row.reason:
        return ""
    word = term("mail_reason", row.reason)
    return f"{word} ({row.detail})" if row.detail and row.reason in _DETAILED else word


_DETAILED = frozenset(("refused", "broken", "bounce", "delayed"))


# --- on the ticket ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Came:
    """Below a mail of the customer."""

    id: int
    sender: str
    mailbox: str
    sent_at: datetime | None
    quoted: str
    quoted_html: str
    signature: str
    left: tuple[str, ...]
    is_cut: bool
    original: str


def of_ticket(actor: Actor, ticket: Ticket) -> Mapping[int, Extra]:
    """What stands below its messages; one query."""
    is_plain = shows_plain(actor, ticket)
    came = Mail.objects.select_related("connection").filter(ticket=ticket, state=State.TAKEN)
    return {one.message_id or OPENING: _came(actor, ticket, one, is_plain) for one in came.order_by("-pk")}


def _came(actor: Actor, ticket: Ticket, row: Mail, is_plain: bool) -> Extra:
    row.ticket = ticket
    part = Came(
        id=row.pk,
        sender=_sender(row, is_plain),
        mailbox=row.connection.name,
        sent_at=row.sent_at,
        quoted=row.quoted,
        quoted_html=row.html_quoted,
        signature=row.signature,
        left=tuple(row.left),
        is_cut=row.is_cut,
        original=policies.original_way(actor, row),
    )
    inline = frozenset(int(pk) for pk in _PICTURE.findall(row.html + row.html_quoted))
    return Extra("channels/mail_came.html", part, html=row.html if row.said else "", hides=inline)


@dataclass(frozen=True, slots=True)
class TicketMails:
    came: list[Came]


def mails_of(actor: Actor, number: str) -> TicketMails:
    """The same for the API, the eldest first."""
    found = of_ticket(actor, ticket_page.load(actor, number)).values()
    came = [one.part for one in found if isinstance(one.part, Came)]
    return TicketMails(sorted(came, key=lambda one: one.id))
