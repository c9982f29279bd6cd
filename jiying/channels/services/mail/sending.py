"""Answers that leave by mail: which replies do and to whom, and one as a mail that is the same on every try.

The outbox (`services.outbox`) keeps, tries and shows them. The Message-ID is made of the row's key: it cannot be
guessed, and who answers it leads back to the row.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from jiying.alerts.services import posting
from jiying.base import files
from jiying.base.connections import Failed, Open
from jiying.base.models import Attachment, Connection
from jiying.channels.models import Mail, Outbox
from jiying.channels.services.mail import boxes, settled, smtp
from jiying.channels.services.mail.boxes import Box
from jiying.channels.services.outbox import NotSent, Way
from jiying.core.mail import Address, File, Letter, NotAnAddress, compose, subject
from jiying.desk.models import Message, Ticket

TRIES = 14  # with back-off about three hours: longer than most outages of a mail server
AUTOMATIC_PER_HOUR = 5  # to one address: two programs that answer each other are cut
_KEY = re.compile(r"\.([0-9a-f]{32})@")
_RESERVED = frozenset(("example.com", "example.org", "example.net", "localhost"))


# Each says which of these messages leave by mail although their tickets came by another channel (ids of messages).
BY_MAIL: list[Callable[[Sequence[Message]], Collection[int]]] = []
HOUSE = "house"  # the way of what leaves by the house's own mail, where there is no mailbox


# --- which -----------------------------------------------------------------------------------------------------------


def ways(messages: Sequence[Message]) -> Mapping[int, Way]:
    """By the mailbox to which the ticket's last mail came; else by the one that fits, where it goes by mail at all."""
    known = {row.pk: row for row in Connection.objects.filter(kind=boxes.KIND).order_by("-active", "pk")}
    by_mail = {pk for chosen in BY_MAIL for pk in chosen(messages)}
    if not known and not by_mail:
        return {}
    found = {message.pk: _way(message, known, message.pk in by_mail) for message in messages}
    return {pk: way for pk, way in found.items() if way is not None}


def _way(message: Message, known: Mapping[int, Connection], by_mail: bool) -> Way | None:
    ticket = message.ticket
    last = last_mail(ticket)
    if last is not None:
        box, to, name = known.get(last.connection_id), last.answer_to, last.sender_name
    elif by_mail or ticket.channel == "email":
        box, to, name = fitting(ticket, known.values()), *_written_to(ticket)
    else:
        return None
    if not to:
        return None
    if box is not None and box.created_at <= message.at:
        return Way(box.pk, {"to": to, "name": name, "mail": last.pk if last is not None else None})
    return Way(None, {"to": to, "name": name, "by": HOUSE}) if by_mail and settings.MAIL_ENABLED else None


def last_mail(ticket: Ticket) -> Mail | None:
    taken = Mail.objects.filter(state=Mail.State.TAKEN).order_by("-received_at", "-pk")
    return taken.filter(ticket=ticket).first() or taken.filter(ticket__merged_into=ticket).first()


def _written_to(ticket: Ticket) -> tuple[str, str]:
    customer = ticket.customer
    if customer is None or not customer.email or _is_made_up(customer.email):
        return "", ""
    return customer.email, customer.name


def fitting(ticket: Ticket, known: Collection[Connection]) -> Connection | None:
    """Of the mailboxes that are switched on: its team's, else one of no team's, else the first."""
    active = [one for one in known if one.active]
    code = ticket.team.code if ticket.team else ""
    order = {code: 0, "": 1} if code else {"": 0}
    return min(active, key=lambda one: order.get(str(one.options.get("team", "")), 2), default=None)


def box_of(ticket: Ticket) -> Box | None:
    """The mailbox by which this ticket's customer is written to; None where there is none."""
    last = last_mail(ticket)
    box = boxes.by_id(last.connection_id) if last is not None else None
    row = fitting(ticket, Connection.objects.filter(kind=boxes.KIND, active=True).order_by("pk")) if not box else None
    return box or (boxes.by_id(row.pk) if row is not None else None)


def _is_made_up(address: str) -> bool:
    """Domains that nobody can own (RFC 2606): the sample's customers have such."""
    domain = address.rpartition("@")[2].lower()
    return domain.endswith((".test", ".example", ".invalid", ".localhost")) or domain in _RESERVED


def key_of(header_id: str) -> str:
    """The key of the row whose mail has this Message-ID; empty where it is none of ours."""
    found = _KEY.search(header_id)
    return found[1] if found else ""


def header_id(row: Outbox, address: str) -> str:
    return f"<{row.ticket.number.lower()}.{row.key}@{address.rpartition('@')[2] or 'localhost'}>"


# --- sent ------------------------------------------------------------------------------------------------------------


def send(row: Outbox, found: Open) -> str:
    """Outside any transaction; returns the Message-ID."""
    box = boxes.of(found)
    with translation.override(settings.LANGUAGE_CODE):
        _be_few(row)
        letter = _letter(row, box)
        hand_over(box, letter)
    return letter.message_id


def hand_over(box: Box, letter: Letter) -> None:
    """To the mailbox's server; raises NotSent."""
    try:
        raw = compose(letter)
        with smtp.line(box.smtp) as line:
            line.send(box.address.addr, letter.to.addr, raw)
    except NotAnAddress as error:
        raise NotSent(_("%(to)s is no address.") % {"to": letter.to.addr}, final=True) from error
    except smtp.Refused as error:
        raise NotSent(str(error), final=error.final) from error
    except Failed as error:
        raise NotSent(str(error)) from error


def send_by_house(row: Outbox) -> str:
    """By the house's own mail, which takes no answers; returns the Message-ID."""
    with translation.override(settings.LANGUAGE_CODE):
        _be_few(row)
        ticket, mark = row.ticket, header_id(row, settings.DEFAULT_FROM_EMAIL)
        headers = {"Message-ID": mark, "Auto-Submitted": "auto-generated"}
        about = subject(ticket.subject, ticket.number, is_answer=False)
        made = EmailMessage(subject=about, body=row.message.body, to=[str(row.about["to"])], headers=headers)
        try:
            with posting.Line() as line:
                line.send(made)
        except posting.NotSent as error:
            raise NotSent(str(error), final=error.final) from error
    return mark


def _be_few(row: Outbox) -> None:
    if row.message.by != "person" and _answers_a_program(row, timezone.now()):
        raise NotSent(_("Too many automatic answers to this address within an hour."), final=True)


def _answers_a_program(row: Outbox, now: datetime) -> bool:
    recent = Outbox.objects.filter(connection=row.connection, state="sent", sent_at__gt=now - timedelta(hours=1))
    others = recent.exclude(message__by="person").values_list("about", flat=True)
    return len([about for about in others if about.get("to") == row.about["to"]]) >= AUTOMATIC_PER_HOUR


def _letter(row: Outbox, box: Box) -> Letter:
    message, ticket = row.message, row.ticket
    last = Mail.objects.filter(pk=row.about.get("mail") or 0).first()
    return Letter(
        message_id=header_id(row, box.address.addr),
        sender=box.address,
        to=Address(str(row.about["to"]), str(row.about.get("name", ""))),
        subject=last.subject if last is not None and last.subject else ticket.subject,
        number=ticket.number,
        text=message.body,
        html=message.html,
        sent_at=int(row.created_at.timestamp()),
        signature=box.signature,
        quoted=last.said if last is not None else "",
        attribution=_attribution(last),
        answers=last.header_id if last is not None else _before(row),
        references=last.thread if last is not None else (),
        files=_files(message),
        automatic=message.by != "person",
        loop=settled.loop_mark(),
    )


def _attribution(last: Mail | None) -> str:
    if last is None:
        return ""
    at = date_format(timezone.localtime(last.sent_at or last.received_at), "Y-m-d H:i")
    return _("On %(at)s, %(name)s wrote:") % {"at": at, "name": last.sender_name or last.sender}


def _before(row: Outbox) -> str:
    """Of our own answers the one before, where nobody wrote to us."""
    earlier = Outbox.objects.filter(ticket_id=row.ticket_id, pk__lt=row.pk, connection=row.connection)
    return earlier.order_by("-pk").values_list("remote_id", flat=True).first() or ""


def _files(message: Message) -> list[File]:
    rows = Attachment.objects.filter(subject_kind="message", subject_id=message.pk).order_by("pk")
    return [File(row.name, row.media_type, files.path_of(row).read_bytes()) for row in rows]
