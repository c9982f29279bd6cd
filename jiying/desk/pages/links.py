"""Ties between tickets on their pages: take one away. Making them are verbs of the ticket (pages.verbs)."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from jiying.base.context import actor_of
from jiying.desk.pages.verbs import done
from jiying.desk.services import links


@login_required
@require_POST
def unlink(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the ticket on whose page it was."""
    found = links.unlink(actor=actor_of(request), link_id=pk, now=timezone.now())
    both = (found.ticket.number, found.other.number)
    wanted = request.POST.get("ticket", "")
    return done(request, wanted if wanted in both else both[0])
