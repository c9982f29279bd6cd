"""What could not be sent, or fetched, is tried again from its message."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from jiying.base.context import actor_of
from jiying.channels.services import enclosures, outbox


@login_required
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to its ticket; a page that asked in place hears of the outcome by its doorbell."""
    row = outbox.again(actor=actor_of(request), message_id=pk, now=timezone.now())
    if getattr(request, "htmx", False):
        return HttpResponse(status=204)
    messages.success(request, _("It is sent again."))
    return redirect("desk:ticket", row.ticket.number)


@login_required
@require_POST
def fetch_again(request: HttpRequest, number: str) -> HttpResponse:
    """Pictures and files of the customer; back to the ticket, or told by the doorbell."""
    enclosures.again(actor=actor_of(request), number=number, now=timezone.now())
    if getattr(request, "htmx", False):
        return HttpResponse(status=204)
    messages.success(request, _("It is fetched again."))
    return redirect("desk:ticket", number)
