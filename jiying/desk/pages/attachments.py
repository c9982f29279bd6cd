"""Serves attachments to those who may see what they hang on; always as a download, never as a page of ours."""

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from jiying.base import files
from jiying.base.context import actor_of
from jiying.base.models import Attachment
from jiying.desk.models import Ticket
from jiying.desk.policies import require_visible


@login_required
@require_GET
def show(request: HttpRequest, pk: int) -> HttpResponseBase:
    attachment = Attachment.objects.filter(pk=pk, subject_kind__in=("ticket", "message")).first()
    if attachment is None:
        raise Http404(str(pk))
    key = "pk" if attachment.subject_kind == "ticket" else "messages__pk"
    ticket = Ticket.objects.filter(**{key: attachment.subject_id}).first()
    path = files.path_of(attachment)
    if ticket is None or not path.exists():
        raise Http404(str(pk))
    require_visible(actor_of(request), ticket)
    response = FileResponse(
        path.open("rb"), as_attachment=True, filename=attachment.name, content_type=attachment.media_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response
