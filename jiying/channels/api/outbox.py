"""What became of a ticket's replies and of the files that came in; those that had failed tried again."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from jiying.base.api.wire import Id, actor_of, answer
from jiying.channels.api.portal import Number
from jiying.channels.queries import outbox as rows
from jiying.channels.queries import social as social_rows
from jiying.channels.services import enclosures
from jiying.channels.services import outbox as services

router = Router(tags=["tickets"])


@router.get("/tickets/{number}/replies-out", response=rows.RepliesOut)
def list_replies_out(request: HttpRequest, number: Number) -> HttpResponse:
    """The replies that go out by a connection (mail, messengers) and how far they came."""
    return answer(rows.rows(actor_of(request), number))


@router.post("/messages/{message_id}/send-again", response=rows.ReplyOutRow)
def send_reply_again(request: HttpRequest, message_id: Id) -> HttpResponse:
    """Send a reply once more that had been given up."""
    return answer(rows.row(services.again(actor=actor_of(request), message_id=message_id, now=timezone.now())))


@router.get("/tickets/{number}/files-in", response=social_rows.FilesIn)
def list_files_in(request: HttpRequest, number: Number) -> HttpResponse:
    """Pictures, voices and files that the customer sent by a messenger, and how far their fetching came."""
    return answer(social_rows.files_in(actor_of(request), number))


@router.post("/tickets/{number}/files-in/again", response=social_rows.FilesIn)
def fetch_files_again(request: HttpRequest, number: Number) -> HttpResponse:
    """Fetch once more what had been given up."""
    enclosures.again(actor=actor_of(request), number=number, now=timezone.now())
    return answer(social_rows.files_in(actor_of(request), number))
