"""A chat by mail to its visitor: asked for once or twice, sent by the worker in the chat's language."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from jiying.alerts.services.posting import Line, NotSent
from jiying.base import due
from jiying.base.errors import Conflict, Invalid
from jiying.base.models import Connection
from jiying.base.transactions import short
from jiying.channels.models import Transcript
from jiying.channels.queries import chat as queries
from jiying.channels.services import outbox
from jiying.channels.services.chatting import Visit
from jiying.channels.services.knocking import knock
from jiying.channels.services.mail import boxes, sending, settled
from jiying.channels.services.mail.boxes import Box
from jiying.core.mail import Address, Letter
from jiying.desk.models import Message

log = structlog.get_logger()
MOST = 2  # of one chat: nobody's mailbox is filled by strangers


@short
def ask(*, seen: Visit, address: str, now: datetime) -> Transcript:
    """Have it sent; only of a chat in which somebody of the house has answered."""
    address = address.strip()
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid.one("address", "bad_email", value=address[:80]) from None
    if not is_possible():
        raise Conflict.one("no_mail")
    if not Message.objects.filter(ticket=seen.ticket, kind=Message.Kind.REPLY, by="person").exists():
        raise Conflict.one("nothing_said")
    knock("transcript", seen.chat.pk, MOST, timedelta(days=7), now)
    knock("transcript-to", address.lower(), 5, timedelta(days=1), now)
    return Transcript.objects.create(chat=seen.chat, address=address, asked_at=now, wake_at=now)


def is_possible() -> bool:
    """Whether there is a mailbox, or the house's own mail."""
    return bool(settings.MAIL_ENABLED) or Connection.objects.filter(kind=boxes.KIND, active=True).exists()


def serve(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, outside any transaction."""
    n_sent = 0
    with Line() as line:
        for pk in ids:
            row = due.lease(Transcript, pk, now)
            if isinstance(row, Transcript):
                n_sent += _send(row, line, now)
    return n_sent


def _send(row: Transcript, line: Line, now: datetime) -> int:
    box = sending.box_of(row.chat.ticket)
    try:
        if box is not None:
            sending.hand_over(box, _letter(row, box))
        else:
            line.send(_mail(row))
    except (NotSent, outbox.NotSent) as error:
        due.fail(Transcript, row.pk, str(error), now)
        log.warning("transcript_put_off", transcript=row.pk, error=str(error))
        return 0
    due.finish(row, sent_at=now)
    return 1


def _letter(row: Transcript, box: Box) -> Letter:
    """From the mailbox, in the thread of what was mailed on this ticket before."""
    ticket = row.chat.ticket
    earlier = Transcript.objects.filter(chat=row.chat, pk__lt=row.pk, sent_at__isnull=False).order_by("-pk").first()
    last = sending.last_mail(ticket)
    with translation.override(row.chat.language):
        return Letter(
            message_id=_header_id(row, box),
            sender=box.address,
            to=Address(row.address),
            subject=_("Your chat with us (%(number)s)") % {"number": ticket.number},
            number=ticket.number,
            text=queries.transcript(row.chat, ticket),
            sent_at=int(row.asked_at.timestamp()),
            signature=box.signature,
            answers=last.header_id if last is not None else _header_id(earlier, box) if earlier else "",
            references=last.thread if last is not None else (),
            automatic=True,
            loop=settled.loop_mark(),
        )


def _header_id(row: Transcript, box: Box) -> str:
    """The same on every try."""
    key = salted_hmac("jiying.transcript", str(row.pk)).hexdigest()[:32]
    return f"<{row.chat.ticket.number.lower()}.{key}@{box.address.addr.rpartition('@')[2]}>"


def _mail(row: Transcript) -> EmailMessage:
    chat = row.chat
    with translation.override(chat.language):
        text = queries.transcript(chat, chat.ticket)
        subject = _("Your chat with us (%(number)s)") % {"number": chat.ticket.number}
        headers = {"Auto-Submitted": "auto-generated", "X-Jiying-Key": f"transcript-{row.pk}"}
        return EmailMessage(subject=subject, body=text, to=[row.address], headers=headers)
