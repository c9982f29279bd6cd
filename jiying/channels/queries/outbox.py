"""What became of replies, as their messages show it: waiting, sent, failed with the reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.base.texts import term
from jiying.channels.models import Outbox
from jiying.desk.models import Ticket
from jiying.desk.policies import may_handle, require_visible
from jiying.desk.queries.marks import Asked, Mark, Told

_LOOKS = {"waiting": ("clock", "grey"), "sent": ("check", "green"), "failed": ("alert-triangle", "red")}


@dataclass(frozen=True, slots=True)
class ReplyOutRow:
    """A reply that goes out by a connection. `error` says why the last try failed."""

    message_id: int
    connection: str | None
    state: Literal["waiting", "sent", "failed", "withheld"]
    attempts: int
    error: str
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class RepliesOut:
    items: list[ReplyOutRow]


def rows(actor: Actor, number: str) -> RepliesOut:
    """Those of one ticket, the oldest first."""
    ticket = Ticket.objects.filter(number=number).first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_visible(actor, ticket)
    return RepliesOut([row(one) for one in of_ticket(ticket.pk)])


def row(one: Outbox) -> ReplyOutRow:
    return ReplyOutRow(
        message_id=one.message_id,
        connection=one.connection.code if one.connection else None,
        state=one.state,  # type: ignore[arg-type]
        attempts=one.attempts,
        error=why(one),
        created_at=one.created_at,
        sent_at=one.sent_at,
    )


def marks(asked: Asked) -> Told:
    """One query, whether or not there is anything."""
    may_again = may_handle(asked.actor, asked.ticket)
    return Told({row.message_id: [_mark(row, may_again)] for row in of_ticket(asked.ticket.pk) if row.state in _LOOKS})


def of_ticket(ticket_id: int) -> "QuerySet[Outbox]":
    return Outbox.objects.filter(ticket_id=ticket_id).select_related("connection").order_by("pk")


def _mark(row: Outbox, may_again: bool) -> Mark:
    icon, hue = _LOOKS[row.state]
    text = term("outbox_state", row.state)
    by = row.connection.name if row.connection else ""
    if row.state == "sent" and row.sent_at:
        by = _("%(name)s, %(at)s") % {"name": by, "at": date_format(localtime(row.sent_at), "m-d H:i")}
    failed = row.state == "failed"
    again = reverse("channels:send_again", args=[row.message_id]) if failed and may_again else ""
    return Mark(text, icon, hue, why(row) or by, again)


def why(row: Outbox) -> str:
    """The last failure in words; what the other side said stands as it came."""
    return term("sending_error", row.last_error)
