"""Mail over the API: what came, what became of it, and what people do with the rest."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import StringConstraints

from jiying.base.api.wire import Body, Cursor, Id, actor_of, answer
from jiying.channels.queries import mail as queries
from jiying.channels.services.mail import quarantine

router = Router(tags=["mail"])
Number = Annotated[str, StringConstraints(max_length=24, pattern=r"^[A-Za-z0-9-]+$")]
State = Literal["waiting", "taken", "automatic", "duplicate", "quarantine", "discarded"]


class TakeOverIn(Body):
    """`ticket` is the number of the ticket that the mail belongs to; without one it opens a new ticket."""

    ticket: Annotated[str, StringConstraints(max_length=24, pattern=r"^[A-Za-z0-9-]*$")] = ""


@router.get("/mails", response=queries.MailPage)
def list_mails(request: HttpRequest, state: State | None = None, cursor: Cursor = "") -> HttpResponse:
    """Mail that came, the latest first (right `desk.mail`); senders are masked."""
    return answer(queries.mails(actor_of(request), state=state or "", cursor=cursor))


@router.get("/mails/{mail_id}", response=queries.MailDetail)
def get_mail(request: HttpRequest, mail_id: Id) -> HttpResponse:
    """One mail with its words, for who may see all mail, or its ticket."""
    return answer(queries.one(actor_of(request), mail_id))


@router.post("/mails/{mail_id}/take-over", response=queries.MailDetail)
def take_over_mail(request: HttpRequest, mail_id: Id, payload: TakeOverIn) -> HttpResponse:
    """A mail that became nothing by itself goes into a ticket."""
    quarantine.take_over(actor=actor_of(request), mail_id=mail_id, number=payload.ticket, now=timezone.now())
    return answer(queries.one(actor_of(request), mail_id))


@router.post("/mails/{mail_id}/discard", response=queries.MailDetail)
def discard_mail(request: HttpRequest, mail_id: Id) -> HttpResponse:
    """A mail that needs nobody; it stays in the list."""
    quarantine.discard(actor=actor_of(request), mail_id=mail_id, now=timezone.now())
    return answer(queries.one(actor_of(request), mail_id))


@router.post("/mails/{mail_id}/retry", response=queries.MailDetail)
def retry_mail(request: HttpRequest, mail_id: Id) -> HttpResponse:
    """Take a mail in once more by the rules."""
    quarantine.retry(actor=actor_of(request), mail_id=mail_id, now=timezone.now())
    return answer(queries.one(actor_of(request), mail_id))


@router.get("/tickets/{number}/mails", response=queries.TicketMails)
def list_ticket_mails(request: HttpRequest, number: Number) -> HttpResponse:
    """The mails of a ticket that came, the eldest first; its answers stand in `/replies-out`."""
    return answer(queries.mails_of(actor_of(request), number))
