"""Serves attachments to those who may see what they hang on; as downloads, pictures also in place."""

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from jiying.base import files
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.models import Attachment
from jiying.desk.models import Ticket
from jiying.desk.policies import require_visible
from jiying.desk.services import drafts

_KEYS = {"ticket": "pk", "message": "messages__pk"}
SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")  # pictures that a browser draws and cannot run


def _require(actor: Actor, attachment: Attachment) -> None:
    """Who sees the ticket sees its files; a draft's are its writer's alone."""
    if attachment.subject_kind == drafts.SUBJECT:
        drafts.of_file(actor, attachment.pk)
        return
    ticket = Ticket.objects.filter(**{_KEYS[attachment.subject_kind]: attachment.subject_id}).first()
    if ticket is None:
        raise Http404(str(attachment.pk))
    require_visible(actor, ticket)


@login_required
@require_GET
def show(request: HttpRequest, pk: int) -> HttpResponseBase:
    attachment = Attachment.objects.filter(pk=pk, subject_kind__in=(*_KEYS, drafts.SUBJECT)).first()
    if attachment is None or not files.path_of(attachment).exists():
        raise Http404(str(pk))
    _require(actor_of(request), attachment)
    inline = "inline" in request.GET and attachment.media_type in SHOWN
    response = FileResponse(
        files.path_of(attachment).open("rb"),
        as_attachment=not inline,
        filename=attachment.name,
        content_type=attachment.media_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response
