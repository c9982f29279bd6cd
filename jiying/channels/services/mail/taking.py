"""What a kept mail becomes (D15): a ticket, a message of one, a mark on what came back; or it waits for people.

Reading happens outside the transaction; everything that comes of it is one, ended by the fence of the row's lease: a
crash before leaves the mail waiting, one after has done it all. Programs open no tickets and wake none.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from jiying.base import due
from jiying.base.actor import SYSTEM
from jiying.base.errors import Refused
from jiying.base.models import Connection, Team
from jiying.base.transactions import short
from jiying.channels.models import Mail, MailSeen
from jiying.channels.services import outbox
from jiying.channels.services.mail import reading, settled
from jiying.channels.services.mail.belonging import letter_of, ticket_of
from jiying.channels.services.mail.boxes import KIND
from jiying.channels.services.mail.reading import Kept
from jiying.core.mail import BOUNCE, MESSAGE, Parsed, Unreadable
from jiying.desk.models import Ticket
from jiying.desk.services import intake, talking, triage
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.customers import faults as customer_faults

log = structlog.get_logger()
State = Mail.State
LEASE_S = 120
PER_HOUR = 30  # mails of one sender that are taken in: a person writes less, a loop is cut
NOTES_PER_HOUR = 5  # replies of programs that are noted on one ticket
_HOUR = timedelta(hours=1)


class LeaseLost(Exception):
    """Somebody else has the mail by now: all of this turn is undone."""


def serve(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, outside any transaction."""
    n_done = 0
    for pk in ids:
        row = due.lease(Mail, pk, now, LEASE_S)
        if isinstance(row, Mail):
            _serve(row, now)
            n_done += 1
    return n_done


def _serve(row: Mail, now: datetime) -> None:
    found = reading.read(row)
    with translation.override(settings.LANGUAGE_CODE):  # what is written is kept, in the language of the site
        try:
            if isinstance(found, Unreadable):
                _put_aside(row, reading.headers_of(row), found.reason, found.detail, now)
            else:
                _take(row, found, reading.store(found), now)
        except Refused as refused:
            _put_aside(row, found if isinstance(found, Parsed) else None, "refused", refused.text, now)
        except LeaseLost:
            log.warning("mail_lease_lost", mail=row.pk)


@short
def _put_aside(row: Mail, found: Parsed | None, reason: str, detail: str, now: datetime) -> None:
    """Into quarantine, with what can be told of it."""
    if found is not None:
        reading.fill(row, found)
    row.state, row.reason, row.detail = State.QUARANTINE, reason, detail[:200]
    row.ticket_id = row.message_id = None
    _finish(row, now)


@short
def _take(row: Mail, found: Parsed, kept: Sequence[Kept], now: datetime) -> None:
    """All that comes of a mail that was read."""
    reading.fill(row, found)
    row.state, row.reason, row.detail, row.ticket_id, row.message_id = State.TAKEN, "", "", None, None
    if other := _same(row, found):
        row.state, row.reason, row.ticket_id = State.DUPLICATE, "duplicate", other.ticket_id
    elif reason := _own(found, told := _told()):
        row.state, row.reason = State.AUTOMATIC, reason
    elif found.nature == BOUNCE:
        _came_back(row, found, now)
    elif found.nature != MESSAGE:
        _by_program(row, found, now)
    elif reason := _unfit(row, found):
        row.state, row.reason = State.QUARANTINE, reason
    else:
        _said(row, found, kept, told.get(row.connection_id, {}), now)
    _finish(row, now)


def _finish(row: Mail, now: datetime) -> None:
    row.handled_at = now
    if not due.finish(row, **reading.written(row)):
        raise LeaseLost


def _same(row: Mail, found: Parsed) -> Mail | None:
    """The mail that this one is once more; else it is the first, and known from now on."""
    keys = [f"c:{found.fingerprint}"[:66], *([f"i:{found.identity}"[:66]] if found.identity else [])]
    if _note(keys, row.pk) == len(keys):
        return None
    seen = MailSeen.objects.filter(key__in=keys).exclude(mail=row).select_related("mail").order_by("pk").first()
    return seen.mail if seen else None


def _note(keys: Sequence[str], pk: int) -> int:
    """How many of these keys are new; asked by the insert itself, since most mails come once."""
    table = connection.ops.quote_name(MailSeen._meta.db_table)
    places = ", ".join(["(%s, %s)"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (key, mail_id) VALUES {places} ON CONFLICT DO NOTHING",  # noqa: S608 - own names
            [value for key in keys for value in (key, pk)],
        )
        return int(cursor.rowcount)


def _told() -> dict[int, Mapping[str, Any]]:
    """What is set of each mailbox."""
    return dict(Connection.objects.filter(kind=KIND).values_list("pk", "options"))


def _own(found: Parsed, told: Mapping[int, Mapping[str, Any]]) -> str:
    """Why this came from ourselves: by our address, or by our mark. Then nobody answers it."""
    ours = [one for options in told.values() for one in (options.get("address"), *options.get("others", ()))]
    own = {str(one).strip().lower() for one in ours}
    if found.sender is not None and found.sender.key in own:
        return "own_address"
    return "loop" if found.loop and found.loop == settled.loop_mark() else ""


def _unfit(row: Mail, found: Parsed) -> str:
    """Why no ticket can be made of it; empty: it can."""
    if found.sender is None:
        return "no_sender"
    if customer_faults(customer_of(row)):
        return "bad_sender"
    recent = Mail.objects.filter(sender=row.sender, received_at__gt=row.received_at - _HOUR, state=State.TAKEN)
    return "too_many" if recent.exclude(pk=row.pk).count() >= PER_HOUR else ""


def customer_of(row: Mail) -> CustomerData:
    return CustomerData(name=row.sender_name, email=row.sender)


# --- by people -------------------------------------------------------------------------------------------------------


def _said(row: Mail, found: Parsed, kept: Sequence[Kept], told: Mapping[str, Any], now: datetime) -> None:
    ticket = ticket_of(row.thread, row.sender, row.subject)
    if ticket is not None and ticket.status != "cancelled":
        join(row, ticket, kept, now)
    else:
        _open(row, kept, told, now)


def join(row: Mail, ticket: Ticket, kept: Sequence[Kept], now: datetime) -> None:
    """As a message of the customer, by the desk's own rules: it wakes, reopens, starts the next response."""
    message = talking.customer_message(
        actor=SYSTEM, number=ticket.number, body=settled.body_of(row), at=row.received_at, now=now
    )
    row.ticket_id, row.message_id = ticket.pk, message.pk
    reading.hang(row, kept, "message", message.pk, now)


def open_new(row: Mail, kept: Sequence[Kept], now: datetime) -> None:
    """As a ticket, by the way that every request takes."""
    _open(row, kept, _told().get(row.connection_id, {}), now)


def _open(row: Mail, kept: Sequence[Kept], told: Mapping[str, Any], now: datetime) -> None:
    new = intake.NewTicket(
        subject=(row.subject or _("(no subject)"))[: intake.MAX_SUBJECT],
        channel="email",
        description=settled.body_of(row),
        category=_category(told),
        team_id=_team(told),
        customer=customer_of(row),
        received_at=row.received_at,
        origin=("mail", str(row.pk)),
    )
    ticket = intake.open_ticket(actor=SYSTEM, new=new, now=now)
    row.ticket_id = ticket.pk
    reading.hang(row, kept, "ticket", ticket.pk, now)


def _category(told: Mapping[str, Any]) -> str:
    path = str(told.get("category", ""))
    return path if path in triage.categories() else ""


def _team(told: Mapping[str, Any]) -> int | None:
    code = str(told.get("team", ""))
    return Team.objects.filter(code=code).values_list("pk", flat=True).first() if code else None


# --- by programs -----------------------------------------------------------------------------------------------------


def _by_program(row: Mail, found: Parsed, now: datetime) -> None:
    """A reply of a program stands on its ticket as a note: nobody is taken to have answered."""
    row.state, row.reason, row.detail = State.AUTOMATIC, "auto_reply", found.why[:200]
    ticket = ticket_of(row.thread, row.sender, row.subject)
    if ticket is None:
        return
    row.ticket_id = ticket.pk
    recent = Mail.objects.filter(ticket=ticket, state=State.AUTOMATIC, handled_at__gt=now - _HOUR)
    if recent.count() < NOTES_PER_HOUR:
        told = {"sender": row.sender, "subject": row.subject}
        body = _("Automatic reply from %(sender)s: %(subject)s") % told + f"\n\n{row.said[:2_000]}"
        talking.note(actor=SYSTEM, number=ticket.number, body=body, now=now)


def _came_back(row: Mail, found: Parsed, now: datetime) -> None:
    """A report of delivery marks the answer that it is about."""
    about = found.bounce
    row.state, row.reason = State.AUTOMATIC, "bounce" if about is None or about.failed else "delayed"
    named = [about.message_id] if about is not None and about.message_id else []
    letter = letter_of([*row.thread, *named])
    if letter is None or about is None:
        return
    row.ticket_id = letter.ticket_id
    told = {"to": letter.about.get("to", ""), "why": f"{about.status} {about.reason}".strip()[:500] or "–"}
    row.detail = told["why"][:200]
    if not about.failed:
        text = _("The mail to %(to)s is delayed: %(why)s") % told
        talking.note(actor=SYSTEM, number=letter.ticket.number, body=text, now=now)
    else:
        outbox.came_back(letter, _("The mail to %(to)s came back: %(why)s") % told, now)
